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

// Numbering a row after it is inserted takes an update. Where anybody could see
// that, or the number before it, the row is numbered at once.
func TestComingBackDisturbsNobody(t *testing.T) {
	t.Parallel()
	db := pgtest.Pool(t)

	t.Run("InPlaceReturning", func(t *testing.T) {
		pgtest.Exec(t, db, "CREATE TABLE p (id int PRIMARY KEY)", "SELECT yore.track('p', in_place => true)", "INSERT INTO p VALUES (1)", "DELETE FROM p")
		if got := pgtest.Rows(t, db, "INSERT INTO p VALUES (1) RETURNING sys_version"); got[0] != "3" {
			t.Errorf("RETURNING sys_version: %s, want 3", got[0])
		}
	})

	t.Run("TriggersOfTheUsers", func(t *testing.T) {
		pgtest.Exec(t, db, "CREATE TABLE u (id int PRIMARY KEY)", "CREATE TABLE seen (op text, version bigint)",
			`CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES (TG_OP, NEW.sys_version); RETURN NULL; END $$`,
			"SELECT yore.track('u')", "CREATE TRIGGER note AFTER INSERT OR UPDATE ON temporal.u FOR EACH ROW EXECUTE FUNCTION note()",
			"SELECT yore.sync('u')", "INSERT INTO u VALUES (1)", "DELETE FROM u", "INSERT INTO u VALUES (1)")
		if got := strings.Join(pgtest.Rows(t, db, "SELECT op, version FROM seen"), " "); got != "INSERT|1 INSERT|3" {
			t.Errorf("the trigger saw %s", got)
		}
	})

	t.Run("Alone", func(t *testing.T) {
		pgtest.Exec(t, db, "CREATE TABLE a (id int PRIMARY KEY, n int)", "SELECT yore.track('a')", "INSERT INTO a SELECT g, g FROM generate_series(1, 300) AS g",
			"DELETE FROM a WHERE id % 2 = 0", "INSERT INTO a SELECT g, -g FROM generate_series(2, 400, 2) AS g",
			"BEGIN; DELETE FROM a; INSERT INTO a SELECT g, 0 FROM generate_series(1, 400) AS g; COMMIT",
			"WITH gone AS (DELETE FROM a WHERE id <= 10 RETURNING id) INSERT INTO a SELECT id, 1 FROM gone")
		// 1: odd above 300, new at last. 2: odd, and even above 300, changed once.
		// 4: even, and back. 3, 5: the first ten, in one statement more.
		got := strings.Join(pgtest.Rows(t, db, "SELECT sys_version, count(*) FROM temporal.a GROUP BY 1 ORDER BY 1"), " ")
		if want := "1|50 2|195 3|5 4|145 5|5"; got != want {
			t.Errorf("versions %s, want %s", got, want)
		}
		pgtest.Clean(t, db)
	})
}
