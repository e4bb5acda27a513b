package yore

import "context"

// CreateImmutable creates an immutable table. columns is what stands between
// the parentheses of CREATE TABLE, constraints included, without entity_id and
// version data; in REFERENCES, the unqualified name of a tracked table means the
// table beneath its face, and the column to refer to is entity_id.
//
//	err := yore.CreateImmutable(ctx, db, "tasks", `
//		title    text NOT NULL UNIQUE,
//		priority integer NOT NULL DEFAULT 0,
//		owner    uuid REFERENCES users (entity_id)`, yore.TrackOptions{})
//
// Of the options Key, InPlace, Since, SinceForever, Squash and CopyIndexes have
// no meaning for it and are errors.
//
// Errors: ErrName (the name is taken), ErrOption, ErrRights, ErrNotInstalled;
// PostgreSQL's for columns that make no sense.
func CreateImmutable(ctx context.Context, db DB, table, columns string, o TrackOptions) error {
	if o.Key != nil || o.InPlace || !o.Since.IsZero() || o.SinceForever || o.Squash != nil || o.CopyIndexes != nil {
		return newError("YO007", "an immutable table that is created has no option Key, InPlace, Since, Squash or CopyIndexes", "")
	}
	_, err := db.Exec(ctx, `SELECT yore.create_immutable_table($1::text, $2::text, journal => $3::text[], no_journal => $4::text[],
		full_journal => $5::boolean, on_truncate => $6::text, exclusion => $7::boolean, prefix => $8::text, past_name => $9::text,
		allow_updates => $10::boolean, allow_deletes => $11::boolean, allow_version_write => $12::boolean, show_row_id => $13::boolean)`,
		table, columns, o.Journal, o.NoJournal, o.FullJournal, textOrNull(o.OnTruncate), o.Exclusion, textOrNull(o.Prefix),
		textOrNull(o.PastName), o.AllowUpdates, o.AllowDeletes, o.AllowVersionWrite, o.ShowRowID)
	return Explain(err)
}
