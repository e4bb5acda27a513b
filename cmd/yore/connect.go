package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"yore.example/yore"
	"yore.example/yore/internal/cli/pg"
)

// withDB runs fn with a connection to the database that was asked for.
func (a *app) withDB(ctx context.Context, fn func(*pgx.Conn) error) error {
	conn, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // all work is done
	return fn(conn)
}

// changeDB is to commands that change what yore keeps as withDB is to those that
// read: it refuses a database whose yore is newer than this program.
func (a *app) changeDB(ctx context.Context, fn func(*pgx.Conn) error) error {
	return a.withDB(ctx, func(conn *pgx.Conn) error {
		if err := yore.CheckVersion(ctx, conn); err != nil {
			return err
		}
		return fn(conn)
	})
}

func (a *app) connect(ctx context.Context) (*pgx.Conn, error) {
	dsn, err := a.source()
	if err != nil {
		return nil, err
	}
	conn, err := pg.Connect(ctx, dsn, a.notice)
	var parse *pgconn.ParseConfigError
	var refused *pgconn.PgError
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.As(err, &parse):
		return nil, &usageError{oneLine(err), "A connection string is postgres://user:password@host:5432/database or host=… dbname=… user=…"}
	case errors.As(err, &refused):
		return nil, &hintedError{fmt.Errorf("the server refused the connection: %s (SQLSTATE %s)", refused.Message, refused.Code),
			"Look at the user, password and database in " + a.sourceName() + "."}
	}
	if network := (*net.OpError)(nil); errors.As(err, &network) {
		err = network // pgx lists every attempt, with TLS and without
	}
	return nil, &hintedError{fmt.Errorf("cannot reach the server: %s", oneLine(err)),
		"Is PostgreSQL running there? The address comes from " + a.sourceName() + "."}
}

// libpqPlaces are the PG* variables of which one must be set: without any,
// libpq's guess would be a server that nobody named.
var libpqPlaces = []string{"PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGSERVICE", "PGUSER"}

func (a *app) source() (string, error) {
	if a.dsn != "" {
		return a.dsn, nil
	}
	if dsn := os.Getenv("DATABASE_URL"); dsn != "" {
		return dsn, nil
	}
	for _, name := range libpqPlaces {
		if os.Getenv(name) != "" {
			return "", nil
		}
	}
	return "", &usageError{"no database given", "Use --dsn postgres://user@host/database, set DATABASE_URL, or the PG* variables. yore demo needs none."}
}

func (a *app) sourceName() string {
	switch {
	case a.dsn != "":
		return "--dsn"
	case os.Getenv("DATABASE_URL") != "":
		return "DATABASE_URL"
	}
	return "the PG* variables"
}

// notice shows warnings and what yore has to say.
func (a *app) notice(n *pgconn.Notice) {
	message, ours := strings.CutPrefix(n.Message, "yore: ")
	if !ours && n.SeverityUnlocalized != "WARNING" {
		return
	}
	a.err().Note("note", "%s", message)
	if n.Hint != "" {
		a.err().Note("hint", "%s", n.Hint)
	}
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
