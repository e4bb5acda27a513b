package gen

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"yore.example/yore"
)

// A kind is a type of fields, as it is written on the command line.
type kind struct {
	name string
	sql  string
	goes string // the Go type
	pkg  string // what that imports
	is   string // what it is, for help texts

	// blank is a Go condition, with %s for the field, under which a required
	// value is missing; empty where that cannot be told.
	blank string

	samples [2]sample

	// value reads a default and returns it in SQL; it says what is allowed
	// otherwise. Nil: no default fits.
	value func(text string) (sql string, ok bool)
	form  string
}

// A sample is a value for tests: in Go, and as a form sends it.
type sample struct{ code, text string }

// The forms that text must have to be a value of its type.
var (
	decimalForm = `^[+-]?(\d+(\.\d*)?|\.\d+)$`
	timeForm    = `^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$`

	isDecimal = regexp.MustCompile(decimalForm)
	isTime    = regexp.MustCompile(timeForm)
)

var kinds = []kind{
	{name: "string", sql: "text", goes: "string", is: "a line of text", blank: `strings.TrimSpace(%s) == ""`,
		samples: [2]sample{{`"some text"`, "some text"}, {`"other text"`, "other text"}}, value: textDefault, form: "any text"},
	{name: "text", sql: "text", goes: "string", is: "text of any length", blank: `strings.TrimSpace(%s) == ""`,
		samples: [2]sample{{`"some\nlines"`, "some\nlines"}, {`"other\nlines"`, "other\nlines"}}, value: textDefault, form: "any text"},
	{name: "integer", sql: "integer", goes: "int32", is: "32 bits",
		samples: [2]sample{{"41", "41"}, {"42", "42"}}, value: integerDefault(32), form: "a whole number of 32 bits"},
	{name: "bigint", sql: "bigint", goes: "int64", is: "64 bits",
		samples: [2]sample{{"9007199254740993", "9007199254740993"}, {"42", "42"}}, value: integerDefault(64), form: "a whole number of 64 bits"},
	{name: "smallint", sql: "smallint", goes: "int16", is: "16 bits",
		samples: [2]sample{{"41", "41"}, {"42", "42"}}, value: integerDefault(16), form: "a whole number of 16 bits"},
	{name: "float", sql: "double precision", goes: "float64", is: "64 bits, binary",
		samples: [2]sample{{"1.5", "1.5"}, {"-2.25", "-2.25"}}, value: floatDefault, form: "a number"},
	{name: "decimal", sql: "numeric", goes: "string", is: "a number with all its digits, as text",
		blank:   `%s == ""`,
		samples: [2]sample{{`"120.50"`, "120.50"}, {`"-456.7"`, "-456.7"}}, value: matching(isDecimal), form: "a number such as 19.90"},
	{name: "boolean", sql: "boolean", goes: "bool", is: "true or false",
		samples: [2]sample{{"true", "true"}, {"false", "false"}}, value: booleanDefault, form: "true or false"},
	{name: "date", sql: "date", goes: "time.Time", pkg: "time", is: "a day; its time of day is 00:00 UTC", blank: "%s.IsZero()",
		samples: [2]sample{{"time.Date(2026, time.January, 31, 0, 0, 0, 0, time.UTC)", "2026-01-31"}, {"time.Date(2028, time.February, 29, 0, 0, 0, 0, time.UTC)", "2028-02-29"}},
		value:   timeDefault("current_date", time.DateOnly), form: "a day such as 2026-01-31, or now"},
	{name: "time", sql: "time", goes: "string", is: "a time of day, as text: 09:30 is read back as 09:30:00.000000",
		blank:   `%s == ""`,
		samples: [2]sample{{`"09:30:00.000000"`, "09:30:00.000000"}, {`"17:45:30.500000"`, "17:45:30.500000"}},
		value: func(text string) (string, bool) {
			if text == "now" {
				return "localtime", true
			}
			return quoteSQL(text), isTime.MatchString(text)
		}, form: "a time of day such as 09:30 or 09:30:15, or now"},
	{name: "utc_datetime", sql: "timestamptz", goes: "time.Time", pkg: "time", is: "a moment, in UTC, to the microsecond", blank: "%s.IsZero()",
		samples: [2]sample{{"time.Date(2026, time.January, 31, 9, 30, 0, 123456000, time.UTC)", "2026-01-31T09:30:00.123456Z"}, {"time.Date(2028, time.February, 29, 17, 45, 0, 0, time.UTC)", "2028-02-29T18:45:00+01:00"}},
		value:   timeDefault("now()", time.RFC3339Nano), form: "a moment such as 2026-01-31T09:30:00Z, or now"},
	{name: "naive_datetime", sql: "timestamp", goes: "time.Time", pkg: "time", is: "a day and a time of day, of no zone", blank: "%s.IsZero()",
		samples: [2]sample{{"time.Date(2026, time.January, 31, 9, 30, 0, 0, time.UTC)", "2026-01-31T09:30"}, {"time.Date(2028, time.February, 29, 17, 45, 30, 0, time.UTC)", "2028-02-29 17:45:30"}},
		value:   timeDefault("localtimestamp", "2006-01-02T15:04:05"), form: "such as 2026-01-31T09:30:00, or now"},
	{name: "uuid", sql: "uuid", goes: "yore.UUID", is: "a UUID", blank: "%s.IsZero()",
		samples: [2]sample{{"yore.UUID{15: 1}", "00000000-0000-0000-0000-000000000001"}, {"yore.UUID{15: 2}", "00000000-0000-0000-0000-000000000002"}},
		value: func(text string) (string, bool) {
			u, err := yore.ParseUUID(text)
			return quoteSQL(u.String()), err == nil
		}, form: "a UUID"},
	{name: "binary", sql: "bytea", goes: "[]byte", is: "bytes", blank: "%s == nil",
		samples: [2]sample{{`[]byte("some bytes")`, "some bytes"}, {`[]byte("other bytes")`, "other bytes"}},
		value: func(text string) (string, bool) {
			digits := strings.TrimPrefix(text, `\x`)
			_, err := hex.DecodeString(digits)
			return "decode(" + quoteSQL(digits) + ", 'hex')", err == nil
		}, form: "hexadecimal digits such as cafe"},
	{name: "map", sql: "jsonb", goes: "json.RawMessage", pkg: "encoding/json", is: "JSON", blank: "len(%s) == 0",
		samples: [2]sample{{"json.RawMessage(`{\"key\": \"value\"}`)", `{"key": "value"}`}, {"json.RawMessage(`{\"key\": [1, 2]}`)", `{"key": [1, 2]}`}},
		value: func(text string) (string, bool) {
			return quoteSQL(text), json.Valid([]byte(text))
		}, form: "JSON such as {}"},
}

// enum and references are types with an argument.
var (
	enum       = kind{name: "enum", sql: "text", goes: "string", is: "one of the values, as text with a CHECK", blank: `%s == ""`}
	references = kind{name: "references", sql: "uuid", goes: "yore.UUID", is: "the entity_id of a row of another immutable table", blank: "%s.IsZero()"}
)

// Types are the types of fields, for help and completion: what to write, and
// what it is.
func Types() [][2]string {
	var all [][2]string
	for _, k := range kinds {
		all = append(all, [2]string{k.name, k.is})
	}
	return append(all, [2]string{"array:TYPE", "a list of one of the types above"},
		[2]string{"enum:a,b,c", enum.is}, [2]string{"references:TABLE", references.is})
}

func typeNames() []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return append(names, "array", "enum", "references")
}

func findKind(name string) (kind, bool) {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
	if i < 0 {
		return kind{}, false
	}
	return kinds[i], true
}

func textDefault(text string) (string, bool) {
	return quoteSQL(text), !strings.ContainsRune(text, 0)
}

func integerDefault(bits int) func(string) (string, bool) {
	return func(text string) (string, bool) {
		n, err := strconv.ParseInt(text, 10, bits)
		return strconv.FormatInt(n, 10), err == nil
	}
}

func floatDefault(text string) (string, bool) {
	f, err := strconv.ParseFloat(text, 64)
	return strconv.FormatFloat(f, 'g', -1, 64), err == nil && !math.IsInf(f, 0) && !math.IsNaN(f)
}

func matching(form *regexp.Regexp) func(string) (string, bool) {
	return func(text string) (string, bool) { return text, form.MatchString(text) }
}

func booleanDefault(text string) (string, bool) { return text, text == "true" || text == "false" }

func timeDefault(now, layout string) func(string) (string, bool) {
	return func(text string) (string, bool) {
		if text == "now" {
			return now, true
		}
		_, err := time.Parse(layout, text)
		return quoteSQL(text), err == nil
	}
}

// listDefault reads a,b,c as a list of values of a kind, {} as the empty one.
func listDefault(k kind, text string) (string, bool) {
	if text == "" || text == "{}" {
		return "'{}'", true
	}
	var values []string
	for part := range strings.SplitSeq(text, ",") {
		v, ok := k.value(part)
		if !ok {
			return "", false
		}
		values = append(values, v)
	}
	return fmt.Sprintf("ARRAY[%s]::%s[]", strings.Join(values, ", "), k.sql), true
}
