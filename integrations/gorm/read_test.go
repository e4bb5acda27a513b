package shop_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"
	"gorm.io/gorm"

	"yore.example/yore"
	shop "yore.example/yore/integrations/gorm"
	"yore.example/yore/internal/pgtest"
)

// TestLoading: whatever way GORM loads, at every moment it finds what was there
// then, in one handle as of that time. temporal-100 to 103, 111 to 119, 123, 124.
func TestLoading(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			db, _, story, _ := tell(t, m)
			for _, at := range pgtest.Moments {
				err := shop.AsOf(ctx, db, story.At[at.At], func(db *gorm.DB) error {
					for _, l := range loads {
						have, err := l.load(db)
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

// TestManyToMany: temporal-121, and 122: a link that was removed is there as of
// before.
func TestManyToMany(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db, _, story, pool := tell(t, mode{})
	links := func(db *gorm.DB) string {
		var boos []Boo
		var names []string
		if err := db.Order("id").Preload("Moos", func(db *gorm.DB) *gorm.DB { return db.Order("moos.id") }).Find(&boos).Error; err != nil {
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
	const all = "boo 0: moo 0 moo 1 boo 1: moo 0 moo 1"
	before := now(t, pool)
	if have := links(db); have != all {
		t.Errorf("now: %s", have)
	}
	if err := db.Model(&Boo{ID: 1}).Association("Moos").Delete(&Moo{ID: 2}); err != nil {
		t.Fatal(err)
	}
	if err := db.Model(&Moo{ID: 1}).Association("Boos").Clear(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at   time.Time
		want string
	}{{story.At["moos"], "boo 0: boo 1:"}, {story.At["links"], all}, {before, all}, {now(t, pool), "boo 0: boo 1: moo 1"}} {
		err := shop.AsOf(ctx, db, c.at, func(db *gorm.DB) error {
			if have := links(db); have != c.want {
				t.Errorf("as of %v: %s, not %s", c.at, have, c.want)
			}
			if n := db.Model(&Boo{ID: 1}).Association("Moos").Count(); n != int64(strings.Count(strings.Split(c.want, "boo 1")[0], "moo")) {
				t.Errorf("as of %v: %d moos", c.at, n)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Scoped is a Noo with a default scope, as GORM has it: a soft delete.
type Scoped struct {
	ID        int64
	Name      string
	DeletedAt gorm.DeletedAt
}

// TestRecords: single records, as of a time.
func TestRecords(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db, _, story, pool := tell(t, mode{})
	asOf := func(at time.Time, fn func(db *gorm.DB)) {
		t.Helper()
		if err := shop.AsOf(ctx, db, at, func(db *gorm.DB) error { fn(db); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	names := func(db *gorm.DB) string {
		var foos []Foo // temporal-97: the class is the model's
		if err := db.Order("id").Find(&foos).Error; err != nil {
			t.Error(err)
		}
		var names []string
		for _, f := range foos {
			names = append(names, f.Name)
		}
		return strings.Join(names, ",")
	}
	for at, want := range map[string]string{"start": "", "f0": "foo", "f1": "foo bar", "f2": "new foo", "foo 0": "new foo,foo 0", "foo 1": "new foo,foo 0,foo 1"} {
		asOf(story.At[at], func(db *gorm.DB) {
			if have := names(db); have != want { // temporal-95, 98
				t.Errorf("as of %s: %q", at, have)
			}
		})
	}
	asOf(time.Now().AddDate(0, -1, 0), func(db *gorm.DB) { // temporal-94
		if have := names(db); have != "" {
			t.Errorf("a month ago: %q", have)
		}
	})
	for _, at := range []time.Time{now(t, pool), time.Now().AddDate(1, 0, 0), {}} { // temporal-96, 110
		asOf(at, func(db *gorm.DB) {
			if have := names(db); have != names(db.Session(&gorm.Session{NewDB: true})) || have != "new foo,foo 0,foo 1" {
				t.Errorf("as of %v: %q", at, have)
			}
		})
	}
	asOf(story.At["f0"].In(time.FixedZone("", 5*3600)), func(db *gorm.DB) { // temporal-99
		if have := names(db); have != "foo" {
			t.Errorf("in another zone: %q", have)
		}
	})
	asOf(story.At["start"], func(db *gorm.DB) { // temporal-102, 104
		var foo Foo
		if err := db.First(&foo, 1).Error; !errors.Is(err, gorm.ErrRecordNotFound) {
			t.Errorf("First of what was not there: %v", err)
		}
		if tx := db.Limit(1).Find(&foo, 1); tx.Error != nil || tx.RowsAffected != 0 {
			t.Errorf("Find of what was not there: %d, %v", tx.RowsAffected, tx.Error)
		}
	})
	// temporal-105: what is built inside runs inside, and goes on.
	asOf(story.At["f1"], func(db *gorm.DB) {
		query := db.Model(&Foo{}).Where("name LIKE ?", "foo%").Session(&gorm.Session{})
		var n int64
		var foo Foo
		if err := errors.Join(query.Count(&n).Error, query.Take(&foo).Error, query.Order("id").Last(&foo).Error); n != 1 || foo.Name != "foo bar" || err != nil {
			t.Errorf("%d, %v, %v", n, foo, err)
		}
	})
	// temporal-109
	if err := db.Delete(&Noo{}, 2).Error; err != nil {
		t.Fatal(err)
	}
	asOf(now(t, pool), func(db *gorm.DB) {
		if err := db.First(&Noo{}, 2).Error; !errors.Is(err, gorm.ErrRecordNotFound) {
			t.Errorf("deleted: %v", err)
		}
	})
	asOf(story.At["m0"], func(db *gorm.DB) {
		var noo Noo
		if err := db.First(&noo, 2).Error; err != nil || noo.Name != "Historical Element 2" {
			t.Errorf("before it was deleted: %v, %v", noo, err)
		}
	})
}

// TestDefaultScope: a soft delete is judged at the time; Unscoped lifts it.
// temporal-106.
func TestDefaultScope(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dsn := pgtest.DSN(t)
	db, _ := open(t, dsn, mode{})
	pool := pgtest.Connect(t, dsn)
	if err := db.AutoMigrate(&Scoped{}); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, pool, "SELECT yore.track('scopeds', prefix => 'sys_')")
	row := Scoped{Name: "a"}
	db.Create(&row)
	there := now(t, pool)
	db.Delete(&row)
	gone := now(t, pool)
	if err := db.Unscoped().Model(&row).Update("deleted_at", nil).Error; err != nil {
		t.Fatal(err)
	}
	for at, want := range map[time.Time][2]int64{there: {1, 1}, gone: {0, 1}, now(t, pool): {1, 1}} {
		err := shop.AsOf(ctx, db, at, func(db *gorm.DB) error {
			var scoped, unscoped int64
			err := errors.Join(db.Model(&Scoped{}).Count(&scoped).Error, db.Unscoped().Model(&Scoped{}).Count(&unscoped).Error)
			if have := [2]int64{scoped, unscoped}; have != want {
				t.Errorf("%v, not %v", have, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestPreloadIsTwoQueries: of 50 parents' children as of a time.
func TestPreloadIsTwoQueries(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db, s, _, pool := tell(t, mode{})
	then := grow(t, pool, 50)
	want := []string{`SELECT * FROM "bars" WHERE "bars"."foo_id" IN (`, `SELECT * FROM "foos" WHERE id > 3`}
	s.take()
	err := shop.AsOf(ctx, db, then, func(db *gorm.DB) error {
		var foos []Foo
		if err := db.Preload("Bars").Find(&foos, "id > 3").Error; err != nil {
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
	have := s.take()
	slices.Sort(have)
	for i := range have {
		have[i] = have[i][:min(len(have[i]), len(want[min(i, 1)]))]
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("(-want +have)\n%s", diff)
	}
}

// grow adds n foos with 4 bars each, and returns a time at which they were all
// called "then".
func grow(t testing.TB, pool *pgxpool.Pool, n int) time.Time {
	t.Helper()
	pgtest.Exec(t, pool, fmt.Sprintf("INSERT INTO foos (name) SELECT 'then' FROM generate_series(1, %d)", n),
		"INSERT INTO bars (name, foo_id) SELECT 'then', id FROM foos, generate_series(1, 4) WHERE id > 3")
	then := now(t, pool)
	pgtest.Exec(t, pool, "UPDATE foos SET name = 'now' WHERE id > 3", "UPDATE bars SET name = 'now' WHERE foo_id > 3", "ANALYZE")
	return then
}

// TestHandle: the handle is one of the caller's: its context, its options, and
// the caller's own goes on in the present.
func TestHandle(t *testing.T) {
	t.Parallel()
	type key struct{}
	ctx := context.WithValue(context.Background(), key{}, "here")
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			db, _, story, _ := tell(t, m)
			name := func(db *gorm.DB) string {
				var foo Foo
				if err := db.First(&foo, 1).Error; err != nil {
					t.Error(err)
				}
				return foo.Name
			}
			// Conditions of the handle given hold inside, as with Transaction.
			narrow := db.Where("id < 2").Session(&gorm.Session{})
			for range 3 { // the statement is prepared by now, in both
				err := shop.AsOf(ctx, narrow, story.At["f0"], func(then *gorm.DB) error {
					if have := name(then); have != "foo" {
						t.Errorf("then: %s", have)
					}
					if have := name(then.Session(&gorm.Session{PrepareStmt: true})); have != "foo" {
						t.Errorf("then, prepared: %s", have)
					}
					if have := name(db); have != "new foo" {
						t.Errorf("now, meanwhile: %s", have)
					}
					var n int64
					if err := then.Model(&Bar{}).Count(&n).Error; n != 0 || err != nil {
						t.Errorf("bars then: %d, %v", n, err)
					}
					if then.Statement.Context.Value(key{}) != "here" {
						t.Error("another context")
					}
					return then.Transaction(func(tx *gorm.DB) error { // a savepoint
						if have := name(tx); have != "foo" {
							t.Errorf("then, in a savepoint: %s", have)
						}
						return nil
					})
				})
				if err != nil {
					t.Fatal(err)
				}
				var n, m int64
				err = errors.Join(db.Model(&Foo{}).Count(&n).Error, narrow.Model(&Foo{}).Count(&m).Error)
				if have := name(db); have != "new foo" || n != 3 || m != 1 || err != nil {
					t.Errorf("now: %s, %d, %d, %v", have, n, m, err)
				}
			}
			// The same by SQL alone, in a transaction of GORM's own.
			err := db.Transaction(func(tx *gorm.DB) error {
				if err := tx.Exec("SELECT yore.as_of(?)", story.At["f1"]).Error; err != nil {
					return err
				}
				if have := name(tx); have != "foo bar" {
					t.Errorf("by SQL: %s", have)
				}
				return nil
			}, &sql.TxOptions{ReadOnly: true})
			if err != nil || name(db) != "new foo" {
				t.Error(err, name(db))
			}
		})
	}
	db, _, story, _ := tell(t, mode{})
	err := shop.AsOf(ctx, db, story.At["start"].AddDate(-1, 0, 0), func(*gorm.DB) error { return nil }, yore.RequireTracked("foos"))
	if !errors.Is(err, yore.ErrBeforeTracking) {
		t.Errorf("RequireTracked: %v", err)
	}
}
