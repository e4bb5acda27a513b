package yore

import (
	"cmp"
	"context"
	"maps"
	"reflect"
	"slices"
)

// A ColumnChange is a column with the value that it had and the one that it has.
type ColumnChange struct {
	Column string `json:"column"`
	Old    any    `json:"old"` // nil for NULL, and where there was no row
	New    any    `json:"new"`
}

// ChangesFrom returns what differs between another version and this one, the
// other's values as Old, in the order of the row type's fields (of a Row, by
// name). Of a tombstone no value counts: there is no row.
//
// The versions may be of different rows; they may be any two of the same table.
func (v Version[T]) ChangesFrom(other Version[T]) []ColumnChange {
	changes := []ColumnChange{}
	for _, column := range v.columns(other) {
		was, is := other.value(column), v.value(column)
		if was.IsValid() != is.IsValid() || was.IsValid() && !equalValues(was, is) {
			changes = append(changes, ColumnChange{column, shownValue(was), shownValue(is)})
		}
	}
	return changes
}

// LastChanges returns what the version changed of the one before; nil if it is
// the first.
//
// Errors: as Prev's.
func (v Version[T]) LastChanges(ctx context.Context, db DB) ([]ColumnChange, error) {
	before, err := v.Prev(ctx, db)
	if err != nil || before == nil {
		return nil, err
	}
	return v.ChangesFrom(*before), nil
}

// columns returns the columns of two versions' rows. Version data in the row type
// of an immutable table is none.
func (v Version[T]) columns(other Version[T]) []string {
	t := cmp.Or(v.t, other.t)
	if row, ok := any(v.Row).(Row); ok {
		all := maps.Clone(row)
		if all == nil {
			all = Row{}
		}
		maps.Copy(all, any(other.Row).(Row))
		return slices.Sorted(maps.Keys(all))
	}
	if t == nil {
		return nil
	}
	return slices.DeleteFunc(t.row.Columns(), func(c string) bool { return t.isVersionData(c) || t.entity && c == t.prefix+"id" })
}

// value is the value of a column; invalid for NULL, and where there is no row.
func (v Version[T]) value(column string) reflect.Value {
	if v.Deleted || v.t == nil {
		return reflect.Value{}
	}
	value, ok := valueOf(v.t.row, reflect.ValueOf(v.Row), column)
	for ok && value.Kind() == reflect.Pointer {
		ok = !value.IsNil()
		value = value.Elem()
	}
	if !ok {
		return reflect.Value{}
	}
	return value
}

func equalValues(a, b reflect.Value) bool { return a.Type() == b.Type() && same(a, b) }

func shownValue(v reflect.Value) any {
	if !v.IsValid() {
		return nil
	}
	return v.Interface()
}
