package yore_test

import (
	"context"
	"log"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore"
	"yore.example/yore/pgdev"
)

// exampleDB returns a new database with yore and what prepare makes in it, once
// for all examples that name the same template.
func exampleDB(ctx context.Context, template string, prepare func(conn *pgx.Conn) error) (db *pgxpool.Pool, drop func()) {
	server, err := pgdev.Shared(ctx, pgdev.Options{})
	if err != nil {
		log.Fatal(err)
	}
	err = server.Template(ctx, template, func(ctx context.Context, dsn string) error {
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(ctx) }()
		if err := yore.Install(ctx, conn); err != nil {
			return err
		}
		return prepare(conn)
	})
	if err != nil {
		log.Fatal(err)
	}
	dsn, dropDatabase, err := server.Clone(ctx, template)
	if err != nil {
		log.Fatal(err)
	}
	db, err = pgxpool.New(ctx, dsn)
	if err != nil {
		log.Fatal(err)
	}
	return db, func() {
		db.Close()
		dropDatabase()
	}
}
