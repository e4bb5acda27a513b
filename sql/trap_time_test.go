package sql_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"yore.example/yore/internal/pgtest"
)

// staff makes a tracked table of three rows on a connection, and opens more.
func staff(t *testing.T, options string, more int) (*pgx.Conn, []*pgx.Conn) {
	t.Helper()
	t.Parallel()
	db, dsn := session(t)
	pgtest.Exec(t, db, "CREATE TABLE t (id int PRIMARY KEY, v text)", "SELECT yore.track('t'"+options+")", "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')")
	var others []*pgx.Conn
	for range more {
		others = append(others, dial(t, dsn))
	}
	return db, others
}

const periods = "SELECT id, version, v, deleted_at IS NOT NULL FROM history.t ORDER BY id, version"

func TestTrapTime(t *testing.T) {
	t.Parallel()
	t.Run("trap-1 an answer as of the stable time does not change", func(t *testing.T) {
		db, other := staff(t, "", 1)
		pgtest.Exec(t, other[0], "BEGIN", "UPDATE t SET v = 'late' WHERE id = 1")
		asked := instant(t, db)
		pgtest.Exec(t, db, "UPDATE t SET v = 'quick' WHERE id = 2")
		rowsAre(t, db, "SELECT v FROM asof.t('"+asked+"') ORDER BY id", "a", "b", "c")
		stable := pgtest.Rows(t, db, "SELECT yore.stable_time()")[0]
		rowsAre(t, db, "SELECT '"+stable+"' < '"+asked+"'::timestamptz", "t")
		before := pgtest.Rows(t, db, "SELECT id, v FROM asof.t('"+stable+"') ORDER BY id")
		pgtest.Exec(t, other[0], "COMMIT")
		rowsAre(t, db, "SELECT id, v FROM asof.t('"+stable+"') ORDER BY id", before...)
		// This is what stable_time is for: the open transaction's answer came later.
		rowsAre(t, db, "SELECT v FROM asof.t('"+asked+"') ORDER BY id", "late", "b", "c")
		rowsAre(t, db, "SELECT yore.stable_time() > '"+stable+"'", "t")
	})

	t.Run("trap-2 a transaction has one time", func(t *testing.T) {
		db, _ := staff(t, "", 0)
		pgtest.Exec(t, db, "BEGIN", "UPDATE t SET v = 'x' WHERE id = 1", "SELECT pg_sleep(0.01)", "INSERT INTO t VALUES (4, 'x')", "SELECT pg_sleep(0.01)",
			"DELETE FROM t WHERE id = 2", "CREATE TABLE began AS SELECT now() AS at", "COMMIT")
		rowsAre(t, db, "SELECT id FROM history.t, began WHERE valid_from = at ORDER BY id", "1", "2", "4")
		rowsAre(t, db, "SELECT count(DISTINCT valid_from) FROM history.t", "2")
	})

	t.Run("trap-3 an older transaction writes after a newer one committed", func(t *testing.T) {
		for _, last := range []string{"UPDATE t SET v = 'older' WHERE id = 1", "DELETE FROM t WHERE id = 1", "UPDATE t SET id = 9 WHERE id = 1"} {
			for _, squash := range []string{"true", "false"} {
				t.Run(last+" squash="+squash, func(t *testing.T) {
					db, other := staff(t, ", squash => "+squash, 1)
					pgtest.Exec(t, other[0], "BEGIN", "SELECT now()")
					pgtest.Exec(t, db, "UPDATE t SET v = 'newer' WHERE id = 1")
					between := instant(t, db)
					pgtest.Exec(t, other[0], last, "COMMIT")
					rowsAre(t, db, "SELECT v FROM history.t WHERE id = 1 AND version < 3 ORDER BY version", "a", "newer")
					rowsAre(t, db, "SELECT valid_to - valid_from FROM history.t WHERE id = 1 AND version = 2", "00:00:00.000001")
					rowsAre(t, db, "SELECT count(*) FROM history.t WHERE id = 1 AND version = 3 AND valid_from < '"+between+"'", "1")
					pgtest.Clean(t, db)
				})
			}
		}
		t.Run("INSERT of what a newer one deleted", func(t *testing.T) {
			db, other := staff(t, "", 1)
			pgtest.Exec(t, other[0], "BEGIN", "SELECT now()")
			pgtest.Exec(t, db, "DELETE FROM t WHERE id = 1")
			pgtest.Exec(t, other[0], "INSERT INTO t VALUES (1, 'again')", "COMMIT")
			rowsAre(t, db, "SELECT version, v, deleted_at IS NOT NULL FROM history.t WHERE id = 1 ORDER BY version", "1|a|f", "2|a|t", "3|again|f")
			pgtest.Clean(t, db)
		})
	})

	t.Run("trap-4 savepoints and EXCEPTION blocks are the same transaction", func(t *testing.T) {
		db, _ := staff(t, "", 0)
		pgtest.Exec(t, db, "BEGIN", "UPDATE t SET v = 'one' WHERE id = 1",
			"SAVEPOINT s", "UPDATE t SET v = 'two' WHERE id = 1", "RELEASE s",
			"SAVEPOINT s", "UPDATE t SET v = 'undone' WHERE id = 1", "DELETE FROM t WHERE id = 2", "ROLLBACK TO s",
			"DO $$ BEGIN UPDATE t SET v = 'three' WHERE id = 1; UPDATE t SET v = 'x' WHERE id = 2; BEGIN UPDATE t SET v = 'y' WHERE id = 2; RAISE 'no'; EXCEPTION WHEN OTHERS THEN END; END $$",
			"SAVEPOINT s", "DELETE FROM t WHERE id = 3", "INSERT INTO t VALUES (3, 'c2')", "ROLLBACK TO s", "DELETE FROM t WHERE id = 3", "COMMIT")
		rowsAre(t, db, periods, "1|1|a|f", "1|2|three|f", "2|1|b|f", "2|2|x|f", "3|1|c|f", "3|2|c|t")
		rowsAre(t, db, "SELECT count(DISTINCT xid) FROM history.t", "2")
		pgtest.Clean(t, db)
	})

	t.Run("trap-5 changes undone in their transaction leave no empty period, and say who deleted", func(t *testing.T) {
		db, _ := staff(t, "", 0)
		pgtest.Exec(t, db, "BEGIN", "INSERT INTO t VALUES (4, 'x')", "DELETE FROM t WHERE id = 4",
			"UPDATE t SET v = 'x' WHERE id = 1", "DELETE FROM t WHERE id = 1", "DELETE FROM t WHERE id = 2", "SELECT yore.set_context('ana')", "COMMIT")
		rowsAre(t, db, periods, "1|1|a|f", "1|2|x|t", "2|1|b|f", "2|2|b|t", "3|1|c|f")
		rowsAre(t, db, "SELECT id, actor FROM history.t JOIN yore.transaction USING (xid) ORDER BY id", "1|ana", "2|ana")
		rowsAre(t, db, "SELECT count(*) FROM history.t WHERE valid_from = valid_to AND deleted_at IS NULL", "0")
		pgtest.Clean(t, db)
	})

	t.Run("trap-6 no empty period is a version, declared by an exclusion constraint or not", func(t *testing.T) {
		db, _ := staff(t, "", 0)
		pgtest.Exec(t, db, "CREATE EXTENSION btree_gist", "SELECT yore.track('t', exclusion => true)",
			"UPDATE t SET v = 'x'", "BEGIN", "DELETE FROM t WHERE id = 1", "INSERT INTO t VALUES (1, 'y')", "DELETE FROM t WHERE id = 1", "COMMIT", "INSERT INTO t VALUES (1, 'z')")
		// Only a tombstone has an empty period, and none of them is ever seen.
		rowsAre(t, db, "SELECT id, version FROM history.t WHERE valid_from = valid_to AND deleted_at IS NULL")
		for _, at := range pgtest.Rows(t, db, "SELECT DISTINCT valid_from FROM history.t") {
			rowsAre(t, db, "SELECT count(*) - count(DISTINCT id) FROM asof.t('"+at+"')", "0")
		}
		refuses(t, db, "INSERT INTO temporal.t_past SELECT id, v, 99, sys_from, sys_xid, sys_to, sys_xid FROM temporal.t_past WHERE sys_from < sys_to LIMIT 1", "23P01")
	})

	t.Run("trap-7 open ends are NULL, never infinity", func(t *testing.T) {
		db, _ := staff(t, "", 0)
		pgtest.Exec(t, db, "CREATE TABLE old (id int PRIMARY KEY)", "INSERT INTO old VALUES (1)", "SELECT yore.track('old', since => '-infinity')", "UPDATE t SET v = 'x'", "DELETE FROM t WHERE id = 1")
		rowsAre(t, db, `SELECT count(*) FROM (SELECT valid_from, valid_to, deleted_at FROM history.t UNION ALL SELECT valid_from, valid_to, deleted_at FROM history.old
			UNION ALL SELECT since, NULL, NULL FROM yore.status()) AS h WHERE NOT isfinite(valid_from) OR NOT isfinite(valid_to) OR NOT isfinite(deleted_at)`, "0")
		rowsAre(t, db, "SELECT id FROM asof.old('-infinity')", "1")
		rowsAre(t, db, "SELECT id FROM asof.t('infinity')", "2", "3")
	})

	t.Run("trap-8 microseconds, whatever zone is set", func(t *testing.T) {
		db, other := staff(t, "", 1)
		pgtest.Exec(t, other[0], "SET timezone = 'America/Havana'", "SET datestyle = 'German'")
		pgtest.Exec(t, other[0], "UPDATE t SET v = 'x' WHERE id = 1")
		from := pgtest.Rows(t, db, "SELECT valid_from FROM history.t WHERE v = 'x'")[0]
		for _, c := range append(other, db) {
			rowsAre(t, c, "SELECT v FROM asof.t('"+from+"') WHERE id = 1", "x")
			rowsAre(t, c, "SELECT v FROM asof.t('"+from+"'::timestamptz - interval '1 microsecond') WHERE id = 1", "a")
			pgtest.Exec(t, c, "BEGIN", "SELECT yore.as_of('"+from+"')")
			rowsAre(t, c, "SELECT v FROM t WHERE id = 1", "x")
			pgtest.Exec(t, c, "SET LOCAL timezone = 'Asia/Kathmandu'", "SET LOCAL datestyle = 'SQL, DMY'")
			rowsAre(t, c, "SELECT v FROM t WHERE id = 1", "x")
			pgtest.Exec(t, c, "ROLLBACK")
		}
	})

	t.Run("trap-9 half-open: the end is already the next version", func(t *testing.T) {
		db, _ := staff(t, "", 0)
		pgtest.Exec(t, db, "UPDATE t SET v = 'x' WHERE id = 1", "DELETE FROM t WHERE id = 1")
		at := pgtest.Rows(t, db, "SELECT valid_from FROM history.t WHERE id = 1 ORDER BY version")
		us := func(i, n int) string { return fmt.Sprintf("'%s'::timestamptz + interval '%d microseconds'", at[i], n) }
		for _, want := range []struct {
			at   string
			rows []string
		}{{us(0, -1), nil}, {us(0, 0), []string{"a"}}, {us(1, -1), []string{"a"}}, {us(1, 0), []string{"x"}}, {us(2, -1), []string{"x"}}, {us(2, 0), nil}, {us(2, 1), nil}} {
			rowsAre(t, db, "SELECT v FROM asof.t("+want.at+") WHERE id = 1", want.rows...)
		}
	})

	t.Run("trap-28 before tracking is not did-not-exist", func(t *testing.T) {
		db, _ := staff(t, ", since => '2020-01-01Z'", 0)
		rowsAre(t, db, "SELECT yore.tracked_since('t') = '2020-01-01Z'", "t")
		rowsAre(t, db, "SELECT count(*) FROM asof.t('2019-12-31Z')", "0")
		pgtest.Exec(t, db, "CREATE TABLE always (id int PRIMARY KEY)", "INSERT INTO always VALUES (1)", "SELECT yore.track('always', since => '-infinity')")
		rowsAre(t, db, "SELECT yore.tracked_since('always'), (SELECT since FROM yore.status() WHERE table_name = 'public.always')", "-infinity|∅")
		rowsAre(t, db, "SELECT count(*) FROM asof.always('0044-03-15 BC')", "1")
		pgtest.Exec(t, db, "SELECT yore.untrack('always')")
		rowsAre(t, db, "SELECT valid_from, valid_to IS NULL FROM history.always", "∅|f")
	})
}
