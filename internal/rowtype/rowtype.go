// Package rowtype reads how a Go struct matches the columns of a relation.
package rowtype

import (
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
)

// A Field is a field of a struct that stands for a column.
type Field struct {
	Column   string
	Index    []int // for reflect's FieldByIndex
	Type     reflect.Type
	Default  bool // tag option "default": a zero value is left to the column's default on insert
	ReadOnly bool // tag option "readonly": never written, a generated column
	Key      bool // tag option "key": a column of the primary key
}

// A Type is a struct with its fields in the order of their declaration, those
// of embedded structs in their place.
type Type struct {
	Go     reflect.Type
	Fields []Field
	byName map[string]int
	names  []string
	times  []int // the fields that hold times
}

var known sync.Map // reflect.Type → *Type or error

// Of returns the Type of a struct type. The column of a field is what its tag
// db says, else its name in snake case; db:"-" leaves a field out.
func Of(t reflect.Type) (*Type, error) {
	if v, ok := known.Load(t); ok {
		if r, ok := v.(*Type); ok {
			return r, nil
		}
		return nil, v.(error)
	}
	r, err := read(t)
	if err != nil {
		known.Store(t, err)
		return nil, err
	}
	known.Store(t, r)
	return r, nil
}

func read(t reflect.Type) (*Type, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("row type %s is no struct", t)
	}
	r := &Type{Go: t, byName: map[string]int{}}
	if err := r.add(t, nil); err != nil {
		return nil, err
	}
	if len(r.Fields) == 0 {
		return nil, fmt.Errorf("row type %s has no exported field", t)
	}
	for i, f := range r.Fields {
		r.names = append(r.names, f.Column)
		switch f.Type {
		case reflect.TypeFor[time.Time](), reflect.TypeFor[*time.Time](), reflect.TypeFor[[]time.Time]():
			r.times = append(r.times, i)
		}
	}
	return r, nil
}

func (r *Type) add(t reflect.Type, path []int) error {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup("db")
		index := append(append([]int{}, path...), i)
		if f.Anonymous && !tagged && f.Type.Kind() == reflect.Struct && !isValue(f.Type) {
			if err := r.add(f.Type, index); err != nil {
				return err
			}
			continue
		}
		if !f.IsExported() || tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if name == "" {
			name = Snake(f.Name)
		}
		field := Field{Column: name, Index: index, Type: f.Type}
		for option := range strings.SplitSeq(options, ",") {
			switch option {
			case "":
			case "default":
				field.Default = true
			case "readonly":
				field.ReadOnly = true
			case "key":
				field.Key = true
			default:
				return fmt.Errorf("row type %s: field %s: tag option %q is none of default, readonly and key", r.Go, f.Name, option)
			}
		}
		if _, twice := r.byName[name]; twice {
			return fmt.Errorf("row type %s: two fields for column %s", r.Go, name)
		}
		r.byName[name] = len(r.Fields)
		r.Fields = append(r.Fields, field)
	}
	return nil
}

// isValue reports whether a struct is a value of one column, as time.Time is.
func isValue(t reflect.Type) bool {
	return t == reflect.TypeFor[time.Time]() || reflect.PointerTo(t).Implements(reflect.TypeFor[sql.Scanner]())
}

// Field returns the field of a column.
func (r *Type) Field(column string) (Field, bool) {
	i, ok := r.byName[column]
	if !ok {
		return Field{}, false
	}
	return r.Fields[i], true
}

// Key returns the columns that identify a row: those with the option key, or
// else entity_id, or else id; nil if there is none of them.
func (r *Type) Key() []string {
	var key []string
	for _, f := range r.Fields {
		if f.Key {
			key = append(key, f.Column)
		}
	}
	for _, usual := range []string{"entity_id", "id"} {
		if _, ok := r.byName[usual]; ok && key == nil {
			key = []string{usual}
		}
	}
	return key
}

// Columns returns the columns in order.
func (r *Type) Columns() []string { return slices.Clone(r.names) }

// Pointers returns where to scan the columns of a row: v is a pointer to the
// struct.
func (r *Type) Pointers(v reflect.Value) []any {
	v = v.Elem()
	p := make([]any, len(r.Fields))
	for i, f := range r.Fields {
		p[i] = v.FieldByIndex(f.Index).Addr().Interface()
	}
	return p
}

// UTC sets the times among the fields to UTC: v is a pointer to the struct.
func (r *Type) UTC(v reflect.Value) {
	v = v.Elem()
	for _, i := range r.times {
		switch p := v.FieldByIndex(r.Fields[i].Index).Addr().Interface().(type) {
		case *time.Time:
			*p = p.UTC()
		case **time.Time:
			if *p != nil {
				**p = (*p).UTC()
			}
		case *[]time.Time:
			for i, at := range *p {
				(*p)[i] = at.UTC()
			}
		}
	}
}

// Snake turns a Go name into a column's: DueOn into due_on, EntityID into
// entity_id, HTTPCode into http_code, UserIDs into user_ids.
func Snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, c := range runes {
		if unicode.IsUpper(c) && i > 0 && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1]) && !isPlural(runes[i+1:])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}

// isPlural reports whether what follows a capital is the s of several: IDs.
func isPlural(rest []rune) bool {
	return rest[0] == 's' && (len(rest) == 1 || unicode.IsUpper(rest[1]))
}
