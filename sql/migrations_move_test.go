package sql_test

import (
	"testing"

	"yore.example/yore/internal/pgtest"
)

// Another name, schema or owner, row-level security, partitions: what concerns
// the table as a whole.
func TestMigrationsMove(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"temporal", "in place", "immutable", "with prefix", "composite key"} {
		t.Run("name and schema/"+way, func(t *testing.T) {
			k := keep(t, way, "CREATE SCHEMA shop")
			version := k.names.Replace("{v}")
			k.exec("CREATE VIEW over AS SELECT k, a FROM t", "GRANT SELECT ON t TO pg_monitor")
			for _, step := range []struct{ action, face, history, asof string }{
				{"RENAME TO u", "u", "history.u", "asof.u"}, {"SET SCHEMA shop", "shop.u", "history_shop.u", "asof_shop.u"}, {`RENAME TO "A b"`, `shop."A b"`, `history_shop."A b"`, `asof_shop."A b"`},
				{"SET SCHEMA public", `"A b"`, `history."A b"`, `asof."A b"`}, {"RENAME TO t", "t", "history.t", "asof.t"},
			} {
				k.alter(step.action)
				// What the table is called from now on.
				k.exec("UPDATE " + step.face + " SET b = b || '+' WHERE k = 1")
				k.names = namesOf(step.face, step.history, step.asof, version)
				k.write()
				k.ok()
				k.want("SELECT a FROM over WHERE k = 1", "uno")
				k.want("SELECT has_table_privilege('pg_monitor', '"+step.face+"', 'SELECT')", "t")
			}
			k.versionsAre("a, b", "one|x", "uno|x", "uno|x+", "uno|x++", "uno|x+++", "uno|x++++", "uno|x+++++")
			k.fine("k, n, b")
		})
	}

	t.Run("owner", func(t *testing.T) {
		for _, way := range []string{"", ", in_place => true"} {
			t.Run(way, func(t *testing.T) {
				t.Parallel()
				o := newOffice(t, way)
				l := &lab{TB: t, db: o.owner}
				role := newRole(t, o.dsn)
				l.exec("GRANT CREATE, USAGE ON SCHEMA public, temporal, history, asof TO "+role, "SELECT yore.alter_table('staff', 'OWNER TO "+role+"')")
				l.want("SELECT DISTINCT relowner::regrole FROM pg_class WHERE relname IN ('staff', 'staff_past')", role)
				l.want("SELECT DISTINCT proowner::regrole FROM pg_proc WHERE proname ~ '^staff'", role)
				(&lab{TB: t, db: o.app}).exec("UPDATE staff SET pay = 30 WHERE id = 2")
				l.want("SELECT version, pay FROM history.staff WHERE id = 2 ORDER BY 1", "1|10", "2|20", "3|30")
				// The new owner, no superuser, goes on altering it.
				l.exec("GRANT ALL ON yore.tracked TO " + role)
				owner := &lab{TB: t, db: dial(t, as(t, o.dsn, role))}
				owner.exec("SELECT yore.add_column('staff', 'x', 'int')", "SELECT yore.alter_table('staff', 'ALTER pay TYPE text, ALTER x TYPE text')", "SELECT yore.create_index('staff', '(x)')", "SELECT yore.drop_column('staff', 'x')",
					"SELECT yore.alter_table('staff', 'ALTER pay TYPE numeric USING pay::numeric', in_batches => true)")
				owner.convertAll("staff", 5, nil)
				l.want("SELECT version, pay FROM history.staff WHERE id = 2 ORDER BY 1", "1|10", "2|20", "3|30")
				l.ok()
			})
		}
	})

	t.Run("row-level security", func(t *testing.T) {
		for _, way := range []string{"", ", in_place => true"} {
			t.Run(way, func(t *testing.T) {
				t.Parallel()
				if way == "" && pgtest.Server(t).Major() < 15 {
					t.Skip("before PostgreSQL 15 in place alone")
				}
				o := newOffice(t, way)
				l, app := &lab{TB: t, db: o.owner}, &lab{TB: t, db: o.app}
				l.exec("SELECT yore.grant_history('staff', '"+o.role+"')", "CREATE POLICY own ON "+map[bool]string{true: "staff", false: "temporal.staff"}[way != ""]+" USING (id = 1)",
					"SELECT yore.alter_table('staff', 'ENABLE ROW LEVEL SECURITY')")
				app.want("SELECT id FROM staff", "1")
				app.want("SELECT id FROM asof.staff(now())", "1")
				l.want("SELECT count(*) FROM history.staff", "3")
				l.exec("SELECT yore.add_column('staff', 'x', 'int')")
				app.want("SELECT id FROM staff", "1")
				l.exec("SELECT yore.alter_table('staff', 'DISABLE ROW LEVEL SECURITY')")
				app.want("SELECT count(*) FROM staff", "2")
				app.want("SELECT count(*) FROM history.staff", "3")
				l.ok()
			})
		}
	})

	t.Run("partitions come and go", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, a text) PARTITION BY RANGE (id)", "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10)", "SELECT yore.track('t', in_place => true)",
			"INSERT INTO t VALUES (1, 'one')", "UPDATE t SET a = 'uno'", "CREATE TABLE t2 (LIKE t INCLUDING ALL)", "SELECT yore.alter_table('t', 'ATTACH PARTITION t2 FOR VALUES FROM (10) TO (20)')",
			"INSERT INTO t VALUES (11, 'eleven')", "UPDATE t SET a = 'undici' WHERE id = 11", "SELECT yore.add_column('t', 'x', 'int')", "UPDATE t SET x = 1")
		l.refused("YO002", "TRUNCATE t2")
		l.ok()
		before := l.now()
		// Rows that leave with their partition are deleted from the table.
		l.exec("SELECT yore.alter_table('t', 'DETACH PARTITION t2')")
		l.history("t", "id, a", "1|one|v1 past", "1|uno|v2 past", "1|uno|v3 open", "11|eleven|v1 past", "11|undici|v2 past", "11|undici|v3 past", "11|undici|v4 tombstone")
		l.wantAsOf(before, "SELECT id, a FROM t ORDER BY 1", "1|uno", "11|undici")
		l.want("SELECT id, a FROM t2", "11|undici")
		l.want("SELECT count(*) FROM pg_trigger WHERE tgrelid = 't2'::regclass", "0")
		l.sound("t", "id")
		l.ok()
		// And come back as if inserted.
		l.exec("SELECT yore.alter_table('t', 'ATTACH PARTITION t2 FOR VALUES FROM (10) TO (20)')", "UPDATE t SET a = 'again' WHERE id = 11")
		l.history("t", "id, a", "1|one|v1 past", "1|uno|v2 past", "1|uno|v3 open", "11|eleven|v1 past", "11|undici|v2 past", "11|undici|v3 past", "11|undici|v4 tombstone", "11|undici|v5 past", "11|again|v6 open")
		l.sound("t", "id")
		l.ok()
	})
}

// A role with rights on the face alone may do none of it.
func TestMigrationsRights(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"", ", in_place => true"} {
		o := newOffice(t, way)
		before := pgtest.Rows(t, o.owner, all)
		for _, call := range []string{
			"alter_table('staff', 'ADD COLUMN x int')", "alter_table('staff', 'ADD CHECK (pay > 0)')", "alter_table('staff', 'RENAME TO u')", "alter_table('staff', 'DISABLE TRIGGER ALL')", "alter_table('staff', 'OWNER TO " + o.role + "')",
			"rename_table('staff', 'u')", "drop_table('staff')", "drop_table('staff', 'drop')", "add_column('staff', 'x', 'int')", "rename_column('staff', 'pay', 'x')", "drop_column('staff', 'pay')",
			"create_index('staff', '(pay)')", "drop_index('staff', 'staff_pkey')", "add_foreign_key('staff', '{id}', 'staff')", "convert_past('staff')", "sync('staff')",
		} {
			if e := refuses(t, o.app, "SELECT yore."+call, "YO008", "does not own", "staff"); e.Hint == "" {
				t.Errorf("%s: no hint", call)
			}
		}
		if diff := difference(before, pgtest.Rows(t, o.owner, all)); diff != "" {
			t.Error(diff)
		}
		// Objects of the caller's in the way of names mean nothing.
		pgtest.Exec(t, o.owner, "CREATE SCHEMA evil", "CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE sql AS $$ SELECT 'x' $$", "CREATE FUNCTION evil.format(text, VARIADIC text[]) RETURNS text LANGUAGE sql AS $$ SELECT 'x' $$",
			"CREATE TABLE evil.staff (id int)", "CREATE TABLE evil.pg_class (oid oid)", "SET search_path = evil, public", "SELECT yore.alter_table('public.staff', 'ADD COLUMN x int, ALTER pay TYPE text USING lower(pay::text)')", "SELECT yore.rename_table('public.staff', 'people')",
			"SELECT yore.create_index('public.people', '(pay)')", "SELECT yore.add_foreign_key('staff', '{id}', 'public.people')", "SELECT yore.drop_column('public.people', 'x')", "RESET search_path")
		rowsAre(t, o.owner, "SELECT count(*) FROM history.people", "3")
		pgtest.Clean(t, o.owner)
	}
}
