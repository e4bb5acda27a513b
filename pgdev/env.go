package pgdev

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
)

// environment returns the server that the environment names, if it does, and
// by what. User
// and password alone (PGUSER, PGPASSWORD) name none.
func environment() (where address, source string, ok bool) {
	if dsn := os.Getenv("DATABASE_URL"); dsn != "" {
		return address{fromEnv: true, env: dsn}, "DATABASE_URL", true
	}
	for _, name := range []string{"PGHOST", "PGPORT", "PGSERVICE", "PGDATABASE"} {
		if os.Getenv(name) != "" {
			// pgx and libpq take everything from the environment themselves.
			return address{fromEnv: true, env: "postgres://"}, "PG* environment", true
		}
	}
	return address{}, "", false
}

// environmentDSN returns dsn, a URL or keywords and values, with its database
// replaced unless that is empty.
func environmentDSN(dsn, database string) string {
	if database == "" {
		return dsn
	}
	if strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://") {
		if u, err := url.Parse(dsn); err == nil {
			u.Path, u.RawPath = "/"+database, ""
			// A parameter would win over the path.
			if q := u.Query(); q.Has("dbname") || q.Has("database") {
				q.Del("dbname")
				q.Del("database")
				u.RawQuery = q.Encode()
			}
			return u.String()
		}
	}
	quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(database)
	return strings.TrimSpace(dsn) + " dbname='" + quoted + "'"
}

// useServer returns a server that runs already; source says who names it.
func useServer(ctx context.Context, o Options, where address, source string) (*Server, error) {
	conn, err := pgx.Connect(ctx, where.env)
	if err != nil {
		return nil, fmt.Errorf("pgdev: the server that %s names does not answer; start it, or correct or leave out what names it: %w",
			source, err)
	}
	defer conn.Close(ctx)
	s := &Server{
		bin:     binaries{source: source},
		where:   where,
		full:    conn.PgConn().ParameterStatus("server_version"),
		keep:    o.KeepTemplates,
		stopped: make(chan struct{}),
	}
	if o.Major != 0 && s.Major() != o.Major {
		return nil, fmt.Errorf("pgdev: the server that %s names is PostgreSQL %s, but %d was asked for; leave it out or ask for %d",
			source, s.ServerVersion(), o.Major, s.Major())
	}
	return s, nil
}
