package ent_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	atlasmigrate "ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/schema"
	"github.com/google/go-cmp/cmp"

	"yore.example/yore"
	"yore.example/yore/integrations/ent/ent"
	"yore.example/yore/integrations/ent/ent/migrate"
	"yore.example/yore/internal/pgtest"
)

const everyColumn = `SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns WHERE table_schema !~ '^(pg_|information|yore)' ORDER BY 1, 2, ordinal_position`

// TestAutoMigrationAlone: what ent's migration does without ThroughYore.
func TestAutoMigrationAlone(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	t.Run("behind a face it makes the table, and fails", func(t *testing.T) {
		t.Parallel()
		d := shop(t)
		pgtest.Exec(t, d.pool, trackShop)
		before := pgtest.Rows(t, d.pool, everyColumn)
		if err := d.client.Schema.Create(ctx); sqlState(err) != "42P07" { // duplicate_table
			t.Error(err)
		}
		if diff := cmp.Diff(before, pgtest.Rows(t, d.pool, everyColumn)); diff != "" {
			t.Errorf("it has changed (-before +after)\n%s", diff)
		}
	})
	t.Run("in place it drops no column that yore needs", func(t *testing.T) {
		t.Parallel()
		d := shop(t)
		pgtest.Exec(t, d.pool, strings.Replace(trackShop, "(t)", "(t, in_place => true)", 1))
		before := pgtest.Rows(t, d.pool, everyColumn)
		if err := d.client.Schema.Create(ctx); err != nil {
			t.Error(err)
		}
		if err := d.client.Schema.Create(ctx, migrate.WithDropColumn(true)); sqlState(err) != "2BP01" { // dependent_objects_still_exist
			t.Error(err)
		}
		if diff := cmp.Diff(before, pgtest.Rows(t, d.pool, everyColumn)); diff != "" {
			t.Errorf("it has changed (-before +after)\n%s", diff)
		}
		named(d.client.Customer.Create(), "ada").ExecX(ctx)
		pgtest.Clean(t, d.pool)
	})
	// But for the column that goes and the type: those are refused.
	added := func() []*schema.Table {
		return slices.DeleteFunc(later(), func(t *schema.Table) bool { return t.Name == "notes" })
	}
	t.Run("in place a new column stops writes until yore.sync", func(t *testing.T) {
		t.Parallel()
		d := shop(t)
		pgtest.Exec(t, d.pool, strings.Replace(trackShop, "(t)", "(t, in_place => true)", 1))
		if err := migrate.Create(ctx, d.client.Schema, added()); err != nil {
			t.Fatal(err)
		}
		if err := yore.Explain(named(d.client.Customer.Create(), "ada").Exec(ctx)); !errors.Is(err, yore.ErrNeedsSync) {
			t.Error(err)
		}
		pgtest.Exec(t, d.pool, "SELECT yore.sync('customers')")
		named(d.client.Customer.Create(), "ada").ExecX(ctx)
		pgtest.Clean(t, d.pool)
	})
	t.Run("in place with auto_sync it does not", func(t *testing.T) {
		t.Parallel()
		d := shop(t)
		pgtest.Exec(t, d.pool, strings.Replace(trackShop, "(t)", "(t, in_place => true)", 1), "SELECT yore.auto_sync(true)")
		if err := migrate.Create(ctx, d.client.Schema, added()); err != nil {
			t.Fatal(err)
		}
		named(d.client.Customer.Create(), "ada").ExecX(ctx)
		if got := pgtest.Rows(t, d.pool, "SELECT name, phone FROM history.customers"); len(got) != 1 || got[0] != "ada|∅" {
			t.Error(got)
		}
		pgtest.Clean(t, d.pool)
	})
}

// TestVersionedMigration: the client of today reads what was before a column that
// yore.alter_table added.
func TestVersionedMigration(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := shop(t)
	pgtest.Exec(t, d.pool, "ALTER TABLE customers DROP COLUMN status", trackShop)
	// As the client was before: it did not know the column.
	pgtest.Exec(t, d.pool, "INSERT INTO customers (name, email, visits, updated_at) VALUES ('ada', 'ada@example.org', 0, now())")
	before := d.now(t)
	pgtest.Exec(t, d.pool, `SELECT yore.alter_table('customers', $$ADD COLUMN status varchar$$)`)
	d.client.Customer.UpdateOneID(1).SetStatus("gold").ExecX(ctx)
	if got := d.client.Customer.GetX(ctx, 1).Status; got != "gold" {
		t.Error(got)
	}
	d.at(t, before, func(ctx context.Context, c *ent.Client) {
		if got := c.Customer.GetX(ctx, 1); got.Name != "ada" || got.Status != "" {
			t.Error(got)
		}
	})
	pgtest.Clean(t, d.pool)
}

// TestReplay: ent plans by replaying on a database that has nothing in it, and
// yore counts as something.
func TestReplay(t *testing.T) {
	t.Parallel()
	d := open(t)
	dir, err := atlasmigrate.NewLocalDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m, err := schema.NewMigrate(entsql.OpenDB(dialect.Postgres, d.db), schema.WithDir(dir), schema.WithMigrationMode(schema.ModeReplay))
	if err != nil {
		t.Fatal(err)
	}
	err = m.NamedDiff(context.Background(), "x", migrate.Tables...)
	var notClean *atlasmigrate.NotCleanError
	if !errors.As(err, &notClean) || !strings.Contains(err.Error(), "yore") {
		t.Error(err)
	}
}
