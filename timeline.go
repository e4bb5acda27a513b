package yore

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore/internal/fragment"
)

// TimelineOptions says which moments to read. The zero value: all, the earliest
// first.
type TimelineOptions struct {
	// After and Before leave out what is not between them; they are no part of it.
	// Default to open ends.
	After, Before time.Time

	// Reverse puts the latest moment first. Defaults to false.
	Reverse bool

	// Limit reads at most so many. Defaults to all.
	Limit int

	// WithinFirst leaves out, of a timeline of several, the moments at which
	// nothing of the first was there: when a record's associations changed before
	// it was made, or after it was deleted. Defaults to false.
	WithinFirst bool
}

// A TimelineOf is one part of a timeline: the versions of a tracked table that have
// these values, by column; nil is NULL, and without any, all.
type TimelineOf struct {
	Table    string
	Matching Row
}

// Timeline returns the moments at which versions of the row with that key began or
// ended, its deletion included, each once, in UTC; without a key, of all rows.
//
// Errors: ErrNotTracked, ErrOption for a key of more or fewer columns. It takes
// SELECT on the table's history.
func (t *TemporalTable[T]) Timeline(ctx context.Context, db DB, o TimelineOptions, key ...any) ([]time.Time, error) {
	return t.timeline(ctx, db, o, key)
}

// Timeline is as TemporalTable's; the key is the entity_id.
func (t *ImmutableTable[T]) Timeline(ctx context.Context, db DB, o TimelineOptions, key ...any) ([]time.Time, error) {
	return t.timeline(ctx, db, o, key)
}

func (t *table) timeline(ctx context.Context, db DB, o TimelineOptions, key []any) ([]time.Time, error) {
	of := TimelineOf{Table: t.written}
	if len(key) > 0 {
		if _, _, err := t.byKey(key); err != nil {
			return nil, err
		}
		of.Matching = Row{}
		for i, column := range t.key {
			of.Matching[column] = key[i]
		}
	}
	moments, err := Timeline(ctx, db, o, of)
	return moments, t.explainRead(err)
}

// Timeline returns the moments at which versions of several parts began or ended,
// each moment once, in UTC: of a record and what belongs to it, say.
//
//	moments, err := yore.Timeline(ctx, db, yore.TimelineOptions{Reverse: true},
//		yore.TimelineOf{Table: "orders", Matching: yore.Row{"id": 7}},
//		yore.TimelineOf{Table: "lines", Matching: yore.Row{"order_id": 7}})
//
// A table that is not tracked has no part in it; the moments of what belongs to
// its rows are a timeline all the same.
//
// Errors: ErrNotTracked, ErrOption, ErrNotInstalled. It takes SELECT on the tables'
// histories.
func Timeline(ctx context.Context, db DB, o TimelineOptions, of ...TimelineOf) ([]time.Time, error) {
	moments := []time.Time{}
	if len(of) == 0 {
		return moments, nil
	}
	var b fragment.Builder
	sql, err := o.statement(&b, of)
	if err != nil {
		return nil, err
	}
	rows, err := db.Query(ctx, sql, b.Args...)
	if err != nil {
		return nil, Explain(err)
	}
	err = drain(rows, func(rows pgx.Rows) error {
		var at time.Time
		err := rows.Scan(&at)
		moments = append(moments, at.UTC())
		return err
	})
	return moments, Explain(err)
}

func (o TimelineOptions) statement(b *fragment.Builder, of []TimelineOf) (string, error) {
	limit, err := limited(b, "Timeline", o.Limit)
	if err != nil {
		return "", err
	}
	each := limit
	if o.WithinFirst {
		each = "NULL::bigint"
	}
	reverse := b.Arg(o.Reverse) + "::boolean"
	after, before := moment(b, o.After), moment(b, o.Before)
	parts := make([]string, len(of))
	var first string
	for i, part := range of {
		match, err := matching(b, part.Matching)
		if err != nil {
			return "", err
		}
		table := b.Arg(part.Table) + "::text"
		if i == 0 {
			first = table + ", " + match
		}
		parts[i] = "SELECT p FROM yore.timeline(" + strings.Join([]string{table, match, after, before, reverse, each}, ", ") + ") AS p"
	}
	sql := "SELECT m.at FROM (" + strings.Join(parts, " UNION ") + ") AS m (at)"
	if o.WithinFirst {
		sql += " WHERE EXISTS (SELECT FROM yore.lifetimes(" + first + ") AS l WHERE (l.valid_from IS NULL OR l.valid_from <= m.at) AND (l.valid_to IS NULL OR l.valid_to >= m.at))"
	}
	return sql + " ORDER BY m.at" + map[bool]string{true: " DESC", false: ""}[o.Reverse] + " LIMIT " + limit, nil
}
