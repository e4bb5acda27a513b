package yore

import (
	"context"
	"database/sql/driver"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"yore.example/yore/internal/fragment"
)

// A paired is a *Change[T] or a *Difference[T]: what happened to a row, with the
// row before and after.
type paired[T any] interface {
	// fields returns where what stands before the rows is scanned, and what is to
	// be done then.
	fields() (own []any, settle func() error)
	rows() (old, new **T)
}

// pairs reads what one of yore's functions returns: the columns list of source,
// and old and new. With a table, these are rows of its type, which the server
// makes of the JSON that it has them in; without, Rows of JSON values.
func pairs[R, T any, P interface {
	*R
	paired[T]
}](ctx context.Context, db DB, t *table, list, source string, b *fragment.Builder, failed error) iter.Seq2[R, error] {
	explain := Explain
	before, after := "c.old::text", "c.new::text"
	if t != nil {
		explain = t.explainRead
		list += ", ARRAY(SELECT jsonb_object_keys(coalesce(c.new, c.old)))::text[]"
		before, after = "o.*", "n.*"
		if t.row != nil {
			before, after = fragment.Idents("o.", t.row.Columns()), fragment.Idents("n.", t.row.Columns())
		}
		populated := " CROSS JOIN LATERAL jsonb_populate_record(NULL::" + t.face + ", c."
		source += populated + "old) AS o" + populated + "new) AS n"
	}
	sql := "SELECT c.old IS NOT NULL, c.new IS NOT NULL, " + list + ", " + before + ", " + after + " FROM " + source + " ORDER BY c.ordinality"
	return func(yield func(R, error) bool) {
		if failed != nil {
			var none R
			yield(none, explain(failed))
			return
		}
		var described []pgconn.FieldDescription
		each(ctx, db, sql, b.Args, explain, func(rows pgx.Rows, into *R) error {
			if described == nil {
				described = rows.FieldDescriptions()
			}
			err := readPair(t, rows, described, P(into))
			if err != nil {
				*into = *new(R)
			}
			return err
		})(yield)
	}
}

// readPair reads the row at hand. Of a row that was not there, or is no more,
// nothing is scanned: its fields need not be able to hold NULL.
func readPair[T any](t *table, rows pgx.Rows, described []pgconn.FieldDescription, pair paired[T]) error {
	var has [2]bool
	if err := rows.Scan(append([]any{&has[0], &has[1]}, make([]any, len(described)-2)...)...); err != nil {
		return err
	}
	own, settled := pair.fields()
	dest := append([]any{nil, nil}, own...)
	var shown []string
	if t != nil {
		dest = append(dest, &shown)
	}
	columns := make([]string, (len(described)-len(dest))/2)
	for i := range columns {
		columns[i] = described[len(dest)+i].Name
	}
	settle := []func() error{settled}
	old, new := pair.rows()
	for i, row := range []**T{old, new} {
		if !has[i] {
			dest = append(dest, make([]any, len(columns))...)
			continue
		}
		*row = reflect.New(reflect.TypeFor[T]()).Interface().(*T)
		to, read := intoRow(t, *row, columns, &shown)
		dest, settle = append(dest, to...), append(settle, read)
	}
	if err := rows.Scan(dest...); err != nil {
		return err
	}
	for _, read := range settle {
		if err := read(); err != nil {
			return err
		}
	}
	return nil
}

// intoRow returns where the columns of a row are scanned, and what is to be done
// then. Of a Row, the columns that are shown count: an in_place table's type has
// yore's as well.
func intoRow(t *table, row any, columns []string, shown *[]string) ([]any, func() error) {
	if t == nil {
		var text string
		return []any{&text}, func() error {
			values, err := valuesOf(text)
			*row.(*Row) = values
			return err
		}
	}
	if t.row != nil {
		v := reflect.ValueOf(row)
		return destinations(t.row, v), func() error {
			t.row.UTC(v)
			return nil
		}
	}
	values, dest := anything(len(columns))
	return dest, func() error {
		r := make(Row, len(columns))
		for i, value := range values {
			if slices.Contains(*shown, columns[i]) {
				r[columns[i]] = plain(value)
			}
		}
		*row.(*Row) = r
		return nil
	}
}

// valuesOf reads a JSON object: whole numbers as int64, others that an int64
// cannot hold as json.Number.
func valuesOf(text string) (Row, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var row Row
	if err := decoder.Decode(&row); err != nil {
		return nil, err
	}
	for column, value := range row {
		row[column] = whole(value)
	}
	return row, nil
}

func whole(value any) any {
	switch v := value.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
	case []any:
		for i := range v {
			v[i] = whole(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = whole(v[k])
		}
	}
	return value
}

// matching writes values by column as the JSON that yore's functions take; "NULL"
// for none.
func matching(b *fragment.Builder, values Row) (string, error) {
	if values == nil {
		return "NULL::jsonb", nil
	}
	sent := make(Row, len(values))
	for column, value := range values {
		asked, err := matched(reflect.ValueOf(value))
		if err != nil {
			return "", newError("YO007", fmt.Sprintf("matching: the value of %s: %v", column, err), "")
		}
		sent[column] = asked
	}
	text, err := json.Marshal(sent)
	if err != nil {
		return "", newError("YO007", "matching: "+err.Error(), "")
	}
	return b.Arg(string(text)) + "::text::jsonb", nil
}

// matched is a value as JSON has it whose text the server reads as the column's
// type.
func matched(v reflect.Value) (any, error) {
	if !v.IsValid() {
		return nil, nil
	}
	switch value := v.Interface().(type) {
	case time.Time:
		return formatTime(value), nil
	case driver.Valuer:
		sent, err := driver.DefaultParameterConverter.ConvertValue(value)
		switch sent := sent.(type) {
		case []byte:
			return string(sent), err
		case time.Time:
			return formatTime(sent), err
		}
		return sent, err
	case json.Marshaler:
		return value, nil
	}
	switch {
	case v.Kind() == reflect.Pointer && v.IsNil():
		return nil, nil
	case v.Kind() == reflect.Pointer:
		return matched(v.Elem())
	case isPlainUUID(v.Type()):
		return UUID(v.Convert(reflect.TypeFor[[16]byte]()).Interface().([16]byte)), nil
	case isBytes(v.Type()) && v.IsNil():
		return nil, nil
	case isBytes(v.Type()):
		return hexOf(v), nil
	}
	return v.Interface(), nil
}

func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}

// hexOf is bytes as the server reads them.
func hexOf(v reflect.Value) string { return `\x` + hex.EncodeToString(v.Bytes()) }

// moment writes a time, and NULL for the zero one.
func moment(b *fragment.Builder, t time.Time) string {
	if t.IsZero() {
		return "NULL::timestamptz"
	}
	return b.Arg(formatTime(t)) + "::text::timestamptz"
}

// limited writes a number of rows, and NULL for none.
func limited(b *fragment.Builder, what string, n int) (string, error) {
	if n < 0 {
		return "", newError("YO007", fmt.Sprintf("%s with a negative Limit, %d", what, n), "0 means all.")
	}
	if n == 0 {
		return "NULL::bigint", nil
	}
	return b.Arg(int64(n)) + "::bigint", nil
}
