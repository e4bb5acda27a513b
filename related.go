package yore

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"yore.example/yore/internal/fragment"
)

// A Link says on which side of a Relation the reference stands.
type Link int

// The links.
const (
	// BelongsTo: the rows have the columns that hold the key of the related row.
	BelongsTo Link = iota
	// HasMany: the related rows have the columns that hold the key of the row.
	HasMany
	// HasOne is HasMany with one related row at most.
	HasOne
)

// A Relation leads from rows to related ones of type Child.
type Relation[Child any] struct {
	load func(ctx context.Context, db DB, rows []reflect.Value) (Loaded[Child], error)
}

// Related describes a relation: what the related rows are taken from (any Query:
// of the present, as of a time, with conditions and an order), the link, and the
// columns that refer, in the order of the key that they refer to.
//
//	author := yore.Related(users.Current(), yore.BelongsTo, "author_entity_id")
//	comments := yore.Related(comments.AsOf(then).OrderBy("valid_from"), yore.HasMany, "post_entity_id")
//
// The rows are structs, whose key is found as Temporal finds it, Rows with an
// entity_id or an id, or Versions. A related row that the query does not see,
// deleted or not there at its time, is as if there were none. Limit and Offset
// would cut the batch, not each parent's share, and are errors.
func Related[Child any](children Query[Child], link Link, columns ...string) Relation[Child] {
	return Relation[Child]{func(ctx context.Context, db DB, rows []reflect.Value) (Loaded[Child], error) {
		r := reference{link: link, there: columns, here: children.q.t.key}
		if link != BelongsTo {
			r.there, r.here = nil, columns
		}
		return loadRelated(ctx, db, children, r, rows)
	}}
}

// Through makes one relation of two: from rows over others in between to the
// related ones, each of them once. It takes one query for each of the two.
//
//	links := yore.Related(boosMoos.AsOf(then), yore.HasMany, "boo_id")
//	moos := yore.Through(links, yore.Related(moos.AsOf(then), yore.BelongsTo, "moo_id"))
func Through[Middle, Child any](to Relation[Middle], from Relation[Child]) Relation[Child] {
	return Relation[Child]{func(ctx context.Context, db DB, rows []reflect.Value) (Loaded[Child], error) {
		middles, err := to.load(ctx, db, rows)
		l := Loaded[Child]{of: middles.of, children: map[string][]*Child{}}
		if err != nil {
			return l, err
		}
		var all []reflect.Value
		for _, key := range slices.Sorted(maps.Keys(middles.children)) {
			for _, m := range middles.children[key] {
				all = append(all, reflect.ValueOf(m))
			}
		}
		related, err := from.load(ctx, db, all)
		if err != nil {
			return l, err
		}
		for key, of := range middles.children {
			for _, m := range of {
				for _, child := range related.many(reflect.ValueOf(m)) {
					if !slices.Contains(l.children[key], child) {
						l.children[key] = append(l.children[key], child)
					}
				}
			}
		}
		return l, nil
	}}
}

// One reads the related row of a row, nil if there is none.
func (r Relation[Child]) One(ctx context.Context, db DB, row any) (*Child, error) {
	found, err := r.Load(ctx, db, []any{row})
	if err != nil {
		return nil, err
	}
	return found.One(row), nil
}

// Many reads the related rows of a row, an empty slice if there is none.
func (r Relation[Child]) Many(ctx context.Context, db DB, row any) ([]Child, error) {
	found, err := r.Load(ctx, db, []any{row})
	if err != nil {
		return nil, err
	}
	return found.Many(row), nil
}

// Load reads the related rows of all of rows, a slice of what Related speaks of
// or of pointers to it, with one query.
func (r Relation[Child]) Load(ctx context.Context, db DB, rows any) (Loaded[Child], error) {
	v := reflect.ValueOf(rows)
	if v.Kind() != reflect.Slice {
		return Loaded[Child]{}, newError("YO007", fmt.Sprintf("Related: rows is a slice, not %T", rows), "")
	}
	all := make([]reflect.Value, v.Len())
	for i := range all {
		all[i] = v.Index(i)
	}
	return r.load(ctx, db, all)
}

// Loaded are the related rows of several rows.
type Loaded[Child any] struct {
	of       reference
	children map[string][]*Child
}

// One returns the related row of a row, nil if there is none.
func (l Loaded[Child]) One(row any) *Child {
	if many := l.many(reflect.ValueOf(row)); len(many) > 0 {
		return new(*many[0])
	}
	return nil
}

// Many returns the related rows of a row in the order of the query, an empty
// slice if there is none.
func (l Loaded[Child]) Many(row any) []Child {
	many := l.many(reflect.ValueOf(row))
	children := make([]Child, len(many))
	for i, child := range many {
		children[i] = *child
	}
	return children
}

func (l Loaded[Child]) many(row reflect.Value) []*Child {
	if id, ok, err := l.of.id(row, l.of.there); err == nil && ok {
		return l.children[id.text()]
	}
	return nil
}

func loadRelated[Child any](ctx context.Context, db DB, children Query[Child], r reference, rows []reflect.Value) (Loaded[Child], error) {
	t := children.q.t
	l := Loaded[Child]{of: r, children: map[string][]*Child{}}
	if children.q.limit != nil || children.q.offset != nil {
		return l, t.own("YO007", "Related: Limit and Offset of the whole say nothing of each row's share", "")
	}
	if len(r.here) == 0 || r.link == BelongsTo && len(r.here) != len(r.there) {
		return l, t.own("YO007", fmt.Sprintf("Related: %d columns refer to its key (%s)", len(r.there), fragment.Idents("", r.here)), "")
	}
	var zero Child
	if _, _, err := r.id(reflect.ValueOf(&zero), r.here); err != nil {
		return l, err
	}
	if t.row != nil {
		for _, c := range r.here {
			f, _ := t.row.Field(c)
			r.kinds = append(r.kinds, kindOf(f.Type))
		}
		l.of = r
	}
	ids, err := r.ids(rows)
	if err != nil {
		return l, err
	}
	known := make(map[string]bool, len(ids))
	for _, id := range ids {
		known[id.text()] = true
	}
	for part := range slices.Chunk(ids, mostIDs(len(r.here))) {
		condition, args := r.condition(t, part)
		for child, err := range children.Where(condition, args...).Each(ctx, db) {
			if err != nil {
				return l, err
			}
			if id, ok, err := r.id(reflect.ValueOf(&child), r.here); err == nil && ok {
				if !known[id.text()] {
					return l, t.own("YO007", fmt.Sprintf("Related: a row with %s = %s equals the rows' reference in the database, but not as text", strings.Join(r.here, ", "), shown(id)), "Types such as citext take different texts for equal: write both sides alike, or Join.")
				}
				l.children[id.text()] = append(l.children[id.text()], &child)
			}
		}
	}
	if r.link == HasOne {
		for id, all := range l.children {
			if len(all) > 1 {
				return l, t.own("YO007", fmt.Sprintf("Related: %d rows with %s = %s, where HasOne allows one", len(all), strings.Join(r.here, ", "), shown(strings.Split(id, "\x00"))), "Use HasMany, or a unique index.")
			}
		}
	}
	return l, nil
}

func shown(id keyValue) string { return strings.Join(id, ", ") }
