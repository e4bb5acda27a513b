package demo

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore/internal/pgtest"
)

// created is a connection to a database with the demo's tables, still empty.
func created(t *testing.T) *pgx.Conn {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, pgtest.DSN(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(ctx) })
	if err := create(ctx, conn); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestCheck(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	conn := created(t)
	data := Countries()
	loaded, err := load(ctx, conn, data)
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Clean(t, conn)

	t.Run("AllDatesAgree", func(t *testing.T) {
		agreed, dates, later, err := check(ctx, conn, data, loaded.now)
		if agreed != 19 || dates != 19 || later != 0 || err != nil {
			t.Errorf("%d of %d, %d left out: %v", agreed, dates, later, err)
		}
	})
	t.Run("DatesInTheFutureAreLeftOut", func(t *testing.T) {
		agreed, dates, later, err := check(ctx, conn, data, time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC))
		if agreed != 15 || dates != 15 || later != 4 || err != nil {
			t.Errorf("%d of %d, %d left out: %v", agreed, dates, later, err)
		}
	})
	t.Run("ADifferenceIsAnError", func(t *testing.T) {
		broken := data
		broken.Expected = bytes.Replace(data.Expected, []byte("1969-12-31,0,0,0"), []byte("1969-12-31,1,0,0"), 1)
		agreed, _, _, err := check(ctx, conn, broken, loaded.now)
		var different *DifferentError
		if agreed != 18 || !errors.As(err, &different) || len(different.Lines) != 1 || !strings.HasPrefix(different.Lines[0], "1969-12-31") {
			t.Errorf("%d agreed: %v", agreed, err)
		}
	})
	t.Run("NothingExpectedIsAnError", func(t *testing.T) {
		if _, _, _, err := check(ctx, conn, Data{Expected: []byte("as_of,countries,in_eu,using_euro\n")}, loaded.now); err == nil {
			t.Error("no error")
		}
	})
}

func TestLoadRefusesAnEventThatChangesNothing(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	conn := created(t)
	data := Countries()
	data.Events = []byte("date,op,code,name,currency,eu,reason\n1990-01-01,update,XX,Nowhere,,,unknown\n")
	if _, err := load(ctx, conn, data); err == nil || !strings.Contains(err.Error(), "1990-01-01, update of XX: 0 rows instead of 1") {
		t.Error(err)
	}
}

func TestEveryCurrencyHasAName(t *testing.T) {
	events, err := Countries().events()
	if err != nil {
		t.Fatal(err)
	}
	names, err := Countries().currencyNames()
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, e := range events {
		used[e.currency] = true
		if e.currency != "" && names[e.currency] == "" {
			t.Errorf("%s has no name", e.currency)
		}
	}
	for code := range names {
		if !used[code] {
			t.Errorf("%s is never used", code)
		}
	}
}
