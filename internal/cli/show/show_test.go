package show

import (
	"bytes"
	"strings"
	"testing"

	"github.com/charmbracelet/lipgloss"

	"yore.example/yore/internal/cli/pg"
)

func text(s string) *string { return &s }

func TestTable(t *testing.T) {
	r := pg.Result{
		Columns: []pg.Column{{Name: "name", Type: 25}, {Name: "n", Type: 23}},
		Rows:    [][]*string{{text("München 日本"), text("7")}, {text("a\x1b[2Jb\tc\u202ed"), nil}},
	}
	var b bytes.Buffer
	NewScreen(&b, Never).Table(r)
	want := "name                  │    n\n" +
		"──────────────────────┼──────\n" +
		"München 日本          │    7\n" +
		"a\\u001b[2Jb\\tc\\u202ed │ NULL\n" +
		"2 rows\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestTableOfNothing(t *testing.T) {
	var b bytes.Buffer
	s := NewScreen(&b, Never)
	s.Table(pg.Result{Columns: []pg.Column{{Name: "n", Type: 23}}})
	s.Table(pg.Result{})
	if want := "n\n──\n0 rows\n0 rows\n"; b.String() != want {
		t.Errorf("got\n%q", b.String())
	}
}

func TestTableFitsTheTerminal(t *testing.T) {
	var b bytes.Buffer
	s := NewScreen(&b, Never)
	s.width = 40
	s.Indented(2).Table(pg.Result{
		Columns: []pg.Column{{Name: "id"}, {Name: "long"}},
		Rows:    [][]*string{{text("1"), text(strings.Repeat("word ", 30))}},
	})
	for line := range strings.Lines(b.String()) {
		if w := lipgloss.Width(line); w > 40 || !strings.HasPrefix(line, "  ") {
			t.Errorf("%d wide: %q", w, line)
		}
	}
	if n := strings.Count(b.String(), "word"); n != 30 {
		t.Errorf("%d words of 30:\n%s", n, b.String())
	}
}

func TestTime(t *testing.T) {
	for in, want := range map[string]string{
		"2023-01-01 00:00:00+00":        "2023-01-01",
		"2023-01-01 12:30:00.000001+00": "2023-01-01 12:30:00.000001Z",
		"2023-01-01 00:00:00+05:30":     "2023-01-01 00:00:00+05:30",
		"infinity":                      "infinity",
	} {
		if got := Time(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}
