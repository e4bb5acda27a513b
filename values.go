package yore

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"yore.example/yore/internal/rowtype"
)

// parameter is a field's value as it is sent. Whole numbers go as text: the
// server, which knows the column, says if one is out of range, where pgx would
// end a transaction's connection. UUIDs of types without methods go as UUID, and
// what is to be JSON as its text, since in some modes nobody else knows what the
// column is.
func parameter(v reflect.Value) any {
	t := v.Type()
	if t.Kind() == reflect.Pointer && !knowsDatabases(t) {
		if v.IsNil() {
			return nil
		}
		return parameter(v.Elem())
	}
	switch {
	case isPlainUUID(t):
		return UUID(v.Convert(reflect.TypeFor[[16]byte]()).Interface().([16]byte))
	case isJSON(t):
		if t.Kind() == reflect.Map && v.IsNil() {
			return nil
		}
		if text, err := json.Marshal(v.Interface()); err == nil {
			return string(text)
		}
	case t.Kind() == reflect.Slice && !v.IsNil() && isUUID(t.Elem()):
		return uuidArray(v)
	case t.Kind() == reflect.Slice && !v.IsNil() && t.Elem().Kind() == reflect.String && !knowsDatabases(t) && !knowsDatabases(t.Elem()):
		texts := make([]string, v.Len())
		for i := range texts {
			texts[i] = v.Index(i).String()
		}
		return texts
	case knowsDatabases(t) || t == reflect.TypeFor[time.Duration]():
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10)
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10)
	case t.Kind() == reflect.String:
		return v.String()
	}
	return v.Interface()
}

// uuidArray is the text of an array of UUIDs; the zero UUID is NULL.
func uuidArray(v reflect.Value) string {
	texts := make([]string, v.Len())
	for i := range texts {
		texts[i] = "NULL"
		if id, ok := uuidOf(v.Index(i)); ok {
			texts[i] = id.String()
		}
	}
	return "{" + strings.Join(texts, ",") + "}"
}

// isSafe reports whether pgx can write a parameter as its column's type, or if
// it cannot, that is a mistake of the program and not of the data.
func isSafe(arg any) bool {
	switch arg.(type) {
	case nil, string, bool, int64, float64, []byte, []string, time.Time, UUID:
		return true
	}
	return false
}

var (
	valuer  = reflect.TypeFor[driver.Valuer]()
	scanner = reflect.TypeFor[sql.Scanner]()
)

// isPlainUUID reports whether a type is a UUID without methods of its own.
func isPlainUUID(t reflect.Type) bool {
	return isUUID(t) && !t.Implements(valuer) && !reflect.PointerTo(t).Implements(scanner)
}

// isJSON reports whether a type has no other form in a column than JSON: a map,
// or a struct that knows nothing of databases.
func isJSON(t reflect.Type) bool {
	switch {
	case t.Kind() != reflect.Map && t.Kind() != reflect.Struct, t == reflect.TypeFor[time.Time](), strings.HasPrefix(t.PkgPath(), "net/"),
		t.PkgPath() == reflect.TypeFor[pgtype.Numeric]().PkgPath():
		return false
	}
	return !knowsDatabases(reflect.PointerTo(t))
}

// knowsDatabases reports whether a type has the method of driver.Valuer, or one
// of pgx's: NumericValue, Index, BoundTypes …
func knowsDatabases(t reflect.Type) bool {
	for i := range t.NumMethod() {
		switch name := t.Method(i).Name; {
		case strings.HasSuffix(name, "Value"), name == "Index", name == "BoundTypes", name == "Dimensions":
			return true
		}
	}
	return false
}

// destinations are where a row's columns are scanned: v is a pointer to the
// struct.
func destinations(t *rowtype.Type, v reflect.Value) []any {
	dest := t.Pointers(v)
	for i, f := range t.Fields {
		as := f.Type
		switch {
		case isPlainUUID(f.Type):
			as = reflect.TypeFor[UUID]()
		case f.Type.Kind() == reflect.Pointer && isPlainUUID(f.Type.Elem()):
			as = reflect.TypeFor[*UUID]()
		}
		if as != f.Type { // 16 bytes, or a pointer to them, all the same
			dest[i] = reflect.NewAt(as, v.Elem().FieldByIndex(f.Index).Addr().UnsafePointer()).Interface()
		}
	}
	return dest
}

// A textual scans what database/sql cannot: arrays, and JSON.
type textual struct {
	types *pgtype.Map
	dest  reflect.Value // a pointer
}

// isTextual reports whether a destination needs one.
func isTextual(dest reflect.Type) bool {
	if dest.Kind() != reflect.Pointer || dest.Implements(scanner) {
		return false
	}
	t := dest.Elem()
	for t.Kind() == reflect.Pointer {
		if t.Implements(scanner) {
			return false
		}
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(scanner) || t == reflect.TypeFor[time.Time]() {
		return false
	}
	switch t.Kind() {
	case reflect.Slice:
		return t != reflect.TypeFor[[]byte]() && t != reflect.TypeFor[sql.RawBytes]()
	case reflect.Map, reflect.Struct, reflect.Array:
		return true
	}
	return false
}

func (x textual) Scan(src any) error {
	var text []byte
	switch v := src.(type) {
	case nil:
		x.dest.Elem().SetZero()
		return nil
	case string:
		text = []byte(v)
	case []byte:
		text = append(text, v...)
	default:
		return fmt.Errorf("cannot scan %T into %s", src, x.dest.Type())
	}
	dest := x.dest
	for dest.Elem().Kind() == reflect.Pointer {
		dest.Elem().Set(reflect.New(dest.Type().Elem().Elem()))
		dest = dest.Elem()
	}
	if t := dest.Type().Elem(); t.Kind() == reflect.Slice {
		if t.Elem().Kind() == reflect.Uint8 {
			dest.Elem().SetBytes(text)
			return nil
		}
		if len(text) > 0 && text[0] == '[' && json.Unmarshal(text, dest.Interface()) == nil { // an array of JSON
			return nil
		}
		plain := dest.Convert(reflect.PointerTo(reflect.SliceOf(t.Elem())))
		if known, ok := x.types.TypeForValue(plain.Interface()); ok {
			return x.types.Scan(known.OID, pgtype.TextFormatCode, text, plain.Interface())
		}
		if t.Elem().Kind() == reflect.String {
			var texts []string
			if err := x.types.Scan(pgtype.TextArrayOID, pgtype.TextFormatCode, text, &texts); err != nil {
				return err
			}
			dest.Elem().Set(reflect.MakeSlice(t, len(texts), len(texts)))
			for i, s := range texts {
				dest.Elem().Index(i).SetString(s)
			}
			return nil
		}
		if isUUID(t.Elem()) {
			return x.types.Scan(pgtype.UUIDArrayOID, pgtype.TextFormatCode, text, plain.Interface())
		}
	}
	if known, ok := x.types.TypeForValue(dest.Interface()); ok {
		return x.types.Scan(known.OID, pgtype.TextFormatCode, text, dest.Interface())
	}
	return json.Unmarshal(text, dest.Interface())
}
