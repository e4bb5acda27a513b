package yore

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"yore.example/yore/internal/fragment"
	"yore.example/yore/internal/rowtype"
)

// A Selection reads expressions over a Query, mostly one that joins, as rows of
// another struct type, or as Rows.
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
	return Selection[R]{q.q, slices.Clone(expressions)}
}

// GroupBy makes groups of rows for aggregates among the expressions, by SQL
// expressions; by none, one group of all rows. The order that the scope has goes.
//
//	yore.Select[perName](countries.AllVersions(), "name", "count(*) AS n").GroupBy("name")
func (s Selection[R]) GroupBy(expressions ...string) Selection[R] {
	s.q.group = append([]string{}, expressions...)
	if s.q.order == nil {
		s.q.order = []string{}
	}
	return s
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
func (s Selection[R]) All(ctx context.Context, db DB) ([]R, error) { return collect(s.Each(ctx, db)) }

// Each is to All as Query's Each to its All.
func (s Selection[R]) Each(ctx context.Context, db DB) iter.Seq2[R, error] {
	var row *rowtype.Type
	var err error
	if r := reflect.TypeFor[R](); r != reflect.TypeFor[Row]() {
		row, err = rowtype.Of(r)
	}
	if err == nil && len(s.expressions) == 0 {
		err = fmt.Errorf("Select of nothing")
	}
	if err != nil {
		return stream[R](ctx, db, s.q.t, statement{err: s.q.misuse(err)})
	}
	sql, args, err := s.SQL()
	return stream[R](ctx, db, s.q.t, statement{sql: sql, args: args, err: err, row: row, byName: true})
}

// twice reports a name that two columns of a result have.
func twice(described []pgconn.FieldDescription) error {
	for i, d := range described {
		if slices.ContainsFunc(described[:i], func(other pgconn.FieldDescription) bool { return other.Name == d.Name }) {
			return newError("YO007", "two expressions have the name "+d.Name, "Give one another with AS.")
		}
	}
	return nil
}

// byName finds the field of each column of a result.
func byName(row *rowtype.Type, rows pgx.Rows, fields []any) ([]any, error) {
	described := rows.FieldDescriptions()
	dest := make([]any, len(described))
	columns := row.Columns()
	for i, d := range described {
		field := slices.Index(columns, d.Name)
		if field < 0 {
			return nil, newError("YO007", fmt.Sprintf("%s has no field for column %s", row.Go, d.Name), "")
		}
		dest[i] = fields[field]
	}
	return dest, nil
}
