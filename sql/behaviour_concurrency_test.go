package sql_test

import (
	"context"
	"fmt"
	"testing"
)

// Two transactions in a given order; where one must wait for the other the test
// looks at the server's locks.
func TestBehaviourInterleaved(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) (l, old, other *lab) {
		t.Helper()
		l = newLab(t, "CREATE TABLE t (id int PRIMARY KEY, name text, n int NOT NULL DEFAULT 0)", "SELECT yore.track('t')",
			"INSERT INTO t VALUES (1, 'a')")
		return l, l.session(), l.session()
	}

	t.Run("temporal-82 temporal-92 a transaction older than two committed updates updates last", func(t *testing.T) {
		l, old, other := setup(t)
		old.exec("BEGIN", "SELECT now()")
		began := old.value("SELECT now()")
		other.exec("UPDATE t SET name = 't1'")
		first := l.now()
		other.exec("UPDATE t SET name = 't2'")
		second := l.now()
		old.exec("UPDATE t SET name = name || '+old'", "COMMIT")
		l.present("t", "id, name", "1|t2+old")
		l.history("t", "id, name", "1|a|v1 past", "1|t1|v2 past", "1|t2|v3 past", "1|t2+old|v4 open")
		// What was committed stays: t2 for the microsecond that is left of it.
		l.want(fmt.Sprintf("SELECT valid_to - valid_from, valid_from > '%s' AND valid_from < '%s' FROM history.t WHERE version = 3", first, second), "00:00:00.000001|t")
		l.want(fmt.Sprintf("SELECT min(valid_from) > '%s' FROM history.t WHERE version > 1", began), "t")
		l.wantAsOf(first, "SELECT name FROM t", "t1")
		l.want("SELECT a.name FROM history.t AS h, asof.t(h.valid_from) AS a ORDER BY h.version", "a", "t1", "t2", "t2+old")
		l.sound("t", "id")
	})

	t.Run("temporal-92 every write of the older transaction, the row made and unmade", func(t *testing.T) {
		l, old, other := setup(t)
		old.exec("BEGIN", "SELECT now()")
		other.exec("UPDATE t SET name = 't1'", "DELETE FROM t", "INSERT INTO t VALUES (1, 't2')")
		old.exec("UPDATE t SET name = 'x'", "UPDATE t SET name = 'y'", "DELETE FROM t", "INSERT INTO t VALUES (1, 'z')", "COMMIT")
		l.history("t", "id, name", "1|a|v1 past", "1|t1|v2 past", "1|t1|v3 tombstone", "1|t2|v4 past", "1|z|v5 open")
		l.sound("t", "id")
	})

	t.Run("temporal-83 an update waits for a delete and finds nothing", func(t *testing.T) {
		l, first, other := setup(t)
		first.exec("BEGIN", "DELETE FROM t WHERE id = 1")
		update := other.start("UPDATE t SET name = 'b' WHERE id = 1").blocked()
		first.exec("COMMIT")
		if n := update.wait(); n != 0 {
			t.Errorf("%d rows updated", n)
		}
		l.present("t", "id, name")
		l.history("t", "id, name", "1|a|v1 past", "1|a|v2 tombstone")
		l.sound("t", "id")
	})

	t.Run("temporal-83 an older delete waits for an update and ends what it made", func(t *testing.T) {
		l, first, other := setup(t)
		other.exec("BEGIN", "SELECT now()")
		first.exec("BEGIN", "UPDATE t SET name = 'b'")
		remove := other.start("DELETE FROM t WHERE id = 1").blocked()
		first.exec("COMMIT")
		if n := remove.wait(); n != 1 {
			t.Errorf("%d rows deleted", n)
		}
		other.exec("COMMIT")
		l.history("t", "id, name", "1|a|v1 past", "1|b|v2 past", "1|b|v3 tombstone")
		l.sound("t", "id")
	})

	t.Run("temporal-87 two transactions set different columns", func(t *testing.T) {
		l, first, other := setup(t)
		first.exec("BEGIN", "UPDATE t SET name = 'b'")
		other.exec("BEGIN")
		update := other.start("UPDATE t SET n = 1").blocked()
		first.exec("COMMIT")
		if n := update.wait(); n != 1 {
			t.Errorf("%d rows updated", n)
		}
		other.exec("COMMIT")
		l.present("t", "id, name, n", "1|b|1")
		l.history("t", "id, name, n", "1|a|0|v1 past", "1|b|0|v2 past", "1|b|1|v3 open")
		l.sound("t", "id")
	})

	t.Run("temporal-88 compare and set succeeds once", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, version int NOT NULL)", "SELECT yore.track('t', prefix => 'sys_')", "INSERT INTO t VALUES (1, 0)")
		const swap = "UPDATE t SET version = version + 1 WHERE id = 1 AND version = 0"
		first, other := l.session(), l.session()
		first.exec("BEGIN")
		if n := first.affected(swap); n != 1 {
			t.Errorf("first: %d rows", n)
		}
		second := other.start(swap).blocked()
		first.exec("COMMIT")
		if n := second.wait(); n != 0 {
			t.Errorf("second, which waited: %d rows", n)
		}
		if n := l.affected(swap); n != 0 {
			t.Errorf("third, after: %d rows", n)
		}
		l.want("SELECT id, version, sys_version FROM history.t ORDER BY sys_version", "1|0|1", "1|1|2")
	})

	t.Run("temporal-89 an older transaction deletes after a newer update", func(t *testing.T) {
		l, old, other := setup(t)
		old.exec("BEGIN", "SELECT now()")
		other.exec("UPDATE t SET name = 'b'")
		if n := old.affected("DELETE FROM t WHERE id = 1"); n != 1 {
			t.Errorf("%d rows deleted", n)
		}
		old.exec("COMMIT")
		l.history("t", "id, name", "1|a|v1 past", "1|b|v2 past", "1|b|v3 tombstone")
		l.want("SELECT count(*) FROM asof.t('infinity')", "0")
		l.sound("t", "id")
	})

	t.Run("temporal-90 an older transaction inserts what a newer one deleted", func(t *testing.T) {
		l, old, other := setup(t)
		old.exec("BEGIN", "SELECT now()")
		other.exec("DELETE FROM t WHERE id = 1")
		deleted := l.value("SELECT deleted_at FROM history.t WHERE deleted_at IS NOT NULL")
		old.exec("INSERT INTO t VALUES (1, 'b')", "COMMIT")
		l.history("t", "id, name", "1|a|v1 past", "1|a|v2 tombstone", "1|b|v3 open")
		l.wantAsOf(deleted, "SELECT name FROM t")
		l.want("SELECT valid_from > '"+deleted+"' FROM history.t WHERE version = 3", "t")
		l.sound("t", "id")
	})

	for _, b := range []struct{ name, insert, present string }{
		{"INSERT", "INSERT INTO t VALUES (1, 'b')", "1|b"},
		{"several rows", "INSERT INTO t VALUES (0, 'b'), (1, 'b'), (2, 'b')", "1|b"},
		{"ON CONFLICT DO UPDATE", "INSERT INTO t VALUES (1, 'b') ON CONFLICT (id) DO UPDATE SET name = 'met'", "1|b"},
		{"ON CONFLICT DO NOTHING", "INSERT INTO t VALUES (1, 'b') ON CONFLICT DO NOTHING", "1|b"},
		{"change of the key", "UPDATE t SET id = 1, name = 'b' WHERE id = 9", "1|b"},
	} {
		t.Run("temporal-90 one that waits for the deletion to commit: "+b.name, func(t *testing.T) {
			l, first, other := setup(t)
			l.exec("INSERT INTO t VALUES (9, 'nine')", "UPDATE t SET name = 'a2' WHERE id = 1")
			other.exec("BEGIN", "SELECT now()")
			first.exec("BEGIN", "DELETE FROM t WHERE id = 1")
			insert := other.start(b.insert).blocked()
			first.exec("COMMIT")
			insert.wait()
			other.exec("UPDATE t SET n = 7 WHERE id = 1", "COMMIT")
			l.want("SELECT id, name FROM t WHERE id = 1", b.present)
			l.want("SELECT version, name, n, deleted_at IS NOT NULL FROM history.t WHERE id = 1 ORDER BY version",
				"1|a|0|f", "2|a2|0|f", "3|a2|0|t", "4|b|7|f")
			l.sound("t", "id")
		})
	}

	t.Run("temporal-90 an insert that waits for a key to go elsewhere", func(t *testing.T) {
		l, first, other := setup(t)
		first.exec("BEGIN", "UPDATE t SET id = 5 WHERE id = 1")
		insert := other.start("INSERT INTO t VALUES (1, 'b')").blocked()
		first.exec("COMMIT")
		insert.wait()
		l.history("t", "id, name", "1|a|v1 past", "1|a|v2 tombstone", "1|b|v3 open", "5|a|v1 open")
		l.sound("t", "id")
	})

	for _, isolation := range []string{"REPEATABLE READ", "SERIALIZABLE"} {
		t.Run("temporal-90 an older snapshot gets no number that is taken: "+isolation, func(t *testing.T) {
			l, old, other := setup(t)
			old.exec("BEGIN ISOLATION LEVEL "+isolation, "SELECT count(*) FROM pg_class")
			other.exec("DELETE FROM t WHERE id = 1")
			if _, err := old.db.Exec(context.Background(), "INSERT INTO t VALUES (1, 'b')"); sqlState(err) != "40001" && err != nil {
				t.Errorf("neither done nor 40001: %v", err)
			}
			old.exec("COMMIT")
			l.sound("t", "id")
			l.exec("INSERT INTO t VALUES (1, 'c') ON CONFLICT (id) DO UPDATE SET name = 'c'")
			l.sound("t", "id")
		})
	}

	for _, isolation := range []string{"REPEATABLE READ", "SERIALIZABLE"} {
		t.Run("temporal-90 nor does a changed key: "+isolation, func(t *testing.T) {
			l, old, other := setup(t)
			l.exec("INSERT INTO t VALUES (9, 'nine')")
			old.exec("BEGIN ISOLATION LEVEL "+isolation, "SELECT count(*) FROM pg_class")
			other.exec("INSERT INTO t VALUES (5, 'five')", "DELETE FROM t WHERE id = 5")
			if _, err := old.db.Exec(context.Background(), "UPDATE t SET id = 5 WHERE id = 9"); sqlState(err) != "40001" && err != nil {
				t.Errorf("neither done nor 40001: %v", err)
			}
			old.exec("COMMIT")
			l.sound("t", "id")
		})
	}

	t.Run("temporal-68 TRUNCATE keeps the rows that it had to wait for", func(t *testing.T) {
		l, first, other := setup(t)
		l.exec("SELECT yore.track('t', on_truncate => 'archive')")
		first.exec("BEGIN", "INSERT INTO t VALUES (2, 'b')", "UPDATE t SET name = 'a2' WHERE id = 1")
		other.exec("BEGIN", "SELECT count(*) FROM t")
		truncate := other.start("TRUNCATE temporal.t").blocked()
		first.exec("COMMIT")
		truncate.wait()
		other.exec("COMMIT")
		l.history("t", "id, name", "1|a|v1 past", "1|a2|v2 past", "1|a2|v3 tombstone", "2|b|v1 past", "2|b|v2 tombstone")
		l.sound("t", "id")
	})

	t.Run("temporal-68 TRUNCATE with an old snapshot is refused, for rows it does not show", func(t *testing.T) {
		l, old, other := setup(t)
		l.exec("SELECT yore.track('t', on_truncate => 'archive')")
		old.exec("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM t")
		other.exec("INSERT INTO t VALUES (2, 'b')")
		old.refused("YO013", "TRUNCATE temporal.t")
		old.exec("ROLLBACK")
		l.present("t", "id, name", "1|a", "2|b")
	})

	t.Run("temporal-68 MERGE waits for an update and sees it", func(t *testing.T) {
		l, first, other := setup(t)
		l.needs(15, "MERGE")
		first.exec("BEGIN", "UPDATE t SET n = 5")
		merge := other.start(`MERGE INTO temporal.t AS t USING (VALUES (1), (2)) AS s (id) ON t.id = s.id
			WHEN MATCHED AND t.n > 100 THEN DELETE
			WHEN MATCHED THEN UPDATE SET n = t.n + 1
			WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, 'merged')`).blocked()
		first.exec("COMMIT")
		if n := merge.wait(); n != 2 {
			t.Errorf("%d rows merged", n)
		}
		l.history("t", "id, name, n", "1|a|0|v1 past", "1|a|5|v2 past", "1|a|6|v3 open", "2|merged|0|v1 open")
		l.sound("t", "id")
	})

	t.Run("temporal-92 a clock that was set back", func(t *testing.T) {
		l, s, _ := setup(t)
		l.exec("INSERT INTO t VALUES (2, 'b')")
		s.exec("SET session_replication_role = replica", "UPDATE temporal.t SET sys_from = sys_from + interval '1 hour'", "RESET session_replication_role",
			"UPDATE t SET name = 'c'", "BEGIN", "UPDATE t SET name = 'd'", "UPDATE t SET name = 'e'", "COMMIT", "DELETE FROM t", "INSERT INTO t VALUES (1, 'f')")
		l.history("t", "id, name", "1|a|v1 past", "1|c|v2 past", "1|e|v3 past", "1|e|v4 tombstone", "1|f|v5 open",
			"2|b|v1 past", "2|c|v2 past", "2|e|v3 past", "2|e|v4 tombstone")
		l.sound("t", "id")
	})

	t.Run("temporal-82 an older transaction under REPEATABLE READ fails, and loses nothing", func(t *testing.T) {
		l, old, other := setup(t)
		old.exec("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT * FROM t")
		other.exec("UPDATE t SET name = 'b'")
		old.refused("40001", "UPDATE t SET name = 'c'")
		old.exec("ROLLBACK")
		l.history("t", "id, name", "1|a|v1 past", "1|b|v2 open")
		l.sound("t", "id")
	})
}
