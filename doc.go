// Package yore keeps the past of PostgreSQL tables.
//
// Switch it on for a table and every change that any client makes is kept; any
// query, unmodified, can then be run as of any moment. The machinery is plain
// SQL functions and triggers, without an extension, on PostgreSQL 13 and later;
// this package installs it and reads through it.
//
//	err := yore.Install(ctx, pool)
//	err = yore.Track(ctx, pool, "countries", yore.TrackOptions{})
//
// From here on applications read and write countries as before, through any
// driver, and:
//
//	err = yore.AsOf(ctx, pool, lastMarch, func(tx pgx.Tx) error {
//		// Any query of yours, as it is.
//		rows, err := tx.Query(ctx, "SELECT … FROM countries JOIN currencies …")
//		…
//	})
//
// A table countries becomes three faces over one storage: countries itself (the
// present), history.countries (every version) and asof.countries (then). See
// docs/concepts.md.
//
// Immutable[T] is for records whose versions are part of the model: it reads and
// writes an immutable table with rows of type T, each with its entity id and
// version, and makes a conflict of a stale write.
//
// WithActor, WithReason and WithMeta put who and why into a context; a Pool, or a
// database/sql handle of NewConnector's, says it with every transaction that
// writes, and TransactionOf finds it again.
//
// Functions take a DB: pgx's pool, connection and transaction are one; Wrap
// makes one of database/sql's. Errors of the database are explained: errors.Is
// finds ErrNotTracked and its like, errors.As an *Error with a hint.
package yore
