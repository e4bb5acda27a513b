package sql_test

import (
	"testing"

	"yore.example/yore/internal/pgtest"
)

func TestAutoSync(t *testing.T) {
	t.Parallel()

	t.Run("an ALTER TABLE by hand is followed, and no longer when it is off", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, a text)", "CREATE TABLE other (id int)", "SELECT yore.track('t')", "INSERT INTO t VALUES (1, 'a')",
			"SELECT yore.auto_sync(true)", "SELECT yore.auto_sync(true)",
			"ALTER TABLE temporal.t ADD COLUMN b int DEFAULT 5", "UPDATE t SET b = 6", "ALTER TABLE temporal.t RENAME COLUMN a TO c", "UPDATE t SET c = 'c'",
			"ALTER TABLE other ADD COLUMN b int")
		l.history("t", "id, c, b", "1|a|5|v1 past", "1|a|6|v2 past", "1|c|6|v3 open")
		pgtest.Clean(t, l.db)
		l.exec("SELECT yore.auto_sync(false)", "SELECT yore.auto_sync(false)", "ALTER TABLE temporal.t ADD COLUMN d int")
		l.refused("YO009", "UPDATE t SET b = 1")
		l.want("SELECT count(*) FROM pg_event_trigger", "0")
	})

	t.Run("a table in its place, as tools alter it", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, a int)", "SELECT yore.track('t', in_place => true)", "SELECT yore.auto_sync(true)",
			"INSERT INTO t (id, a) VALUES (1, 1)", "ALTER TABLE t ADD COLUMN b text", "UPDATE t SET b = 'b'", "ALTER TABLE t RENAME TO u", "UPDATE u SET b = 'c'")
		l.want("SELECT version, a, b FROM history.u ORDER BY version", "1|1|∅", "2|1|b", "3|1|c")
		l.want("SELECT table_name, state FROM yore.status()", "public.u|ok")
		pgtest.Clean(t, l.db)
	})

	t.Run("what yore does itself is not done twice", func(t *testing.T) {
		l := newLab(t, "SELECT yore.auto_sync(true)", "CREATE TABLE t (id int PRIMARY KEY, a text, b text)", "SELECT yore.track('t')",
			"INSERT INTO t VALUES (1, '1', 'b')", "UPDATE t SET a = '2'",
			"SELECT yore.alter_table('t', 'ALTER a TYPE int USING a::int * 10, DROP b', keep_past => false)")
		l.history("t", "id, a", "1|10|v1 past", "1|20|v2 open")
		l.exec("SELECT yore.rename_table('t', 'u')", "SELECT yore.untrack('u', 'drop')", "ALTER TABLE u ADD COLUMN c int", "SELECT yore.track('u', immutable => true)",
			"ALTER TABLE temporal.u ADD COLUMN d int")
		l.want("SELECT state FROM yore.status()", "ok")
		pgtest.Clean(t, l.db)
	})

	t.Run("a partition that comes is guarded", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id)", "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10)",
			"SELECT yore.track('t', in_place => true)", "SELECT yore.auto_sync(true)",
			"CREATE TABLE t2 (LIKE t INCLUDING ALL)", "ALTER TABLE t ATTACH PARTITION t2 FOR VALUES FROM (10) TO (20)", "INSERT INTO t (id) VALUES (1), (11)")
		pgtest.Clean(t, l.db)
		l.refused("YO002", "TRUNCATE t2")
	})

	t.Run("who may not is told what else there is", func(t *testing.T) {
		l := newLab(t)
		owner := dial(t, as(t, l.pool.Config().ConnString(), newRole(t, l.pool.Config().ConnString())))
		refuses(t, owner, "SELECT yore.auto_sync(true)", "YO008", "event triggers", "yore.sync")
		refuses(t, owner, "SELECT yore.auto_sync(NULL)", "YO007", "NULL")
	})
}

// A table that was renamed by hand refuses writes, and yore.sync renames what
// belongs to it.
func TestSyncFollowsTheName(t *testing.T) {
	l := newLab(t, "CREATE SCHEMA s", "CREATE TABLE t (id int PRIMARY KEY, a text)", "CREATE INDEX t_a ON t (a)", "SELECT yore.track('t')", "INSERT INTO t VALUES (1, 'a')",
		"ALTER TABLE temporal.t RENAME TO u")
	l.want("SELECT state FROM yore.status()", "missing")
	l.refused("42P01", "UPDATE t SET a = 'b'")
	l.exec("SELECT yore.sync('t')", "UPDATE u SET a = 'b'", "ALTER TABLE temporal.u SET SCHEMA s", "SELECT yore.sync('s.u')", "UPDATE s.u SET a = 'c'")
	l.want("SELECT version, a FROM history_s.u ORDER BY version", "1|a", "2|b", "3|c")
	l.want("SELECT table_name, state, storage, past FROM yore.status()", "s.u|ok|temporal_s.u|temporal_s.u_past")
	l.want("SELECT indexname FROM pg_indexes WHERE schemaname = 'temporal_s' AND indexname LIKE '%\\_a%' ORDER BY 1", "u_a", "u_a_past")
	pgtest.Clean(t, l.db)
	// A face that was renamed alone is made anew.
	l.exec("ALTER VIEW s.u RENAME TO w", "SELECT yore.sync('s.u')", "UPDATE s.u SET a = 'd'", "SELECT FROM asof_s.u(now())")
	pgtest.Clean(t, l.db)
}

// temporal-20, temporal-41: whether the past has copies of indexes is an option.
func TestCopyIndexes(t *testing.T) {
	const copies = "SELECT indexname FROM pg_indexes WHERE tablename = 't_past' AND indexname NOT LIKE 't\\_past%' ORDER BY 1"
	l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, a text, n int)", "CREATE INDEX by_a ON t (a)", "SELECT yore.track('t', copy_indexes => false)")
	l.want(copies)
	l.want("SELECT options FROM yore.status()", `{"copy_indexes": false}`)
	l.exec("SELECT yore.create_index('t', '(n)')", "INSERT INTO t VALUES (1, 'a', 1)", "UPDATE t SET n = 2",
		"SELECT yore.alter_table('t', 'ALTER n TYPE bigint', in_batches => true)", "SELECT yore.convert_past('t')", "SELECT yore.convert_past('t')")
	l.want(copies)
	l.exec("SELECT yore.track('t', copy_indexes => true)")
	l.want(copies, "by_a_past", "t_n_idx_past")
	l.exec("SELECT yore.track('t', squash => false)")
	l.want(copies, "by_a_past", "t_n_idx_past")
	l.exec("SELECT yore.track('t', copy_indexes => false)")
	l.want(copies)
	l.want("SELECT count(*) FROM pg_indexes WHERE tablename = 't' AND schemaname = 'temporal'", "3")
	pgtest.Clean(t, l.db)
}
