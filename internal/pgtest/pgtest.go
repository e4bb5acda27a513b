// Package pgtest gives every test a database of its own with yore installed: a
// clone of a template, on one throw-away server for the process. It adds to
// yoretest what yore's own tests need: PostgreSQL of every version, fixtures.
package pgtest

import (
	"context"
	"os"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore"
	"yore.example/yore/pgdev"
	"yore.example/yore/yoretest"
)

// Server returns the server of the tests: PostgreSQL of the major version in
// YORE_PG, or the one that is found first.
func Server(t testing.TB) *pgdev.Server {
	t.Helper()
	major := 0
	if v := os.Getenv("YORE_PG"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatalf("YORE_PG=%s is no major version", v)
		}
		major = n
	}
	s, err := pgdev.Shared(context.Background(), pgdev.Options{Major: major})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// DSN returns the connection string of a new database with yore installed, as
// superuser; the database goes when the test ends.
func DSN(t testing.TB) string {
	t.Helper()
	return yoretest.DSN(t, yoretest.On(Server(t)))
}

// EmptyDSN returns a new database without yore on the server; it goes when the
// test ends.
func EmptyDSN(t testing.TB, server *pgdev.Server) string {
	t.Helper()
	ctx := context.Background()
	if err := server.Template(ctx, "empty", func(context.Context, string) error { return nil }); err != nil {
		t.Fatal(err)
	}
	dsn, drop, err := server.Clone(ctx, "empty")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(drop)
	return dsn
}

// ServerOf returns a server of another major version; the test is skipped where
// there is none to be had.
func ServerOf(t testing.TB, major int) *pgdev.Server {
	t.Helper()
	server, err := pgdev.Shared(context.Background(), pgdev.Options{Major: major})
	if err != nil {
		t.Skipf("no PostgreSQL %d: %v", major, err)
	}
	return server
}

// Pool returns a pool of connections to a new database with yore installed.
func Pool(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return Connect(t, DSN(t))
}

// Connect returns a pool of connections to dsn, closed when the test ends.
func Connect(t testing.TB, dsn string) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 32
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// Exec runs statements, one after the other, and fails the test at an error.
func Exec(t testing.TB, db yore.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.Exec(context.Background(), s); err != nil {
			t.Fatalf("%s\n%v", s, err)
		}
	}
}

// Rows runs a query and returns its rows as text, columns joined by "|", NULL
// as "∅".
func Rows(t testing.TB, db yore.DB, query string, args ...any) []string {
	t.Helper()
	// The simple protocol answers in text.
	rows, err := db.Query(context.Background(), query, append([]any{pgx.QueryExecModeSimpleProtocol}, args...)...)
	if err != nil {
		t.Fatalf("%s\n%v", query, err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		line := ""
		for i, v := range rows.RawValues() {
			if i > 0 {
				line += "|"
			}
			if v == nil {
				line += "∅"
			} else {
				line += string(v)
			}
		}
		out = append(out, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s\n%v", query, err)
	}
	return out
}

// Clean fails the test if yore.verify finds anything in any table.
func Clean(t testing.TB, db yore.DB) {
	t.Helper()
	yoretest.Verify(t, db)
}
