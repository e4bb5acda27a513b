package guide

import (
	"regexp"
	"strings"
	"testing"
)

// CheckFiles fails the test if what a page shows under a file's name and link is
// not that file, or of a test a part of it. n is how many files it shows.
func CheckFiles(t *testing.T, page, folder string, n int) {
	t.Helper()
	shown := regexp.MustCompile("(?ms)^\\[`([^`]+)`\\]\\(\\.\\./\\.\\./integrations/"+regexp.QuoteMeta(folder)+"/([^)]+)\\)\n\n```go\n(.*?\n)```$").FindAllStringSubmatch(read(t, page), -1)
	if len(shown) != n {
		t.Fatalf("%s shows %d files", page, len(shown))
	}
	for _, m := range shown {
		have, part := read(t, m[2]), strings.HasSuffix(m[2], "_test.go")
		if part { // inside a function it is some tabs deeper
			have, m[3] = plain(have), plain(m[3])
		}
		if m[1] != m[2] || have != m[3] && (!part || !strings.Contains(have, m[3])) {
			t.Errorf("%s is another:\n%s", m[1], m[3])
		}
	}
}
