package sql_test

import (
	"strings"
	"testing"
)

// trap-23: updates of columns that no index has stay HOT: yore indexes none of its
// own columns of the current rows.
func TestUpdatesStayHOT(t *testing.T) {
	l := newLab(t, "CREATE TABLE hot (id int PRIMARY KEY, n int) WITH (fillfactor = 40)", "SELECT yore.track('hot')", "INSERT INTO hot SELECT g, 0 FROM generate_series(1, 2000) AS g")
	s := l.session()
	s.exec("BEGIN", "UPDATE hot SET n = n + 1")
	s.want("SELECT pg_stat_get_xact_tuples_updated(c) >= 2000, pg_stat_get_xact_tuples_hot_updated(c) >= 2000 FROM (SELECT 'temporal.hot'::regclass AS c) AS c", "t|t")
	s.exec("ROLLBACK")
}

// trap-24: one key as of a time is found by an index that has the key, whatever the
// planner thinks of periods.
func TestOneKeyIsFoundByItsIndex(t *testing.T) {
	l := newLab(t, "CREATE TABLE one (id int PRIMARY KEY, n int)", "SELECT yore.track('one')", "INSERT INTO one SELECT g, 0 FROM generate_series(1, 2000) AS g")
	for range 10 {
		l.exec("UPDATE one SET n = n + 1")
	}
	l.exec("ANALYZE temporal.one", "ANALYZE temporal.one_past")
	middle := l.value("SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY sys_from) FROM temporal.one_past")
	for _, at := range []string{"'" + middle + "'", "now()", "now() + interval '1 minute'"} {
		plan := strings.Join(l.rows("EXPLAIN SELECT * FROM asof.one("+at+") WHERE id = 77"), "\n")
		if !strings.Contains(plan, "one_past_key_to") && !strings.Contains(plan, "one_past_pkey") || !strings.Contains(plan, "using one_pkey") || strings.Contains(plan, "Seq Scan") {
			t.Errorf("as of %s:\n%s", at, plan)
		}
	}
}

// trap-30: sequences, materialized views and functions of the present do not
// travel; what could not keep its past is not tracked.
func TestWhatDoesNotTravel(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, v text)", "CREATE SEQUENCE s", "SELECT yore.track('t')", "INSERT INTO t VALUES (1, 'then')")
	s := l.session()
	at := s.now()
	s.exec("UPDATE t SET v = 'now'", "CREATE MATERIALIZED VIEW m AS SELECT v FROM t", "SELECT nextval('s')", "BEGIN", "SELECT yore.as_of('"+at+"')")
	s.want("SELECT (SELECT v FROM t), (SELECT v FROM m), (SELECT last_value FROM s), now() > '"+at+"'", "then|now|1|t")
	s.exec("COMMIT")
	for _, table := range []string{"CREATE TEMPORARY TABLE passing (id int PRIMARY KEY)", "CREATE UNLOGGED TABLE passing (id int PRIMARY KEY)"} {
		s.exec("DROP TABLE IF EXISTS passing", table)
		s.refused("YO005", "SELECT yore.track('passing')")
	}
}

// trap-29: a large value is copied with every version, changed or not, and is read
// as of then as it was; docs/concepts.md says so.
func TestLargeValues(t *testing.T) {
	l := newLab(t, "CREATE TABLE big (id int PRIMARY KEY, n int, doc text)", "SELECT yore.track('big')",
		"INSERT INTO big SELECT 1, 0, 'a' || string_agg(md5(g::text), '') FROM generate_series(1, 32000) AS g")
	at := l.now()
	l.exec("UPDATE big SET n = 1", "UPDATE big SET n = 2", "UPDATE big SET doc = 'b'")
	l.want("SELECT pg_total_relation_size('temporal.big_past') BETWEEN 2000000 AND 4000000", "t")
	l.wantAsOf(at, "SELECT n, length(doc), left(doc, 1) FROM big", "0|1024001|a")
	l.want("SELECT version, left(doc, 1) FROM history.big ORDER BY version", "1|a", "2|a", "3|a", "4|b")
}
