package yore

import (
	"context"
	"reflect"
	"time"

	"yore.example/yore/internal/rowtype"
)

// A Version is a row as it was from one moment to another. Periods are half-open:
// at To it was no more. Times are in UTC, to the microsecond.
type Version[T any] struct {
	Row     T          `json:"row"`
	Number  int64      `json:"version"`    // 1, 2, 3 … for a key
	From    *time.Time `json:"valid_from"` // nil: always, as far as is known
	To      *time.Time `json:"valid_to"`   // nil: it still is
	Deleted bool       `json:"deleted"`    // a tombstone: From and To are the moment of deletion, Row is what was deleted
	XID     uint64     `json:"xid,string"` // of the transaction that made it

	t *table
}

// Versions reads the rows of a query with their version data: those of
// countries.AsOf(t), say, each with the version that it was.
func Versions[T any](q Query[T]) Query[Version[T]] {
	q.q.versions = true
	return Query[Version[T]](q)
}

// Rows is the way back from Versions: it reads the rows alone.
func Rows[T any](q Query[Version[T]]) Query[T] {
	q.q.versions = false
	return Query[T](q)
}

// versioned is a *Version[T], or another that is more than its row, seen from
// where T is not known.
type versioned interface {
	// parts returns pointers to the row and to what is selected behind it, in the
	// order of the select list, and what is to be done once they are set. more is
	// how many values there are that only the statement knows.
	parts(t *table, more int) (row any, own []any, settle func())
}

func (v *Version[T]) parts(t *table, _ int) (any, []any, func()) {
	return &v.Row, []any{&v.Number, &v.From, &v.To, &v.Deleted, &v.XID}, func() {
		v.t = t
		v.From, v.To = utc(v.From), utc(v.To)
	}
}

func (v Version[T]) inside() (any, *table) { return v.Row, v.t }

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	return new(t.UTC())
}

// IsCurrent reports whether the version was the row's present state when it was
// read.
func (v Version[T]) IsCurrent() bool { return v.To == nil && !v.Deleted }

// AsOf returns the last moment of the version, as of which other tables show what
// belonged to it in the end: the microsecond before To. It is the zero Time, the
// present, while the version is current.
//
//	bars, err := bars.AsOf(version.AsOf()).Where("foo_id = $1", version.Row.ID).All(ctx, db)
func (v Version[T]) AsOf() time.Time {
	if v.To == nil {
		return time.Time{}
	}
	return v.To.Add(-time.Microsecond)
}

// Prev reads the version before this one, nil if it is the first.
//
// Errors: ErrOption for a Version that no query has read, or whose table's key
// is not known; as Next's, First's, Last's and CurrentVersion's.
func (v Version[T]) Prev(ctx context.Context, db DB) (*Version[T], error) {
	return v.other(ctx, db, "<", " DESC")
}

// Next reads the version after this one, a tombstone perhaps; nil if it is the
// last.
func (v Version[T]) Next(ctx context.Context, db DB) (*Version[T], error) {
	return v.other(ctx, db, ">", "")
}

// First reads the row's first version.
func (v Version[T]) First(ctx context.Context, db DB) (*Version[T], error) {
	return v.other(ctx, db, "", "")
}

// Last reads the row's last version, which is a tombstone if the row is deleted.
func (v Version[T]) Last(ctx context.Context, db DB) (*Version[T], error) {
	return v.other(ctx, db, "", " DESC")
}

// CurrentVersion reads the version that is current now, inside AsOf at its time;
// nil if there is no such row.
func (v Version[T]) CurrentVersion(ctx context.Context, db DB) (*Version[T], error) {
	key, err := v.key()
	if err != nil {
		return nil, err
	}
	return first(ctx, db, Query[Version[T]]{query{t: v.t, versions: true}}.Key(key...))
}

// other reads another version of the row: the first in an order of those whose
// number compares with this one's.
func (v Version[T]) other(ctx context.Context, db DB, compare, direction string) (*Version[T], error) {
	key, err := v.key()
	if err != nil {
		return nil, err
	}
	number := v.t.quoted + "." + v.t.shown("version")
	q := Query[Version[T]]{query{t: v.t, scope: scope{kind: ofKey, key: key}, versions: true}}.OrderBy(number + direction)
	if compare != "" {
		q = q.Where(number+" "+compare+" $1::bigint", v.Number)
	}
	return first(ctx, db, q)
}

func first[T any](ctx context.Context, db DB, q Query[Version[T]]) (*Version[T], error) {
	for v, err := range q.Limit(1).Each(ctx, db) {
		if err != nil {
			return nil, err
		}
		return &v, nil
	}
	return nil, nil
}

// key returns the values of the row's key.
func (v Version[T]) key() ([]any, error) {
	if v.t == nil {
		return nil, newError("YO007", "a Version that no query has read has no neighbours", "Read it by History, AllVersions or Versions.")
	}
	key := make([]any, len(v.t.key))
	for i, column := range v.t.key {
		value, ok := valueOf(v.t.row, reflect.ValueOf(v.Row), column)
		if !ok {
			return nil, v.t.own("YO007", "the row has no "+column+", of its key", "Name the key columns with yore.Key, or by the tag option key.")
		}
		key[i] = value.Interface()
	}
	return key, nil
}

// valueOf is the value of a column in a row, a struct of type t or, with nil, a
// Row; false if it is not there or NULL.
func valueOf(t *rowtype.Type, row reflect.Value, column string) (reflect.Value, bool) {
	if t == nil {
		value := row.MapIndex(reflect.ValueOf(column))
		if !value.IsValid() || value.IsNil() {
			return value, false
		}
		return value.Elem(), true
	}
	f, ok := t.Field(column)
	if !ok {
		return reflect.Value{}, false
	}
	return row.FieldByIndex(f.Index), true
}
