package yore

import "context"

// AlterOptions are the options of AlterTable.
type AlterOptions struct {
	// DropPast drops a column from the past, too. Defaults to false: the past
	// keeps it, and history shows it.
	DropPast bool

	// InBatches leaves it to ConvertPast to convert the past to a column's new
	// type, so that no lock is held for that. Defaults to false: at once.
	InBatches bool
}

// AlterTable runs what follows the table's name in ALTER TABLE, any action or
// several with commas between, on a table and brings its past, its triggers and
// its views in step. The table may be tracked or not; views and functions of
// yours over it are kept, grants and comments included, or the change is refused.
//
//	err := yore.AlterTable(ctx, tx, "orders", "ADD COLUMN note text, ALTER COLUMN total TYPE numeric(12,2)", yore.AlterOptions{})
//
// Errors: ErrAlter (no action of ALTER TABLE, or one that a tracked table cannot
// have: its key column dropped or of another type), ErrNotTracked (no such
// table), ErrNeedsSync, ErrName, ErrUnsuitable, ErrRights, ErrIsolation; 2BP01
// (dependent_objects_still_exist) where something of yours does not go with the
// change; those of ALTER TABLE. Then nothing has been changed.
//
// Locks: those of ALTER TABLE; where columns change, ACCESS EXCLUSIVE on the
// table, its past and its views. A past that must be rewritten is locked
// meanwhile, which a notice says beforehand.
func AlterTable(ctx context.Context, db DB, table, action string, o AlterOptions) error {
	_, err := db.Exec(ctx, "SELECT yore.alter_table($1::text, $2::text, $3::boolean, $4::boolean)", table, action, !o.DropPast, o.InBatches)
	return Explain(err)
}
