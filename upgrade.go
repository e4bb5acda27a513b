package yore

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// UpgradeOptions are the options of Upgrade.
type UpgradeOptions struct {
	// LockTimeout is how long an attempt waits for a table's locks. While it
	// waits, everybody who comes later to that table waits behind it.
	// Defaults to 500ms, less than the second (deadlock_timeout) after which
	// PostgreSQL ends one of two transactions that wait for each other: so it
	// is never a transaction of the application that gives way.
	LockTimeout time.Duration

	// Attempts is how often a table is tried that others hold locked.
	// Defaults to 10.
	Attempts int

	// Pause is the time between the first two attempts; it doubles with each, up
	// to sixteen times itself. Defaults to 200ms.
	Pause time.Duration

	// Progress, if not nil, is called before each attempt. Defaults to nil.
	Progress func(UpgradeStep)
}

func (o UpgradeOptions) withDefaults() UpgradeOptions {
	if o.LockTimeout <= 0 {
		o.LockTimeout = 500 * time.Millisecond
	}
	if o.Attempts <= 0 {
		o.Attempts = 10
	}
	if o.Pause <= 0 {
		o.Pause = 200 * time.Millisecond
	}
	if o.Progress == nil {
		o.Progress = func(UpgradeStep) {}
	}
	return o
}

// An UpgradeStep is an attempt that begins.
type UpgradeStep struct {
	Table      string // as yore.status shows it; "" for the functions
	Number, Of int    // of the tables that are to be upgraded, from 1
	Attempt    int    // from 1
	Err        error  // why the attempt before failed; nil for the first
}

// Upgrade installs the functions of this version, as Install does, and then has
// each table whose triggers an earlier version wrote brought up to date
// (yore.sync), in a transaction of its own. What is done stays done: where
// others hold a table locked for too long, or the role may not alter it, Upgrade
// goes on with the next, and another call does what is left. Applications go on
// writing all the while, before and after.
//
// db begins the transactions: a *pgxpool.Pool or a *pgx.Conn. The role must own
// the schema yore and be the tables' owner, or a member of it.
//
// Errors: ErrUpgrade, as an *UpgradeError, if tables remain; ErrOption for a db
// that is in a transaction; those of Install, ErrNewer among them: then nothing
// has been changed. If ctx ends, its error.
//
// Locks: for each table in turn ACCESS EXCLUSIVE on it and its views, for changes
// of the catalog alone; no version is read or rewritten, but where the table needs
// Sync anyway.
func Upgrade(ctx context.Context, db Beginner, o UpgradeOptions) (UpgradeReport, error) {
	if handle, ok := db.(DB); ok && inTransaction(handle) {
		return UpgradeReport{}, newError("YO007", "upgrade: each table needs a transaction of its own, and this is one already", "Pass the pool or the connection.")
	}
	u := upgrader{db: db, o: o.withDefaults()}
	if _, err := u.retry(ctx, UpgradeStep{}, u.install); err != nil {
		return u.report, fmt.Errorf("upgrade: %w", Explain(err))
	}
	if err := u.tables(ctx); err != nil {
		return u.report, err
	}
	_, err := u.retry(ctx, UpgradeStep{}, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "SELECT yore._retire()")
		return err
	})
	return u.report, Explain(err)
}
