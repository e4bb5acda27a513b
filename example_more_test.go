package yore_test

import (
	"bytes"
	"context"
	stdsql "database/sql"
	"fmt"
	"log"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"yore.example/yore"
)

// Any query of database/sql's, as of a time; sqlx, GORM, bun and ent work on such
// a transaction as on any other.
func ExampleAsOfSQL() {
	ctx := context.Background()
	pool, drop := countriesDB(ctx)
	defer drop()
	db := stdlib.OpenDBFromPool(pool)
	defer func() { _ = db.Close() }()

	err := yore.AsOfSQL(ctx, db, date(2000, 1, 1), func(tx *stdsql.Tx) error {
		var name string
		err := tx.QueryRow("SELECT k.name FROM countries AS c JOIN currencies AS k ON k.code = c.currency WHERE c.code = $1", "HR").Scan(&name)
		fmt.Println(name)
		return err
	})
	fmt.Println(err)
	// Output:
	// kuna
	// <nil>
}

// A known past, written through database/sql.
func ExampleAtTimeSQL() {
	ctx := context.Background()
	pool, drop := countriesDB(ctx)
	defer drop()
	db := stdlib.OpenDBFromPool(pool)
	defer func() { _ = db.Close() }()

	err := yore.AtTimeSQL(ctx, db, date(2011, 1, 1), func(tx *stdsql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO countries VALUES ('EE', 'Estonia', 'EUR')")
		return err
	})
	fmt.Println(err)
	fmt.Println(theCountries.AsOf(date(2010, 12, 31)).Key("EE").Exists(ctx, pool))
	fmt.Println(theCountries.AsOf(date(2011, 1, 1)).Key("EE").Exists(ctx, pool))
	// Output:
	// <nil>
	// false <nil>
	// true <nil>
}

// A handle reads through database/sql as through pgx.
func ExampleWrap() {
	ctx := context.Background()
	pool, drop := countriesDB(ctx)
	defer drop()
	db := stdlib.OpenDBFromPool(pool)
	defer func() { _ = db.Close() }()

	fmt.Println(theCountries.AsOf(date(2000, 1, 1)).Key("HR").One(ctx, yore.Wrap(db)))
	// Output:
	// {HR Croatia HRK} <nil>
}

// The other way: from many to many, over what links them, at one time.
func ExampleThrough() {
	ctx := context.Background()
	db, drop := countriesDB(ctx)
	defer drop()
	if _, err := db.Exec(ctx, `
		CREATE TABLE speeches (country text REFERENCES temporal.countries (code), language text, PRIMARY KEY (country, language));
		CREATE TABLE languages (code text PRIMARY KEY, name text NOT NULL);
		SELECT yore.track('speeches'), yore.track('languages');
		INSERT INTO languages VALUES ('hr', 'Croatian'), ('it', 'Italian'), ('sl', 'Slovene');
		INSERT INTO speeches VALUES ('HR', 'hr'), ('HR', 'it'), ('SI', 'sl'), ('SI', 'it')`); err != nil {
		log.Fatal(err)
	}

	type speech struct {
		Country  string `db:"country,key"`
		Language string `db:"language,key"`
	}
	type language struct {
		Code string `db:"code,key"`
		Name string
	}
	spoken := yore.Related(yore.Temporal[speech]("speeches").Current().OrderBy("language"), yore.HasMany, "country")
	named := yore.Related(yore.Temporal[language]("languages").Current(), yore.BelongsTo, "language")
	all, err := theCountries.Current().OrderBy("code").All(ctx, db)
	if err != nil {
		log.Fatal(err)
	}
	languages, err := yore.Through(spoken, named).Load(ctx, db, all)
	for _, c := range all {
		fmt.Println(c.Name, languages.Many(c))
	}
	fmt.Println(err)
	// Output:
	// Croatia [{hr Croatian} {it Italian}]
	// Slovenia [{it Italian} {sl Slovene}]
	// <nil>
}

// All versions, a few with each query: no transaction is held meanwhile.
func ExampleQuery_Batches() {
	ctx := context.Background()
	db, drop := countriesDB(ctx)
	defer drop()

	for batch, err := range theCountries.AllVersions().Batches(ctx, db, 3) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(len(batch), "from", batch[0].Row.Code, batch[0].Number)
	}
	// Output:
	// 3 from HR 1
	// 2 from SI 1
}

// One row at a time, however many there are.
func ExampleQuery_Each() {
	ctx := context.Background()
	db, drop := countriesDB(ctx)
	defer drop()

	for country, err := range theCountries.AsOf(date(2000, 1, 1)).OrderBy("code").Each(ctx, db) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(country.Code, country.Currency)
	}
	// Output:
	// HR HRK
	// SI SIT
}

// The past that another system kept of a table becomes yore's.
func ExampleAdopt() {
	ctx := context.Background()
	db, drop := countriesDB(ctx)
	defer drop()
	if _, err := db.Exec(ctx, `
		CREATE TABLE rates (currency text PRIMARY KEY, rate numeric, begins timestamptz);
		CREATE TABLE rates_log (currency text, rate numeric, begins timestamptz, ends timestamptz);
		INSERT INTO rates VALUES ('EUR', 1.1, '2002-01-01Z');
		INSERT INTO rates_log VALUES ('EUR', 0.9, '2001-01-01Z', '2002-01-01Z')`); err != nil {
		log.Fatal(err)
	}

	report, err := yore.Adopt(ctx, db, "rates", yore.AdoptOptions{HistoryTable: "rates_log", Period: []string{"begins", "ends"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Figure("versions"), "versions of", report.Figure("keys"), "key")
	rates := yore.Temporal[yore.Row]("rates", yore.Key("currency"))
	then, err := rates.AsOf(date(2001, 6, 1)).Key("EUR").Records(ctx, db)
	fmt.Println(then.Columns, len(then.Rows), err)
	// Output:
	// 2 versions of 1 key
	// [currency rate] 1 <nil>
}

// A table with its whole past, taken to another database.
func ExampleDump() {
	ctx := context.Background()
	from, dropFrom := countriesDB(ctx)
	defer dropFrom()
	to, dropTo := exampleDB(ctx, "yore_empty_examples", func(*pgx.Conn) error { return nil })
	defer dropTo()

	var script bytes.Buffer
	source, err := from.Acquire(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer source.Release()
	if _, err := yore.Dump(ctx, source.Conn(), &script, yore.DumpOptions{}); err != nil {
		log.Fatal(err)
	}
	target, err := to.Acquire(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer target.Release()
	loaded, err := yore.Load(ctx, target.Conn(), &script, yore.LoadOptions{})
	fmt.Println(len(loaded.Tables), "tables", err)
	fmt.Println(theCountries.AsOf(date(2000, 1, 1)).Key("HR").One(ctx, to))
	// Output:
	// 2 tables <nil>
	// {HR Croatia HRK} <nil>
}
