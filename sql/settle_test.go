package sql_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// A trigger of the user's that came after tracking changes the key where no SET
// names it: the numbers stay right, and verify says that a sync is due.
func TestKeyChangedByALaterTrigger(t *testing.T) {
	t.Parallel()
	db := pgtest.Pool(t)
	pgtest.Exec(t, db, "CREATE TABLE t (id text PRIMARY KEY, name text)", "SELECT yore.track('t')",
		`CREATE FUNCTION slug() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.id := lower(NEW.name); RETURN NEW; END $$`,
		"CREATE TRIGGER slug BEFORE INSERT OR UPDATE ON temporal.t FOR EACH ROW EXECUTE FUNCTION slug()",
		"INSERT INTO t (name) VALUES ('A')",
		"BEGIN; UPDATE t SET name = 'B'; UPDATE t SET name = 'A'; COMMIT", // there and back
		"UPDATE t SET name = 'C'")

	got := strings.Join(pgtest.Rows(t, db, "SELECT id, version, valid_to IS NULL, deleted_at IS NOT NULL FROM history.t ORDER BY id, version"), " ")
	if want := "a|1|f|f a|2|f|f a|3|f|t c|1|t|f"; got != want {
		t.Errorf("history %s, want %s", got, want)
	}
	found := pgtest.Rows(t, db, "SELECT problem, detail FROM yore.verify('t')")
	if len(found) != 1 || !strings.Contains(found[0], "trigger order|trigger slug") || !strings.Contains(found[0], "yore.sync") {
		t.Errorf("verify: %v", found)
	}
	pgtest.Exec(t, db, "SELECT yore.sync('t')", "UPDATE t SET name = 'D'")
	pgtest.Clean(t, db)
}

// What copies every row to the past must see every row.
func TestUntrackThatKeepsNeedsReadCommitted(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := pgtest.Pool(t)
	pgtest.Exec(t, db, "CREATE TABLE t (id int PRIMARY KEY)", "SELECT yore.track('t')", "INSERT INTO t VALUES (1)")
	tx, err := db.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Rows(t, tx, "SELECT * FROM t")
	pgtest.Exec(t, db, "INSERT INTO t VALUES (2)")
	err = yore.Untrack(ctx, tx, "t", yore.KeepHistory)
	var e *yore.Error
	if !errors.Is(err, yore.ErrIsolation) || !errors.As(err, &e) || e.Hint == "" {
		t.Errorf("untrack under an old snapshot: %v", err)
	}
	if err := tx.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	if err := yore.Untrack(ctx, db, "t", yore.KeepHistory); err != nil {
		t.Fatal(err)
	}
	if rows := pgtest.Rows(t, db, "SELECT id FROM history.t ORDER BY id"); len(rows) != 2 {
		t.Errorf("history has %v", rows)
	}
}

// A plan made while the past was small must not read it whole for every row
// once it is large: within one session and one transaction, where no statistics
// come between, an insert costs the same after as before.
func TestInsertGoesOnByIndex(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pool := pgtest.Pool(t)
	conn, err := pool.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	pgtest.Exec(t, conn, "CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL DEFAULT 0)", "SELECT yore.track('t')",
		"INSERT INTO t SELECT g FROM generate_series(1, 20000) AS g", "DELETE FROM t WHERE id <= 20", "ANALYZE temporal.t_past",
		"INSERT INTO t VALUES (-1)", // plans
		"BEGIN", "UPDATE t SET n = n + 1")
	const blocks = "SELECT pg_catalog.sum(seq_tup_read)::bigint FROM pg_stat_xact_user_tables WHERE relname = 't_past'"
	before := pgtest.Rows(t, conn, blocks)
	pgtest.Exec(t, conn, "INSERT INTO t SELECT -g FROM generate_series(2, 500) AS g")
	after := pgtest.Rows(t, conn, blocks)
	if before[0] != after[0] {
		t.Errorf("rows of the past read in sequence: %s before, %s after 499 inserts", before[0], after[0])
	}
	pgtest.Exec(t, conn, "ROLLBACK")
}
