// Tasks is a web application on immutable tables: tasks and notes of which every
// version is kept, with who made it and why.
//
//	go run ./tasks            # with a PostgreSQL of its own, gone with it
//	go run ./tasks -dsn "$DATABASE_URL"
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore"
	"yore.example/yore/pgdev"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	addr := flag.String("addr", "127.0.0.1:8080", "the `address` to listen on; with port 0, a free one")
	dsn := flag.String("dsn", "", "the `database`, an empty one or one of this application (default: a PostgreSQL that is started, and thrown away in the end)")
	flag.Parse()
	if err := run(ctx, *addr, *dsn); err != nil {
		fmt.Fprintln(os.Stderr, "tasks:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, addr, dsn string) error {
	listener, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: something else listens there; name another with -addr, 127.0.0.1:0 for a free one", err)
	} else if err != nil {
		return err
	}
	defer listener.Close()
	if dsn == "" {
		pg, err := pgdev.Start(ctx, pgdev.Options{Progress: os.Stderr})
		if err != nil {
			return err
		}
		defer func() { _ = pg.Stop() }()
		dsn = pg.DSN("postgres")
	}
	pool, err := open(ctx, dsn)
	if err != nil {
		return err
	}
	defer pool.Close()
	handler, err := newServer(ctx, pool)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: handler, ReadTimeout: time.Minute, BaseContext: func(net.Listener) context.Context { return ctx }}
	context.AfterFunc(ctx, func() { _ = srv.Shutdown(context.Background()) })
	fmt.Printf("Tasks is at http://%s – Ctrl-C ends it.\n", listener.Addr())
	if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

//go:embed schema.sql
var schema string

// open connects to a database. In an empty one the tables are made, and filled
// with some weeks of history.
func open(ctx context.Context, dsn string) (*yore.Pool, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	// A search for a rare word needs another plan than one for a common word.
	config.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_custom_plan"
	plain, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	pool := yore.NewPool(plain)
	if err = yore.Install(ctx, pool); err == nil {
		_, err = tasks.Current().Exists(ctx, pool)
	}
	if errors.Is(err, yore.ErrNotTracked) {
		if _, err = pool.Exec(ctx, schema); err == nil {
			err = seed(ctx, pool, time.Now())
		}
	}
	if err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}
