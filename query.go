package yore

import (
	"context"
	"iter"
	"slices"

	"yore.example/yore/internal/fragment"
)

// A Query reads rows of type T. Its scope, what of the table it sees, was fixed
// when it was made (Current, AsOf and so on), so no condition can let in what
// the scope leaves out. Every method returns a new Query; one can be kept and
// used as the beginning of several.
type Query[T any] struct{ q query }

// query is what of a Query does not depend on T.
type query struct {
	t        *table
	scope    scope
	versions bool // rows are Versions
	joins    []join
	where    []part
	group    []string
	order    []string
	limit    *int64
	offset   *int64
	lock     bool
	err      error
}

type part struct {
	sql  string
	args []any
}

type join struct {
	name   string
	source Source
	on     part
}

// A Source is what Join joins: a Query, a handle, or a Table. A handle is joined
// at the instant of the query that joins it: in the present, as of its time, or,
// to a version, as of the version's last moment.
type Source interface {
	from(b *fragment.Builder, name string, of query) (string, error)
}

// Table is a table, tracked or not, or a view as a Source, by its name in SQL.
type Table string

func (t Table) from(_ *fragment.Builder, name string, _ query) (string, error) {
	schema, base, err := fragment.Name(string(t))
	if err != nil {
		return "", err
	}
	if schema != "" {
		return fragment.Ident(schema) + "." + fragment.Ident(base) + " AS " + fragment.Ident(name), nil
	}
	return fragment.Ident(base) + " AS " + fragment.Ident(name), nil
}

// Where keeps the rows for which the condition, in SQL, is true. Parameters are
// $1, $2 … of args, counted anew in each condition. Several conditions are
// joined by AND.
//
//	tasks.Current().Where("priority > $1 AND title ILIKE $2", 3, "%report%")
func (q Query[T]) Where(condition string, args ...any) Query[T] {
	q.q.where = append(slices.Clip(q.q.where), part{condition, slices.Clone(args)})
	return q
}

// OrderBy sorts by SQL expressions such as "priority DESC", in place of the
// order that the scope has. It is no place for what a user typed.
func (q Query[T]) OrderBy(expressions ...string) Query[T] {
	q.q.order = slices.Clone(expressions)
	return q
}

// Key keeps the row, or the versions, with that key: one value for each key
// column, in their order. ErrOption if there are more or fewer.
func (q Query[T]) Key(values ...any) Query[T] {
	condition, args, err := q.q.t.byKey(values)
	if err != nil {
		q.q.err = err
		return q
	}
	return q.Where(condition, args...)
}

// Limit reads at most n rows.
func (q Query[T]) Limit(n int) Query[T] {
	if n < 0 {
		q.q.err = newError("YO007", "Limit of a negative number", "")
	}
	q.q.limit = new(int64(n))
	return q
}

// Offset passes over n rows. A page is better found by a condition on what it is
// sorted by.
func (q Query[T]) Offset(n int) Query[T] {
	if n < 0 {
		q.q.err = newError("YO007", "Offset of a negative number", "")
	}
	q.q.offset = new(int64(n))
	return q
}

// IncludeDeleted lets in the tombstones: of the entities that are deleted, in
// the present or at the time of the scope, the last row, with DeletedAt set. It
// reads history, which takes SELECT on it.
func (q Query[T]) IncludeDeleted() Query[T] {
	q.q.scope.deleted = true
	return q
}

// Join joins another source under a name, for conditions and for Select; the
// rows are still T's, one for each match. The condition's parameters count from
// $1. The query's own table goes by its name without schema.
//
//	projects.Current().Join("orgs", orgs.Current(), "orgs.entity_id = projects.org_entity_id")
func (q Query[T]) Join(name string, source Source, on string, args ...any) Query[T] {
	q.q.joins = append(slices.Clip(q.q.joins), join{name, source, part{on, slices.Clone(args)}})
	return q
}

// SQL returns the statement and its arguments.
func (q Query[T]) SQL() (string, []any, error) {
	var b fragment.Builder
	sql, err := q.q.build(&b, "")
	return sql, b.Args, err
}

// All reads all rows; an empty slice, not nil, if there is none.
func (q Query[T]) All(ctx context.Context, db DB) ([]T, error) { return collect(q.Each(ctx, db)) }

// One reads the first row; ErrNotFound if there is none.
func (q Query[T]) One(ctx context.Context, db DB) (T, error) {
	if q.q.limit == nil {
		q = q.Limit(1)
	}
	for row, err := range q.Each(ctx, db) {
		return row, err
	}
	var none T
	return none, q.q.t.own("YO019", "no row", "")
}

// Each reads row by row and holds one at a time. Breaking off ends the query;
// an error is the last that is yielded.
func (q Query[T]) Each(ctx context.Context, db DB) iter.Seq2[T, error] {
	sql, args, err := q.SQL()
	return stream[T](ctx, db, q.q.t, statement{sql: sql, args: args, err: err, row: q.q.t.row, versions: q.q.versions})
}

// Count returns how many rows there are.
func (q Query[T]) Count(ctx context.Context, db DB) (int64, error) {
	var b fragment.Builder
	q.q.order = []string{}
	sql, err := q.q.build(&b, "1")
	if err != nil {
		return 0, err
	}
	var n int64
	err = db.QueryRow(ctx, "SELECT count(*) FROM ("+sql+") AS counted", b.Args...).Scan(&n)
	return n, q.q.explain(err)
}

// Exists reports whether there is a row.
func (q Query[T]) Exists(ctx context.Context, db DB) (bool, error) {
	if q.q.limit == nil || *q.q.limit > 1 {
		q = q.Limit(1)
	}
	n, err := q.Count(ctx, db)
	return n > 0, err
}

func (q Query[T]) from(b *fragment.Builder, name string, _ query) (string, error) {
	return q.q.from(b, name)
}
