package show

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/lipgloss"

	"yore.example/yore/internal/cli/past"
)

// Log writes the versions of a row, the newest first, each with who made it,
// why, and what it changed.
func (s *Screen) Log(l past.Log) {
	since := "all of its past is known"
	if l.Table.Since != nil {
		since = "known since " + Time(l.Table.Since.UTC().Format("2006-01-02 15:04:05.999999+00"))
	}
	s.write(s.head.Render(clean(l.Table.Name+" "+strings.Join(l.Key, " "))) + s.dim.Render("  "+since) + "\n")
	for _, v := range l.Versions {
		s.write("\n")
		s.version(v)
	}
	if l.More {
		s.write("\n" + s.dim.Render("… older versions are there; -n shows more") + "\n")
	}
}

// adoptedXID is the transaction of versions that another system kept, as
// yore._xid_unknown() gives it.
const adoptedXID = "2"

const margin = 11 // as wide as "version 99 "

func (s *Screen) version(v past.Version) {
	line := func(text string) { s.write(strings.Repeat(" ", margin) + text + "\n") }
	s.write(s.warn.Render(fmt.Sprintf("%-*s", margin, fmt.Sprintf("version %d ", v.Number))) + s.period(v) + "\n")
	if v.Reason != nil {
		line(s.head.Render(clean(*v.Reason)))
	}
	line(s.dim.Render(clean(maker(v))))
	if v.Meta != nil {
		line(s.dim.Render(clean(*v.Meta)))
	}
	width := 0
	for _, c := range v.Changes {
		width = max(width, lipgloss.Width(clean(c.Column)))
	}
	for _, c := range v.Changes {
		name := clean(c.Column)
		name += strings.Repeat(" ", width-lipgloss.Width(name))
		if !v.Created && (c.Old != nil || !v.Deleted) {
			line(s.removed.Render("- " + name + "  " + value(c.Old)))
		}
		if !v.Deleted && (c.New != nil || !v.Created) {
			line(s.added.Render("+ " + name + "  " + value(c.New)))
		}
	}
}

func (s *Screen) period(v past.Version) string {
	from := "always"
	if v.From != nil {
		from = Time(*v.From)
	}
	switch {
	case v.Deleted:
		return s.bad.Render("deleted " + from)
	case v.To != nil:
		from += " → " + Time(*v.To)
	default:
		from += " → now"
	}
	if v.Again {
		return from + "  " + s.good.Render("created again")
	}
	return from
}

// maker says who made a version: what the client said, and what the server knows.
func maker(v past.Version) string {
	who := "transaction " + v.XID
	if v.XID == adoptedXID {
		who = "adopted"
	}
	if v.Role != nil {
		who = "role " + *v.Role + ", " + who
	}
	if v.Actor != nil {
		return "by " + *v.Actor + " (" + who + ")"
	}
	return who
}

func value(v *string) string {
	if v == nil {
		return "NULL"
	}
	return clean(*v)
}

// Time shortens what PostgreSQL writes for a timestamptz in UTC: 2023-01-01 for
// a midnight, else 2023-01-01 12:30:00Z. Package when reads both.
func Time(text string) string {
	t, utc := strings.CutSuffix(text, "+00")
	if !utc {
		return text
	}
	if day, midnight := strings.CutSuffix(t, " 00:00:00"); midnight {
		return day
	}
	return t + "Z"
}
