package yore_test

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// knownTime has a zone and nanoseconds; knownText is what is kept of it.
var knownTime = time.Date(2001, 2, 3, 4, 5, 6, 789_012_999, time.FixedZone("far", 13*3600+1800))

const knownText = "2001-02-02 14:35:06.789012"

// begins returns when the versions of an item begin, in UTC, in their order.
func begins(t testing.TB, db yore.DB, id int) string {
	t.Helper()
	return strings.Join(pgtest.Rows(t, db, "SELECT (valid_from AT TIME ZONE 'UTC')::text FROM history.items WHERE id = $1::int ORDER BY version", id), ", ")
}

func itemsDSN(t testing.TB) (dsn string, db *pgxpool.Pool) {
	t.Helper()
	dsn = pgtest.DSN(t)
	db = pgtest.Connect(t, dsn)
	pgtest.Exec(t, db, itemsTable, "SELECT yore.track('items')")
	return dsn, db
}

// From Go, through every handle that can begin a transaction, and
// through none that is in one.
func TestAtTimeEveryHandle(t *testing.T) {
	t.Parallel()
	ctx := yore.WithActor(context.Background(), "ana")
	dsn, plain := itemsDSN(t)
	acquired := do(plain.Acquire(ctx)).ok(t)
	defer acquired.Release()
	handles := everyHandle(t, dsn)
	handles["pgxpool.Conn"] = acquired
	id := 0
	for name, handle := range handles {
		db, begin := handle.(yore.Beginner)
		if !begin {
			continue // of database/sql
		}
		t.Run(name, func(t *testing.T) {
			id++
			write := func(tx pgx.Tx) error {
				_, err := tx.Exec(ctx, "INSERT INTO items VALUES ($1, 'a')", id)
				return err
			}
			if strings.HasPrefix(name, "Tx/") || strings.HasPrefix(name, "Begun/") {
				err := yore.AtTime(ctx, db, knownTime, write)
				check(t, err, yore.ErrOption, "YO007", "in a transaction already", true)
				// It goes on, at its own time.
				pgtest.Exec(t, handle, "SELECT 1")
				is(t, "what was set", pgtest.Rows(t, handle, "SELECT coalesce(current_setting('yore.at_time', true), '')")[0], "")
				return
			}
			ok(t, yore.AtTime(ctx, db, knownTime, write))
			is(t, "begins", begins(t, plain, id), knownText)
			who := "a by ∅"
			if strings.Contains(name, "yore.Pool") {
				who = "a by ana"
			}
			is(t, "who", whoWrote(t, plain, id), who)
			// The next transaction of the connection is an ordinary one.
			pgtest.Exec(t, handle, fmt.Sprintf("UPDATE items SET name = 'b' WHERE id = %d", id))
			is(t, "the next one is of today", pgtest.Rows(t, plain, "SELECT valid_from > now() - interval '1 day' FROM history.items WHERE id = $1::int AND version = 2", id)[0], "t")
		})
	}
	pgtest.Clean(t, plain)
}

func TestAtTimeSQL(t *testing.T) {
	t.Parallel()
	ctx := yore.WithActor(context.Background(), "ana")
	dsn, plain := itemsDSN(t)
	id := 0
	for _, mode := range modes {
		for _, carrying := range []bool{false, true} {
			db := openDriver(t, dsn, mode, carrying)
			conn := do(db.Conn(ctx)).ok(t)
			defer func() { _ = conn.Close() }()
			for name, handle := range map[string]yore.SQLBeginner{"DB": db, "Conn": conn} {
				t.Run(fmt.Sprintf("%s/%s/carrying=%t", mode, name, carrying), func(t *testing.T) {
					id++
					insert := func(tx *stdsql.Tx) error {
						_, err := tx.ExecContext(ctx, "INSERT INTO items VALUES ($1, 'a')", id)
						return err
					}
					ok(t, yore.AtTimeSQL(ctx, handle, knownTime, insert))
					is(t, "begins", begins(t, plain, id), knownText)
					is(t, "who", whoWrote(t, plain, id), map[bool]string{true: "a by ana", false: "a by ∅"}[carrying])

					err := yore.AtTimeSQL(ctx, handle, knownTime, func(tx *stdsql.Tx) error {
						_, err := tx.ExecContext(ctx, "UPDATE items SET name = 'b' WHERE id = $1", id)
						return err
					})
					check(t, err, yore.ErrTimeOrder, "YO011", "would not be after the last one", false)
					check(t, yore.AtTimeSQL(ctx, handle, time.Time{}, insert), yore.ErrOption, "YO007", "zero Time", true)
					check(t, yore.AtTimeSQL(ctx, handle, time.Now().AddDate(1, 0, 0), insert), yore.ErrOption, "YO007", "not in the future", false)
					if err := yore.AtTimeSQL(ctx, handle, knownTime, func(tx *stdsql.Tx) error { _ = insert(tx); return nil }); err == nil {
						t.Error("what failed was committed")
					}
					is(t, "begins", begins(t, plain, id), knownText)
				})
			}
		}
	}
	pgtest.Clean(t, plain)
}

// A row's past, from the earliest change to the latest.
func TestAtTimeLoadsAPast(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	_, db := itemsDSN(t)
	for _, step := range []struct {
		at  time.Time
		sql string
	}{
		{date(-43, 3, 15), "INSERT INTO items VALUES (1, 'a')"},
		{date(1991, 1, 1), "UPDATE items SET name = 'b'"},
		{date(1992, 1, 1), "DELETE FROM items"},
		{date(1992, 1, 1), "INSERT INTO items VALUES (1, 'c')"},
	} {
		ok(t, yore.AtTime(ctx, db, step.at, func(tx pgx.Tx) error {
			// A savepoint is of the same time.
			return pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error { _, err := tx.Exec(ctx, step.sql); return err })
		}))
	}
	is(t, "begins", begins(t, db, 1), "0044-03-15 00:00:00 BC, 1991-01-01 00:00:00, 1992-01-01 00:00:00, 1992-01-01 00:00:00")
	var then string
	ok(t, yore.AsOf(ctx, db, date(1991, 6, 1), func(tx pgx.Tx) error { return tx.QueryRow(ctx, "SELECT name FROM items").Scan(&then) }))
	is(t, "then", then, "b")
	pgtest.Clean(t, db)
}

// What at_time says holds for the whole transaction, even if it was said in a
// savepoint: why AtTime takes none.
func TestAtTimeOfASavepoint(t *testing.T) {
	t.Parallel()
	_, db := itemsDSN(t)
	pgtest.Exec(t, db, `BEGIN; SAVEPOINT a; SELECT yore.at_time('2001-01-01Z'); RELEASE a; INSERT INTO items VALUES (1, 'a'); COMMIT`,
		`BEGIN; SAVEPOINT a; SELECT yore.at_time('2001-01-01Z'); ROLLBACK TO a; INSERT INTO items VALUES (2, 'a'); COMMIT`)
	is(t, "released", begins(t, db, 1), "2001-01-01 00:00:00")
	is(t, "rolled back", pgtest.Rows(t, db, "SELECT valid_from > now() - interval '1 day' FROM history.items WHERE id = 2")[0], "t")
}

func TestAtTimeFails(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dsn, db := itemsDSN(t)
	pgtest.Exec(t, db, "INSERT INTO items VALUES (1, 'a', 1), (2, 'a', 2)")
	exec := func(sql string) func(pgx.Tx) error {
		return func(tx pgx.Tx) error { _, err := tx.Exec(ctx, sql); return err }
	}
	never := func(pgx.Tx) error { t.Error("fn was called"); return nil }
	mine := errors.New("mine")
	for _, mode := range modes {
		conn := connect(t, dsn, mode)
		for name, c := range map[string]struct {
			at    time.Time
			fn    func(pgx.Tx) error
			fails func(t *testing.T, err error)
		}{
			"Zero":   {time.Time{}, never, func(t *testing.T, err error) { check(t, err, yore.ErrOption, "YO007", "zero Time", true) }},
			"Future": {time.Now().AddDate(1, 0, 0), never, func(t *testing.T, err error) { check(t, err, yore.ErrOption, "YO007", "not in the future", false) }},
			"TimeOrder": {knownTime, exec("UPDATE items SET name = 'b' WHERE id = 1"), func(t *testing.T, err error) {
				check(t, err, yore.ErrTimeOrder, "YO011", "items", false)
			}},
			"AnotherTime": {knownTime, exec("SELECT yore.at_time('1999-01-01Z')"), func(t *testing.T, err error) {
				check(t, err, yore.ErrTimeOrder, "YO011", "already loads history at 2001-02-02 14:35:06.789012", false)
			}},
			"ErrorOfFn": {knownTime, func(tx pgx.Tx) error { return errors.Join(exec("INSERT INTO items VALUES (3, 'a')")(tx), mine) }, func(t *testing.T, err error) {
				is(t, "is", errors.Is(err, mine), true)
			}},
			"Swallowed": {knownTime, func(tx pgx.Tx) error { _ = exec("SELECT 1/0")(tx); return nil }, func(t *testing.T, err error) {
				is(t, "is", errors.Is(err, pgx.ErrTxCommitRollback), true)
			}},
			"AtCommit": {knownTime, exec("INSERT INTO items VALUES (3, 'a', 2)"), func(t *testing.T, err error) {
				var state interface{ SQLState() string }
				is(t, "is", errors.As(err, &state) && state.SQLState() == "23505", true)
			}},
			"Panic": {knownTime, func(tx pgx.Tx) error { _ = exec("INSERT INTO items VALUES (3, 'a')")(tx); panic(mine) }, func(t *testing.T, err error) {
				is(t, "is", err, "panic: mine")
			}},
		} {
			t.Run(mode.String()+"/"+name, func(t *testing.T) {
				err := func() (err error) {
					defer func() {
						if p := recover(); p != nil {
							err = fmt.Errorf("panic: %v", p)
						}
					}()
					return yore.AtTime(ctx, conn, c.at, c.fn)
				}()
				if err == nil {
					t.Fatal("no error")
				}
				c.fails(t, err)
				// Nothing is left, and the connection is as it was.
				is(t, "rows", pgtest.Rows(t, conn, "SELECT count(*) FROM history.items")[0], 2)
				is(t, "status", string(conn.PgConn().TxStatus()), "I")
			})
		}
	}
	t.Run("Canceled", func(t *testing.T) {
		canceled, cancel := context.WithCancel(ctx)
		cancel()
		if err := yore.AtTime(canceled, db, knownTime, never); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("NotInstalled", func(t *testing.T) {
		empty := poolIn(t, pgtest.EmptyDSN(t, pgtest.Server(t)), pgx.QueryExecModeExec, func(c *pgxpool.Config) { c.MaxConns = 1 })
		check(t, yore.AtTime(ctx, empty, knownTime, never), yore.ErrNotInstalled, "YO017", "not installed", false)
		pgtest.Exec(t, empty, "SELECT 1") // its one connection is not out
	})
	t.Run("BadWords", func(t *testing.T) {
		bad := yore.WithActor(ctx, "\x00")
		check(t, yore.AtTime(bad, yore.NewPool(db), knownTime, never), yore.ErrOption, "YO007", "NUL", true)
		sqlDB := openDriver(t, dsn, pgx.QueryExecModeExec, true)
		check(t, yore.AtTimeSQL(bad, sqlDB, knownTime, func(*stdsql.Tx) error { return never(nil) }), yore.ErrOption, "YO007", "NUL", true)
	})
}

// A role needs the right to say when versions begin, and nothing else.
func TestAtTimeNeedsTheRight(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dsn, admin := itemsDSN(t)
	role := fmt.Sprintf("yore_importer_%d", os.Getpid())
	pgtest.Exec(t, admin, "CREATE ROLE "+role+" LOGIN", "GRANT INSERT ON items TO "+role)
	t.Cleanup(func() { pgtest.Exec(t, admin, "DROP OWNED BY "+role, "DROP ROLE "+role) })
	conn := connect(t, dsn, pgx.QueryExecModeCacheStatement)
	pgtest.Exec(t, conn, "SET ROLE "+role)
	write := func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO items VALUES (1, 'a')")
		return err
	}
	err := yore.AtTime(ctx, conn, knownTime, write)
	var known *yore.Error
	if !errors.Is(err, yore.ErrRights) || !errors.As(err, &known) || known.Code != "YO008" || !strings.Contains(known.Hint, "GRANT EXECUTE ON FUNCTION yore.at_time") {
		t.Fatalf("got %v", err)
	}
	is(t, "status", string(conn.PgConn().TxStatus()), "I")
	pgtest.Exec(t, admin, "GRANT EXECUTE ON FUNCTION yore.at_time TO "+role)
	ok(t, yore.AtTime(ctx, conn, knownTime, write))
	is(t, "begins", begins(t, admin, 1), knownText)
}
