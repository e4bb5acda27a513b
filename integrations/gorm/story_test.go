package shop_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

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
