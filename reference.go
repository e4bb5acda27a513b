package yore

import (
	"database/sql/driver"
	"encoding"
	"fmt"
	"math/bits"
	"reflect"
	"strconv"
	"strings"
	"time"

	"yore.example/yore/internal/fragment"
	"yore.example/yore/internal/rowtype"
)

// A reference says by which columns related rows belong to rows.
type reference struct {
	link  Link
	there []string // of the rows; nil for their key
	here  []string // of the related rows
	kinds []kind   // of the related rows' columns, where they are known
}

// A kind of types is what compares with its like alone.
type kind string

func kindOf(t reflect.Type) kind {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch v := reflect.Zero(t); {
	case isUUID(t):
		return "UUID"
	case t.Implements(valuer):
		return ""
	case v.CanInt() || v.CanUint():
		return "number"
	case t.Kind() == reflect.String:
		return "text"
	}
	return ""
}

// A keyValue is the values of the columns of a key, as text.
type keyValue []string

func (k keyValue) text() string { return strings.Join(k, "\x00") }

// ids returns the keys of rows, each once.
func (r reference) ids(rows []reflect.Value) ([]keyValue, error) {
	var ids []keyValue
	seen := map[string]bool{}
	for _, row := range rows {
		id, ok, err := r.id(row, r.there)
		if err != nil {
			return nil, err
		}
		if ok && !seen[id.text()] {
			seen[id.text()] = true
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// mostIDs is how many keys one statement takes: of several columns, each value
// is a parameter, of which there can be 65,535.
func mostIDs(columns int) int {
	if columns == 1 {
		return 1 << 20
	}
	return min(4096, 1<<(bits.Len(uint(60000/columns))-1)) // as condition pads it; the query has parameters of its own
}

// condition keeps the related rows with one of the keys.
func (r reference) condition(t *table, ids []keyValue) (string, []any) {
	columns := make([]string, len(r.here))
	for i, c := range r.here {
		columns[i] = t.quoted + "." + fragment.Ident(c)
	}
	if len(columns) == 1 {
		// Two forms: of a single id in an array the planner would expect many, and
		// plan anew every time. The server gives the parameter the column's type.
		if len(ids) == 1 {
			return columns[0] + " = $1", []any{ids[0][0]}
		}
		texts := make([]string, len(ids))
		for i, id := range ids {
			texts[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(id[0]) + `"`
		}
		return columns[0] + " = ANY ($1)", []any{"{" + strings.Join(texts, ",") + "}"}
	}
	// So that there are few different statements, the last is said again until
	// their number is a power of two.
	for n := len(ids); n&(n-1) != 0; n++ {
		ids = append(ids, ids[n-1])
	}
	var args []any
	rows := make([]string, len(ids))
	for i, id := range ids {
		values := make([]string, len(id))
		for j, v := range id {
			args = append(args, v)
			values[j] = "$" + strconv.Itoa(len(args))
		}
		rows[i] = "(" + strings.Join(values, ", ") + ")"
	}
	return "(" + strings.Join(columns, ", ") + ") IN (" + strings.Join(rows, ", ") + ")", args
}

// rowOf is what a Version has: its row, and how that is identified.
type rowOf interface{ inside() (row any, t *table) }

// id reads the columns of a row, or its key; false if one of them is NULL.
func (r reference) id(row reflect.Value, columns []string) (keyValue, bool, error) {
	for row.Kind() == reflect.Interface || row.Kind() == reflect.Pointer {
		if row.IsNil() {
			return nil, false, nil
		}
		row = row.Elem()
	}
	if !row.IsValid() { // an untyped nil
		return nil, false, nil
	}
	var key []string
	if v, ok := row.Interface().(rowOf); ok {
		inside, t := v.inside()
		if row = reflect.ValueOf(inside); t != nil {
			key = t.key
		}
	}
	if row.Type() == reflect.TypeFor[Row]() {
		return r.idOfMap(row.Interface().(Row), columns, key)
	}
	t, err := rowtype.Of(row.Type())
	if err != nil {
		return nil, false, newError("YO007", "Related: "+err.Error(), "")
	}
	if columns == nil {
		if columns = key; columns == nil {
			columns = t.Key()
		}
		if len(columns) != len(r.here) {
			return nil, false, newError("YO007", fmt.Sprintf("Related: the key of %s is (%s), and the related rows refer to it by (%s)", t.Go, strings.Join(columns, ", "), strings.Join(r.here, ", ")), "The tag option key names the key columns: db:\"code,key\".")
		}
	}
	id := make(keyValue, len(columns))
	for i, c := range columns {
		f, ok := t.Field(c)
		if !ok {
			return nil, false, newError("YO007", fmt.Sprintf("Related: row type %s has no field for %s", t.Go, c), "")
		}
		if i < len(r.kinds) && r.kinds[i] != "" && kindOf(f.Type) != "" && kindOf(f.Type) != r.kinds[i] {
			return nil, false, newError("YO007", fmt.Sprintf("Related: field %s of row type %s is a %s, where a %s is referred to", c, t.Go, f.Type, r.kinds[i]), "")
		}
		text, ok, err := keyText(row.FieldByIndex(f.Index))
		if err != nil {
			return nil, false, newError("YO007", fmt.Sprintf("Related: field %s of row type %s: %v", c, t.Go, err), "")
		}
		if !ok {
			return nil, false, nil
		}
		id[i] = text
	}
	return id, true, nil
}

func (r reference) idOfMap(row Row, columns, key []string) (keyValue, bool, error) {
	if row == nil {
		return nil, false, nil
	}
	if columns == nil {
		if columns = key; columns == nil {
			columns = []string{"id"}
			if _, ok := row["entity_id"]; ok {
				columns[0] = "entity_id"
			}
		}
	}
	id := make(keyValue, len(columns))
	for i, c := range columns {
		value, ok := row[c]
		if !ok {
			return nil, false, newError("YO007", "Related: the row has no "+c, "")
		}
		text, ok, err := keyText(reflect.ValueOf(value))
		if err != nil {
			return nil, false, newError("YO007", fmt.Sprintf("Related: %s: %v", c, err), "")
		}
		if !ok {
			return nil, false, nil
		}
		id[i] = text
	}
	return id, true, nil
}

// keyText is a value as text, by which it is found again and which the server
// reads; false for NULL. The zero UUID is none.
func keyText(v reflect.Value) (string, bool, error) {
	for v.IsValid() && (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) {
		if v.IsNil() {
			return "", false, nil
		}
		v = v.Elem()
	}
	switch {
	case !v.IsValid():
		return "", false, nil
	case isUUID(v.Type()):
		id, ok := uuidOf(v)
		return id.String(), ok, nil
	case v.Type() == reflect.TypeFor[time.Time]():
		return formatTime(v.Interface().(time.Time)), true, nil
	}
	if valuer, ok := v.Interface().(driver.Valuer); ok {
		value, err := valuer.Value()
		if err != nil {
			return "", false, err
		}
		if value == nil {
			return "", false, nil
		}
		if _, ok := value.([]byte); ok {
			return "", false, fmt.Errorf("a %s cannot be a key: whether its bytes are a text is not known", v.Type())
		}
		return keyText(reflect.ValueOf(value))
	}
	switch {
	case isBytes(v.Type()):
		return hexOf(v), !v.IsNil(), nil
	case v.CanFloat():
		return strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits()), true, nil
	case v.Kind() == reflect.String:
		return v.String(), true, nil
	case v.Kind() == reflect.Bool:
		return strconv.FormatBool(v.Bool()), true, nil
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10), true, nil
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10), true, nil
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok { // those of net/netip
		text, err := m.MarshalText()
		return string(text), err == nil, err
	}
	return "", false, fmt.Errorf("a %s cannot be a key", v.Type())
}

// uuidOf reads a UUID, or a pointer to one; false if it is NULL.
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
