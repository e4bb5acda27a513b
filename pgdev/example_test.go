package pgdev_test

import (
	"context"
	"fmt"
	"log"

	"github.com/jackc/pgx/v5"

	"yore.example/yore/pgdev"
)

func Example() {
	ctx := context.Background()
	server, err := pgdev.Start(ctx, pgdev.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Stop()

	conn, err := pgx.Connect(ctx, server.DSN("postgres"))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close(ctx)
	var sum int
	if err := conn.QueryRow(ctx, "SELECT 1 + 1").Scan(&sum); err != nil {
		log.Fatal(err)
	}
	fmt.Println(sum)
	// Output: 2
}

// Tests that each want a database of their own prepare a template once and
// clone it.
func ExampleServer_Clone() {
	ctx := context.Background()
	server, err := pgdev.Shared(ctx, pgdev.Options{})
	if err != nil {
		log.Fatal(err)
	}
	err = server.Template(ctx, "countries", func(ctx context.Context, dsn string) error {
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, "CREATE TABLE countries (code text PRIMARY KEY); INSERT INTO countries VALUES ('HR')")
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	dsn, drop, err := server.Clone(ctx, "countries")
	if err != nil {
		log.Fatal(err)
	}
	defer drop()

	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close(ctx)
	var code string
	if err := conn.QueryRow(ctx, "SELECT code FROM countries").Scan(&code); err != nil {
		log.Fatal(err)
	}
	fmt.Println(code)
	// Output: HR
}
