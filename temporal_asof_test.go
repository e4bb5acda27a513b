package yore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// temporal-94 to 104, temporal-106, temporal-108 and temporal-110, through every
// handle.
func TestTemporalAsOf(t *testing.T) {
	t.Parallel()
	ctx, dsn, story := withStory(t)
	for name, db := range everyHandle(t, dsn) {
		t.Run(name, func(t *testing.T) {
			// temporal-94
			monthAgo := time.Now().AddDate(0, -1, 0)
			equal(t, "a month ago", do(foos.AsOf(monthAgo).All(ctx, db)).ok(t), []foo{})
			for _, want := range pgtest.Moments {
				at := story.At[want.At]
				// temporal-95, temporal-97 (the result is a foo), temporal-98
				equal(t, "foo at "+want.At, oneName(t, foos.AsOf(at).Key(1), db, fooName), want.Foo)
				// temporal-100: nothing before the link, then the child as it was.
				equal(t, "bar at "+want.At, oneName(t, bars.AsOf(at).Where("foo_id = $1", 1), db, barName), want.Bar)
				// temporal-99: the zone does not matter.
				equal(t, "elsewhere", oneName(t, foos.AsOf(at.In(time.FixedZone("east", 9*3600))).Key(1), db, fooName), want.Foo)
				// temporal-101, temporal-103: a bar's foo at a moment that is not its own.
				if b, found := lookup(t, bars.AsOf(at).Key(1), db); found {
					parent := do(yore.Related(foos.AsOf(at), yore.BelongsTo, "foo_id").One(ctx, db, b)).ok(t)
					equal(t, "foo of bar at "+want.At, parent.Name, want.Foo)
				}
				// temporal-102, temporal-104
				q := bars.AsOf(at).Key(1)
				if want.Bar == "" {
					do(q.One(ctx, db)).fails(t, yore.ErrNotFound)
				} else {
					equal(t, "One", do(q.One(ctx, db)).ok(t).Name, want.Bar)
				}
				// temporal-106: a condition meets the values of the time.
				named := do(foos.AsOf(at).Where("name = $1", "foo bar").Count(ctx, db)).ok(t)
				equal(t, "named foo bar at "+want.At, named == 1, want.Foo == "foo bar")
			}
			// temporal-96, temporal-110
			now := do(foos.Current().OrderBy("id").All(ctx, db)).ok(t)
			equal(t, "now", names(now, fooName), []string{"new foo", "foo 0", "foo 1"})
			for _, at := range []time.Time{time.Now(), time.Now().AddDate(10, 0, 0), {}} {
				equal(t, "as of now", do(foos.AsOf(at).OrderBy("id").All(ctx, db)).ok(t), now)
			}
			// temporal-108: from is in, to is out; to the microsecond.
			for _, v := range do(foos.History(1).All(ctx, db)).ok(t) {
				equal(t, "at from", oneName(t, foos.AsOf(*v.From).Key(1), db, fooName), v.Row.Name)
				if v.To != nil {
					equal(t, "just before to", oneName(t, foos.AsOf(v.AsOf()).Key(1), db, fooName), v.Row.Name)
					equal(t, "at to", oneName(t, foos.AsOf(*v.To).Key(1), db, fooName) != v.Row.Name, true)
				}
			}
			equal(t, "Get", do(foos.Get(ctx, db, 1)).ok(t), foo{1, "new foo"})
			do(foos.Get(ctx, db, 77)).fails(t, yore.ErrNotFound)
		})
	}
}

func lookup[T any](t testing.TB, q yore.Query[T], db yore.DB) (T, bool) {
	t.Helper()
	row, err := q.One(context.Background(), db)
	if err != nil && !errors.Is(err, yore.ErrNotFound) {
		t.Fatal(err)
	}
	return row, err == nil
}

// temporal-105: a scope is a Query, which goes on being refined.
func TestScopesAreQueries(t *testing.T) {
	t.Parallel()
	ctx, dsn, story := withStory(t)
	db := pgtest.Connect(t, dsn)
	q := foos.AsOf(story.At["foo 0"])
	equal(t, "refined", do(q.Where("name LIKE 'foo%'").All(ctx, db)).ok(t), []foo{{2, "foo 0"}})
	equal(t, "as it was", do(q.Count(ctx, db)).ok(t), int64(2))
}

// Inside AsOf, what reads the present reads that time: temporal-94 to 104, again,
// by queries that do not know.
func TestHandlesInsideAsOf(t *testing.T) {
	t.Parallel()
	ctx, dsn, story := withStory(t)
	for _, mode := range modes {
		db := connect(t, dsn, mode)
		for _, want := range pgtest.Moments {
			err := yore.AsOf(ctx, db, story.At[want.At], func(tx pgx.Tx) error {
				equal(t, "foo at "+want.At, oneName(t, foos.Current().Key(1), tx, fooName), want.Foo)
				_, found, err := bars.Lookup(ctx, tx, 1)
				equal(t, "bar at "+want.At, found, want.Bar != "")
				_, err2 := subBars.Get(ctx, tx, 1)
				equal(t, "sub-bar at "+want.At, errors.Is(err2, yore.ErrNotFound), want.Sub == "")
				versions := do(yore.Versions(foos.Current()).Key(1).All(ctx, tx)).ok(t)
				equal(t, "version at "+want.At, one(t, versionNames(versions, fooName), func(s string) string { return s }), want.Foo)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// temporal-109
func TestTemporalDeleted(t *testing.T) {
	t.Parallel()
	ctx, dsn, story := withStory(t)
	pgtest.Exec(t, pgtest.Connect(t, dsn), "DELETE FROM noos WHERE id = 1")
	for name, db := range everyHandle(t, dsn) {
		gone := do(noos.IncludeDeleted().OrderBy("id").All(ctx, db)).ok(t)
		equal(t, name, versionNames(gone, namedName), []string{"Historical Element 3", "Historical Element 2"})
		v := gone[0]
		if !v.Deleted || v.Number != 3 || v.IsCurrent() || !v.From.Equal(*v.To) {
			t.Errorf("%s: %+v", name, v)
		}
		equal(t, "at the deletion", do(noos.AsOf(*v.From).Key(1).Count(ctx, db)).ok(t), int64(0))
		equal(t, "right before", oneName(t, noos.AsOf(v.AsOf()).Key(1), db, namedName), "Historical Element 3")
		equal(t, "long before", do(yore.Versions(noos.AsOf(story.At["n0"])).All(ctx, db)).ok(t)[0].Number, int64(1))
		equal(t, "now", do(noos.Current().Key(1).Count(ctx, db)).ok(t), int64(0))
		equal(t, "deleted by then", do(noos.AsOf(story.At["n0"]).IncludeDeleted().Count(ctx, db)).ok(t), int64(1))
	}
}

// temporal-139: times are in UTC, and open ends are nil.
func TestTemporalTimes(t *testing.T) {
	t.Parallel()
	ctx, dsn, _ := withStory(t)
	for name, db := range everyHandle(t, dsn) {
		versions := do(foos.History(1).All(ctx, db)).ok(t)
		for i, v := range versions {
			last := i == len(versions)-1
			if v.From == nil || v.From.Location() != time.UTC || (v.To == nil) != last || v.To != nil && v.To.Location() != time.UTC {
				t.Errorf("%s: version %d from %v to %v", name, v.Number, v.From, v.To)
			}
			equal(t, "AsOf", v.AsOf().IsZero(), last)
			equal(t, "IsCurrent", v.IsCurrent(), last)
			if v.XID == 0 {
				t.Errorf("%s: no xid", name)
			}
		}
	}
}
