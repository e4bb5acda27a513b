// Package show writes for people: result tables and version logs, with colours
// on terminals.
package show

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
	"golang.org/x/term"
)

// A Color says whether to write colours.
type Color string

// Auto means: on a terminal, unless NO_COLOR is set.
const (
	Auto   Color = "auto"
	Always Color = "always"
	Never  Color = "never"
)

// A Screen is where a command writes. It is not safe for concurrent use.
type Screen struct {
	w     io.Writer
	width int // 0: not a terminal
	left  string

	plain, head, title, dim, added, removed, good, bad, warn lipgloss.Style
}

// NewScreen returns a Screen that writes to w.
func NewScreen(w io.Writer, c Color) *Screen {
	s := &Screen{w: w}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.width = 80
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			s.width = columns
		}
	}
	profile := termenv.Ascii
	if c == Always || c == Auto && s.Terminal() && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" {
		profile = termenv.ANSI // the 16 colours that the user's theme sets
	}
	r := lipgloss.NewRenderer(w, termenv.WithProfile(profile))
	r.SetColorProfile(profile)
	color := func(c string) lipgloss.Style { return r.NewStyle().Foreground(lipgloss.Color(c)) }
	s.plain = r.NewStyle()
	s.head = r.NewStyle().Bold(true)
	s.dim = r.NewStyle().Faint(true)
	s.removed, s.added, s.warn, s.title = color("1"), color("2"), color("3"), color("6").Bold(true)
	s.good, s.bad = color("2").Bold(true), color("1").Bold(true)
	return s
}

// Indented returns a Screen that writes to the same place, columns further to
// the right. To be given whole lines.
func (s *Screen) Indented(columns int) *Screen {
	in := *s
	in.left += strings.Repeat(" ", columns)
	if s.width > columns {
		in.width -= columns
	}
	return &in
}

// Terminal reports whether the screen is a terminal.
func (s *Screen) Terminal() bool { return s.width > 0 }

// Printf writes text as it is.
func (s *Screen) Printf(format string, args ...any) { s.write(fmt.Sprintf(format, args...)) }

// Good writes a line with a tick, Bad one with a cross.
func (s *Screen) Good(format string, args ...any) {
	s.write(s.good.Render("✓") + " " + fmt.Sprintf(format, args...) + "\n")
}

// Bad is to failures as Good is to successes.
func (s *Screen) Bad(format string, args ...any) {
	s.write(s.bad.Render("✗") + " " + fmt.Sprintf(format, args...) + "\n")
}

// Note writes a line such as "warning: …", its label in colour.
func (s *Screen) Note(label, format string, args ...any) {
	s.write(s.warn.Render(label+":") + " " + fmt.Sprintf(format, args...) + "\n")
}

// Fail writes a line such as "yore: …", its label in red.
func (s *Screen) Fail(label, format string, args ...any) {
	s.write(s.bad.Render(label+":") + " " + fmt.Sprintf(format, args...) + "\n")
}

// Progress writes over the line written by the last Progress; nothing where
// the screen is no terminal. An empty text takes the line away.
func (s *Screen) Progress(text string) {
	if s.Terminal() {
		s.write("\r\x1b[K" + text)
	}
}

// Heading writes the title of a part.
func (s *Screen) Heading(text string) { s.write("\n" + s.title.Render(text) + "\n\n") }

// Code writes statements or commands as they run, set off from their result.
func (s *Screen) Code(text string) {
	for line := range strings.Lines(strings.TrimSpace(text) + "\n") {
		s.write(s.head.Render(strings.TrimSuffix(line, "\n")) + "\n")
	}
	s.write("\n")
}

// write drops the error: there is nowhere left to report it to.
func (s *Screen) write(text string) {
	if s.left != "" {
		lines := strings.SplitAfter(text, "\n")
		for i, line := range lines {
			if line != "" && line != "\n" {
				lines[i] = s.left + line
			}
		}
		text = strings.Join(lines, "")
	}
	_, _ = io.WriteString(s.w, text)
}
