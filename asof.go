package yore

import (
	"context"
	stdsql "database/sql"
	"encoding/json"
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
// With a pool or a connection, going to t takes no round trip of its own: it is
// sent with BEGIN. AsOf around one query takes what a transaction around it
// does: BEGIN, the query, ROLLBACK. RequireTracked takes one more (two where
// pgx describes each statement first); so does a savepoint in a pgx.Tx.
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
	tx, err := beginWith(ctx, db, asOfStatement(t))
	if err != nil {
		return beginError("as of", err)
	}
	defer func() {
		// Nothing was written, so there is nothing to commit; rolling back
		// also takes the settings back where tx is a savepoint.
		if e := tx.Rollback(ctx); err == nil && e != nil && !errors.Is(e, pgx.ErrTxClosed) {
			err = fmt.Errorf("as of: end: %w", e)
		}
	}()
	if err := requireTracked(ctx, tx, t, opts); err != nil {
		return err
	}
	return fn(tx)
}

func asOfStatement(t time.Time) string {
	if t.IsZero() {
		return "SELECT yore.as_of(NULL)"
	}
	return "SELECT yore.as_of(" + literal(formatTime(t)) + "::timestamptz)"
}

// AsOfSQL is to database/sql as AsOf is to pgx. Of itself database/sql has no
// way to send something with BEGIN, so going to t is a round trip of its own; a
// handle of NewConnector's on pgx's driver saves it.
func AsOfSQL(ctx context.Context, db SQLBeginner, t time.Time, fn func(tx *stdsql.Tx) error, opts ...AsOfOption) (err error) {
	tx, err := beginSQLWith(ctx, db, asOfStatement(t))
	if err != nil {
		return beginError("as of", err)
	}
	defer func() {
		if e := tx.Rollback(); err == nil && e != nil && !errors.Is(e, stdsql.ErrTxDone) {
			err = fmt.Errorf("as of: end: %w", e)
		}
	}()
	if err := requireTracked(ctx, Wrap(tx), t, opts); err != nil {
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

// requireTracked asks for all tables in one round trip.
func requireTracked(ctx context.Context, tx DB, t time.Time, opts []AsOfOption) error {
	var o asOfOptions
	for _, opt := range opts {
		opt(&o)
	}
	if t.IsZero() || len(o.require) == 0 {
		return nil
	}
	names, err := json.Marshal(o.require) // which every driver can send
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, "SELECT t.name, nullif(yore.tracked_since(t.name), '-infinity') FROM json_array_elements_text($1::text::json) WITH ORDINALITY AS t (name, place) ORDER BY t.place", string(names))
	if err != nil {
		return Explain(err)
	}
	err = drain(rows, func(rows pgx.Rows) error {
		var table string
		var since *time.Time
		if err := rows.Scan(&table, &since); err != nil {
			return err
		}
		if since != nil && t.Before(*since) {
			return newError("YO014", fmt.Sprintf("the past of %s is known since %s, not at %s", table, formatTime(*since), formatTime(t)),
				"Ask for a later time; yore.track(…, since => …) says at tracking how old the rows found are.")
		}
		return nil
	})
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
