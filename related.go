package yore

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"yore.example/yore/internal/fragment"
	"yore.example/yore/internal/rowtype"
)

// A Link says on which side of a Relation the reference stands.
type Link int

// The links.
const (
	// BelongsTo: the rows have a column that holds the entity_id of the related
	// row.
	BelongsTo Link = iota
	// HasMany: the related rows have a column that holds the entity_id of the
	// row.
	HasMany
	// HasOne is HasMany with one related row at most.
	HasOne
)

// A Relation leads from rows to related ones of type Child.
type Relation[Child any] struct {
	q      query
	link   Link
	column string
}

// Related describes a relation: what the related rows are taken from (any Query:
// of the present, as of a time, with conditions and an order), the link, and the
// column that refers.
//
//	author := yore.Related(users.Current(), yore.BelongsTo, "author_entity_id")
//	comments := yore.Related(comments.AsOf(then).OrderBy("valid_from"), yore.HasMany, "post_entity_id")
//
// A related row that the query does not see, deleted or not there at its time,
// is as if there were none. Limit and Offset would cut the batch, not each
// parent's share, and are errors.
func Related[Child any](children Query[Child], link Link, column string) Relation[Child] {
	return Relation[Child]{children.q, link, column}
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

// Load reads the related rows of all of rows, a slice of structs or of pointers
// to them, with one query.
func (r Relation[Child]) Load(ctx context.Context, db DB, rows any) (Loaded[Child], error) {
	l := Loaded[Child]{column: "entity_id", children: map[UUID][]Child{}}
	if r.link == BelongsTo {
		l.column = r.column
	}
	if r.q.limit != nil || r.q.offset != nil {
		return l, r.q.t.own("YO007", "Related: Limit and Offset of the whole say nothing of each row's share", "")
	}
	ids, err := l.ids(rows)
	if err != nil || len(ids) == 0 {
		return l, err
	}
	by := "entity_id"
	if r.link != BelongsTo {
		by = r.column
	}
	f, ok := r.q.t.row.Field(by)
	if !ok {
		return l, r.q.t.own("YO007", fmt.Sprintf("Related: row type %s has no field for %s", r.q.t.row.Go, by), "")
	}
	if !holdsUUID(f.Type) {
		return l, r.q.t.own("YO007", fmt.Sprintf("Related: field %s of row type %s is a %s, not a UUID", by, r.q.t.row.Go, f.Type), "")
	}
	// Two forms, and the ids as one text: of a single id in an array, or an array
	// that is computed, the planner would expect many, and plan anew every time.
	condition, arg := " = $1::uuid", ids[0]
	if len(ids) > 1 {
		condition, arg = " = ANY ($1::uuid[])", "{"+strings.Join(ids, ",")+"}"
	}
	for child, err := range (Query[Child]{r.q}).Where(r.q.t.quoted+"."+fragment.Ident(by)+condition, arg).Each(ctx, db) {
		if err != nil {
			return l, err
		}
		if id, ok := uuidOf(reflect.ValueOf(child).FieldByIndex(f.Index)); ok {
			l.children[id] = append(l.children[id], child)
		}
	}
	if r.link == HasOne {
		for id, all := range l.children {
			if len(all) > 1 {
				return l, r.q.t.own("YO007", fmt.Sprintf("Related: %d rows with %s = %s, where HasOne allows one", len(all), by, id), "Use HasMany, or a unique index.")
			}
		}
	}
	return l, nil
}

// Loaded are the related rows of several rows.
type Loaded[Child any] struct {
	column   string
	children map[UUID][]Child
}

// One returns the related row of a row, nil if there is none.
func (l Loaded[Child]) One(row any) *Child {
	if many := l.Many(row); len(many) > 0 {
		return &many[0]
	}
	return nil
}

// Many returns the related rows of a row in the order of the query, an empty
// slice if there is none.
func (l Loaded[Child]) Many(row any) []Child {
	if id, ok, err := l.id(reflect.ValueOf(row)); err == nil && ok && l.children[id] != nil {
		return l.children[id]
	}
	return []Child{}
}

func (l Loaded[Child]) ids(rows any) ([]string, error) {
	v := reflect.ValueOf(rows)
	if v.Kind() != reflect.Slice {
		return nil, newError("YO007", fmt.Sprintf("Related: rows is a slice, not %T", rows), "")
	}
	var ids []string
	seen := map[UUID]bool{}
	for i := range v.Len() {
		id, ok, err := l.id(v.Index(i))
		if err != nil {
			return nil, err
		}
		if ok && !seen[id] {
			seen[id] = true
			ids = append(ids, id.String())
		}
	}
	return ids, nil
}

// id reads what a row is related by; false if that is NULL.
func (l Loaded[Child]) id(row reflect.Value) (UUID, bool, error) {
	for row.Kind() == reflect.Interface || row.Kind() == reflect.Pointer {
		if row.IsNil() {
			return UUID{}, false, nil
		}
		row = row.Elem()
	}
	if !row.IsValid() { // an untyped nil
		return UUID{}, false, nil
	}
	t, err := rowtype.Of(row.Type())
	if err != nil {
		return UUID{}, false, newError("YO007", "Related: "+err.Error(), "")
	}
	f, ok := t.Field(l.column)
	if !ok {
		return UUID{}, false, newError("YO007", fmt.Sprintf("Related: row type %s has no field for %s", t.Go, l.column), "")
	}
	if !holdsUUID(f.Type) {
		return UUID{}, false, newError("YO007", fmt.Sprintf("Related: field %s of row type %s is a %s, not a UUID", l.column, t.Go, f.Type), "")
	}
	id, ok := uuidOf(row.FieldByIndex(f.Index))
	return id, ok, nil
}

// holdsUUID reports whether a type is a UUID of any package's, or a pointer to
// one.
func holdsUUID(t reflect.Type) bool {
	return isUUID(t) || t.Kind() == reflect.Pointer && isUUID(t.Elem())
}

// uuidOf reads a field that holdsUUID; false if it is NULL.
func uuidOf(v reflect.Value) (UUID, bool) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return UUID{}, false
		}
		v = v.Elem()
	}
	id := UUID(v.Convert(reflect.TypeFor[[16]byte]()).Interface().([16]byte))
	return id, !id.IsZero()
}
