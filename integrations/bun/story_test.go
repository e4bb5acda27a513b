package shop_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/uptrace/bun"

	"yore.example/yore/internal/pgtest"
)

// The models of pgtest.Tell.
type (
	foo struct {
		bun.BaseModel `bun:"table:foos,alias:foo"`
		ID            int64 `bun:",pk,autoincrement"`
		Name          string
		Bars          []*bar `bun:"rel:has-many,join:id=foo_id"`
	}
	bar struct {
		bun.BaseModel `bun:"table:bars,alias:bar"`
		ID            int64 `bun:",pk,autoincrement"`
		Name          string
		FooID         *int64
		Foo           *foo      `bun:"rel:belongs-to,join:foo_id=id"`
		SubBars       []*subBar `bun:"rel:has-many,join:id=bar_id"`
	}
	subBar struct {
		bun.BaseModel `bun:"table:sub_bars,alias:sub_bar"`
		ID            int64 `bun:",pk,autoincrement"`
		Name          string
		BarID         *int64
		Bar           *bar         `bun:"rel:belongs-to,join:bar_id=id"`
		SubSubBars    []*subSubBar `bun:"rel:has-many,join:id=sub_bar_id"`
	}
	subSubBar struct {
		bun.BaseModel `bun:"table:sub_sub_bars,alias:sub_sub_bar"`
		ID            int64 `bun:",pk,autoincrement"`
		Name          string
		SubBarID      *int64
		SubBar        *subBar `bun:"rel:belongs-to,join:sub_bar_id=id"`
	}
	boo struct {
		bun.BaseModel `bun:"table:boos,alias:boo"`
		ID            int64 `bun:",pk,autoincrement"`
		Name          string
		Moos          []*moo `bun:"m2m:boos_moos,join:Boo=Moo"`
	}
	moo struct {
		bun.BaseModel `bun:"table:moos,alias:moo"`
		ID            int64 `bun:",pk,autoincrement"`
		Name          string
	}
	booMoo struct {
		bun.BaseModel `bun:"table:boos_moos"`
		BooID         int64 `bun:",pk"`
		Boo           *boo  `bun:"rel:belongs-to,join:boo_id=id"`
		MooID         int64 `bun:",pk"`
		Moo           *moo  `bun:"rel:belongs-to,join:moo_id=id"`
	}
	baz struct {
		bun.BaseModel `bun:"table:bazs,alias:baz"`
		ID            int64 `bun:",pk,autoincrement"`
		Name          string
		BarID         *int64
		Bar           *bar `bun:"rel:belongs-to,join:bar_id=id"`
	}
)

// tell is the story, read through bun.
func tell(t testing.TB, mode pgx.QueryExecMode) (*bun.DB, *said, pgtest.Story, *pgxpool.Pool) {
	t.Helper()
	dsn := pgtest.DSN(t)
	pool := pgtest.Connect(t, dsn)
	story := pgtest.Tell(t, pool)
	db, s := open(t, dsn, mode)
	return db, s, story, pool
}

// grow adds n foos with 4 bars each, all of them called "now" by now.
func grow(t testing.TB, pool *pgxpool.Pool, n int) {
	t.Helper()
	pgtest.Exec(t, pool, fmt.Sprintf("INSERT INTO foos (name) SELECT 'then' FROM generate_series(1, %d)", n),
		"INSERT INTO bars (name, foo_id) SELECT 'then', id FROM foos, generate_series(1, 4) WHERE id > 3", "ANALYZE")
}

// path joins the names of a row and what hangs on it.
func path(names ...string) string { return strings.Join(names, " < ") }

func pathOf(foos []*foo) string {
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

// upTo is the names up to the first that is not there.
func upTo(names ...string) string {
	for i, n := range names {
		if n == "" {
			return path(names[:i]...)
		}
	}
	return path(names...)
}

// all is the names if each is there.
func all(names ...string) string {
	if names[len(names)-1] == "" {
		return ""
	}
	return path(names...)
}

// The ways to load the story's chain: each finds, as of a moment, the names of
// the first of each.
var loads = []struct {
	name string
	// want picks from the names of that moment.
	want func(foo, bar, sub, subsub string) string
	load func(db bun.IDB) (string, error)
}{
	{"has many", // temporal-100, 111
		func(foo, bar, _, _ string) string { return upTo(foo, bar) },
		func(db bun.IDB) (string, error) {
			var foos []*foo
			err := db.NewSelect().Model(&foos).Relation("Bars").Where("foo.id = 1").Scan(ctx)
			return pathOf(foos), err
		}},
	{"belongs to", // temporal-101, 112
		func(foo, bar, _, _ string) string { return all(foo, bar) },
		func(db bun.IDB) (string, error) {
			var bars []bar
			err := db.NewSelect().Model(&bars).Relation("Foo").Where("bar.id = 1").Scan(ctx)
			if len(bars) == 0 {
				return "", err
			}
			return path(bars[0].Foo.Name, bars[0].Name), err
		}},
	{"nested, many levels", // temporal-113, 114, 118
		func(foo, bar, sub, subsub string) string { return upTo(foo, bar, sub, subsub) },
		func(db bun.IDB) (string, error) {
			var foos []*foo
			err := db.NewSelect().Model(&foos).Relation("Bars.SubBars.SubSubBars").Where("foo.id = 1").Scan(ctx)
			return pathOf(foos), err
		}},
	{"nested upwards, joined", // temporal-114, 117, 118
		func(foo, bar, sub, subsub string) string { return all(foo, bar, sub, subsub) },
		func(db bun.IDB) (string, error) {
			var s []subSubBar
			err := db.NewSelect().Model(&s).Relation("SubBar.Bar.Foo").Where("sub_sub_bar.id = 1").Scan(ctx)
			if len(s) == 0 {
				return "", err
			}
			return path(s[0].SubBar.Bar.Foo.Name, s[0].SubBar.Bar.Name, s[0].SubBar.Name, s[0].Name), err
		}},
	{"up and down", // temporal-117, joined and loaded
		func(foo, bar, sub, _ string) string { return all(foo, bar, sub) },
		func(db bun.IDB) (string, error) {
			var s []subBar
			err := db.NewSelect().Model(&s).Relation("Bar.Foo.Bars").Where("sub_bar.id = 1").Scan(ctx)
			if len(s) == 0 {
				return "", err
			}
			return path(s[0].Bar.Foo.Name, s[0].Bar.Foo.Bars[0].Name, s[0].Name), err
		}},
	{"joins in SQL", // temporal-117, joins alone, left joins
		func(foo, bar, sub, subsub string) string { return upTo(foo, bar, sub, subsub) },
		func(db bun.IDB) (string, error) {
			var names []string
			err := db.NewSelect().Model((*foo)(nil)).ColumnExpr("array_to_string(ARRAY[foo.name, b.name, s.name, ss.name], ' < ')").
				Join("LEFT JOIN bars AS b ON b.foo_id = foo.id").Join("LEFT JOIN sub_bars AS s").JoinOn("s.bar_id = b.id").
				Join("LEFT JOIN sub_sub_bars AS ss ON ss.sub_bar_id = s.id").Where("foo.id = 1").Scan(ctx, &names)
			return strings.Join(names, ""), err
		}},
	{"raw", // temporal-117
		func(foo, bar, sub, subsub string) string { return all(foo, bar, sub, subsub) },
		func(db bun.IDB) (string, error) {
			var s []string
			err := db.NewRaw("SELECT concat_ws(' < ', f.name, b.name, s.name, ss.name) FROM foos f JOIN bars b ON b.foo_id = f.id JOIN sub_bars s ON s.bar_id = b.id JOIN sub_sub_bars ss ON ss.sub_bar_id = s.id WHERE f.id = ?", 1).Scan(ctx, &s)
			return strings.Join(s, ""), err
		}},
	{"loaded later", // temporal-103, 119
		func(foo, bar, _, _ string) string { return upTo(foo, bar) },
		func(db bun.IDB) (string, error) {
			var foos []*foo
			if err := db.NewSelect().Model(&foos).Where("id = 1").Scan(ctx); err != nil || len(foos) == 0 {
				return "", err
			}
			err := db.NewSelect().Model(&foos[0].Bars).Where("foo_id = ?", foos[0].ID).Scan(ctx)
			return pathOf(foos), err
		}},
	{"scoped relation", // temporal-115
		func(foo, bar, _, _ string) string {
			if strings.HasPrefix(bar, "new") {
				return path(foo, bar)
			}
			return foo
		},
		func(db bun.IDB) (string, error) {
			var foos []*foo
			err := db.NewSelect().Model(&foos).Relation("Bars", func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("name LIKE ?", "new%") }).Where("foo.id = 1").Scan(ctx)
			return pathOf(foos), err
		}},
	{"a subquery, a CTE, Count, ScanAndCount, Exists and rows",
		func(foo, bar, _, _ string) string { return all(foo, bar) },
		func(db bun.IDB) (string, error) {
			var names []string
			n, err := db.NewSelect().Model((*foo)(nil)).Column("name").Where("id IN (?)", db.NewSelect().Model((*bar)(nil)).Column("foo_id").Where("id = 1")).ScanAndCount(ctx, &names)
			if err != nil {
				return "", err
			}
			there, err := db.NewSelect().With("b", db.NewSelect().Model((*bar)(nil)).Where("id = 1")).TableExpr("b").Exists(ctx)
			if err != nil {
				return "", err
			}
			m, err := db.NewSelect().Model((*bar)(nil)).Where("id = 1").Count(ctx)
			if err != nil {
				return "", err
			}
			rows, err := db.NewSelect().Model((*bar)(nil)).Where("id = 1").Rows(ctx)
			if err != nil {
				return "", err
			}
			defer rows.Close()
			for rows.Next() {
				var b bar
				if err := rows.Scan(&b.ID, &b.Name, &b.FooID); err != nil {
					return "", err
				}
				names = append(names, b.Name)
			}
			if n != m || there != (n == 1) || int(n+m) != len(names) {
				return fmt.Sprint(n, m, there), nil
			}
			return path(names...), rows.Err()
		}},
	{"a plain model and what it belongs to", // temporal-116, 123, 124
		func(foo, bar, sub, _ string) string {
			if bar == "" {
				return "baz"
			}
			return upTo("baz", foo, bar, sub)
		},
		func(db bun.IDB) (string, error) {
			var z baz
			err := db.NewSelect().Model(&z).Relation("Bar.Foo").Relation("Bar.SubBars").Limit(1).Scan(ctx)
			if z.Bar == nil || z.Bar.ID == 0 {
				return z.Name, err
			}
			names := []string{z.Name, z.Bar.Foo.Name, z.Bar.Name}
			for _, s := range z.Bar.SubBars {
				names = append(names, s.Name)
			}
			return path(names...), err
		}},
}
