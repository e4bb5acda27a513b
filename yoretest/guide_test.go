package yoretest_test

import (
	"context"
	"database/sql"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore"
	"yore.example/yore/yoretest"
)

// What docs/guides/testing.md shows stands below, and runs.

const guide = "../docs/guides/testing.md"

// TestGuide: every piece of Go in the guide is a piece of this file, and what it
// shows of a failing test is what TestGuideFails compares.
func TestGuide(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.ReadFile("guide_test.go")
	if err != nil {
		t.Fatal(err)
	}
	flat := func(code string) string {
		var lines []string
		for line := range strings.Lines(code) {
			if line = strings.Join(strings.Fields(line), " "); line != "" {
				lines = append(lines, line)
			}
		}
		return strings.Join(lines, "\n") + "\n"
	}
	blocks := regexp.MustCompile("(?ms)^```(go|text)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 7 {
		t.Errorf("only %d blocks", len(blocks))
	}
	for _, block := range blocks {
		if !strings.Contains(flat(string(here)), flat(block[2])) {
			t.Errorf("not in this file:\n%s", block[2])
		}
	}
}

var migrations = fstest.MapFS{
	"1_countries.sql": {Data: []byte("CREATE TABLE countries (code text PRIMARY KEY, name text NOT NULL, currency text NOT NULL);")},
	"2_track.sql":     {Data: []byte("SELECT yore.track('countries', since => '-infinity');")},
}

// newDB returns a database with the application's schema.
func newDB(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return yoretest.Pool(t, yoretest.Files(migrations, "*.sql"))
}

func TestAdoptTheEuro(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	yoretest.Past(t, db,
		yoretest.Step{At: "2013-07-01", SQL: "INSERT INTO countries VALUES ('HR', 'Croatia', 'kuna')"},
	)

	if err := adoptTheEuro(t.Context(), db, "HR"); err != nil {
		t.Fatal(err)
	}

	yoretest.Equal(t, db, "countries", `
		HR v1 [2013-07-01,t0) name=Croatia currency=kuna
		HR v2 [t0,)           currency: kuna -> euro
	`)
	yoretest.Verify(t, db)
}

func TestCurrencyAsOf(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	yoretest.Past(t, db, yoretest.Step{SQL: "INSERT INTO countries VALUES ('HR', 'Croatia', 'kuna')"})
	before := yoretest.Now(t, db)
	if err := adoptTheEuro(t.Context(), db, "HR"); err != nil {
		t.Fatal(err)
	}

	got, err := currencyAsOf(t.Context(), db, "HR", before)
	if err != nil || got != "kuna" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	yoretest.At(t, db, time.Date(2013, 7, 1, 0, 0, 0, 0, time.UTC), func(tx pgx.Tx) error {
		return addCountry(t.Context(), tx, "HR", "Croatia", "kuna")
	})
	yoretest.Equal(t, db, "countries", `HR v1 [2013-07-01,) name=Croatia currency=kuna`, "HR")
}

func TestWithMigrationTool(t *testing.T) {
	t.Parallel()
	const migrationsHash = "1"
	db := yoretest.SQL(t, yoretest.Migrate("goose "+migrationsHash, func(ctx context.Context, dsn string) error {
		db, err := sql.Open("pgx", dsn)
		if err != nil {
			return err
		}
		defer db.Close()
		return migrate(ctx, db)
	}))
	yoretest.Equal(t, yore.Wrap(db), "countries", "")
}

// TestGuideFails: what the guide shows of a test that fails.
func TestGuideFails(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	yoretest.Past(t, db, yoretest.Step{At: "2013-07-01", SQL: "INSERT INTO countries VALUES ('HR', 'Croatia', 'kuna')"}, yoretest.Step{SQL: "UPDATE countries SET currency = 'dollar'"})
	f := run(t, func(u testing.TB) {
		yoretest.Equal(u, db, "countries", "HR v1 [2013-07-01,t0) name=Croatia currency=kuna\nHR v2 [t0,) currency: kuna -> euro")
	})
	const want = `yoretest: history of countries (-want +got):
      HR v1 [2013-07-01,t0) name=Croatia currency=kuna
    - HR v2 [t0,) currency: kuna -> euro
    + HR v2 [t0,) currency: kuna -> dollar
`
	if len(f.said) != 1 || f.said[0]+"\n" != want {
		t.Errorf("said %q", f.said)
	}
}

// TestGuideRolledBack: why a test in a transaction of its own does not do.
func TestGuideRolledBack(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	tx, err := db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	if err := addCountry(t.Context(), tx, "HR", "Croatia", "kuna"); err != nil {
		t.Fatal(err)
	}
	before := yoretest.Now(t, tx)
	if _, err := tx.Exec(t.Context(), "UPDATE countries SET currency = 'euro'"); err != nil {
		t.Fatal(err)
	}
	// One version, of one time, and none as it was before.
	yoretest.Equal(t, tx, "countries", "HR v1 [t0,) name=Croatia currency=euro")
	if got, err := currencyAsOf(t.Context(), tx, "HR", before); err != nil || got != "euro" {
		t.Errorf("got %q, %v", got, err)
	}
}

// The application that the guide tests.

func adoptTheEuro(ctx context.Context, db yore.DB, code string) error {
	_, err := db.Exec(ctx, "UPDATE countries SET currency = 'euro' WHERE code = $1", code)
	return err
}

func addCountry(ctx context.Context, db yore.DB, code, name, currency string) error {
	_, err := db.Exec(ctx, "INSERT INTO countries VALUES ($1, $2, $3)", code, name, currency)
	return err
}

func currencyAsOf(ctx context.Context, db yore.Beginner, code string, at time.Time) (currency string, err error) {
	err = yore.AsOf(ctx, db, at, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, "SELECT currency FROM countries WHERE code = $1", code).Scan(&currency)
	})
	return currency, err
}

func migrate(ctx context.Context, db *sql.DB) error {
	for _, name := range []string{"1_countries.sql", "2_track.sql"} {
		if _, err := db.ExecContext(ctx, string(migrations[name].Data)); err != nil {
			return err
		}
	}
	return nil
}
