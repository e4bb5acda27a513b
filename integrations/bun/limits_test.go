package shop_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"

	"yore.example/yore"
	shop "yore.example/yore/integrations/bun"
	"yore.example/yore/internal/pgtest"
)

// TestNotAsOf: what a handle as of a time refuses, and the way round.
func TestNotAsOf(t *testing.T) {
	t.Parallel()
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, pool := openShop(t, mode, true)
			ada := &shop.Customer{Name: "Ada", Email: "ada"}
			if _, err := db.NewInsert().Model(ada).Exec(ctx); err != nil {
				t.Fatal(err)
			}
			then := now(t, pool)
			if _, err := db.NewDelete().Model(ada).WherePK().ForceDelete().Exec(ctx); err != nil {
				t.Fatal(err)
			}
			asOf := func(fn func(tx bun.Tx) error) error { return shop.AsOf(ctx, db, then, fn) }

			// A write of a tracked table, 55000: what there was cannot be updated; of
			// another, and a lock, 25006: the transaction is read-only.
			for what, c := range map[string]struct {
				code string
				do   func(tx bun.Tx) error
			}{
				"insert": {"55000", func(tx bun.Tx) error { _, err := tx.NewInsert().Model(&shop.Tag{Name: "x"}).Exec(ctx); return err }},
				"update": {"55000", func(tx bun.Tx) error { _, err := tx.NewUpdate().Model(ada).WherePK().Exec(ctx); return err }},
				"delete": {"55000", func(tx bun.Tx) error {
					_, err := tx.NewDelete().Model(&shop.Tag{ID: 1}).WherePK().Exec(ctx)
					return err
				}},
				"plain": {"25006", func(tx bun.Tx) error { _, err := tx.ExecContext(ctx, "CREATE TABLE x ()"); return err }},
				"lock":  {"25006", func(tx bun.Tx) error { return tx.NewSelect().Model(ada).WherePK().For("UPDATE").Scan(ctx) }},
			} {
				if err := asOf(c.do); !is(err, c.code) {
					t.Errorf("%s: %v", what, err)
				}
				err := asOf(func(tx bun.Tx) error { // in a savepoint it does not end the rest
					inner := tx.RunInTx(ctx, nil, func(_ context.Context, tx bun.Tx) error { return c.do(tx) })
					if !is(inner, c.code) {
						t.Errorf("%s: %v", what, inner)
					}
					return tx.NewSelect().Model(ada).WherePK().Scan(ctx)
				})
				if err != nil {
					t.Errorf("%s, afterwards: %v", what, err)
				}
			}
			// What was then, written now: outside.
			var c shop.Customer
			err := asOf(func(tx bun.Tx) error { return tx.NewSelect().Model(&c).Where("email = 'ada'").Scan(ctx) })
			_, err2 := db.NewInsert().Model(&c).Exec(ctx)
			if err := errors.Join(err, err2); err != nil || c.Name != "Ada" {
				t.Errorf("what was then, now: %+v, %v", c, err)
			}
			// The schema in the name: YO010, with a hint.
			for what, do := range map[string]func(tx bun.Tx) error{
				"ModelTableExpr": func(tx bun.Tx) error {
					return tx.NewSelect().Model(&c).ModelTableExpr("public.customers AS c").Limit(1).Scan(ctx)
				},
				"Raw": func(tx bun.Tx) error { return tx.NewRaw("SELECT * FROM public.customers").Scan(ctx, &c) },
				"a tag": func(tx bun.Tx) error {
					var q struct {
						bun.BaseModel `bun:"table:public.customers"`
						ID            int64
					}
					return tx.NewSelect().Model(&q).Limit(1).Scan(ctx)
				},
			} {
				err := yore.Explain(asOf(do))
				var e *yore.Error
				if !errors.Is(err, yore.ErrPresent) || !errors.As(err, &e) || e.Hint == "" {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
}

// TestNotThroughTheFace: what a view does not do, and the way round.
func TestNotThroughTheFace(t *testing.T) {
	t.Parallel()
	db, pool := openShop(t, modes["prepared"], true)
	upsert := func(q *bun.InsertQuery) error { _, err := q.Set("name = EXCLUDED.name || '!'").Exec(ctx); return err }
	tag := &shop.Tag{ID: 1, Name: "a"}
	if err := upsert(db.NewInsert().Model(tag).On("CONFLICT ON CONSTRAINT tags_pkey DO UPDATE")); !is(err, "42704") {
		t.Errorf("a constraint's name: %v", err)
	}
	if err := errors.Join(upsert(db.NewInsert().Model(tag).On("CONFLICT (id) DO UPDATE")),
		upsert(db.NewInsert().Model(tag).ModelTableExpr("temporal.tags AS t").On("CONFLICT ON CONSTRAINT tags_pkey DO UPDATE"))); err != nil {
		t.Error(err)
	}

	// MERGE: PostgreSQL 15 has it for tables, 17 for views, too.
	if version := db.QueryRowContext(ctx, "SHOW server_version_num"); version != nil {
		var v int
		if err := version.Scan(&v); err != nil {
			t.Fatal(err)
		}
		merge := func(table string) error {
			tags := []shop.Tag{{ID: 1, Name: "merged"}, {ID: 2, Name: "new"}}
			_, err := db.NewMerge().Model(&shop.Tag{}).ModelTableExpr(table+" AS t").With("d", db.NewValues(&tags)).Using("d").On("t.id = d.id").
				WhenUpdate("MATCHED", func(q *bun.UpdateQuery) *bun.UpdateQuery { return q.Set("name = d.name") }).
				WhenInsert("NOT MATCHED", func(q *bun.InsertQuery) *bun.InsertQuery { return q.Value("id", "d.id").Value("name", "d.name") }).Exec(ctx)
			return err
		}
		want := []string{"1|a|", "1|a!|", "1|merged|", "2|new|"}
		switch err := merge("tags"); {
		case v >= 170000 && err != nil, v < 170000 && v >= 150000 && !is(err, "42809") && !is(err, "0A000"):
			t.Errorf("MERGE: %v", err)
		case v < 150000:
			want = want[:2]
		case v < 170000:
			if err := merge("temporal.tags"); err != nil {
				t.Errorf("MERGE of the table: %v", err)
			}
		}
		have := pgtest.Rows(t, pool, "SELECT id, name, '' FROM history.tags ORDER BY id, sys_version")
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("(-want +have)\n%s", diff)
		}
	}
	if _, err := db.NewDelete().Model((*shop.Tag)(nil)).Where("true").Exec(ctx); err != nil { // for TRUNCATE, in TestFaces
		t.Error(err)
	}
	pgtest.Clean(t, pool)
}

// TestWrap: bun's own handles fill in arguments themselves, and know no $1: yore
// gets the handle of database/sql beneath.
func TestWrap(t *testing.T) {
	t.Parallel()
	db, pool := openShop(t, modes["prepared"], false)
	if err := yore.Track(ctx, yore.Wrap(db), "tags", yore.TrackOptions{}); err == nil {
		t.Error("yore.Wrap(db) works, now")
	}
	if err := yore.Track(ctx, yore.Wrap(db.DB), "tags", yore.TrackOptions{}); err != nil {
		t.Error(err)
	}
	if err := db.RunInTx(ctx, nil, func(_ context.Context, tx bun.Tx) error {
		return yore.Track(ctx, yore.Wrap(tx.Tx), "orders", yore.TrackOptions{})
	}); err != nil {
		t.Error(err)
	}
	// deleted_at needs the prefix; yore says so, and changes nothing.
	err := yore.Track(ctx, yore.Wrap(db.DB), "customers", yore.TrackOptions{})
	var pg *pgconn.PgError
	if !errors.Is(err, yore.ErrName) || !errors.As(err, &pg) || pg.Hint == "" {
		t.Error(err)
	}
	if have := pgtest.Rows(t, pool, "SELECT count(*) FROM yore.status()"); have[0] != "2" {
		t.Error(have)
	}
}

// tag2 is a Tag with a column more.
type tag2 struct {
	bun.BaseModel `bun:"table:tags,alias:t"`

	ID    int64  `bun:",pk,autoincrement"`
	Name  string `bun:",unique"`
	Stock int64
}

// TestAutoMigrator: bun's migrations by difference are not for tracked tables: a
// face is no table to it, and in place it would drop yore's columns. Both fail,
// and nothing is harmed.
func TestAutoMigrator(t *testing.T) {
	t.Parallel()
	for inPlace, code := range map[string]string{"false": "42P07", "true": "2BP01"} {
		dsn := pgtest.DSN(t)
		db, _ := open(t, dsn, modes["prepared"])
		pool := pgtest.Connect(t, dsn)
		if _, err := db.NewCreateTable().Model((*shop.Tag)(nil)).Exec(ctx); err != nil {
			t.Fatal(err)
		}
		pgtest.Exec(t, pool, "SELECT yore.track('tags', in_place => "+inPlace+")", "INSERT INTO tags (name) VALUES ('a')")
		if err := migrate.NewMigrator(db, migrate.NewMigrations()).Init(ctx); err != nil {
			t.Fatal(err)
		}
		m, err := migrate.NewAutoMigrator(db, migrate.WithModel((*tag2)(nil)), migrate.WithMigrationsDirectoryAuto(t.TempDir()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Migrate(ctx); !is(err, code) {
			t.Errorf("in place %s: %v", inPlace, err)
		}
		if _, err := db.NewUpdate().Model(&shop.Tag{ID: 1, Name: "b"}).WherePK().Exec(ctx); err != nil {
			t.Errorf("in place %s, afterwards: %v", inPlace, err)
		}
		if diff := cmp.Diff([]string{"a", "b"}, pgtest.Rows(t, pool, "SELECT name FROM history.tags ORDER BY version")); diff != "" {
			t.Errorf("(-want +have)\n%s", diff)
		}
		pgtest.Clean(t, pool)
	}
}
