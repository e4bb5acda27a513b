package demo

import (
	"context"
	"errors"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"yore.example/yore/internal/cli/pg"
	"yore.example/yore/internal/cli/show"
	"yore.example/yore/pgdev"
)

// Options says how to run the demo.
type Options struct {
	Data     Data
	Out      *show.Screen
	Progress io.Writer // what takes time before the first line
	Keep     bool      // leave the server running until ctx ends
}

// Run starts a PostgreSQL, shows yore on it and stops it again.
//
// Errors: *pgdev.NotFoundError, *DifferentError.
func Run(ctx context.Context, o Options) (err error) {
	server, err := pgdev.Start(ctx, pgdev.Options{Listen: o.Keep, Progress: o.Progress})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	dsn, err := database(ctx, server)
	if err != nil {
		return err
	}
	conn, err := pg.Connect(ctx, dsn, func(*pgconn.Notice) {})
	if err != nil {
		return err
	}
	// The server goes with the demo, and every connection with it.
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()

	o.Out.Printf("A throw-away PostgreSQL %s, without any extension (%s)\n", server.ServerVersion(), server.Source())
	t := tour{conn: conn, out: o.Out, in: o.Out.Indented(2), data: o.Data}
	if err := t.run(ctx); err != nil {
		return err
	}
	if !o.Keep {
		o.Out.Heading("Your turn")
		o.Out.Printf("The server is gone now. To try it yourself, keep one:  yore demo --keep\n")
		o.Out.Printf("To start on a database of your own:  yore install, then  yore track TABLE\n")
		return nil
	}
	o.Out.Heading("Your turn")
	o.Out.Printf("The server runs until you press Ctrl-C. In another terminal:\n\n")
	o.Out.Indented(2).Code("export DATABASE_URL='" + dsn + "'\n" + toPaste)
	<-ctx.Done()
	o.Out.Printf("Stopped; nothing is left of it.\n")
	return nil
}

const toPaste = `yore as-of 1990-01-01 -c "SELECT * FROM countries WHERE code IN ('DD', 'DE')"
yore log countries MK
psql "$DATABASE_URL" -c "UPDATE countries SET name = 'Holland' WHERE code = 'NL'"
yore log countries NL
psql "$DATABASE_URL"`

func database(ctx context.Context, server *pgdev.Server) (string, error) {
	conn, err := pgx.Connect(ctx, server.DSN(""))
	if err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE demo")
	return server.DSN("demo"), errors.Join(err, conn.Close(ctx))
}
