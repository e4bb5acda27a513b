package main

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"time"

	"github.com/sergi/go-diff/diffmatchpatch"
)

//go:embed templates
var sources embed.FS

// templates are the pages by the names of their files, each with the layout.
var templates = parse()

func parse() map[string]*template.Template {
	shared := template.Must(template.New("").Funcs(template.FuncMap{
		"when":   func(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04") },
		"exact":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000000 UTC") },
		"stamp":  stamp,
		"input":  func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") },
		"was":    func(old, new string) []part { return parts(old, new, diffmatchpatch.DiffDelete) },
		"is":     func(old, new string) []part { return parts(old, new, diffmatchpatch.DiffInsert) },
		"diff":   func(old, new string) Diff { return Diff{"", old, new} },
		"ago":    ago,
		"before": func(n int64) int64 { return n - 1 },
		"versions": func(n int64) (list []int64) {
			for v := range n {
				list = append(list, v+1)
			}
			return list
		},
	}).ParseFS(sources, "templates/shared/*.html"))
	set := map[string]*template.Template{}
	pages, err := fs.Glob(sources, "templates/*.html")
	if err != nil {
		panic(err)
	}
	for _, page := range pages {
		set[path.Base(page)] = template.Must(template.Must(shared.Clone()).ParseFS(sources, page))
	}
	return set
}

// A part of a text that stands beside another.
type part struct {
	Text    string
	Differs bool
}

// parts are those of the old text or the new one, as side says.
func parts(old, new string, side diffmatchpatch.Operation) (list []part) {
	d := diffmatchpatch.New()
	d.DiffTimeout = 50 * time.Millisecond
	for _, x := range d.DiffCleanupSemantic(d.DiffMain(old, new, false)) {
		if x.Type == diffmatchpatch.DiffEqual || x.Type == side {
			list = append(list, part{x.Text, x.Type == side})
		}
	}
	return list
}

// ago says how long before now a moment was.
func ago(now, t time.Time) string {
	d := now.Sub(t)
	for _, unit := range []struct {
		name string
		size time.Duration
	}{{"week", 7 * 24 * time.Hour}, {"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}} {
		switch n := int(d / unit.size); {
		case n > 1 || n == 1 && unit.name == "minute":
			return fmt.Sprintf("%d %s%s ago", n, unit.name, map[bool]string{true: "s", false: ""}[n > 1])
		case n == 1:
			continue // 1 day is 30 hours, say
		}
	}
	return "just now"
}
