package migrations_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"yore.example/yore/internal/pgtest"
)

const guide = "../../docs/guides/migrations.md"

// TestGuideShowsTheFiles: what stands under a file's name is that file.
func TestGuideShowsTheFiles(t *testing.T) {
	t.Parallel()
	shown := regexp.MustCompile("(?ms)^\\[`([^`]+)`\\]\\(\\.\\./\\.\\./integrations/migrations/([^)]+)\\)\n\n```\\w+\n(.*?\n)```$").FindAllStringSubmatch(read(t, guide), -1)
	if len(shown) < 8 {
		t.Fatalf("%d files", len(shown))
	}
	for _, m := range shown {
		if m[1] != m[2] {
			t.Errorf("%s leads to %s", m[1], m[2])
		}
		if diff := cmp.Diff(read(t, m[2]), m[3]); diff != "" {
			t.Errorf("%s (-file +guide)\n%s", m[1], diff)
		}
	}
}

// TestGuideTable: what stands beside an ALTER TABLE does the same for a tracked
// table.
func TestGuideTable(t *testing.T) {
	t.Parallel()
	rows := regexp.MustCompile("(?m)^\\| `([A-Z].*)` \\| `([A-Z].*)` \\|$").FindAllStringSubmatch(read(t, guide), -1)
	if len(rows) < 14 {
		t.Fatalf("%d rows", len(rows))
	}
	plain, tracked := pgtest.Pool(t), pgtest.Pool(t)
	tables := []string{"CREATE TABLE customers (id int PRIMARY KEY)", "CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL, amount text)",
		"INSERT INTO customers VALUES (1)", "INSERT INTO orders VALUES (1, 1, '2')"}
	pgtest.Exec(t, plain, tables...)
	pgtest.Exec(t, tracked, tables...)
	pgtest.Exec(t, tracked, "SELECT yore.track('customers'), yore.track('orders')")
	const columns = `SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, ordinal_position`
	// But for the names of indexes: yore.rename_table renames them as well.
	const others = `SELECT replace(pg_get_constraintdef(oid), 'temporal.', '') FROM pg_constraint
		 WHERE connamespace IN ('public'::regnamespace, to_regnamespace('temporal')) AND conrelid::regclass::text !~ '_past' AND contype <> 'n'
		UNION ALL SELECT regexp_replace(indexdef, 'INDEX \S+|(public|temporal)\.', '', 'g') FROM pg_indexes WHERE schemaname IN ('public', 'temporal') AND tablename !~ '_past' ORDER BY 1`
	for _, row := range rows {
		pgtest.Exec(t, plain, row[1])
		pgtest.Exec(t, tracked, row[2])
		for _, query := range []string{columns, others} {
			if diff := cmp.Diff(pgtest.Rows(t, plain, query), pgtest.Rows(t, tracked, query)); diff != "" {
				t.Errorf("%s (-plain +tracked)\n%s", row[2], diff)
			}
		}
	}
	pgtest.Clean(t, tracked)
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}
