package yore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// gather reads all of a stream.
func gather[T any](t testing.TB, what string, stream iter.Seq2[T, error]) []T {
	t.Helper()
	all := []T{}
	for v, err := range stream {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		all = append(all, v)
	}
	return all
}

// failure is the error with which a stream ends, after nothing else.
func failure[T any](t testing.TB, stream iter.Seq2[T, error]) error {
	t.Helper()
	var last error
	n := 0
	for _, err := range stream {
		last = err
		n++
	}
	if n != 1 || last == nil {
		t.Errorf("%d values, the last with error %v; want one, the error", n, last)
	}
	return last
}

// fine is a table with values of many types.
type fine struct {
	ID      int64
	Name    string
	Amount  float64
	Tags    []string
	Doc     map[string]any
	At      *time.Time
	Ref     *yore.UUID
	Raw     []byte
	Missing *string
}

var fines = yore.Temporal[fine]("fines")

const finesTable = `CREATE TABLE fines (id bigint PRIMARY KEY, name text NOT NULL, amount float8 NOT NULL, tags text[], doc jsonb, at timestamptz, ref uuid, raw bytea, missing text)`

func TestChangesOfHandle(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	db := pgtest.Connect(t, dsn)
	ctx := context.Background()
	pgtest.Exec(t, db, finesTable, "SELECT yore.track('fines')")
	said := yore.WithMeta(yore.WithReason(yore.WithActor(ctx, "ana"), "it was due"), "n", 1)
	at := time.Date(2020, 1, 2, 3, 4, 5, 678901000, time.UTC)
	_, err := yore.NewPool(db).Exec(said, `INSERT INTO fines VALUES (9007199254740993, 'one', 0.1, '{a,"b,c"}', '{"k": [1, "x"]}', $1, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\x00ff', NULL)`, at)
	ok(t, err)
	pgtest.Exec(t, db, "UPDATE fines SET name = 'two', at = NULL", "DELETE FROM fines")
	ref := do(yore.ParseUUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")).ok(t)
	first := fine{ID: 9007199254740993, Name: "one", Amount: 0.1, Tags: []string{"a", "b,c"}, Doc: map[string]any{"k": []any{1.0, "x"}}, At: &at, Ref: &ref, Raw: []byte{0, 255}}
	second := first
	second.Name, second.At = "two", nil
	moments := do(fines.Timeline(ctx, db, yore.TimelineOptions{})).ok(t)
	for name, handle := range everyHandle(t, dsn) {
		got := gather(t, name, fines.Changes(ctx, handle, yore.ChangesOptions{}))
		if len(got) != 3 {
			t.Fatalf("%s: %+v", name, got)
		}
		for i, want := range []yore.Change[fine]{
			{Kind: yore.Inserted, Columns: []string{"id", "name", "amount", "tags", "doc", "at", "ref", "raw"}, New: &first},
			{Kind: yore.Updated, Columns: []string{"name", "at"}, Old: &first, New: &second},
			{Kind: yore.Deleted, Columns: []string{"id", "name", "amount", "tags", "doc", "ref", "raw"}, Old: &second},
		} {
			want.Table, want.Key, want.Version, want.At = "fines", yore.Row{"id": int64(9007199254740993)}, int64(i+1), moments[i]
			if want.XID = got[i].XID; want.XID == 0 {
				t.Errorf("%s: no xid", name)
			}
			if i == 0 {
				want.Actor, want.Reason, want.Meta = new("ana"), new("it was due"), json.RawMessage(`{"n": 1}`)
			}
			equal(t, fmt.Sprintf("%s: change %d", name, i+1), got[i], want)
		}
		equal(t, name+": NewestFirst", len(gather(t, name, fines.Changes(ctx, handle, yore.ChangesOptions{NewestFirst: true, Limit: 2}))), 2)
		equal(t, name+": From and To", gather(t, name, fines.Changes(ctx, handle, yore.ChangesOptions{From: moments[1], To: moments[2]})), got[1:2])
		equal(t, name+": XID", gather(t, name, fines.Changes(ctx, handle, yore.ChangesOptions{XID: got[2].XID})), got[2:])
		equal(t, name+": Matching", gather(t, name, fines.Changes(ctx, handle, yore.ChangesOptions{Matching: yore.Row{
			"id": int64(9007199254740993), "at": at.In(time.FixedZone("west", -9*3600)), "ref": ref, "raw": []byte{0, 255}, "tags": []string{"a", "b,c"}, "missing": nil}})), got[:2])
		equal(t, name+": nothing", gather(t, name, fines.Changes(ctx, handle, yore.ChangesOptions{Matching: yore.Row{"name": "three"}})), []yore.Change[fine]{})
		// Breaking off ends the query, and the connection is free again.
		for range fines.Changes(ctx, handle, yore.ChangesOptions{}) {
			break
		}
		// As the server has them, without a struct.
		row := gather(t, name, yore.Temporal[yore.Row]("fines").Changes(ctx, handle, yore.ChangesOptions{}))
		if len(row) != 3 || row[0].Old != nil || row[2].New != nil || (*row[0].New)["name"] != "one" || (*row[0].New)["id"] != int64(9007199254740993) || (*row[1].New)["at"] != nil || len(*row[1].Old) != 9 {
			t.Errorf("%s: Rows: %+v", name, row)
		}
	}
}

// An immutable table's rows come with their version data, an in_place table's
// without what yore has added to it, whatever the schema and prefix.
func TestChangesOfEveryKindOfTable(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	u := do(users.Insert(ctx, db, newUser("a@x"))).ok(t)
	u2 := do(users.Update(ctx, db, u, rename("two"))).ok(t)
	gone := do(users.Delete(ctx, db, u2)).ok(t)
	got := gather(t, "users", users.Changes(ctx, db, yore.ChangesOptions{Matching: yore.Row{"entity_id": u.EntityID}}))
	if len(got) != 3 || got[2].New != nil || !got[2].At.Equal(gone.ValidFrom) || !slices.Contains(got[1].Columns, "name") {
		t.Fatalf("users: %+v", got)
	}
	equal(t, "inserted", *got[0].New, u)
	equal(t, "updated", []user{*got[1].Old, *got[1].New}, []user{u, u2})
	equal(t, "deleted", *got[2].Old, u2)
	equal(t, "timeline", do(users.Timeline(ctx, db, yore.TimelineOptions{}, u.EntityID)).ok(t), []time.Time{u.ValidFrom, u2.ValidFrom, gone.ValidFrom})
	between := gather(t, "Diff", users.Diff(ctx, db, u.ValidFrom, u2.ValidFrom, yore.DiffOptions{}))
	if len(between) != 1 || between[0].Kind != yore.Changed {
		t.Fatalf("Diff: %+v", between)
	}
	equal(t, "Diff", []user{*between[0].Old, *between[0].New}, []user{u, u2})

	pgtest.Exec(t, db, "CREATE SCHEMA sales", "CREATE TABLE sales.lines (order_id int, line int, version text, PRIMARY KEY (order_id, line))", "SELECT yore.track('sales.lines', in_place => true, prefix => 'sys_')",
		"INSERT INTO sales.lines VALUES (1, 1, 'a'), (1, 2, 'b')", "UPDATE sales.lines SET version = 'c' WHERE line = 2")
	type line struct {
		OrderID int `db:"order_id,key"`
		Line    int `db:"line,key"`
		Version string
	}
	lines := yore.Temporal[line]("sales.lines", yore.Prefix("sys_"))
	c := gather(t, "lines", lines.Changes(ctx, db, yore.ChangesOptions{}))
	if len(c) != 3 || c[2].Table != "sales.lines" || *c[2].Old != (line{1, 2, "b"}) || *c[2].New != (line{1, 2, "c"}) {
		t.Errorf("lines: %+v", c)
	}
	equal(t, "key", c[2].Key, yore.Row{"order_id": int64(1), "line": int64(2)})
	equal(t, "timeline of a composite key", do(lines.Timeline(ctx, db, yore.TimelineOptions{}, 1, 2)).ok(t), []time.Time{c[1].At, c[2].At})
	equal(t, "row", *gather(t, "rows", yore.Temporal[yore.Row]("sales.lines").Changes(ctx, db, yore.ChangesOptions{Limit: 1}))[0].New, yore.Row{"order_id": int32(1), "line": int32(1), "version": "a"})
}

// EachChange is one stream of several tables, or of all.
func TestEachChange(t *testing.T) {
	t.Parallel()
	ctx, dsn, story := withStory(t)
	what := func(stream []yore.Change[yore.Row]) string {
		var all []string
		for _, c := range stream {
			all = append(all, fmt.Sprint(c.Table, " ", c.Key["id"], " ", c.Version))
		}
		return strings.Join(all, ", ")
	}
	for name, db := range everyHandle(t, dsn) {
		each := func(o yore.ChangesOptions) []yore.Change[yore.Row] {
			return gather(t, name, yore.EachChange(ctx, db, o))
		}
		equal(t, name, what(each(yore.ChangesOptions{Tables: []string{"bars", "foos"}, To: story.At["b3"]})), "foos 1 1, foos 1 2, bars 1 1, bars 1 2, foos 1 3, bars 1 3, bars 1 4")
		equal(t, name, what(each(yore.ChangesOptions{From: story.At["ss0"], To: story.At["b3"], NewestFirst: true})), "bars 1 4, bars 1 3, foos 1 3")
		equal(t, name, what(each(yore.ChangesOptions{Matching: yore.Row{"foo_id": 1}, Limit: 2})), "bars 1 1, bars 1 2")
		equal(t, name, len(each(yore.ChangesOptions{})), 27)
		equal(t, name, len(each(yore.ChangesOptions{Tables: []string{}})), 0)
		last := each(yore.ChangesOptions{Tables: []string{"bars"}, Matching: yore.Row{"id": 1}, NewestFirst: true, Limit: 1})[0]
		equal(t, name, []yore.Row{*last.Old, *last.New}, []yore.Row{{"id": int64(1), "name": "bar bar", "foo_id": int64(1)}, {"id": int64(1), "name": "new bar", "foo_id": int64(1)}})
	}
}

// What a transaction did, across tables.
func TestTransactionChanges(t *testing.T) {
	t.Parallel()
	ctx, db := context.Background(), pgtest.Pool(t)
	pgtest.Exec(t, db, "CREATE TABLE a (id int PRIMARY KEY, n numeric(30,10), f float8, nested jsonb)", "CREATE TABLE b (id int PRIMARY KEY)", "SELECT yore.track('a'), yore.track('b')")
	ok(t, pgx.BeginFunc(yore.WithActor(ctx, "ana"), yore.NewPool(db), func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO b VALUES (1); INSERT INTO a VALUES (1, 12345678901234567890.0000000001, 0.5, '{"a": [1, 1.5]}')`)
		return err
	}))
	pgtest.Exec(t, db, "UPDATE a SET f = 2", "BEGIN; SELECT yore.at_time('1991-06-25Z'), yore.set_context('eu'); INSERT INTO b VALUES (2); COMMIT")
	all := gather(t, "all", yore.EachChange(ctx, db, yore.ChangesOptions{}))
	x := do(yore.TransactionOf(ctx, db, all[1].XID, all[1].At)).ok(t)
	did := gather(t, "ana's", x.Changes(ctx, db))
	if len(did) != 2 || did[0].Table != "a" || did[1].Table != "b" || *did[0].Actor != "ana" {
		t.Fatalf("%+v", did)
	}
	equal(t, "values", *did[0].New, yore.Row{"id": int64(1), "n": json.Number("12345678901234567890.0000000001"), "f": json.Number("0.5"), "nested": map[string]any{"a": []any{int64(1), json.Number("1.5")}}})
	loaded := do(yore.TransactionOf(ctx, db, all[0].XID, all[0].At)).ok(t)
	if did := gather(t, "loaded", loaded.Changes(ctx, db)); len(did) != 1 || did[0].Table != "b" || did[0].At.Year() != 1991 {
		t.Errorf("loaded: %+v", did)
	}
}

func TestChangesErrors(t *testing.T) {
	t.Parallel()
	ctx, dsn, _ := withStory(t)
	db := pgtest.Connect(t, dsn)
	type wrong struct{ ID, Nothing int }
	for what, c := range map[string]struct {
		err  error
		kind error
		says string
	}{
		"not tracked":      {failure(t, bazs.Changes(ctx, db, yore.ChangesOptions{})), yore.ErrNotTracked, "bazs"},
		"no table":         {failure(t, yore.Temporal[foo]("nowhere").Changes(ctx, db, yore.ChangesOptions{})), yore.ErrNotTracked, "nowhere"},
		"no column":        {failure(t, foos.Changes(ctx, db, yore.ChangesOptions{Matching: yore.Row{"foo": 1}})), yore.ErrOption, "foo"},
		"no value":         {failure(t, foos.Changes(ctx, db, yore.ChangesOptions{Matching: yore.Row{"id": "x"}})), yore.ErrOption, "bigint"},
		"no JSON":          {failure(t, foos.Changes(ctx, db, yore.ChangesOptions{Matching: yore.Row{"id": func() {}}})), yore.ErrOption, "matching"},
		"Tables":           {failure(t, foos.Changes(ctx, db, yore.ChangesOptions{Tables: []string{"foos"}})), yore.ErrOption, "with Tables"},
		"Limit":            {failure(t, foos.Changes(ctx, db, yore.ChangesOptions{Limit: -1})), yore.ErrOption, "-1"},
		"EachChange":       {failure(t, yore.EachChange(ctx, db, yore.ChangesOptions{Tables: []string{"foos", "bazs"}})), yore.ErrNotTracked, "bazs"},
		"not installed":    {failure(t, yore.EachChange(ctx, pgtest.Connect(t, pgtest.EmptyDSN(t, pgtest.Server(t))), yore.ChangesOptions{})), yore.ErrNotInstalled, ""},
		"before tracking":  {failure(t, foos.Diff(ctx, db, time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), time.Time{}, yore.DiffOptions{})), yore.ErrBeforeTracking, "foos"},
		"Diff":             {failure(t, yore.Diff(ctx, db, "bazs", time.Time{}, time.Time{}, yore.DiffOptions{})), yore.ErrNotTracked, "bazs"},
		"Diff's Matching":  {failure(t, yore.Diff(ctx, db, "foos", time.Time{}, time.Time{}, yore.DiffOptions{Matching: yore.Row{"x": 1}})), yore.ErrOption, "x"},
		"Timeline":         {do(bazs.Timeline(ctx, db, yore.TimelineOptions{})).err, yore.ErrNotTracked, "bazs"},
		"Timeline's key":   {do(boosMoos.Timeline(ctx, db, yore.TimelineOptions{}, 1)).err, yore.ErrOption, "boo_id"},
		"Timeline's nil":   {do(foos.Timeline(ctx, db, yore.TimelineOptions{}, nil)).err, yore.ErrOption, "nil"},
		"Timeline's Limit": {do(yore.Timeline(ctx, db, yore.TimelineOptions{Limit: -1}, yore.TimelineOf{Table: "foos"})).err, yore.ErrOption, "-1"},
	} {
		var known *yore.Error
		if !errors.Is(c.err, c.kind) || !errors.As(c.err, &known) || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: got %v, want %v that says %q", what, c.err, c.kind, c.says)
		}
	}
	if err := failure(t, yore.Temporal[wrong]("foos").Changes(ctx, db, yore.ChangesOptions{})); !strings.Contains(err.Error(), "nothing") {
		t.Errorf("a field without a column: %v", err)
	}
}
