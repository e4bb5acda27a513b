package yore

import "context"

// RenameTable renames a table, tracked or not, with all that yore has made for
// it. name is the new name alone, as it is: no quotes, no schema.
//
// Errors: ErrName (taken or too long), ErrNotTracked (no such table), ErrOption
// (no name), ErrNeedsSync, ErrRights.
//
// Locks: ACCESS EXCLUSIVE, for changes of the catalog alone.
func RenameTable(ctx context.Context, db DB, table, name string) error {
	_, err := db.Exec(ctx, "SELECT yore.rename_table($1::text, $2::text)", table, name)
	return Explain(err)
}
