package yoretest

import (
	"context"
	stdsql "database/sql"
	"errors"
	"os"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx

	"yore.example/yore/pgdev"
)

// DSN returns the connection string of a new database with yore installed and
// with what the options say. It goes when the test ends, open connections or
// not. A test that cannot have one fails at once.
//
// The template is made by the first test that wants one with these contents;
// others wait for that, and all get copies. On a server that YORE_TEST_DSN or
// UseEnv name, templates are found again by the next process; those that none
// has wanted for a week are dropped.
func DSN(t testing.TB, opts ...Option) string {
	t.Helper()
	ctx := context.Background() // t's is done before the cleanups
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	server, err := o.find(ctx)
	if err = errors.Join(o.err, err); err != nil {
		t.Fatalf("yoretest: %v", err)
	}
	template := o.template()
	if err := server.Template(ctx, template, o.prepare); err != nil {
		t.Fatalf("yoretest: %v", told(err))
	}
	dsn, drop, err := server.Clone(ctx, template)
	if err != nil {
		t.Fatalf("yoretest: %v", err)
	}
	t.Cleanup(drop)
	return dsn
}

func (o *options) find(ctx context.Context) (*pgdev.Server, error) {
	if o.server != nil {
		return o.server, nil
	}
	return pgdev.Shared(ctx, pgdev.Options{DSN: os.Getenv("YORE_TEST_DSN"), UseEnv: o.useEnv, KeepTemplates: true})
}

// Pool returns a pool of connections to a new database, as DSN makes it. It is
// closed when the test ends.
func Pool(t testing.TB, opts ...Option) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(context.Background(), DSN(t, opts...))
	if err != nil {
		t.Fatalf("yoretest: %v", err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// SQL is to database/sql as Pool is to pgx. [yore.Wrap] makes of it what the
// other functions of this package take.
func SQL(t testing.TB, opts ...Option) *stdsql.DB {
	t.Helper()
	db, err := stdsql.Open("pgx", DSN(t, opts...))
	if err != nil {
		t.Fatalf("yoretest: %v", err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
