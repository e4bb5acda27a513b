package yore

import (
	"context"
	"fmt"
	"time"
)

// TrackOptions are the options of Track. The zero value of each leaves it at
// its default, or for a table that is tracked already, as it is.
type TrackOptions struct {
	// Journal names the columns whose changes make a version; key columns
	// always do. A change of others alters the current version in place.
	// An empty, non-nil slice takes the option back.
	// Defaults to nil: all columns but updated_at.
	Journal []string

	// NoJournal names the columns whose changes make no version, beside
	// updated_at. An empty, non-nil slice takes the option back.
	NoJournal []string

	// FullJournal makes a change of any column make a version, updated_at
	// included. Defaults to nil: false.
	FullJournal *bool

	// Squash leaves one version of several changes of a row in one
	// transaction. Defaults to nil: true.
	Squash *bool

	// Since is from when the rows found at tracking are known to have been so.
	// Defaults to the zero Time: now. SinceForever takes precedence.
	Since time.Time

	// SinceForever says that the rows found at tracking have always been so.
	SinceForever bool

	// OnTruncate is "refuse" or "archive" (every row goes to the past).
	// Defaults to "": refuse.
	OnTruncate string

	// Key names the key columns of a table without primary key; a unique index
	// must hold exactly them. Defaults to nil: the primary key.
	Key []string

	// InPlace leaves the table where it is, under its own name and with the
	// system columns visible, and makes no view of that name.
	InPlace bool

	// Exclusion adds the exclusion constraint of key and period to the past.
	// Needs btree_gist; makes bulk updates slower. Defaults to nil: false.
	Exclusion *bool

	// Prefix goes before the names version, valid_from, valid_to, deleted_at
	// and xid in the history view. Defaults to "": none.
	Prefix string

	// PastName names the past table. Defaults to "": the table's with _past.
	PastName string

	// Immutable makes the table an immutable one: its key is entity_id, which is
	// added if it is missing, and its face shows the version data. Every row gets
	// its ids, so the table is rewritten.
	Immutable bool

	// AllowUpdates and AllowDeletes open the stored versions of an immutable
	// table to UPDATE and DELETE through history; what was there before is kept
	// in a table of amendments. Defaults to nil: false.
	AllowUpdates, AllowDeletes *bool

	// AllowVersionWrite makes a version number that a client writes count, if
	// it is later than the last. Defaults to nil: false, it is passed over.
	AllowVersionWrite *bool

	// ShowRowID shows the id of each version in the face of an immutable table,
	// and indexes it. Defaults to nil: false.
	ShowRowID *bool

	// CopyIndexes gives the past a copy of each index of the table, so that
	// queries as of a time are as quick as those of the present; each makes
	// writing history a little dearer. For a tracked table, true makes the copies
	// that are missing, false drops them. Defaults to nil: true.
	CopyIndexes *bool
}

// Track keeps every change of a table from now on, by any client; for a table
// that is tracked, it changes the options that are given. The table is named as
// in SQL: "orders", `sales.orders`, `"Orders"`.
//
// Errors: ErrNotTracked (no such table), ErrTracked (tracked, and no option
// given), ErrUnsuitable, ErrName, ErrOption, ErrRights, ErrNotInstalled; then
// nothing has been changed.
//
// Locks: ACCESS EXCLUSIVE on the table, for changes of the catalog alone; no
// row is read or rewritten (but with Immutable). Set lock_timeout where long transactions use it.
func Track(ctx context.Context, db DB, table string, o TrackOptions) error {
	_, err := db.Exec(ctx, `SELECT yore.track($1::text, journal => $2::text[], no_journal => $3::text[],
		full_journal => $4::boolean, squash => $5::boolean, since => $6::text::timestamptz, on_truncate => $7::text,
		key => $8::text[], in_place => $9::boolean, exclusion => $10::boolean, prefix => $11::text, past_name => $12::text,
		immutable => $13::boolean, allow_updates => $14::boolean, allow_deletes => $15::boolean, allow_version_write => $16::boolean,
		show_row_id => $17::boolean, copy_indexes => $18::boolean)`,
		table, o.Journal, o.NoJournal, o.FullJournal, o.Squash, o.since(), textOrNull(o.OnTruncate),
		o.Key, trueOrNull(o.InPlace), o.Exclusion, textOrNull(o.Prefix), textOrNull(o.PastName),
		trueOrNull(o.Immutable), o.AllowUpdates, o.AllowDeletes, o.AllowVersionWrite, o.ShowRowID, o.CopyIndexes)
	return Explain(err)
}

func (o TrackOptions) since() *string {
	var text string
	switch {
	case o.SinceForever:
		text = "-infinity"
	case o.Since.IsZero():
		return nil
	default:
		text = formatTime(o.Since)
	}
	return &text
}

// formatTime writes a time as PostgreSQL reads it under every DateStyle, in
// UTC and cut to the microseconds that it keeps.
const layout = "2006-01-02 15:04:05.000000Z07:00"

func formatTime(t time.Time) string {
	t = t.UTC().Truncate(time.Microsecond)
	if year := t.Year(); year < 1 { // Go has a year 0, which is 1 BC
		return fmt.Sprintf("%04d", 1-year) + t.Format(layout[4:]) + " BC"
	}
	return t.Format(layout)
}

func textOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func trueOrNull(b bool) *bool {
	if !b {
		return nil
	}
	return &b
}

// History says what Untrack does with the past.
type History string

// The two fates of a past.
const (
	KeepHistory History = "keep" // closed and left for reading
	DropHistory History = "drop" // dropped with all it holds
)

// Untrack gives the plain table back, with its grants, indexes, foreign keys,
// sequences and comments.
//
// Errors: ErrNotTracked, ErrRights; 2BP01 (dependent_objects_still_exist) where
// something of the user's depends on one of the faces.
//
// Locks: ACCESS EXCLUSIVE on the table; KeepHistory copies the current rows to
// the past under it.
func Untrack(ctx context.Context, db DB, table string, h History) error {
	_, err := db.Exec(ctx, "SELECT yore.untrack($1::text, $2::text)", table, string(h))
	return Explain(err)
}

// Sync brings the past, the triggers and the faces of a tracked table in step
// with its columns after an ALTER TABLE by hand; until then writes fail with
// ErrNeedsSync.
//
// Locks: ACCESS EXCLUSIVE on the table; a change of type rewrites the past.
func Sync(ctx context.Context, db DB, table string) error {
	_, err := db.Exec(ctx, "SELECT yore.sync($1::text)", table)
	return Explain(err)
}
