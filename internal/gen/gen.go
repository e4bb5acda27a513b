// Package gen writes Go code and migrations for tables: what yore gen prints.
package gen

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"text/template"

	"yore.example/yore"
)

// An Error says that what was asked for makes no sense, and what would.
type Error struct{ Message, Hint string }

func (e *Error) Error() string { return e.Message }

func refuse(hint, format string, args ...any) error {
	return &Error{fmt.Sprintf(format, args...), hint}
}

// A File is one that was generated, to be written by Write.
type File struct {
	Path string
	Text []byte
}

// An ExistsError lists the files that Write would have to overwrite.
type ExistsError struct{ Paths []string }

func (e *ExistsError) Error() string {
	verb := "is"
	if len(e.Paths) > 1 {
		verb = "are"
	}
	return strings.Join(e.Paths, ", ") + " " + verb + " already there"
}

// Write writes all files, or none if one of them is there already: an
// *ExistsError then. With force it overwrites them.
func Write(files []File, force bool) error {
	var taken []string
	for _, f := range files {
		info, err := os.Lstat(f.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s is there and is no file", f.Path)
		default:
			taken = append(taken, f.Path)
		}
	}
	if len(taken) > 0 && !force {
		return &ExistsError{taken}
	}
	for _, f := range files {
		if err := os.MkdirAll(filepath.Dir(f.Path), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(f.Path, f.Text, 0o666); err != nil {
			return err
		}
	}
	return nil
}

//go:embed templates/*.tmpl
var templates embed.FS

var parsed = template.Must(template.New("").Funcs(template.FuncMap{"join": strings.Join, "quote": quoteSQL, "ident": ident}).ParseFS(templates, "templates/*.tmpl"))

// fill fills a template in.
func fill(name string, data any) ([]byte, error) {
	var b bytes.Buffer
	if err := parsed.ExecuteTemplate(&b, name, data); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// goFile fills a template of Go code in and formats it.
func goFile(path, name string, data any) (File, error) {
	text, err := fill(name, data)
	if err != nil {
		return File{}, err
	}
	formatted, err := format.Source(text)
	if err != nil {
		return File{}, fmt.Errorf("%s: %w\n%s", name, err, text) // a mistake of the template's
	}
	return File{filepath.FromSlash(path), formatted}, nil
}

// module is the import path of package yore, under whatever name it is built.
var module = reflect.TypeFor[yore.Meta]().PkgPath()

// imports groups import paths: the standard library's, then the others, each
// group sorted by format.Source.
func imports(paths ...string) [][]string {
	var groups [2][]string
	for _, p := range paths {
		i := 0
		if first, _, _ := strings.Cut(p, "/"); strings.Contains(first, ".") {
			i = 1
		}
		groups[i] = append(groups[i], p)
	}
	if len(groups[0]) == 0 {
		return [][]string{groups[1]}
	}
	return [][]string{groups[0], groups[1]}
}
