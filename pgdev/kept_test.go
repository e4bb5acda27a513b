//go:build linux || darwin

package pgdev

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
)

// Each startKept is as another process that uses the server of dsn.
func startKept(t *testing.T, dsn string) *Server {
	t.Helper()
	return startServer(t, Options{DSN: dsn, KeepTemplates: true})
}

func TestKeepTemplates(t *testing.T) {
	t.Parallel()
	owned := startServer(t, Options{})
	const there = "SELECT coalesce(string_agg(datname, ' ' ORDER BY datname), '') FROM pg_database WHERE datname LIKE 'yore%'"
	var prepared atomic.Int32
	prepare := func(ctx context.Context, dsn string) error {
		prepared.Add(1)
		return withTable(ctx, dsn)
	}
	use := func(t *testing.T, s *Server) {
		t.Helper()
		if err := s.Template(t.Context(), "base", prepare); err != nil {
			t.Fatal(err)
		}
		dsn, _, err := s.Clone(t.Context(), "base")
		if err != nil {
			t.Fatal(err)
		}
		if got := query(t, dsn, "SELECT a FROM t"); got != "original" {
			t.Errorf("the clone has %q", got)
		}
	}

	t.Run("AnotherProcessFindsIt", func(t *testing.T) {
		for range 2 {
			s := startKept(t, owned.DSN(""))
			use(t, s)
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
			if got := query(t, owned.DSN(""), there); got != "yore_kept_base" {
				t.Errorf("left on the server: %q", got)
			}
		}
		if n := prepared.Load(); n != 1 {
			t.Errorf("prepared %d times", n)
		}
	})

	t.Run("AnotherProcessWaitsForIt", func(t *testing.T) {
		prepared.Store(0)
		one, two := startKept(t, owned.DSN("")), startKept(t, owned.DSN(""))
		started, finish, done := make(chan struct{}), make(chan struct{}), make(chan error)
		go func() {
			done <- one.Template(t.Context(), "slow", func(ctx context.Context, dsn string) error {
				close(started)
				<-finish
				return prepare(ctx, dsn)
			})
		}()
		<-started
		go func() { done <- two.Template(t.Context(), "slow", prepare) }()
		for query(t, owned.DSN(""), "SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") != "1" {
		}
		close(finish)
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if n := prepared.Load(); n != 1 {
			t.Errorf("prepared %d times", n)
		}
	})

	t.Run("WhatIsHalfMadeIsMadeAnew", func(t *testing.T) {
		execute(t, owned.DSN(""), "CREATE DATABASE yore_kept_half")
		prepared.Store(0)
		if err := startKept(t, owned.DSN("")).Template(t.Context(), "half", prepare); err != nil || prepared.Load() != 1 {
			t.Errorf("%v, prepared %d times", err, prepared.Load())
		}
		failed := errors.New("failed")
		err := startKept(t, owned.DSN("")).Template(t.Context(), "failing", func(context.Context, string) error { return failed })
		if !errors.Is(err, failed) {
			t.Error(err)
		}
		if got := query(t, owned.DSN(""), there); strings.Contains(got, "failing") {
			t.Errorf("left on the server: %q", got)
		}
	})

	t.Run("OneThatNobodyWantsGoes", func(t *testing.T) {
		execute(t, owned.DSN(""), "COMMENT ON DATABASE yore_kept_base IS '"+escape(keptComment)+"2001-02-03'")
		execute(t, owned.DSN(""), "COMMENT ON DATABASE yore_kept_half IS 'mine'")
		if err := startKept(t, owned.DSN("")).Template(t.Context(), "new", prepare); err != nil {
			t.Fatal(err)
		}
		if got := query(t, owned.DSN(""), there); got != "yore_kept_half yore_kept_new yore_kept_slow" {
			t.Errorf("left on the server: %q", got)
		}
	})
}

func TestDSNErrNoAnswer(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Options{DSN: "postgres://127.0.0.1:1/none"})
	if err == nil || !strings.Contains(err.Error(), "the server that the DSN names does not answer") {
		t.Errorf("got %v", err)
	}
}
