package yore_test

import (
	"context"
	"fmt"
	"log"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore"
	"yore.example/yore/pgdev"
)

// A migration changes a tracked table; history follows, and keeps what was dropped.
func ExampleAlterTable() {
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
	run("CREATE TABLE orders (id int PRIMARY KEY, total int, remark text)")
	if err := yore.Track(ctx, pool, "orders", yore.TrackOptions{}); err != nil {
		log.Fatal(err)
	}
	run("INSERT INTO orders VALUES (1, 5, 'urgent')")
	run("UPDATE orders SET total = 7, remark = NULL")

	// In a transaction, as migration tools do it.
	tx, err := pool.Begin(ctx)
	if err != nil {
		log.Fatal(err)
	}
	err = yore.AlterTable(ctx, tx, "orders", "ALTER COLUMN total TYPE numeric(8,2), DROP COLUMN remark", yore.AlterOptions{})
	if err != nil {
		log.Fatal(err)
	}
	if err := tx.Commit(ctx); err != nil {
		log.Fatal(err)
	}
	run("UPDATE orders SET total = 7.50")

	var total, remark string
	rows, err := pool.Query(ctx, "SELECT total::text, coalesce(remark, '–') FROM history.orders ORDER BY version")
	if err != nil {
		log.Fatal(err)
	}
	_, err = pgx.ForEachRow(rows, []any{&total, &remark}, func() error {
		fmt.Println(total, remark)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// 5.00 urgent
	// 7.00 –
	// 7.50 –
}
