package yore

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"yore.example/yore/internal/rowtype"
)

// Changes are new values by column. A value is of the type of the column's
// field, or a number that fits it; nil is NULL, for pointers. Version data among
// them is passed over, and a column that the row type does not have is an error:
// for the input of a form, where anything may be, there is Cast.
type Changes map[string]any

// changed applies a change, in any of the forms that Update takes, to a copy of
// a row.
func (t *ImmutableTable[T]) changed(row T, change any) (T, error) {
	switch c := change.(type) {
	case func(*T):
		if c == nil {
			return row, t.own("YO007", "the change is nil", "")
		}
		next := copyRow(t.entities, row)
		c(&next)
		return next, nil
	case func(*T) error:
		if c == nil {
			return row, t.own("YO007", "the change is nil", "")
		}
		next := copyRow(t.entities, row)
		return next, c(&next)
	case T:
		return c, nil
	case *T:
		if c == nil {
			return row, t.own("YO007", "the change is nil", "")
		}
		return *c, nil
	case Changes:
		next := row
		return next, t.apply(reflect.ValueOf(&next), c, nil)
	case map[string]any:
		next := row
		return next, t.apply(reflect.ValueOf(&next), c, nil)
	}
	return row, t.own("YO007", fmt.Sprintf("a change is a func(*%s), a %[1]s or yore.Changes, not %T", t.row.Go, change), "")
}

// apply sets fields of a row to the values of changes. Unknown columns are
// errors, or, where there is a list of what is permitted, passed over with all
// that is not on it.
func (t *entities) apply(row reflect.Value, changes map[string]any, permitted []string) error {
	var wrong FieldErrors
	for _, column := range slices.Sorted(maps.Keys(changes)) {
		if permitted != nil && !slices.Contains(permitted, column) {
			continue
		}
		f, ok := t.row.Field(column)
		switch {
		case t.isMeta(column) && (!t.allowVersionWrite || column != t.prefix+"version"):
			continue
		case !ok && permitted != nil:
			continue
		case !ok:
			wrong.Add(column, "is unknown")
			continue
		case f.ReadOnly:
			continue
		}
		value := changes[column]
		if text, ok := single(value); permitted != nil && ok && text == "" && f.Type.Kind() == reflect.Pointer {
			value = nil
		}
		if message := assign(row.Elem().FieldByIndex(f.Index), value); message != "" {
			wrong.Add(column, message)
		}
	}
	if len(wrong) > 0 {
		return invalid(row.Elem().Interface(), nil, wrong...)
	}
	return nil
}

// difference returns the fields whose values differ between two rows, and those
// of which it cannot be told: what is sent for nothing makes no version.
func (t *entities) difference(before, after reflect.Value) []rowtype.Field {
	var fields []rowtype.Field
	for _, f := range t.writable() {
		b, a := before.FieldByIndex(f.Index), after.FieldByIndex(f.Index)
		if opaque(f.Type) || !same(b, a) {
			fields = append(fields, f)
		}
	}
	return fields
}

func same(a, b reflect.Value) bool {
	if a.Type() == reflect.TypeFor[time.Time]() {
		return a.Interface().(time.Time).Equal(b.Interface().(time.Time))
	}
	switch k := a.Kind(); {
	case k == reflect.Bool, k == reflect.String, a.CanInt(), a.CanUint(), isUUID(a.Type()):
		return a.Equal(b)
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

// copyRow copies a row with what its fields point to, so that a function that
// changes a slice in place does not change the row from which it is told what
// has changed.
func copyRow[T any](t *entities, row T) T {
	next := row
	v := reflect.ValueOf(&next).Elem()
	for _, f := range t.row.Fields {
		field := v.FieldByIndex(f.Index)
		field.Set(deepCopy(field))
	}
	return next
}

func deepCopy(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || opaque(v.Type()) {
			return v
		}
		p := reflect.New(v.Type().Elem())
		p.Elem().Set(deepCopy(v.Elem()))
		return p
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		s := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			s.Index(i).Set(deepCopy(v.Index(i)))
		}
		return s
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		m := reflect.MakeMapWithSize(v.Type(), v.Len())
		for _, k := range v.MapKeys() {
			m.SetMapIndex(k, deepCopy(v.MapIndex(k)))
		}
		return m
	case reflect.Interface:
		if v.IsNil() {
			return v
		}
		c := reflect.New(v.Type()).Elem()
		c.Set(deepCopy(v.Elem()))
		return c
	case reflect.Array:
		c := reflect.New(v.Type()).Elem()
		for i := range v.Len() {
			c.Index(i).Set(deepCopy(v.Index(i)))
		}
		return c
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() || opaque(v.Type()) {
			return v
		}
		c := reflect.New(v.Type()).Elem()
		c.Set(v)
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				c.Field(i).Set(deepCopy(v.Field(i)))
			}
		}
		return c
	}
	return v
}

// opaque reports whether a type hides, in fields that are not exported, what a
// copy would share: of such a value it cannot be told whether it was changed.
func opaque(t reflect.Type) bool {
	if known, ok := opaques.Load(t); ok {
		return known.(bool)
	}
	found := hides(t, map[reflect.Type]bool{})
	opaques.Store(t, found)
	return found
}

var opaques sync.Map // reflect.Type → bool

func hides(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] || t == reflect.TypeFor[time.Time]() {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return hides(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if !f.IsExported() && shares(f.Type, map[reflect.Type]bool{}) || hides(f.Type, seen) {
				return true
			}
		}
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return true
	}
	return false
}

// shares reports whether copies of a value have anything in common.
func shares(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return true
	case reflect.Array:
		return shares(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if shares(t.Field(i).Type, seen) {
				return true
			}
		}
	}
	return false
}
