package sqlc_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"yore.example/yore/integrations/sqlc"
	"yore.example/yore/internal/pgtest"
)

// TestDump: what pg_dump writes of a database with yore does for sqlc as well,
// with an override for valid_from where the past has no beginning.
func TestDump(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	pgtest.Exec(t, pgtest.Connect(t, dsn), strings.Replace(sqlc.Schema, "yore.track('countries')", "yore.track('countries', since => '-infinity')", 1))
	dir := t.TempDir()
	if out, err := exec.Command(filepath.Join(pgtest.Server(t).BinDir(), "pg_dump"), "--schema-only", "--exclude-schema=yore", "--file="+filepath.Join(dir, "dump.sql"), dsn).CombinedOutput(); err != nil {
		t.Skipf("pg_dump: %v\n%s", err, out)
	}
	queries, err := os.ReadFile("queries.sql")
	if err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile("sqlc.yaml")
	if err != nil {
		t.Fatal(err)
	}
	generate := func(config string) string {
		t.Helper()
		for name, text := range map[string]string{"queries.sql": string(queries) + "\n-- name: CurrencyHistory :many\nSELECT * FROM history.currencies;\n", "sqlc.yaml": config} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		// Not run in dir, which has no go.mod: the tool is pinned by its version.
		cmd := exec.Command("go", "run", "github.com/sqlc-dev/sqlc/cmd/sqlc@v1.31.1", "generate", "--file", filepath.Join(dir, "sqlc.yaml"))
		if out, err := cmd.CombinedOutput(); err != nil {
			if strings.Contains(string(out), "dial tcp") {
				t.Skipf("sqlc is not to be had: %s", out)
			}
			t.Fatalf("%v\n%s", err, out)
		}
		models, err := os.ReadFile(filepath.Join(dir, "db", "models.go"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(string(models)), " ")
	}
	dumped := strings.Replace(string(config), "[schema.sql, yore.sql]", "dump.sql", 1)
	country := "type Country struct { Code string Name string Currency *string Population *int64 EuMember bool }"
	history := "type HistoryCountry struct { Code string Name string Currency *string Population *int64 EuMember bool Version int64 ValidFrom bool ValidTo *time.Time DeletedAt *time.Time Xid uint64 }"
	currency := "type HistoryCurrency struct { Code string Name string Version int64 ValidFrom time.Time ValidTo *time.Time DeletedAt *time.Time Xid uint64 }"
	for config, want := range map[string]string{
		dumped: history,
		dumped + "          - {column: history.countries.valid_from, go_type: {import: time, type: Time, pointer: true}}\n": strings.Replace(history, "ValidFrom bool", "ValidFrom *time.Time", 1),
	} {
		models := generate(config)
		for _, part := range []string{country, currency, want} {
			if !strings.Contains(models, part) {
				t.Errorf("not %s in\n%s", part, models)
			}
		}
	}
}
