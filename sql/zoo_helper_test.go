package sql_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// rowsAre fails the test unless the query returns exactly these rows, as
// pgtest.Rows writes them.
func rowsAre(t testing.TB, db yore.DB, query string, want ...string) {
	t.Helper()
	if got := pgtest.Rows(t, db, query); !slices.Equal(got, want) {
		t.Errorf("%s\ngot  %q\nwant %q", query, got, want)
	}
}

// refuses fails the test unless the statement fails with the SQLSTATE and an
// error that contains all parts, in message, detail or hint. It returns the
// error for a closer look.
func refuses(t testing.TB, db yore.DB, statement, code string, parts ...string) *pgconn.PgError {
	t.Helper()
	_, err := db.Exec(context.Background(), statement)
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		t.Errorf("%s\nwant error %s, got %v", statement, code, err)
		return &pgconn.PgError{}
	}
	whole := e.Message + "\n" + e.Detail + "\n" + e.Hint
	if e.Code != code {
		t.Errorf("%s\nwant error %s, got %s: %s", statement, code, e.Code, whole)
	}
	for _, part := range parts {
		if !strings.Contains(whole, part) {
			t.Errorf("%s\nerror does not say %q: %s", statement, part, whole)
		}
	}
	return e
}

// session returns one connection to a new database, for tests whose steps
// depend on each other's settings or plans, and the database's DSN.
func session(t testing.TB) (*pgx.Conn, string) {
	t.Helper()
	dsn := pgtest.DSN(t)
	return dial(t, dsn), dsn
}

func dial(t testing.TB, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// as returns dsn with another user.
func as(t testing.TB, dsn, role string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme == "" {
		return dsn + " user=" + role
	}
	q := u.Query()
	if q.Has("user") {
		q.Set("user", role)
		u.RawQuery = q.Encode()
	} else {
		u.User = url.User(role)
	}
	return u.String()
}

// instant gives the database's time, between all transactions before and after.
func instant(t testing.TB, db yore.DB) string {
	t.Helper()
	pgtest.Exec(t, db, "SELECT pg_sleep(0.002)")
	at := pgtest.Rows(t, db, "SELECT clock_timestamp()::text")[0]
	pgtest.Exec(t, db, "SELECT pg_sleep(0.002)")
	return at
}

var roles atomic.Int64

// newRole creates a role that may log in. Roles are the whole server's: the
// name is its own, and the role goes when the test ends, with all it owns.
func newRole(t testing.TB, dsn string, options ...string) string {
	t.Helper()
	role := fmt.Sprintf("yore_test_%d_%d", os.Getpid(), roles.Add(1))
	pgtest.Exec(t, dial(t, dsn), "CREATE ROLE "+role+" LOGIN "+strings.Join(options, " "))
	t.Cleanup(func() {
		db := dial(t, dsn)
		pgtest.Exec(t, db, "SET lock_timeout = '10s'", "DROP OWNED BY "+role+" CASCADE", "DROP ROLE "+role)
		_ = db.Close(context.Background())
	})
	return role
}
