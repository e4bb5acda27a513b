package gen

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// defaults are, for each type, a default as it is given and as Go code has it.
// None is the type's zero value.
var defaults = map[string][2]string{
	"string":         {"it's $$ 100%; \\n", `"it's $$ 100%; \\n"`},
	"text":           {"a:b", `"a:b"`},
	"integer":        {"-7", "int32(-7)"},
	"bigint":         {"9007199254740993", "int64(9007199254740993)"},
	"smallint":       {"7", "int16(7)"},
	"float":          {"1e-3", "0.001"},
	"decimal":        {"19.90", `"19.90"`},
	"boolean":        {"true", "true"},
	"date":           {"2026-01-31", "time.Date(2026, time.January, 31, 0, 0, 0, 0, time.UTC)"},
	"time":           {"09:30", `"09:30:00.000000"`},
	"utc_datetime":   {"2026-01-31T10:30:00.5+01:00", "time.Date(2026, time.January, 31, 9, 30, 0, 500000000, time.UTC)"},
	"naive_datetime": {"2026-01-31T09:30:00", "time.Date(2026, time.January, 31, 9, 30, 0, 0, time.UTC)"},
	"uuid":           {"01930000-0000-7000-8000-000000000001", "yore.UUID{0x01, 0x93, 6: 0x70, 8: 0x80, 15: 1}"},
	"binary":         {"cafe", "[]byte{0xca, 0xfe}"},
	"map":            {`{"a": [1, 2]}`, "json.RawMessage(`{\"a\": [1, 2]}`)"},
}

// A variant is a table with a field of every type, all with the same modifiers.
type variant struct {
	name      string
	modifiers string // DEFAULT stands for default=…
}

// inGo reports whether the variant's Go code is run: that of the others is the
// same as that of one which is.
func (v variant) inGo() bool {
	return !slices.Contains([]string{"MissingSingle", "MissingIndexed", "SinglePreset", "IndexedPreset", "MissingIndexedPreset"}, v.name)
}

var variants = []variant{
	{"Plain", ""}, {"Missing", ":null"}, {"Single", ":unique"}, {"Indexed", ":index"}, {"Preset", ":DEFAULT"},
	{"MissingSingle", ":null:unique"}, {"MissingIndexed", ":null:index"}, {"MissingPreset", ":null:DEFAULT"},
	{"SinglePreset", ":unique:DEFAULT"}, {"IndexedPreset", ":DEFAULT:index"},
	{"MissingSinglePreset", ":unique:DEFAULT:null"}, {"MissingIndexedPreset", ":null:DEFAULT:index"},
}

func (v variant) has(modifier string) bool { return strings.Contains(v.modifiers, modifier) }

// specs are the variant's fields, as on a command line.
func (v variant) specs() []string {
	var specs []string
	for _, k := range kinds {
		with := func(text string) string { return strings.Replace(v.modifiers, "DEFAULT", "default="+text, 1) }
		specs = append(specs, "a_"+k.name+":"+k.name+with(defaults[k.name][0]))
		list := defaults[k.name][0] + "," + defaults[k.name][0]
		if k.name == "map" {
			list = "1,true" // a comma ends an element
		}
		specs = append(specs, "list_of_"+k.name+":array:"+k.name+with(list))
	}
	specs = append(specs, "status:enum:draft,it's out,published"+strings.Replace(v.modifiers, "DEFAULT", "default=it's out", 1))
	return append(specs, "owner:references:users"+strings.Replace(v.modifiers, ":DEFAULT", "", 1),
		"editor:references:users"+strings.Replace(v.modifiers, ":DEFAULT", "", 1))
}

// table is the name of the variant's table.
func (v variant) table() string { return snakeCase(v.name) + "_kinds" }

// parse returns what the generators get of a command line.
func parse(t testing.TB, qualified, table, schema string, specs ...string) (Names, []Field) {
	t.Helper()
	n, err := ParseNames(qualified, table, schema, "")
	if err != nil {
		t.Fatal(err)
	}
	fields, err := ParseFields(specs, n)
	if err != nil {
		t.Fatal(err)
	}
	return n, fields
}

// An app is a Go module that code is generated into.
type app struct {
	*testing.T
	dir string
	now time.Time
}

func newApp(t *testing.T) *app {
	t.Helper()
	a := &app{t, t.TempDir(), time.Date(2026, 11, 21, 5, 0, 0, 0, time.UTC)}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(mod), "\n")
	a.write("go.mod", "module example.com/app\n"+rest+"\nrequire "+module+" v0.0.0\n\nreplace "+module+" => "+root+"\n")
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	a.write("go.sum", string(sum))
	return a
}

func (a *app) write(path, text string) {
	a.Helper()
	path = filepath.Join(a.dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		a.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		a.Fatal(err)
	}
}

// add writes generated files.
func (a *app) add(files ...File) {
	a.Helper()
	for _, f := range files {
		if _, err := os.Stat(filepath.Join(a.dir, f.Path)); err == nil {
			a.Fatalf("%s is written twice", f.Path)
		}
		a.write(f.Path, string(f.Text))
	}
}

// context generates a context with its migration, each a second after the last.
func (a *app) context(dir string, s Schema, format Format) {
	a.Helper()
	a.now = a.now.Add(time.Second)
	m, err := NewMigration(s.Names, s.Fields, format, "migrations", a.now)
	if err != nil {
		a.Fatal(err)
	}
	if s.Related == nil {
		if s.Related, err = ParseRelated(nil, s.Fields, s.Names); err != nil {
			a.Fatal(err)
		}
	}
	files, err := Context{s, m}.Code(dir)
	if err != nil {
		a.Fatal(err)
	}
	a.add(files...)
}

// goes runs the go command, which must not need the network.
func (a *app) goes(env []string, args ...string) {
	a.Helper()
	cmd := exec.CommandContext(context.Background(), "go", args...)
	cmd.Dir = a.dir
	cmd.Env = append(append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off"), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		a.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// immutable-N17, immutable-239, immutable-240, immutable-247..250: what is generated compiles,
// passes go vet, and does what it says. The test of every context, which is
// generated as well, runs on PostgreSQL, with its migration: rows with every type go
// in and come out the same, a form sets every field, and every field must be given
// where its zero value is none. There is a context for all types under each
// combination of modifiers that makes other Go code, and some of odd names.
func TestGenerated(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, v := range variants {
		if !v.inGo() {
			continue
		}
		n, fields := parse(t, "Kinds."+v.name+"Kind", v.table(), "", v.specs()...)
		a.context("kinds", Schema{Names: n, Fields: fields}, Formats[len(v.name)%len(Formats)])
	}
	a.write("kinds/more_test.go", moreTests(t))

	odd := func(dir, qualified, table, schema string, related []string, specs ...string) {
		t.Helper()
		n, fields := parse(t, qualified, table, schema, specs...)
		r, err := ParseRelated(related, fields, n)
		if err != nil {
			t.Fatal(err)
		}
		a.context(dir, Schema{n, fields, r}, Formats[len(table)%len(Formats)])
	}
	odd("blog", "Blog.User", "users", "", nil, "email:string:unique")
	odd("blog", "Blog.Post", "posts", "", []string{"User"}, "title:string", "author:references:users", "parent:references:posts:null")
	odd("internal/shop", "Shop.Order", "order", "sales", []string{"buyer=example.com/app/blog.User"},
		"total:decimal", "buyer:references:public.users:null", "select:string", "meta:map:null", "validate:boolean", "url:string:null", "previous:references:order:null")
	odd("news", "News.News", "news", "", nil, "type:string", "r:integer", "err:text:null")
	odd("odd", "Odd.Type", "types_windows", "", nil, "done:boolean")
	odd("odd", "Odd.ReportTest", "report_tests", "", nil, "parent:references:report_tests:null")
	odd("odd", "Odd.Context", "time", "", nil, "tags:array:string")
	odd("odd", "Odd.Entry", "entry_history", "", nil, "history:references:entry_history:null", "content:text")
	a.write("odd/bare.go", string(bare(t)))

	a.write("blog/relations_test.go", relationsTest)

	models := a.models()
	a.goes(nil, "vet", "./...")
	a.goes([]string{"TZ=America/New_York", "MODELS_URL=" + models}, "test", "-count=1", "./...")
}

// relationsTest is a test of the relations, between tables that are both generated.
const relationsTest = `package blog

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRelations(t *testing.T) {
	ctx := context.Background()
	db := usersDB(t)
	files, err := filepath.Glob("../migrations/*_create_posts*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	migration, err := os.ReadFile(files[len(files)-1]) // after .down.sql comes .up.sql
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(ctx, strings.Split(string(migration), "-- +goose Down")[0]); err != nil {
		t.Fatal(err)
	}
	user, err := CreateUser(ctx, db, User{Email: "a@x"})
	if err != nil {
		t.Fatal(err)
	}
	first, err := CreatePost(ctx, db, Post{Title: "1", AuthorEntityID: user.EntityID})
	if err != nil {
		t.Fatal(err)
	}
	second, err := CreatePost(ctx, db, Post{Title: "2", AuthorEntityID: user.EntityID, ParentEntityID: &first.EntityID})
	if err != nil {
		t.Fatal(err)
	}
	if author, err := PostAuthor.One(ctx, db, second); err != nil || author == nil || *author != user {
		t.Errorf("author %+v, %v", author, err)
	}
	if parent, err := PostParent.One(ctx, db, second); err != nil || parent == nil || parent.Title != "1" {
		t.Errorf("parent %+v, %v", parent, err)
	}
	if parent, err := PostParent.One(ctx, db, first); err != nil || parent != nil {
		t.Errorf("parent %+v, %v", parent, err)
	}
	if _, err := DeleteUser(ctx, db, user); err == nil || !strings.Contains(err.Error(), "is still referenced") {
		t.Errorf("delete of an author: %v", err)
	}
	second.AuthorEntityID = first.EntityID
	if _, err := CreatePost(ctx, db, second); err == nil || !strings.Contains(err.Error(), "author_entity_id does not exist") {
		t.Errorf("an author who is not there: %v", err)
	}
}
`

// bare is a row type without any field.
func bare(t *testing.T) []byte {
	t.Helper()
	n, fields := parse(t, "Odd.Bare", "bares", "")
	f, err := Schema{Names: n, Fields: fields}.Code("odd")
	if err != nil {
		t.Fatal(err)
	}
	return f.Text
}

// moreTests is a test of the values that the generated ones do not use: NULL in
// all columns, and the defaults.
func moreTests(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("package kinds\n\nimport (\n\"context\"\n\"encoding/json\"\n\"errors\"\n\"reflect\"\n\"testing\"\n\"time\"\n\n\"" + module + "\"\n)\n\nvar _ = json.Valid\nvar _ = errors.Is\nvar _ time.Time\n")
	for _, v := range variants {
		if !v.inGo() {
			continue
		}
		n, fields := parse(t, "Kinds."+v.name+"Kind", v.table(), "", v.specs()...)
		fmt.Fprintf(&b, "\nfunc TestZero%s(t *testing.T) {\nctx := context.Background()\ndb := %sDB(t)\nwant := %[3]s{}\n", n.Type, lowerFirst(n.Plural()), n.Type)
		switch {
		case v.has("DEFAULT"):
			for _, f := range fields {
				code := defaults[f.kind.name][1]
				switch {
				case f.References != "" && f.Null:
					continue
				case f.References != "":
					code = "yore.UUID{15: 1}"
				case f.Array && f.kind.name == "map":
					code = "[]json.RawMessage{json.RawMessage(`1`), json.RawMessage(`true`)}"
				case f.Array:
					code = fmt.Sprintf("[]%s{%s, %[2]s}", f.kind.goes, code)
				case f.Values != nil:
					code = `"it's out"`
				}
				if f.Pointer() {
					code = "new(" + code + ")"
				}
				fmt.Fprintf(&b, "want.%s = %s\n", f.Name, code)
			}
		case v.has("null"):
		default: // required: nothing is made of nothing
			fmt.Fprintf(&b, "_, err := Create%s(ctx, db, want)\nvar invalid *yore.InvalidError\nif !errors.As(err, &invalid) {\nt.Fatal(err)\n}\n", n.Type)
			for _, f := range fields {
				if f.required() {
					fmt.Fprintf(&b, "if got := invalid.Field(%q); !reflect.DeepEqual(got, []string{\"can't be blank\"}) {\nt.Errorf(\"%s: %%v\", got)\n}\n", f.Column, f.Column)
				}
			}
			b.WriteString("}\n")
			continue
		}
		given := "{}"
		if v.has("DEFAULT") && !v.has("null") {
			given = "{OwnerEntityID: yore.UUID{15: 1}, EditorEntityID: yore.UUID{15: 1}}"
		}
		fmt.Fprintf(&b, "got, err := Create%s(ctx, db, %[1]s%s)\nif err != nil {\nt.Fatal(err)\n}\nwant%[1]s(t, got, want, 1)\n", n.Type, given)
		// What is given goes before the default, if it is zero to others as well.
		fmt.Fprintf(&b, "given := changed%s(%[1]s{})\n", n.Type)
		if v.has("DEFAULT") {
			fmt.Fprintf(&b, "given.AInteger, given.AFloat, given.ABoolean, given.ListOfString = new(int32(0)), new(0.0), new(false), []string{}\n")
		}
		fmt.Fprintf(&b, "got, err = Create%s(ctx, db, given)\nif err != nil {\nt.Fatal(err)\n}\nwant%[1]s(t, got, given, 1)\n", n.Type)
		if v.has("null") {
			// A form in which everything is left empty.
			b.WriteString("empty, err := Change" + n.Type + "(got, map[string]any{")
			for _, f := range fields {
				if !f.Array && f.kind.name != "binary" {
					fmt.Fprintf(&b, "%q: \"\", ", f.Column)
				}
			}
			b.WriteString("})\nif err != nil {\nt.Fatal(err)\n}\n")
			for _, f := range fields {
				if !f.Array && f.kind.name != "binary" {
					fmt.Fprintf(&b, "if empty.%s != nil {\nt.Errorf(\"%[1]s: %%v\", empty.%[1]s)\n}\n", f.Name)
				}
			}
			fmt.Fprintf(&b, "got, err = Update%s(ctx, db, got, %[1]s{})\nif err != nil {\nt.Fatal(err)\n}\nwant%[1]s(t, got, %[1]s{}, 2)\n", n.Type)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// immutable-243..245, immutable-153..155, immutable-N13: every migration runs on
// PostgreSQL up, down and up again, in a schema of its own as well, and what is
// there then has the columns that were asked for; a reference is a column
// <name>_entity_id of type uuid, with its foreign key and index.
func TestMigrationsRun(t *testing.T) {
	t.Parallel()
	for _, schema := range []string{"", "sales"} {
		pool := pgtest.Pool(t)
		pgtest.Exec(t, pool, "CREATE SCHEMA sales", "SELECT yore.create_immutable_table('users', '')", "SELECT yore.create_immutable_table('sales.users', '')")
		storage := "temporal"
		if schema != "" {
			storage += "_" + schema
		}
		for _, v := range variants {
			n, fields := parse(t, "Kinds."+v.name+"Kind", v.table(), schema, v.specs()...)
			for _, format := range Formats {
				if format != Goose && v.name != "Plain" && v.name != "Preset" {
					continue // the same statements
				}
				m, err := NewMigration(n, fields, format, t.TempDir(), time.Now())
				if err != nil {
					t.Fatal(err)
				}
				up, down := upAndDown(t, m)
				for range 2 {
					pgtest.Exec(t, pool, up...)
					wantColumns(t, pool, storage+"."+n.Table, v, fields)
					pgtest.Exec(t, pool, down...)
					if left := pgtest.Rows(t, pool, "SELECT relname FROM pg_class WHERE relname LIKE '%\\_kinds%'"); len(left) > 0 {
						t.Fatalf("%s leaves %q", format, left)
					}
				}
			}
		}
		if left := pgtest.Rows(t, pool, "SELECT table_name FROM yore.tracked WHERE table_name <> 'users'"); len(left) > 0 {
			t.Errorf("still tracked: %q", left)
		}
		pgtest.Clean(t, pool)
	}
}

// upAndDown are the statements of a migration, as its tool runs them: goose one
// by one, the others a file at once.
func upAndDown(t *testing.T, m Migration) (up, down []string) {
	t.Helper()
	files, err := m.Code()
	if err != nil {
		t.Fatal(err)
	}
	switch m.Format {
	case GolangMigrate:
		return []string{string(files[0].Text)}, []string{string(files[1].Text)}
	case PlainSQL:
		_, note, _ := strings.Cut(string(files[0].Text), "-- To take it back:\n--\n")
		return []string{string(files[0].Text)}, []string{strings.ReplaceAll(note, "--   ", "")}
	}
	return gooseStatements(t, string(files[0].Text))
}

// gooseStatements reads a file as goose does: a statement ends with a semicolon
// at the end of a line, but between StatementBegin and StatementEnd.
func gooseStatements(t *testing.T, text string) (up, down []string) {
	t.Helper()
	var statements *[]string
	var statement strings.Builder
	whole := false
	for line := range strings.Lines(text) {
		command, isCommand := strings.CutPrefix(strings.TrimSpace(line), "-- +goose ")
		switch {
		case isCommand && command == "Up":
			statements = &up
		case isCommand && command == "Down":
			statements = &down
		case isCommand && command == "StatementBegin":
			whole = true
		case isCommand && command == "StatementEnd":
			whole = false
			*statements = append(*statements, statement.String())
			statement.Reset()
		case isCommand:
			t.Fatalf("goose does not know %s", line)
		case strings.TrimSpace(line) == "" && statement.Len() == 0:
		default:
			statement.WriteString(line)
			if !whole && strings.HasSuffix(strings.TrimSpace(line), ";") {
				*statements = append(*statements, statement.String())
				statement.Reset()
			}
		}
	}
	if whole || statement.Len() > 0 {
		t.Fatalf("goose finds no end of %s", statement.String())
	}
	return up, down
}

// wantColumns compares the columns of a table with what was asked for: type, NOT
// NULL, a default, an index, a unique one, a foreign key.
func wantColumns(t *testing.T, pool yore.DB, storage string, v variant, fields []Field) {
	t.Helper()
	var want []string
	for _, f := range fields {
		kind := map[string]string{"time": "time without time zone", "timestamptz": "timestamp with time zone", "timestamp": "timestamp without time zone"}[f.kind.sql]
		if kind == "" {
			kind = f.kind.sql
		}
		if f.Array {
			kind += "[]"
		}
		hasDefault := v.has("DEFAULT") && f.References == "" || f.Array && !v.has("null")
		line := fmt.Sprintf("%s|%s|%t|%t|%t|%t", f.Column, kind, !v.has("null"), hasDefault, v.has("unique") || v.has("index") || f.References != "", v.has("unique"))
		if f.References != "" {
			schema, _, _ := strings.Cut(storage, ".")
			line += "|FOREIGN KEY (" + f.Column + ") REFERENCES " + schema + ".users(entity_id)"
		} else {
			line += "|∅"
		}
		want = append(want, line)
	}
	got := pgtest.Rows(t, pool, `
		SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::text, a.atthasdef::text,
		       EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = a.attrelid AND a.attnum = ANY (i.indkey))::text,
		       EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = a.attrelid AND a.attnum = ANY (i.indkey) AND i.indisunique)::text,
		       (SELECT pg_get_constraintdef(c.oid) FROM pg_constraint AS c WHERE c.conrelid = a.attrelid AND c.conkey = ARRAY[a.attnum] AND c.contype = 'f')
		  FROM pg_attribute AS a
		 WHERE a.attrelid = '`+storage+`'::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> 'entity_id' AND a.attname !~ '^sys_'
		 ORDER BY a.attnum`)
	if len(got) != len(want) {
		t.Fatalf("%s has %d columns, not %d:\n%s", storage, len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%s: got\n%s, want\n%s", storage, got[i], want[i])
		}
	}
}
