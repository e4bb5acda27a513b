package yore_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore"
	"yore.example/yore/pgdev"
)

// A table is tracked, written to as before, and then read as it was.
func Example_asOf() {
	ctx := context.Background()
	server, err := pgdev.Start(ctx, pgdev.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = server.Stop() }()
	pool, err := pgxpool.New(ctx, server.DSN("postgres"))
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	run := func(sql string, args ...any) {
		if _, err := pool.Exec(ctx, sql, args...); err != nil {
			log.Fatal(err)
		}
	}

	if err := yore.Install(ctx, pool); err != nil {
		log.Fatal(err)
	}
	run("CREATE TABLE countries (code text PRIMARY KEY, currency text NOT NULL)")
	if err := yore.Track(ctx, pool, "countries", yore.TrackOptions{}); err != nil {
		log.Fatal(err)
	}
	run("INSERT INTO countries VALUES ('HR', 'kuna'), ('SI', 'tolar')")
	var before time.Time
	if err := pool.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&before); err != nil {
		log.Fatal(err)
	}
	run("UPDATE countries SET currency = 'euro' WHERE code = 'HR'")
	run("DELETE FROM countries WHERE code = 'SI'")

	show := func(db yore.DB) error {
		rows, err := db.Query(ctx, "SELECT code, currency FROM countries ORDER BY code")
		if err != nil {
			return err
		}
		var code, currency string
		_, err = pgx.ForEachRow(rows, []any{&code, &currency}, func() error {
			fmt.Println(" ", code, currency)
			return nil
		})
		return err
	}
	fmt.Println("now:")
	if err := show(pool); err != nil {
		log.Fatal(err)
	}
	fmt.Println("then:")
	if err := yore.AsOf(ctx, pool, before, func(tx pgx.Tx) error { return show(tx) }); err != nil {
		log.Fatal(err)
	}
	// Output:
	// now:
	//   HR euro
	// then:
	//   HR kuna
	//   SI tolar
}
