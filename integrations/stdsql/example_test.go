package stdsql_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"time"

	"yore.example/yore"
	"yore.example/yore/integrations/internal/countries"
	"yore.example/yore/internal/pgtest"
)

// querier is shaped like *sql.DB and *sql.Tx.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Report is a function of an application; it knows nothing of yore.
func Report(ctx context.Context, db querier) error {
	rows, err := db.QueryContext(ctx, `
		SELECT c.name, k.name
		  FROM countries AS c
		  JOIN currencies AS k ON k.code = c.currency
		 ORDER BY c.code`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var country, currency string
		if err := rows.Scan(&country, &currency); err != nil {
			return err
		}
		fmt.Println(country, "pays in", currency)
	}
	return rows.Err()
}

// ReportAsOf is the same as of a time.
func ReportAsOf(ctx context.Context, db *sql.DB, t time.Time) error {
	return yore.AsOfSQL(ctx, db, t, func(tx *sql.Tx) error {
		return Report(ctx, tx)
	})
}

// A Version is a row of history.countries.
type Version struct {
	Number    int64
	Currency  sql.Null[string]
	ValidFrom *time.Time // nil: since ever
	ValidTo   *time.Time // nil: to this day
	DeletedAt *time.Time // nil: no deletion
}

// History returns the versions of a country.
func History(ctx context.Context, db *sql.DB, code string) (versions []Version, err error) {
	rows, err := db.QueryContext(ctx, `
		SELECT version, currency, valid_from, valid_to, deleted_at
		  FROM history.countries
		 WHERE code = $1
		 ORDER BY version`, code)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var v Version
		if err := rows.Scan(&v.Number, &v.Currency, &v.ValidFrom, &v.ValidTo, &v.DeletedAt); err != nil {
			return nil, err
		}
		versions = append(versions, v)
	}
	return versions, rows.Err()
}

func Example() {
	ctx := context.Background()
	db, done := example()
	defer done()

	if err := ReportAsOf(ctx, db, time.Date(2005, 6, 1, 0, 0, 0, 0, time.UTC)); err != nil {
		log.Fatal(err)
	}
	versions, err := History(ctx, db, "HR")
	if err != nil {
		log.Fatal(err)
	}
	for _, v := range versions {
		fmt.Println(v.Number, v.Currency.V, v.ValidFrom.Format(time.DateOnly), v.ValidTo == nil)
	}
	// Output:
	// Croatia pays in kuna
	// Slovenia pays in tolar
	// 1 HRK 1994-05-31 false
	// 2 HRK 2013-07-01 false
	// 3 EUR 2023-01-01 true
}

// example is a database in which the years have gone by.
func example() (*sql.DB, func()) {
	t := &countries.Outside{}
	dsn := pgtest.DSN(t)
	countries.Tell(t, pgtest.Connect(t, dsn))
	db, err := openPGX(dsn)
	if err != nil {
		log.Fatal(err)
	}
	return db, func() { db.Close(); t.Done() }
}
