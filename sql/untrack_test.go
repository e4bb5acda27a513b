package sql_test

import (
	"testing"

	"yore.example/yore/internal/pgtest"
)

// What was made for a table goes with untrack; what is kept is the past.
func TestUntrack(t *testing.T) {
	t.Parallel()
	left := `SELECT concat_ws(' ', relname, relnamespace::regnamespace, relkind) FROM pg_class WHERE relname ~ '^t(_past)?$'
		UNION ALL SELECT 'function ' || oid::regprocedure FROM pg_proc WHERE pronamespace::regnamespace::text IN ('temporal', 'history', 'asof')
		UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE tgname LIKE '~yore%' UNION ALL SELECT 'tracked ' || table_name FROM yore.tracked ORDER BY 1`
	for _, options := range []string{"", ", in_place => true", ", on_truncate => 'archive', squash => false", ", prefix => 'sys_'"} {
		t.Run("Keep"+options, func(t *testing.T) {
			db, _ := staff(t, options, 0)
			pgtest.Exec(t, db, "UPDATE t SET v = 'x' WHERE id = 1", "DELETE FROM t WHERE id = 2")
			before := pgtest.Rows(t, db, "SELECT * FROM history.t ORDER BY 1, 3")
			open := pgtest.Rows(t, db, "SELECT count(*) FROM t")[0]
			at := instant(t, db)
			pgtest.Exec(t, db, "SELECT yore.untrack('t')")
			rowsAre(t, db, left, "t history v", "t public r", "t_past temporal r")
			rowsAre(t, db, "SELECT count(*) FROM temporal.t_past WHERE sys_to > '"+at+"'", open)
			if after := pgtest.Rows(t, db, "SELECT * FROM history.t ORDER BY 1, 3"); len(after) != len(before) {
				t.Errorf("history had %d versions, has %d", len(before), len(after))
			}
			refuses(t, db, "DELETE FROM temporal.t_past", "YO001", "append-only")
			// With the past out of the way, another one begins.
			pgtest.Exec(t, db, "CREATE SCHEMA archive", "ALTER TABLE temporal.t_past SET SCHEMA archive", "DROP VIEW history.t",
				"SELECT yore.track('t'"+options+")", "UPDATE t SET v = 'z' WHERE id = 1")
			rowsAre(t, db, "SELECT count(*) FROM temporal.t_past", "1")
			refuses(t, db, "DELETE FROM archive.t_past", "YO001", "append-only")
			pgtest.Clean(t, db)
			pgtest.Exec(t, db, "SELECT yore.untrack('t', 'drop')", "TRUNCATE t", "DROP TABLE t")
		})
		t.Run("Drop"+options, func(t *testing.T) {
			db, _ := staff(t, options, 0)
			pgtest.Exec(t, db, "UPDATE t SET v = 'x' WHERE id = 1", "SELECT yore.untrack('t', history => 'drop')")
			rowsAre(t, db, left, "t public r")
			rowsAre(t, db, "SELECT v FROM t ORDER BY id", "x", "b", "c")
			// From the beginning, as if it had never been.
			pgtest.Exec(t, db, "SELECT yore.track('t'"+options+")", "UPDATE t SET v = 'y' WHERE id = 1")
			rowsAre(t, db, "SELECT count(*) FROM temporal.t_past", "1")
			pgtest.Clean(t, db)
		})
	}
	t.Run("RolledBack", func(t *testing.T) {
		db, _ := staff(t, "", 0)
		pgtest.Exec(t, db, "BEGIN", "SELECT yore.untrack('t')", "ROLLBACK", "UPDATE t SET v = 'x' WHERE id = 1")
		rowsAre(t, db, "SELECT version, v FROM history.t WHERE id = 1 ORDER BY version", "1|a", "2|x")
		pgtest.Clean(t, db)
	})
	t.Run("WithoutItsFace", func(t *testing.T) {
		db, dsn := session(t)
		role := newRole(t, dsn)
		pgtest.Exec(t, db, "CREATE TABLE t (id int PRIMARY KEY)", "GRANT SELECT ON t TO "+role, "SELECT yore.track('t')", "DROP VIEW t CASCADE", "SELECT yore.untrack('t')")
		rowsAre(t, db, "SELECT has_table_privilege('"+role+"', 't', 'SELECT')", "t")
	})
	t.Run("AfterAWrittenTransaction", func(t *testing.T) {
		db, _ := staff(t, "", 0)
		pgtest.Exec(t, db, "BEGIN", "INSERT INTO t VALUES (4, 'd')", "UPDATE t SET v = 'x' WHERE id = 1", "SELECT yore.untrack('t')", "COMMIT")
		rowsAre(t, db, "SELECT id, version, valid_to > valid_from FROM history.t ORDER BY id, version", "1|1|t", "1|2|t", "2|1|t", "3|1|t", "4|1|t")
	})
	t.Run("OthersStay", func(t *testing.T) {
		db, _ := staff(t, "", 0)
		pgtest.Exec(t, db, "CREATE TABLE u (id int PRIMARY KEY)", "SELECT yore.track('u')", "SELECT yore.untrack('t', 'drop')", "INSERT INTO u VALUES (1)", "UPDATE u SET id = 2")
		rowsAre(t, db, "SELECT count(*) FROM history.u", "3")
		pgtest.Clean(t, db)
	})
}
