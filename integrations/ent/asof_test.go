package ent_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/go-cmp/cmp"

	"yore.example/yore"
	example "yore.example/yore/integrations/ent"
	"yore.example/yore/integrations/ent/ent"
	"yore.example/yore/integrations/ent/ent/bar"
	"yore.example/yore/integrations/ent/ent/customer"
	"yore.example/yore/integrations/ent/ent/customerversion"
	"yore.example/yore/integrations/ent/ent/foo"
	"yore.example/yore/internal/pgtest"
)

// TestOrdinaryQueries runs every kind of query as of each time, with the results
// in the types of the present (temporal-97).
func TestOrdinaryQueries(t *testing.T) {
	t.Parallel()
	d, s := story(t)
	type answers struct {
		Count, WithBars, WithoutBars int
		Names                        []string // by name, descending
		Second                       string
		ByBars                       []int64 // ids, those with most bars first
		Groups                       []string
		Max                          int
		Exists                       bool
	}
	ask := func(ctx context.Context, c *ent.Client) answers {
		var groups []struct {
			Name  string
			Count int
		}
		c.Foo.Query().Where(foo.HasBars()).GroupBy(foo.FieldName).Aggregate(ent.Count()).ScanX(ctx, &groups)
		a := answers{
			Count:       c.Foo.Query().CountX(ctx),
			WithBars:    c.Foo.Query().Where(foo.HasBars()).CountX(ctx),
			WithoutBars: c.Foo.Query().Where(foo.Not(foo.HasBars())).CountX(ctx),
			Names:       c.Foo.Query().Order(foo.ByName(entsql.OrderDesc())).Select(foo.FieldName).StringsX(ctx),
			ByBars:      c.Foo.Query().Order(foo.ByBarsCount(entsql.OrderDesc()), foo.ByID()).IDsX(ctx),
			Max:         c.Foo.Query().Aggregate(ent.Max(foo.FieldID)).IntX(ctx),
			Exists:      c.Foo.Query().Where(foo.HasBarsWith(bar.NameContains("bar 1"))).ExistX(ctx),
		}
		if second, err := c.Foo.Query().Order(foo.ByID()).Offset(1).Limit(1).First(ctx); err == nil {
			a.Second = second.Name
		} else if !ent.IsNotFound(err) {
			t.Error(err)
		}
		for _, g := range groups {
			a.Groups = append(a.Groups, fmt.Sprint(g.Name, " ", g.Count))
		}
		slices.Sort(a.Groups)
		return a
	}
	for at, want := range map[string]answers{
		"f1":    {Count: 1, WithoutBars: 1, Names: []string{"foo bar"}, ByBars: []int64{1}, Max: 1},
		"b1":    {Count: 1, WithBars: 1, Names: []string{"foo bar"}, ByBars: []int64{1}, Groups: []string{"foo bar 1"}, Max: 1},
		"foo 1": {Count: 3, WithBars: 1, WithoutBars: 2, Names: []string{"new foo", "foo 1", "foo 0"}, Second: "foo 0", ByBars: []int64{1, 2, 3}, Groups: []string{"new foo 1"}, Max: 3},
		"n1":    {Count: 3, WithBars: 3, Names: []string{"new foo", "foo 1", "foo 0"}, Second: "foo 0", ByBars: []int64{1, 2, 3}, Groups: []string{"foo 0 1", "foo 1 1", "new foo 1"}, Max: 3, Exists: true},
	} {
		d.at(t, s.At[at], func(ctx context.Context, c *ent.Client) {
			if diff := cmp.Diff(want, ask(ctx, c)); diff != "" {
				t.Errorf("%s (-want +got)\n%s", at, diff)
			}
		})
	}
	d.at(t, time.Time{}, func(ctx context.Context, c *ent.Client) {
		if diff := cmp.Diff(ask(ctx, d.client), ask(ctx, c)); diff != "" {
			t.Errorf("the zero time (-present +got)\n%s", diff)
		}
	})
}

// The record at the edges of its time.
func TestRecordAtItsTimes(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := story(t)
	d.client.SubSubBar.Delete().ExecX(ctx)
	d.client.SubBar.Delete().ExecX(ctx)
	name := func(at time.Time) (name string) {
		d.at(t, at, func(ctx context.Context, c *ent.Client) {
			one, err := c.Foo.Get(ctx, 1)
			switch {
			case err == nil:
				name = one.Name
			case !ent.IsNotFound(err):
				t.Error(err)
			}
		})
		return name
	}
	for at, want := range map[string]string{"start": "", "f0": "foo", "f1": "foo bar", "ss0": "foo bar", "f2": "new foo", "n1": "new foo"} { // temporal-98, temporal-102
		if got := name(s.At[at]); got != want {
			t.Errorf("%s: %q, want %q", at, got, want)
		}
		if got := name(s.At[at].In(time.FixedZone("Havana", -5*3600))); got != want { // temporal-99
			t.Errorf("%s, in another zone: %q, want %q", at, got, want)
		}
	}
	var lower time.Time
	if err := d.pool.QueryRow(ctx, "SELECT valid_from FROM history.foos WHERE id = 1 AND version = 2").Scan(&lower); err != nil {
		t.Fatal(err)
	}
	if name(lower) != "foo bar" || name(lower.Add(-time.Microsecond)) != "foo" { // temporal-108
		t.Errorf("version 2 begins at %v with %q, before it is %q", lower, name(lower), name(lower.Add(-time.Microsecond)))
	}
	if got := name(time.Now().AddDate(1, 0, 0)); got != "new foo" { // temporal-110
		t.Errorf("in a year: %q", got)
	}
	d.at(t, time.Now().AddDate(0, -1, 0), func(ctx context.Context, c *ent.Client) { // temporal-94, temporal-104
		if all, err := c.Foo.Query().All(ctx); err != nil || len(all) != 0 {
			t.Errorf("a month ago there were %v, %v", all, err)
		}
		_, only := c.Foo.Query().Where(foo.ID(1)).Only(ctx)
		_, first := c.Foo.Query().First(ctx)
		if !ent.IsNotFound(only) || !ent.IsNotFound(first) {
			t.Errorf("Only: %v; First: %v", only, first)
		}
	})
	for at, want := range map[time.Time]int{s.At["s3"]: 1, d.now(t): 0} { // temporal-109
		d.at(t, at, func(ctx context.Context, c *ent.Client) {
			if got := c.SubBar.Query().CountX(ctx); got != want {
				t.Errorf("%v: %d sub-bars, want %d", at, got, want)
			}
		})
	}
}

type everything struct{}

// scope is a default scope: foos called "foo bar", unless the context lifts it.
func scope(c *ent.Client) {
	c.Foo.Intercept(ent.TraverseFunc(func(ctx context.Context, q ent.Query) error {
		if ctx.Value(everything{}) == nil {
			q.(*ent.FooQuery).Where(foo.Name("foo bar"))
		}
		return nil
	}))
}

// temporal-105: what is asked can be refined, before and inside. temporal-106: a
// default scope is applied to the values of the time. In a transaction of ent's
// own it is that of the client, in AsOf it must be given.
func TestDefaultScope(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := story(t)
	scope(d.client)
	for at, want := range map[string]int{"f0": 0, "f1": 1, "f2": 0} {
		d.at(t, s.At[at], func(ctx context.Context, c *ent.Client) {
			scope(c)
			if got := c.Foo.Query().CountX(ctx); got != want {
				t.Errorf("%s: %d foos, want %d", at, got, want)
			}
			if got := c.Foo.Query().Where(foo.NameHasPrefix("f")).Where(foo.ID(1)).CountX(ctx); got != want {
				t.Errorf("%s, refined: %d foos, want %d", at, got, want)
			}
			if got := c.Foo.Query().CountX(context.WithValue(ctx, everything{}, true)); got != 1 {
				t.Errorf("%s, lifted: %d foos", at, got)
			}
		})
		tx, err := d.client.Tx(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(ctx, "SELECT yore.as_of($1)", s.At[at]); err != nil {
			t.Fatal(err)
		}
		if got := tx.Foo.Query().CountX(ctx); got != want {
			t.Errorf("%s, in ent's transaction: %d foos, want %d", at, got, want)
		}
		if got := eager(context.WithValue(ctx, everything{}, true), tx.Client()); !slices.ContainsFunc(moments, func(m struct{ at, tree string }) bool { return m.at == at && m.tree == got }) {
			t.Errorf("%s, in ent's transaction: %s", at, got)
		}
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	}
}

// A mutation as of a time is refused, whether or not ent wants a transaction for
// it: of a tracked table because the past is no table, of another because the
// transaction is read-only.
func TestMutationsAreRefused(t *testing.T) {
	t.Parallel()
	d, s := story(t)
	for name, mutate := range map[string]func(ctx context.Context, c *ent.Client) error{
		"Create": func(ctx context.Context, c *ent.Client) error { return c.Foo.Create().SetName("x").Exec(ctx) },
		"CreateEdge": func(ctx context.Context, c *ent.Client) error {
			return c.Foo.Create().SetName("x").AddBarIDs(1).Exec(ctx)
		},
		"Bulk": func(ctx context.Context, c *ent.Client) error {
			return c.Foo.CreateBulk(c.Foo.Create().SetName("x")).Exec(ctx)
		},
		"Update":     func(ctx context.Context, c *ent.Client) error { return c.Foo.Update().SetName("x").Exec(ctx) },
		"UpdateOne":  func(ctx context.Context, c *ent.Client) error { return c.Foo.UpdateOneID(1).SetName("x").Exec(ctx) },
		"UpdateEdge": func(ctx context.Context, c *ent.Client) error { return c.Foo.UpdateOneID(1).ClearBars().Exec(ctx) },
		"Delete": func(ctx context.Context, c *ent.Client) error {
			_, err := c.Foo.Delete().Exec(ctx)
			return err
		},
		"DeleteOne": func(ctx context.Context, c *ent.Client) error { return c.Foo.DeleteOneID(1).Exec(ctx) },
		"Tx": func(ctx context.Context, c *ent.Client) error {
			tx, err := c.Tx(ctx)
			if err != nil {
				return err
			}
			return errors.Join(tx.Foo.Create().SetName("x").Exec(ctx), tx.Commit())
		},
	} {
		err := example.AsOf(context.Background(), d.db, s.At["f2"], func(c *ent.Client) error { return mutate(context.Background(), c) })
		if sqlState(err) != "55000" { // object_not_in_prerequisite_state: cannot insert into view
			t.Errorf("%s: %v", name, err)
		}
	}
	err := example.AsOf(context.Background(), d.db, s.At["f2"], func(c *ent.Client) error { return c.Baz.Update().SetName("x").Exec(context.Background()) })
	if sqlState(err) != "25006" { // read_only_sql_transaction
		t.Errorf("a table that is not tracked: %v", err)
	}
	pgtest.Clean(t, d.pool)
	if got := pgtest.Rows(t, d.pool, "SELECT count(*), max(name) FROM foos"); got[0] != "3|new foo" {
		t.Error(got)
	}
}

// Rows of the past cannot be locked: FOR UPDATE is refused like a write.
func TestForUpdateIsRefused(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := story(t)
	for name, lock := range map[string]func(*ent.FooQuery) *ent.FooQuery{
		"ForUpdate": func(q *ent.FooQuery) *ent.FooQuery { return q.ForUpdate() },
		"ForShare":  func(q *ent.FooQuery) *ent.FooQuery { return q.ForShare() },
	} {
		err := example.AsOf(ctx, d.db, s.At["f2"], func(c *ent.Client) error {
			_, err := lock(c.Foo.Query()).All(ctx)
			return err
		})
		if sqlState(err) != "25006" {
			t.Errorf("%s as of a time: %v", name, err)
		}
		tx, err := d.client.Tx(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if all, err := lock(tx.Foo.Query().Where(foo.ID(1))).All(ctx); err != nil || len(all) != 1 {
			t.Errorf("%s in the present: %v, %v", name, all, err)
		}
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	}
}

// A name with its schema (feature sql/schemaconfig) would read the present: the
// face refuses.
func TestSchemaQualifiedNames(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := story(t)
	of := func(schema ent.SchemaConfig) error {
		return yore.AsOfSQL(ctx, d.db, s.At["f1"], func(tx *sql.Tx) error {
			c := ent.NewClient(ent.Driver(entsql.NewDriver(dialect.Postgres, entsql.Conn{ExecQuerier: tx})), ent.AlternateSchema(schema))
			all, err := c.Foo.Query().Where(foo.Not(foo.HasBars())).All(ctx)
			if err == nil && (len(all) != 1 || all[0].Name != "foo bar") {
				t.Error(all)
			}
			return err
		})
	}
	for _, schema := range []ent.SchemaConfig{{Foo: "public"}, {Bar: "public"}} {
		err := yore.Explain(of(schema))
		var e *yore.Error
		if !errors.Is(err, yore.ErrPresent) || !errors.As(err, &e) || e.Hint == "" {
			t.Errorf("%v: %v", schema, err)
		}
	}
	for _, schema := range []ent.SchemaConfig{{}, {Foo: "asof", Bar: "asof"}} {
		if err := of(schema); err != nil {
			t.Errorf("%v: %v", schema, err)
		}
	}
}

// A table that is tracked in place cannot refuse a name with its schema: the
// present is read.
func TestSchemaQualifiedNamesInPlace(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := shop(t)
	pgtest.Exec(t, d.pool, "SELECT yore.track('customers', in_place => true)")
	named(d.client.Customer.Create(), "ada").ExecX(ctx)
	then := d.now(t)
	d.client.Customer.UpdateOneID(1).SetName("Ada").ExecX(ctx)
	err := yore.AsOfSQL(ctx, d.db, then, func(tx *sql.Tx) error {
		for schema, want := range map[string]string{"": "ada", "public": "Ada"} {
			c := ent.NewClient(ent.Driver(entsql.NewDriver(dialect.Postgres, entsql.Conn{ExecQuerier: tx})), ent.AlternateSchema(ent.SchemaConfig{Customer: schema}))
			if got := c.Customer.GetX(ctx, 1).Name; got != want {
				t.Errorf("schema %q: %s, want %s", schema, got, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// What was loaded is bound to its transaction: edges asked for afterwards are an
// error, never those of the present.
func TestEntitiesAfterwards(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := story(t)
	var kept *ent.Foo
	d.at(t, s.At["b1"], func(ctx context.Context, c *ent.Client) { kept = c.Foo.Query().WithBars().OnlyX(ctx) })
	if _, err := kept.QueryBars().All(ctx); !errors.Is(err, sql.ErrTxDone) {
		t.Errorf("QueryBars: %v", err)
	}
	if kept.Name != "foo bar" || kept.Edges.Bars[0].Name != "foo bar" {
		t.Error(kept, kept.Edges.Bars)
	}
	if got := d.client.Foo.QueryBars(kept).OnlyX(ctx).Name; got != "new bar" {
		t.Errorf("its bar in the present: %s", got)
	}
}

// RequireTracked passes through.
func TestBeforeTracking(t *testing.T) {
	t.Parallel()
	d, s := story(t)
	err := example.AsOf(context.Background(), d.db, s.At["start"].AddDate(-1, 0, 0), func(*ent.Client) error { return nil }, yore.RequireTracked("foos"))
	if !errors.Is(err, yore.ErrBeforeTracking) {
		t.Error(err)
	}
}

const customerVersions = `
CREATE VIEW customer_versions AS
SELECT id, name, email, version, valid_from, valid_to, deleted_at FROM history.customers
`

// History is read through a view of it.
func TestHistoryIsAView(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := shop(t)
	pgtest.Exec(t, d.pool, trackShop, customerVersions)
	named(d.client.Customer.Create(), "ada").ExecX(ctx)
	d.client.Customer.UpdateOneID(1).SetName("Ada").ExecX(ctx)
	d.client.Customer.DeleteOneID(1).ExecX(ctx)
	var got []string
	for _, v := range d.client.CustomerVersion.Query().Where(customerversion.ID(1)).Order(customerversion.ByVersion()).AllX(ctx) {
		got = append(got, fmt.Sprint(v.Version, " ", v.Name, " ", v.ValidTo == nil, " ", v.DeletedAt != nil))
	}
	if diff := cmp.Diff([]string{"1 ada false false", "2 Ada false false", "3 Ada false true"}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if d.client.Customer.Query().Where(customer.ID(1)).ExistX(ctx) {
		t.Error("it is there")
	}
}
