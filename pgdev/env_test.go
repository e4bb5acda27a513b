//go:build linux || darwin

package pgdev

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// clearEnvironment takes away what names a server.
func clearEnvironment(t *testing.T) {
	for _, name := range []string{"DATABASE_URL", "PGHOST", "PGPORT", "PGSERVICE", "PGDATABASE"} {
		t.Setenv(name, "")
	}
}

func TestUseEnv(t *testing.T) {
	owned := startServer(t, Options{})
	for _, test := range []struct {
		source string
		set    map[string]string
	}{
		{"DATABASE_URL", map[string]string{"DATABASE_URL": owned.DSN("")}},
		{"DATABASE_URL", map[string]string{"DATABASE_URL": "host=" + owned.where.dir + " port=5432 user=postgres dbname=postgres"}},
		{"PG* environment", map[string]string{"PGHOST": owned.where.dir, "PGPORT": "5432", "PGUSER": "postgres"}},
	} {
		t.Run(strings.ReplaceAll(test.source, "*", ""), func(t *testing.T) {
			clearEnvironment(t)
			for name, value := range test.set {
				t.Setenv(name, value)
			}
			s, err := Start(t.Context(), Options{UseEnv: true})
			if err != nil {
				t.Fatal(err)
			}
			if s.Source() != test.source || s.BinDir() != "" || s.ServerVersion() != owned.ServerVersion() {
				t.Errorf("source %q, binaries %q, version %q", s.Source(), s.BinDir(), s.ServerVersion())
			}
			if got := query(t, s.DSN("template1"), "SELECT current_database()::text"); got != "template1" {
				t.Errorf("connected to %q", got)
			}
			if err := s.Template(t.Context(), "base", withTable); err != nil {
				t.Fatal(err)
			}
			dsn, _, err := s.Clone(t.Context(), "base")
			if err != nil {
				t.Fatal(err)
			}
			if got := query(t, dsn, "SELECT a FROM t"); got != "original" {
				t.Errorf("the clone has %q", got)
			}
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
			const left = "SELECT count(*)::text FROM pg_database WHERE datname LIKE 'yore%'"
			if got := query(t, owned.DSN(""), left); got != "0" {
				t.Errorf("%s databases are left on the server", got)
			}
		})
	}
}

func TestEnvironmentIsNotUsedUnasked(t *testing.T) {
	clearEnvironment(t)
	t.Setenv("DATABASE_URL", "postgres://127.0.0.1:1/none")
	if s := startServer(t, Options{}); s.Source() == "DATABASE_URL" {
		t.Error("DATABASE_URL was used")
	}
}

func TestUseEnvErrNoAnswer(t *testing.T) {
	clearEnvironment(t)
	t.Setenv("DATABASE_URL", "postgres://127.0.0.1:1/none")
	_, err := Start(t.Context(), Options{UseEnv: true})
	if err == nil || !strings.Contains(err.Error(), "the server that DATABASE_URL names does not answer") {
		t.Errorf("got %v", err)
	}
}

func TestUseEnvErrMajor(t *testing.T) {
	owned := startServer(t, Options{})
	clearEnvironment(t)
	t.Setenv("DATABASE_URL", owned.DSN(""))
	wanted := owned.Major() + 1
	_, err := Start(t.Context(), Options{UseEnv: true, Major: wanted})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("but %d was asked for", wanted)) {
		t.Errorf("got %v", err)
	}
}

func TestEnvironmentDSN(t *testing.T) {
	clearEnvironment(t)
	for _, dsn := range []string{
		"postgres://u:p@h:1/old?application_name=x",
		"postgresql://u@h/old?dbname=other&application_name=x",
		"postgres://u@h?application_name=x",
		"host=h user=u dbname=old application_name=x",
	} {
		config, err := pgx.ParseConfig(environmentDSN(dsn, `a 'b\/c`))
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
			continue
		}
		if config.Database != `a 'b\/c` || config.Host != "h" || config.User != "u" || config.RuntimeParams["application_name"] != "x" {
			t.Errorf("%s became database %q of %q at %q with %q", dsn, config.Database, config.User, config.Host, config.RuntimeParams)
		}
		if environmentDSN(dsn, "") != dsn {
			t.Errorf("%s is changed without a name", dsn)
		}
	}
}
