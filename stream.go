package yore

import (
	"context"
	"iter"
	"reflect"

	"github.com/jackc/pgx/v5"

	"yore.example/yore/internal/rowtype"
)

// A statement is one that returns rows, ready to be sent, or the error that was
// met in putting it together.
type statement struct {
	sql  string
	args []any
	err  error
	row  *rowtype.Type // what its rows are read into
	// arrange brings pointers to the row's fields into the order of the result's
	// columns; nil where that is the order of the fields.
	arrange func(pgx.Rows, []any) ([]any, error)
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
			yield(none, t.explain(err, nil))
			return
		}
		defer rows.Close()
		v := reflect.ValueOf(&row)
		dest := destinations(s.row, v)
		arranged := s.arrange == nil
		for rows.Next() {
			if !arranged {
				if dest, err = s.arrange(rows, dest); err != nil {
					yield(none, err)
					return
				}
				arranged = true
			}
			row = none
			err := rows.Scan(dest...)
			s.row.UTC(v)
			if !yield(row, t.explain(err, nil)) || err != nil {
				return
			}
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			yield(none, t.explain(err, nil))
		}
	}
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
