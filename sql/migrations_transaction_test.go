package sql_test

import "testing"

func TestMigrationsTransaction(t *testing.T) {
	t.Parallel()
	create := []string{"CREATE TABLE t (id int PRIMARY KEY, a text, b int)", "SELECT yore.track('t')", "INSERT INTO t VALUES (1, 'x', 1)", "UPDATE t SET a = 'y'"}

	t.Run("changes and writes in one", func(t *testing.T) {
		l := newLab(t, create...)
		l.session().exec("BEGIN", "INSERT INTO t VALUES (2, 'two', 2)", "SELECT yore.add_column('t', 'z', 'int')", "UPDATE t SET z = 1 WHERE id = 2",
			"SELECT yore.alter_table('t', 'ALTER z TYPE text, DROP COLUMN b')", "UPDATE t SET z = 'q'", "DELETE FROM t WHERE id = 2", "SELECT yore.rename_table('t', 'u')", "INSERT INTO u (id, a) VALUES (2, 'again')", "COMMIT")
		l.history("u", "id, a, b, z", "1|x|1|∅|v1 past", "1|y|∅|∅|v2 past", "1|y|∅|q|v3 open", "2|again|∅|∅|v1 open")
		l.sound("u", "id")
		l.ok()
	})

	t.Run("rolled back, nothing has changed", func(t *testing.T) {
		l := newLab(t, create...)
		before := l.rows(all)
		l.session().exec("BEGIN", "SELECT yore.alter_table('t', 'ADD x int, ALTER b TYPE text, DROP COLUMN a')", "SELECT yore.create_index('t', '(b)')", "SELECT yore.rename_table('t', 'u')", "UPDATE u SET x = 1", "ROLLBACK")
		if diff := difference(before, l.rows(all)); diff != "" {
			t.Error(diff)
		}
		l.ok()
	})

	t.Run("of REPEATABLE READ does what converts nothing", func(t *testing.T) {
		l := newLab(t, create...)
		l.session().exec("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT * FROM t", "SELECT yore.add_column('t', 'x', 'int DEFAULT 4')", "UPDATE t SET x = 5", "SELECT yore.rename_column('t', 'x', 'y')",
			"SELECT yore.drop_column('t', 'b', keep_past => false)", "COMMIT")
		l.history("t", "id, a, y", "1|x|∅|v1 past", "1|y|4|v2 past", "1|y|5|v3 open")
		s := l.session()
		s.exec("BEGIN ISOLATION LEVEL REPEATABLE READ")
		refuses(t, s.db, "SELECT yore.alter_table('t', 'ALTER y TYPE text')", "YO013", "READ COMMITTED")
	})

	t.Run("of REPEATABLE READ meets another's change", func(t *testing.T) {
		l := newLab(t, create...)
		s := l.session()
		s.exec("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT 1") // takes its snapshot, and no lock
		l.exec("SELECT yore.add_column('t', 'x', 'int')")
		s.refused("40001", "SELECT yore.add_column('t', 'y', 'int')")
		l.ok()
	})

	t.Run("a column that the past keeps and that would be called as one of history's", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, version int)", "SELECT yore.track('t', prefix => 'sys_')", "INSERT INTO t VALUES (1, 7)", "UPDATE t SET version = NULL", "SELECT yore.drop_column('t', 'version')")
		l.unchanged("SELECT yore.track('t', prefix => '')", "YO006", "version", "prefix")
		l.want("SELECT version, sys_version FROM history.t ORDER BY 2", "7|1", "∅|2")
	})

	t.Run("columns of yore's kind in tables that are not tracked", func(t *testing.T) {
		// A name beneath and one beside: the one that is named is altered.
		l := newLab(t, "CREATE SCHEMA IF NOT EXISTS temporal", "CREATE TABLE temporal.plain (id int)", "CREATE TABLE plain (id int PRIMARY KEY)", "CREATE TABLE other (id int)", "SELECT yore.alter_table('plain', 'ADD x int')",
			"SELECT yore.add_foreign_key('other', '{id}', 'plain', '{id}')", "SELECT yore.alter_table('plain', 'DISABLE TRIGGER ALL')")
		l.want("SELECT attrelid::regclass FROM pg_attribute WHERE attname = 'x' AND attnum > 0 AND attrelid::regclass::text ~ 'plain'", "plain")
		l.want("SELECT confrelid::regclass FROM pg_constraint WHERE contype = 'f'", "plain")
	})
}
