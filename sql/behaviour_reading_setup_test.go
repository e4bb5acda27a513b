package sql_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// A reading is a database in which the story of pgtest.Tell has happened, and
// what the behaviours for reading (temporal-94 to 141) do with it in plain SQL
// inside yore.AsOf.
type reading struct {
	*lab
	dsn string
	at  map[string]time.Time
	// The names of the moments in their order, "start" first.
	moments []string
}

func newReading(t *testing.T) *reading {
	l := newLab(t)
	r := &reading{lab: l, dsn: l.pool.Config().ConnString(), at: pgtest.Tell(t, l.pool).At}
	// Without statistics large queries over small tables look dear enough to be
	// compiled, which takes longer than all the rest.
	r.exec("ANALYZE")
	for name := range r.at {
		r.moments = append(r.moments, name)
	}
	slices.SortFunc(r.moments, func(a, b string) int { return r.at[a].Compare(r.at[b]) })
	if r.moments[0] != "start" || r.moments[len(r.moments)-1] != "n1" {
		t.Fatalf("the story goes from start to n1, not %v", r.moments)
	}
	return r
}

// in is the same reading for a subtest, which then is what fails.
func (r *reading) in(t *testing.T) *reading {
	l, s := *r.lab, *r
	l.TB, s.lab = t, &l
	return &s
}

// What the story says of its rows, written down by hand: the values of a row and
// the moments from which they hold, until the next.
type toldRow struct {
	table  string
	id     int
	parent int // the row that it belongs to, 0 for none
	values [][2]string
}

var toldRows = []toldRow{
	{"foos", 1, 0, [][2]string{{"f0", "foo"}, {"f1", "foo bar"}, {"f2", "new foo"}}},
	{"foos", 2, 0, [][2]string{{"foo 0", "foo 0"}}},
	{"foos", 3, 0, [][2]string{{"foo 1", "foo 1"}}},
	{"bars", 1, 1, [][2]string{{"b0", "bar"}, {"b1", "foo bar"}, {"b2", "bar bar"}, {"b3", "new bar"}}},
	{"bars", 2, 2, [][2]string{{"bar 0", "bar 0"}}},
	{"bars", 3, 3, [][2]string{{"bar 1", "bar 1"}}},
	{"sub_bars", 1, 1, [][2]string{{"s0", "sub-bar"}, {"s1", "bar sub-bar"}, {"s2", "sub-bar sub-bar"}, {"s3", "new sub-bar"}}},
	{"sub_sub_bars", 1, 1, [][2]string{{"ss0", "sub-sub-bar"}}},
	{"noos", 1, 0, [][2]string{{"n0", "Historical Element 1"}, {"n1", "Historical Element 3"}}},
	{"noos", 2, 0, [][2]string{{"m0", "Historical Element 2"}}},
	{"boos", 1, 0, [][2]string{{"boos", "boo 0"}}},
	{"boos", 2, 0, [][2]string{{"boos", "boo 1"}}},
	{"moos", 1, 0, [][2]string{{"moos", "moo 0"}}},
	{"moos", 2, 0, [][2]string{{"moos", "moo 1"}}},
	{"bazs", 1, 1, [][2]string{{"start", "baz"}}}, // not tracked: always as it is now
}

var trackedTables = []string{"foos", "bars", "sub_bars", "sub_sub_bars", "noos", "boos", "moos"}

// name is the name that a row has at a moment, "" where it is not there.
func (r *reading) name(row toldRow, moment string) (name string) {
	for _, v := range row.values {
		if !r.at[v[0]].After(r.at[moment]) {
			name = v[1]
		}
	}
	return name
}

// rowsOf are the rows of a table that are there at a moment, in the order of
// their ids.
func (r *reading) rowsOf(table, moment string) (rows []toldRow) {
	for _, row := range toldRows {
		if row.table == table && r.name(row, moment) != "" {
			rows = append(rows, row)
		}
	}
	return rows
}

// nameOf is the name of a row by its table and id.
func (r *reading) nameOf(table string, id int, moment string) string {
	for _, row := range r.rowsOf(table, moment) {
		if row.id == id {
			return r.name(row, moment)
		}
	}
	return ""
}

// childrenOf are the rows of a table that belong to a row.
func (r *reading) childrenOf(table string, parent int, moment string) (rows []toldRow) {
	for _, row := range r.rowsOf(table, moment) {
		if row.parent == parent {
			rows = append(rows, row)
		}
	}
	return rows
}

// lines are "id|name" of rows.
func (r *reading) lines(rows []toldRow, moment string) (lines []string) {
	for _, row := range rows {
		lines = append(lines, fmt.Sprintf("%d|%s", row.id, r.name(row, moment)))
	}
	return lines
}

var execModes = []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol}

// A view reads as of a moment, through a connection of one exec mode.
type view struct {
	*reading
	tx     pgx.Tx
	moment string
	mode   string
}

// everywhere calls check as of every moment of the story, in every exec mode. All
// moments are read through the same connection, forth or back, so that
// statements that it has prepared for one serve another.
func (r *reading) everywhere(check func(v view)) {
	r.Helper()
	moments := slices.Clone(r.moments)
	for _, mode := range execModes {
		conn := r.connect(mode)
		slices.Reverse(moments)
		for _, moment := range moments {
			r.asOfBy(conn, r.at[moment], func(tx pgx.Tx) { check(view{r, tx, moment, mode.String()}) })
		}
	}
}

// connect returns a connection of an exec mode.
func (r *reading) connect(mode pgx.QueryExecMode) *pgx.Conn {
	r.Helper()
	config, err := pgx.ParseConfig(r.dsn)
	if err != nil {
		r.Fatal(err)
	}
	config.DefaultQueryExecMode = mode
	conn, err := pgx.ConnectConfig(context.Background(), config)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// asOfBy is yore.AsOf that fails the test.
func (r *reading) asOfBy(db yore.Beginner, at time.Time, fn func(tx pgx.Tx)) {
	r.Helper()
	if err := yore.AsOf(context.Background(), db, at, func(tx pgx.Tx) error { fn(tx); return nil }); err != nil {
		r.Fatal(err)
	}
}

// read returns a query's rows, columns joined by "|", NULL as "∅".
func read(t testing.TB, db yore.DB, query string, args ...any) []string {
	t.Helper()
	rows, err := db.Query(context.Background(), query, args...)
	if err != nil {
		t.Fatalf("%s\n%v", query, err)
	}
	lines, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		values, err := row.Values()
		words := make([]string, len(values))
		for i, v := range values {
			if words[i] = fmt.Sprint(v); v == nil {
				words[i] = "∅"
			}
		}
		return strings.Join(words, "|"), err
	})
	if err != nil {
		t.Fatalf("%s\n%v", query, err)
	}
	return lines
}

// wants fails the test if a query, with its parameters, has other rows.
func (v view) wants(want []string, query string, args ...any) {
	v.Helper()
	if got := read(v.reading, v.tx, query, args...); !slices.Equal(got, want) {
		v.Errorf("as of %s, %s: %s %v\n got %q\nwant %q", v.moment, v.mode, query, args, got, want)
	}
}

// some are the rows of a query for one name, which may not be there.
func some(name string) []string {
	if name == "" {
		return nil
	}
	return []string{name}
}
