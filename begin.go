package yore

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// beginWith begins a transaction, or in one a savepoint, with a statement: with a
// pool or a connection in the one round trip of BEGIN.
func beginWith(ctx context.Context, db Beginner, statement string) (pgx.Tx, error) {
	if b, ok := db.(txBeginner); ok {
		return sendWithBegin(ctx, b, statement, nil)
	}
	tx, err := db.Begin(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, statement); err != nil {
		_ = tx.Rollback(ctx)
		return nil, err
	}
	return tx, nil
}

// sendWithBegin begins a transaction whose COMMIT carries the words, if there are
// any. A Pool has its own.
func sendWithBegin(ctx context.Context, b txBeginner, statement string, w *words) (pgx.Tx, error) {
	// pgx sends a text without arguments as it is, of several statements too.
	tx, err := beginCarrying(ctx, b, pgx.TxOptions{BeginQuery: "begin; " + statement}, w)
	if err == nil {
		return tx, nil
	}
	// A pool throws the connection away; one of the caller's is left as it was.
	if handle, ok := b.(DB); ok {
		if conn := connOf(handle); conn != nil && !conn.IsClosed() && conn.PgConn().TxStatus() == 'E' {
			_, _ = conn.Exec(ctx, "rollback")
		}
	}
	return nil, err
}

// SQLBeginner is shaped like *sql.DB and *sql.Conn.
type SQLBeginner interface {
	BeginTx(ctx context.Context, opts *stdsql.TxOptions) (*stdsql.Tx, error)
}

// beginSQLWith is to database/sql as beginWith is to pgx. The one round trip is
// that of a handle of NewConnector's on pgx's driver.
func beginSQLWith(ctx context.Context, db SQLBeginner, statement string) (*stdsql.Tx, error) {
	with := &withBegin{statement: statement}
	tx, err := db.BeginTx(context.WithValue(ctx, withBeginKey{}, with), nil)
	if err != nil || with.sent {
		return tx, err
	}
	if _, err := tx.ExecContext(ctx, statement); err != nil {
		_ = tx.Rollback()
		return nil, err
	}
	return tx, nil
}

// withBegin asks NewConnector's connections to send a statement with BEGIN.
type withBegin struct {
	statement string
	sent      bool
}

type withBeginKey struct{}

// beginError explains why what was asked for could not be begun.
func beginError(what string, err error) error {
	var known *Error
	if explained := Explain(err); errors.As(explained, &known) {
		return explained
	}
	return fmt.Errorf("%s: begin: %w", what, err)
}
