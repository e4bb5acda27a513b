package yore

import (
	"context"
	"iter"
	"reflect"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore/internal/rowtype"
)

// A statement is one that returns rows, ready to be sent, or the error that was
// met in putting it together.
type statement struct {
	sql    string
	args   []any
	err    error
	row    *rowtype.Type // of the struct that a row is read into; nil for Row
	byName bool          // the result's columns are found by their names, not by their order

	versions bool // rows are Versions, or more than that
	more     int  // how many values stand behind
}

// stream runs a statement and reads its rows one by one.
func stream[R any](ctx context.Context, db DB, t *table, s statement) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		var row, none R
		if s.err != nil {
			yield(none, s.err)
			return
		}
		rows, err := db.Query(ctx, s.sql, s.args...)
		if err != nil {
			yield(none, t.explainRead(err))
			return
		}
		defer rows.Close()
		var read func() error
		for rows.Next() {
			if read == nil {
				if read, err = reader(t, s, rows, &row); err != nil {
					yield(none, err)
					return
				}
			}
			row = none
			err := read()
			if !yield(row, t.explainRead(err)) || err != nil {
				return
			}
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			yield(none, t.explainRead(err))
		}
	}
}

// reader returns what reads the row at hand into *into, which is zero then.
func reader[R any](t *table, s statement, rows pgx.Rows, into *R) (func() error, error) {
	target := any(into)
	var own []any
	settle := func() {}
	if v, ok := target.(versioned); ok {
		target, own, settle = v.parts(t, s.more)
	}
	if s.byName {
		if err := twice(rows.FieldDescriptions()); err != nil {
			return nil, err
		}
	}
	if s.row == nil {
		return func() error {
			defer settle()
			return readMap(t, rows, target.(*Row), own, s.versions)
		}, nil
	}
	v := reflect.ValueOf(target)
	dest := append(destinations(s.row, v), own...)
	if s.byName {
		var err error
		if dest, err = byName(s.row, rows, dest); err != nil {
			return nil, err
		}
	}
	return func() error {
		err := rows.Scan(dest...)
		s.row.UTC(v)
		settle()
		return err
	}, nil
}

// readMap reads the row at hand by the names of its columns; the last of them
// go to own.
func readMap(t *table, rows pgx.Rows, row *Row, own []any, versions bool) error {
	described := rows.FieldDescriptions()
	n := len(described) - len(own)
	values, dest := make([]any, n), make([]any, n)
	for i := range values {
		dest[i] = &values[i]
	}
	if err := rows.Scan(append(dest, own...)...); err != nil {
		return err
	}
	*row = make(Row, n)
	for i, value := range values {
		if name := described[i].Name; !versions || !t.isVersionData(name) {
			(*row)[name] = plain(value)
		}
	}
	return nil
}

// isVersionData reports whether a column of history is one of those that a
// Version has in fields of its own.
func (t *table) isVersionData(column string) bool {
	name, ok := strings.CutPrefix(column, t.prefix)
	return ok && (name == "version" || name == "valid_from" || name == "valid_to" || name == "deleted_at" || name == "xid")
}

// plain is a value as Row has it.
func plain(value any) any {
	switch v := value.(type) {
	case time.Time:
		return v.UTC()
	case [16]byte:
		return UUID(v)
	}
	return value
}

// collect reads all of a stream; an empty slice, not nil, if there is nothing.
func collect[R any](rows iter.Seq2[R, error]) ([]R, error) {
	all := []R{}
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, nil
}

// scan reads the row at hand of what a write returns.
func scan[T any](t *table, rows pgx.Rows) (T, error) {
	var row T
	v := reflect.ValueOf(&row)
	if err := rows.Scan(destinations(t.row, v)...); err != nil {
		return row, err
	}
	t.row.UTC(v)
	return row, nil
}
