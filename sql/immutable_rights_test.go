package sql_test

import (
	"fmt"
	"testing"

	"yore.example/yore/internal/pgtest"
)

// newImmutableOffice is an office whose table is immutable; Ana is entity one,
// Bo, who is deleted, entity two.
func newImmutableOffice(t *testing.T, options string) office {
	t.Helper()
	owner, dsn := session(t)
	role := newRole(t, dsn)
	pgtest.Exec(t, owner,
		"SELECT yore.create_immutable_table('staff', 'name text NOT NULL, pay numeric DEFAULT 10'"+options+")",
		"GRANT SELECT, INSERT, UPDATE, DELETE ON staff TO "+role,
		"INSERT INTO staff (entity_id, name) VALUES ('"+one+"', 'Ana'), ('"+two+"', 'Bo')",
		"UPDATE staff SET pay = 20 WHERE name = 'Bo'", "DELETE FROM staff WHERE name = 'Bo'")
	return office{owner: owner, app: dial(t, as(t, dsn, role)), role: role, dsn: dsn}
}

// immutable-N3: the application's role writes through the face, and in no other way.
func TestImmutableRoleWithTheFaceAlone(t *testing.T) {
	t.Parallel()
	o := newImmutableOffice(t, ", allow_updates => true, allow_deletes => true")
	for _, statement := range []string{
		"SELECT * FROM history.staff", "SELECT * FROM asof.staff", "SELECT * FROM asof.staff(now())", "SELECT * FROM temporal.staff_amendments",
		"INSERT INTO history.staff (name) VALUES ('x')", "UPDATE history.staff SET pay = 1", "DELETE FROM history.staff", "TRUNCATE temporal.staff",
		"INSERT INTO temporal.staff (name) VALUES ('x')", "UPDATE temporal.staff SET pay = 1", "DELETE FROM temporal.staff",
		"UPDATE temporal.staff_past SET pay = 1", "DELETE FROM temporal.staff_past", "TRUNCATE temporal.staff_past",
		"INSERT INTO temporal.staff_past SELECT * FROM temporal.staff_past",
		"INSERT INTO temporal.staff_amendments (entity_id, version, operation, xid, role, before) VALUES ('" + two + "', 1, 'DELETE', pg_current_xact_id(), 'x', '{}')",
		"SELECT yore.at_time('2000-01-01')", "ALTER TABLE temporal.staff DISABLE TRIGGER ALL",
	} {
		refuses(t, o.app, statement, "42501")
	}
	refuses(t, o.app, "TRUNCATE staff", "42809")
	refuses(t, o.owner, "TRUNCATE temporal.staff", "YO002")
	refuses(t, o.app, "SELECT yore.track('staff', allow_version_write => true)", "YO008")
	pgtest.Exec(t, o.app, "INSERT INTO staff (name) VALUES ('Cy')", "UPDATE staff SET pay = 11 WHERE name = 'Ana'", "DELETE FROM staff WHERE name = 'Cy'")
	rowsAre(t, o.app, "SELECT yore.undelete('staff', '"+two+"', '{\"pay\": 30}')", "4")
	rowsAre(t, o.app, "SELECT name, version, pay FROM staff ORDER BY 1", "Ana|2|11", "Bo|4|30")
	rowsAre(t, o.owner, "SELECT count(*) FROM temporal.staff_amendments", "0")
	pgtest.Clean(t, o.owner)
}

// yore.undelete takes INSERT on the face and SELECT of its version; INSERT of the
// columns that are given alone is enough.
func TestImmutableUndeleteNeedsInsert(t *testing.T) {
	t.Parallel()
	o := newImmutableOffice(t, "")
	const bring = "SELECT yore.undelete('staff', '" + two + "', '{\"pay\": 30}')"
	pgtest.Exec(t, o.owner, "REVOKE INSERT ON staff FROM "+o.role)
	refuses(t, o.app, bring, "42501", "staff")
	pgtest.Exec(t, o.owner, "REVOKE ALL ON staff FROM "+o.role, "GRANT INSERT ON staff TO "+o.role)
	refuses(t, o.app, bring, "42501", "staff")
	pgtest.Exec(t, o.owner, "REVOKE ALL ON staff FROM "+o.role, "GRANT INSERT (entity_id, name), SELECT (version) ON staff TO "+o.role)
	refuses(t, o.app, bring, "42501", "staff")
	rowsAre(t, o.owner, "SELECT max(version) FROM history.staff WHERE entity_id = '"+two+"'", "3")
	pgtest.Exec(t, o.owner, "GRANT INSERT (pay) ON staff TO "+o.role)
	rowsAre(t, o.app, bring, "4")
	rowsAre(t, o.owner, "SELECT name, version, pay FROM staff WHERE name = 'Bo'", "Bo|4|30")
	pgtest.Clean(t, o.owner)
}

// Row-level security binds an undelete as any insert.
func TestImmutableUndeleteUnderRowSecurity(t *testing.T) {
	l := newLab(t)
	l.needs(15, "row-level security through views")
	dsn := l.pool.Config().ConnString()
	role := newRole(t, dsn)
	l.exec("CREATE TABLE t (entity_id uuid PRIMARY KEY, owner name)", "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
		"CREATE POLICY own ON t USING (owner = current_user)", "GRANT ALL ON t TO "+role, "SELECT yore.track('t', immutable => true)",
		"INSERT INTO t (entity_id, owner) VALUES ('"+one+"', '"+role+"'), ('"+two+"', 'another')", "DELETE FROM t")
	app := &lab{TB: t, db: dial(t, as(t, dsn, role)), pool: l.pool}
	app.refused("42501", undelete(two, "{}"))
	app.exec("SET yore.undelete = '" + two + " {}'")
	app.refused("42501", "INSERT INTO t (entity_id, owner) VALUES ('"+two+"', current_user)")
	app.want(undelete(one, "{}"), "3")
	l.want("SELECT entity_id FROM t", one)
	l.sound("t", "entity_id")
}

// yore.entity_state tells live, deleted and unknown apart, for those who may read
// history; an as-of session asks about its own time.
func TestImmutableEntityState(t *testing.T) {
	t.Parallel()
	o := newImmutableOffice(t, "")
	state := func(entity string) string {
		return "SELECT state, version, deleted_at FROM yore.entity_state('staff', " + entity + ")"
	}
	ana, bo, nobody := state("'"+one+"'"), state("'"+two+"'"), state("'"+none+"'")
	gone := pgtest.Rows(t, o.owner, "SELECT deleted_at FROM history.staff WHERE deleted_at IS NOT NULL")[0]
	rowsAre(t, o.owner, ana, "live|1|∅")
	rowsAre(t, o.owner, bo, "deleted|3|"+gone)
	rowsAre(t, o.owner, nobody, "unknown|∅|∅")
	rowsAre(t, o.owner, state("NULL"), "unknown|∅|∅")
	rowsAre(t, o.app, ana, "live|1|∅")
	rowsAre(t, o.app, bo, "unknown|∅|∅")
	pgtest.Exec(t, o.owner, "GRANT SELECT ON history.staff TO "+o.role)
	rowsAre(t, o.app, bo, "deleted|3|"+gone)
	at := instant(t, o.owner)
	pgtest.Exec(t, o.owner, "SELECT yore.undelete('staff', '"+two+"')", "DELETE FROM staff WHERE name = 'Ana'")
	rowsAre(t, o.app, bo, "live|4|∅")
	pgtest.Exec(t, o.app, "BEGIN", "SELECT yore.as_of('"+at+"')")
	rowsAre(t, o.app, ana, "live|1|∅")
	rowsAre(t, o.app, bo, "deleted|3|"+gone)
	rowsAre(t, o.app, "SELECT state FROM yore.entity_state('public.staff', '"+two+"')", "deleted")
	pgtest.Exec(t, o.app, "SELECT yore.as_of('2001-01-01')")
	rowsAre(t, o.app, bo, "unknown|∅|∅")
	pgtest.Exec(t, o.app, "ROLLBACK")
	pgtest.Exec(t, o.owner, "REVOKE SELECT ON staff, history.staff FROM "+o.role, "CREATE TABLE plain (id int PRIMARY KEY)", "SELECT yore.track('plain')")
	refuses(t, o.app, ana, "42501")
	refuses(t, o.owner, "SELECT yore.entity_state('plain', '"+one+"')", "YO007", "no immutable table")
	refuses(t, o.owner, "SELECT yore.entity_state('nothing', '"+one+"')", "YO003")
}

// trap-15 for what an immutable table's triggers have more: they use nothing of
// the caller's search_path.
func TestTrap15HostileSearchPathImmutable(t *testing.T) {
	t.Parallel()
	for _, schema := range []string{"evil", "pg_temp"} {
		t.Run("trap-15 "+schema, func(t *testing.T) {
			t.Parallel()
			o := newImmutableOffice(t, ", on_truncate => 'archive', allow_updates => true, allow_deletes => true, allow_version_write => true, show_row_id => true")
			pgtest.Exec(t, o.owner, "GRANT USAGE ON SCHEMA temporal TO "+o.role, "GRANT TRUNCATE, SELECT, UPDATE ON temporal.staff TO "+o.role,
				"GRANT SELECT, INSERT, UPDATE, DELETE ON history.staff TO "+o.role)
			hostile(t, o, schema)
			for _, f := range []string{
				"uuidv7() RETURNS uuid", "clock_timestamp() RETURNS timestamptz", "set_config(text, text, boolean) RETURNS text", "to_hex(bigint) RETURNS text",
				"lpad(text, integer, text) RETURNS text", "substr(text, integer) RETURNS text", "starts_with(text, text) RETURNS boolean", "gen_random_uuid() RETURNS uuid",
				"pg_trigger_depth() RETURNS integer", "to_jsonb(anyelement) RETURNS jsonb", "_next_version(bigint, bigint, text) RETURNS bigint", "concat(text, text) RETURNS text",
			} {
				pgtest.Exec(t, o.app, fmt.Sprintf("CREATE FUNCTION %[1]s.%[2]s LANGUAGE plpgsql AS $$ BEGIN INSERT INTO %[1]s.seen VALUES (current_user); RETURN NULL; END $$", schema, f))
			}
			for i, op := range [][4]string{
				{"uuid", "=", "uuid", "boolean"}, {"uuid", "<>", "uuid", "boolean"}, {"bigint", "/", "integer", "bigint"}, {"bigint", "*", "integer", "bigint"},
				{"double precision", "*", "double precision", "double precision"}, {"bigint", "<", "bigint", "boolean"}, {"text", ">=", "text", "boolean"}, {"text", "~", "text", "boolean"},
				{"jsonb", "-", "text[]", "jsonb"}, {"jsonb", "=", "jsonb", "boolean"}, {"jsonb", "<>", "jsonb", "boolean"}, {"bigint", "%", "integer", "bigint"}, {"integer", ">", "integer", "boolean"},
			} {
				pgtest.Exec(t, o.app, fmt.Sprintf("CREATE FUNCTION %[1]s.op_e%[2]d(%[3]s, %[5]s) RETURNS %[6]s LANGUAGE plpgsql AS $$ BEGIN INSERT INTO %[1]s.seen VALUES (current_user); RETURN NULL; END $$",
					schema, i, op[0], op[1], op[2], op[3]),
					fmt.Sprintf("CREATE OPERATOR %[1]s.%[4]s (LEFTARG = %[3]s, RIGHTARG = %[5]s, FUNCTION = %[1]s.op_e%[2]d)", schema, i, op[0], op[1], op[2]))
			}
			// As the role sees them, with its operators, for the conditions of its own.
			is := func(entity string) string { return " WHERE entity_id OPERATOR(pg_catalog.=) '" + entity + "'" }
			pgtest.Exec(t, o.app,
				"SET yore.uuid_tick = '9999999999999999'",
				"INSERT INTO public.staff (name) VALUES ('Cy')",
				"UPDATE public.staff SET pay = 98, version = 40"+is(one),
				"UPDATE public.staff SET pay = 98"+is(one),
				"DELETE FROM public.staff"+is(one),
				"SET yore.undelete = '"+one+" {}'",
				"INSERT INTO public.staff (entity_id, name) VALUES ('"+one+"', 'x')", "RESET yore.undelete",
				"INSERT INTO public.staff (entity_id, name) VALUES ('"+one+"', 'x') ON CONFLICT (entity_id) DO UPDATE SET pay = 99",
				"BEGIN ISOLATION LEVEL REPEATABLE READ", "UPDATE public.staff SET pay = 100"+is(one), "UPDATE public.staff SET pay = 101"+is(one), "COMMIT",
				"UPDATE history.staff SET pay = 0"+is(one),
				"DELETE FROM history.staff"+is(two)+" AND pay OPERATOR(pg_catalog.=) 20 AND deleted_at IS NULL")
			for _, refused := range []string{"UPDATE public.staff SET deleted_at = pg_catalog.now()", "UPDATE public.staff SET entity_id = NULL", "INSERT INTO public.staff (name, deleted_at) VALUES ('x', pg_catalog.now())",
				"UPDATE public.staff SET pay = 1, version = 1", "INSERT INTO history.staff (name) VALUES ('x')", "UPDATE history.staff SET version = 3", "INSERT INTO public.staff (name, version) VALUES ('x', -1)"} {
				refuses(t, o.app, refused, "YO018")
			}
			pgtest.Exec(t, o.app, "TRUNCATE temporal.staff")
			if who := seenAs(t, o, schema); len(who) > 0 {
				t.Errorf("code of %s ran as %q", schema, who)
			}
			rowsAre(t, o.owner, "SELECT version, pay, deleted_at IS NOT NULL FROM history.staff WHERE entity_id = '"+one+"' ORDER BY version",
				"1|0|f", "40|0|f", "41|0|t", "42|0|f", "43|0|f", "44|0|f", "45|0|f", "46|0|t")
			pgtest.Clean(t, o.owner)
		})
	}
}
