//go:build linux || darwin

package pgdev

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// withTable prepares a template with one row.
func withTable(ctx context.Context, dsn string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "CREATE TABLE t (a text); INSERT INTO t VALUES ('original')")
	return err
}

func TestCloneIsolation(t *testing.T) {
	s := startServer(t, Options{})
	if err := s.Template(t.Context(), "base", withTable); err != nil {
		t.Fatal(err)
	}
	one, dropOne, err := s.Clone(t.Context(), "base")
	if err != nil {
		t.Fatal(err)
	}
	two, dropTwo, err := s.Clone(t.Context(), "base")
	if err != nil {
		t.Fatal(err)
	}
	defer dropTwo()
	execute(t, one, "UPDATE t SET a = 'changed'")
	if got := query(t, two, "SELECT a FROM t"); got != "original" {
		t.Errorf("the other clone has %q", got)
	}
	conn, err := pgx.Connect(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	dropOne()
	dropOne()
	if _, err := tryQuery(t.Context(), one, "SELECT a FROM t"); err == nil {
		t.Error("a dropped clone is there")
	}
	if got := query(t, two, "SELECT a FROM t"); got != "original" {
		t.Errorf("the other clone has %q", got)
	}
}

func TestCloneInParallel(t *testing.T) {
	s := startServer(t, Options{})
	var prepared atomic.Int32
	dsns := make([]string, 8)
	var wg sync.WaitGroup
	for i := range dsns {
		wg.Go(func() {
			err := s.Template(t.Context(), "base", func(ctx context.Context, dsn string) error {
				prepared.Add(1)
				return withTable(ctx, dsn)
			})
			if err != nil {
				t.Error(err)
				return
			}
			dsn, _, err := s.Clone(t.Context(), "base")
			if err != nil {
				t.Error(err)
				return
			}
			if got, err := tryQuery(t.Context(), dsn, "SELECT a FROM t"); got != "original" {
				t.Errorf("a clone has %q, %v", got, err)
			}
			dsns[i] = dsn
		})
	}
	wg.Wait()
	if got := prepared.Load(); got != 1 {
		t.Errorf("prepared %d times", got)
	}
	seen := make(map[string]bool)
	for _, dsn := range dsns {
		if seen[dsn] {
			t.Errorf("two clones have the DSN %s", dsn)
		}
		seen[dsn] = true
	}
}

func TestTemplateIsClosed(t *testing.T) {
	s := startServer(t, Options{})
	var left *pgx.Conn
	err := s.Template(t.Context(), "base", func(ctx context.Context, dsn string) (err error) {
		left, err = pgx.Connect(context.Background(), dsn)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer left.Close(context.Background())
	if _, err := tryQuery(t.Context(), s.DSN("base"), "SELECT 'in'"); err == nil {
		t.Error("the template takes connections")
	}
	// The connection that prepare left open is no obstacle.
	if _, _, err := s.Clone(t.Context(), "base"); err != nil {
		t.Error(err)
	}
}

func TestTemplateTriesAgain(t *testing.T) {
	s := startServer(t, Options{})
	failure := errors.New("on purpose")
	err := s.Template(t.Context(), "base", func(context.Context, string) error { return failure })
	if !errors.Is(err, failure) || !strings.Contains(err.Error(), `"base"`) {
		t.Errorf("got %v", err)
	}
	if _, _, err := s.Clone(t.Context(), "base"); err == nil || !strings.Contains(err.Error(), "call Template first") {
		t.Errorf("got %v", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Template(t.Context(), "base", func(context.Context, string) error {
			runtime.Goexit() // as t.FailNow does
			return nil
		})
	}()
	<-done
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.Template(ctx, "base", withTable); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Clone(ctx, "base"); err != nil {
		t.Fatal(err)
	}
}

func TestTemplateKeepsWhatItDidNotMake(t *testing.T) {
	s := startServer(t, Options{})
	execute(t, s.DSN(""), "CREATE DATABASE mine")
	if err := s.Template(t.Context(), "mine", withTable); err == nil {
		t.Error("a database that exists was taken for a template")
	}
	query(t, s.DSN("mine"), "SELECT 'still there'")
}

func TestCreateDatabaseWaitsForSourceInUse(t *testing.T) {
	s := startServer(t, Options{})
	execute(t, s.DSN(""), "CREATE DATABASE source")
	conn, err := pgx.Connect(t.Context(), s.DSN("source"))
	if err != nil {
		t.Fatal(err)
	}
	// PostgreSQL itself waits 5 seconds before it says "is being accessed".
	time.AfterFunc(5500*time.Millisecond, func() { conn.Close(context.Background()) })
	if err := s.createDatabase(t.Context(), "copy", "source"); err != nil {
		t.Error(err)
	}
	query(t, s.DSN("copy"), "SELECT 'there'")
}
