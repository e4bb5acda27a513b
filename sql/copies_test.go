package sql_test

import (
	"strings"
	"testing"
)

// The past's copy of an index has the period behind its columns where their types
// say that an entry stays small.
func TestCopiesHaveThePeriod(t *testing.T) {
	l := newLab(t, `CREATE TABLE t (id int PRIMARY KEY, a int, b uuid, c varchar(40), d text, e varchar(600), f int[])`,
		"CREATE INDEX i_a ON t (a)", "CREATE INDEX i_ab ON t (b, a DESC NULLS LAST) INCLUDE (c) WHERE c <> '( \" )'", "CREATE INDEX i_c ON t (lower(c), a)", "CREATE INDEX i_d ON t (d)",
		"CREATE INDEX i_e ON t (e)", "CREATE INDEX i_expr ON t ((a + 1), (c = ')'))", "CREATE INDEX i_gin ON t USING gin (f)", "CREATE INDEX i_hash ON t USING hash (a)", "SELECT yore.track('t')")
	l.want("SELECT substr(indexdef, position('USING' IN indexdef)) FROM pg_indexes WHERE tablename = 't_past' AND indexname ~ '^i_' ORDER BY indexname",
		"USING btree (a, sys_to, sys_from)", `USING btree (b, a DESC NULLS LAST, sys_to, sys_from) INCLUDE (c) WHERE ((c)::text <> '( " )'::text)`,
		"USING btree (lower((c)::text), a)", "USING btree (d)", "USING btree (e)",
		"USING btree (((a + 1)), (((c)::text = ')'::text)), sys_to, sys_from)", "USING gin (f)", "USING hash (a)")

	// What the present takes, the past takes: the longest text that an index does.
	l.exec("DROP INDEX temporal.i_gin", "INSERT INTO t (id, d) SELECT 1, left(string_agg(md5(g::text), ''), 2690) FROM generate_series(1, 100) AS g",
		"UPDATE t SET a = 1", "UPDATE t SET d = NULL")
	l.want("SELECT count(*) FROM history.t", "3")
}

// A query as of a time by such an index finds the versions of that time, not all
// that there were.
func TestCopiesFindTheVersion(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, p int, n int)", "CREATE INDEX ON t (p)", "SELECT yore.track('t')", "INSERT INTO t SELECT g, g % 500, 0 FROM generate_series(1, 2000) AS g")
	for range 20 {
		l.exec("UPDATE t SET n = n + 1")
	}
	l.exec("ANALYZE temporal.t", "ANALYZE temporal.t_past")
	at := l.value("SELECT max(sys_from) FROM temporal.t_past")
	s := l.session()
	s.exec("SET enable_seqscan = off", "SET enable_bitmapscan = off")
	plan := strings.Join(s.rows("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT * FROM asof.t('"+at+"') WHERE p = 7"), "\n")
	if !strings.Contains(plan, "Index Cond: ((p = 7) AND (sys_to > ") || strings.Contains(plan, "Rows Removed by Index Recheck") {
		t.Error(plan)
	}
}
