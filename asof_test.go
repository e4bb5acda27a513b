package yore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// modes are all of pgx's ways to run a query; poolers need the later ones.
var modes = []pgx.QueryExecMode{
	pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
}

func connect(t testing.TB, dsn string, mode pgx.QueryExecMode) *pgx.Conn {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	config.DefaultQueryExecMode = mode
	conn, err := pgx.ConnectConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// currencies makes a tracked table whose one row was kuna, then euro, and
// returns its DSN and an instant of the kuna.
func currencies(t testing.TB) (dsn string, kuna time.Time) {
	t.Helper()
	dsn = pgtest.DSN(t)
	db := pgtest.Connect(t, dsn)
	pgtest.Exec(t, db, "CREATE TABLE currencies (country text PRIMARY KEY, name text)", "SELECT yore.track('currencies')",
		"INSERT INTO currencies VALUES ('HR', 'kuna')", "SELECT pg_sleep(0.002)")
	if err := db.QueryRow(context.Background(), "SELECT clock_timestamp()").Scan(&kuna); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, db, "SELECT pg_sleep(0.002)", "UPDATE currencies SET name = 'euro'")
	return dsn, kuna
}

const selectName = "SELECT name FROM currencies WHERE country = $1"

func nameOf(ctx context.Context, db yore.DB) (name string, err error) {
	err = db.QueryRow(ctx, selectName, "HR").Scan(&name)
	return name, err
}

func TestAsOf(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dsn, kuna := currencies(t)
	pool := pgtest.Connect(t, dsn)
	handles := map[string]yore.Beginner{"Pool": pool}
	for _, mode := range modes {
		handles["Conn/"+mode.String()] = connect(t, dsn, mode)
	}
	for name, db := range handles {
		t.Run(name, func(t *testing.T) {
			for range 3 { // present, as-of, present: with one and the same prepared statement
				if got, err := nameOf(ctx, db.(yore.DB)); err != nil || got != "euro" {
					t.Fatalf("present: %q, %v", got, err)
				}
				for at, want := range map[time.Time]string{kuna: "kuna", time.Now().Add(time.Hour): "euro", {}: "euro"} {
					err := yore.AsOf(ctx, db, at, func(tx pgx.Tx) error {
						if got, err := nameOf(ctx, tx); err != nil || got != want {
							return fmt.Errorf("as of %v: %q, %v", at, got, err)
						}
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
	t.Run("BeforeTheRow", func(t *testing.T) {
		err := yore.AsOf(ctx, pool, kuna.AddDate(-1, 0, 0), func(tx pgx.Tx) error { _, err := nameOf(ctx, tx); return err })
		if !errors.Is(err, pgx.ErrNoRows) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("OtherZoneAndNanoseconds", func(t *testing.T) {
		at := kuna.In(time.FixedZone("far", 13*3600+1800)).Add(999 * time.Nanosecond)
		err := yore.AsOf(ctx, pool, at, func(tx pgx.Tx) error {
			if got, err := nameOf(ctx, tx); err != nil || got != "kuna" {
				return fmt.Errorf("%q, %v", got, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	t.Run("YearOneAndFarFuture", func(t *testing.T) {
		for _, at := range []time.Time{time.Unix(-62135596800, 1000), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)} {
			if err := yore.AsOf(ctx, pool, at, func(pgx.Tx) error { return nil }); err != nil {
				t.Errorf("%v: %v", at, err)
			}
		}
	})
	t.Run("ReadOnly", func(t *testing.T) {
		err := yore.AsOf(ctx, pool, kuna, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "CREATE TABLE x (id int)")
			return err
		})
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "25006" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("ErrPresent", func(t *testing.T) {
		err := yore.AsOf(ctx, pool, kuna, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "SELECT FROM public.currencies")
			return yore.Explain(err)
		})
		if !errors.Is(err, yore.ErrPresent) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("ErrorOfFn", func(t *testing.T) {
		mine := errors.New("mine")
		if err := yore.AsOf(ctx, pool, kuna, func(pgx.Tx) error { return mine }); err != mine {
			t.Errorf("got %v", err)
		}
	})
	t.Run("PanicEndsTheTransaction", func(t *testing.T) {
		func() {
			defer func() { _ = recover() }()
			_ = yore.AsOf(ctx, pool, kuna, func(pgx.Tx) error { panic("no") })
		}()
		if n := pool.Stat().AcquiredConns(); n != 0 {
			t.Errorf("%d connections are still out", n)
		}
	})
	t.Run("Canceled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		if err := yore.AsOf(ctx, pool, kuna, func(pgx.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

// In a savepoint of a transaction: afterwards that is in the present and can write.
func TestAsOfInTransaction(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			dsn, kuna := currencies(t)
			conn := connect(t, dsn, mode)
			tx, err := conn.Begin(ctx)
			if err != nil {
				t.Fatal(err)
			}
			path := pgtest.Rows(t, tx, "SHOW search_path")
			pgtest.Exec(t, tx, "INSERT INTO currencies VALUES ('SI', 'euro')")
			for range 2 {
				err = yore.AsOf(ctx, tx, kuna, func(tx pgx.Tx) error {
					if got, err := nameOf(ctx, tx); err != nil || got != "kuna" {
						return fmt.Errorf("%q, %v", got, err)
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if got, err := nameOf(ctx, tx); err != nil || got != "euro" {
					t.Fatalf("afterwards: %q, %v", got, err)
				}
				pgtest.Exec(t, tx, "UPDATE currencies SET name = name || '!' WHERE country = 'SI'")
			}
			// An error in fn does not end the transaction either.
			err = yore.AsOf(ctx, tx, kuna, func(tx pgx.Tx) error { _, err := tx.Exec(ctx, "SELECT 1/0"); return err })
			if err == nil {
				t.Error("no error")
			}
			if after := pgtest.Rows(t, tx, "SHOW search_path"); !slices.Equal(after, path) {
				t.Errorf("search_path was %s, is %s", path, after)
			}
			if err := tx.Commit(ctx); err != nil {
				t.Fatal(err)
			}
			if got := pgtest.Rows(t, conn, "SELECT name FROM currencies WHERE country = 'SI'"); !slices.Equal(got, []string{"euro!!"}) {
				t.Errorf("committed %q", got)
			}
		})
	}
}

func TestRequireTracked(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dsn, kuna := currencies(t)
	db := pgtest.Connect(t, dsn)
	pgtest.Exec(t, db, "CREATE TABLE plain (id int PRIMARY KEY)", "CREATE TABLE always (id int PRIMARY KEY)", "SELECT yore.track('always', since => '-infinity')")
	since, err := yore.TrackedSince(ctx, db, "currencies")
	if err != nil || since.IsZero() || since.After(kuna) || since.Location() != time.UTC {
		t.Fatalf("TrackedSince: %v, %v", since, err)
	}
	if always, err := yore.TrackedSince(ctx, db, "always"); err != nil || !always.IsZero() {
		t.Errorf("TrackedSince of always: %v, %v", always, err)
	}
	for _, test := range []struct {
		name   string
		at     time.Time
		tables []string
		want   error
	}{
		{"After", kuna, []string{"currencies", "public.currencies"}, nil},
		{"AtTheMoment", since, []string{"currencies"}, nil},
		{"Before", since.Add(-time.Microsecond), []string{"always", "currencies"}, yore.ErrBeforeTracking},
		{"Always", time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), []string{"always"}, nil},
		{"NotTracked", kuna, []string{"plain"}, yore.ErrNotTracked},
		{"Unknown", kuna, []string{"nothing"}, yore.ErrNotTracked},
	} {
		t.Run(test.name, func(t *testing.T) {
			called := false
			err := yore.AsOf(ctx, db, test.at, func(pgx.Tx) error { called = true; return nil }, yore.RequireTracked(test.tables...))
			if !errors.Is(err, test.want) || called != (test.want == nil) {
				t.Errorf("error %v, fn called: %t", err, called)
			}
			var known *yore.Error
			if test.want != nil && (!errors.As(err, &known) || known.Hint == "") {
				t.Errorf("no hint in %v", err)
			}
		})
	}
}
