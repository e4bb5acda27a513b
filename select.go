package yore

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"strings"

	"github.com/jackc/pgx/v5"

	"yore.example/yore/internal/fragment"
	"yore.example/yore/internal/rowtype"
)

// A Selection reads expressions over a Query, mostly one that joins, as rows of
// another struct type.
type Selection[R any] struct {
	q           query
	expressions []string
}

// Select reads SQL expressions in place of the query's own rows. Each goes to
// the field of R for its name, "title" or, with AS, "orgs.name AS org".
//
//	type line struct{ Title, Org string }
//	q := projects.Current().Join("orgs", orgs.Current(), "orgs.entity_id = projects.org_entity_id")
//	lines, err := yore.Select[line](q, "projects.title", "orgs.name AS org").All(ctx, db)
func Select[R, T any](q Query[T], expressions ...string) Selection[R] {
	return Selection[R]{q.q, expressions}
}

// SQL returns the statement and its arguments.
func (s Selection[R]) SQL() (string, []any, error) {
	var b fragment.Builder
	parts := make([]string, len(s.expressions))
	for i, expression := range s.expressions {
		part, err := b.Part(expression, nil)
		if err != nil {
			return "", nil, s.q.misuse(err)
		}
		parts[i] = part + "\n"
	}
	sql, err := s.q.build(&b, strings.Join(parts, ", "))
	return sql, b.Args, err
}

// All reads all rows; an empty slice, not nil, if there is none.
func (s Selection[R]) All(ctx context.Context, db DB) ([]R, error) {
	rows := []R{}
	for row, err := range s.Each(ctx, db) {
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// Each is to All as Query's Each to its All.
func (s Selection[R]) Each(ctx context.Context, db DB) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		var none R
		row, err := rowtype.Of(reflect.TypeFor[R]())
		if err == nil && len(s.expressions) == 0 {
			err = fmt.Errorf("Select of nothing")
		}
		if err != nil {
			yield(none, s.q.misuse(err))
			return
		}
		sql, args, err := s.SQL()
		if err != nil {
			yield(none, err)
			return
		}
		rows, err := db.Query(ctx, sql, args...)
		if err != nil {
			yield(none, s.q.explain(err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			var r R
			v := reflect.ValueOf(&r)
			dest, err := byName(row, v, rows)
			if err == nil {
				err = rows.Scan(dest...)
			}
			row.UTC(v)
			if !yield(r, s.q.explain(err)) || err != nil {
				return
			}
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			yield(none, s.q.explain(err))
		}
	}
}

// byName finds the field of each column of a result.
func byName(row *rowtype.Type, v reflect.Value, rows pgx.Rows) ([]any, error) {
	described := rows.FieldDescriptions()
	dest := make([]any, len(described))
	fields := map[string]any{}
	for i, pointer := range destinations(row, v) {
		fields[row.Fields[i].Column] = pointer
	}
	for i, d := range described {
		f, ok := row.Field(d.Name)
		if !ok {
			return nil, newError("YO007", fmt.Sprintf("%s has no field for column %s", row.Go, d.Name), "")
		}
		dest[i] = fields[f.Column]
	}
	return dest, nil
}
