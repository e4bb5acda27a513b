package yore

import (
	"database/sql"
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Cast sets fields of a row from input that may hold anything: the values of a
// form (url.Values), a decoded JSON object (map[string]any). Only the columns
// that are permitted are taken, all that clients may write if none is named;
// everything else is passed over, version data always. Text becomes what the
// field is; text that is empty becomes NULL in a pointer.
//
// What cannot be read is an *InvalidError with the row as far as it could be
// set. Cast does not call Validate: Insert and Update do.
//
//	task, err := tasks.Cast(task, r.PostForm, "title", "priority")
//	if err == nil {
//		task, err = tasks.Update(ctx, db, before, task)
//	}
func (t *ImmutableTable[T]) Cast(row T, input any, permitted ...string) (T, error) {
	if permitted == nil {
		for _, f := range t.writable() {
			permitted = append(permitted, f.Column)
		}
	}
	values := map[string]any{}
	switch in := input.(type) {
	case url.Values:
		for k, v := range in {
			values[k] = v
		}
	case map[string][]string:
		for k, v := range in {
			values[k] = v
		}
	case map[string]string:
		for k, v := range in {
			values[k] = v
		}
	case map[string]any:
		values = in
	case Changes:
		values = in
	default:
		return row, t.own("YO007", fmt.Sprintf("Cast reads url.Values or a map[string]any, not %T", input), "")
	}
	next := copyRow(t.entities, row)
	err := t.apply(reflect.ValueOf(&next), values, permitted)
	return next, err
}

// What assign says of a value that does not fit, to stand behind the column's
// name.
const (
	isInvalid = "is invalid"
	isBlank   = "can't be blank"
)

// assign sets a field to a value, with the conversions that lose nothing, and
// says what is wrong if it cannot.
func assign(field reflect.Value, value any) string {
	v := reflect.ValueOf(value)
	if !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		switch field.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
			field.SetZero()
			return ""
		}
		if s, ok := field.Addr().Interface().(sql.Scanner); ok && s.Scan(nil) == nil {
			return ""
		}
		return isBlank
	}
	if v.Type().AssignableTo(field.Type()) {
		field.Set(v)
		return ""
	}
	if field.Kind() == reflect.Pointer {
		if text, ok := single(value); ok && text == "" && field.Type().Elem().Kind() != reflect.String {
			field.SetZero()
			return ""
		}
		p := reflect.New(field.Type().Elem())
		if message := assign(p.Elem(), value); message != "" {
			return message
		}
		field.Set(p)
		return ""
	}
	if v.Kind() == reflect.Pointer {
		return assign(field, v.Elem().Interface())
	}
	if field.Kind() == reflect.Slice && v.Kind() == reflect.Slice && field.Type().Elem().Kind() != reflect.Uint8 {
		s := reflect.MakeSlice(field.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			if message := assign(s.Index(i), v.Index(i).Interface()); message != "" {
				return message
			}
		}
		field.Set(s)
		return ""
	}
	if text, ok := single(value); ok {
		return assignText(field, text)
	}
	if field.Type() == reflect.TypeFor[json.RawMessage]() { // an object or a list out of decoded JSON
		text, err := json.Marshal(value)
		if err != nil {
			return isInvalid
		}
		field.SetBytes(text)
		return ""
	}
	return assignNumber(field, v)
}

// single is the text of a string, or of the one that a form has for a field: an
// empty list is the empty text, of several the last counts.
func single(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case []string:
		if len(v) == 0 {
			return "", true
		}
		return v[len(v)-1], true
	}
	if v := reflect.ValueOf(value); v.Kind() == reflect.String {
		return v.String(), true
	}
	return "", false
}

// Times as forms and APIs write them.
var timeLayouts = []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02"}

func assignText(field reflect.Value, text string) string {
	if field.Type() == reflect.TypeFor[time.Time]() {
		for _, layout := range timeLayouts {
			if parsed, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
				field.Set(reflect.ValueOf(parsed.UTC()))
				return ""
			}
		}
		return orBlank(text)
	}
	if u, ok := field.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if text == "" || u.UnmarshalText([]byte(text)) != nil {
			return orBlank(text)
		}
		return ""
	}
	if s, ok := field.Addr().Interface().(sql.Scanner); ok { // pgtype.Numeric, sql.NullInt64 …
		var value any = text
		if text == "" {
			value = nil
		}
		if s.Scan(value) != nil {
			return orBlank(text)
		}
		return ""
	}
	kind := field.Kind()
	switch {
	case kind == reflect.String:
		field.SetString(text)
		return ""
	case kind == reflect.Slice && field.Type().Elem().Kind() == reflect.Uint8:
		field.SetBytes([]byte(text))
		return ""
	case isUUID(field.Type()):
		if u, err := parseUUID(text); err == nil {
			field.Set(reflect.ValueOf(u).Convert(field.Type()))
			return ""
		}
	case kind == reflect.Bool:
		if text == "on" { // a checkbox
			text = "true"
		}
		if b, err := strconv.ParseBool(text); err == nil {
			field.SetBool(b)
			return ""
		}
	case field.CanInt():
		if n, err := strconv.ParseInt(strings.TrimSpace(text), 10, field.Type().Bits()); err == nil {
			field.SetInt(n)
			return ""
		}
	case field.CanUint():
		if n, err := strconv.ParseUint(strings.TrimSpace(text), 10, field.Type().Bits()); err == nil {
			field.SetUint(n)
			return ""
		}
	case field.CanFloat():
		if n, err := strconv.ParseFloat(strings.TrimSpace(text), field.Type().Bits()); err == nil {
			field.SetFloat(n)
			return ""
		}
	}
	return orBlank(text)
}

func orBlank(text string) string {
	if strings.TrimSpace(text) == "" {
		return isBlank
	}
	return isInvalid
}

// assignNumber converts between numbers, and between types of one kind.
func assignNumber(field, v reflect.Value) string {
	switch {
	case field.CanInt() && v.CanInt() && !field.OverflowInt(v.Int()):
		field.SetInt(v.Int())
	case field.CanInt() && v.CanUint() && v.Uint() < 1<<63 && !field.OverflowInt(int64(v.Uint())):
		field.SetInt(int64(v.Uint()))
	case field.CanInt() && v.CanFloat() && v.Float() == math.Trunc(v.Float()) && math.Abs(v.Float()) < 1<<63 && !field.OverflowInt(int64(v.Float())):
		field.SetInt(int64(v.Float())) // numbers of JSON
	case field.CanUint() && v.CanInt() && v.Int() >= 0 && !field.OverflowUint(uint64(v.Int())):
		field.SetUint(uint64(v.Int()))
	case field.CanUint() && v.CanUint() && !field.OverflowUint(v.Uint()):
		field.SetUint(v.Uint())
	case field.CanUint() && v.CanFloat() && v.Float() == math.Trunc(v.Float()) && v.Float() >= 0 && v.Float() < 1<<64 && !field.OverflowUint(uint64(v.Float())):
		field.SetUint(uint64(v.Float()))
	case field.CanFloat() && v.CanFloat() && !field.OverflowFloat(v.Float()):
		field.SetFloat(v.Float())
	case field.CanFloat() && v.CanInt() && int64(float64(v.Int())) == v.Int():
		field.SetFloat(float64(v.Int()))
	case v.Kind() == field.Kind() && v.Type().ConvertibleTo(field.Type()):
		field.Set(v.Convert(field.Type()))
	default:
		return isInvalid
	}
	return ""
}
