package sql_test

import (
	"fmt"
	"testing"
)

func TestBehaviourAsOf(t *testing.T) {
	t.Parallel()
	// Row 1 is a, then b, then deleted, then c; row 2 is x all the time.
	setup := func(t *testing.T) *lab {
		t.Helper()
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, name text)", "SELECT yore.track('t')", "INSERT INTO t VALUES (1, 'a'), (2, 'x')")
		l.exec("UPDATE t SET name = 'b' WHERE id = 1", "DELETE FROM t WHERE id = 1", "INSERT INTO t VALUES (1, 'c')")
		return l
	}
	const rows = "SELECT id, name FROM t ORDER BY id"
	// everyway asks the session, the function and its use in a join.
	everyway := func(l *lab, at string, want ...string) {
		l.Helper()
		l.wantAsOf(at, rows, want...)
		l.want("SELECT id, name FROM asof.t('"+at+"') ORDER BY id", want...)
		l.want("SELECT a.id, a.name FROM (VALUES ('"+at+"'::timestamptz)) AS v (at), LATERAL asof.t(v.at) AS a ORDER BY id", want...)
	}
	bound := func(l *lab, column string, version int) string {
		l.Helper()
		return l.value(fmt.Sprintf("SELECT %s FROM history.t WHERE id = 1 AND version = %d", column, version))
	}
	before := func(l *lab, at string) string {
		l.Helper()
		return l.value("SELECT '" + at + "'::timestamptz - interval '1 microsecond'")
	}

	t.Run("temporal-108 a period has its first instant and not its last", func(t *testing.T) {
		l := setup(t)
		everyway(l, before(l, bound(l, "valid_from", 1)))
		everyway(l, bound(l, "valid_from", 1), "1|a", "2|x")
		everyway(l, before(l, bound(l, "valid_to", 1)), "1|a", "2|x")
		everyway(l, bound(l, "valid_to", 1), "1|b", "2|x")
		everyway(l, before(l, bound(l, "valid_to", 2)), "1|b", "2|x")
		everyway(l, bound(l, "valid_to", 2), "2|x")
		everyway(l, before(l, bound(l, "valid_from", 4)), "2|x")
		everyway(l, bound(l, "valid_from", 4), "1|c", "2|x")
	})

	t.Run("temporal-109 nothing after a deletion, and no tombstone at its instant", func(t *testing.T) {
		l := setup(t)
		everyway(l, bound(l, "deleted_at", 3), "2|x")
		l.exec("DELETE FROM t")
		everyway(l, l.now())
		l.want("SELECT count(*) FROM asof.t((SELECT max(deleted_at) FROM history.t))", "0")
		l.present("t", "id, name")
	})

	t.Run("temporal-110 a time to come has the rows of now", func(t *testing.T) {
		l := setup(t)
		everyway(l, l.value("SELECT now() + interval '1 year'"), "1|c", "2|x")
		everyway(l, "infinity", "1|c", "2|x")
		everyway(l, "-infinity")
		l.want("SELECT id, name FROM asof.t(NULL) ORDER BY id", "1|c", "2|x")
		l.want("SELECT id, name FROM asof.t ORDER BY id", "1|c", "2|x")
	})

	t.Run("temporal-110 a row shifted past an older transaction's time is there at once", func(t *testing.T) {
		l := setup(t)
		old := l.session()
		old.exec("BEGIN", "SELECT now()")
		l.exec("UPDATE t SET name = 'y' WHERE id = 2")
		old.exec("UPDATE t SET name = 'z' WHERE id = 2", "COMMIT")
		everyway(l, "infinity", "1|c", "2|z")
		everyway(l, l.now(), "1|c", "2|z")
	})
}

func TestBehaviourStableTime(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) *lab {
		t.Helper()
		return newLab(t, "CREATE TABLE t (id int PRIMARY KEY, name text)", "SELECT yore.track('t')", "INSERT INTO t VALUES (1, 'a'), (2, 'a')")
	}
	const rows = "SELECT id, name FROM t ORDER BY id"

	t.Run("temporal-93 stable_time stays before the start of the oldest transaction", func(t *testing.T) {
		l := setup(t)
		old := l.session()
		old.exec("BEGIN")
		began := old.value("SELECT now()")
		for range 3 {
			l.exec("UPDATE t SET name = name || 'b' WHERE id = 1")
			l.want("SELECT yore.stable_time() < '"+began+"'", "t")
		}
		stable, now := l.value("SELECT yore.stable_time()"), l.now()
		at, atNow := l.asOf(stable, rows), l.asOf(now, rows)
		old.exec("UPDATE t SET name = 'old' WHERE id = 2", "INSERT INTO t VALUES (3, 'old')", "COMMIT")
		l.wantAsOf(stable, rows, at...)
		// Beyond it an answer did change: that is what stable_time is for.
		if after := l.asOf(now, rows); len(after) != 3 || len(atNow) != 2 {
			t.Errorf("as of a time that was not stable: %q, then %q", atNow, after)
		}
		// With the transaction over, and the moment that its session may be late
		// in saying when it began, that time is stable as well.
		for l.value("SELECT yore.stable_time() < '"+now+"'") == "t" {
			l.exec("SELECT pg_sleep(0.01)")
		}
		l.wantAsOf(now, rows, "1|abbb", "2|old", "3|old")
	})

	t.Run("temporal-93 it waits for one that only begins to write now", func(t *testing.T) {
		l := setup(t)
		old := l.session()
		old.exec("BEGIN")
		began := old.value("SELECT now()") // no xid yet: nothing but its session tells of it
		l.want("SELECT yore.stable_time() < '"+began+"'", "t")
		old.exec("DELETE FROM t WHERE id = 1")
		l.want("SELECT yore.stable_time() < '"+began+"'", "t")
		old.exec("ROLLBACK")
	})

	t.Run("temporal-93 it does not go back, nor into the future", func(t *testing.T) {
		l := setup(t)
		last := l.value("SELECT yore.stable_time()")
		for range 20 {
			next := l.value("SELECT yore.stable_time()")
			l.want("SELECT '"+next+"'::timestamptz >= '"+last+"'::timestamptz, '"+next+"' < clock_timestamp()", "t|t")
			last = next
		}
	})

	t.Run("temporal-93 in a transaction it is before that one", func(t *testing.T) {
		l := setup(t)
		s := l.session()
		s.exec("BEGIN", "UPDATE t SET name = 'b'")
		s.want("SELECT yore.stable_time() < now()", "t")
		s.exec("COMMIT")
	})
}
