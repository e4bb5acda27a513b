package ent_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib"

	example "yore.example/yore/integrations/ent"
	"yore.example/yore/integrations/ent/ent"
	"yore.example/yore/internal/pgtest"
)

// A database is one of a test's own: a pool to look at it, and ent's client.
type database struct {
	pool   *pgxpool.Pool
	db     *sql.DB
	client *ent.Client
}

func open(t testing.TB) database {
	t.Helper()
	dsn := pgtest.DSN(t)
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return database{pgtest.Connect(t, dsn), db, ent.NewClient(ent.Driver(entsql.OpenDB(dialect.Postgres, db)))}
}

// shop returns a database with the tables of the shop, made by ent's migration.
func shop(t testing.TB) database {
	t.Helper()
	d := open(t)
	if err := d.client.Schema.Create(context.Background()); err != nil {
		t.Fatal(err)
	}
	return d
}

const trackShop = `SELECT yore.track(t) FROM unnest('{customers,orders,boos,moos,boos_moos}'::text[]) AS t`

// story returns a database where the story has been told.
func story(t testing.TB) (database, pgtest.Story) {
	t.Helper()
	d := open(t)
	return d, pgtest.Tell(t, d.pool)
}

// at runs fn as of a time.
func (d database) at(t testing.TB, at time.Time, fn func(ctx context.Context, c *ent.Client)) {
	t.Helper()
	err := example.AsOf(context.Background(), d.db, at, func(c *ent.Client) error {
		fn(context.Background(), c)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func (d database) now(t testing.TB) (now time.Time) {
	t.Helper()
	if err := d.pool.QueryRow(context.Background(), "SELECT clock_timestamp()").Scan(&now); err != nil {
		t.Fatal(err)
	}
	return now
}

func sqlState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}
