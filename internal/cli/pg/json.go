package pg

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"
)

// WriteJSON writes the rows as an array of objects, columns in their order.
func (r Result) WriteJSON(w io.Writer) error {
	rows := make([]Object, len(r.Rows))
	for i, row := range r.Rows {
		rows[i] = NewObject(r.Columns, row)
	}
	return WriteJSON(w, rows)
}

// WriteJSON writes v as JSON for people and programs: indented, and with < and
// & as they are.
func WriteJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// An Object is a row as JSON.
type Object struct {
	columns []Column
	values  []*string
}

// NewObject makes an Object of a row.
func NewObject(columns []Column, values []*string) Object { return Object{columns, values} }

// MarshalJSON keeps the order of the columns.
func (o Object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, c := range o.columns {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(c.Name)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(c.JSON(o.values[i]))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// JSON returns a value of the column as JSON: numbers and booleans as such,
// json as it is, timestamps as RFC 3339, everything else as PostgreSQL's text.
func (c Column) JSON(v *string) json.RawMessage {
	if v == nil {
		return json.RawMessage("null")
	}
	switch c.Type {
	case pgtype.BoolOID:
		if *v == "t" {
			return json.RawMessage("true")
		}
		return json.RawMessage("false")
	case pgtype.TimestamptzOID:
		return quote(RFC3339(*v))
	case pgtype.JSONOID, pgtype.JSONBOID:
		if json.Valid([]byte(*v)) {
			return json.RawMessage(*v)
		}
	}
	// NaN and Infinity are numbers in PostgreSQL, but not in JSON.
	if c.Numeric() && json.Valid([]byte(*v)) {
		return json.RawMessage(*v)
	}
	return quote(*v)
}

// Numeric reports whether the column holds numbers.
func (c Column) Numeric() bool {
	switch c.Type {
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.NumericOID, pgtype.Float4OID, pgtype.Float8OID, pgtype.OIDOID:
		return true
	}
	return false
}

// RFC3339 turns what PostgreSQL writes for a timestamptz in UTC into RFC 3339;
// infinity and times before Christ stay as they are.
func RFC3339(text string) string {
	t, utc := strings.CutSuffix(text, "+00")
	day, clock, found := strings.Cut(t, " ")
	if !utc || !found {
		return text
	}
	return day + "T" + clock + "Z"
}

func quote(s string) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return json.RawMessage("null") // a string can always be encoded
	}
	return bytes.TrimSpace(b.Bytes())
}
