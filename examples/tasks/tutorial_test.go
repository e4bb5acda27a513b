package main

import (
	"path/filepath"
	"slices"
	"testing"

	"yore.example/yore/internal/guide"
)

// TestTutorial: what docs/guides/tutorial.md shows stands in the files of this
// folder.
func TestTutorial(t *testing.T) {
	t.Parallel()
	var files []string
	for _, pattern := range []string{"*.go", "*.sql", "templates/*.html", "templates/*/*.html"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	files = slices.DeleteFunc(files, func(name string) bool { return name == "tutorial_test.go" })
	guide.Check(t, "../../docs/guides/tutorial.md", files...)
}
