package yore_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"yore.example/yore"
)

// What happened to one table from 1994 on, and who did it.
func ExampleTemporalTable_Changes() {
	ctx := context.Background()
	db, drop := countriesDB(ctx)
	defer drop()

	for c, err := range theCountries.Changes(ctx, db, yore.ChangesOptions{From: date(1994, 1, 1)}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(c.At.Format(time.DateOnly), *c.Actor, c.Kind, c.New.Name, c.Columns, c.Old.Currency, "to", c.New.Currency)
	}
	// Output:
	// 1994-05-30 central bank update Croatia [currency] HRD to HRK
	// 2007-01-01 central bank update Slovenia [currency] SIT to EUR
	// 2023-01-01 central bank update Croatia [currency] HRK to EUR
}

// The last changes across all tables.
func ExampleEachChange() {
	ctx := context.Background()
	db, drop := countriesDB(ctx)
	defer drop()

	for c, err := range yore.EachChange(ctx, db, yore.ChangesOptions{NewestFirst: true, Limit: 3}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(c.At.Format(time.DateOnly), c.Table, c.Key["code"], c.Kind)
	}
	// Output:
	// 2023-01-01 currencies HRK delete
	// 2023-01-01 countries HR update
	// 2007-01-01 currencies SIT delete
}

// What one transaction did.
func ExampleTransaction_Changes() {
	ctx := context.Background()
	db, drop := countriesDB(ctx)
	defer drop()

	kuna, err := theCountries.AsOf(date(1995, 1, 1)).Key("HR").One(ctx, db)
	if err != nil {
		log.Fatal(err)
	}
	v, err := theCountries.History(kuna.Code).Where("currency = $1", kuna.Currency).One(ctx, db)
	if err != nil {
		log.Fatal(err)
	}
	transaction, err := yore.TransactionOf(ctx, db, v.XID, *v.From)
	if err != nil {
		log.Fatal(err)
	}
	for c, err := range transaction.Changes(ctx, db) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(c.Table, c.Kind, c.Key["code"])
	}
	// Output:
	// countries update HR
	// currencies delete HRD
	// currencies insert HRK
}

// One time beside another.
func ExampleTemporalTable_Diff() {
	ctx := context.Background()
	db, drop := countriesDB(ctx)
	defer drop()

	for d, err := range theCurrencies.Diff(ctx, db, date(2000, 1, 1), time.Time{}, yore.DiffOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(d.Kind, d.Key["code"], d.Old.Name)
	}
	// Output:
	// removed HRK kuna
	// removed SIT tolar
}

// The moments of a row, and of all that belongs to it.
func ExampleTimeline() {
	ctx := context.Background()
	db, drop := countriesDB(ctx)
	defer drop()

	show := func(moments []time.Time, err error) {
		for i, at := range moments {
			fmt.Print([]string{"", ", "}[min(i, 1)], at.Format(time.DateOnly))
		}
		fmt.Println("", err)
	}
	show(theCurrencies.Timeline(ctx, db, yore.TimelineOptions{}, "HRK"))
	euro := yore.TimelineOf{Table: "currencies", Matching: yore.Row{"code": "EUR"}}
	paying := yore.TimelineOf{Table: "countries", Matching: yore.Row{"currency": "EUR"}}
	show(yore.Timeline(ctx, db, yore.TimelineOptions{Reverse: true}, euro, paying))
	// Output:
	// 1994-05-30, 2023-01-01 <nil>
	// 2023-01-01, 2007-01-01, 1999-01-01 <nil>
}
