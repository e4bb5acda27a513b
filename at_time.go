package yore

import (
	"context"
	stdsql "database/sql"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// AtTime runs fn inside a transaction whose versions begin at t, and commits it:
// for history that is known, of an import or of a demo. The versions of a row are
// written from the earliest to the latest, in one transaction for each time. t is
// cut to microseconds.
//
// fn's error ends the transaction and is returned, explained (see Explain). Who
// and why are said as of any other transaction of a Pool's. As of a time before
// a table's tracking began the rows are as fn wrote them, but RequireTracked
// refuses to ask, unless the table is tracked with an earlier Since.
//
// db is a pool or a connection. A pgx.Tx is refused: all that a transaction writes
// has one time, so t would hold for what the caller writes after fn, too. Whoever
// wants that calls yore.at_time in it, before its first write.
//
// Going to t takes no round trip of its own: it is sent with BEGIN.
//
// Errors: ErrTimeOrder if a row that fn writes has a version at t or later;
// ErrOption for the zero Time, for a t in the future by the database's clock, and
// for a db that is in a transaction; ErrRights if the role may not execute
// yore.at_time, which has to be granted; ErrNotInstalled.
func AtTime(ctx context.Context, db Beginner, t time.Time, fn func(tx pgx.Tx) error) error {
	if handle, ok := db.(DB); ok && inTransaction(handle) {
		return newError("YO007", "at time: this is in a transaction already, all of whose versions have one time",
			"Pass the pool or the connection; or call yore.at_time, before the first write, for the whole transaction.")
	}
	statement, err := atTimeStatement(t)
	if err != nil {
		return err
	}
	tx, err := beginWith(ctx, db, statement)
	if err != nil {
		return atTimeError(err)
	}
	defer func() { _ = tx.Rollback(ctx) }() // also where fn panics
	if err := fn(tx); err != nil {
		return Explain(err)
	}
	return Explain(tx.Commit(ctx))
}

// AtTimeSQL is to database/sql as AtTime is to pgx. Going to t is a round trip of
// its own, which a handle of NewConnector's on pgx's driver saves.
func AtTimeSQL(ctx context.Context, db SQLBeginner, t time.Time, fn func(tx *stdsql.Tx) error) error {
	statement, err := atTimeStatement(t)
	if err != nil {
		return err
	}
	tx, err := beginSQLWith(ctx, db, statement)
	if err != nil {
		return atTimeError(err)
	}
	defer func() { _ = tx.Rollback() }()
	if err := fn(tx); err != nil {
		return Explain(err)
	}
	return Explain(tx.Commit())
}

func atTimeStatement(t time.Time) (string, error) {
	if t.IsZero() {
		return "", newError("YO007", "at time: the zero Time is no time at which versions could begin",
			"Say when it was; what is to begin now needs a plain transaction.")
	}
	return "SELECT yore.at_time(" + literal(formatTime(t)) + "::timestamptz)", nil
}

// atTimeError also explains PostgreSQL's own refusal to execute the function.
func atTimeError(err error) error {
	var state interface{ SQLState() string }
	if errors.As(err, &state) && state.SQLState() == "42501" && strings.Contains(err.Error(), "at_time") {
		e := newError("YO008", "at time: the role may not say when versions begin", "The owner of yore says who may: GRANT EXECUTE ON FUNCTION yore.at_time TO …")
		e.cause = err
		return e
	}
	return beginError("at time", err)
}
