package yore_test

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// openDriver opens a handle of pgx's driver.
func openDriver(t testing.TB, dsn string, mode pgx.QueryExecMode, carrying bool, change ...func(*pgx.ConnConfig)) *stdsql.DB {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	ok(t, err)
	config.DefaultQueryExecMode = mode
	for _, f := range change {
		f(config)
	}
	c := stdlib.GetConnector(*config, stdlib.OptionShouldPing(func(context.Context, stdlib.ShouldPingParams) bool { return false }))
	if carrying {
		c = yore.NewConnector(c)
	}
	db := stdsql.OpenDB(c)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestConnectorCarriesContext(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			pgtest.SQLDriver{Open: func(t testing.TB, dsn string, carrying bool) *stdsql.DB { return openDriver(t, dsn, mode, carrying) }}.Carries(t)
		})
	}
}

// The driver's own connection is within reach.
func TestConnectorRaw(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dsn := pgtest.DSN(t)
	for _, carrying := range []bool{false, true} {
		conn, err := openDriver(t, dsn, pgx.QueryExecModeExec, carrying).Conn(ctx)
		ok(t, err)
		ok(t, conn.Raw(func(c any) error {
			if c.(interface{ Conn() *pgx.Conn }).Conn() != yore.DriverConn(c).(*stdlib.Conn).Conn() {
				t.Error("another connection")
			}
			return nil
		}))
		ok(t, conn.Close())
	}
}

// database/sql without yore: a write fails, and nothing is written.
func TestConnectorNeedsYore(t *testing.T) {
	t.Parallel()
	dsn := pgtest.EmptyDSN(t, pgtest.Server(t))
	plain := pgtest.Connect(t, dsn)
	pgtest.Exec(t, plain, "CREATE TABLE items (id int)")
	db := openDriver(t, dsn, pgx.QueryExecModeCacheStatement, true)
	ctx := yore.WithActor(context.Background(), "ana")
	_, err := db.ExecContext(ctx, "INSERT INTO items VALUES ($1)", 1)
	if !errors.Is(err, yore.ErrNotInstalled) {
		t.Errorf("Exec: %v", err)
	}
	if err := db.QueryRowContext(ctx, "INSERT INTO items VALUES ($1) RETURNING id", 1).Scan(new(int)); !errors.Is(err, yore.ErrNotInstalled) {
		t.Errorf("QueryRow: %v", err)
	}
	tx, err := db.BeginTx(ctx, nil)
	ok(t, err)
	_, err = tx.Exec("INSERT INTO items VALUES ($1)", 1)
	ok(t, err)
	if err := tx.Commit(); !errors.Is(err, yore.ErrNotInstalled) {
		t.Errorf("Commit: %v", err)
	}
	is(t, "rows", pgtest.Rows(t, plain, "SELECT count(*) FROM items")[0], 0)
	for _, open := range []*stdsql.DB{db, openDriver(t, dsn, pgx.QueryExecModeCacheStatement, false)} {
		if err := yore.AsOfSQL(ctx, open, yoreEpoch, func(*stdsql.Tx) error { return nil }); !errors.Is(err, yore.ErrNotInstalled) {
			t.Errorf("AsOfSQL: %v", err)
		}
		ok(t, open.QueryRow("SELECT count(*) FROM items").Scan(new(int)))
	}
}

// A transaction takes the round trips of the plain driver's, and so does Exec; a
// query that writes takes BEGIN and COMMIT more; AsOfSQL and AtTimeSQL take none for
// the time.
func TestConnectorRoundTrips(t *testing.T) {
	t.Parallel()
	dsn, kuna := currencies(t)
	ctx := yore.WithActor(context.Background(), "ana")
	for _, mode := range modes {
		var n tripCounter
		open := func(carrying bool) *stdsql.DB {
			db := openDriver(t, dsn, mode, carrying, func(c *pgx.ConnConfig) { c.DialFunc = n.dial })
			db.SetMaxOpenConns(1)
			return db
		}
		plain, carrying := open(false), open(true)
		stmts := map[*stdsql.DB]*stdsql.Stmt{}
		for _, db := range []*stdsql.DB{plain, carrying} {
			stmt, err := db.Prepare("UPDATE currencies SET name = $1 || name")
			ok(t, err)
			stmts[db] = stmt
		}
		for name, do := range map[string]func(db *stdsql.DB) error{
			"Exec": func(db *stdsql.DB) error {
				_, err := db.ExecContext(ctx, "UPDATE currencies SET name = name || $1", "x")
				return err
			},
			"Prepared": func(db *stdsql.DB) error { _, err := stmts[db].ExecContext(ctx, "x"); return err },
			"Tx": func(db *stdsql.DB) error {
				tx, err := db.BeginTx(ctx, nil)
				if err != nil {
					return err
				}
				defer func() { _ = tx.Rollback() }()
				if _, err := tx.Exec("UPDATE currencies SET name = name || $1", "x"); err != nil {
					return err
				}
				return tx.Commit()
			},
		} {
			want := n.of(t, func() error { return do(plain) })
			if name == "Prepared" && mode == pgx.QueryExecModeDescribeExec {
				want++ // what goes with the prepared statement is described
			}
			is(t, mode.String()+": "+name, n.of(t, func() error { return do(carrying) }), want)
		}
		returning := func(db *stdsql.DB) func() error {
			return func() error {
				return db.QueryRowContext(ctx, "UPDATE currencies SET name = name || $1 RETURNING name", "x").Scan(new(string))
			}
		}
		is(t, mode.String()+": RETURNING", n.of(t, returning(carrying))-n.of(t, returning(plain)), 2)

		query := func(tx *stdsql.Tx) error { return tx.QueryRow("SELECT name FROM currencies").Scan(new(string)) }
		inTx := n.of(t, func() error {
			tx, err := plain.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			defer func() { _ = tx.Rollback() }()
			return query(tx)
		})
		is(t, mode.String()+": AsOfSQL", n.of(t, func() error { return yore.AsOfSQL(ctx, carrying, kuna, query) }), inTx)
		is(t, mode.String()+": AsOfSQL of a plain handle", n.of(t, func() error { return yore.AsOfSQL(ctx, plain, kuna, query) }), inTx+1)
		id := 0
		insert := func(tx *stdsql.Tx) error {
			id++
			_, err := tx.Exec("INSERT INTO currencies VALUES ($1, 'a')", fmt.Sprint(mode, id))
			return err
		}
		writing := n.of(t, func() error {
			tx, err := plain.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			defer func() { _ = tx.Rollback() }()
			return errors.Join(insert(tx), tx.Commit())
		})
		is(t, mode.String()+": AtTimeSQL", n.of(t, func() error { return yore.AtTimeSQL(ctx, carrying, date(2001, 1, 1), insert) }), writing)
		is(t, mode.String()+": AtTimeSQL of a plain handle", n.of(t, func() error { return yore.AtTimeSQL(ctx, plain, date(2001, 1, 1), insert) }), writing+1)
		ok(t, yore.AsOfSQL(ctx, carrying, kuna, func(tx *stdsql.Tx) error {
			var name string
			err := tx.QueryRow(selectName, "HR").Scan(&name)
			is(t, "as of", name, "kuna")
			return err
		}))
	}
}
