package yore

import (
	"context"
	"reflect"
	"slices"
	"time"

	"yore.example/yore/internal/fragment"
)

// A TemporalTable reads one tracked table, its present and its past, as rows of
// type T. Writes go on as they were: by any client, to the table's own name. It
// has no connection of its own: every call is given the DB, a pool or the
// caller's transaction. It is safe for concurrent use.
//
// Reading the past takes rights of its own: see yore.grant_history.
type TemporalTable[T any] struct{ *table }

// Temporal returns a handle for the tracked table of that name, "countries" or
// "sales.orders", written as in SQL. Columns and fields of T go by the tag db, or
// the field's name in snake case; db:"-" leaves a field out. The fields of the
// primary key have the option key; without any, it is the field of column id (or
// of entity_id, in an immutable table).
//
//	type Country struct {
//		Code     string `db:"code,key"`
//		Name     string
//		Currency string
//	}
//
//	var countries = yore.Temporal[Country]("countries")
//
// T may have fewer fields than the table has columns, and be Row, for all of
// them. Maps, and structs that do not implement sql.Scanner or its like in pgx,
// are JSON.
//
// An unqualified name is found through search_path, so that inside AsOf it means
// the rows of that time, and its past is that of the table of schema public;
// name the schema of any other.
//
// Temporal panics if T is neither a struct nor Row, or the name is none: mistakes
// of the program, seen at its start. Check finds those that only the database can
// tell.
func Temporal[T any](name string, opts ...TableOption) *TemporalTable[T] {
	t, _, err := newTable(name, reflect.TypeFor[T](), opts)
	if err != nil {
		panic("yore.Temporal: " + err.Error())
	}
	return &TemporalTable[T]{t}
}

func (t *TemporalTable[T]) query(s scope) Query[T] { return Query[T]{query{t: t.table, scope: s}} }

func (t *TemporalTable[T]) versions(s scope) Query[Version[T]] {
	return Query[Version[T]]{query{t: t.table, scope: s, versions: true}}
}

// Current is the query of the present rows; inside AsOf, of those of its time.
func (t *TemporalTable[T]) Current() Query[T] { return t.query(scope{}) }

// Where is Current().Where.
func (t *TemporalTable[T]) Where(condition string, args ...any) Query[T] {
	return t.Current().Where(condition, args...)
}

// AsOf is the query of the rows as they were at a time, cut to microseconds. The
// zero Time means the present.
//
// A time later than StableTime can give another answer later. Before the table
// was tracked, no row does not mean that there was none: see TrackedSince.
func (t *TemporalTable[T]) AsOf(at time.Time) Query[T] {
	if at.IsZero() {
		return t.Current()
	}
	return t.query(scope{kind: then, at: at})
}

// History is the query of all versions of the row with that key, tombstones
// included, in the order of their numbers: one value for each key column, in the
// order of the row type's fields. For an unknown key it has no rows.
func (t *TemporalTable[T]) History(key ...any) Query[Version[T]] {
	return t.versions(scope{kind: ofKey, key: slices.Clone(key)})
}

// AllVersions is the query of all versions of all rows, tombstones included, by
// key and number.
func (t *TemporalTable[T]) AllVersions() Query[Version[T]] { return t.versions(scope{kind: ever}) }

// IncludeDeleted is the query of all rows that are or were: of those that exist,
// the current version; of the deleted ones, the tombstone.
func (t *TemporalTable[T]) IncludeDeleted() Query[Version[T]] {
	return t.versions(scope{deleted: true})
}

// Between is the query of the versions that were current at some moment from
// one time to another, both included; SQL Server calls it FOR SYSTEM_TIME
// BETWEEN. The zero Time is open. Tombstones are not among them, but with
// IncludeDeleted those of the period are. ErrOption if from is later than to.
func (t *TemporalTable[T]) Between(from, to time.Time) Query[Version[T]] {
	return t.versions(scope{kind: between, from: from, to: to})
}

// FromTo is Between without the end: the versions that were current at some
// moment of the half-open period [from, to), as FOR SYSTEM_TIME FROM TO of
// SQL:2011.
func (t *TemporalTable[T]) FromTo(from, to time.Time) Query[Version[T]] {
	return t.versions(scope{kind: fromTo, from: from, to: to})
}

// ContainedIn is the query of the versions that began and ended in the period,
// both ends included; SQL Server calls it FOR SYSTEM_TIME CONTAINED IN. With an
// end that is open, current versions are among them.
func (t *TemporalTable[T]) ContainedIn(from, to time.Time) Query[Version[T]] {
	return t.versions(scope{kind: containedIn, from: from, to: to})
}

// Get reads the present row with that key; inside AsOf, that of its time.
//
// Errors: ErrNotFound.
func (t *TemporalTable[T]) Get(ctx context.Context, db DB, key ...any) (T, error) {
	return t.Current().Key(key...).One(ctx, db)
}

// Lookup is to Get as a map's two-valued index to its one-valued.
func (t *TemporalTable[T]) Lookup(ctx context.Context, db DB, key ...any) (T, bool, error) {
	for row, err := range t.Current().Key(key...).Each(ctx, db) {
		return row, err == nil, err
	}
	var none T
	return none, false, nil
}

func (t *TemporalTable[T]) from(b *fragment.Builder, name string, of query) (string, error) {
	return t.instant(b, of) + " AS " + fragment.Ident(name), nil
}
