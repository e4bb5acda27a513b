package yore

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Mutate reads the current version of an entity under the row's lock, lets fn
// change it, and writes what differs as the next version; others wait meanwhile,
// so nothing is lost and nobody conflicts. It begins a transaction, inside the
// caller's a savepoint. fn's error ends it and is returned.
//
// Errors: ErrNotFound, ErrDeleted, ErrInvalid; ErrConflict only under REPEATABLE
// READ, for a change that the transaction cannot see. Locks: the row, FOR NO KEY
// UPDATE, until the transaction's end.
func (t *ImmutableTable[T]) Mutate(ctx context.Context, db DB, id UUID, fn func(*T) error) (T, error) {
	var row T
	err := inOwnTransaction(ctx, db, func(tx DB) error {
		held, err := t.Lock(ctx, tx, id)
		if err != nil {
			return err
		}
		row, err = t.Update(ctx, tx, held, fn)
		return err
	})
	return row, err
}

// Lock reads the current version of an entity and keeps others from changing it
// until the transaction tx ends. Those who only read do not wait.
//
// Errors: ErrNotFound, ErrDeleted; ErrConflict under REPEATABLE READ; ErrOption
// if tx is no transaction. Locks: the row, FOR NO KEY UPDATE.
func (t *ImmutableTable[T]) Lock(ctx context.Context, tx DB, id UUID) (T, error) {
	var row T
	if err := needTransaction(tx); err != nil {
		return row, err
	}
	q := t.byID(id)
	q.q.lock = true
	for range attempts {
		sql, args, err := q.SQL()
		if err != nil {
			return row, err
		}
		found := false
		err = guarded(ctx, tx, sql, args, func(rows pgx.Rows) (err error) {
			found = true
			row, err = scan[T](t.table, rows)
			return err
		})
		if err != nil {
			return row, t.stale(t.explain(err, nil), id, 0)
		}
		if found {
			return row, nil
		}
		if _, err := t.absent(ctx, tx, id); err != nil {
			return row, err
		}
	}
	return row, t.conflict(id, 0, 0, nil)
}

// WithLock runs fn while tx, a transaction that it begins, holds the lock of an
// entity; see Lock. Calls for the same entity follow one another, for different
// ones they do not wait.
func (t *ImmutableTable[T]) WithLock(ctx context.Context, db DB, id UUID, fn func(tx DB, row T) error) error {
	return inOwnTransaction(ctx, db, func(tx DB) error {
		row, err := t.Lock(ctx, tx, id)
		if err != nil {
			return err
		}
		return fn(tx, row)
	})
}
