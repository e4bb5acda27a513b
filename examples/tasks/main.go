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

//go:embed schema.sql
var schema string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	addr := flag.String("addr", "127.0.0.1:8080", "the `address` to listen on; of port 0, a free one")
	dsn := flag.String("dsn", "", "the database, `empty` or of this application (default: a PostgreSQL that starts with it and is thrown away)")
	flag.Parse()
	if err := run(ctx, *addr, *dsn); err != nil {
		fmt.Fprintln(os.Stderr, "tasks:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, addr, dsn string) error {
	if dsn == "" {
		pg, err := pgdev.Start(ctx, pgdev.Options{Progress: os.Stderr})
		if err != nil {
			return err
		}
		defer pg.Stop()
		dsn = pg.DSN("postgres")
	}
	pool, err := open(ctx, dsn)
	if err != nil {
		return err
	}
	defer pool.Close()
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Printf("Tasks is at http://%s – Ctrl-C ends it.\n", listener.Addr())
	return serve(ctx, listener, pool)
}

// open connects to a database. If it is empty, the tables are made and filled with
// some weeks of history.
func open(ctx context.Context, dsn string) (*yore.Pool, error) {
	plain, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return nil, err
	}
	pool := yore.NewPool(plain)
	err = yore.Install(ctx, pool)
	if err == nil {
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

// serve answers until the context ends.
func serve(ctx context.Context, listener net.Listener, pool *yore.Pool) error {
	handler, err := newServer(ctx, pool)
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	go func() {
		<-ctx.Done()
		late, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = srv.Shutdown(late)
	}()
	if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// newServer makes the handler of everything, and begins to look for changes.
func newServer(ctx context.Context, pool *yore.Pool) (http.Handler, error) {
	s := &server{pool: pool, live: &live{pool: pool, waiting: map[chan time.Time]bool{}}, Since: time.Now()}
	moments, err := yore.Timeline(ctx, pool, yore.TimelineOptions{Limit: 1}, yore.TimelineOf{Table: "tasks"}, yore.TimelineOf{Table: "notes"})
	if err != nil {
		return nil, err
	}
	for _, t := range moments {
		s.Since = t
	}
	go s.live.run(ctx)
	return s.handler(), nil
}
