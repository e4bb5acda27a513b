package shop_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"yore.example/yore"
	shop "yore.example/yore/integrations/bun"
	"yore.example/yore/internal/pgtest"
)

// TestLoading: whatever way bun loads, at every moment it finds what was there
// then, in one handle as of that time. temporal-100 to 103, 111 to 119, 123, 124.
func TestLoading(t *testing.T) {
	t.Parallel()
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, _, story, _ := tell(t, mode)
			for _, at := range pgtest.Moments {
				err := shop.AsOf(ctx, db, story.At[at.At], func(tx bun.Tx) error {
					for _, l := range loads {
						have, err := l.load(tx)
						if want := l.want(at.Foo, at.Bar, at.Sub, at.SubSub); have != want || err != nil {
							t.Errorf("as of %s, %s: %q, %v; not %q", at.At, l.name, have, err, want)
						}
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			// temporal-120: the present, before and after, is as ever.
			for _, l := range loads {
				have, err := l.load(db)
				if want := l.want("new foo", "new bar", "new sub-bar", "sub-sub-bar"); have != want || err != nil {
					t.Errorf("now, %s: %q, %v; not %q", l.name, have, err, want)
				}
			}
		})
	}
}

// TestConn: a query of bun.DB, and what it loads with it, as of a time by Conn.
func TestConn(t *testing.T) {
	t.Parallel()
	db, _, story, _ := tell(t, modes["prepared"])
	var foos []*foo
	err := yore.AsOfSQL(ctx, db.DB, story.At["b1"], func(tx *sql.Tx) error {
		return db.NewSelect().Model(&foos).Conn(tx).Relation("Bars.SubBars").Where("foo.id = 1").Scan(ctx)
	})
	if err != nil || pathOf(foos) != "foo bar < foo bar" {
		t.Errorf("%s, %v", pathOf(foos), err)
	}
}

// TestManyToMany: temporal-121, and 122: a link that was removed is there as of
// before.
func TestManyToMany(t *testing.T) {
	t.Parallel()
	db, _, story, pool := tell(t, modes["prepared"])
	links := func(db bun.IDB) string {
		var boos []*boo
		var names []string
		if err := db.NewSelect().Model(&boos).Relation("Moos", func(q *bun.SelectQuery) *bun.SelectQuery { return q.Order("moo.id") }).Order("boo.id").Scan(ctx); err != nil {
			t.Error(err)
		}
		for _, b := range boos {
			names = append(names, b.Name+":")
			for _, m := range b.Moos {
				names = append(names, m.Name)
			}
		}
		return strings.Join(names, " ")
	}
	const every = "boo 0: moo 0 moo 1 boo 1: moo 0 moo 1"
	before := now(t, pool)
	if have := links(db); have != every {
		t.Errorf("now: %s", have)
	}
	if _, err := db.NewDelete().Model(&[]booMoo{{BooID: 1, MooID: 2}, {BooID: 1, MooID: 1}, {BooID: 2, MooID: 1}}).WherePK().Exec(ctx); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at   time.Time
		want string
	}{{story.At["moos"], "boo 0: boo 1:"}, {story.At["links"], every}, {before, every}, {now(t, pool), "boo 0: boo 1: moo 1"}} {
		err := shop.AsOf(ctx, db, c.at, func(tx bun.Tx) error {
			if have := links(tx); have != c.want {
				t.Errorf("as of %v: %s, not %s", c.at, have, c.want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestRecords: single records, as of a time.
func TestRecords(t *testing.T) {
	t.Parallel()
	db, _, story, pool := tell(t, modes["prepared"])
	asOf := func(at time.Time, fn func(db bun.IDB)) {
		t.Helper()
		if err := shop.AsOf(ctx, db, at, func(tx bun.Tx) error { fn(tx); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	names := func(db bun.IDB) string {
		var foos []foo // temporal-97: the class is the model's
		if err := db.NewSelect().Model(&foos).Order("id").Scan(ctx); err != nil {
			t.Error(err)
		}
		var names []string
		for _, f := range foos {
			names = append(names, f.Name)
		}
		return strings.Join(names, ",")
	}
	for at, want := range map[string]string{"start": "", "f0": "foo", "f1": "foo bar", "f2": "new foo", "foo 0": "new foo,foo 0", "foo 1": "new foo,foo 0,foo 1"} {
		asOf(story.At[at], func(db bun.IDB) {
			if have := names(db); have != want { // temporal-95, 98
				t.Errorf("as of %s: %q", at, have)
			}
		})
	}
	for at, want := range map[time.Time]string{
		time.Now().AddDate(0, -1, 0):                  "",                    // temporal-94
		now(t, pool):                                  "new foo,foo 0,foo 1", // temporal-96
		time.Now().AddDate(1, 0, 0):                   "new foo,foo 0,foo 1", // temporal-110
		story.At["f0"].In(time.FixedZone("", 5*3600)): "foo",                 // temporal-99
		{}: "new foo,foo 0,foo 1",
	} {
		asOf(at, func(db bun.IDB) {
			if have := names(db); have != want {
				t.Errorf("as of %v: %q", at, have)
			}
		})
	}
	asOf(story.At["start"], func(db bun.IDB) { // temporal-102, 104
		if err := db.NewSelect().Model(&foo{ID: 1}).WherePK().Scan(ctx); !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("what was not there: %v", err)
		}
	})
	asOf(story.At["f1"], func(db bun.IDB) { // temporal-105: what is built inside runs inside
		query := db.NewSelect().Model((*foo)(nil)).Where("name LIKE ?", "foo%")
		var name string
		n, err := query.Count(ctx)
		if err := errors.Join(err, query.Column("name").Scan(ctx, &name)); n != 1 || name != "foo bar" || err != nil {
			t.Errorf("%d, %v, %v", n, name, err)
		}
	})
	asOf(story.At["f0"], func(tx bun.IDB) { // the handle is tx; db goes on in the present
		if then, present := names(tx), names(db); then != "foo" || present != "new foo,foo 0,foo 1" {
			t.Errorf("%s, %s", then, present)
		}
	})
	err := shop.AsOf(ctx, db, story.At["start"].AddDate(-1, 0, 0), func(bun.Tx) error { return nil }, yore.RequireTracked("foos"))
	if !errors.Is(err, yore.ErrBeforeTracking) {
		t.Errorf("RequireTracked: %v", err)
	}
	// The same by SQL alone, in a transaction of bun's own.
	err = db.RunInTx(ctx, &sql.TxOptions{ReadOnly: true}, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.ExecContext(ctx, "SELECT yore.as_of(?)", story.At["f1"]); err != nil {
			return err
		}
		if have := names(tx); have != "foo bar" {
			t.Errorf("by SQL: %s", have)
		}
		return nil
	})
	if err != nil || names(db) != "new foo,foo 0,foo 1" {
		t.Error(err, names(db))
	}
}

// TestDefaultScope: a soft delete is judged at the time; WhereAllWithDeleted
// lifts it. temporal-106, 109.
func TestDefaultScope(t *testing.T) {
	t.Parallel()
	db, pool := openShop(t, modes["prepared"], true)
	c := &shop.Customer{Name: "a", Email: "a"}
	do := func(_ sql.Result, err error) time.Time {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return now(t, pool)
	}
	there := do(db.NewInsert().Model(c).Exec(ctx))
	hidden := do(db.NewDelete().Model(c).WherePK().Exec(ctx))
	back := do(db.NewUpdate().Model(c).WherePK().Set("deleted_at = NULL").WhereAllWithDeleted().Exec(ctx))
	gone := do(db.NewDelete().Model(c).WherePK().ForceDelete().Exec(ctx))
	for at, want := range map[time.Time][2]int64{there: {1, 1}, hidden: {0, 1}, back: {1, 1}, gone: {0, 0}} {
		err := shop.AsOf(ctx, db, at, func(tx bun.Tx) error {
			scoped, err := tx.NewSelect().Model((*shop.Customer)(nil)).Count(ctx)
			whole, err2 := tx.NewSelect().Model((*shop.Customer)(nil)).WhereAllWithDeleted().Count(ctx)
			if have := [2]int64{scoped, whole}; have != want {
				t.Errorf("%v, not %v", have, want)
			}
			return errors.Join(err, err2)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestPreloadIsTwoQueries: of 50 parents' children as of a time.
func TestPreloadIsTwoQueries(t *testing.T) {
	t.Parallel()
	db, s, _, pool := tell(t, modes["prepared"])
	grow(t, pool, 50)
	then := now(t, pool)
	pgtest.Exec(t, pool, "UPDATE foos SET name = 'now'", "UPDATE bars SET name = 'now'")
	s.take()
	err := shop.AsOf(ctx, db, then, func(tx bun.Tx) error {
		var foos []*foo
		if err := tx.NewSelect().Model(&foos).Relation("Bars").Where("foo.id > 3").Scan(ctx); err != nil {
			return err
		}
		if len(foos) != 50 {
			t.Errorf("%d parents", len(foos))
		}
		for _, f := range foos {
			if len(f.Bars) != 4 || f.Name != "then" || f.Bars[0].Name != "then" {
				t.Fatalf("%+v", f)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, statement := range s.take() {
		have = append(have, strings.SplitN(statement, " WHERE", 2)[0])
	}
	want := []string{"BEGIN", `SELECT "foo"."id", "foo"."name" FROM "foos" AS "foo"`, `SELECT "bar"."id", "bar"."name", "bar"."foo_id" FROM "bars" AS "bar"`}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("(-want +have)\n%s", diff)
	}
}
