package yore_test

import (
	"testing"
	"time"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// A moment of the story goes by the name of the step in which it lies.
func stepsOf(t testing.TB, story pgtest.Story, moments []time.Time) []string {
	t.Helper()
	out := []string{}
	for _, at := range moments {
		name := "?"
		for step, end := range story.At {
			if !at.After(end) && (name == "?" || end.Before(story.At[name])) {
				name = step
			}
		}
		if at.Location() != time.UTC {
			t.Errorf("%s is not in UTC", at)
		}
		out = append(out, name)
	}
	return out
}

func TestTimelines(t *testing.T) {
	t.Parallel()
	ctx, dsn, story := withStory(t)
	foo1 := yore.TimelineOf{Table: "foos", Matching: yore.Row{"id": 1}}
	bar1 := yore.TimelineOf{Table: "bars", Matching: yore.Row{"id": int64(1)}}
	barsOfFoo1 := yore.TimelineOf{Table: "bars", Matching: yore.Row{"foo_id": 1}}
	for name, db := range everyHandle(t, dsn) {
		want := func(what string, moments []time.Time, err error, steps ...string) {
			t.Helper()
			if err != nil {
				t.Fatalf("%s: %s: %v", name, what, err)
			}
			equal(t, name+": "+what, stepsOf(t, story, moments), append([]string{}, steps...))
		}
		of := func(o yore.TimelineOptions, parts ...yore.TimelineOf) ([]time.Time, error) {
			return yore.Timeline(ctx, db, o, parts...)
		}
		moments, err := foos.Timeline(ctx, db, yore.TimelineOptions{}, 1)
		want("temporal-151", moments, err, "f0", "f1", "f2")
		moments, err = foos.Timeline(ctx, db, yore.TimelineOptions{})
		want("temporal-151: a table", moments, err, "f0", "f1", "f2", "foo 0", "foo 1")
		moments, err = foos.Timeline(ctx, db, yore.TimelineOptions{}, 99)
		want("temporal-151: none", moments, err)
		moments, err = of(yore.TimelineOptions{}, foo1, barsOfFoo1)
		want("temporal-152", moments, err, "f0", "f1", "b0", "b1", "f2", "b2", "b3")
		moments, err = of(yore.TimelineOptions{WithinFirst: true}, bar1, foo1)
		want("temporal-153", moments, err, "b0", "b1", "f2", "b2", "b3")
		moments, err = of(yore.TimelineOptions{WithinFirst: true, Limit: 2}, bar1, foo1)
		want("temporal-153: limit", moments, err, "b0", "b1")
		moments, err = of(yore.TimelineOptions{}, barsOfFoo1) // of foo 1 as a gate
		want("temporal-154", moments, err, "b0", "b1", "b2", "b3")
		moments, err = of(yore.TimelineOptions{After: story.At["b0"]}, foo1, barsOfFoo1)
		want("temporal-155: after", moments, err, "b1", "f2", "b2", "b3")
		moments, err = of(yore.TimelineOptions{Before: story.At["b0"]}, foo1, barsOfFoo1)
		want("temporal-155: before", moments, err, "f0", "f1", "b0")
		moments, err = of(yore.TimelineOptions{After: story.At["f0"], Before: story.At["b3"], Reverse: true, Limit: 3}, foo1, barsOfFoo1)
		want("temporal-155: all", moments, err, "b3", "b2", "f2")
		moments, err = of(yore.TimelineOptions{})
		want("of nothing", moments, err)
	}
	// Both bounds are exclusive.
	db := pgtest.Connect(t, dsn)
	all := do(bars.Timeline(ctx, db, yore.TimelineOptions{}, 1)).ok(t)
	equal(t, "exclusive", do(bars.Timeline(ctx, db, yore.TimelineOptions{After: all[0], Before: all[3]}, 1)).ok(t), all[1:3])
	// Of a row that went and came back, what happened in between is not its own.
	pgtest.Exec(t, db, "DELETE FROM sub_sub_bars", "DELETE FROM sub_bars", "DELETE FROM bars WHERE id = 1", "UPDATE foos SET name = 'alone' WHERE id = 1", "INSERT INTO bars VALUES (1, 'back', 1)", "UPDATE foos SET name = 'again' WHERE id = 1")
	own := do(bars.Timeline(ctx, db, yore.TimelineOptions{}, 1)).ok(t)
	both := do(yore.Timeline(ctx, db, yore.TimelineOptions{WithinFirst: true, After: all[3]}, bar1, foo1)).ok(t)
	again := do(foos.Timeline(ctx, db, yore.TimelineOptions{Reverse: true, Limit: 1}, 1)).ok(t)
	equal(t, "temporal-153: deleted and back", both, append(own[4:], again...))
}
