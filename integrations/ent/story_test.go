package ent_test

import (
	"context"

	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"yore.example/yore/integrations/ent/ent"
	"yore.example/yore/integrations/ent/ent/bar"
	"yore.example/yore/integrations/ent/ent/baz"
	"yore.example/yore/integrations/ent/ent/boo"
	"yore.example/yore/integrations/ent/ent/foo"
	"yore.example/yore/integrations/ent/ent/moo"
	"yore.example/yore/integrations/ent/ent/subbar"
	"yore.example/yore/integrations/ent/ent/subsubbar"
	"yore.example/yore/internal/pgtest"
)

// The story by its moments: foos with their bars, sub-bars and sub-sub-bars.
var moments = []struct{ at, tree string }{
	{"start", ""},
	{"f0", "foo"},
	{"f1", "foo bar"},
	{"b0", "foo bar(bar)"},
	{"b1", "foo bar(foo bar)"},
	{"s0", "foo bar(foo bar(sub-bar))"},
	{"s1", "foo bar(foo bar(bar sub-bar))"},
	{"ss0", "foo bar(foo bar(bar sub-bar(sub-sub-bar)))"},
	{"f2", "new foo(foo bar(bar sub-bar(sub-sub-bar)))"},
	{"b2", "new foo(bar bar(bar sub-bar(sub-sub-bar)))"},
	{"b3", "new foo(new bar(bar sub-bar(sub-sub-bar)))"},
	{"s2", "new foo(new bar(sub-bar sub-bar(sub-sub-bar)))"},
	{"s3", "new foo(new bar(new sub-bar(sub-sub-bar)))"},
	{"foo 0", "new foo(new bar(new sub-bar(sub-sub-bar))), foo 0"},
	{"foo 1", "new foo(new bar(new sub-bar(sub-sub-bar))), foo 0, foo 1"},
	{"bar 0", "new foo(new bar(new sub-bar(sub-sub-bar))), foo 0(bar 0), foo 1"},
	{"n1", "new foo(new bar(new sub-bar(sub-sub-bar))), foo 0(bar 0), foo 1(bar 1)"},
}

// list writes names with what is below them.
func list[T any](all []T, name func(T) string, below func(T) string) string {
	var out []string
	for _, one := range all {
		s := name(one)
		if b := below(one); b != "" {
			s += "(" + b + ")"
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// eager loads the tree with its first query and one for each level.
func eager(ctx context.Context, c *ent.Client) string {
	foos := c.Foo.Query().Order(foo.ByID()).WithBars(func(q *ent.BarQuery) {
		q.Order(bar.ByID()).WithSubBars(func(q *ent.SubBarQuery) { q.WithSubSubBars() })
	}).AllX(ctx)
	return list(foos, func(f *ent.Foo) string { return f.Name }, func(f *ent.Foo) string {
		return list(f.Edges.Bars, func(b *ent.Bar) string { return b.Name }, func(b *ent.Bar) string {
			return list(b.Edges.SubBars, func(s *ent.SubBar) string { return s.Name }, func(s *ent.SubBar) string {
				return list(s.Edges.SubSubBars, func(s *ent.SubSubBar) string { return s.Name }, func(*ent.SubSubBar) string { return "" })
			})
		})
	})
}

// lazy asks every entity for its own.
func lazy(ctx context.Context, c *ent.Client) string {
	return list(c.Foo.Query().Order(foo.ByID()).AllX(ctx), func(f *ent.Foo) string { return f.Name }, func(f *ent.Foo) string {
		return list(f.QueryBars().Order(bar.ByID()).AllX(ctx), func(b *ent.Bar) string { return b.Name }, func(b *ent.Bar) string {
			return list(b.QuerySubBars().AllX(ctx), func(s *ent.SubBar) string { return s.Name }, func(s *ent.SubBar) string {
				return list(s.QuerySubSubBars().AllX(ctx), func(s *ent.SubSubBar) string { return s.Name }, func(*ent.SubSubBar) string { return "" })
			})
		})
	})
}

// temporal-111, temporal-113, temporal-118: eager loading at every level is of
// the time. temporal-119: entities asked one by one say the same. temporal-95,
// temporal-96, temporal-100, temporal-103: at each time exactly what there was.
// temporal-120: in the present nothing is different.
func TestEagerLoading(t *testing.T) {
	t.Parallel()
	d, s := story(t)
	for _, m := range moments {
		d.at(t, s.At[m.at], func(ctx context.Context, c *ent.Client) {
			if got := eager(ctx, c); got != m.tree {
				t.Errorf("%s: eager loading reads %s, want %s", m.at, got, m.tree)
			}
			if got := lazy(ctx, c); got != m.tree {
				t.Errorf("%s: one by one they read %s, want %s", m.at, got, m.tree)
			}
		})
		if got, want := eager(context.Background(), d.client), moments[len(moments)-1].tree; got != want {
			t.Errorf("the present after %s: %s, want %s", m.at, got, want)
		}
	}
	d.at(t, d.now(t), func(ctx context.Context, c *ent.Client) { // temporal-96
		if got, want := eager(ctx, c), eager(ctx, d.client); got != want {
			t.Errorf("as of now %s, in the present %s", got, want)
		}
	})
}

// temporal-112, temporal-101, temporal-117: from below, parent and grandparent
// have the values of the time, whether eager loaded, joined by a predicate, both
// or traversed.
func TestParents(t *testing.T) {
	t.Parallel()
	d, s := story(t)
	for at, want := range map[string]string{
		"b0": "foo bar", "b1": "foo bar", "s0": "foo bar", "ss0": "foo bar", "f2": "new foo", "b2": "new foo", "b3": "new foo", "s3": "new foo",
	} {
		d.at(t, s.At[at], func(ctx context.Context, c *ent.Client) {
			if got := c.Bar.Query().WithFoo().OnlyX(ctx).Edges.Foo.Name; got != want {
				t.Errorf("%s: WithFoo reads %s, want %s", at, got, want)
			}
			if got := c.Bar.Query().QueryFoo().OnlyX(ctx).Name; got != want {
				t.Errorf("%s: QueryFoo reads %s, want %s", at, got, want)
			}
			if at[0] == 'b' && at != "b2" && at != "b3" {
				return // before there were sub-bars
			}
			ofFoo := subbar.HasBarWith(bar.HasFooWith(foo.Name(want)))
			for name, q := range map[string]*ent.SubBarQuery{
				"eager loading":              c.SubBar.Query(),
				"a predicate over two edges": c.SubBar.Query().Where(ofFoo),
			} {
				if got := q.WithBar(func(q *ent.BarQuery) { q.WithFoo() }).OnlyX(ctx).Edges.Bar.Edges.Foo.Name; got != want {
					t.Errorf("%s: %s finds the grandparent %s, want %s", at, name, got, want)
				}
			}
			if got := c.SubBar.Query().Where(ofFoo).CountX(ctx); got != 1 {
				t.Errorf("%s: by the predicate %d sub-bars", at, got)
			}
			if got := c.SubBar.Query().Where(subbar.Not(ofFoo)).CountX(ctx); got != 0 {
				t.Errorf("%s: by the opposite %d sub-bars", at, got)
			}
			if got := c.SubBar.Query().QueryBar().QueryFoo().OnlyX(ctx).Name; got != want {
				t.Errorf("%s: the traversal finds %s, want %s", at, got, want)
			}
		})
	}
}

// temporal-114: over two edges and over three. temporal-115: over an edge with a
// condition.
func TestThrough(t *testing.T) {
	t.Parallel()
	d, s := story(t)
	names := func(err error, names []string) string {
		if err != nil {
			t.Error(err)
		}
		return strings.Join(names, ", ")
	}
	for at, want := range map[string][4]string{
		"b1":  {"", "", "foo bar", ""},
		"s0":  {"sub-bar", "", "foo bar", ""},
		"ss0": {"bar sub-bar", "sub-sub-bar", "foo bar", ""},
		"b2":  {"bar sub-bar", "sub-sub-bar", "", ""},
		"b3":  {"bar sub-bar", "sub-sub-bar", "", "new bar"},
		"s2":  {"sub-bar sub-bar", "sub-sub-bar", "", "new bar"},
		"n1":  {"new sub-bar", "sub-sub-bar", "", "new bar"},
	} {
		d.at(t, s.At[at], func(ctx context.Context, c *ent.Client) {
			of := c.Foo.Query().Where(foo.ID(1))
			var got [4]string
			through, err := of.Clone().QueryBars().QuerySubBars().Select(subbar.FieldName).Strings(ctx)
			got[0] = names(err, through)
			through, err = of.Clone().QueryBars().QuerySubBars().QuerySubSubBars().Select(subsubbar.FieldName).Strings(ctx)
			got[1] = names(err, through)
			scoped := of.Clone().WithBars(func(q *ent.BarQuery) { q.Where(bar.Name("foo bar")) }).OnlyX(ctx).Edges.Bars
			got[2] = list(scoped, func(b *ent.Bar) string { return b.Name }, func(*ent.Bar) string { return "" })
			through, err = of.Clone().QueryBars().Where(bar.Name("new bar")).Select(bar.FieldName).Strings(ctx)
			got[3] = names(err, through)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", at, diff)
			}
		})
	}
}

// temporal-116, temporal-123, temporal-124: a table that is not tracked is read
// as it is, also by eager loading; what belongs to its rows is of the time.
func TestTheGate(t *testing.T) {
	t.Parallel()
	d, s := story(t)
	for at, want := range map[string][2]string{
		"b1": {"foo bar", "foo bar"}, "f2": {"foo bar", "new foo"}, "b2": {"bar bar", "new foo"}, "b3": {"new bar", "new foo"},
	} {
		d.at(t, s.At[at], func(ctx context.Context, c *ent.Client) {
			below := c.Bar.Query().WithBazs().OnlyX(ctx)
			if below.Name != want[0] || len(below.Edges.Bazs) != 1 || below.Edges.Bazs[0].Name != "baz" {
				t.Errorf("%s: %v with %v", at, below, below.Edges.Bazs)
			}
			gate := c.Baz.Query().Where(baz.HasBar()).WithBar(func(q *ent.BarQuery) { q.WithFoo() }).OnlyX(ctx)
			if got := [2]string{gate.Edges.Bar.Name, gate.Edges.Bar.Edges.Foo.Name}; gate.Name != "baz" || got != want {
				t.Errorf("%s: above the gate %v, want %v", at, got, want)
			}
		})
	}
	d.at(t, s.At["f1"], func(ctx context.Context, c *ent.Client) {
		if gate := c.Baz.Query().WithBar().OnlyX(ctx); gate.Edges.Bar != nil {
			t.Errorf("above the gate there is %v, before there was any", gate.Edges.Bar)
		}
	})
}

// temporal-121: many-to-many now. temporal-122: a link that was removed is there
// as of before.
func TestManyToMany(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := story(t)
	links := func(ctx context.Context, c *ent.Client) string {
		boos := c.Boo.Query().Order(boo.ByID()).WithMoos(func(q *ent.MooQuery) { q.Order(moo.ByID()) }).AllX(ctx)
		return list(boos, func(b *ent.Boo) string { return b.Name }, func(b *ent.Boo) string {
			return list(b.Edges.Moos, func(m *ent.Moo) string { return m.Name }, func(*ent.Moo) string { return "" })
		})
	}
	all := "boo 0(moo 0, moo 1), boo 1(moo 0, moo 1)"
	if got := links(ctx, d.client); got != all {
		t.Fatal(got)
	}
	before := d.now(t)
	d.client.Boo.UpdateOneID(1).RemoveMooIDs(2).ExecX(ctx)
	removed := d.now(t)
	d.client.Moo.UpdateOneID(1).ClearBoos().ExecX(ctx)
	d.client.Boo.DeleteOneID(1).ExecX(ctx)
	for _, m := range []struct {
		at   string
		want string
	}{{"moos", "boo 0, boo 1"}, {"links", all}, {"before", all}, {"removed", "boo 0(moo 0), boo 1(moo 0, moo 1)"}, {"now", "boo 1(moo 1)"}} {
		at, ok := s.At[m.at]
		if !ok {
			at = map[string]time.Time{"before": before, "removed": removed, "now": d.now(t)}[m.at]
		}
		d.at(t, at, func(ctx context.Context, c *ent.Client) {
			if got := links(ctx, c); got != m.want {
				t.Errorf("%s: %s, want %s", m.at, got, m.want)
			}
			want := strings.Count(m.want, "moo 1")
			if got := c.Moo.Query().Where(moo.Name("moo 1")).QueryBoos().CountX(ctx); got != want {
				t.Errorf("%s: moo 1 has %d boos, want %d", m.at, got, want)
			}
			if got := c.Boo.Query().Where(boo.HasMoosWith(moo.Name("moo 1"))).CountX(ctx); got != want {
				t.Errorf("%s: %d boos have moo 1, want %d", m.at, got, want)
			}
		})
	}
	if got := links(ctx, d.client); got != "boo 1(moo 1)" {
		t.Error("the present:", got)
	}
	pgtest.Clean(t, d.pool)
}
