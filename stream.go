package yore

import (
	"context"
	"iter"
	"reflect"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

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
		if s.err != nil {
			var none R
			yield(none, s.err)
			return
		}
		var read func() error
		each(ctx, db, s.sql, s.args, t.explainRead, func(rows pgx.Rows, into *R) (err error) {
			if read == nil {
				if read, err = reader(t, s, rows, into); err != nil {
					return err
				}
			}
			return read()
		})(yield)
	}
}

// each runs a statement and yields what read makes of its rows, one by one, always
// in the same place, which is zero then.
func each[R any](ctx context.Context, db DB, sql string, args []any, explain func(error) error, read func(rows pgx.Rows, into *R) error) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		var row, none R
		rows, err := db.Query(ctx, sql, args...)
		if err != nil {
			yield(none, explain(err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			row = none
			err := read(rows, &row)
			if !yield(row, explain(err)) || err != nil {
				return
			}
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			yield(none, explain(err))
		}
	}
}

// reader returns what reads the row at hand into *into.
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
		described := rows.FieldDescriptions()
		described = described[:len(described)-len(own)]
		return func() error {
			defer settle()
			return readMap(t, rows, described, target.(*Row), own, s.versions)
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

// readMap reads the row at hand by the names of its columns; what stands behind
// them goes to own.
func readMap(t *table, rows pgx.Rows, columns []pgconn.FieldDescription, row *Row, own []any, versions bool) error {
	values, dest := anything(len(columns))
	if err := rows.Scan(append(dest, own...)...); err != nil {
		return err
	}
	*row = make(Row, len(columns))
	for i, value := range values {
		if name := columns[i].Name; !versions || !t.isVersionData(name) {
			(*row)[name] = plain(value)
		}
	}
	return nil
}

// anything returns room for n values of any type, and where to scan them.
func anything(n int) (values, dest []any) {
	values, dest = make([]any, n), make([]any, n)
	for i := range values {
		dest[i] = &values[i]
	}
	return values, dest
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
