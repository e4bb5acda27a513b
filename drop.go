package yore

import "context"

// DropTable drops a table, tracked or not. KeepHistory leaves its closed past
// for reading, DropHistory leaves nothing.
//
// Errors: ErrNotTracked (no such table), ErrRights, ErrIsolation; 2BP01
// (dependent_objects_still_exist) where something of yours depends on it.
//
// Locks: ACCESS EXCLUSIVE; KeepHistory copies the current rows under it.
func DropTable(ctx context.Context, db DB, table string, h History) error {
	_, err := db.Exec(ctx, "SELECT yore.drop_table($1::text, $2::text)", table, string(h))
	return Explain(err)
}
