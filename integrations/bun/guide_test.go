package shop_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestGuideShowsTheFiles: what stands under a file's name is that file, or for a
// test, a part of it.
func TestGuideShowsTheFiles(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/guides/bun.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?ms)^\\[`([^`]+)`\\]\\(\\.\\./\\.\\./integrations/bun/([^)]+)\\)\n\n```go\n(.*?\n)```$").FindAllStringSubmatch(string(guide), -1)
	if len(shown) != 3 {
		t.Fatalf("%d files", len(shown))
	}
	for _, m := range shown {
		file, err := os.ReadFile(m[2])
		if err != nil {
			t.Fatal(err)
		}
		have, part := string(file), strings.HasSuffix(m[2], "_test.go")
		if part { // inside a function it is some tabs deeper
			have, m[3] = unindented(have), unindented(m[3])
		}
		if m[1] != m[2] || have != m[3] && (!part || !strings.Contains(have, m[3])) {
			t.Errorf("%s is another:\n%s", m[1], m[3])
		}
	}
}

func unindented(text string) string { return regexp.MustCompile(`(?m)^\t+`).ReplaceAllString(text, "") }
