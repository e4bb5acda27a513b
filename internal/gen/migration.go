package gen

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Format is a tool that runs migrations.
type Format string

// The formats.
const (
	Goose         Format = "goose"
	GolangMigrate Format = "golang-migrate"
	PlainSQL      Format = "sql"
)

// Formats are all of them, the default first.
var Formats = []Format{Goose, GolangMigrate, PlainSQL}

// A Migration creates an immutable table.
type Migration struct {
	Names
	Fields  []Field
	Format  Format
	Dir     string
	Version string // YYYYMMDDHHMMSS
}

// ParseTable reads the name of the table of a migration alone.
func ParseTable(table, schema string) (Names, error) {
	var n Names
	err := n.setTable(table, schema)
	return n, err
}

// NewMigration returns a migration of a version of its own. A migration that is
// there, of the same table and format, keeps its name.
func NewMigration(n Names, fields []Field, format Format, dir string, now time.Time) (Migration, error) {
	m := Migration{Names: n, Fields: fields, Format: format, Dir: filepath.ToSlash(dir)}
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		return m, err
	}
	var versions []string
	for _, e := range entries {
		version, rest, _ := strings.Cut(e.Name(), "_")
		if len(version) == 14 && rest == m.paths("")[0][1:] {
			m.Version = version
			return m, nil
		}
		versions = append(versions, version)
	}
	// Two within a second follow one another.
	for m.Version = stamp(now); slices.Contains(versions, m.Version); m.Version = stamp(now) {
		now = now.Add(time.Second)
	}
	return m, nil
}

func stamp(t time.Time) string { return t.UTC().Format("20060102150405") }

// paths are the names of the migration's files, the one that creates the table
// first.
func (m Migration) paths(version string) []string {
	name := version + "_create_" + m.Table
	if m.Schema != "" {
		name = version + "_create_" + m.Schema + "_" + m.Table
	}
	if m.Format == GolangMigrate {
		return []string{name + ".up.sql", name + ".down.sql"}
	}
	return []string{name + ".sql"}
}

// Path is the file that creates the table, with slashes.
func (m Migration) Path() string {
	return filepath.ToSlash(filepath.Join(m.Dir, m.paths(m.Version)[0]))
}

// Code is the migration's files.
func (m Migration) Code() ([]File, error) {
	names := []string{string(m.Format) + ".sql.tmpl"}
	if m.Format == GolangMigrate {
		names = []string{"up.sql.tmpl", "down.sql.tmpl"}
	}
	var files []File
	for i, path := range m.paths(m.Version) {
		text, err := fill(names[i], m)
		if err != nil {
			return nil, err
		}
		files = append(files, File{filepath.Join(filepath.FromSlash(m.Dir), path), text})
	}
	return files, nil
}

// Columns are the lines between the parentheses of the table, in columns.
func (m Migration) Columns() string {
	name, kind := 0, 0
	for _, f := range m.Fields {
		name, kind = max(name, len(ident(f.Column))), max(kind, len(f.SQLType()))
	}
	lines := make([]string, len(m.Fields))
	for i, f := range m.Fields {
		lines[i] = strings.TrimRight(fmt.Sprintf("  %-*s %-*s %s", name, ident(f.Column), kind, f.SQLType(), f.Constraints(m.Names)), " ")
	}
	return strings.Join(lines, ",\n")
}

// Quote is the dollar quote that the columns do not have in them.
func (m Migration) Quote() string {
	for i := 0; ; i++ {
		q := []string{"$$", "$columns$"}[min(i, 1)]
		if i > 1 {
			q = fmt.Sprintf("$columns%d$", i)
		}
		if !strings.Contains(m.Columns(), q) && (i > 0 || !strings.HasSuffix(m.Columns(), "$")) {
			return q
		}
	}
}

// Whole reports whether goose has to be told where the statement ends.
func (m Migration) Whole() bool { return strings.Contains(m.Columns(), ";") }

// Indexes are what CREATE INDEX takes behind ON.
func (m Migration) Indexes() []string {
	var on []string
	for _, f := range m.Fields {
		if sql := f.IndexSQL(); sql != "" {
			on = append(on, m.StorageSQL()+" "+sql)
		}
	}
	return on
}
