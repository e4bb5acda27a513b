package sql_test

import (
	"fmt"
	"strings"
	"testing"
)

// What users relied on before a migration holds after it: behaviours 36 to 45,
// where the established design is known to fail.
func TestBehaviourMigrationsKept(t *testing.T) {
	t.Parallel()
	const create = "CREATE TABLE t (id serial PRIMARY KEY, a text, b int, c int)"

	t.Run("temporal-36 renaming the table keeps the journal options", func(t *testing.T) {
		l := newLab(t, create, "SELECT yore.track('t', journal => '{a}')", "INSERT INTO t (a) VALUES ('x')", "SELECT yore.rename_table('t', 'u')",
			"UPDATE u SET b = 1", "UPDATE u SET a = 'y'")
		l.history("u", "id, a, b", "1|x|1|v1 past", "1|y|1|v2 open")
		l.want("SELECT options FROM yore.status()", `{"journal": ["a"]}`)
	})

	t.Run("temporal-37 renaming a journaled column keeps it journaled", func(t *testing.T) {
		l := newLab(t, create, "SELECT yore.track('t', journal => '{a}')", "INSERT INTO t (a) VALUES ('x')", "SELECT yore.rename_column('t', 'a', 'z')",
			"UPDATE t SET b = 1", "UPDATE t SET z = 'y'")
		l.history("t", "id, z, b", "1|x|1|v1 past", "1|y|1|v2 open")
		l.want("SELECT options FROM yore.status()", `{"journal": ["z"]}`)
		l.exec("SELECT yore.track('t', journal => '{}', no_journal => '{z}')", "SELECT yore.alter_table('t', 'RENAME z TO zz')", "UPDATE t SET zz = 'q'")
		l.history("t", "id, zz, b", "1|x|1|v1 past", "1|q|1|v2 open")
	})

	t.Run("temporal-38 a changed default counts for the next insert through the face", func(t *testing.T) {
		l := newLab(t, create, "SELECT yore.track('t')", "INSERT INTO t DEFAULT VALUES", "SELECT yore.alter_table('t', 'ALTER COLUMN b SET DEFAULT 5')",
			"INSERT INTO t DEFAULT VALUES", "SELECT yore.alter_table('t', 'ALTER b DROP DEFAULT, ALTER COLUMN c SET DEFAULT 6')", "INSERT INTO t DEFAULT VALUES")
		l.present("t", "id, b, c", "1|∅|∅", "2|5|∅", "3|∅|6")
		l.ok()
	})

	t.Run("temporal-39 grants survive", func(t *testing.T) {
		o := newOffice(t, "")
		l := &lab{TB: t, db: o.owner}
		l.exec("GRANT SELECT ON history.staff, asof.staff TO "+o.role, "CREATE FUNCTION of_staff(staff) RETURNS text LANGUAGE sql AS 'SELECT $1.name'",
			"REVOKE ALL ON FUNCTION asof.staff(timestamptz), of_staff(staff) FROM PUBLIC")
		const grants = `SELECT c.oid::regclass::text, x.grantee::regrole::text, x.privilege_type, x.is_grantable FROM pg_class AS c, aclexplode(relacl) AS x
			WHERE c.relname = 'staff' UNION ALL SELECT p.oid::regproc::text, x.grantee::text, x.privilege_type, x.is_grantable
			FROM pg_proc AS p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS x WHERE p.oid::regproc::text IN ('asof.staff', 'of_staff') ORDER BY 1, 2, 3`
		before := l.rows(grants)
		for _, action := range []string{"ADD COLUMN x int", "ALTER COLUMN pay TYPE text", "RENAME COLUMN x TO y", "DROP COLUMN y", "ADD COLUMN y text, DROP COLUMN pay", "RENAME y TO pay"} {
			l.exec("SELECT yore.alter_table('staff', '" + action + "')")
			l.want(grants, before...)
		}
		app := &lab{TB: t, db: o.app}
		app.exec("UPDATE staff SET pay = 'much' WHERE id = 1")
		app.want("SELECT name, pay FROM staff WHERE id = 1", "Ana|much")
		app.want("SELECT count(*) FROM history.staff WHERE id = 1", "2")
		app.refused("42501", "SELECT * FROM asof.staff(now())")
		l.ok()
	})

	t.Run("temporal-40 a view over the face is in no migration's way", func(t *testing.T) {
		l := newLab(t, create, "SELECT yore.track('t')", "CREATE VIEW v AS SELECT id, a FROM t", "CREATE VIEW w AS SELECT a FROM v WHERE id > 0", "INSERT INTO t (a) VALUES ('x')")
		for _, action := range []string{"ADD COLUMN x int", "DROP COLUMN b", "ALTER COLUMN a TYPE varchar(30)", "RENAME a TO z", "ALTER x TYPE text"} {
			l.exec("SELECT yore.alter_table('t', '" + action + "')")
			l.want("SELECT id, a FROM v", "1|x")
			l.want("SELECT a FROM w", "x")
		}
		l.ok()
	})

	t.Run("temporal-41 predicate, operator class and the rest of an index are copied", func(t *testing.T) {
		l := newLab(t, create, "CREATE INDEX i1 ON t (a text_pattern_ops DESC NULLS LAST) INCLUDE (c) WHERE b > 0", "SELECT yore.track('t')",
			"SELECT yore.create_index('t', 'USING hash (a) WHERE c IS NULL', 'i2')")
		l.want("SELECT indexdef FROM pg_indexes WHERE tablename = 't_past' AND indexname ~ '^i' ORDER BY 1",
			"CREATE INDEX i1_past ON temporal.t_past USING btree (a text_pattern_ops DESC NULLS LAST) INCLUDE (c) WHERE (b > 0)",
			"CREATE INDEX i2_past ON temporal.t_past USING hash (a) WHERE (c IS NULL)")
	})

	t.Run("temporal-42 an index of a reference is in history", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE p (id int PRIMARY KEY)", "CREATE TABLE t (id int PRIMARY KEY, p_id int REFERENCES p)", "CREATE INDEX ON t (p_id)", "SELECT yore.track('t')",
			"SELECT yore.alter_table('t', 'ADD COLUMN q_id int REFERENCES p')", "SELECT yore.create_index('t', '(q_id)')")
		l.want("SELECT indexdef FROM pg_indexes WHERE indexname ~ '^t_._id' AND tablename = 't_past' ORDER BY 1",
			"CREATE INDEX t_p_id_idx_past ON temporal.t_past USING btree (p_id, sys_to, sys_from)", "CREATE INDEX t_q_id_idx_past ON temporal.t_past USING btree (q_id, sys_to, sys_from)")
	})

	t.Run("temporal-43 foreign keys from and to tracked tables", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE p (id int PRIMARY KEY)", "CREATE TABLE gate (id int PRIMARY KEY, t_id int)", "CREATE TABLE t (id int PRIMARY KEY, p_id int, q_id int)",
			"SELECT yore.track('p')", "SELECT yore.track('t')",
			"SELECT yore.add_foreign_key('t', '{p_id}', 'p', on_delete => 'CASCADE', name => 'of_p')",
			"SELECT yore.alter_table('t', 'ADD FOREIGN KEY (q_id) REFERENCES p (id) ON DELETE SET NULL')",
			"SELECT yore.add_foreign_key('gate', '{t_id}', 't', '{id}')", "INSERT INTO p VALUES (1), (2)", "INSERT INTO t VALUES (1, 1, 2), (2, 2, 1)", "INSERT INTO gate VALUES (1, 2)")
		l.refused("23503", "INSERT INTO t VALUES (3, 9, NULL)")
		l.refused("23503", "INSERT INTO gate VALUES (2, 9)")
		l.refused("23503", "DELETE FROM p WHERE id = 2")
		l.exec("DELETE FROM p WHERE id = 1")
		l.history("t", "id, q_id", "1|2|v1 past", "1|2|v2 tombstone", "2|1|v1 past", "2|∅|v2 open")
		l.sound("t", "id")
		l.ok()
	})

	for _, name := range []string{"select", "Mixed Case", `a "q"`, strings.Repeat("n", 50), strings.Repeat("ä", 25)} {
		t.Run("temporal-44 migrations of a table and column called "+name, func(t *testing.T) {
			q := quoted(name)
			l := newLab(t, fmt.Sprintf("CREATE TABLE %s (id int PRIMARY KEY, %s text, b int)", q, q), fmt.Sprintf("SELECT yore.track(%s)", literal(q)),
				fmt.Sprintf("INSERT INTO %s VALUES (1, '5', 1)", q), fmt.Sprintf("UPDATE %s SET %s = '6'", q, q))
			call := func(function string, arguments ...string) {
				t.Helper()
				l.exec("SELECT yore." + function + "(" + strings.Join(arguments, ", ") + ")")
			}
			call("create_index", literal(q), literal("("+q+")"))
			call("alter_table", literal(q), literal("ALTER COLUMN "+q+" TYPE int USING "+q+"."+q+"::int"))
			call("add_column", literal(q), literal(name+"2"), "'text'")
			call("rename_column", literal(q), literal(name), literal(name+"3"))
			call("drop_column", literal(q), literal(name+"2"))
			call("rename_table", literal(q), literal(name+"4"))
			call("drop_index", literal(quoted(name+"4")), "columns => ARRAY["+literal(name+"3")+"]")
			l.exec(fmt.Sprintf("UPDATE %s SET %s = 7", quoted(name+"4"), quoted(name+"3")))
			l.history(quoted(name+"4"), "id, "+quoted(name+"3"), "1|5|v1 past", "1|6|v2 past", "1|7|v3 open")
			l.want("SELECT count(*) FROM pg_indexes WHERE tablename = "+literal(name+"4_past"), "3")
			l.ok()
		})
	}

	for _, s := range []struct{ name, columns, insert, update, key string }{
		{"a UUID key", "id uuid PRIMARY KEY DEFAULT gen_random_uuid(), a int", "INSERT INTO t (a) VALUES (1)", "UPDATE t SET a = 2", "id"},
		{"an identity", "id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int", "INSERT INTO t (a) VALUES (1)", "UPDATE t SET a = 2", "id"},
		{"a composite key", "x int, y text, a int, PRIMARY KEY (y, x)", "INSERT INTO t VALUES (1, 'y', 1)", "UPDATE t SET a = 2", "x, y"},
		{"a generated column", "id int PRIMARY KEY, a int, g int GENERATED ALWAYS AS (a * 2) STORED", "INSERT INTO t VALUES (1, 1)", "UPDATE t SET a = 2", "id"},
		{"a key and one column", "id int PRIMARY KEY, a int", "INSERT INTO t VALUES (1, 1)", "UPDATE t SET a = 2", "id"},
	} {
		t.Run("temporal-45 migrations of a table with "+s.name, func(t *testing.T) {
			l := newLab(t, "CREATE TABLE t ("+s.columns+")", "SELECT yore.track('t')", s.insert, s.update,
				"SELECT yore.add_column('t', 'n', 'int')", "UPDATE t SET n = 3", "SELECT yore.rename_column('t', 'n', 'm')", "UPDATE t SET m = 4",
				"SELECT yore.alter_table('t', 'ALTER m TYPE text')", "UPDATE t SET m = NULL", "SELECT yore.drop_column('t', 'm')", "SELECT yore.rename_table('t', 'u')", "UPDATE u SET a = 5", "DELETE FROM u")
			l.want("SELECT a, m, deleted_at IS NULL FROM history.u ORDER BY version", "1|∅|t", "2|∅|t", "2|3|t", "2|4|t", "2|∅|t", "5|∅|t", "5|∅|f")
			l.sound("u", s.key)
			l.ok()
		})
	}
	t.Run("temporal-45 migrations of a table of its key alone", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY)", "SELECT yore.track('t')", "INSERT INTO t VALUES (1)", "UPDATE t SET id = 2",
			"SELECT yore.rename_column('t', 'id', 'key')", "SELECT yore.rename_table('t', 'u')", "UPDATE u SET key = 3", "SELECT yore.add_column('u', 'a', 'int')", "UPDATE u SET a = 4", "UPDATE u SET a = NULL",
			"SELECT yore.drop_column('u', 'a')", "DELETE FROM u")
		l.history("u", "key, a", "1|∅|v1 past", "1|∅|v2 tombstone", "2|∅|v1 past", "2|∅|v2 tombstone", "3|∅|v1 past", "3|4|v2 past", "3|∅|v3 past", "3|∅|v4 tombstone")
		l.sound("u", "key")
	})
}
