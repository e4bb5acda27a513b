package yore

import (
	"context"
	"iter"
	"time"

	"yore.example/yore/internal/fragment"
)

// A DifferenceKind is what became of a row from one time to another.
type DifferenceKind string

// The kinds of a Difference.
const (
	Added   DifferenceKind = "added"
	Removed DifferenceKind = "removed"
	Changed DifferenceKind = "changed"
)

// A Difference is a row that is not, at one time, what it was at another.
type Difference[T any] struct {
	Key     Row            `json:"key"` // the key columns; whole numbers as int64, the rest as JSON has it
	Kind    DifferenceKind `json:"kind"`
	Columns []string       `json:"columns"` // those that differ, in the table's order; of a row that came or went, those that are not NULL
	Old     *T             `json:"old"`     // nil of an Added row
	New     *T             `json:"new"`     // nil of a Removed row
}

// DiffOptions says which differences to read. The zero value: all.
type DiffOptions struct {
	// Matching keeps the rows that have these values, by column, at one of the two
	// times; nil is NULL. Defaults to all.
	Matching Row
}

// Diff streams the differences between the table's rows as of one time and those
// as of another, by key; the zero Time is the present. With from after to it is
// the difference backwards. What has changed and changed back is not listed.
//
// It reads what began or ended in between, and the present once.
//
// Errors: ErrNotTracked, ErrBeforeTracking for a time of which nothing is known,
// ErrOption for what Matching cannot be. It takes SELECT on the table's history.
func (t *TemporalTable[T]) Diff(ctx context.Context, db DB, from, to time.Time, o DiffOptions) iter.Seq2[Difference[T], error] {
	return diffOf[T](ctx, db, t.table, t.written, from, to, o)
}

// Diff is as TemporalTable's. Version data that differs is no difference.
func (t *ImmutableTable[T]) Diff(ctx context.Context, db DB, from, to time.Time, o DiffOptions) iter.Seq2[Difference[T], error] {
	return diffOf[T](ctx, db, t.table, t.written, from, to, o)
}

// Diff is TemporalTable's for a table of which the program knows only the name, as
// in SQL. Values are as EachChange has them.
func Diff(ctx context.Context, db DB, table string, from, to time.Time, o DiffOptions) iter.Seq2[Difference[Row], error] {
	return diffOf[Row](ctx, db, nil, table, from, to, o)
}

func diffOf[T any](ctx context.Context, db DB, t *table, name string, from, to time.Time, o DiffOptions) iter.Seq2[Difference[T], error] {
	var b fragment.Builder
	source := "yore.diff(" + b.Arg(name) + "::text, " + moment(&b, from) + ", " + moment(&b, to) + ", "
	match, err := matching(&b, o.Matching)
	return pairs[Difference[T], T](ctx, db, t, "c.key::text, c.kind, c.columns", source+match+") WITH ORDINALITY AS c", &b, err)
}

func (d *Difference[T]) rows() (old, new **T) { return &d.Old, &d.New }

func (d *Difference[T]) fields() ([]any, func() error) {
	var key, kind string
	return []any{&key, &kind, &d.Columns}, func() (err error) {
		d.Kind = DifferenceKind(kind)
		d.Key, err = valuesOf(key)
		return err
	}
}
