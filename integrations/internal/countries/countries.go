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

	"yore.example/yore"
	"yore.example/yore/integrations/sqlc"
)

// Each step is a transaction at its day.
var steps = []struct {
	day       time.Time
	statement string
}{
	{Day(1994, 5, 30), "INSERT INTO currencies VALUES ('HRK', 'kuna'), ('SIT', 'tolar')"},
	{Day(1994, 5, 31), "INSERT INTO countries VALUES ('HR', 'Croatia', 'HRK', 4700000), ('SI', 'Slovenia', 'SIT', 1990000)"},
	{Day(1999, 1, 1), "INSERT INTO currencies VALUES ('EUR', 'Euro')"},
	{Day(2002, 1, 1), "UPDATE currencies SET name = 'euro' WHERE code = 'EUR'"},
	{Day(2004, 5, 1), "UPDATE countries SET eu_member = true WHERE code = 'SI'"},
	{Day(2007, 1, 1), "UPDATE countries SET currency = 'EUR' WHERE code = 'SI'"},
	{Day(2007, 1, 15), "DELETE FROM currencies WHERE code = 'SIT'"},
	{Day(2013, 7, 1), "UPDATE countries SET eu_member = true WHERE code = 'HR'"},
	{Day(2023, 1, 1), "UPDATE countries SET currency = 'EUR', population = 3850000 WHERE code = 'HR'"},
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
		err := yore.AtTime(ctx, db, s.day, func(tx pgx.Tx) error {
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
