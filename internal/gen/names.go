package gen

import (
	"go/token"
	"go/types"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"yore.example/yore/internal/rowtype"
)

var (
	isCamel = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)
	isSnake = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	isLower = regexp.MustCompile(`^[a-z][a-z0-9]*$`)
)

// Names are how a table, its rows and the code around them are called.
type Names struct {
	Package string // blog
	Type    string // Post
	Table   string // posts
	Schema  string // sales; empty for public
}

const namesHint = "Example: yore gen schema Blog.Post posts title:string body:text"

// ParseNames reads "Blog.Post" and "posts"; the package is that of the context,
// or pkg if that is not empty. A schema of "" or "public" is PostgreSQL's own.
func ParseNames(qualified, table, schema, pkg string) (Names, error) {
	n := Names{}
	parts := strings.Split(qualified, ".")
	if slices.ContainsFunc(parts, func(p string) bool { return !isCamel.MatchString(p) }) {
		hint := namesHint
		var camel []string
		for _, p := range parts {
			camel = append(camel, camelCase(p))
		}
		if len(parts) > 1 && !slices.ContainsFunc(camel, func(c string) bool { return !isCamel.MatchString(c) }) {
			hint = "Did you mean " + strings.Join(camel, ".") + "? " + namesHint
		}
		return n, refuse(hint, "%q is no Context.Type: each part is CamelCase, with letters and digits", qualified)
	}
	if len(parts) < 2 {
		return n, refuse(namesHint, "%q names a type without its context: Context.Type is asked for", qualified)
	}
	if err := n.setTable(table, schema); err != nil {
		return n, err
	}
	n.Type = parts[len(parts)-1]
	if pkg != "" {
		return n, n.usePackage(pkg)
	}
	n.Package = strings.ToLower(parts[len(parts)-2])
	return n, checkPackage(n.Package, "context "+strings.Join(parts[:len(parts)-1], "."))
}

// setTable checks the names in the database.
func (n *Names) setTable(table, schema string) error {
	if !isSnake.MatchString(table) {
		hint := namesHint
		if like := snakeCase(table); like != table && isSnake.MatchString(like) {
			hint = "Did you mean " + like + "? " + namesHint
		}
		return refuse(hint, "%q is no name for a table: it is snake_case and plural, of letters a to z, digits and single underscores", table)
	}
	if len(table) > 58 {
		return refuse("PostgreSQL's names have 63 bytes, and yore adds _past.", "the table's name %s has %d bytes; 58 are allowed", table, len(table))
	}
	if schema != "" && !isSnake.MatchString(schema) {
		return refuse("", "%q is no name for a schema: it is snake_case, of letters a to z, digits and single underscores", schema)
	}
	if len(schema) > 54 {
		return refuse("PostgreSQL's names have 63 bytes, and yore's schemas begin with temporal_.", "the schema's name %s has %d bytes; 54 are allowed", schema, len(schema))
	}
	if schema == "public" {
		schema = ""
	}
	n.Table, n.Schema = table, schema
	return nil
}

// Dir is the folder of a context, "admin/blog" for Admin.Blog.Post.
func Dir(qualified string) string {
	parts := strings.Split(strings.ToLower(qualified), ".")
	return path.Join(parts[:len(parts)-1]...)
}

// checkPackage refuses names with which a package cannot be built or imported.
func checkPackage(name, of string) error {
	const hint = "Another context, or --package NAME."
	switch {
	case !isLower.MatchString(name):
		return refuse("Letters a to z and digits, as in: --package blog", "%q is no name for a package", name)
	case token.IsKeyword(name):
		return refuse(hint, "%s would be package %s, a keyword of Go", of, name)
	case types.Universe.Lookup(name) != nil:
		return refuse(hint, "%s would be package %s, a predeclared name of Go", of, name)
	case slices.Contains([]string{"main", "init", "vendor", "testdata", "documentation"}, name):
		return refuse(hint, "%s would be package %s, which has a meaning of its own to Go", of, name)
	}
	return nil
}

// usePackage sets the name of the package.
func (n *Names) usePackage(name string) error {
	n.Package = name
	return checkPackage(name, "--package "+name)
}

// Handle is the variable that reads and writes the table. The names of the type
// and of a context's functions are not for it.
func (n Names) Handle() string {
	h := camelCase(n.Table)
	if slices.Contains([]string{n.Type, n.Type + "History", "Get" + n.Type, "Create" + n.Type, "Update" + n.Type, "Delete" + n.Type, "Undelete" + n.Type, "Change" + n.Type}, h) {
		return n.Type + "Table"
	}
	return h
}

// Plural is the type's plural as part of a function's name.
func (n Names) Plural() string { return camelCase(n.Table) }

// Article is the type with its article: "A Post", "An Order".
func (n Names) Article() string { return article(n.Type) + " " + n.Type }

// One and Many are what the rows are called in sentences.
func (n Names) One() string   { return strings.ReplaceAll(snakeCase(n.Type), "_", " ") }
func (n Names) Many() string  { return strings.ReplaceAll(n.Table, "_", " ") }
func (n Names) AnOne() string { return strings.ToLower(article(n.One())) + " " + n.One() }

// Receiver is that of the type's methods.
func (n Names) Receiver() string { return strings.ToLower(n.Type[:1]) }

// Var is a variable for a row in code: post, lineItem; row where that would
// hide something.
func (n Names) Var() string {
	v := lowerFirst(n.Type)
	taken := []string{"ctx", "db", "id", "at", "err", "next", "input", "changes", "want", "got", "made", "t",
		"context", "time", "yore", "json", "slices", "strings", "regexp", "errors", "os", "url", "reflect", "testing", "pgx", "pgxpool", "pgdev", "filepath"}
	if token.IsKeyword(v) || types.Universe.Lookup(v) != nil || slices.Contains(taken, v) {
		return "row"
	}
	return v
}

// Face is the table as code and SQL's functions name it: posts, sales.posts.
func (n Names) Face() string {
	if n.Schema == "" {
		return n.Table
	}
	return n.Schema + "." + n.Table
}

// FaceSQL is the same, quoted where SQL needs it.
func (n Names) FaceSQL() string {
	if n.Schema == "" {
		return ident(n.Table)
	}
	return ident(n.Schema) + "." + ident(n.Table)
}

// StorageSQL is the table beneath the face.
func (n Names) StorageSQL() string { return storage(n.Schema, n.Table) }

func storage(schema, table string) string {
	if schema == "" || schema == "public" {
		return "temporal." + ident(table)
	}
	return "temporal_" + schema + "." + ident(table)
}

// file is the name of a Go file, without its ending, for something: not one
// that the go command reads a meaning into, as in report_windows.go.
func file(snake string) string {
	last := snake[strings.LastIndexByte(snake, '_')+1:]
	if last != snake && (last == "test" || slices.Contains(platforms, last)) {
		return snake + "_row"
	}
	return snake
}

// platforms are what GOOS and GOARCH may be, as far as the go command looks for
// them in names of files.
var platforms = strings.Fields(`aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris wasip1 windows zos
	386 amd64 amd64p32 arm armbe arm64 arm64be loong64 mips mipsle mips64 mips64le mips64p32 mips64p32le ppc ppc64 ppc64le riscv riscv64 s390 s390x sparc sparc64 wasm`)

func article(word string) string {
	if strings.ContainsRune("aeiouAEIOU", rune(word[0])) {
		return "An"
	}
	return "A"
}

// initialisms are the words that Go writes in capitals.
var initialisms = strings.Fields("acl api ascii cpu css dns eof guid html http https id ip json lhs ok os qps ram rhs rpc sku sla smtp sql ssh tcp tls ttl udp ui uid uri url utf8 uuid vat vm xml")

// camelCase turns a column's or a table's name into a Go one: due_on into
// DueOn, author_entity_id into AuthorEntityID.
func camelCase(snake string) string {
	var b strings.Builder
	for word := range strings.FieldsFuncSeq(snake, func(c rune) bool { return c == '_' || c == '-' || c == ' ' }) {
		if slices.Contains(initialisms, word) {
			b.WriteString(strings.ToUpper(word))
			continue
		}
		runes := []rune(word)
		runes[0] = unicode.ToUpper(runes[0])
		b.WriteString(string(runes))
	}
	return b.String()
}

func snakeCase(name string) string { return rowtype.Snake(strings.ReplaceAll(name, "-", "_")) }

func lowerFirst(name string) string {
	// HTTPRoute is httpRoute, ID is id.
	first, rest, more := strings.Cut(snakeCase(name), "_")
	if !more {
		return first
	}
	_ = rest
	return first + name[len(first):]
}

// singular guesses what one row of a table is called.
func singular(plural string) string {
	head, last := "", plural
	if i := strings.LastIndexByte(plural, '_'); i >= 0 {
		head, last = plural[:i+1], plural[i+1:]
	}
	for _, r := range [][2]string{{"people", "person"}, {"children", "child"}, {"men", "man"}, {"women", "woman"}, {"mice", "mouse"}, {"indices", "index"}, {"series", "series"},
		{"news", "news"}, {"statuses", "status"}, {"addresses", "address"}, {"movies", "movie"}, {"data", "data"}} {
		if last == r[0] {
			return head + r[1]
		}
	}
	for _, r := range [][2]string{{"ies", "y"}, {"sses", "ss"}, {"xes", "x"}, {"ches", "ch"}, {"shes", "sh"}, {"ss", "ss"}, {"us", "us"}, {"is", "is"}, {"s", ""}} {
		if stem, ok := strings.CutSuffix(last, r[0]); ok && stem != "" {
			return head + stem + r[1]
		}
	}
	return plural
}

// nearest is the word of a list that a typo may have meant; empty if none is
// near.
func nearest(word string, list []string) string {
	best, least := "", 3
	for _, l := range list {
		if d := distance(word, l); d < least && d < len(l) {
			best, least = l, d
		}
	}
	return best
}

// distance counts the letters to insert, delete, replace or swap.
func distance(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}

// ident quotes a name of snake case where SQL would read a word of its own.
func ident(name string) string {
	if slices.Contains(reserved, name) {
		return `"` + name + `"`
	}
	return name
}

func quoteSQL(text string) string {
	quoted := "'" + strings.ReplaceAll(text, "'", "''") + "'"
	if strings.Contains(text, `\`) {
		return "E" + strings.ReplaceAll(quoted, `\`, `\\`) // whatever standard_conforming_strings is
	}
	return quoted
}

// reserved are the words of PostgreSQL that cannot name a table or a column as
// they are.
var reserved = strings.Fields(`all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case cast char
	character check coalesce collate collation column concurrently constraint create cross current_catalog current_date current_role
	current_schema current_time current_timestamp current_user dec decimal default deferrable desc distinct do else end except exists extract
	false fetch float for foreign freeze from full grant greatest group grouping having ilike in initially inner inout int integer intersect
	interval into is isnull join json json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar json_serialize
	json_table json_value lateral leading least left like limit localtime localtimestamp merge_action national natural nchar none normalize
	not notnull null nullif numeric offset on only or order out outer overlaps overlay placing position precision primary real references
	returning right row select session_user setof similar smallint some substring symmetric system_user table tablesample then time timestamp
	to trailing treat trim true union unique user using values varchar variadic verbose when where window with xmlattributes xmlconcat
	xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable`)
