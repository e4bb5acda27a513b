package shop_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"

	"yore.example/yore"
	shop "yore.example/yore/integrations/bun"
	"yore.example/yore/internal/gen"
	"yore.example/yore/internal/pgtest"
)

// customer2 is what the model has become a year later: a column more.
type customer2 struct {
	bun.BaseModel `bun:"table:customers,alias:c"`

	ID    int64 `bun:",pk,autoincrement"`
	Name  string
	Email string
	Phone string `bun:",nullzero,default:'none'"`
}

// TestFaces: bun's schema queries and the face of a tracked table.
func TestFaces(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	db, _ := open(t, dsn, modes["prepared"])
	pool := pgtest.Connect(t, dsn)
	for range 2 { // IF NOT EXISTS finds the face
		if err := shop.Setup(ctx, db); err != nil {
			t.Fatal(err)
		}
	}
	insert := func(email string) error {
		_, err := db.NewInsert().Model(&customer2{Name: "x", Email: email}).Exec(ctx)
		return err
	}
	tag := (*shop.Tag)(nil)
	for what, c := range map[string]struct {
		query interface {
			Exec(context.Context, ...any) (sql.Result, error)
		}
		code string
	}{
		"NewCreateTable":           {db.NewCreateTable().Model(tag), "42P07"},
		"NewDropTable":             {db.NewDropTable().Model(tag).IfExists(), "42809"},
		"NewTruncateTable":         {db.NewTruncateTable().Model(tag), "42809"},
		"NewAddColumn":             {db.NewAddColumn().Model(tag).ColumnExpr("colour text"), "42809"},
		"NewDropColumn":            {db.NewDropColumn().Model(tag).Column("name"), "42809"},
		"NewCreateIndex":           {db.NewCreateIndex().Model(tag).Index("i").Column("name"), "42809"},
		"NewCreateTable with keys": {db.NewCreateTable().Model((*invoice)(nil)).WithForeignKeys(), "42809"},
	} {
		if _, err := c.query.Exec(ctx); !is(err, c.code) {
			t.Errorf("%s: %v", what, err)
		}
	}
	pgtest.Clean(t, pool)

	// Through yore, or on the table beneath, and then yore.Sync.
	if err := yore.AlterTable(ctx, yore.Wrap(db.DB), "tags", "ADD COLUMN colour text", yore.AlterOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := db.NewRaw("SELECT yore.create_index('tags', '(colour)')").Exec(ctx); err != nil {
		t.Error(err)
	}
	if _, err := db.NewCreateTable().Model((*invoice)(nil)).ForeignKey(`("customer_id") REFERENCES temporal.customers ("id")`).Exec(ctx); err != nil {
		t.Error(err)
	}
	if _, err := db.NewInsert().Model(&invoice{CustomerID: 77}).Exec(ctx); !is(err, "23503") {
		t.Errorf("a foreign key: %v", err)
	}
	if _, err := db.NewAddColumn().Model((*customer2)(nil)).ModelTableExpr("temporal.customers").ColumnExpr("phone text DEFAULT 'none'").Exec(ctx); err != nil {
		t.Fatal(err)
	}
	if err := insert("a"); !is(err, "42703") { // the face does not have it yet
		t.Errorf("before yore.Sync: %v", err)
	}
	if err := yore.Sync(ctx, yore.Wrap(db.DB), "customers"); err != nil {
		t.Fatal(err)
	}
	if err := insert("a"); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"none"}, pgtest.Rows(t, pool, "SELECT phone FROM history.customers")); diff != "" {
		t.Error(diff)
	}
	pgtest.Clean(t, pool)
}

// invoice belongs to a tracked table.
type invoice struct {
	ID         int64 `bun:",pk,autoincrement"`
	CustomerID int64
	Customer   *shop.Customer `bun:"rel:belongs-to,join:customer_id=id"`
}

// TestInPlace: tables that stay tables.
func TestInPlace(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	db, _ := open(t, dsn, modes["prepared"])
	discard, _ := open(t, dsn, modes["prepared"], bun.WithDiscardUnknownColumns())
	pool := pgtest.Connect(t, dsn)
	track := func() {
		for _, m := range models {
			if _, err := db.NewCreateTable().Model(m).IfNotExists().Exec(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	track()
	pgtest.Exec(t, pool, "SELECT yore.track('customers', in_place => true, prefix => 'sys_')")
	track()
	insert := func(db *bun.DB, email string) error {
		_, err := db.NewInsert().Model(&customer2{Name: "x", Email: email}).Exec(ctx)
		return err
	}
	for range 2 {
		if _, err := db.NewAddColumn().Model((*customer2)(nil)).ColumnExpr("phone text DEFAULT 'none'").IfNotExists().Exec(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := insert(db, "a"); !errors.Is(yore.Explain(err), yore.ErrNeedsSync) {
		t.Errorf("before yore.Sync: %v", err)
	}
	if err := yore.Sync(ctx, yore.Wrap(db.DB), "customers"); err != nil {
		t.Fatal(err)
	}
	if err := insert(db, "a"); err != nil {
		t.Error(err)
	}
	then := now(t, pool)
	if _, err := db.NewUpdate().Model((*customer2)(nil)).Set("name = 'y'").Where("true").Exec(ctx); err != nil {
		t.Error(err)
	}
	for range 2 { // the same statement, then and now
		read := func(db bun.IDB, want string) {
			t.Helper()
			var c []customer2
			if err := db.NewSelect().Model(&c).Scan(ctx); err != nil || len(c) != 1 || c[0].Name != want || c[0].Phone != "none" {
				t.Errorf("%v, %v; not %s", c, err, want)
			}
		}
		read(db, "y")
		if err := shop.AsOf(ctx, db, then, func(tx bun.Tx) error { read(tx, "x"); return nil }); err != nil {
			t.Error(err)
		}
	}
	// All columns are yore's as well, which bun takes for a mistake.
	everything := func(db *bun.DB) error {
		var c []customer2
		_, err := db.NewUpdate().Model(&c).Set("name = 'z'").Where("true").Returning("id, name, sys_version").Exec(ctx)
		return err
	}
	if err := everything(db); err == nil {
		t.Error("bun takes columns that the model does not have, now")
	}
	if err := everything(discard); err != nil {
		t.Errorf("WithDiscardUnknownColumns: %v", err)
	}
	pgtest.Clean(t, pool)
}

// TestMigrate: yore in the migrations of bun/migrate, in SQL and in Go, up and
// down.
func TestMigrate(t *testing.T) {
	t.Parallel()
	dsn := pgtest.EmptyDSN(t, pgtest.Server(t))
	db, _ := open(t, dsn, modes["prepared"])
	pool := pgtest.Connect(t, dsn)
	migrations := migrate.NewMigrations()
	err := migrations.Discover(fstest.MapFS{
		"1_yore.tx.up.sql":     {Data: []byte(gen.Install(gen.PlainSQL))},
		"2_tables.tx.up.sql":   {Data: []byte("CREATE TABLE tags (id bigint PRIMARY KEY, name text);\nSELECT yore.track('tags');\n--bun:split\nINSERT INTO tags VALUES (1, 'a');")},
		"2_tables.tx.down.sql": {Data: []byte("SELECT yore.drop_table('tags', 'drop');")},
	})
	if err != nil {
		t.Fatal(err)
	}
	migrations.Add(migrate.Migration{Name: "3", Comment: "colour",
		Up: inGo(func(ctx context.Context, db *bun.DB) error {
			return db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
				return yore.AlterTable(ctx, yore.Wrap(tx.Tx), "tags", "ADD COLUMN colour text", yore.AlterOptions{})
			})
		}),
		Down: inGo(func(ctx context.Context, db *bun.DB) error {
			return yore.AlterTable(ctx, yore.Wrap(db.DB), "tags", "DROP COLUMN colour", yore.AlterOptions{})
		}),
	})
	m := migrate.NewMigrator(db, migrations, migrate.WithMarkAppliedOnSuccess(true))
	if err := m.Init(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, pool, "UPDATE tags SET colour = 'red'")
	if diff := cmp.Diff([]string{"1|a|∅", "1|a|red"}, pgtest.Rows(t, pool, "SELECT id, name, colour FROM history.tags ORDER BY version")); diff != "" {
		t.Errorf("(-want +have)\n%s", diff)
	}
	pgtest.Clean(t, pool)
	if _, err := m.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	if have := pgtest.Rows(t, pool, "SELECT count(*) FROM yore.status()"); have[0] != "0" {
		t.Errorf("%s tables tracked", have)
	}
}

func inGo(fn func(ctx context.Context, db *bun.DB) error) func(context.Context, *migrate.Migrator, *migrate.Migration) error {
	return func(ctx context.Context, m *migrate.Migrator, _ *migrate.Migration) error { return fn(ctx, m.DB()) }
}
