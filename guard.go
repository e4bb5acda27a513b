package yore

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// savepoint has a name of its own: pgx's are called sp_1, sp_2 …
const savepoint = "yore_statement"

// errNUL is for text that PostgreSQL cannot hold, and that would end a
// transaction in the simple protocol.
var errNUL = errors.New("a text has a NUL character")

// batcher is what a pgx.Tx has, and with it sends several statements in one
// round trip.
type batcher interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// guarded runs one statement and hands its rows to read. Inside a transaction
// it runs in a savepoint, so that its failure does not end the transaction.
func guarded(ctx context.Context, db DB, sql string, args []any, read func(pgx.Rows) error) error {
	if slices.ContainsFunc(args, func(arg any) bool { text, _ := arg.(string); return strings.Contains(text, "\x00") }) {
		return errNUL
	}
	query := func() error {
		rows, err := db.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		return drain(rows, read)
	}
	if !inTransaction(db) {
		return query()
	}
	// A value that pgx cannot write would cost a batch its connection.
	sender, ok := db.(batcher)
	if !ok || slices.ContainsFunc(args, func(arg any) bool { return !isSafe(arg) }) {
		return inSavepoint(ctx, db, savepoint, query)
	}
	err := inBatch(ctx, sender, sql, args, read)
	if err != nil {
		rollBackTo(ctx, db, savepoint)
	}
	return err
}

// connOf returns the connection of a pgx handle that has one; else nil.
func connOf(db DB) *pgx.Conn {
	switch v := db.(type) {
	case *pgx.Conn:
		return v
	case interface{ Conn() *pgx.Conn }: // pgx.Tx, *pgxpool.Conn
		return v.Conn()
	}
	return nil
}

// inBatch sends the statement with its savepoint, in one round trip.
func inBatch(ctx context.Context, sender batcher, sql string, args []any, read func(pgx.Rows) error) error {
	var b pgx.Batch
	b.Queue("SAVEPOINT " + savepoint)
	b.Queue(sql, args...)
	b.Queue("RELEASE SAVEPOINT " + savepoint)
	sent := sender.SendBatch(ctx, &b)
	if _, err := sent.Exec(); err != nil {
		return errors.Join(err, sent.Close())
	}
	rows, err := sent.Query()
	if err == nil {
		err = drain(rows, read)
	}
	if e := sent.Close(); err == nil {
		err = e
	}
	return err
}

// inSavepoint runs fn in a savepoint, to which the transaction goes back if fn
// fails.
func inSavepoint(ctx context.Context, db DB, name string, fn func() error) error {
	if _, err := db.Exec(ctx, "SAVEPOINT "+name); err != nil {
		return err
	}
	if err := fn(); err != nil {
		rollBackTo(ctx, db, name)
		return err
	}
	_, err := db.Exec(ctx, "RELEASE SAVEPOINT "+name)
	return err
}

func rollBackTo(ctx context.Context, db DB, name string) {
	if _, err := db.Exec(ctx, "ROLLBACK TO SAVEPOINT "+name); err == nil {
		_, _ = db.Exec(ctx, "RELEASE SAVEPOINT "+name)
	}
}

func drain(rows pgx.Rows, read func(pgx.Rows) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := read(rows); err != nil {
			return err
		}
	}
	rows.Close()
	return rows.Err()
}

// inTransaction reports whether the DB is a transaction of the caller's, as far
// as can be seen: a pgx.Tx, a *pgx.Conn after BEGIN, a *sql.Tx.
func inTransaction(db DB) bool {
	switch v := db.(type) {
	case pgx.Tx:
		return true
	case wrapped:
		_, begins := v.db.(SQLBeginner)
		return !begins
	}
	conn := connOf(db)
	return conn != nil && conn.PgConn().TxStatus() == 'T'
}

func sqlBeginner(db DB) (SQLBeginner, bool) {
	w, ok := db.(wrapped)
	if !ok {
		return nil, false
	}
	b, ok := w.db.(SQLBeginner)
	return b, ok
}

// needTransaction refuses a handle that cannot be a transaction's.
func needTransaction(db DB) error {
	_, begins := db.(Beginner)
	if w, ok := db.(wrapped); ok {
		_, begins = w.db.(*stdsql.DB)
	}
	if begins && !inTransaction(db) {
		return newError("YO007", fmt.Sprintf("a lock lasts until its transaction ends, and %T is none", db), "Use WithLock or Mutate, or pass a transaction.")
	}
	return nil
}

// inOwnTransaction runs fn in a transaction of its own: a new one, or inside the
// caller's a savepoint.
func inOwnTransaction(ctx context.Context, db DB, fn func(DB) error) (err error) {
	_, isTx := db.(pgx.Tx)
	// A connection on which the caller has said BEGIN can begin nothing: its
	// COMMIT would be the caller's.
	inside := inTransaction(db)
	if b, ok := db.(Beginner); ok && (isTx || !inside) {
		tx, err := b.Begin(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback(ctx) }()
		if err := fn(tx); err != nil {
			return err
		}
		return tx.Commit(ctx)
	}
	if !inside {
		b, ok := sqlBeginner(db)
		if !ok {
			return newError("YO007", "this needs a transaction, and the database handle cannot begin one", "Pass a transaction.")
		}
		tx, err := b.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		if err := fn(Wrap(tx)); err != nil {
			return err
		}
		return tx.Commit()
	}
	return inSavepoint(ctx, db, "yore_transaction", func() error { return fn(db) })
}
