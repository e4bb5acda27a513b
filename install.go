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
// up to this version's functions; the tables that are tracked follow with
// Upgrade. It changes nothing where nothing is to be done, and runs in one
// transaction: db's own if db is one, else one that it begins. Two that install
// at once wait for each other.
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

// CheckVersion returns an error if the database's yore is not for this program
// to change: ErrNewer, or ErrNotInstalled. Reading is always safe, and what goes
// through the tables is the database's business; an administrative program
// asks before it tracks, untracks or syncs.
func CheckVersion(ctx context.Context, db DB) error {
	var here int
	if err := db.QueryRow(ctx, "SELECT coalesce(max(version), 0) FROM yore.installation").Scan(&here); err != nil {
		return Explain(err)
	}
	if here > sql.Version {
		return newError("YO015", fmt.Sprintf("the database has version %d of yore's functions, newer than this program's %d", here, sql.Version), "Use a newer yore.")
	}
	return nil
}
