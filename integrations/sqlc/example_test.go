package sqlc_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore"
	"yore.example/yore/integrations/internal/countries"
	"yore.example/yore/integrations/sqlc/db"
	"yore.example/yore/internal/pgtest"
)

// Report is a function of an application; it knows nothing of yore.
func Report(ctx context.Context, q *db.Queries) error {
	rows, err := q.CountriesWithCurrency(ctx)
	for _, row := range rows {
		fmt.Println(row.Name, "pays in", row.Currency)
	}
	return err
}

// ReportAsOf is the same as of a time.
func ReportAsOf(ctx context.Context, pool *pgxpool.Pool, t time.Time) error {
	return yore.AsOf(ctx, pool, t, func(tx pgx.Tx) error {
		return Report(ctx, db.New(tx))
	})
}

func Example() {
	ctx := context.Background()
	pool, done := example()
	defer done()

	then := time.Date(2005, 6, 1, 0, 0, 0, 0, time.UTC)
	if err := ReportAsOf(ctx, pool, then); err != nil {
		log.Fatal(err)
	}

	q := db.New(pool)
	before, err := q.CountriesAsOf(ctx, then)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(before), "countries in 2005")

	versions, err := q.CountryHistory(ctx, "HR")
	if err != nil {
		log.Fatal(err)
	}
	for _, v := range versions {
		until := "today"
		if v.ValidTo != nil {
			until = v.ValidTo.Format(time.DateOnly)
		}
		fmt.Println(v.Version, *v.Currency, "until", until)
	}
	// Output:
	// Croatia pays in kuna
	// Slovenia pays in tolar
	// 2 countries in 2005
	// 1 HRK until 2013-07-01
	// 2 HRK until 2023-01-01
	// 3 EUR until today
}

// example is a pool of a database in which the years have gone by.
func example() (*pgxpool.Pool, func()) {
	t := &countries.Outside{}
	config, err := pgxpool.ParseConfig(pgtest.DSN(t))
	if err != nil {
		log.Fatal(err)
	}
	config.AfterConnect = inUTC
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		log.Fatal(err)
	}
	countries.Tell(t, pool)
	return pool, func() { pool.Close(); t.Done() }
}
