package yore

import (
	"context"
	stdsql "database/sql"
	"errors"

	"github.com/jackc/pgx/v5"
)

// savepoint has a name of its own: pgx's are called sp_1, sp_2 …
const savepoint = "yore_statement"

// batcher is what a pgx.Tx has, and with it sends several statements in one
// round trip.
type batcher interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// guarded runs one statement and hands its rows to read. Inside a transaction
// it runs in a savepoint, so that its failure does not end the transaction.
func guarded(ctx context.Context, db DB, sql string, args []any, read func(pgx.Rows) error) error {
	if !inTransaction(db) {
		rows, err := db.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		return drain(rows, read)
	}
	err := inSavepoint(ctx, db, sql, args, read)
	if err == nil {
		return nil
	}
	if _, e := db.Exec(ctx, "ROLLBACK TO SAVEPOINT "+savepoint); e == nil {
		_, _ = db.Exec(ctx, "RELEASE SAVEPOINT "+savepoint)
	}
	return err
}

func inSavepoint(ctx context.Context, db DB, sql string, args []any, read func(pgx.Rows) error) error {
	if sender, ok := db.(batcher); ok {
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
	if _, err := db.Exec(ctx, "SAVEPOINT "+savepoint); err != nil {
		return err
	}
	rows, err := db.Query(ctx, sql, args...)
	if err == nil {
		err = drain(rows, read)
	}
	if err != nil {
		return err
	}
	_, err = db.Exec(ctx, "RELEASE SAVEPOINT "+savepoint)
	return err
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
	case *pgx.Conn:
		return v.PgConn().TxStatus() == 'T'
	case interface{ Conn() *pgx.Conn }: // *pgxpool.Conn
		return v.Conn().PgConn().TxStatus() == 'T'
	case wrapped:
		_, begins := v.db.(interface {
			BeginTx(context.Context, *stdsql.TxOptions) (*stdsql.Tx, error)
		})
		return !begins
	}
	return false
}

// inOwnTransaction runs fn in a transaction of its own: a new one, or inside the
// caller's a savepoint.
func inOwnTransaction(ctx context.Context, db DB, fn func(DB) error) (err error) {
	if b, ok := db.(Beginner); ok {
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
	w, ok := db.(wrapped)
	if !ok {
		return newError("YO007", "this needs a transaction, and the database handle cannot begin one", "Pass a transaction.")
	}
	if b, ok := w.db.(SQLBeginner); ok {
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
	const own = "yore_transaction"
	if _, err := db.Exec(ctx, "SAVEPOINT "+own); err != nil {
		return err
	}
	if err := fn(db); err != nil {
		if _, e := db.Exec(ctx, "ROLLBACK TO SAVEPOINT "+own); e == nil {
			_, _ = db.Exec(ctx, "RELEASE SAVEPOINT "+own)
		}
		return err
	}
	_, err = db.Exec(ctx, "RELEASE SAVEPOINT "+own)
	return err
}
