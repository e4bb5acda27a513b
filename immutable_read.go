package yore

import (
	"context"
	"time"

	"yore.example/yore/internal/fragment"
)

// Current is the query of the live entities, each in its current version.
func (t *ImmutableTable[T]) Current() Query[T] { return Query[T]{query{t: t.table}} }

// Where is Current().Where.
func (t *ImmutableTable[T]) Where(condition string, args ...any) Query[T] {
	return t.Current().Where(condition, args...)
}

// IncludeDeleted is the query of all entities: the live ones in their current
// version, of the deleted ones the tombstone. It reads history.
func (t *ImmutableTable[T]) IncludeDeleted() Query[T] { return t.Current().IncludeDeleted() }

// AsOf is the query of the entities as they were at a time, cut to
// microseconds; without those that did not exist, or were deleted, then. The
// zero Time means the present. It reads the past with the caller's rights: see
// yore.grant_history.
//
// A time later than StableTime can give another answer later.
func (t *ImmutableTable[T]) AsOf(at time.Time) Query[T] {
	if at.IsZero() {
		return t.Current()
	}
	return Query[T]{query{t: t.table, scope: scope{kind: then, at: at}}}
}

// History is the query of all versions of an entity, tombstones included, in
// the order of their numbers. For an unknown entity it has no rows.
func (t *ImmutableTable[T]) History(id UUID) Query[T] {
	return Query[T]{query{t: t.table, scope: scope{kind: ofKey, key: []any{id}}}}
}

// AllVersions is the query of all versions of all entities, tombstones included.
func (t *ImmutableTable[T]) AllVersions() Query[T] {
	return Query[T]{query{t: t.table, scope: scope{kind: ever}}}
}

// Between, FromTo and ContainedIn are as a TemporalTable's, with rows that have
// their version data.
func (t *ImmutableTable[T]) Between(from, to time.Time) Query[T] {
	return Query[T]{query{t: t.table, scope: scope{kind: between, from: from, to: to}}}
}

// FromTo is Between without the end.
func (t *ImmutableTable[T]) FromTo(from, to time.Time) Query[T] {
	return Query[T]{query{t: t.table, scope: scope{kind: fromTo, from: from, to: to}}}
}

// ContainedIn is the query of the versions that began and ended in the period,
// both ends included.
func (t *ImmutableTable[T]) ContainedIn(from, to time.Time) Query[T] {
	return Query[T]{query{t: t.table, scope: scope{kind: containedIn, from: from, to: to}}}
}

func (t *ImmutableTable[T]) from(b *fragment.Builder, name string, of query) (string, error) {
	return t.instant(b, of) + " AS " + fragment.Ident(name), nil
}

// Get reads the current version of an entity.
//
// Errors: ErrNotFound, ErrDeleted (to those who may not read history, a deleted
// entity is not found).
func (t *ImmutableTable[T]) Get(ctx context.Context, db DB, id UUID) (T, error) {
	row, found, err := t.Lookup(ctx, db, id)
	if err == nil && !found {
		_, err = t.absent(ctx, db, id)
	}
	return row, err
}

// Lookup is to Get as a map's two-valued index to its one-valued: false for an
// entity that is deleted or unknown.
func (t *ImmutableTable[T]) Lookup(ctx context.Context, db DB, id UUID) (T, bool, error) {
	for row, err := range stream[T](ctx, db, t.table, statement{sql: t.get, args: []any{id.String()}, row: t.row}) {
		return row, err == nil, err
	}
	var none T
	return none, false, nil
}

func (t *ImmutableTable[T]) byID(id UUID) Query[T] {
	return t.Where("entity_id = $1::uuid", id.String())
}

// absent says why an entity has no current row: ErrNotFound or ErrDeleted. If
// it has one after all, it returns its version.
func (t *entities) absent(ctx context.Context, db DB, id UUID) (int64, error) {
	var state string
	var version *int64
	err := db.QueryRow(ctx, "SELECT state, version FROM yore.entity_state($1::text, $2::uuid)", t.written, id.String()).Scan(&state, &version)
	switch {
	case err != nil:
		return 0, Explain(err)
	case state == "live":
		return *version, nil
	case state == "deleted":
		return *version, t.own("YO020", "entity "+id.String()+" is deleted", "Undelete brings it back.")
	}
	return 0, t.own("YO019", "there is no entity "+id.String(), "")
}
