package migrations_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ariga.io/atlas/sql/migrate"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pressly/goose/v3"

	"yore.example/yore/internal/gen"
	"yore.example/yore/internal/pgtest"
)

// TestFoldersTellTheSameStory: the folders differ in nothing but the tool's form.
func TestFoldersTellTheSameStory(t *testing.T) {
	t.Parallel()
	marks := regexp.MustCompile(`(?m)^(-- \+goose|---- tern:|-- atlas:).*\n|^\n`)
	join := func(folder, pattern string) string {
		names, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s/%s: %d files, %v", folder, pattern, len(names), err)
		}
		all := ""
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all += string(text)
		}
		return marks.ReplaceAllString(all, "")
	}
	// both takes the files apart: up, and down.
	both := func(folder, mark string) (up, down string) {
		names, _ := filepath.Glob(filepath.Join(folder, "*.sql"))
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			before, after, _ := strings.Cut(string(text), mark)
			up += before
			down += after
		}
		return marks.ReplaceAllString(up, ""), marks.ReplaceAllString(down, "")
	}
	up, down := join("golang-migrate", "*.up.sql"), join("golang-migrate", "*.down.sql")
	for folder, mark := range map[string]string{"goose": "-- +goose Down\n", "tern": "---- create above / drop below ----\n"} {
		u, d := both(folder, mark)
		if diff := cmp.Diff(up+down, u+d); diff != "" {
			t.Errorf("%s (-golang-migrate +%s)\n%s", folder, folder, diff)
		}
	}
	if diff := cmp.Diff(up, join("atlas", "*.sql")); diff != "" {
		t.Errorf("atlas (-golang-migrate +atlas)\n%s", diff)
	}
}

// TestInstallNeedsItsForm: where a tool splits files, the script must say what
// is one statement, or not be split.
func TestInstallNeedsItsForm(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	t.Run("GooseWithoutStatementBegin", func(t *testing.T) {
		owner, _, dsn := database(t)
		dir := t.TempDir()
		write(t, filepath.Join(dir, "00001_yore.sql"), "-- +goose Up\n"+gen.Install(gen.GolangMigrate))
		if err := openGoose(t, owner, os.DirFS(dir), false).to(ctx, 1); err == nil {
			t.Error("no error")
		}
		nothing(t, dsn)
	})
	t.Run("GolangMigrateWithMultiStatement", func(t *testing.T) {
		owner, _, dsn := database(t)
		dir := t.TempDir()
		write(t, filepath.Join(dir, "000001_yore.up.sql"), gen.Install(gen.GolangMigrate))
		m, err := golangMigrate(owner, dir, true)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if err := m.Up(); err == nil {
			t.Error("no error")
		}
		nothing(t, dsn)
	})
}

// nothing checks that yore is not there, not even in part.
func nothing(t *testing.T, dsn string) {
	t.Helper()
	if have := pgtest.Rows(t, pgtest.Connect(t, dsn), "SELECT count(*) FROM pg_namespace WHERE nspname = 'yore'"); have[0] != "0" {
		t.Error("schema yore is there")
	}
}

const table = `CREATE TABLE orders (id int PRIMARY KEY, note text);
SELECT yore.track('orders');
INSERT INTO orders VALUES (1, 'a');
UPDATE orders SET note = 'b';
`

// TestFailure: a migration that is refused in the middle changes nothing, the
// tool says which it was, and goes on when it is mended.
func TestFailure(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for tool := range withFiles {
		t.Run(tool.name, func(t *testing.T) {
			t.Parallel()
			owner, _, dsn := database(t)
			super := pgtest.Connect(t, dsn)
			dir := tool.dir(t)
			tool.only(t, dir, 1)
			tool.add(t, dir, 2, "orders", table, "SELECT yore.drop_table('orders', 'drop');\n")
			if err := tool.open(t, owner, dir).to(ctx, 2); err != nil {
				t.Fatal(err)
			}
			before := shape(t, super)
			name := tool.add(t, dir, 3, "refused", `UPDATE orders SET note = 'c';
SELECT yore.add_column('orders', 'amount', 'numeric DEFAULT 1');
SELECT yore.rename_table('orders', 'purchases');
SELECT yore.drop_column('purchases', 'id');
`, "SELECT 1;\n")
			m := tool.open(t, owner, dir)
			if p, ok := m.(psqlMigrator); ok {
				*p.here = 2
			}
			err := m.to(ctx, 3)
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), "column id is part of the key of public.purchases") {
				t.Errorf("the error does not say why: %v", err)
			}
			if !strings.Contains(failed(ctx, m, err), name) {
				t.Errorf("%s is not in %q, %v", name, failed(ctx, m, err), err)
			}
			if diff := cmp.Diff(before, shape(t, super)); diff != "" {
				t.Errorf("the database has changed\n%s", diff)
			}
			pgtest.Clean(t, super)
			pgtest.Exec(t, super, "UPDATE orders SET note = 'd'")

			tool.add(t, dir, 3, "refused", "SELECT yore.add_column('orders', 'amount', 'numeric DEFAULT 1');\n", "SELECT yore.drop_column('orders', 'amount');\n")
			if g, ok := m.(golangMigrator); ok { // migrate force 2
				if err := g.Force(2); err != nil {
					t.Fatal(err)
				}
			}
			again := tool.open(t, owner, dir)
			if p, ok := again.(psqlMigrator); ok {
				*p.here = 2
			}
			if err := again.to(ctx, 3); err != nil {
				t.Fatal(err)
			}
			if have := pgtest.Rows(t, super, "SELECT * FROM orders"); len(have) != 1 || have[0] != "1|d|1" {
				t.Errorf("orders has %q", have)
			}
			pgtest.Clean(t, super)
		})
	}
}

// failed is where each tool says which migration failed.
func failed(ctx context.Context, m migrator, err error) string {
	var partial *goose.PartialError
	if errors.As(err, &partial) {
		return partial.Failed.Source.Path
	}
	var statement *migrate.StmtExecError
	if errors.As(err, &statement) {
		return statement.File.Name()
	}
	if g, ok := m.(golangMigrator); ok { // only the number of the dirty version
		if version, dirty, _ := g.Version(); dirty && version == 3 {
			return "000003_refused.up.sql"
		}
	}
	return err.Error()
}

// shape is all that there is in the database, rows included, but for the tools'
// own tables.
func shape(t *testing.T, super *pgxpool.Pool) []string {
	t.Helper()
	return pgtest.Rows(t, super, `
WITH relation AS (
  SELECT c.*, format('%I.%I', n.nspname, c.relname) AS full_name FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
   WHERE n.nspname !~ '^(pg_|information_schema)' AND c.relname !~ '^(goose_|schema_|atlas_)'
)
SELECT concat_ws(' ', r.full_name, r.relkind, r.relowner::regrole, r.relacl, obj_description(r.oid, 'pg_class')) FROM relation AS r
UNION ALL SELECT concat_ws(' ', r.full_name, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attacl)
  FROM relation AS r JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0
UNION ALL SELECT pg_get_viewdef(r.oid) FROM relation AS r WHERE r.relkind = 'v'
UNION ALL SELECT pg_get_indexdef(r.oid) FROM relation AS r WHERE r.relkind = 'i'
UNION ALL SELECT pg_get_constraintdef(x.oid) FROM relation AS r JOIN pg_constraint AS x ON x.conrelid = r.oid
UNION ALL SELECT concat_ws(' ', pg_get_triggerdef(x.oid), x.tgenabled) FROM relation AS r JOIN pg_trigger AS x ON x.tgrelid = r.oid WHERE NOT x.tgisinternal
UNION ALL SELECT pg_get_functiondef(p.oid) FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname !~ '^(pg_|information_schema|yore$)'
UNION ALL SELECT to_jsonb(m)::text FROM yore.tracked AS m
UNION ALL SELECT to_jsonb(h)::text FROM history.orders AS h
ORDER BY 1`)
}

// TestLockTimeout: a migration that sets it gives up, and leaves all as it was.
func TestLockTimeout(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for tool := range withFiles {
		t.Run(tool.name, func(t *testing.T) {
			t.Parallel()
			owner, _, dsn := database(t)
			super := pgtest.Connect(t, dsn)
			dir := tool.dir(t)
			tool.only(t, dir, 1)
			tool.add(t, dir, 2, "orders", table, "SELECT 1;\n")
			tool.add(t, dir, 3, "amount", "SET LOCAL lock_timeout = '50ms';\nSELECT yore.add_column('orders', 'amount', 'numeric');\n", "SELECT 1;\n")
			m := tool.open(t, owner, dir)
			if err := m.to(ctx, 2); err != nil {
				t.Fatal(err)
			}
			before := shape(t, super)
			tx, err := super.Begin(ctx)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tx.Rollback(ctx) }()
			pgtest.Exec(t, tx, "UPDATE orders SET note = 'held'")
			err = m.to(ctx, 3)
			if err == nil || !strings.Contains(err.Error(), "lock timeout") {
				t.Errorf("error %v", err)
			}
			if code := (*pgconn.PgError)(nil); tool.name != "psql" && tool.name != "golang-migrate" && (!errors.As(err, &code) || code.Code != "55P03") {
				t.Errorf("errors.As finds %v", code)
			}
			if err := tx.Rollback(ctx); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, shape(t, super)); diff != "" {
				t.Errorf("the database has changed\n%s", diff)
			}
			pgtest.Clean(t, super)
		})
	}
}

// TestRemoval: the guide's way to take yore out of a database.
func TestRemoval(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	owner, _, dsn := database(t)
	super := pgtest.Connect(t, dsn)
	text, err := os.ReadFile("removal.sql")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "00001_yore.sql"), gen.Install(gen.Goose))
	write(t, filepath.Join(dir, "00002_orders.sql"), "-- +goose Up\n"+table)
	write(t, filepath.Join(dir, "00003_untracked.sql"), "-- +goose Up\nSELECT yore.untrack('orders');\n")
	write(t, filepath.Join(dir, "00004_past.sql"), "-- +goose Up\nDROP VIEW history.orders;\nDROP TABLE temporal.orders_past;\n")
	write(t, filepath.Join(dir, "00005_removal.sql"), "-- +goose Up\n-- +goose StatementBegin\n"+string(text)+"-- +goose StatementEnd\n")
	m := openGoose(t, owner, os.DirFS(dir), false)
	role := pgtest.Connect(t, owner)
	for step := 1; step < 4; step++ {
		if err := m.to(ctx, step); err != nil {
			t.Fatal(err)
		}
		if step == 1 {
			continue
		}
		before := shape(t, super)
		if _, err := role.Exec(ctx, string(text)); err == nil {
			t.Fatalf("after step %d: no error", step)
		}
		if diff := cmp.Diff(before, shape(t, super)); diff != "" {
			t.Errorf("after step %d: the database has changed\n%s", step, diff)
		}
	}
	if err := m.to(ctx, 5); err != nil {
		t.Fatal(err)
	}
	nothing(t, dsn)
	if have := pgtest.Rows(t, super, "SELECT * FROM orders"); len(have) != 1 || have[0] != "1|b" {
		t.Errorf("orders has %q", have)
	}
}
