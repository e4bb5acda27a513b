package gen

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/rowtype"
)

// A Model is a row type for a table that is there.
type Model struct {
	Names
	Fields    []Column
	Immutable bool
	Prefix    string // of the version data's columns
	RowID     bool
	Written   string   // the table's name, for Immutable
	Skipped   []string // what has no field, and why

	kind, comment string
	versionWrite  bool
	history, asof string
}

// A Column is a column of a Model.
type Column struct {
	Column, Name, GoType, Tag, Comment string

	imports string
}

const modelQuery = `
SELECT c.oid, n.nspname, c.relname, c.relkind::text, coalesce(obj_description(c.oid, 'pg_class'), '')
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.oid = to_regclass($1::text)`

const trackedQuery = `
SELECT m.immutable, m.prefix, m.show_row_id, m.allow_version_write, format('%I.%I', m.storage_schema, m.storage_name)::regclass::oid,
       i.history_schema, i.asof_schema, coalesce(obj_description(format('%I.%I', m.storage_schema, m.storage_name)::regclass, 'pg_class'), '')
  FROM yore.tracked AS m, yore.installation AS i
 WHERE (m.schema_name, m.table_name) = ($1::text, $2::text)`

// columnsQuery has the columns of relation $1, with what its storage $2 knows of
// them: a view's own may be NULL all.
const columnsQuery = `
SELECT a.attname, format_type(a.atttypid, a.atttypmod),
       coalesce(e.typname, b.typname), coalesce(en.nspname, bn.nspname) = 'pg_catalog', e.oid IS NOT NULL,
       coalesce(s.attnotnull OR t.typnotnull, false), coalesce(s.attgenerated, '') <> '' OR coalesce(s.attidentity, '') = 'a',
       coalesce(s.attidentity, '') <> '' OR coalesce(s.atthasdef, false), coalesce(pg_get_expr(d.adbin, d.adrelid), ''),
       coalesce(col_description(a.attrelid, a.attnum), col_description(s.attrelid, s.attnum), '')
  FROM pg_attribute AS a
  LEFT JOIN pg_attribute AS s ON s.attrelid = $2::oid AND s.attname = a.attname AND NOT s.attisdropped
  LEFT JOIN pg_attrdef AS d ON (d.adrelid, d.adnum) = (s.attrelid, s.attnum)
  JOIN pg_type AS t ON t.oid = a.atttypid
 CROSS JOIN LATERAL (
   WITH RECURSIVE domain AS (
     SELECT t.oid, t.typtype, t.typbasetype
      UNION ALL
     SELECT u.oid, u.typtype, u.typbasetype FROM domain AS v JOIN pg_type AS u ON u.oid = v.typbasetype WHERE v.typtype = 'd')
   SELECT oid FROM domain WHERE typtype <> 'd') AS base
  JOIN pg_type AS b ON b.oid = base.oid
  JOIN pg_namespace AS bn ON bn.oid = b.typnamespace
  LEFT JOIN pg_type AS e ON b.typcategory = 'A' AND e.typarray = b.oid
  LEFT JOIN pg_namespace AS en ON en.oid = e.typnamespace
 WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum`

// ReadModel reads from the database what a table's rows are. goType may be
// empty: then the singular of the table's name is taken.
func ReadModel(ctx context.Context, conn *pgx.Conn, table, goType, pkg string) (Model, error) {
	m := Model{}
	var oid, storage uint32
	var relkind string
	err := conn.QueryRow(ctx, modelQuery, table).Scan(&oid, &m.Schema, &m.Table, &relkind, &m.comment)
	if errors.Is(err, pgx.ErrNoRows) {
		return m, fmt.Errorf("there is no table %s", table)
	}
	if err != nil {
		return m, yore.Explain(err)
	}
	if !slices.Contains([]string{"r", "p", "v", "m", "f"}, relkind) {
		return m, fmt.Errorf("%s is no table or view", table)
	}
	m.kind = map[string]string{"r": "table", "p": "table", "f": "table", "v": "view", "m": "view"}[relkind]
	storage = oid
	if err := m.readTracked(ctx, conn, &storage); err != nil {
		return m, err
	}
	if err := m.name(goType, pkg); err != nil {
		return m, err
	}
	return m, m.readColumns(ctx, conn, oid, storage)
}

// readTracked reads what yore knows of the table, if yore is there. The comment of
// a face is yore's, that of its storage the user's.
func (m *Model) readTracked(ctx context.Context, conn *pgx.Conn, storage *uint32) error {
	var installed bool
	if err := conn.QueryRow(ctx, "SELECT to_regclass('yore.tracked') IS NOT NULL").Scan(&installed); err != nil || !installed {
		return yore.Explain(err)
	}
	err := conn.QueryRow(ctx, trackedQuery, m.Schema, m.Table).
		Scan(&m.Immutable, &m.Prefix, &m.RowID, &m.versionWrite, storage, &m.history, &m.asof, &m.comment)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return yore.Explain(err)
	}
	m.kind = "temporal table"
	if m.Immutable {
		m.kind = "immutable table"
	}
	return nil
}

func (m *Model) name(goType, pkg string) error {
	m.Type = goType
	if goType == "" {
		m.Type = goName(singular(snakeCase(m.Table)))
	}
	m.Written = pgx.Identifier{m.Table}.Sanitize()
	if isSnake.MatchString(m.Table) {
		m.Written = m.Table
	}
	if m.Schema != "public" {
		schema := pgx.Identifier{m.Schema}.Sanitize()
		if isSnake.MatchString(m.Schema) {
			schema = m.Schema
		}
		m.Written = schema + "." + m.Written
	}
	if !isCamel.MatchString(m.Type) {
		return refuse("As in: --type Order", "%q is no name for a Go type: it is CamelCase, with letters and digits", m.Type)
	}
	return m.usePackage(pkg)
}

func (m *Model) readColumns(ctx context.Context, conn *pgx.Conn, oid, storage uint32) error {
	rows, err := conn.Query(ctx, columnsQuery, oid, storage)
	if err != nil {
		return yore.Explain(err)
	}
	defer rows.Close()
	names := map[string]bool{"Meta": true, "Validate": true}
	for rows.Next() {
		var c dbColumn
		if err := rows.Scan(&c.name, &c.full, &c.base, &c.builtIn, &c.array, &c.notNull, &c.readOnly, &c.hasDefault, &c.expression, &c.comment); err != nil {
			return err
		}
		if m.Immutable && m.Prefix == "" && slices.Contains([]string{"entity_id", "version", "valid_from", "deleted_at"}, c.name) {
			continue // of yore.Meta
		}
		if strings.ContainsAny(c.name, ",\"`\\\n") {
			m.Skipped = append(m.Skipped, fmt.Sprintf("column %q: its name cannot stand in a tag", c.name))
			continue
		}
		column := m.column(c)
		for names[column.Name] {
			column.Name += "_"
		}
		names[column.Name] = true
		column.Tag = m.tag(column, c)
		m.Fields = append(m.Fields, column)
	}
	return yore.Explain(rows.Err())
}

// A dbColumn is a column as the catalogs have it.
type dbColumn struct {
	name, full, base string
	builtIn, array   bool
	notNull          bool
	readOnly         bool // generated
	hasDefault       bool
	expression       string
	comment          string
}

// zero reports whether the default is Go's zero value, so that it makes no
// difference which is sent.
func (c dbColumn) zero() bool {
	e, _, _ := strings.Cut(c.expression, "::")
	e = strings.Trim(e, "()'")
	return e == "false" || e == "0" || e == "0.0"
}

func (m *Model) column(c dbColumn) Column {
	t, known := goTypes[c.base]
	if !known || !c.builtIn {
		t = goTypeOf{"string", "", false}
		if c.base == "citext" || c.base == "ltree" || c.base == "hstore" {
			known = true
		}
	}
	column := Column{Column: c.name, Name: goName(c.name), GoType: t.name, imports: t.imports}
	isNull := !c.notNull
	switch {
	case m.isVersionData(c.name):
		isNull = c.name == m.Prefix+"deleted_at"
	case m.Immutable && c.notNull && c.hasDefault && !c.readOnly && !c.zero() && t.countable():
		isNull = true // nil is the default; false and 0 are values
	}
	switch {
	case c.array:
		column.GoType = "[]" + t.name
	case isNull && !t.nilable:
		column.GoType = "*" + t.name
	}
	switch {
	case c.comment != "":
		column.Comment = " // " + strings.Join(strings.Fields(c.comment), " ")
	case !known || !c.builtIn:
		column.Comment = " // " + c.full + ", as text"
	case t.name == "string" && !slices.Contains([]string{"text", "varchar"}, c.base):
		column.Comment = " // " + c.full
	}
	return column
}

func (m *Model) isVersionData(column string) bool {
	rest, ok := strings.CutPrefix(column, m.Prefix)
	return m.Immutable && (column == "entity_id" || ok && (slices.Contains([]string{"version", "valid_from", "deleted_at"}, rest) || m.RowID && rest == "id"))
}

func (m *Model) tag(column Column, c dbColumn) string {
	name, option := "", ""
	if rowtype.Snake(column.Name) != c.name {
		name = c.name
	}
	switch {
	case m.isVersionData(c.name):
	case c.readOnly:
		option = ",readonly"
	case c.hasDefault && (strings.HasPrefix(column.GoType, "*") || !c.zero()):
		option = ",default"
	case m.Immutable && c.name == m.Prefix+"id":
		name, option = c.name, ""
	}
	if name+option == "" {
		return ""
	}
	return " `db:\"" + name + option + "\"`"
}

// goTypeOf is the Go type of a type of PostgreSQL's.
type goTypeOf struct {
	name, imports string
	nilable       bool // it has a value for NULL
}

func (t goTypeOf) countable() bool {
	return slices.Contains([]string{"bool", "int16", "int32", "int64", "float32", "float64"}, t.name)
}

const pgtypePath = "github.com/jackc/pgx/v5/pgtype"

var goTypes = func() map[string]goTypeOf {
	types := map[string]goTypeOf{
		"bool": {"bool", "", false}, "int2": {"int16", "", false}, "int4": {"int32", "", false}, "int8": {"int64", "", false},
		"float4": {"float32", "", false}, "float8": {"float64", "", false}, "numeric": {"string", "", false},
		"text": {"string", "", false}, "varchar": {"string", "", false}, "bpchar": {"string", "", false}, "name": {"string", "", false}, "xml": {"string", "", false},
		"bytea": {"[]byte", "", true}, "json": {"json.RawMessage", "encoding/json", true}, "jsonb": {"json.RawMessage", "encoding/json", true}, "jsonpath": {"string", "", false},
		"uuid": {"yore.UUID", module, false}, "date": {"time.Time", "time", false}, "timestamp": {"time.Time", "time", false}, "timestamptz": {"time.Time", "time", false},
		"time": {"string", "", false}, "timetz": {"string", "", false}, "money": {"string", "", false}, "oid": {"uint32", "", false},
		"xid": {"uint32", "", false}, "cid": {"uint32", "", false}, "xid8": {"uint64", "", false}, "oid8": {"uint64", "", false},
		"inet": {"netip.Prefix", "net/netip", false}, "cidr": {"netip.Prefix", "net/netip", false},
		"macaddr": {"net.HardwareAddr", "net", true}, "macaddr8": {"net.HardwareAddr", "net", true},
	}
	for name, t := range map[string]string{
		"interval": "Interval", "bit": "Bits", "varbit": "Bits", "point": "Point", "line": "Line", "lseg": "Lseg", "box": "Box", "path": "Path", "polygon": "Polygon", "circle": "Circle",
		"tsvector": "TSVector", "tid": "TID",
	} {
		types[name] = goTypeOf{"pgtype." + t, pgtypePath, true}
	}
	for name, of := range map[string]string{"int4": "Int4", "int8": "Int8", "num": "Numeric", "ts": "Timestamp", "tstz": "Timestamptz", "date": "Date"} {
		types[name+"range"] = goTypeOf{"pgtype.Range[pgtype." + of + "]", pgtypePath, true}
		types[name+"multirange"] = goTypeOf{"pgtype.Multirange[pgtype.Range[pgtype." + of + "]]", pgtypePath, true}
	}
	return types
}()

// goName makes a Go name of a column's, which may be any text.
func goName(column string) string {
	clean := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			return c
		}
		return '_'
	}, column)
	name := camelCase(clean)
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		return "Column" + name
	}
	return name
}

// Code is the Go file, in folder dir.
func (m Model) Code(dir string) (File, error) {
	return goFile(path.Join(dir, file(snakeCase(m.Type))+".go"), "model.go.tmpl", m)
}

// Imports are what the file needs.
func (m Model) Imports() [][]string {
	var paths []string
	if m.Immutable {
		paths = append(paths, module)
	}
	for _, c := range m.Fields {
		if c.imports != "" && !slices.Contains(paths, c.imports) {
			paths = append(paths, c.imports)
		}
	}
	if len(paths) == 0 {
		return nil
	}
	return imports(paths...)
}

// Kind is what the table is: an immutable table, a temporal table, a table or a
// view.
func (m Model) Kind() string { return m.kind }

// About is what the database has as the table's comment, in lines of Go comments;
// empty if it has none.
func (m Model) About() []string {
	var lines []string
	for line := range strings.Lines(m.comment) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

// Embeds reports whether the row type has yore.Meta.
func (m Model) Embeds() bool { return m.Immutable && m.Prefix == "" }

// Options are those of yore.Immutable.
func (m Model) Options() string {
	var options []string
	if m.Prefix != "" {
		options = append(options, fmt.Sprintf("yore.Prefix(%q)", m.Prefix))
	}
	if m.versionWrite {
		options = append(options, "yore.AllowVersionWrite()")
	}
	if m.history != "history" || m.asof != "asof" {
		options = append(options, fmt.Sprintf("yore.Schemas(%q, %q)", m.history, m.asof))
	}
	if len(options) == 0 {
		return ""
	}
	return ", " + strings.Join(options, ", ")
}

// Handle is the variable that reads and writes the table.
func (m Model) Handle() string {
	if h := goName(m.Table); h != m.Type {
		return h
	}
	return m.Type + "Table"
}
