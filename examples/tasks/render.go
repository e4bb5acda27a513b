package main

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"regexp"
	"strings"
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
		"was":    func(d Diff) []part { return parts(d, diffmatchpatch.DiffDelete) },
		"is":     func(d Diff) []part { return parts(d, diffmatchpatch.DiffInsert) },
		"diff":   between,
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

var word = regexp.MustCompile(`[\pL\pN]+|\s+|.`)

// parts are those of the old text or the new one, as side says. The engine
// compares lines, so each word gets one; what is chosen and not written is one.
func parts(d Diff, side diffmatchpatch.Operation) (list []part) {
	lines := func(text string) string {
		text = strings.ReplaceAll(text, "\n", "\v")
		if d.Words {
			return word.ReplaceAllString(text, "$0\n")
		}
		return text
	}
	text := strings.NewReplacer("\n", "", "\v", "\n")
	engine := diffmatchpatch.New()
	old, now, words := engine.DiffLinesToRunes(lines(d.Old), lines(d.New))
	for _, x := range engine.DiffCharsToLines(engine.DiffCleanupSemantic(engine.DiffMainRunes(old, now, false)), words) {
		if x.Type == diffmatchpatch.DiffEqual || x.Type == side {
			list = append(list, part{text.Replace(x.Text), x.Type == side})
		}
	}
	return list
}

// ago says how long before now a moment was.
func ago(now, t time.Time) string {
	switch d := now.Sub(t); {
	case d < 2*time.Minute:
		return "just now"
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f minutes ago", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0f hours ago", d.Hours())
	default:
		return fmt.Sprintf("%.0f days ago", d.Hours()/24)
	}
}
