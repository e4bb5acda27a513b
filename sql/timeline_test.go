package sql_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"yore.example/yore/internal/pgtest"
)

// A told is a database in which the story has happened, with the names of its
// moments in order.
type told struct {
	*lab
	pgtest.Story
	names []string
}

func tell(t *testing.T) told {
	t.Helper()
	l := newLab(t)
	s := told{lab: l, Story: pgtest.Tell(t, l.pool)}
	for name := range s.At {
		s.names = append(s.names, name)
	}
	slices.SortFunc(s.names, func(a, b string) int { return s.At[a].Compare(s.At[b]) })
	return s
}

// at writes a moment as SQL.
func (s told) at(name string) string {
	return "'" + s.At[name].Format(time.RFC3339Nano) + "'::timestamptz"
}

// moments checks the moments that a query returns, in its order, by the steps in
// which they lie: that of the name and no other.
func (s told) moments(query string, want ...string) {
	s.Helper()
	steps := "VALUES "
	for i := 1; i < len(s.names); i++ {
		steps += fmt.Sprintf("('%s', %s, %s), ", s.names[i], s.at(s.names[i-1]), s.at(s.names[i]))
	}
	steps += "(NULL, NULL, NULL)"
	s.want(fmt.Sprintf("SELECT x.name FROM (SELECT m, row_number() OVER () AS place FROM (%s) AS q (m)) AS q LEFT JOIN (%s) AS x (name, begins, ends) ON q.m > x.begins AND q.m <= x.ends ORDER BY place", query, steps), want...)
}

func TestTimeline(t *testing.T) {
	s := tell(t)
	timeline := func(arguments string) string { return "SELECT yore.timeline(" + arguments + ")" }
	// temporal-151
	s.moments(timeline(`'foos', '{"id": 1}'`), "f0", "f1", "f2")
	s.moments(timeline(`'bars', '{"id": 1}'`), "b0", "b1", "b2", "b3")
	s.moments(timeline(`'noos', '{"id": 1}'`), "n0", "n1")
	s.moments(timeline(`'foos', '{"id": 99}'`))
	s.moments(timeline(`'foos'`), "f0", "f1", "f2", "foo 0", "foo 1")
	s.moments(timeline(`'boos_moos', '{"moo_id": 1}'`), "links")
	// temporal-152
	both := `SELECT yore.timeline('foos', '{"id": 1}') UNION SELECT yore.timeline('bars', '{"foo_id": 1}') ORDER BY 1`
	s.moments(both, "f0", "f1", "b0", "b1", "f2", "b2", "b3")
	// temporal-154
	s.refused("YO003", "SELECT yore.timeline('bazs')")
	s.moments(timeline(`'bars', '{"id": 1, "foo_id": 1}'`), "b0", "b1", "b2", "b3")
	// temporal-155
	s.moments(timeline(`'bars', '{"id": 1}', after => `+s.at("b0")), "b1", "b2", "b3")
	s.moments(timeline(`'bars', '{"id": 1}', before => `+s.at("b2")), "b0", "b1", "b2")
	s.moments(timeline(`'bars', '{"id": 1}', after => `+s.at("b0")+`, before => `+s.at("b2")), "b1", "b2")
	s.moments(timeline(`'bars', '{"id": 1}', max_rows => 2`), "b0", "b1")
	s.moments(timeline(`'bars', '{"id": 1}', newest_first => true`), "b3", "b2", "b1", "b0")
	s.moments(timeline(`'bars', '{"id": 1}', newest_first => true, max_rows => 1`), "b3")
	s.moments(timeline(`'bars', '{"id": 1}', max_rows => 0`))
	// Both bounds are exclusive.
	exact := s.rows(`SELECT yore.timeline('bars', '{"id": 1}')`)
	s.want(fmt.Sprintf(`SELECT yore.timeline('bars', '{"id": 1}', after => '%s', before => '%s')`, exact[0], exact[3]), exact[1:3]...)
	// They are the bounds of history, each once.
	s.want("SELECT yore.timeline('bars')", s.rows("SELECT DISTINCT b FROM history.bars, unnest(ARRAY[valid_from, valid_to]) AS b WHERE b IS NOT NULL ORDER BY 1")...)
	s.want("SELECT bool_and(isfinite(m)), count(*) = count(DISTINCT m) FROM yore.timeline('bars') AS m", "t|t")
}

// Deletions are moments, and so is the end of what matched; what never was is none.
func TestTimelineOfWhatEnded(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, parent int)", "INSERT INTO t VALUES (9, 9)", "SELECT yore.track('t', since => '-infinity')")
	l.want("SELECT yore.timeline('t')") // it has always been so
	l.exec("INSERT INTO t VALUES (1, 1)", "UPDATE t SET parent = 2 WHERE id = 1", "INSERT INTO t VALUES (2, 1)", "DELETE FROM t WHERE id = 1")
	s := l.session()
	s.exec("BEGIN", "UPDATE t SET parent = 7 WHERE id = 2", "DELETE FROM t WHERE id = 2", "COMMIT")
	all := l.rows("SELECT m FROM yore.timeline('t') AS m")
	if len(all) != 5 {
		t.Fatalf("moments: %q", all)
	}
	for matching, want := range map[string][]string{
		`{"id": 1}`: {all[0], all[1], all[3]}, `{"parent": 1}`: {all[0], all[1], all[2], all[4]}, `{"parent": 2}`: {all[1], all[3]}, `{"parent": 7}`: nil, `{"id": 9}`: nil, `{}`: all,
	} {
		l.want("SELECT yore.timeline('t', '"+matching+"')", want...)
	}
	l.exec("DELETE FROM t WHERE id = 9")
	l.want(`SELECT count(*) FROM yore.timeline('t', '{"id": 9}')`, "1")
	// Of an immutable table, the version of a tombstone alone is left.
	l.exec("SELECT yore.create_immutable_table('i', 'name text', allow_deletes => true)", "INSERT INTO i (name) VALUES ('a')", "UPDATE i SET name = 'b'", "DELETE FROM i")
	l.want("SELECT yore.timeline('i')", l.rows("SELECT valid_from FROM history.i ORDER BY version")...)
	l.exec("DELETE FROM history.i WHERE deleted_at IS NULL")
	l.want("SELECT yore.timeline('i')", l.rows("SELECT deleted_at FROM history.i")...)
	l.want("SELECT kind, old FROM yore.changes('i')", "delete|∅")
}

// By its time a version is found by index, whether the table has always been known
// or not; and nobody sees -infinity.
func TestHistoryIsFoundByTime(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)", "SELECT yore.track('t')", "CREATE TABLE ever (id int PRIMARY KEY)", "INSERT INTO ever VALUES (1)", "SELECT yore.track('ever', since => '-infinity')", "DELETE FROM ever", "DELETE FROM t")
	l.want("SELECT count(*) FROM history.t WHERE NOT isfinite(valid_from)", "0")
	l.want("SELECT version, valid_from IS NULL FROM history.ever ORDER BY version", "1|t", "2|f")
	s := l.session()
	s.exec("SET enable_seqscan = off", "SET enable_indexscan = off", "SET enable_indexonlyscan = off")
	s.want("SELECT count(*) FROM (SELECT 1) AS one", "1")
	for table, want := range map[string]string{"t": "f", "ever": "t"} {
		plan := fmt.Sprint(s.rows("EXPLAIN SELECT * FROM history." + table + " WHERE valid_from >= '2020-01-01'"))
		s.want("SELECT "+literal(plan)+" LIKE '%NULLIF%'", want)
		s.want("SELECT "+literal(plan)+" LIKE '%Bitmap Index Scan on "+table+"_past_to%'", map[string]string{"t": "f", "f": "t"}[want])
	}
}

// Lifetimes go from a row's making to its end, over all of its versions, and begin
// anew when it is back.
func TestLifetimes(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, parent int)", "INSERT INTO t VALUES (9, 9)", "SELECT yore.track('t', since => '-infinity')",
		"INSERT INTO t VALUES (1, 1)", "INSERT INTO t VALUES (2, 1)", "UPDATE t SET parent = 2 WHERE id = 1", "DELETE FROM t WHERE id = 2", "INSERT INTO t VALUES (2, 1)", "DELETE FROM t WHERE id = 9", "DELETE FROM t WHERE id = 1")
	m := l.rows("SELECT yore.timeline('t')")
	for matching, want := range map[string][]string{
		`{"id": 1}`: {m[0] + "|" + m[6]}, `{"id": 2}`: {m[1] + "|" + m[3], m[4] + "|∅"}, `{"id": 9}`: {"∅|" + m[5]}, `{"id": 8}`: nil,
		`{"parent": 1}`: {m[0] + "|" + m[3], m[4] + "|∅"}, `{"parent": 2}`: {m[2] + "|" + m[6]}, `{}`: {"∅|∅"},
	} {
		l.want("SELECT * FROM yore.lifetimes('t', '"+matching+"')", want...)
	}
	l.refused("YO007", `SELECT * FROM yore.lifetimes('t', '{"x": 1}')`)
}
