package yoretest

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/cli/when"
)

// Now returns a moment of the database's clock, in UTC, that is later than all
// that was committed and earlier than every transaction yet to begin: as of it,
// rows are as they are now, whatever comes. There is no need to sleep before or
// after it.
//
// What a transaction writes that is open at that moment has its own time, which
// may be earlier ([yore.StableTime]).
func Now(t testing.TB, db yore.DB) time.Time {
	t.Helper()
	tick := func() (at time.Time) {
		if err := db.QueryRow(context.Background(), "SELECT clock_timestamp()").Scan(&at); err != nil {
			t.Fatalf("yoretest: now: %v", told(err))
		}
		return at
	}
	// A clock may stand still from one statement to the next, where it is coarse.
	after := func(last time.Time) time.Time {
		for {
			if at := tick(); at.After(last) {
				return at
			}
		}
	}
	now := after(tick())
	after(now)
	return now.UTC()
}

// At runs fn in a transaction whose versions begin at when, by yore.at_time, and
// commits it. An error of fn, of the commit, or of yore (ErrTimeOrder: a row
// that fn changes has a version at that time or later) fails the test at once.
//
// The role of db needs the right to call yore.at_time; in a database of this
// package it is the one that installed yore, which has it. Rows as of a time
// before the table's tracking began are as fn wrote them, but
// [yore.RequireTracked] refuses to ask, unless the table is tracked with an
// earlier since.
func At(t testing.TB, db yore.Beginner, when time.Time, fn func(tx pgx.Tx) error) {
	t.Helper()
	if err := at(db, func(time.Time) time.Time { return when }, fn); err != nil {
		t.Fatalf("yoretest: at %s: %v", written(when), told(err))
	}
}

// at gives when the transaction's own time; nil leaves it at that.
func at(db yore.Beginner, when func(now time.Time) time.Time, fn func(tx pgx.Tx) error) error {
	ctx := context.Background()
	tx, err := db.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }() // also where fn ends the test
	if when != nil {
		var now time.Time
		if err := tx.QueryRow(ctx, "SELECT now()").Scan(&now); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "SELECT yore.at_time($1::text::timestamptz)", when(now).UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)); err != nil {
			return yore.Explain(err)
		}
	}
	if err := fn(tx); err != nil {
		return yore.Explain(err)
	}
	return yore.Explain(tx.Commit(ctx))
}

// A Step is one transaction of Past.
type Step struct {
	// When its versions begin: "2020-01-01", "2020-01-01 12:30" or RFC 3339, in
	// UTC where no zone is given, or how long ago: "-2h", "-30d". Defaults to "":
	// now, as an ordinary transaction.
	At string
	// What it does: a statement, or several where there are no Args.
	SQL string
	// The values of $1, $2 … in SQL.
	Args []any
}

// Past makes a past: it runs the steps in order, each as At does. A row's
// versions have to come in the order of their times.
func Past(t testing.TB, db yore.Beginner, steps ...Step) {
	t.Helper()
	for i, s := range steps {
		if err := s.run(db); err != nil {
			t.Fatalf("yoretest: step %d, at %q: %v\n    %s", i+1, s.At, told(err), s.SQL)
		}
	}
}

func (s Step) run(db yore.Beginner) error {
	var begin func(time.Time) time.Time
	if s.At != "" {
		at, err := when.Parse(s.At)
		if err != nil {
			return err
		}
		begin = at.Resolve
	}
	return at(db, begin, func(tx pgx.Tx) error {
		_, err := tx.Exec(context.Background(), s.SQL, s.Args...)
		return err
	})
}

// written is a time as short as it can be: a date if it is midnight in UTC.
func written(at time.Time) string {
	at = at.UTC()
	if at.Equal(at.Truncate(24 * time.Hour)) {
		return at.Format(time.DateOnly)
	}
	return at.Format(time.RFC3339Nano)
}
