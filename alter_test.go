package yore_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// What was dropped stays in history, unless it is not to.
func TestAlterTable(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pool := pgtest.Pool(t)
	pgtest.Exec(t, pool, "CREATE TABLE t (id int PRIMARY KEY, a text, b text)", "SELECT yore.track('t')", "INSERT INTO t VALUES (1, 'a', 'b')", "UPDATE t SET a = 'c'")
	for _, step := range []struct {
		action  string
		options yore.AlterOptions
		columns string // of history, but for yore's
	}{
		{"ADD COLUMN c int DEFAULT 7", yore.AlterOptions{}, "id a b c"},
		{"DROP COLUMN a", yore.AlterOptions{}, "id b c a"},
		{"DROP COLUMN b", yore.AlterOptions{DropPast: true}, "id c a"},
	} {
		if err := yore.AlterTable(ctx, pool, "t", step.action, step.options); err != nil {
			t.Fatalf("%s: %v", step.action, err)
		}
		got := pgtest.Rows(t, pool, "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'history.t'::regclass AND attnum > 0 AND attname !~ '^(version|valid_|deleted_at|xid)'")
		if got[0] != step.columns {
			t.Errorf("%s: history has %s, not %s", step.action, got[0], step.columns)
		}
	}
	pgtest.Clean(t, pool)
}

// A change that is refused in a transaction of the caller's changes nothing, and
// the transaction can go on from a savepoint.
func TestAlterTableInATransaction(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pool := pgtest.Pool(t)
	pgtest.Exec(t, pool, "CREATE TABLE t (id int PRIMARY KEY, a text)", "SELECT yore.track('t')", "CREATE VIEW v AS SELECT a FROM t")
	tx, err := pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	savepoint, err := tx.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	err = yore.AlterTable(ctx, savepoint, "t", "DROP COLUMN a", yore.AlterOptions{})
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "2BP01" {
		t.Errorf("DROP COLUMN a: %v", err)
	}
	if err := savepoint.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	if err := yore.RenameTable(ctx, tx, "t", "u"); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, pool, "INSERT INTO u VALUES (1, 'a')", "SELECT a FROM v")
	pgtest.Clean(t, pool)
	if err := yore.RenameTable(ctx, pool, "u", ""); !errors.Is(err, yore.ErrOption) {
		t.Errorf("no name: %v", err)
	}
	pgtest.Exec(t, pool, "DROP VIEW v")
	if err := yore.DropTable(ctx, pool, "u", yore.DropHistory); err != nil {
		t.Error(err)
	}
	if err := yore.DropTable(ctx, pool, "u", yore.DropHistory); !errors.Is(err, yore.ErrNotTracked) {
		t.Errorf("dropped twice: %v", err)
	}
}

// A conversion that is ended goes on where it was, and history is right all the
// while.
func TestConvertPast(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	pgtest.Exec(t, pool, "CREATE TABLE t (id int PRIMARY KEY, n int)", "SELECT yore.track('t')",
		"INSERT INTO t SELECT i, i FROM generate_series(1, 2000) AS i")
	for range 20 {
		pgtest.Exec(t, pool, "UPDATE t SET n = n + 1")
	}
	const sum = "SELECT sum(n), count(*) FROM history.t"
	before := pgtest.Rows(t, pool, sum)[0]
	if err := yore.AlterTable(context.Background(), pool, "t", "ALTER n TYPE bigint", yore.AlterOptions{InBatches: true}); err != nil {
		t.Fatal(err)
	}
	same := func() {
		t.Helper()
		if got := pgtest.Rows(t, pool, sum)[0]; got != before {
			t.Errorf("history has %s, had %s", got, before)
		}
	}
	same()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var first yore.Conversion
	err := yore.ConvertPast(ctx, pool, "t", func(c yore.Conversion) { first = c; cancel() })
	if !errors.Is(err, context.Canceled) || first.Versions == 0 || first.Pages == 0 {
		t.Fatalf("ended after one batch: %v, %+v", err, first)
	}
	same()
	var last yore.Conversion
	if err := yore.ConvertPast(context.Background(), pool, "t", func(c yore.Conversion) { last = c }); err != nil {
		t.Fatal(err)
	}
	if first.Versions+last.Versions != 40_000 || last.Pages != 0 {
		t.Errorf("%d and %d versions converted, of 40000; %d pages remain", first.Versions, last.Versions, last.Pages)
	}
	same()
	pgtest.Clean(t, pool)
	if err := yore.ConvertPast(context.Background(), pool, "nowhere", nil); !errors.Is(err, yore.ErrNotTracked) {
		t.Errorf("no such table: %v", err)
	}
}
