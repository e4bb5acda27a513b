package sql_test

import (
	"fmt"
	"strings"
	"testing"
)

// What users have made over the faces of a table.
const dependents = `
	SELECT concat_ws(' ', 'view', c.oid::regclass, c.relowner::regrole, coalesce(c.relacl, acldefault('r', c.relowner)), c.reloptions, obj_description(c.oid, 'pg_class'),
	                 regexp_replace(pg_get_viewdef(c.oid), ' (f|rows)\([^()]+\)', ' f', 'g')) FROM pg_class AS c WHERE c.relnamespace = 'mine'::regnamespace AND c.relkind = 'v'
	UNION ALL
	SELECT concat_ws(' ', 'column', attrelid::regclass, attname, format_type(atttypid, atttypmod), attacl, col_description(attrelid, attnum), pg_get_expr(adbin, adrelid))
	  FROM pg_attribute LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum) JOIN pg_class AS c ON c.oid = attrelid AND c.relnamespace = 'mine'::regnamespace WHERE attnum > 0
	UNION ALL
	SELECT concat_ws(' ', 'trigger', pg_get_triggerdef(g.oid), obj_description(g.oid, 'pg_trigger')) FROM pg_trigger AS g JOIN pg_class AS c ON c.oid = tgrelid WHERE c.relnamespace IN ('mine'::regnamespace, 'public'::regnamespace)
	UNION ALL
	SELECT concat_ws(' ', 'rule', pg_get_ruledef(r.oid), obj_description(r.oid, 'pg_rewrite')) FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = ev_class WHERE c.relnamespace = 'mine'::regnamespace AND rulename <> '_RETURN'
	UNION ALL
	SELECT concat_ws(' ', 'function', proowner::regrole, obj_description(oid, 'pg_proc'), pg_get_functiondef(oid),
	                 (SELECT string_agg(concat_ws(' ', x.grantee::regrole, x.privilege_type, x.is_grantable), ', ' ORDER BY x.grantee) FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) AS x))
	  FROM pg_proc WHERE pronamespace = 'mine'::regnamespace AND prokind <> 'a'
	ORDER BY 1`

func TestMigrationsDependents(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"", ", in_place => true", ", immutable => true"} {
		t.Run("all that can be made again"+way, func(t *testing.T) {
			db, dsn := session(t)
			l := &lab{TB: t, db: db}
			owner, reader := newRole(t, dsn), newRole(t, dsn)
			key := map[bool]string{true: "UNIQUE", false: "PRIMARY KEY"}[strings.Contains(way, "immutable")]
			l.exec("CREATE TABLE t (id int "+key+", a text DEFAULT 'd', b int, c varchar(10), unused int)", "SELECT yore.track('t'"+way+")", "INSERT INTO t (id, a, b, c) VALUES (1, 'one', 1, 'c')", "UPDATE t SET a = 'uno'",
				"CREATE SCHEMA mine", "GRANT ALL ON SCHEMA mine TO "+owner, "GRANT ALL ON t, history.t, asof.t TO "+owner, "SET search_path = mine, public",
				"CREATE VIEW v1 AS SELECT id, a AS name, b FROM public.t", "COMMENT ON VIEW v1 IS 'it''s mine'", "COMMENT ON COLUMN v1.name IS 'its name'", "ALTER VIEW v1 ALTER COLUMN name SET DEFAULT 'from v1'",
				"GRANT SELECT, INSERT ON v1 TO "+reader, "GRANT UPDATE (name) ON v1 TO "+reader+" WITH GRANT OPTION", "GRANT SELECT ON v1 TO PUBLIC", "REVOKE DELETE, TRUNCATE ON v1 FROM "+"postgres",
				"CREATE VIEW v2 WITH (security_barrier) AS SELECT * FROM v1 WHERE b > 0", "CREATE VIEW v3 WITH (check_option = cascaded) AS SELECT id, b, name FROM v2 WHERE name <> 'no'", "ALTER VIEW v3 OWNER TO "+owner, "GRANT ALL ON v2 TO "+owner,
				"CREATE VIEW diamond AS SELECT v1.id, v3.name FROM v1 JOIN v3 USING (id) JOIN history.t AS h USING (id) JOIN asof.t(now()) AS f USING (id) JOIN asof.t AS s USING (id)",
				"CREATE VIEW zz_first AS SELECT a FROM public.t UNION ALL SELECT a FROM history.t", "CREATE VIEW aa_last AS SELECT a FROM zz_first",
				"CREATE FUNCTION rows() RETURNS SETOF public.t LANGUAGE sql STABLE SECURITY DEFINER COST 7 ROWS 5 SET work_mem = '5MB' SET search_path = public AS 'SELECT * FROM t'", "COMMENT ON FUNCTION rows() IS 'rows'",
				"REVOKE ALL ON FUNCTION rows() FROM PUBLIC", "GRANT EXECUTE ON FUNCTION rows() TO "+reader+" WITH GRANT OPTION",
				"CREATE FUNCTION label(public.t, times int DEFAULT 2, OUT x text, VARIADIC more text[] DEFAULT '{}') LANGUAGE plpgsql AS $$ BEGIN x := repeat($1.a, times); END $$", "ALTER FUNCTION label OWNER TO "+owner,
				"CREATE PROCEDURE does(INOUT r public.t) LANGUAGE plpgsql AS $$ BEGIN END $$", "REVOKE ALL ON PROCEDURE does FROM PUBLIC",
				"CREATE VIEW over_function AS SELECT id, a FROM rows()",
				"CREATE FUNCTION write_v1() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE public.t SET a = NEW.name WHERE id = OLD.id; RETURN NEW; END $$",
				"CREATE TRIGGER up INSTEAD OF UPDATE ON diamond FOR EACH ROW EXECUTE FUNCTION write_v1()", "COMMENT ON TRIGGER up ON diamond IS 'upwards'",
				"CREATE RULE into_t AS ON INSERT TO zz_first DO INSTEAD INSERT INTO public.t (id, a) VALUES (77, NEW.a)", "COMMENT ON RULE into_t ON zz_first IS 'a rule'",
				"CREATE VIEW unrelated AS SELECT 1 AS one")
			if l.value("SELECT current_setting('server_version_num')::int >= 150000") == "t" {
				l.exec("CREATE VIEW invoker WITH (security_invoker = true, security_barrier = false) AS SELECT id FROM public.t")
			}
			if l.value("SELECT current_setting('server_version_num')::int >= 140000") == "t" {
				l.exec("CREATE FUNCTION atomic(int) RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT a FROM public.t WHERE id = $1; END", "CREATE VIEW over_atomic AS SELECT atomic(1) AS a")
			}
			l.exec("ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO "+reader, "ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO "+reader)
			before := l.rows(dependents)
			for _, call := range []string{
				"alter_table('public.t', 'ADD COLUMN x int')", "drop_column('public.t', 'unused')", "alter_table('public.t', 'ALTER c TYPE text')", "alter_table('public.t', 'ALTER c TYPE int USING length(t.c), DROP COLUMN x')",
				"alter_table('public.t', 'ALTER c TYPE text', in_batches => true)", "convert_past('public.t')", "convert_past('public.t')", "drop_column('public.t', 'c', keep_past => false)", "sync('public.t')",
				"alter_table('public.t', 'ADD COLUMN c int, ADD COLUMN e text')", "rename_column('public.t', 'e', 'f')",
			} {
				l.exec("SELECT yore." + call)
				if diff := difference(before, l.rows(dependents)); diff != "" {
					t.Fatalf("%s\n%s", call, diff)
				}
			}
			l.exec("UPDATE diamond SET name = 'by trigger'", "UPDATE v3 SET b = 5")
			l.refused("44000", "UPDATE v3 SET name = 'no'")
			l.exec("INSERT INTO zz_first VALUES ('by rule')", "INSERT INTO v1 (id) VALUES (8)")
			l.want("SELECT id, name, b FROM v1 ORDER BY id", "1|by trigger|5", "8|from v1|∅", "77|by rule|∅")
			l.want("SELECT label(t) FROM public.t WHERE id = 1", "by triggerby trigger")
			l.want("SELECT id FROM over_function ORDER BY 1", "1", "8", "77")
			// A rename goes through all of them, and what they are called stays.
			l.exec("SELECT yore.rename_column('public.t', 'a', 'z')", "SELECT yore.rename_table('public.t', 'u')")
			l.want("SELECT name FROM v3", "by trigger")
			l.want("SELECT count(*) > 3 FROM aa_last", "t")
			l.want("SELECT name FROM diamond LIMIT 1", "by trigger")
			l.ok()
		})
	}

	t.Run("what cannot be made again is named", func(t *testing.T) {
		for _, c := range []struct{ name, make, action, thing string }{
			{"materialized view", "CREATE MATERIALIZED VIEW stuck AS SELECT a FROM t", "ALTER c TYPE text", "materialized view stuck"},
			{"materialized view over history", "CREATE MATERIALIZED VIEW stuck AS SELECT a FROM history.t", "ADD COLUMN x int", "materialized view stuck"},
			{"materialized view over a view", "CREATE VIEW v AS SELECT a FROM t; CREATE MATERIALIZED VIEW stuck AS SELECT a FROM v", "DROP COLUMN c", "materialized view stuck"},
			{"column of the row type", "CREATE TABLE stuck (r t)", "DROP COLUMN c", "stuck"},
			{"column of an array of it", "CREATE TABLE stuck (r t[])", "DROP COLUMN c", "stuck"},
			{"policy", "CREATE TABLE p (id int); CREATE POLICY stuck ON p USING (EXISTS (SELECT FROM t WHERE t.id = p.id))", "ALTER c TYPE text", "policy stuck"},
			{"default by a function of it", "CREATE FUNCTION f(t) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TABLE stuck (i int DEFAULT f(NULL))", "ALTER c TYPE text", "stuck"},
			{"rule of a table", "CREATE TABLE p (id int); CREATE RULE stuck AS ON INSERT TO p DO ALSO UPDATE t SET b = 1", "ALTER c TYPE text", "rule stuck"},
			{"aggregate", "CREATE FUNCTION f(int, t) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE AGGREGATE stuck(t) (SFUNC = f, STYPE = int)", "ALTER c TYPE text", "stuck"},
			{"view of a dropped column", "CREATE VIEW stuck AS SELECT c FROM t", "DROP COLUMN c", "public.stuck"},
			{"view over a view of it", "CREATE VIEW v AS SELECT * FROM t; CREATE VIEW stuck AS SELECT c FROM v", "DROP COLUMN c", "public.v"},
			{"view of a retyped column", "CREATE VIEW stuck AS SELECT substr(a, 2) FROM t", "ALTER a TYPE int USING length(a)", "public.stuck"},
			{"view with a constant of the former type", "CREATE VIEW stuck AS SELECT id FROM t WHERE a > 'abc'", "ALTER a TYPE int USING length(a)", "public.stuck"},
			{"view of history's dropped column", "CREATE VIEW stuck AS SELECT c FROM history.t", "DROP COLUMN c; keep_past => false", "public.stuck"},
			{"view that names a function's columns by place", "CREATE VIEW stuck AS SELECT v, w FROM asof.t(now()) AS f (u, v, w)", "DROP b, ADD COLUMN z int", "public.stuck"},
			{"rule with a dropped column", "CREATE VIEW stuck AS SELECT id FROM t; CREATE RULE r AS ON UPDATE TO stuck DO INSTEAD UPDATE t SET c = 'x'", "DROP COLUMN c", "public.stuck"},
		} {
			t.Run(c.name, func(t *testing.T) {
				l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, a text, b int, c varchar(10))", "SELECT yore.track('t')", "INSERT INTO t VALUES (1, 'a', 1, 'c')", "UPDATE t SET a = 'b'")
				l.exec(strings.Split(c.make, "; ")...)
				action, more, _ := strings.Cut(c.action, "; ")
				if more != "" {
					more = ", " + more
				}
				l.unchanged(fmt.Sprintf("SELECT yore.alter_table('t', '%s'%s)", action, more), "2BP01", c.thing)
				l.exec("SELECT yore.alter_table('t', 'ALTER b SET DEFAULT 5, ALTER a SET NOT NULL, ADD CHECK (b > 0)')", "UPDATE t SET a = 'c'")
				l.ok()
			})
		}
	})

	t.Run("CASCADE drops the views that use the column, and no others", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, a text, c text)", "SELECT yore.track('t')", "INSERT INTO t VALUES (1, 'a', 'c')", "UPDATE t SET a = 'b'",
			"CREATE VIEW uses AS SELECT id, c FROM t", "CREATE VIEW uses_that AS SELECT c FROM uses", "CREATE VIEW keeps AS SELECT id, a FROM t", "CREATE VIEW keeps_that AS SELECT a FROM keeps",
			"CREATE VIEW of_history AS SELECT c FROM history.t", "CREATE VIEW of_asof AS SELECT c FROM asof.t", "GRANT SELECT ON keeps TO PUBLIC", "CREATE INDEX ON temporal.t (c)")
		l.exec("SELECT yore.alter_table('t', 'DROP COLUMN c CASCADE')")
		l.want("SELECT relname, has_table_privilege('pg_monitor', oid, 'SELECT') FROM pg_class WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace ORDER BY 1", "keeps|t", "keeps_that|f", "of_history|f", "t|f")
		l.want("SELECT a FROM keeps_that", "b")
		l.want("SELECT c FROM of_history", "∅", "c")
		l.ok()
	})
}
