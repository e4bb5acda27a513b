package yore_test

import (
	"context"
	"testing"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// The rows of pgtest's Story.
type foo struct {
	ID   int64
	Name string
}

type bar struct {
	ID    int64
	Name  string
	FooID *int64
}

type subBar struct {
	ID    int64
	Name  string
	BarID *int64
}

type subSubBar struct {
	ID       int64
	Name     string
	SubBarID *int64
}

type named struct {
	ID   int64
	Name string
}

type booMoo struct {
	BooID int64 `db:"boo_id,key"`
	MooID int64 `db:"moo_id,key"`
}

type baz struct {
	ID    int64
	Name  string
	BarID int64
}

var (
	foos       = yore.Temporal[foo]("foos")
	bars       = yore.Temporal[bar]("bars")
	subBars    = yore.Temporal[subBar]("sub_bars")
	subSubBars = yore.Temporal[subSubBar]("sub_sub_bars")
	noos       = yore.Temporal[named]("noos")
	boos       = yore.Temporal[named]("boos")
	moos       = yore.Temporal[named]("moos")
	boosMoos   = yore.Temporal[booMoo]("boos_moos")
	bazs       = yore.Temporal[baz]("bazs") // not tracked: it has a present alone
)

// withStory tells the story in a new database.
func withStory(t testing.TB) (context.Context, string, pgtest.Story) {
	t.Helper()
	dsn := pgtest.DSN(t)
	return context.Background(), dsn, pgtest.Tell(t, pgtest.Connect(t, dsn))
}

// oneName is the name of the one row of a result, "" if there is none.
func oneName[T any](t testing.TB, q yore.Query[T], db yore.DB, name func(T) string) string {
	t.Helper()
	rows := do(q.All(context.Background(), db)).ok(t)
	switch len(rows) {
	case 0:
		return ""
	case 1:
		return name(rows[0])
	}
	t.Fatalf("%d rows, where one was looked for", len(rows))
	return ""
}

func one[T any](_ testing.TB, rows []T, name func(T) string) string {
	if len(rows) == 0 {
		return ""
	}
	return name(rows[0])
}

func names[T any](rows []T, name func(T) string) []string {
	all := []string{}
	for _, row := range rows {
		all = append(all, name(row))
	}
	return all
}

func fooName(f foo) string     { return f.Name }
func barName(b bar) string     { return b.Name }
func subName(s subBar) string  { return s.Name }
func namedName(n named) string { return n.Name }

func versionNames[T any](versions []yore.Version[T], name func(T) string) []string {
	return names(versions, func(v yore.Version[T]) string { return name(v.Row) })
}
