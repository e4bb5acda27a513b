package gen

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A Context is the functions around a row type, with their test.
type Context struct {
	Schema
	Migration Migration
}

// Code is the row type, its functions and their test, in folder dir, and the
// migration.
func (c Context) Code(dir string) ([]File, error) {
	row, err := c.Schema.Code(dir)
	if err != nil {
		return nil, err
	}
	functions, err := goFile(path.Join(dir, c.file()+".go"), "context.go.tmpl", c)
	if err != nil {
		return nil, err
	}
	test, err := goFile(path.Join(dir, c.Table+"_test.go"), "context_test.go.tmpl", testOf{c, dir})
	if err != nil {
		return nil, err
	}
	migration, err := c.Migration.Code()
	return append(migration, row, functions, test), err
}

// Module is the import path of package yore.
func (c Context) Module() string { return module }

// file is the name of the functions' file: that of the table, unless the row
// type has it.
func (c Context) file() string {
	if name := file(c.Table); name != file(snakeCase(c.Type)) {
		return name
	}
	return c.Table + "_context"
}

// Emptied are the fields of JSON that may be NULL: empty text, from a form, is
// no JSON.
func (c Context) Emptied() []Field {
	return slices.DeleteFunc(slices.Clone(c.Fields), func(f Field) bool { return f.Array || !f.Null || f.kind.name != "map" })
}

// Columns are those that a form may set, as Go code, in lines that can be read.
func (c Context) Columns() string {
	var b strings.Builder
	line := 0
	for i, f := range c.Fields {
		switch {
		case i > 0 && line > 80:
			b.WriteString(",\n\t\t")
			line = 0
		case i > 0:
			b.WriteString(", ")
		}
		n, _ := fmt.Fprintf(&b, "%q", f.Column)
		line += n + 2
	}
	return b.String()
}

// testOf is what the template of the test sees.
type testOf struct {
	Context
	dir string
}

// Imports are what the test needs.
func (t testOf) Imports() [][]string {
	paths := []string{"context", "errors", "net/url", "os", "reflect", "testing", "time", module, module + "/pgdev",
		"github.com/jackc/pgx/v5", "github.com/jackc/pgx/v5/pgxpool"}
	if t.Migration.Format == Goose || t.Wrong() != nil {
		paths = append(paths, "strings")
	}
	for _, f := range t.Fields {
		if f.kind.pkg != "" && !slices.Contains(paths, f.kind.pkg) {
			paths = append(paths, f.kind.pkg)
		}
	}
	return imports(paths...)
}

// TestDB is the function that makes a database for the test.
func (t testOf) TestDB() string { return lowerFirst(t.Plural()) + "DB" }

// Template is the name of the database that it clones.
func (t testOf) Template() string { return t.Package + "_" + t.Table }

// MigrationPath leads from the package's folder to the migration.
func (t testOf) MigrationPath() (string, error) {
	from, err := filepath.Abs(filepath.FromSlash(t.dir))
	if err != nil {
		return "", err
	}
	to, err := filepath.Abs(filepath.FromSlash(t.Migration.Path()))
	if err != nil {
		return "", err
	}
	to, err = filepath.Rel(from, to)
	return filepath.ToSlash(to), err
}

// Before is the SQL of what must be there before the migration: the schema, and
// tables for the references.
func (t testOf) Before() []string {
	var before, schemas, tables []string
	schema := func(name string) {
		if name != "" && !slices.Contains(schemas, name) {
			schemas = append(schemas, name)
			before = append(before, "CREATE SCHEMA "+ident(name))
		}
	}
	schema(t.Names.Schema)
	for _, f := range t.Fields {
		if f.References == "" || f.selfReference(t.Names) {
			continue
		}
		face := Names{Schema: f.refs.schema, Table: f.refs.table}.FaceSQL()
		if slices.Contains(tables, face) {
			continue
		}
		schema(f.refs.schema)
		tables = append(tables, face)
		before = append(before, fmt.Sprintf("SELECT yore.create_immutable_table(%s, '')", quoteSQL(face)),
			fmt.Sprintf("INSERT INTO %s (entity_id) VALUES ('00000000-0000-0000-0000-000000000001'), ('00000000-0000-0000-0000-000000000002')", face))
	}
	return before
}

// A Value is a field with what a test sets it to.
type Value struct{ Name, Column, Code, Text string }

// Made are the values of a row as it is made, Changed those of it when it is
// changed. Forms have the latter's text.
func (t testOf) Made() []Value    { return t.values(0) }
func (t testOf) Changed() []Value { return t.values(1) }

func (t testOf) values(which int) []Value {
	var values []Value
	for _, f := range t.Fields {
		s := f.sample(which)
		v := Value{f.Name, f.Column, s.code, fmt.Sprintf("{%q}", s.text)}
		switch {
		case f.selfReference(t.Names) && which == 0:
			continue // the first one has none before it
		case f.selfReference(t.Names):
			v.Code, v.Text = "new("+t.Var()+".EntityID)", "{made.EntityID.String()}"
		case f.Array && which == 0:
			v.Code = fmt.Sprintf("[]%s{%s, %s}", f.kind.goes, s.code, f.sample(1).code)
		case f.Array:
			v.Code = fmt.Sprintf("[]%s{%s}", f.kind.goes, s.code)
		case f.Pointer() && f.countable() && f.kind.goes != "bool":
			v.Code = fmt.Sprintf("new(%s(%s))", f.kind.goes, s.code)
		case f.Pointer():
			v.Code = "new(" + s.code + ")"
		}
		values = append(values, v)
	}
	return values
}

func (f Field) sample(which int) sample {
	switch {
	case f.Values != nil:
		v := []string{f.Values[0], f.Values[len(f.Values)-1]}[which]
		return sample{fmt.Sprintf("%q", v), v}
	case f.References != "":
		k, _ := findKind("uuid")
		return k.samples[which]
	}
	return f.kind.samples[which]
}

// A Wrong is a field that can be refused, with text that a form may send.
type Wrong struct{ Column, Text, Message string }

// Wrong is the first of them; nil if anything goes.
func (t testOf) Wrong() *Wrong {
	for _, f := range t.Fields {
		switch {
		case f.required() && !f.Array && f.kind.name != "binary": // empty bytes are bytes
			return &Wrong{f.Column, "", "can't be blank"}
		case !f.slice() && !slices.Contains([]string{"string", "text"}, f.kind.name):
			return &Wrong{f.Column, "nonsense", "is invalid"}
		}
	}
	return nil
}

// Blank is the first field that Validate refuses to be empty; nil if there is
// none.
func (t testOf) Blank() *Field {
	for _, f := range t.Fields {
		if f.required() && !f.Array {
			return &f
		}
	}
	return nil
}

// Zero is the zero value of a required field.
func (f Field) Zero() string {
	switch {
	case f.slice():
		return "nil"
	case f.kind.goes == "string":
		return `""`
	}
	return f.kind.goes + "{}"
}
