package yore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"yore.example/yore/internal/fragment"
)

// A Page is some rows of a query, and where those behind them begin.
type Page[T any] struct {
	Rows []T    `json:"rows"`
	Next string `json:"next,omitempty"` // to be passed for the next page; empty on the last
}

// Page reads the rows behind those of an earlier page, size of them at most: ""
// for the first page, then the Next of the one before. It finds them by what the
// rows are sorted by (keyset pagination), so that a page deep down costs what the
// first does, and rows that come or go meanwhile shift nothing. The key, and the
// number of versions, is added to the order where it is missing, so no row is
// left out or read twice.
//
// Pages of the present move on with it; those of AsOf(t) are all of one instant.
// The text of Next can be shown: it is checked, and holds the last row's sort
// values, nothing else. They are as the session writes them, so sessions that
// share it have the same DateStyle and an extra_float_digits of 1, the default.
//
// A row that a Join finds several matches for is there several times: the order
// has to tell them apart.
//
// Errors: ErrOption for a Next of another query, a size below 1, or a query with
// Limit or Offset, an order by a position or a composite value, or one in which
// rows that a page's end would part are equal; those of All.
func (q Query[T]) Page(ctx context.Context, db DB, size int, next string) (Page[T], error) {
	p := Page[T]{Rows: []T{}}
	k, err := q.q.keyset()
	switch {
	case err != nil:
		return p, err
	case size < 1:
		return p, q.q.t.own("YO007", fmt.Sprintf("a page of %d rows", size), "")
	case q.q.limit != nil || q.q.offset != nil:
		return p, q.q.t.own("YO007", "Page has a size, so Limit and Offset have no meaning", "")
	}
	var last []*string
	if next != "" {
		if last, err = k.open(next); err != nil {
			return p, q.q.t.own("YO007", "the page after "+shorten(next)+": "+err.Error(), "Pass Page.Next of a page of the same query, or \"\" for the first.")
		}
	}
	for _, stage := range k.behind(last) {
		for row, err := range q.paged(ctx, db, k, stage, size+1-len(p.Rows)) {
			var pg *pgconn.PgError
			switch {
			case next == "" || !errors.As(err, &pg):
			case pg.Code == "0A000": // a text is not read as a row
				err = q.q.t.own("YO007", "pages by a composite value: "+pg.Message, "Sort by its parts.")
			case strings.HasPrefix(pg.Code, "22"): // a value that is none of the column's type
				err = q.q.t.own("YO007", "the page after "+shorten(next)+": "+pg.Message, "Pass Page.Next as it is.")
			}
			if err != nil {
				return Page[T]{Rows: []T{}}, err
			}
			if len(p.Rows) == size {
				if slices.EqualFunc(last, row.values, func(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }) {
					return Page[T]{Rows: []T{}}, q.q.t.own("YO007", "pages of rows of which several are equal in the order", "Sort by what tells the matches of a join apart, too.")
				}
				p.Next = k.seal(last)
				return p, nil
			}
			p.Rows, last = append(p.Rows, row.row), row.values
		}
	}
	return p, nil
}

func (q Query[T]) paged(ctx context.Context, db DB, k keyset, stage part, limit int) iter.Seq2[pageRow[T], error] {
	q = q.OrderBy(k.order...).Limit(limit)
	if stage.sql != "" {
		q = q.Where(stage.sql, stage.args...)
	}
	var b fragment.Builder
	columns, err := k.columns(&b)
	if err != nil {
		return stream[pageRow[T]](ctx, db, q.q.t, statement{err: q.q.misuse(err)})
	}
	s := statement{row: q.q.t.row, versions: q.q.versions, more: len(k.order)}
	s.sql, s.err = q.q.build(&b, q.q.list()+columns)
	s.args = b.Args
	return stream[pageRow[T]](ctx, db, q.q.t, s)
}

// A pageRow is a row with what it is sorted by.
type pageRow[T any] struct {
	row    T
	values []*string
}

func (p *pageRow[T]) parts(t *table, more int) (any, []any, func()) {
	row, own, settle := any(&p.row), []any{}, func() {}
	if v, ok := row.(versioned); ok {
		row, own, settle = v.parts(t, 0)
	}
	values := make([]*string, more)
	for i := range values {
		own = append(own, &values[i])
	}
	return row, own, func() {
		settle()
		p.values = slices.Clone(values)
	}
}

// Batches reads all rows, size at a time, each batch with a query of its own:
// no transaction and no connection is held between them.
func (q Query[T]) Batches(ctx context.Context, db DB, size int) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		next := ""
		for {
			p, err := q.Page(ctx, db, size, next)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(p.Rows) > 0 && !yield(p.Rows, nil) || p.Next == "" {
				return
			}
			next = p.Next
		}
	}
}

func shorten(s string) string {
	if len(s) > 20 {
		return fmt.Sprintf("%q…", s[:20])
	}
	return fmt.Sprintf("%q", s)
}
