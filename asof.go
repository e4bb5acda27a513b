package yore

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// AsOf runs fn inside a read-only transaction that sees tracked tables as they
// were at t: every query that fn sends through tx, by whatever builds its SQL,
// reads their rows as of t, all at the same instant. Tables that are not tracked
// are read as they are. The zero Time means the present.
//
// fn's error ends the transaction and is returned. If db is a pgx.Tx, AsOf runs
// in a savepoint of it and afterwards the transaction is in the present again.
//
// t is cut to microseconds. It may lie in the future, or after StableTime: then
// a later call can give another answer. What was before a table was tracked is
// not known; RequireTracked makes asking for it an error.
//
// Errors: ErrNotInstalled; ErrOption for a connection on which BEGIN was sent as
// a statement; inside fn, ErrPresent for a query that names a
// tracked table with its schema (use Explain on fn's own errors).
func AsOf(ctx context.Context, db Beginner, t time.Time, fn func(tx pgx.Tx) error, opts ...AsOfOption) (err error) {
	if _, isTx := db.(pgx.Tx); !isTx {
		if handle, ok := db.(DB); ok && inTransaction(handle) {
			return newError("YO007", "as of: the connection is inside a transaction that BEGIN began, which AsOf would end", "Begin it with the connection's method Begin, and pass the pgx.Tx.")
		}
	}
	tx, err := db.Begin(ctx)
	if err != nil {
		return fmt.Errorf("as of: begin: %w", err)
	}
	defer func() {
		// Nothing was written, so there is nothing to commit; rolling back
		// also takes the settings back where tx is a savepoint.
		if e := tx.Rollback(ctx); err == nil && e != nil && !errors.Is(e, pgx.ErrTxClosed) {
			err = fmt.Errorf("as of: end: %w", e)
		}
	}()
	if err := goTo(ctx, tx, t, opts); err != nil {
		return err
	}
	return fn(tx)
}

// SQLBeginner is shaped like *sql.DB and *sql.Conn.
type SQLBeginner interface {
	BeginTx(ctx context.Context, opts *stdsql.TxOptions) (*stdsql.Tx, error)
}

// AsOfSQL is to database/sql as AsOf is to pgx.
func AsOfSQL(ctx context.Context, db SQLBeginner, t time.Time, fn func(tx *stdsql.Tx) error, opts ...AsOfOption) (err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("as of: begin: %w", err)
	}
	defer func() {
		if e := tx.Rollback(); err == nil && e != nil && !errors.Is(e, stdsql.ErrTxDone) {
			err = fmt.Errorf("as of: end: %w", e)
		}
	}()
	if err := goTo(ctx, Wrap(tx), t, opts); err != nil {
		return err
	}
	return fn(tx)
}

// An AsOfOption changes what AsOf does.
type AsOfOption func(*asOfOptions)

type asOfOptions struct{ require []string }

// RequireTracked makes AsOf fail with ErrBeforeTracking, before fn is called, if
// t lies before the past of one of the tables is known, and with ErrNotTracked
// if one is not tracked.
func RequireTracked(tables ...string) AsOfOption {
	return func(o *asOfOptions) { o.require = append(o.require, tables...) }
}

func goTo(ctx context.Context, tx DB, t time.Time, opts []AsOfOption) error {
	var o asOfOptions
	for _, opt := range opts {
		opt(&o)
	}
	if t.IsZero() {
		_, err := tx.Exec(ctx, "SELECT yore.as_of(NULL)")
		return Explain(err)
	}
	for _, table := range o.require {
		since, err := TrackedSince(ctx, tx, table)
		if err != nil {
			return err
		}
		if t.Before(since) {
			return newError("YO014", fmt.Sprintf("the past of %s is known since %s, not at %s", table, formatTime(since), formatTime(t)),
				"Ask for a later time; yore.track(…, since => …) says at tracking how old the rows found are.")
		}
	}
	_, err := tx.Exec(ctx, "SELECT yore.as_of($1::text::timestamptz)", formatTime(t))
	return Explain(err)
}

// TrackedSince returns from when the past of a tracked table is known, in UTC:
// before, "no row" does not mean that there was none. The zero Time means that
// all of it is known.
//
// Errors: ErrNotTracked, ErrNotInstalled.
func TrackedSince(ctx context.Context, db DB, table string) (time.Time, error) {
	var since *time.Time
	err := db.QueryRow(ctx, "SELECT nullif(yore.tracked_since($1::text), '-infinity')", table).Scan(&since)
	if err != nil || since == nil {
		return time.Time{}, Explain(err)
	}
	return since.UTC(), nil
}

// StableTime returns the newest time whose as-of answers no open transaction
// can still change, in UTC.
//
// Errors: ErrStableTime where it cannot be known: on a standby, with prepared
// transactions, or without the right to see other sessions.
func StableTime(ctx context.Context, db DB) (time.Time, error) {
	var t time.Time
	if err := db.QueryRow(ctx, "SELECT yore.stable_time()").Scan(&t); err != nil {
		return time.Time{}, Explain(err)
	}
	return t.UTC(), nil
}
