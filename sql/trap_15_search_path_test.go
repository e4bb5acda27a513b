package sql_test

import (
	"fmt"
	"testing"

	"yore.example/yore/internal/pgtest"
)

// hostile fills a schema of the role's with what yore's triggers use: types,
// tables, functions and operators that note in seen as whom they ran.
func hostile(t *testing.T, o office, schema string) {
	t.Helper()
	pgtest.Exec(t, o.owner, "GRANT CREATE ON DATABASE "+pgtest.Rows(t, o.owner, "SELECT quote_ident(current_database())")[0]+" TO "+o.role)
	if schema != "pg_temp" {
		pgtest.Exec(t, o.app, "CREATE SCHEMA "+schema, "GRANT USAGE ON SCHEMA "+schema+" TO PUBLIC")
	}
	pgtest.Exec(t, o.app, "CREATE TABLE "+schema+".seen (who pg_catalog.name)", "GRANT INSERT ON "+schema+".seen TO PUBLIC")
	spy := func(signature, result string) {
		pgtest.Exec(t, o.app, fmt.Sprintf("CREATE FUNCTION %[1]s.%[2]s RETURNS %[3]s LANGUAGE plpgsql AS $$ BEGIN INSERT INTO %[1]s.seen VALUES (current_user); RETURN NULL; END $$",
			schema, signature, result))
	}
	for _, f := range [][2]string{
		{"now()", "timestamptz"}, {"transaction_timestamp()", "timestamptz"}, {"pg_current_xact_id()", "xid8"},
		{"current_setting(text, boolean)", "text"}, {"current_setting(text)", "text"}, {"format(text, text)", "text"}, {"pg_typeof(integer)", "regtype"},
		{"_later(timestamptz, timestamptz, boolean, text)", "timestamptz"}, {"_fits(regclass, text)", "boolean"},
	} {
		spy(f[0], f[1])
	}
	for i, op := range [][4]string{
		{"timestamptz", "+", "interval", "timestamptz"}, {"timestamptz", "<", "timestamptz", "boolean"}, {"timestamptz", ">", "timestamptz", "boolean"},
		{"timestamptz", ">=", "timestamptz", "boolean"}, {"timestamptz", "=", "timestamptz", "boolean"}, {"timestamptz", "<>", "timestamptz", "boolean"},
		{"integer", "=", "integer", "boolean"}, {"text", "=", "text", "boolean"}, {"text", "<>", "text", "boolean"}, {"text", "||", "text", "text"},
		{"bigint", "+", "integer", "bigint"}, {"bigint", "-", "integer", "bigint"}, {"bigint", "=", "bigint", "boolean"}, {"bigint", ">=", "bigint", "boolean"},
		{"xid8", "=", "xid8", "boolean"}, {"oid", "=", "oid", "boolean"}, {"name", "=", "name", "boolean"}, {"\"char\"", "=", "\"char\"", "boolean"},
		{"anyarray", "=", "anyarray", "boolean"},
	} {
		spy(fmt.Sprintf("op%d(%s, %s)", i, op[0], op[2]), op[3])
		pgtest.Exec(t, o.app, fmt.Sprintf("CREATE OPERATOR %[1]s.%[2]s (LEFTARG = %[3]s, RIGHTARG = %[4]s, FUNCTION = %[1]s.op%[5]d)", schema, op[1], op[0], op[2], i))
	}
	for _, name := range []string{"text", "name", "xid8", "timestamptz", "int8", "bool", "record", "jsonb", "regclass"} {
		pgtest.Exec(t, o.app, fmt.Sprintf("CREATE DOMAIN %s.%s AS integer CHECK (value = 7)", schema, name))
	}
	for _, name := range []string{"staff_past", "tracked", "transaction", "created", "pg_class", "pg_attribute"} {
		pgtest.Exec(t, o.app, fmt.Sprintf("CREATE TABLE %s.%s (id integer)", schema, name))
	}
	pgtest.Exec(t, o.app, "SET search_path = "+schema+", pg_catalog, public")
}

// seenAs returns the roles, other than the session's own, as which code of the
// hostile schema ran.
func seenAs(t *testing.T, o office, schema string) []string {
	t.Helper()
	pgtest.Exec(t, o.app, "SET search_path = pg_catalog")
	return pgtest.Rows(t, o.app, "SELECT DISTINCT who FROM "+schema+".seen WHERE who <> current_user")
}

// Any role may set search_path; the triggers run with the owner's rights and
// use nothing of it: trap-15.
func TestTrap15HostileSearchPath(t *testing.T) {
	t.Parallel()
	for _, schema := range []string{"evil", "pg_temp"} {
		t.Run("trap-15 "+schema, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, ", on_truncate => 'archive'")
			pgtest.Exec(t, o.owner, "GRANT USAGE ON SCHEMA temporal TO "+o.role, "GRANT TRUNCATE, SELECT ON temporal.staff TO "+o.role)
			before := instant(t, o.owner)
			hostile(t, o, schema)
			is := func(id int) string { return fmt.Sprintf(" WHERE id OPERATOR(pg_catalog.=) %d", id) }
			pgtest.Exec(t, o.app, "SET yore.at_time = '2001-01-01'", "BEGIN", "SELECT 1")
			pgtest.Exec(t, o.owner, "UPDATE staff SET pay = 77 WHERE id = 1") // now the older transaction needs yore._later
			pgtest.Exec(t, o.app,
				"UPDATE public.staff SET pay = 98"+is(1), "COMMIT",
				"INSERT INTO public.staff VALUES (6, 'Fe', 1)",
				"INSERT INTO public.staff VALUES (6, 'Fe', 1) ON CONFLICT (id) DO UPDATE SET pay = 99",
				"UPDATE public.staff SET id = 7"+is(6),
				"DELETE FROM public.staff"+is(7),
				"INSERT INTO public.staff VALUES (7, 'Gi', 1)",
				"BEGIN ISOLATION LEVEL REPEATABLE READ", "INSERT INTO public.staff VALUES (8, 'Hy', 1)", "DELETE FROM public.staff"+is(8), "COMMIT",
				"TRUNCATE temporal.staff")
			rowsAre(t, o.owner, "SELECT id, count(*), bool_and(valid_from > '"+before+"' OR version = 1 OR id = 2) FROM history.staff GROUP BY id ORDER BY id",
				"1|4|t", "2|3|t", "6|3|t", "7|4|t")
			if who := seenAs(t, o, schema); len(who) > 0 {
				t.Errorf("code of %s ran as %q", schema, who)
			}
			pgtest.Clean(t, o.owner)
		})

		t.Run("trap-15 at an error, "+schema, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, "")
			pgtest.Exec(t, o.owner, "ALTER TABLE temporal.staff ADD COLUMN x int",
				"CREATE TABLE other (id int PRIMARY KEY)", "GRANT ALL ON other TO "+o.role, "SELECT yore.track('other')",
				"GRANT EXECUTE ON FUNCTION yore.at_time(timestamptz) TO "+o.role)
			hostile(t, o, schema)
			refuses(t, o.app, "UPDATE public.staff SET pay = 1", "YO009", "yore.sync('public.staff')")
			pgtest.Exec(t, o.app, "INSERT INTO public.other VALUES (1)", "BEGIN", "SELECT yore.at_time('2001-01-01')")
			refuses(t, o.app, "DELETE FROM public.other", "YO011", "other")
			pgtest.Exec(t, o.app, "ROLLBACK")
			if who := seenAs(t, o, schema); len(who) > 0 {
				t.Errorf("code of %s ran as %q", schema, who)
			}
		})
	}
}
