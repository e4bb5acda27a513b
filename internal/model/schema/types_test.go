package schema

import (
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// A value is NULL, or what PostgreSQL writes for it as text (in UTC): two values
// of a type are the same if their texts are.
type value struct {
	null bool
	text string
}

var null = value{null: true}

func val(text string) value { return value{text: text} }

func (v value) String() string {
	if v.null {
		return "∅"
	}
	return v.text
}

// arg is the value as an argument of a statement.
func (v value) arg() any {
	if v.null {
		return nil
	}
	return v.text
}

// The types of columns, as format_type names them; textC is text with another
// collation.
const textC = `text COLLATE "C"`

// samples are values of each type, so chosen that some do not convert to others.
var samples = map[string][]string{
	"integer":                  {"0", "1", "2", "7", "-3", "40000"},
	"bigint":                   {"0", "1", "12", "5000000000"},
	"text":                     {"", "a", "12", "012", "7.50", "true", "sad", "[1, 2]", "abcdefghij"},
	textC:                      {"a", "12", "b"},
	"character varying(3)":     {"", "a", "12", "abc"},
	"character varying(8)":     {"a", "12", "abcdef"},
	"numeric":                  {"1", "1.5", "2.50", "1000000"},
	"numeric(8,2)":             {"0.00", "1.50", "12.00", "-3.25"},
	"numeric(10,2)":            {"0.00", "1.50", "12.00"},
	"boolean":                  {"t", "f"},
	"date":                     {"2020-02-03", "1999-12-31"},
	"timestamp with time zone": {"2020-02-03 00:00:00+00", "2021-05-06 07:08:09.5+00"},
	"jsonb":                    {`{"a": 1}`, "[1, 2]", `"x"`, "12"},
	"text[]":                   {"{}", "{a,b}", "{NULL,c}"},
	"mood":                     {"sad", "ok", "happy"},
	"positive":                 {"1", "2", "7"},
}

// shownType is the type without its collation.
func shownType(typ string) string { return strings.TrimSuffix(typ, ` COLLATE "C"`) }

// A converter turns the text of a value into that of another type, or fails
// with a SQLSTATE.
type converter func(string) (string, string)

// A conversion is a change of a column's type.
type conversion struct {
	from, to string
	using    string    // of the column %[1]s, and maybe another, %[2]s; "" for the cast that ALTER TABLE makes
	present  converter // nil: PostgreSQL knows no such cast
	past     converter // the explicit cast, where it differs
	back     converter // nil: the same text
	ofNull   bool      // NULL becomes something, too: the text of ""
	rewrites bool
	second   bool // takes the text of another column as well
}

func same(s string) (string, string) { return s, "" }

func toInt(bits int, code string) converter {
	return func(s string) (string, string) {
		n, err := strconv.ParseInt(s, 10, bits)
		if err != nil {
			if strings.Contains(err.Error(), "range") {
				code = "22003"
			}
			return "", code
		}
		return strconv.FormatInt(n, 10), ""
	}
}

// rounded is numeric(8,places), half away from zero; limit is its end.
func rounded(places int, limit int64) converter {
	return func(s string) (string, string) {
		r, ok := new(big.Rat).SetString(s)
		if !ok {
			return "", "22P02"
		}
		text := r.FloatString(places) // rounds half away from zero
		if after, _ := new(big.Rat).SetString(text); after.Cmp(big.NewRat(limit, 1)) >= 0 {
			return "", "22003"
		}
		return text, ""
	}
}

func cut(n int) converter {
	return func(s string) (string, string) { return s[:min(n, len(s))], "" }
}

func atMost(n int) converter {
	return func(s string) (string, string) {
		if len(s) > n {
			return "", "22001"
		}
		return s, ""
	}
}

func oneOf(code string, fitting ...string) converter {
	return func(s string) (string, string) {
		if !slices.Contains(fitting, s) {
			return "", code
		}
		return s, ""
	}
}

// element is the text as the one element of an array.
func element(s string) string {
	if s == "" || strings.EqualFold(s, "null") || strings.ContainsAny(s, `{}",\ `) {
		s = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
	}
	return "{" + s + "}"
}

func when(cond func(string) bool, then, otherwise string) converter {
	return func(s string) (string, string) {
		if cond(s) {
			return then, ""
		}
		return otherwise, ""
	}
}

func is(what string) func(string) bool { return func(s string) bool { return s == what } }

func strip(suffix string) converter {
	return func(s string) (string, string) { return strings.TrimSuffix(s, suffix), "" }
}

func with(suffix string) converter {
	return func(s string) (string, string) { return s + suffix, "" }
}

func day(s string) (string, string) { return s[:10], "" }

func length(s string) (string, string) { return strconv.Itoa(len(s)), "" }

func validJSON(s string) (string, string) {
	if !json.Valid([]byte(s)) {
		return "", "22P02"
	}
	return s, ""
}

func positive(s string) (string, string) {
	if s[0] == '-' || s == "0" {
		return "", "23514"
	}
	return s, ""
}

var conversions = []conversion{
	{from: "integer", to: "bigint", present: same, rewrites: true},
	{from: "bigint", to: "integer", present: toInt(32, "22003"), rewrites: true},
	{from: "integer", to: "text", present: same, rewrites: true},
	{from: "integer", to: "text", using: "%[1]s::text || '!'", present: with("!"), back: toInt(32, "22P02"), rewrites: true},
	{from: "bigint", to: "text", present: same, rewrites: true},
	{from: "text", to: "integer", using: "%[1]s::integer", present: toInt(32, "22P02"), rewrites: true},
	{from: "text", to: "integer", using: "length(%[1]s)", present: length, rewrites: true},
	{from: "text", to: "integer"},
	{from: "integer", to: "boolean"},
	{from: "text", to: "character varying(3)", present: atMost(3), past: cut(3), rewrites: true},
	{from: "text", to: "character varying(8)", present: atMost(8), past: cut(8), rewrites: true},
	{from: "character varying(8)", to: "character varying(3)", present: atMost(3), past: cut(3), rewrites: true},
	{from: "character varying(3)", to: "character varying(8)", present: same},
	{from: "character varying(3)", to: "text", present: same},
	{from: "character varying(8)", to: "text", present: same},
	{from: "text", to: textC, present: same},
	{from: textC, to: "text", present: same},
	{from: "numeric(8,2)", to: "numeric(10,2)", present: same},
	{from: "numeric(8,2)", to: "numeric", present: same},
	{from: "numeric(10,2)", to: "numeric(8,2)", present: rounded(2, 1_000_000), rewrites: true},
	{from: "numeric(8,2)", to: "integer", present: rounded(0, 1<<31), back: with(".00"), rewrites: true},
	{from: "numeric", to: "integer", present: rounded(0, 1<<31), rewrites: true},
	{from: "numeric", to: "numeric(8,2)", present: rounded(2, 1_000_000), rewrites: true},
	{from: "integer", to: "numeric(8,2)", present: rounded(2, 1_000_000), back: strip(".00"), rewrites: true},
	{from: "bigint", to: "numeric(8,2)", present: rounded(2, 1_000_000), back: strip(".00"), rewrites: true},
	{from: "integer", to: "boolean", using: "%[1]s <> 0", present: when(is("0"), "f", "t"), back: when(is("t"), "1", "0"), rewrites: true},
	{from: "boolean", to: "integer", using: "%[1]s::integer", present: when(is("t"), "1", "0"), back: when(is("0"), "f", "t"), rewrites: true},
	{from: "boolean", to: "text", present: when(is("t"), "true", "false"), back: when(is("true"), "t", "f"), rewrites: true},
	{from: "text", to: "boolean", using: "%[1]s = 'true'", present: when(is("true"), "t", "f"), back: when(is("t"), "true", "false"), rewrites: true},
	{from: "date", to: "timestamp with time zone", present: with(" 00:00:00+00"), back: day, rewrites: true},
	{from: "timestamp with time zone", to: "date", present: day, back: with(" 00:00:00+00"), rewrites: true},
	{from: "date", to: "text", present: same, rewrites: true},
	{from: "timestamp with time zone", to: "text", present: same, rewrites: true},
	{from: "jsonb", to: "text", present: same, rewrites: true},
	{from: "text", to: "jsonb", using: "%[1]s::jsonb", present: validJSON, rewrites: true},
	{from: "text", to: "text[]", using: "CASE WHEN %[1]s IS NOT NULL THEN ARRAY[%[1]s] END", present: func(s string) (string, string) { return element(s), "" }, rewrites: true},
	{from: "text[]", to: "text", present: same, rewrites: true},
	{from: "text", to: "mood", using: "%[1]s::mood", present: oneOf("22P02", samples["mood"]...), rewrites: true},
	{from: "mood", to: "text", present: same, rewrites: true},
	{from: "integer", to: "positive", present: positive, rewrites: true},
	{from: "positive", to: "integer", present: same},
	{from: "text", to: "character varying(8)", using: "concat(%[1]s, '/', %[2]s)", present: atMost(8), past: cut(8), second: true, ofNull: true, rewrites: true},
	{from: "character varying(8)", to: "text", using: "concat(%[1]s, '/', %[2]s)", present: same, second: true, ofNull: true, rewrites: true},
	{from: "integer", to: "text", using: "coalesce(%[1]s::text, 'none')", present: same, back: toInt(32, "22P02"), ofNull: true, rewrites: true},
}

// convert gives the value that the column's becomes; other is that of the
// second column.
func (c conversion) convert(f converter, v, other value) (value, string) {
	switch {
	case c.second:
		v = val(v.text + "/" + other.text)
	case v.null && c.ofNull:
		return val("none"), ""
	case v.null:
		return null, ""
	}
	text, code := f(v.text)
	return val(text), code
}

func (c conversion) ofPresent(v, other value) (value, string) { return c.convert(c.present, v, other) }

func (c conversion) ofPast(v, other value) (value, string) {
	if c.past != nil {
		return c.convert(c.past, v, other)
	}
	return c.convert(c.present, v, other)
}

// returns says whether the converted value would come back as it was.
func (c conversion) returns(was, converted value) bool {
	if converted.null || was.null {
		return converted == was
	}
	if c.back == nil {
		return converted.text == was.text
	}
	text, code := c.back(converted.text)
	return code == "" && text == was.text
}

// unique is what a unique index compares: to it, 1.5 is 1.50.
func unique(typ string, v value) value {
	if strings.HasPrefix(typ, "numeric") && !v.null {
		r, _ := new(big.Rat).SetString(v.text)
		v.text = r.String()
	}
	return v
}
