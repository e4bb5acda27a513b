// Package guide ties the pages of docs/guides to the tested files that they show.
package guide

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var blocks = regexp.MustCompile("(?ms)^ *```(go|sql|yaml|html)\n(.*?\n) *```$")

// Check fails the test if a Go, SQL, YAML or HTML block of the page does not stand in
// one of the files, but for indentation. A line of "…" in a block parts two
// fragments.
func Check(t *testing.T, page string, files ...string) {
	t.Helper()
	var texts []string
	for _, f := range files {
		texts = append(texts, plain(read(t, f)))
	}
	shown := blocks.FindAllStringSubmatch(read(t, page), -1)
	if len(shown) == 0 {
		t.Fatalf("%s shows no code", page)
	}
	for _, block := range shown {
	fragments:
		for _, fragment := range regexp.MustCompile(`(?m)^\s*…\n`).Split(block[2], -1) {
			for _, text := range texts {
				if strings.Contains(text, plain(fragment)) {
					continue fragments
				}
			}
			t.Errorf("%s shows what stands in none of %s:\n%s", page, strings.Join(files, ", "), fragment)
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// plain is the text without indentation and blank lines at its ends.
func plain(text string) string {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return "\n" + strings.Trim(strings.Join(lines, "\n"), "\n") + "\n"
}
