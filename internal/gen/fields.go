package gen

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"yore.example/yore/internal/rowtype"
)

// A Field is a column of a table that is to be, and the Go field for it.
type Field struct {
	Column     string
	Name       string   // in Go
	References string   // the table referred to, as given; empty: none
	Values     []string // of an enum

	Array, Unique, Null, Index bool
	Default                    string // in SQL; empty: none

	kind kind
	zero bool // the default is Go's zero value
	refs struct{ schema, table string }
}

// Modifiers are what may stand behind a field's type, for help and completion.
func Modifiers() [][2]string {
	return [][2]string{
		{"null", "may be missing: a pointer, or a nil slice"},
		{"unique", "no two live rows have the same"},
		{"index", "is looked for"},
		{"default=VALUE", "what it is if it is not given"},
	}
}

var modifiers = []string{"null", "unique", "index"}

const fieldHint = "A field is NAME:TYPE[:MODIFIER…], as in title:string:unique or age:integer:null:default=18"

// taken are the names of the version data, and of yore's own columns.
var taken = strings.Fields(`id entity_id version valid_from valid_to deleted_at xid
	sys_id sys_version sys_from sys_to sys_xid sys_xid_to sys_deleted_at`)

// system are the columns that every table of PostgreSQL has.
var system = strings.Fields("tableoid xmin cmin xmax cmax ctid")

// ParseFields reads the fields of a command line.
func ParseFields(args []string, n Names) ([]Field, error) {
	var fields []Field
	columns, names := map[string]string{}, map[string]string{}
	for _, arg := range args {
		f, err := parseField(arg, n)
		if err != nil {
			return nil, err
		}
		if columns[f.Column] != "" {
			return nil, refuse("", "%s and %s would both be column %s", columns[f.Column], arg, f.Column)
		}
		if names[f.Name] != "" {
			return nil, refuse("", "%s and %s would both be the Go field %s", names[f.Name], arg, f.Name)
		}
		columns[f.Column], names[f.Name] = arg, arg
		fields = append(fields, f)
	}
	return fields, nil
}

func parseField(arg string, n Names) (Field, error) {
	parts := strings.Split(arg, ":")
	f := Field{Column: parts[0]}
	if !isSnake.MatchString(f.Column) {
		hint := fieldHint
		if like := snakeCase(f.Column); like != f.Column && isSnake.MatchString(like) {
			hint = "Did you mean " + strings.Join(append([]string{like}, parts[1:]...), ":") + "? " + fieldHint
		}
		return f, refuse(hint, "%q is no name for a field: it is snake_case, of letters a to z, digits and single underscores", f.Column)
	}
	if len(parts) == 1 || parts[1] == "" {
		return f, refuse(fieldHint, "field %s has no type: it is %s", f.Column, oneOf(typeNames()))
	}
	rest, err := f.setType(parts[1:], n)
	if err != nil {
		return f, err
	}
	if len(f.Column) > 63 {
		return f, refuse("", "the column's name %s has %d bytes; PostgreSQL's have 63 at most", f.Column, len(f.Column))
	}
	if slices.Contains(taken, f.Column) {
		return f, refuse("Every row of an immutable table has its entity_id, version, valid_from and deleted_at.",
			"a field %s is not possible: yore's own data has the names %s", f.Column, strings.Join(taken, ", "))
	}
	if slices.Contains(system, f.Column) {
		return f, refuse("", "a field %s is not possible: PostgreSQL's own columns have the names %s", f.Column, strings.Join(system, ", "))
	}
	f.Name = camelCase(f.Column)
	if f.Name == "Meta" || f.Name == "Validate" {
		f.Name += "Value" // the row type has these
	}
	if err := f.setModifiers(rest); err != nil {
		return f, err
	}
	if f.selfReference(n) && !f.Null {
		return f, refuse("Let it be null: "+arg+":null", "field %s: each of the %s would need another before it", parts[0], n.Many())
	}
	return f, nil
}

// setType reads the type and its argument and returns what stands behind them.
func (f *Field) setType(parts []string, n Names) ([]string, error) {
	name, rest := parts[0], parts[1:]
	argument := func(what, example string) (string, error) {
		if len(rest) == 0 || rest[0] == "" {
			return "", refuse("As in "+f.Column+":"+example, "field %s: %s needs %s", f.Column, name, what)
		}
		return rest[0], nil
	}
	switch name {
	case "array":
		of, err := argument("the type of its elements", "array:string")
		if err != nil {
			return nil, err
		}
		k, ok := findKind(of)
		if !ok {
			return nil, f.unknownType(of, typeNames()[:len(kinds)], "an array is of ")
		}
		f.kind, f.Array = k, true
		return rest[1:], nil
	case "enum":
		list, err := argument("its values", "enum:draft,published")
		if err != nil {
			return nil, err
		}
		f.kind, f.Values = enum, strings.Split(list, ",")
		for i, v := range f.Values {
			if strings.TrimSpace(v) != v || v == "" || strings.ContainsFunc(v, unicode.IsControl) || slices.Contains(f.Values[:i], v) {
				return nil, refuse("As in "+f.Column+":enum:draft,published", "field %s: the values of an enum are different words with commas between them, not %q", f.Column, list)
			}
		}
		if len(f.Values) < 2 {
			return nil, refuse("As in "+f.Column+":enum:draft,published", "field %s: an enum has two values or more", f.Column)
		}
		return rest[1:], nil
	case "references":
		table, err := argument("the table", "references:users")
		if err != nil {
			return nil, err
		}
		return rest[1:], f.setReference(table, n)
	}
	k, ok := findKind(name)
	if !ok {
		return nil, f.unknownType(name, typeNames(), "a type is ")
	}
	f.kind = k
	return rest, nil
}

func (f *Field) setReference(table string, n Names) error {
	schema, base, qualified := strings.Cut(table, ".")
	if !qualified {
		schema, base = n.Schema, table
	}
	if !isSnake.MatchString(base) || qualified && !isSnake.MatchString(schema) {
		return refuse("As in "+f.Column+":references:users", "field %s: %q is no name of a table", f.Column, table)
	}
	if schema == "public" {
		schema = ""
	}
	f.kind, f.References = references, table
	f.refs.schema, f.refs.table = schema, base
	f.Column = strings.TrimSuffix(f.Column, "_entity_id") + "_entity_id"
	return nil
}

// foreign are the words that people bring from elsewhere.
var foreign = map[string]string{
	"int": "integer", "int4": "integer", "int32": "integer", "int8": "bigint", "int64": "bigint", "int2": "smallint", "int16": "smallint",
	"bool": "boolean", "varchar": "string", "char": "string", "numeric": "decimal", "money": "decimal", "double": "float", "real": "float", "float64": "float",
	"timestamptz": "utc_datetime", "timestamp": "naive_datetime", "datetime": "utc_datetime", "utc_datetime_usec": "utc_datetime", "naive_datetime_usec": "naive_datetime",
	"json": "map", "jsonb": "map", "bytea": "binary", "bytes": "binary", "blob": "binary", "list": "array", "belongs_to": "references", "reference": "references", "ref": "references",
}

func (f *Field) unknownType(name string, allowed []string, is string) error {
	hint := fieldHint
	like := nearest(name, allowed)
	if other := foreign[name]; slices.Contains(allowed, other) {
		like = other
	}
	if like != "" {
		hint = "Did you mean " + like + "? " + fieldHint
	}
	return refuse(hint, "field %s: there is no type %q here; %s%s", f.Column, name, is, oneOf(allowed))
}

func (f *Field) setModifiers(parts []string) error {
	for i := 0; i < len(parts); i++ {
		part := parts[i]
		value, isDefault := strings.CutPrefix(part, "default=")
		switch {
		case isDefault:
			// A value may have colons; it ends at the next modifier.
			for i+1 < len(parts) && !slices.Contains(modifiers, parts[i+1]) && !strings.HasPrefix(parts[i+1], "default=") {
				i++
				value += ":" + parts[i]
			}
			if f.Default != "" {
				return refuse("", "field %s has two defaults", f.Column)
			}
			if err := f.setDefault(value); err != nil {
				return err
			}
		case !slices.Contains(modifiers, part):
			hint := fieldHint
			if like := nearest(strings.SplitN(part, "=", 2)[0], append([]string{"default"}, modifiers...)); like != "" {
				hint = "Did you mean " + strings.Replace(like, "default", "default=VALUE", 1) + "? " + fieldHint
			}
			return refuse(hint, "field %s: there is no modifier %q; a modifier is null, unique, index or default=VALUE", f.Column, part)
		case f.Null && part == "null", f.Unique && part == "unique", f.Index && part == "index":
			return refuse("", "field %s has the modifier %s twice", f.Column, part)
		}
		f.Null = f.Null || part == "null"
		f.Unique = f.Unique || part == "unique"
		f.Index = f.Index || part == "index"
	}
	if f.Unique && f.Index {
		return refuse("Leave index out.", "field %s: what is unique has an index", f.Column)
	}
	if f.Array && !f.Null && f.Default == "" {
		f.Default = "'{}'" // a nil slice is an empty list
	}
	return nil
}

func (f *Field) setDefault(text string) error {
	var ok bool
	form := f.kind.form
	switch {
	case f.References != "":
		return refuse("", "field %s: a reference has no default", f.Column)
	case f.Array:
		f.Default, ok = listDefault(f.kind, text)
		form = "{}, or a list with commas: each " + form
	case f.Values != nil:
		f.Default, ok = quoteSQL(text), slices.Contains(f.Values, text)
		form = oneOf(f.Values)
	default:
		f.Default, ok = f.kind.value(text)
		f.zero = f.countable() && (f.Default == "0" || f.Default == "false")
	}
	if !ok {
		return refuse("", "field %s: default=%s does not fit %s: it is %s", f.Column, text, f.kind.name, form)
	}
	return nil
}

func (f Field) selfReference(n Names) bool {
	return f.References != "" && f.refs.schema == n.Schema && f.refs.table == n.Table
}

// slice reports whether nil is a value of the Go type.
func (f Field) slice() bool {
	return f.Array || f.kind.name == "binary" || f.kind.name == "map"
}

// Pointer reports whether the Go type is a pointer: where NULL is possible, and
// where the zero value is a value as others are, not what stands for the default.
func (f Field) Pointer() bool {
	if f.slice() {
		return false
	}
	return f.Null || f.Default != "" && !f.zero && f.countable()
}

// countable reports whether false or 0 is a value of the type.
func (f Field) countable() bool {
	return slices.Contains([]string{"bool", "int16", "int32", "int64", "float64"}, f.kind.goes)
}

// GoType is the type of the Go field.
func (f Field) GoType() string {
	switch {
	case f.Array:
		return "[]" + f.kind.goes
	case f.Pointer():
		return "*" + f.kind.goes
	}
	return f.kind.goes
}

// Tag is the Go field's tag, with its space before it; empty where none is
// needed.
func (f Field) Tag() string {
	name, option := "", ""
	if rowtype.Snake(f.Name) != f.Column {
		name = f.Column
	}
	if f.Default != "" && (!f.zero || f.Pointer()) {
		option = ",default"
	}
	if name+option == "" {
		return ""
	}
	return " `db:\"" + name + option + "\"`"
}

// Comment stands behind the Go field.
func (f Field) Comment() string {
	switch {
	case f.References != "":
		return " // the entity_id of one of " + f.References
	case f.Values != nil:
		return " // " + oneOf(f.Values)
	case f.kind.name == "decimal" && !f.Array:
		return " // a decimal number"
	case f.kind.name == "time" && !f.Array:
		return " // a time of day"
	}
	return ""
}

// SQLType is the type of the column.
func (f Field) SQLType() string {
	if f.Array {
		return f.kind.sql + "[]"
	}
	return f.kind.sql
}

// Constraints are what stands behind the column's type.
func (f Field) Constraints(n Names) string {
	var c []string
	if !f.Null {
		c = append(c, "NOT NULL")
	}
	if f.Default != "" {
		c = append(c, "DEFAULT "+f.Default)
	}
	if f.Unique {
		c = append(c, "UNIQUE")
	}
	if f.Values != nil {
		quoted := make([]string, len(f.Values))
		for i, v := range f.Values {
			quoted[i] = quoteSQL(v)
		}
		c = append(c, fmt.Sprintf("CHECK (%s IN (%s))", ident(f.Column), strings.Join(quoted, ", ")))
	}
	if f.References != "" {
		// In a schema of its own, the name of the storage: only an unqualified
		// one is resolved.
		table := storage(f.refs.schema, f.refs.table)
		switch {
		case f.selfReference(n):
			table = n.FaceSQL() // when it is created, it is no face yet
		case f.refs.schema == "" && n.Schema == "":
			table = ident(f.refs.table)
		}
		c = append(c, "REFERENCES "+table+" (entity_id)")
	}
	return strings.Join(c, " ")
}

// IndexSQL is what to index the column by; empty: nothing.
func (f Field) IndexSQL() string {
	switch {
	case f.Unique || f.References == "" && !f.Index:
		return ""
	case f.Array || f.kind.name == "map":
		return "USING gin (" + ident(f.Column) + ")" // what is in them is looked for
	}
	return "(" + ident(f.Column) + ")"
}

// Complete returns what may stand behind the last colon of a field that is being
// typed, and what it is.
func Complete(word string) [][2]string {
	parts := strings.Split(word, ":")
	switch {
	case len(parts) < 2:
		return nil
	case len(parts) == 2:
		var words [][2]string
		for _, k := range kinds {
			words = append(words, [2]string{k.name, k.is})
		}
		return append(words, [2]string{"array:", "a list"}, [2]string{"enum:", enum.is}, [2]string{"references:", references.is})
	case len(parts) == 3 && parts[1] == "array":
		return Types()[:len(kinds)]
	case len(parts) == 3 && (parts[1] == "enum" || parts[1] == "references"):
		return nil
	}
	words := Modifiers()
	words[len(words)-1][0] = "default="
	return slices.DeleteFunc(words, func(m [2]string) bool { return slices.Contains(parts, m[0]) })
}

func oneOf(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
