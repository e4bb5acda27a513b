package gen

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The files of one example, as they are in testdata; UPDATE=1 writes them.
//
// immutable-239, immutable-240, immutable-243, immutable-247: the functions, each wired to the library; the
// row type; the migration.
func TestGolden(t *testing.T) {
	t.Parallel()
	n, fields := parse(t, "Blog.Post", "posts", "", "title:string:unique", "body:text", "author:references:users", "tags:array:string", "status:enum:draft,published:default=draft", "published_at:utc_datetime:null:index")
	for _, format := range Formats {
		m, err := NewMigration(n, fields, format, "migrations", time.Date(2026, 11, 21, 5, 20, 0, 0, time.FixedZone("", 3600)))
		if err != nil {
			t.Fatal(err)
		}
		files, err := m.Code()
		if err != nil {
			t.Fatal(err)
		}
		if format == Goose {
			if files, err = (Context{Schema{Names: n, Fields: fields}, m}).Code("blog"); err != nil {
				t.Fatal(err)
			}
		}
		for _, f := range files {
			path := filepath.Join("testdata", string(format), f.Path)
			if os.Getenv("UPDATE") != "" {
				if err := Write([]File{{path, f.Text}}, true); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(f.Text, want) {
				t.Errorf("%s differs; UPDATE=1 writes it. It is\n%s", path, f.Text)
			}
		}
	}
}

func TestWriteIsAllOrNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := filepath.Join(dir, "new", "a"), filepath.Join(dir, "b")
	if err := os.WriteFile(b, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	files := []File{{a, []byte("1")}, {b, []byte("2")}}
	var exists *ExistsError
	if err := Write(files, false); !errors.As(err, &exists) || len(exists.Paths) != 1 || exists.Paths[0] != b {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Dir(a)); !os.IsNotExist(err) {
		t.Error("the other was written", err)
	}
	if text, _ := os.ReadFile(b); string(text) != "mine" {
		t.Errorf("overwritten: %s", text)
	}
	if err := Write(files, true); err != nil {
		t.Error(err)
	}
	if text, _ := os.ReadFile(b); string(text) != "2" {
		t.Errorf("not overwritten: %s", text)
	}
	if err := Write([]File{{a, nil}, {dir, nil}}, true); err == nil {
		t.Error("a folder is no file")
	}
}

// immutable-243: every migration has a version of its own; the same one again
// keeps it.
func TestMigrationVersions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	now := time.Date(2026, 11, 21, 4, 59, 59, 0, time.UTC)
	for _, want := range []struct {
		table  string
		format Format
		path   string
	}{
		{"posts", Goose, "20261121045959_create_posts.sql"},
		{"users", Goose, "20261121050000_create_users.sql"},
		{"tags", GolangMigrate, "20261121050001_create_tags.up.sql"},
		{"posts", Goose, "20261121045959_create_posts.sql"},
		{"tags", GolangMigrate, "20261121050001_create_tags.up.sql"},
	} {
		n, fields := parse(t, "Blog.Post", want.table, "")
		m, err := NewMigration(n, fields, want.format, dir, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := filepath.Base(m.Path()); got != want.path {
			t.Errorf("%s, not %s", got, want.path)
		}
		files, err := m.Code()
		if err != nil {
			t.Fatal(err)
		}
		if err := Write(files, true); err != nil {
			t.Fatal(err)
		}
	}
}

// The guide names every type, modifier and format.
func TestGuide(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/guides/generators.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, words := range [][][2]string{Types(), Modifiers()} {
		for _, w := range words {
			if !bytes.Contains(guide, []byte("| `"+w[0]+"` |")) {
				t.Errorf("no line for %s", w[0])
			}
		}
	}
	for _, f := range Formats {
		if !bytes.Contains(guide, []byte("| `"+f+"`")) {
			t.Errorf("no line for %s", f)
		}
	}
	for _, k := range kinds {
		if !bytes.Contains(guide, []byte("| `"+k.name+"` | `"+k.sql+"` | `"+k.goes+"` |")) {
			t.Errorf("%s is not %s and %s there", k.name, k.sql, k.goes)
		}
	}
}
