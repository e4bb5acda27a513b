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
	"gorm.io/gorm/clause"

	"yore.example/yore"
	shop "yore.example/yore/integrations/gorm"
	"yore.example/yore/internal/pgtest"
)

// The models of pgtest.Tell.
type (
	Foo struct {
		ID   int64
		Name string
		Bars []Bar
	}
	Bar struct {
		ID      int64
		Name    string
		FooID   *int64
		Foo     *Foo
		SubBars []SubBar
	}
	SubBar struct {
		ID         int64
		Name       string
		BarID      *int64
		Bar        *Bar
		SubSubBars []SubSubBar
	}
	SubSubBar struct {
		ID       int64
		Name     string
		SubBarID *int64
		SubBar   *SubBar
	}
	Boo struct {
		ID   int64
		Name string
		Moos []Moo `gorm:"many2many:boos_moos"`
	}
	Moo struct {
		ID   int64
		Name string
		Boos []Boo `gorm:"many2many:boos_moos"`
	}
	Baz struct {
		ID    int64
		Name  string
		BarID *int64
		Bar   *Bar
	}
	Noo struct {
		ID   int64
		Name string
	}
)

// moments are those of the story up to b3 and s3, in order, with what foo 1, bar
// 1, sub-bar 1 and sub-sub-bar 1 were called; "" is not there yet.
var moments = []struct{ at, foo, bar, sub, subsub string }{
	{"start", "", "", "", ""},
	{"f0", "foo", "", "", ""},
	{"f1", "foo bar", "", "", ""},
	{"b0", "foo bar", "bar", "", ""},
	{"b1", "foo bar", "foo bar", "", ""},
	{"s0", "foo bar", "foo bar", "sub-bar", ""},
	{"s1", "foo bar", "foo bar", "bar sub-bar", ""},
	{"ss0", "foo bar", "foo bar", "bar sub-bar", "sub-sub-bar"},
	{"f2", "new foo", "foo bar", "bar sub-bar", "sub-sub-bar"},
	{"b2", "new foo", "bar bar", "bar sub-bar", "sub-sub-bar"},
	{"b3", "new foo", "new bar", "bar sub-bar", "sub-sub-bar"},
	{"s2", "new foo", "new bar", "sub-bar sub-bar", "sub-sub-bar"},
	{"s3", "new foo", "new bar", "new sub-bar", "sub-sub-bar"},
}

// tell is the story, read through GORM.
func tell(t testing.TB, m mode) (*gorm.DB, *said, pgtest.Story, *pgxpool.Pool) {
	t.Helper()
	dsn := pgtest.DSN(t)
	pool := pgtest.Connect(t, dsn)
	story := pgtest.Tell(t, pool)
	db, s := open(t, dsn, m)
	return db, s, story, pool
}

// path joins the names of a row and what hangs on it, up to the first that is
// not there.
func path(names ...string) string { return strings.Join(names, " < ") }

func pathOf(foos []Foo) string {
	names := []string{}
	for _, f := range foos {
		names = append(names, f.Name)
		for _, b := range f.Bars {
			names = append(names, b.Name)
			for _, s := range b.SubBars {
				names = append(names, s.Name)
				for _, ss := range s.SubSubBars {
					names = append(names, ss.Name)
				}
			}
		}
	}
	return path(names...)
}

func chain(s SubSubBar) string {
	if s.SubBar == nil || s.SubBar.Bar == nil || s.SubBar.Bar.Foo == nil {
		return fmt.Sprintf("%+v", s)
	}
	return path(s.SubBar.Bar.Foo.Name, s.SubBar.Bar.Name, s.SubBar.Name, s.Name)
}

// The ways to load the story's chain: each finds, as of a moment, the names of
// the first of each.
var loads = []struct {
	name string
	// want picks from the names of that moment.
	want func(foo, bar, sub, subsub string) string
	load func(db *gorm.DB) (string, error)
}{
	{"has many", // temporal-100, 111
		func(foo, bar, _, _ string) string { return upTo(foo, bar) },
		func(db *gorm.DB) (string, error) {
			var foos []Foo
			err := db.Preload("Bars").Find(&foos, 1).Error
			return pathOf(foos), err
		}},
	{"belongs to", // temporal-101, 112
		func(foo, bar, _, _ string) string { return upToBoth(foo, bar) },
		func(db *gorm.DB) (string, error) {
			var bars []Bar
			err := db.Preload("Foo").Find(&bars, 1).Error
			if len(bars) == 0 {
				return "", err
			}
			return path(bars[0].Foo.Name, bars[0].Name), err
		}},
	{"nested, many levels", // temporal-113, 114, 118
		upTo4,
		func(db *gorm.DB) (string, error) {
			var foos []Foo
			err := db.Preload("Bars.SubBars.SubSubBars").Find(&foos, 1).Error
			return pathOf(foos), err
		}},
	{"nested through functions", // temporal-113, 118
		upTo4,
		func(db *gorm.DB) (string, error) {
			var foos []Foo
			err := db.Preload("Bars", func(db *gorm.DB) *gorm.DB {
				return db.Order("bars.id").Preload("SubBars", func(db *gorm.DB) *gorm.DB { return db.Preload(clause.Associations) })
			}).Find(&foos, 1).Error
			return pathOf(foos), err
		}},
	{"nested upwards", // temporal-114, 118
		all4,
		func(db *gorm.DB) (string, error) {
			var s []SubSubBar
			err := db.Preload("SubBar.Bar.Foo").Find(&s, 1).Error
			if len(s) == 0 {
				return "", err
			}
			return chain(s[0]), err
		}},
	{"joined", // temporal-117, eager load
		all4,
		func(db *gorm.DB) (string, error) {
			var s []SubSubBar
			err := db.Joins("SubBar").Joins("SubBar.Bar").Joins("SubBar.Bar.Foo").Find(&s, "sub_sub_bars.id = 1").Error
			if len(s) == 0 {
				return "", err
			}
			return chain(s[0]), err
		}},
	{"inner joined, and the rest preloaded", // temporal-117, includes and joins
		all4,
		func(db *gorm.DB) (string, error) {
			var s []SubSubBar
			err := db.InnerJoins("SubBar").Preload("SubBar.Bar.Foo").Find(&s, "sub_sub_bars.id = 1").Error
			if len(s) == 0 {
				return "", err
			}
			return chain(s[0]), err
		}},
	{"joins in SQL, scanned", // temporal-117, joins alone, left joins
		upTo4,
		func(db *gorm.DB) (string, error) {
			var row struct{ Foo, Bar, Sub, SubSub *string }
			err := db.Model(&Foo{}).Select("foos.name AS foo, b.name AS bar, s.name AS sub, ss.name AS sub_sub").
				Joins("LEFT JOIN bars b ON b.foo_id = foos.id").Joins("LEFT JOIN sub_bars s ON s.bar_id = b.id").
				Joins("LEFT JOIN sub_sub_bars ss ON ss.sub_bar_id = s.id").Where("foos.id = 1").Scan(&row).Error
			var names []string
			for _, n := range []*string{row.Foo, row.Bar, row.Sub, row.SubSub} {
				if n != nil {
					names = append(names, *n)
				}
			}
			return path(names...), err
		}},
	{"raw", // temporal-117
		all4,
		func(db *gorm.DB) (string, error) {
			var s string
			err := db.Raw("SELECT concat_ws(' < ', f.name, b.name, s.name, ss.name) FROM foos f JOIN bars b ON b.foo_id = f.id JOIN sub_bars s ON s.bar_id = b.id JOIN sub_sub_bars ss ON ss.sub_bar_id = s.id WHERE f.id = ?", 1).Scan(&s).Error
			return s, err
		}},
	{"association, loaded later", // temporal-103, 119
		func(foo, bar, _, _ string) string { return upTo(foo, bar) },
		func(db *gorm.DB) (string, error) {
			foo := Foo{ID: 1}
			if err := db.First(&foo).Error; err != nil {
				return "", ignore(err, gorm.ErrRecordNotFound)
			}
			err := db.Model(&foo).Association("Bars").Find(&foo.Bars)
			return pathOf([]Foo{foo}), err
		}},
	{"scoped association", // temporal-115
		func(foo, bar, _, _ string) string {
			if strings.HasPrefix(bar, "new") {
				return path(foo, bar)
			}
			return foo
		},
		func(db *gorm.DB) (string, error) {
			var foos []Foo
			err := db.Preload("Bars", "name LIKE ?", "new%").Find(&foos, 1).Error
			return pathOf(foos), err
		}},
	{"in batches",
		func(foo, bar, _, _ string) string { return upTo(foo, bar) },
		func(db *gorm.DB) (string, error) {
			var foos, all []Foo
			err := db.Where("id = 1").Preload("Bars").FindInBatches(&foos, 1, func(*gorm.DB, int) error {
				all = append(all, foos...)
				return nil
			}).Error
			return pathOf(all), err
		}},
	{"a subquery, Pluck, Count and rows",
		func(foo, bar, _, _ string) string { return upToBoth(foo, bar) },
		func(db *gorm.DB) (string, error) {
			var names []string
			var n, m int64
			bars := db.Model(&Bar{}).Select("foo_id").Where("id = 1")
			err := errors.Join(db.Model(&Foo{}).Where("id IN (?)", bars).Count(&n).Error,
				db.Model(&Foo{}).Where("id IN (?)", bars).Pluck("name", &names).Error)
			rows, e := db.Model(&Bar{}).Where("id = 1").Rows()
			if e != nil {
				return "", e
			}
			defer rows.Close()
			for rows.Next() {
				var bar Bar
				err = errors.Join(err, db.ScanRows(rows, &bar))
				names = append(names, bar.Name)
				m++
			}
			if n != m || int(n+m) != len(names) {
				return fmt.Sprint(n, m), err
			}
			return path(names...), err
		}},
	{"a plain model and what it belongs to", // temporal-116, 123, 124
		func(foo, bar, sub, _ string) string {
			if bar == "" {
				return "baz"
			}
			return path("baz", foo, bar) + map[bool]string{true: "", false: " < " + sub}[sub == ""]
		},
		func(db *gorm.DB) (string, error) {
			var baz Baz
			err := db.Preload("Bar.Foo").Preload("Bar.SubBars").First(&baz).Error
			if baz.Bar == nil {
				return baz.Name, err
			}
			names := []string{baz.Name, baz.Bar.Foo.Name, baz.Bar.Name}
			for _, s := range baz.Bar.SubBars {
				names = append(names, s.Name)
			}
			return path(names...), err
		}},
}

func upTo(names ...string) string {
	for i, n := range names {
		if n == "" {
			return path(names[:i]...)
		}
	}
	return path(names...)
}

func upTo4(foo, bar, sub, subsub string) string { return upTo(foo, bar, sub, subsub) }

func upToBoth(foo, bar string) string {
	return all4(foo, bar, bar, bar)[:len(path(foo, bar))*min(1, len(bar))]
}

func all4(foo, bar, sub, subsub string) string {
	if subsub == "" || bar == "" {
		return ""
	}
	return path(foo, bar, sub, subsub)
}

func ignore(err, is error) error {
	if errors.Is(err, is) {
		return nil
	}
	return err
}

// TestLoading: whatever way GORM loads, at every moment it finds what was there
// then, in one handle as of that time. temporal-100 to 103, 111 to 119, 123, 124.
func TestLoading(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			db, _, story, _ := tell(t, m)
			for _, at := range moments {
				err := shop.AsOf(ctx, db, story.At[at.at], func(db *gorm.DB) error {
					for _, l := range loads {
						have, err := l.load(db)
						if want := l.want(at.foo, at.bar, at.sub, at.subsub); have != want || err != nil {
							t.Errorf("as of %s, %s: %q, %v; not %q", at.at, l.name, have, err, want)
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
