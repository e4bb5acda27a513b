// Package countries is the data that the guides of sqlc, sqlx and database/sql
// share: two countries and how they came to the euro.
package countries

import (
	"context"
	"log"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore/integrations/sqlc"
)

// Each step is a transaction at its day.
var steps = []struct{ day, statement string }{
	{"1994-05-30", "INSERT INTO currencies VALUES ('HRK', 'kuna'), ('SIT', 'tolar')"},
	{"1994-05-31", "INSERT INTO countries VALUES ('HR', 'Croatia', 'HRK', 4700000), ('SI', 'Slovenia', 'SIT', 1990000)"},
	{"1999-01-01", "INSERT INTO currencies VALUES ('EUR', 'Euro')"},
	{"2002-01-01", "UPDATE currencies SET name = 'euro' WHERE code = 'EUR'"},
	{"2004-05-01", "UPDATE countries SET eu_member = true WHERE code = 'SI'"},
	{"2007-01-01", "UPDATE countries SET currency = 'EUR' WHERE code = 'SI'"},
	{"2007-01-15", "DELETE FROM currencies WHERE code = 'SIT'"},
	{"2013-07-01", "UPDATE countries SET eu_member = true WHERE code = 'HR'"},
	{"2023-01-01", "UPDATE countries SET currency = 'EUR', population = 3850000 WHERE code = 'HR'"},
}

// Day is the beginning of a day, UTC.
func Day(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// Tell makes the tables, tracks them and lets the years go by.
func Tell(t testing.TB, db *pgxpool.Pool) {
	t.Helper()
	ctx := context.Background()
	if _, err := db.Exec(ctx, sqlc.Schema); err != nil {
		t.Fatal(err)
	}
	for _, s := range steps {
		err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "SELECT yore.at_time($1::text::timestamptz)", s.day+" 00:00 UTC"); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, s.statement)
			return err
		})
		if err != nil {
			t.Fatalf("%s: %v", s.statement, err)
		}
	}
}

// Outside does for a testing.TB in an example, which has none: what would fail a
// test ends the program.
type Outside struct {
	testing.TB
	cleanups []func()
}

// Helper does nothing.
func (*Outside) Helper() {}

// Fatal ends the program.
func (*Outside) Fatal(args ...any) { log.Fatal(args...) }

// Fatalf ends the program.
func (*Outside) Fatalf(format string, args ...any) { log.Fatalf(format, args...) }

// Cleanup keeps f for Done.
func (o *Outside) Cleanup(f func()) { o.cleanups = append(o.cleanups, f) }

// Done runs what Cleanup was given, last first.
func (o *Outside) Done() {
	for _, f := range slices.Backward(o.cleanups) {
		f()
	}
}
