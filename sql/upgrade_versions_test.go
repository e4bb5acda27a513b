package sql_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"yore.example/yore/internal/pgtest"
	"yore.example/yore/sql"
)

const versionsDir = "testdata/versions"

// releasedVersions are the versions whose SQL is kept.
func releasedVersions(t testing.TB) []int {
	t.Helper()
	files, err := filepath.Glob(versionsDir + "/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	var versions []int
	for _, name := range files {
		n, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(name), ".sql"))
		if err != nil {
			t.Fatalf("%s: the name is not a version", name)
		}
		versions = append(versions, n)
	}
	slices.Sort(versions)
	return versions
}

func releasedScript(t testing.TB, version int) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(versionsDir, fmt.Sprintf("%d.sql", version)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReleasedVersions holds whoever changes the SQL to the rules of
// CONTRIBUTING.md: what was released stays as it was, and a changed script is
// another version.
func TestReleasedVersions(t *testing.T) {
	t.Parallel()
	versions := releasedVersions(t)
	for n := 1; n < sql.Version; n++ {
		if !slices.Contains(versions, n) {
			t.Errorf("sql.Version is %d, but the SQL of version %d is not kept: go back to its commit, make freeze-version, and take the file along", sql.Version, n)
		}
	}
	sums, err := os.ReadFile(versionsDir + "/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for line := range strings.Lines(string(sums)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		want[name] = sum
	}
	have := map[string]string{}
	for _, n := range versions {
		sum := sha256.Sum256([]byte(releasedScript(t, n)))
		have[fmt.Sprintf("%d.sql", n)] = hex.EncodeToString(sum[:])
		if n > sql.Version || n == sql.Version && releasedScript(t, n) != sql.Script() {
			t.Errorf("version %d has been released and its SQL has changed since: set sql.Version, and the constant in 00_install.sql, to %d", n, n+1)
		}
	}
	if !maps.Equal(have, want) {
		t.Errorf("a kept version is not what was released (%s/SHA256SUMS)\n got %v\nwant %v", versionsDir, have, want)
	}
}

// The version stands in two places.
func TestVersion(t *testing.T) {
	t.Parallel()
	db := pgtest.Pool(t)
	rowsAre(t, db, "SELECT yore._version(), version FROM yore.installation", fmt.Sprintf("%d|%d", sql.Version, sql.Version))
}

// released is a database with an earlier version of yore.
func released(t *testing.T, version int) *lab {
	t.Helper()
	ctx := context.Background()
	name := fmt.Sprintf("version_%d", version)
	err := pgtest.Server(t).Template(ctx, name, func(ctx context.Context, dsn string) error {
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(ctx) }()
		_, err = conn.Exec(ctx, releasedScript(t, version))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	dsn, drop, err := pgtest.Server(t).Clone(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(drop)
	pool := pgtest.Connect(t, dsn)
	return &lab{TB: t, db: pool, pool: pool}
}
