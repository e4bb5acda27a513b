package yore_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// A transaction that cannot commit fails as it does with a plain pool.
func TestCarryingCommitFailsAsPlain(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	plain := pgtest.Connect(t, dsn)
	pgtest.Exec(t, plain, itemsTable, "SELECT yore.track('items')", "INSERT INTO items VALUES (1, 'a', 1), (2, 'a', 2)")
	ctx := yore.WithActor(context.Background(), "ana")
	for _, mode := range modes {
		pool := poolIn(t, dsn, mode, func(c *pgxpool.Config) { c.MaxConns = 1 })
		inTx := func(do func(tx pgx.Tx) error) func(db beginner) error {
			return func(db beginner) error {
				tx, err := db.Begin(ctx)
				if err != nil {
					return err
				}
				defer func() { _ = tx.Rollback(ctx) }()
				if err := do(tx); err != nil {
					return err
				}
				return tx.Commit(ctx)
			}
		}
		for name, do := range map[string]func(db beginner) error{
			"Failed": inTx(func(tx pgx.Tx) error { _, _ = tx.Exec(ctx, "SELECT 1/0"); return nil }),
			"DeferredConstraint": inTx(func(tx pgx.Tx) error {
				_, err := tx.Exec(ctx, "UPDATE items SET n = 2 WHERE id = $1", 1)
				return err
			}),
			"AutocommitDeferred": func(db beginner) error {
				_, err := db.Exec(ctx, "UPDATE items SET n = 2 WHERE id = $1", 1)
				return err
			},
			"AutocommitDeferredText": func(db beginner) error { _, err := db.Exec(ctx, "UPDATE items SET n = 2 WHERE id = 1"); return err },
			"AutocommitDeferredRows": func(db beginner) error {
				rows, err := db.Query(ctx, "UPDATE items SET n = 2 WHERE id = $1 RETURNING id", 1)
				if err != nil {
					return err
				}
				_, err = pgx.CollectRows(rows, pgx.RowTo[int])
				return err
			},
			"Check":     func(db beginner) error { _, err := db.Exec(ctx, "UPDATE items SET name = $1", "bad"); return err },
			"CheckText": func(db beginner) error { _, err := db.Exec(ctx, "UPDATE items SET name = 'bad'"); return err },
			"CheckRows": func(db beginner) error {
				return db.QueryRow(ctx, "UPDATE items SET name = $1 RETURNING id", "bad").Scan(new(int))
			},
			"CheckBatch": func(db beginner) error {
				var b pgx.Batch
				b.Queue("UPDATE items SET n = $1 WHERE id = 1", 7)
				b.Queue("UPDATE items SET name = $1", "bad")
				return db.SendBatch(ctx, &b).Close()
			},
			"NoTable":      func(db beginner) error { _, err := db.Exec(ctx, "INSERT INTO nowhere VALUES ($1)", 1); return err },
			"NoTableRows":  func(db beginner) error { return db.QueryRow(ctx, "INSERT INTO nowhere VALUES ($1)", 1).Scan(new(int)) },
			"BadArguments": func(db beginner) error { _, err := db.Exec(ctx, "UPDATE items SET n = $1", unwritable); return err },
			"Canceled": func(db beginner) error {
				canceled, cancel := context.WithCancel(ctx)
				cancel()
				_, err := db.Exec(canceled, "UPDATE items SET n = $1", 1)
				return err
			},
			"Copy": func(db beginner) error {
				_, err := db.CopyFrom(ctx, pgx.Identifier{"temporal", "items"}, []string{"id", "name"}, pgx.CopyFromRows([][]any{{9, "bad"}}))
				return err
			},
		} {
			t.Run(mode.String()+"/"+name, func(t *testing.T) {
				want, got := do(pool), do(yore.NewPool(pool))
				var w, g *pgconn.PgError
				if want == nil || got == nil || errors.As(want, &w) != errors.As(got, &g) || errors.Is(want, pgx.ErrTxCommitRollback) != errors.Is(got, pgx.ErrTxCommitRollback) {
					t.Fatalf("plain: %v\ncarrying: %v", want, got)
				}
				if w == nil && want.Error() != got.Error() || w != nil && (w.Code != g.Code || w.ConstraintName != g.ConstraintName || w.Message != g.Message || want.Error() != got.Error()) {
					t.Errorf("plain: %v\ncarrying: %v", want, got)
				}
				// The one connection can be used.
				ok(t, plainCount(pool))
			})
		}
	}
	is(t, "rows of yore.transaction", pgtest.Rows(t, plain, "SELECT count(*) FROM yore.transaction")[0], 0)
	is(t, "versions", whoWrote(t, plain, 1), "a by ∅")
}

var unwritable = make(chan int)

type beginner interface {
	yore.DB
	yore.Beginner
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
	CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error)
}

func plainCount(pool *pgxpool.Pool) error {
	return pool.QueryRow(context.Background(), "SELECT count(*) FROM items").Scan(new(int))
}

// What somebody said with yore.set_context in the transaction stands; a row that
// yore.at_time made is filled in.
func TestCarryGivesWay(t *testing.T) {
	t.Parallel()
	plain := pgtest.Pool(t)
	pgtest.Exec(t, plain, itemsTable, "SELECT yore.track('items', since => '-infinity')")
	pool := yore.NewPool(plain)
	ctx := yore.WithActor(context.Background(), "ana")
	do := func(statements ...string) {
		t.Helper()
		ok(t, pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			for _, s := range statements {
				if _, err := tx.Exec(ctx, s); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	do("SELECT yore.set_context(NULL, 'a reason alone')", "INSERT INTO items VALUES (1, 'a')")
	is(t, "set_context", whoWrote(t, plain, 1), "a by ∅")
	do("INSERT INTO items VALUES (2, 'a')", "SAVEPOINT s", "SELECT yore.set_context('bo')", "ROLLBACK TO s")
	is(t, "set_context taken back", whoWrote(t, plain, 2), "a by ana")
	do("SELECT yore.at_time('2001-01-01Z')", "INSERT INTO items VALUES (3, 'a')")
	is(t, "at_time", whoWrote(t, plain, 3), "a by ana")
	// It may have written, but can write no more.
	do("INSERT INTO items VALUES (4, 'a')", "SET TRANSACTION READ ONLY")
	is(t, "read-only at its end", whoWrote(t, plain, 4), "a by ∅")
	is(t, "at_time stays", pgtest.Rows(t, plain, "SELECT count(*) FROM yore.transaction WHERE at_time = '2001-01-01Z' AND actor = 'ana'")[0], 1)
}

// Where there is no yore, or an old one, a write that should say who fails
// rather than going on without.
func TestCarryNeedsYore(t *testing.T) {
	t.Parallel()
	dsn := pgtest.EmptyDSN(t, pgtest.Server(t))
	plain := pgtest.Connect(t, dsn)
	pgtest.Exec(t, plain, "CREATE TABLE items (id int)")
	ctx := yore.WithActor(context.Background(), "ana")
	check := func(t *testing.T, says string) {
		for _, mode := range modes {
			pool := yore.NewPool(poolIn(t, dsn, mode))
			for name, do := range map[string]func() error{
				"Exec": func() error { _, err := pool.Exec(ctx, "INSERT INTO items VALUES ($1)", 1); return err },
				"Text": func() error { _, err := pool.Exec(ctx, "INSERT INTO items VALUES (1)"); return err },
				"QueryRow": func() error {
					return pool.QueryRow(ctx, "INSERT INTO items VALUES ($1) RETURNING id", 1).Scan(new(int))
				},
				"Tx": func() error {
					return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { _, err := tx.Exec(ctx, "INSERT INTO items VALUES ($1)", 1); return err })
				},
				"Batch": func() error {
					var b pgx.Batch
					b.Queue("INSERT INTO items VALUES ($1)", 1)
					return pool.SendBatch(ctx, &b).Close()
				},
			} {
				err := do()
				var e *yore.Error
				if !errors.Is(err, yore.ErrNotInstalled) || !errors.As(err, &e) || !strings.Contains(e.Message, says) || e.Hint == "" {
					t.Errorf("%s, %s: %v", mode, name, err)
				}
			}
			ok(t, plainCount(pool.Pool))
			_, err := pool.Exec(context.Background(), "SELECT 1")
			ok(t, err)
		}
		is(t, "rows written", pgtest.Rows(t, plain, "SELECT count(*) FROM items")[0], 0)
	}
	check(t, "not installed")
	ok(t, yore.Install(ctx, yore.NewPool(plain)))
	pgtest.Exec(t, plain, "DROP FUNCTION yore.carry_context")
	check(t, "older")
}

// Two serializable transactions that have nothing in common but that both say
// who they are do not stand in each other's way.
func TestCarrySerializable(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	pgtest.Exec(t, pgtest.Connect(t, dsn), "CREATE TABLE a (id int)", "CREATE TABLE b (id int)")
	a, b := connect(t, dsn, pgx.QueryExecModeExec), connect(t, dsn, pgx.QueryExecModeExec)
	both := func(statement string) {
		t.Helper()
		pgtest.Exec(t, a, strings.ReplaceAll(statement, "%", "a"))
		pgtest.Exec(t, b, strings.ReplaceAll(statement, "%", "b"))
	}
	both("BEGIN ISOLATION LEVEL SERIALIZABLE")
	both("INSERT INTO % SELECT count(*) FROM %")
	both("SELECT yore.carry_context('%')")
	both("COMMIT")
	for _, conn := range []*pgx.Conn{a, b} {
		is(t, "said", pgtest.Rows(t, conn, "SELECT string_agg(actor, '' ORDER BY actor) FROM yore.transaction")[0], "ab")
	}
}
