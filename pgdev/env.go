package pgdev

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
)

// environment returns the server that the environment names, if it does. User
// and password alone (PGUSER, PGPASSWORD) name none.
func environment() (address, bool) {
	if dsn := os.Getenv("DATABASE_URL"); dsn != "" {
		return address{fromEnv: true, env: dsn}, true
	}
	for _, name := range []string{"PGHOST", "PGPORT", "PGSERVICE", "PGDATABASE"} {
		if os.Getenv(name) != "" {
			// pgx and libpq take everything from the environment themselves.
			return address{fromEnv: true, env: "postgres://"}, true
		}
	}
	return address{}, false
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

func useEnvironment(ctx context.Context, o Options, where address) (*Server, error) {
	source := "DATABASE_URL"
	if os.Getenv(source) == "" {
		source = "PG* environment"
	}
	conn, err := pgx.Connect(ctx, where.env)
	if err != nil {
		return nil, fmt.Errorf("pgdev: the server that %s names does not answer; start it, correct the variable, or unset it: %w",
			source, err)
	}
	defer conn.Close(ctx)
	s := &Server{
		bin:     binaries{source: source},
		where:   where,
		full:    conn.PgConn().ParameterStatus("server_version"),
		stopped: make(chan struct{}),
	}
	if o.Major != 0 && s.Major() != o.Major {
		return nil, fmt.Errorf("pgdev: the server that %s names is PostgreSQL %s, but %d was asked for; unset the variable or ask for %d",
			source, s.ServerVersion(), o.Major, s.Major())
	}
	return s, nil
}
