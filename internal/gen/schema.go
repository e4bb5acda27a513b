package gen

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// A Schema is a row type to be written.
type Schema struct {
	Names
	Fields  []Field
	Related []Related
}

// Code is the Go file of the row type, in folder dir.
func (s Schema) Code(dir string) (File, error) {
	return goFile(path.Join(dir, file(snakeCase(s.Type))+".go"), "schema.go.tmpl", s)
}

// Imports are what the file needs.
func (s Schema) Imports() [][]string {
	paths := []string{module}
	need := func(p string) {
		if p != "" && !slices.Contains(paths, p) {
			paths = append(paths, p)
		}
	}
	for _, f := range s.Fields {
		need(f.kind.pkg)
		for _, c := range f.checks("r", "form") {
			for _, p := range []string{"strings", "slices"} {
				if strings.Contains(c.Condition, p+".") {
					need(p)
				}
			}
		}
	}
	if len(s.Forms()) > 0 {
		need("regexp")
	}
	for _, r := range s.Related {
		need(r.path)
	}
	return imports(paths...)
}

// A Form is a regular expression that a row type checks text by.
type Form struct{ Var, Pattern, Comment string }

// Forms are those that the checks need.
func (s Schema) Forms() []Form {
	var forms []Form
	for _, known := range []struct{ kind, pattern, comment string }{
		{"decimal", decimalForm, "a number such as 19.90"},
		{"time", timeForm, "a time of day such as 09:30 or 09:30:15.5"},
	} {
		if slices.ContainsFunc(s.Fields, func(f Field) bool { return f.kind.name == known.kind && !f.Array }) {
			forms = append(forms, Form{s.form(known.kind), known.pattern, known.comment})
		}
	}
	return forms
}

func (s Schema) form(kind string) string { return lowerFirst(s.Type) + camelCase(kind) }

// A Check is a condition under which Validate refuses a row.
type Check struct{ Condition, Column, Message string }

// Checks are what Validate looks at.
func (s Schema) Checks() []Check {
	var checks []Check
	for _, f := range s.Fields {
		checks = append(checks, f.checks(s.Receiver()+"."+f.Name, s.form(f.kind.name))...)
	}
	return checks
}

// checks are the checks of a field; form is the variable with its pattern.
func (f Field) checks(field, form string) []Check {
	var checks []Check
	if f.required() {
		checks = append(checks, Check{fmt.Sprintf(f.kind.blank, field), f.Column, "can't be blank"})
	}
	if f.Array {
		return checks
	}
	value, there := field, field+` != ""`
	if f.Pointer() {
		value, there = "*"+field, field+" != nil"
	}
	wrong := ""
	switch f.kind.name {
	case "decimal", "time":
		wrong = fmt.Sprintf("%s && !%s.MatchString(%s)", there, form, value)
	case "enum":
		quoted := make([]string, len(f.Values))
		for i, v := range f.Values {
			quoted[i] = fmt.Sprintf("%q", v)
		}
		wrong = fmt.Sprintf("%s && !slices.Contains([]string{%s}, %s)", there, strings.Join(quoted, ", "), value)
	case "map":
		wrong = fmt.Sprintf("%s != nil && !json.Valid(%[1]s)", field)
		if f.required() {
			wrong = fmt.Sprintf("len(%s) > 0 && !json.Valid(%[1]s)", field)
		}
	}
	if wrong != "" {
		checks = append(checks, Check{wrong, f.Column, "is invalid"})
	}
	return checks
}

// required reports whether it is a mistake to leave the field at its zero value.
func (f Field) required() bool { return !f.Null && f.Default == "" && f.kind.blank != "" }

// A Related says which row type a reference leads to.
type Related struct {
	Field  Field
	Handle string // Users, or accounts.Users

	path string
}

// ParseRelated reads what --related gives, "author=User" or
// "author=example.com/shop/accounts.User", with the name left out where there is
// one reference alone. A reference to the table itself leads to its own type.
func ParseRelated(given []string, fields []Field, n Names) ([]Related, error) {
	var all []Related
	var references []string
	for _, f := range fields {
		if f.References != "" && !f.selfReference(n) {
			references = append(references, f.Short())
		}
	}
	for _, text := range given {
		name, goType, named := strings.Cut(text, "=")
		if !named {
			goType = name
			if len(references) != 1 {
				return nil, refuse("As in: --related author=User", "--related %s: of which reference? There are %d", text, len(references))
			}
			name = references[0]
		}
		i := slices.IndexFunc(fields, func(f Field) bool { return f.References != "" && (f.Short() == name || f.Column == name) })
		if i < 0 {
			hint := "There is no reference among the fields."
			if len(references) > 0 {
				hint = "The references are " + strings.Join(references, ", ") + "."
			}
			return nil, refuse(hint, "--related %s: no field %s references a table", text, name)
		}
		r := Related{Field: fields[i], Handle: camelCase(fields[i].refs.table)}
		pkg := ""
		if dot := strings.LastIndexByte(goType, '.'); dot >= 0 {
			r.path, goType = goType[:dot], goType[dot+1:]
			pkg = path.Base(r.path)
			r.Handle = pkg + "." + r.Handle
		}
		if !isCamel.MatchString(goType) || pkg != "" && !isLower.MatchString(pkg) {
			return nil, refuse("As in: --related author=User, or with the package's import path: --related author=example.com/shop/accounts.User",
				"--related %s names no type", text)
		}
		if camelCase(fields[i].refs.table) == goType {
			r.Handle += "Table"
		}
		all = append(all, r)
	}
	for _, f := range fields {
		if f.selfReference(n) && !slices.ContainsFunc(all, func(r Related) bool { return r.Field.Column == f.Column }) {
			all = append(all, Related{Field: f, Handle: n.Handle()})
		}
	}
	return all, nil
}

// Short is the name of a reference without _entity_id: author.
func (f Field) Short() string { return strings.TrimSuffix(f.Column, "_entity_id") }

// Relation is the variable of a relation: PostAuthor. PostHistory is a function.
func (s Schema) Relation(f Field) string {
	if f.Short() == "history" {
		return s.Type + "HistoryRelation"
	}
	return s.Type + camelCase(f.Short())
}

// Unrelated are the references of which no type was told.
func (s Schema) Unrelated() []Field {
	var fields []Field
	for _, f := range s.Fields {
		if f.References != "" && !slices.ContainsFunc(s.Related, func(r Related) bool { return r.Field.Column == f.Column }) {
			fields = append(fields, f)
		}
	}
	return fields
}

// TableHandle is the handle that the rows of the table referred to will have.
func (f Field) TableHandle() string { return camelCase(f.refs.table) }

// ShortText is the reference in sentences: author, parent post.
func (f Field) ShortText() string { return strings.ReplaceAll(f.Short(), "_", " ") }
