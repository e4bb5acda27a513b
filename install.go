package yore

import (
	"context"
	"fmt"

	"yore.example/yore/sql"
)

// Script returns the SQL that Install runs, for other migration tools. It has
// no transaction commands: run it in one transaction.
func Script() string { return sql.Script() }

// Install installs yore in the database of db, or brings an older installation
// up to this version's functions. It changes nothing where nothing is to be
// done, and runs in one transaction: db's own if db is one, else one that it
// begins. Two that install at once wait for each other.
//
// The role must be allowed to create schemas in the database; it will own
// schema yore. Tables are tracked by their owners (Track).
//
// Errors: ErrTooOld (PostgreSQL before 13), ErrNewer (the database has functions
// of a newer yore); then nothing has been changed.
//
// Locks: an advisory lock, and those of CREATE OR REPLACE FUNCTION.
func Install(ctx context.Context, db DB) error {
	// One string of many statements is one implicit transaction, in a
	// transaction block or outside.
	if _, err := db.Exec(ctx, sql.Script()); err != nil {
		return fmt.Errorf("install: %w", Explain(err))
	}
	return nil
}
