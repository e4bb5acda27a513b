package yore_test

import (
	"context"
	"testing"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

func numbers[T any](versions []yore.Version[T]) []int64 {
	return valuesOf(versions, func(v yore.Version[T]) int64 { return v.Number })
}

func valuesOf[T, V any](rows []T, of func(T) V) []V {
	all := []V{}
	for _, row := range rows {
		all = append(all, of(row))
	}
	return all
}

// temporal-125 to 127, 132 to 134 and 140, through every handle.
func TestTemporalHistory(t *testing.T) {
	t.Parallel()
	ctx, dsn, _ := withStory(t)
	for handle, db := range everyHandle(t, dsn) {
		t.Run(handle, func(t *testing.T) {
			// temporal-125: in the order in which they were made.
			all := do(foos.AllVersions().OrderBy("valid_from", "id").All(ctx, db)).ok(t)
			equal(t, "all", versionNames(all, fooName), []string{"foo", "foo bar", "new foo", "foo 0", "foo 1"})
			// temporal-126
			equal(t, "count", do(bars.History(1).Count(ctx, db)).ok(t), int64(4))
			equal(t, "values", versionNames(do(bars.History(1).All(ctx, db)).ok(t), barName), []string{"bar", "foo bar", "bar bar", "new bar"})
			// temporal-127, temporal-133: by number.
			second := do(bars.History(1).Where("version = $1", 2).One(ctx, db)).ok(t)
			equal(t, "second", second.Row.Name, "foo bar")
			last := do(bars.History(1).OrderBy("version DESC").One(ctx, db)).ok(t)
			equal(t, "last", last.Number, int64(4))
			// temporal-132
			type count struct {
				Name string
				N    int64
			}
			q := bars.AllVersions().Join("f", foos, "f.id = bars.foo_id")
			grouped := do(yore.Select[count](q.OrderBy("n DESC", "name"), "f.name AS name", "count(*) AS n").GroupBy("f.name").All(ctx, db)).ok(t)
			equal(t, "versions of bars by their foo", grouped, []count{{"new foo", 3}, {"foo 0", 1}, {"foo 1", 1}, {"foo bar", 1}})
			most := do(yore.Select[count](foos.AllVersions(), "max(name) AS name", "max(version) AS n").GroupBy().All(ctx, db)).ok(t)
			equal(t, "of all", most, []count{{"new foo", 3}})
			// temporal-134: by key and number.
			equal(t, "sorted", numbers(do(foos.AllVersions().All(ctx, db)).ok(t)), []int64{1, 2, 3, 1, 1})
			// temporal-140
			var visited []int64
			for batch, err := range bars.AllVersions().Batches(ctx, db, 2) {
				if err != nil || len(batch) > 2 {
					t.Fatalf("%d rows, %v", len(batch), err)
				}
				visited = append(visited, numbers(batch)...)
			}
			equal(t, "visited", visited, []int64{1, 2, 3, 4, 1, 1})
			var each []int64
			for v, err := range bars.AllVersions().Each(ctx, db) {
				if err != nil {
					t.Fatal(err)
				}
				each = append(each, v.Number)
			}
			equal(t, "each", each, visited)
			equal(t, "unknown", do(bars.History(77).All(ctx, db)).ok(t), []yore.Version[bar]{})
		})
	}
}

// temporal-128 and 129: what belongs to a version is what belonged to it in the
// end; it can be read and written as any row.
func TestVersionsRelated(t *testing.T) {
	t.Parallel()
	ctx, dsn, _ := withStory(t)
	db := pgtest.Connect(t, dsn)
	firstBars := []string{}
	for _, v := range do(foos.History(1).All(ctx, db)).ok(t) {
		q := bars.AsOf(v.AsOf()).OrderBy("id")
		loaded := do(yore.Related(q, yore.HasMany, "foo_id").Many(ctx, db, v)).ok(t) // a Version is a row
		firstBars = append(firstBars, one(t, loaded, barName))
	}
	equal(t, "the first bar at the end of each", firstBars, []string{"", "foo bar", "new bar"})

	barFoos := []string{}
	for _, v := range do(bars.History(1).All(ctx, db)).ok(t) {
		f := do(yore.Related(foos.AsOf(v.AsOf()), yore.BelongsTo, "foo_id").One(ctx, db, v.Row)).ok(t)
		barFoos = append(barFoos, f.Name)
	}
	equal(t, "foo of each", barFoos, []string{"foo bar", "new foo", "new foo", "new foo"})

	// The same in one query: a handle is joined as of each version's last moment.
	type line struct{ Bar, Foo string }
	lines := do(yore.Select[line](bars.History(1).Join("f", foos, "f.id = bars.foo_id"), "bars.name AS bar", "f.name AS foo").All(ctx, db)).ok(t)
	equal(t, "joined", lines, []line{{"bar", "foo bar"}, {"foo bar", "new foo"}, {"bar bar", "new foo"}, {"new bar", "new foo"}})

	v := do(foos.History(1).One(ctx, db)).ok(t)
	pgtest.Exec(t, db, "UPDATE foos SET name = 'as it was: "+v.Row.Name+"' WHERE id = 1")
	equal(t, "written", do(foos.Get(ctx, db, 1)).ok(t).Name, "as it was: foo")
}

// temporal-130: both changed in one transaction, the first version's child is
// the old one.
func TestVersionsOfOneTransaction(t *testing.T) {
	t.Parallel()
	ctx, dsn, _ := withStory(t)
	db := pgtest.Connect(t, dsn)
	tx := do(db.Begin(ctx)).ok(t)
	pgtest.Exec(t, tx, "UPDATE foos SET name = 'foo 0b' WHERE id = 2", "UPDATE bars SET name = 'bar 0b' WHERE id = 2")
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	versions := do(foos.History(2).All(ctx, db)).ok(t)
	have := []string{}
	for _, v := range versions {
		have = append(have, one(t, do(yore.Related(bars.AsOf(v.AsOf()), yore.HasMany, "foo_id").Many(ctx, db, v)).ok(t), barName))
	}
	equal(t, "children", have, []string{"bar 0", "bar 0b"})
}

// temporal-137 and 138
func TestCurrentVersion(t *testing.T) {
	t.Parallel()
	ctx, dsn, story := withStory(t)
	for handle, db := range everyHandle(t, dsn) {
		from := map[string]yore.Query[yore.Version[foo]]{
			"the present": yore.Versions(foos.Current()), "a time": yore.Versions(foos.AsOf(story.At["f0"])), "history": foos.History(1).Where("version = 2"),
		}
		for name, q := range from {
			v := do(q.Where("id = 1").One(ctx, db)).ok(t)
			current := do(v.CurrentVersion(ctx, db)).ok(t)
			equal(t, handle+" from "+name, current.Row.Name, "new foo")
			equal(t, "IsCurrent", v.IsCurrent(), name == "the present")
			equal(t, "IsCurrent", current.IsCurrent(), true)
		}
	}
}

// temporal-142 to 148, through every handle.
func TestVersionNeighbours(t *testing.T) {
	t.Parallel()
	ctx, dsn, _ := withStory(t)
	pgtest.Exec(t, pgtest.Connect(t, dsn), "DELETE FROM noos WHERE id = 1", "INSERT INTO noos (id, name) VALUES (1, 'again')")
	type step = func(context.Context, yore.DB) (*yore.Version[bar], error)
	number := func(f step, db yore.DB) int64 {
		v := do(f(ctx, db)).ok(t)
		if v == nil {
			return 0
		}
		return v.Number
	}
	for handle, db := range everyHandle(t, dsn) {
		versions := do(bars.History(1).All(ctx, db)).ok(t)
		for i, v := range versions {
			n := int64(i + 1)
			equal(t, handle+" Prev", number(v.Prev, db), n-1)                    // temporal-142
			equal(t, handle+" Next", number(v.Next, db), []int64{2, 3, 4, 0}[i]) // temporal-146, temporal-147
			equal(t, handle+" First", number(v.First, db), int64(1))             // temporal-148
			equal(t, handle+" Last", number(v.Last, db), int64(4))
		}
		// temporal-143: the version before the current one; temporal-144: to the first.
		current := do(yore.Versions(bars.Current()).Key(1).One(ctx, db)).ok(t)
		back := []string{}
		for v := &current; v != nil; v = do(v.Prev(ctx, db)).ok(t) {
			back = append(back, v.Row.Name)
		}
		equal(t, handle+" back", back, []string{"new bar", "bar bar", "foo bar", "bar"})
		// temporal-145
		only := do(yore.Versions(bars.Current()).Key(2).One(ctx, db)).ok(t)
		equal(t, handle+" without history", number(only.Prev, db)+number(only.Next, db), int64(0))

		// A tombstone is a version, too.
		gone := do(noos.History(1).Where("version = 3").One(ctx, db)).ok(t)
		equal(t, "tombstone", gone.Deleted, true)
		equal(t, "before", do(gone.Prev(ctx, db)).ok(t).Row.Name, "Historical Element 3")
		equal(t, "after", do(gone.Next(ctx, db)).ok(t).Row.Name, "again")
	}
	do((yore.Version[bar]{}).Prev(ctx, pgtest.Connect(t, dsn))).fails(t, yore.ErrOption)
}

// temporal-149 and 150
func TestVersionChanges(t *testing.T) {
	t.Parallel()
	ctx, dsn, _ := withStory(t)
	for handle, db := range everyHandle(t, dsn) {
		v := do(bars.History(1).All(ctx, db)).ok(t)
		name := func(old, now any) []yore.ColumnChange {
			return []yore.ColumnChange{{Column: "name", Old: old, New: now}}
		}
		current := do(yore.Versions(bars.Current()).Key(1).One(ctx, db)).ok(t)
		equal(t, handle+" current", do(current.LastChanges(ctx, db)).ok(t), name("bar bar", "new bar"))
		only := do(yore.Versions(bars.Current()).Key(2).One(ctx, db)).ok(t)
		equal(t, handle+" without history", do(only.LastChanges(ctx, db)).ok(t), []yore.ColumnChange(nil))
		equal(t, handle+" first", do(v[0].LastChanges(ctx, db)).ok(t), []yore.ColumnChange(nil))
		equal(t, handle+" middle", do(v[1].LastChanges(ctx, db)).ok(t), name("bar", "foo bar"))
		// temporal-150
		equal(t, handle+" against the first", current.ChangesFrom(v[0]), name("bar", "new bar"))
		equal(t, handle+" against the last", current.ChangesFrom(v[3]), []yore.ColumnChange{})
		equal(t, handle+" forth", v[2].ChangesFrom(v[1]), name("foo bar", "bar bar"))
		equal(t, handle+" back", v[1].ChangesFrom(v[2]), name("bar bar", "foo bar"))
	}
	// Several columns, in their order, NULL and a deletion.
	db := pgtest.Connect(t, dsn)
	pgtest.Exec(t, db, "UPDATE bars SET foo_id = NULL, name = 'lost' WHERE id = 3", "DELETE FROM bars WHERE id = 3")
	v := do(bars.History(3).All(ctx, db)).ok(t)
	equal(t, "several", v[1].ChangesFrom(v[0]), []yore.ColumnChange{{Column: "name", Old: "bar 1", New: "lost"}, {Column: "foo_id", Old: int64(3), New: nil}})
	equal(t, "deleted", do(v[2].LastChanges(ctx, db)).ok(t), []yore.ColumnChange{{Column: "id", Old: int64(3)}, {Column: "name", Old: "lost"}})
}
