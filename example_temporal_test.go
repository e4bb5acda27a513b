package yore_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore"
)

// Country and Currency are the row types of the examples for temporal tables.
type Country struct {
	Code     string `db:"code,key"`
	Name     string
	Currency string
}

type Currency struct {
	Code string `db:"code,key"`
	Name string
}

var (
	theCountries  = yore.Temporal[Country]("countries")
	theCurrencies = yore.Temporal[Currency]("currencies")
)

// date is the beginning of a day.
func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// countriesDB returns a database with Croatia and Slovenia and what they have paid
// with, loaded as it was known.
func countriesDB(ctx context.Context) (db *pgxpool.Pool, drop func()) {
	return exampleDB(ctx, "yore_country_examples", func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `
			CREATE TABLE currencies (code text PRIMARY KEY, name text NOT NULL);
			CREATE TABLE countries (code text PRIMARY KEY, name text NOT NULL, currency text NOT NULL REFERENCES currencies);
			SELECT yore.track('currencies', since => '-infinity'), yore.track('countries', since => '-infinity');`)
		for _, step := range [][2]string{
			{"1991-10-08", "INSERT INTO currencies VALUES ('HRD', 'Croatian dinar'), ('SIT', 'tolar'); INSERT INTO countries VALUES ('HR', 'Croatia', 'HRD'), ('SI', 'Slovenia', 'SIT')"},
			{"1994-05-30", "INSERT INTO currencies VALUES ('HRK', 'kuna'); UPDATE countries SET currency = 'HRK' WHERE code = 'HR'; DELETE FROM currencies WHERE code = 'HRD'"},
			{"1999-01-01", "INSERT INTO currencies VALUES ('EUR', 'euro')"},
			{"2007-01-01", "UPDATE countries SET currency = 'EUR' WHERE code = 'SI'; DELETE FROM currencies WHERE code = 'SIT'"},
			{"2023-01-01", "UPDATE countries SET currency = 'EUR' WHERE code = 'HR'; DELETE FROM currencies WHERE code = 'HRK'"},
		} {
			_, e := conn.Exec(ctx, "BEGIN; SELECT yore.at_time('"+step[0]+" 00:00Z'), yore.set_context('central bank'); "+step[1]+"; COMMIT")
			err = errors.Join(err, e)
		}
		return err
	})
}

// The present, another time, and the history of one row.
func ExampleTemporal() {
	ctx := context.Background()
	db, drop := countriesDB(ctx)
	defer drop()

	croatia, err := theCountries.Get(ctx, db, "HR")
	fmt.Println(croatia.Currency, err)
	then, err := theCountries.AsOf(date(2000, 1, 1)).Where("currency <> $1", "EUR").OrderBy("code").All(ctx, db)
	fmt.Println(then, err)
	versions, err := theCountries.History("HR").All(ctx, db)
	for _, v := range versions {
		fmt.Println(v.Number, v.Row.Currency, v.From.Format(time.DateOnly), v.IsCurrent())
	}
	fmt.Println(err)
	// Output:
	// EUR <nil>
	// [{HR Croatia HRK} {SI Slovenia SIT}] <nil>
	// 1 HRD 1991-10-08 false
	// 2 HRK 1994-05-30 false
	// 3 EUR 2023-01-01 true
	// <nil>
}

// A key that does not exist, now or then.
func ExampleTemporalTable_AsOf() {
	ctx := context.Background()
	db, drop := countriesDB(ctx)
	defer drop()

	_, err := theCurrencies.Get(ctx, db, "SIT")
	fmt.Println(errors.Is(err, yore.ErrNotFound))
	tolar, err := theCurrencies.AsOf(date(2006, 12, 31)).Key("SIT").One(ctx, db)
	fmt.Println(tolar.Name, err)
	// Output:
	// true
	// tolar <nil>
}

// A past that is known is written as it was, from the earliest change to the
// latest; who knew it comes from the context, as ever.
func ExampleAtTime() {
	db, drop := countriesDB(context.Background())
	defer drop()
	ctx := yore.WithActor(context.Background(), "atlas")
	pool := yore.NewPool(db)

	for _, step := range []struct {
		at       time.Time
		currency string
	}{{date(1992, 6, 20), "EEK"}, {date(2011, 1, 1), "EUR"}} {
		err := yore.AtTime(ctx, pool, step.at, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "INSERT INTO currencies VALUES ($1, 'kroon') ON CONFLICT DO NOTHING", step.currency)
			if err != nil {
				return err
			}
			_, err = tx.Exec(ctx, `INSERT INTO countries VALUES ('EE', 'Estonia', $1)
				ON CONFLICT (code) DO UPDATE SET currency = excluded.currency`, step.currency)
			return err
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	for v, err := range theCountries.History("EE").Each(ctx, pool) {
		if err != nil {
			log.Fatal(err)
		}
		x, err := v.Transaction(ctx, pool)
		fmt.Println(v.Row.Currency, v.From.Format(time.DateOnly), *x.Actor, err)
	}

	// Time goes forward for a row.
	err := yore.AtTime(ctx, pool, date(1990, 1, 1), func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "DELETE FROM countries WHERE code = 'EE'")
		return err
	})
	fmt.Println(errors.Is(err, yore.ErrTimeOrder))
	// Output:
	// EEK 1992-06-20 atlas <nil>
	// EUR 2011-01-01 atlas <nil>
	// true
}

// All versions that were current at some moment of a period.
func ExampleTemporalTable_Between() {
	ctx := context.Background()
	db, drop := countriesDB(ctx)
	defer drop()

	for v, err := range theCurrencies.Between(date(1994, 1, 1), date(1999, 1, 1)).OrderBy("valid_from", "code").Each(ctx, db) {
		if err != nil {
			log.Fatal(err)
		}
		until := "now"
		if v.To != nil {
			until = v.To.Format(time.DateOnly)
		}
		fmt.Println(v.Row.Code, v.From.Format(time.DateOnly), "to", until)
	}
	// Output:
	// HRD 1991-10-08 to 1994-05-30
	// SIT 1991-10-08 to 2007-01-01
	// HRK 1994-05-30 to 2023-01-01
	// EUR 1999-01-01 to now
}

// What is there no more.
func ExampleTemporalTable_IncludeDeleted() {
	ctx := context.Background()
	db, drop := countriesDB(ctx)
	defer drop()

	all, err := theCurrencies.IncludeDeleted().Where("deleted_at IS NOT NULL").OrderBy("deleted_at").All(ctx, db)
	for _, v := range all {
		fmt.Println(v.Row.Name, "was deleted on", v.From.Format(time.DateOnly))
	}
	fmt.Println(err)
	// Output:
	// Croatian dinar was deleted on 1994-05-30
	// tolar was deleted on 2007-01-01
	// kuna was deleted on 2023-01-01
	// <nil>
}

// A handle is joined at the instant of the query.
func ExampleQuery_Join() {
	ctx := context.Background()
	db, drop := countriesDB(ctx)
	defer drop()

	type payment struct{ Country, Currency string }
	for _, at := range []time.Time{date(1992, 1, 1), date(2010, 1, 1), {}} {
		q := theCountries.AsOf(at).Join("c", theCurrencies, "c.code = countries.currency").OrderBy("countries.code")
		all, err := yore.Select[payment](q, "countries.name AS country", "c.name AS currency").All(ctx, db)
		fmt.Println(all, err)
	}
	// Output:
	// [{Croatia Croatian dinar} {Slovenia tolar}] <nil>
	// [{Croatia kuna} {Slovenia euro}] <nil>
	// [{Croatia euro} {Slovenia euro}] <nil>
}

// The countries of a currency, then: two queries, however many currencies.
func ExampleRelated_temporal() {
	ctx := context.Background()
	db, drop := countriesDB(ctx)
	defer drop()

	at := date(2010, 1, 1)
	all, err := theCurrencies.AsOf(at).OrderBy("code").All(ctx, db)
	if err != nil {
		log.Fatal(err)
	}
	paying := yore.Related(theCountries.AsOf(at).OrderBy("code"), yore.HasMany, "currency")
	loaded, err := paying.Load(ctx, db, all)
	for _, c := range all {
		fmt.Println(c.Name, loaded.Many(c))
	}
	fmt.Println(err)
	// Output:
	// euro [{SI Slovenia EUR}]
	// kuna [{HR Croatia HRK}]
	// <nil>
}

// Page after page, each found where the one before ended.
func ExampleQuery_Page() {
	ctx := context.Background()
	db, drop := countriesDB(ctx)
	defer drop()

	q := theCountries.AllVersions().OrderBy("valid_from DESC")
	for next := ""; ; {
		page, err := q.Page(ctx, db, 2, next)
		if err != nil {
			log.Fatal(err)
		}
		for i, v := range page.Rows {
			fmt.Print([]string{"", ", "}[i], v.Row.Code, " ", v.Row.Currency)
		}
		fmt.Println()
		if next = page.Next; next == "" {
			break
		}
	}
	// Output:
	// HR EUR, SI EUR
	// HR HRK, HR HRD
	// SI SIT
}

// From version to version, and what each changed.
func ExampleVersion_Prev() {
	ctx := context.Background()
	db, drop := countriesDB(ctx)
	defer drop()

	v, err := yore.Versions(theCountries.Current()).Key("HR").One(ctx, db)
	for at := &v; at != nil && err == nil; at, err = at.Prev(ctx, db) {
		changes, err := at.LastChanges(ctx, db)
		fmt.Println(at.Number, changes, err)
	}
	fmt.Println(err)
	// Output:
	// 3 [{currency HRK EUR}] <nil>
	// 2 [{currency HRD HRK}] <nil>
	// 1 [] <nil>
	// <nil>
}

// Any two versions, side by side.
func ExampleVersion_ChangesFrom() {
	ctx := context.Background()
	db, drop := countriesDB(ctx)
	defer drop()

	v, err := theCountries.History("HR").All(ctx, db)
	fmt.Println(v[2].ChangesFrom(v[0]), err)
	// Output:
	// [{currency HRD EUR}] <nil>
}

// A period of the user's own, in a column: which contracts run on a day?
func ExampleQuery_During() {
	ctx := context.Background()
	db, drop := countriesDB(ctx)
	defer drop()
	if _, err := db.Exec(ctx, `
		CREATE TABLE contracts (id bigint PRIMARY KEY, runs daterange NOT NULL);
		SELECT yore.track('contracts');
		INSERT INTO contracts VALUES (1, '[2020-01-01,2020-07-01)'), (2, '[2020-03-01,)'), (3, '[2021-01-01,2021-02-01)')`); err != nil {
		log.Fatal(err)
	}

	type contract struct{ ID int64 }
	contracts := yore.Temporal[contract]("contracts")
	for _, p := range []yore.TimePredicate{
		yore.At(date(2020, 5, 1)), yore.At(yore.Today), yore.Before(date(2020, 7, 1)).Exclusive(), yore.Not(yore.Over(date(2020, 1, 1), date(2021, 1, 1))),
	} {
		found, err := contracts.Current().During("runs", p).OrderBy("id").All(ctx, db)
		fmt.Println(found, err)
	}
	// Output:
	// [{1} {2}] <nil>
	// [{2}] <nil>
	// [{1}] <nil>
	// [{3}] <nil>
}

// A tool knows a table by its name alone.
func ExampleRow() {
	ctx := context.Background()
	db, drop := countriesDB(ctx)
	defer drop()

	table := yore.Temporal[yore.Row]("countries", yore.Key("code"))
	row, err := table.AsOf(date(2000, 1, 1)).Key("SI").One(ctx, db)
	fmt.Println(row, err)
	grid, err := table.History("SI").Records(ctx, db)
	fmt.Println(grid.Columns, len(grid.Rows), err)
	// Output:
	// map[code:SI currency:SIT name:Slovenia] <nil>
	// [code name currency version valid_from valid_to deleted_at xid] 2 <nil>
}

// At a program's start: does the row type fit the table?
func ExampleTemporalTable_Check() {
	ctx := context.Background()
	db, drop := countriesDB(ctx)
	defer drop()

	fmt.Println(theCountries.Check(ctx, db))
	type wrong struct {
		ID   int64
		Name string
	}
	fmt.Println(yore.Temporal[wrong]("countries").Check(ctx, db))
	// Output:
	// <nil>
	// yore: table countries: its key is ("code"), not ("id"); public.countries has no column for field id of yore_test.wrong
}

// One group of all versions, and one for each currency.
func ExampleSelection_GroupBy() {
	ctx := context.Background()
	db, drop := countriesDB(ctx)
	defer drop()

	type count struct {
		Currency string
		N        int
	}
	byCurrency := yore.Select[count](theCountries.AllVersions().OrderBy("currency"), "currency", "count(*) AS n").GroupBy("currency")
	fmt.Println(byCurrency.All(ctx, db))
	// Output:
	// [{EUR 2} {HRD 1} {HRK 1} {SIT 1}] <nil>
}
