package libpq

import (
	"context"
	stdsql "database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/lib/pq"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

func open(t testing.TB, dsn string, carrying bool) *stdsql.DB {
	t.Helper()
	connector, err := pq.NewConnector(dsn)
	if err != nil {
		t.Fatal(err)
	}
	var c driver.Connector = connector
	if carrying {
		c = yore.NewConnector(connector)
	}
	db := stdsql.OpenDB(c)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// lib/pq carries who and why whatever way it writes.
func TestPQCarriesContext(t *testing.T) {
	t.Parallel()
	pgtest.SQLDriver{Open: open, Copy: func(_ context.Context, tx *stdsql.Tx, rows [][]any) error {
		stmt, err := tx.Prepare(`COPY temporal.items (id, name) FROM STDIN`)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if _, err := stmt.Exec(row...); err != nil {
				return err
			}
		}
		_, err = stmt.Exec()
		return errors.Join(err, stmt.Close())
	}}.Carries(t)
}

// The driver's own connection is within reach, and the past is as with pgx.
func TestPQ(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	ctx := context.Background()
	plain, carrying := open(t, dsn, false), open(t, dsn, true)
	for _, s := range []string{"CREATE TABLE currencies (country text PRIMARY KEY, name text)", "SELECT yore.track('currencies')", "INSERT INTO currencies VALUES ('HR', 'kuna')"} {
		if _, err := plain.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	var kuna time.Time
	if err := plain.QueryRow("SELECT clock_timestamp()").Scan(&kuna); err != nil {
		t.Fatal(err)
	}
	if _, err := carrying.ExecContext(yore.WithActor(ctx, "eu"), "UPDATE currencies SET name = $1", "euro"); err != nil {
		t.Fatal(err)
	}
	for _, db := range []*stdsql.DB{plain, carrying} {
		var name string
		err := yore.AsOfSQL(ctx, db, kuna, func(tx *stdsql.Tx) error { return tx.QueryRow("SELECT name FROM currencies").Scan(&name) }, yore.RequireTracked("currencies"))
		if err != nil || name != "kuna" {
			t.Errorf("as of: %q, %v", name, err)
		}
		err = yore.AsOfSQL(ctx, db, kuna.AddDate(-1, 0, 0), func(*stdsql.Tx) error { return nil }, yore.RequireTracked("currencies"))
		if !errors.Is(err, yore.ErrBeforeTracking) {
			t.Errorf("before tracking: %v", err)
		}
	}
	conn, err := carrying.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	own, err := plain.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = own.Close() }()
	kind := func(c *stdsql.Conn) (name string) {
		_ = c.Raw(func(c any) error { name = fmt.Sprintf("%T", yore.DriverConn(c)); return nil })
		return name
	}
	if got, want := kind(conn), kind(own); got != want {
		t.Errorf("a %s, not a %s", got, want)
	}
}
