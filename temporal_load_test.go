package yore_test

import (
	"testing"
	"time"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

func subsubName(s subSubBar) string { return s.Name }
func bazName(b baz) string          { return b.Name }

// temporal-111 to 114 and 119: related rows, loaded for all or one by one, at
// every moment, through every handle.
func TestTemporalRelated(t *testing.T) {
	t.Parallel()
	ctx, dsn, story := withStory(t)
	for handle, db := range everyHandle(t, dsn) {
		for _, want := range pgtest.Moments {
			at := story.At[want.At]
			name := handle + " at " + want.At
			parents := do(foos.AsOf(at).Where("id = 1").All(ctx, db)).ok(t)
			if len(parents) == 0 {
				equal(t, name, want.Foo, "")
				continue
			}
			fooBars := yore.Related(bars.AsOf(at), yore.HasMany, "foo_id")
			barSubs := yore.Related(subBars.AsOf(at), yore.HasMany, "bar_id")
			subSubs := yore.Related(subSubBars.AsOf(at), yore.HasMany, "sub_bar_id")

			// temporal-111: has many.
			loaded := do(fooBars.Load(ctx, db, parents)).ok(t)
			children := loaded.Many(parents[0])
			equal(t, name, one(t, children, barName), want.Bar)
			// temporal-119: what is read when it is asked for equals what was loaded.
			equal(t, name, do(fooBars.Many(ctx, db, parents[0])).ok(t), children)
			// temporal-112: belongs to.
			barFoo := yore.Related(foos.AsOf(at), yore.BelongsTo, "foo_id")
			for _, b := range children {
				equal(t, name, do(barFoo.Load(ctx, db, children)).ok(t).One(b).Name, want.Foo)
			}
			// temporal-113: two levels, nested; temporal-118: and a third.
			subs := do(barSubs.Load(ctx, db, children)).ok(t)
			for _, b := range children {
				equal(t, name, one(t, subs.Many(b), subName), want.Sub)
				for _, s := range subs.Many(b) {
					equal(t, name, one(t, do(subSubs.Many(ctx, db, s)).ok(t), subsubName), want.SubSub)
				}
			}
			// temporal-114: through, and through what goes through.
			through := yore.Through(fooBars, barSubs)
			equal(t, name, one(t, do(through.Many(ctx, db, parents[0])).ok(t), subName), want.Sub)
			equal(t, name, one(t, do(yore.Through(through, subSubs).Load(ctx, db, parents)).ok(t).Many(&parents[0]), subsubName), want.SubSub)
			// temporal-115: through a relation with a condition.
			scoped := yore.Through(yore.Related(bars.AsOf(at).Where("name LIKE 'new%'"), yore.HasMany, "foo_id"), barSubs)
			found := len(do(scoped.Many(ctx, db, parents[0])).ok(t)) > 0
			equal(t, name, found, want.Bar == "new bar")
		}
	}
}

// temporal-117: joins of every kind give the grandparent the value that it had.
func TestTemporalJoins(t *testing.T) {
	t.Parallel()
	ctx, dsn, story := withStory(t)
	db := pgtest.Connect(t, dsn)
	type line struct{ Sub, Bar, Foo string }
	for _, want := range pgtest.Moments {
		at := story.At[want.At]
		expected := []line{}
		if want.Sub != "" {
			expected = append(expected, line{want.Sub, want.Bar, want.Foo})
		}
		on := func(bar, foo yore.Source) []line {
			q := subBars.AsOf(at).Join("b", bar, "b.id = sub_bars.bar_id").Join("f", foo, "f.id = b.foo_id")
			return do(yore.Select[line](q, "sub_bars.name AS sub", "b.name AS bar", "f.name AS foo").All(ctx, db)).ok(t)
		}
		equal(t, want.At, on(bars.AsOf(at), foos.AsOf(at)), expected)
		// A handle is joined at the instant of the query.
		equal(t, want.At+", handles", on(bars, foos), expected)
		// The related rows are still loaded, not only joined.
		joined := do(subBars.AsOf(at).Join("b", bars, "b.id = sub_bars.bar_id").All(ctx, db)).ok(t)
		parents := do(yore.Related(bars.AsOf(at), yore.BelongsTo, "bar_id").Load(ctx, db, joined)).ok(t)
		for _, s := range joined {
			equal(t, want.At, parents.One(s).Name, want.Bar)
		}
	}
}

// temporal-116, 123 and 124: a table that is not tracked is read as it is, and
// what hangs on it is of the time.
func TestTemporalGate(t *testing.T) {
	t.Parallel()
	ctx, dsn, story := withStory(t)
	for handle, db := range everyHandle(t, dsn) {
		gates := do(bazs.Current().All(ctx, db)).ok(t)
		equal(t, handle, names(gates, bazName), []string{"baz"})
		for _, want := range pgtest.Moments {
			at := story.At[want.At]
			toBar := yore.Related(bars.AsOf(at), yore.BelongsTo, "bar_id")
			toFoo := yore.Related(foos.AsOf(at), yore.BelongsTo, "foo_id")
			b := do(toBar.One(ctx, db, gates[0])).ok(t)
			equal(t, handle+" bar at "+want.At, b != nil, want.Bar != "")
			f := do(yore.Through(toBar, toFoo).One(ctx, db, gates[0])).ok(t)
			if b != nil {
				equal(t, handle+" at "+want.At, [2]string{b.Name, f.Name}, [2]string{want.Bar, want.Foo})
				// temporal-123: the plain rows that hang on a row of that time.
				plain := do(yore.Related(bazs.Current(), yore.HasMany, "bar_id").Many(ctx, db, *b)).ok(t)
				equal(t, "plain", names(plain, bazName), []string{"baz"})
			}
			named := do(bars.AsOf(at).Join("gate", yore.Table("bazs"), "gate.bar_id = bars.id").All(ctx, db)).ok(t)
			equal(t, handle+" joined at "+want.At, one(t, named, barName), want.Bar)
		}
	}
}

// temporal-120: without a time, everything is of the present.
func TestPresentRelated(t *testing.T) {
	t.Parallel()
	ctx, dsn, _ := withStory(t)
	db := pgtest.Connect(t, dsn)
	all := do(foos.Current().OrderBy("id").All(ctx, db)).ok(t)
	loaded := do(yore.Related(bars.Current(), yore.HasMany, "foo_id").Load(ctx, db, all)).ok(t)
	var have []string
	for _, f := range all {
		have = append(have, f.Name+": "+one(t, loaded.Many(f), barName))
	}
	equal(t, "bars of foos", have, []string{"new foo: new bar", "foo 0: bar 0", "foo 1: bar 1"})
	equal(t, "joined", do(bars.Current().Join("f", foos, "f.id = bars.foo_id").Count(ctx, db)).ok(t), int64(3))
	equal(t, "left out", do(bars.Current().Join("f", foos.Where("name = $1", "foo 0"), "f.id = bars.foo_id").All(ctx, db)).ok(t)[0].Name, "bar 0")
}

// temporal-121 and 122: many to many, over a join table that is tracked.
func TestTemporalManyToMany(t *testing.T) {
	t.Parallel()
	ctx, dsn, story := withStory(t)
	pgtest.Exec(t, pgtest.Connect(t, dsn), "DELETE FROM boos_moos WHERE boo_id = 1 AND moo_id = 2")
	for handle, db := range everyHandle(t, dsn) {
		moosOf := func(links yore.Query[booMoo], to yore.Query[named]) map[string][]string {
			all := do(boos.Current().All(ctx, db)).ok(t)
			r := yore.Through(yore.Related(links.OrderBy("moo_id"), yore.HasMany, "boo_id"), yore.Related(to, yore.BelongsTo, "moo_id"))
			loaded := do(r.Load(ctx, db, all)).ok(t)
			have := map[string][]string{}
			for _, b := range all {
				have[b.Name] = names(loaded.Many(b), namedName)
			}
			return have
		}
		both, now := []string{"moo 0", "moo 1"}, map[string][]string{"boo 0": {"moo 0"}, "boo 1": {"moo 0", "moo 1"}}
		equal(t, handle+" now", moosOf(boosMoos.Current(), moos.Current()), now)
		equal(t, handle+" as of now", moosOf(boosMoos.AsOf(time.Now()), moos.Current()), now)
		at := story.At["links"] // temporal-122
		equal(t, handle+" before", moosOf(boosMoos.AsOf(at), moos.AsOf(at)), map[string][]string{"boo 0": both, "boo 1": both})
		at = story.At["moos"]
		equal(t, handle+" before any", moosOf(boosMoos.AsOf(at), moos.AsOf(at)), map[string][]string{"boo 0": {}, "boo 1": {}})
	}
}
