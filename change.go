package yore

import (
	"context"
	"encoding/json"
	"iter"
	"strconv"
	"time"

	"yore.example/yore/internal/fragment"
)

// A ChangeKind is what happened to a row.
type ChangeKind string

// The kinds of a Change. A row that is back after its deletion is Inserted; one
// whose key changes is Deleted and Inserted.
const (
	Inserted ChangeKind = "insert"
	Updated  ChangeKind = "update"
	Deleted  ChangeKind = "delete"
)

// A Change is one change of one row: the making of a version.
type Change[T any] struct {
	Table   string     `json:"table"`   // as SQL writes it: without its schema if that is public
	Key     Row        `json:"key"`     // the key columns; whole numbers as int64, the rest as JSON has it
	Version int64      `json:"version"` // the number of the version that was made
	At      time.Time  `json:"at"`      // when it began, UTC, in microseconds; zero: it has always been so, as far as is known
	Kind    ChangeKind `json:"kind"`
	Columns []string   `json:"columns"` // those that differ, in the table's order; of a row that came or went, those that are not NULL
	Old     *T         `json:"old"`     // nil of an Inserted row
	New     *T         `json:"new"`     // nil of a Deleted row

	XID uint64 `json:"xid,string"` // of the transaction that made it

	// What was said of the transaction: WithActor and its like, or
	// yore.set_context. Nil where not said.
	Actor  *string         `json:"actor"`
	Reason *string         `json:"reason"`
	Meta   json.RawMessage `json:"meta"`
}

// ChangesOptions says which changes to read. The zero value: all.
type ChangesOptions struct {
	// Tables names tracked tables, as in SQL. Defaults to all whose history the
	// role may read. A handle's Changes are those of its own table: there,
	// leave it out.
	Tables []string

	// From and To are the half-open period [From, To) in which the changes were
	// made. Default to open ends.
	From, To time.Time

	// Matching keeps the changes before which or after which the row has these
	// values, by column; nil is NULL. Without Tables, those of the tables that have
	// all of these columns. Defaults to all.
	Matching Row

	// XID keeps the changes of one transaction; a period makes it quick.
	// Defaults to those of all.
	XID uint64

	// NewestFirst turns the order round. Defaults to false.
	NewestFirst bool

	// Limit reads at most so many. Defaults to all.
	Limit int
}

// Changes streams what happened to the rows of the table, in the order of the
// times, one change at a time. What alters a version in place (no_journal) is no
// change.
//
// Errors: ErrNotTracked, ErrOption for what Matching cannot be. It takes SELECT on
// the table's history; without SELECT on yore.transaction, nobody is named.
func (t *TemporalTable[T]) Changes(ctx context.Context, db DB, o ChangesOptions) iter.Seq2[Change[T], error] {
	return changesOf[T](ctx, db, t.table, o)
}

// Changes is as TemporalTable's.
func (t *ImmutableTable[T]) Changes(ctx context.Context, db DB, o ChangesOptions) iter.Seq2[Change[T], error] {
	return changesOf[T](ctx, db, t.table, o)
}

// EachChange streams what happened to the rows of several tables, or of all, in
// one order: by time, transaction, table and key. Values are as JSON has them:
// whole numbers int64, others json.Number, times RFC 3339 in the session's time
// zone.
//
// Errors: as of TemporalTable's Changes; ErrNotInstalled.
func EachChange(ctx context.Context, db DB, o ChangesOptions) iter.Seq2[Change[Row], error] {
	return changesOf[Row](ctx, db, nil, o)
}

// Changes streams what the transaction did, across all tables whose history the
// role may read, in the order of the tables and keys.
func (t Transaction) Changes(ctx context.Context, db DB) iter.Seq2[Change[Row], error] {
	began := t.Began
	if t.LoadedAt != nil {
		began = *t.LoadedAt
	}
	// As yore.transaction_of: a version may begin later than its transaction, where
	// others were quicker.
	return EachChange(ctx, db, ChangesOptions{From: began, To: began.AddDate(0, 0, 1), XID: t.XID})
}

func changesOf[T any](ctx context.Context, db DB, t *table, o ChangesOptions) iter.Seq2[Change[T], error] {
	var b fragment.Builder
	source, err := o.source(&b, t)
	list := "c.table_name, c.key::text, c.version, c.at, c.kind, c.columns, c.xid::text::bigint, c.actor, c.reason, c.meta::text"
	return pairs[Change[T], T](ctx, db, t, list, source, &b, err)
}

func (o ChangesOptions) source(b *fragment.Builder, t *table) (string, error) {
	tables := o.Tables
	if t != nil {
		if tables != nil {
			return "", t.own("YO007", "Changes of a handle with Tables", "EachChange reads those of several tables.")
		}
		tables = []string{t.written}
	}
	names := "NULL::text[]"
	if tables != nil {
		text, err := json.Marshal(tables)
		if err != nil {
			return "", err
		}
		names = "ARRAY(SELECT json_array_elements_text(" + b.Arg(string(text)) + "::text::json))"
	}
	from, to := moment(b, o.From), moment(b, o.To)
	match, err := matching(b, o.Matching)
	if err != nil {
		return "", err
	}
	xid := "NULL::xid8"
	if o.XID != 0 {
		xid = b.Arg(strconv.FormatUint(o.XID, 10)) + "::text::xid8"
	}
	limit, err := limited(b, "Changes", o.Limit)
	return "yore._changes(" + names + ", " + from + ", " + to + ", " + match + ", " + xid + ", " + b.Arg(o.NewestFirst) + "::boolean, " + limit + ") WITH ORDINALITY AS c", err
}

func (c *Change[T]) rows() (old, new **T) { return &c.Old, &c.New }

func (c *Change[T]) fields() ([]any, func() error) {
	var key string
	var at *time.Time
	var kind string
	var meta *string
	return []any{&c.Table, &key, &c.Version, &at, &kind, &c.Columns, &c.XID, &c.Actor, &c.Reason, &meta}, func() (err error) {
		c.Kind = ChangeKind(kind)
		if at != nil {
			c.At = at.UTC()
		}
		if meta != nil {
			c.Meta = json.RawMessage(*meta)
		}
		c.Key, err = valuesOf(key)
		return err
	}
}
