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

// At is [yore.AtTime] for a test: an error of fn, of the commit, or of yore
// (ErrTimeOrder: a row that fn changes has a version at that time or later) fails
// the test at once. So does a db that is a transaction.
//
// In a database of this package db's role is the one that installed yore, which
// has the right to it.
func At(t testing.TB, db yore.Beginner, when time.Time, fn func(tx pgx.Tx) error) {
	t.Helper()
	if err := yore.AtTime(context.Background(), db, when, fn); err != nil {
		t.Fatalf("yoretest: at %s: %v", written(when), told(err))
	}
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
	ctx := context.Background()
	do := func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, s.SQL, s.Args...)
		return err
	}
	if s.At == "" {
		return yore.Explain(pgx.BeginFunc(ctx, db, do))
	}
	at, err := when.Parse(s.At)
	if err != nil {
		return err
	}
	var now time.Time
	if at.Relative() {
		err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error { return tx.QueryRow(ctx, "SELECT now()").Scan(&now) })
		if err != nil {
			return err
		}
	}
	return yore.AtTime(ctx, db, at.Resolve(now), do)
}

// written is a time as short as it can be: a date if it is midnight in UTC.
func written(at time.Time) string {
	at = at.UTC()
	if at.Equal(at.Truncate(24 * time.Hour)) {
		return at.Format(time.DateOnly)
	}
	return at.Format(time.RFC3339Nano)
}
