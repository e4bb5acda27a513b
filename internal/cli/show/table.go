package show

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/lipgloss/table"

	"yore.example/yore/internal/cli/pg"
)

// Table writes a result: numbers to the right, NULL dimmed, rows counted. On a
// terminal that is too narrow, cells are wrapped.
func (s *Screen) Table(r pg.Result) {
	if len(r.Columns) > 0 {
		s.write(s.grid(r) + "\n")
	}
	s.write(s.dim.Render(count(len(r.Rows), "row")) + "\n")
}

func (s *Screen) grid(r pg.Result) string {
	t := s.table(r)
	text := t.Render()
	if s.width > 0 && lipgloss.Width(text) > s.width {
		text = t.Width(s.width).Render()
	}
	// The padding of the last column is of no use to anyone.
	var b strings.Builder
	for line := range strings.Lines(text) {
		line, ended := strings.CutSuffix(line, "\n")
		b.WriteString(strings.TrimRight(line, " "))
		if ended {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func (s *Screen) table(r pg.Result) *table.Table {
	t := table.New().Border(lipgloss.NormalBorder()).BorderStyle(s.dim).
		BorderTop(false).BorderBottom(false).BorderLeft(false).BorderRight(false)
	headers := make([]string, len(r.Columns))
	for i, c := range r.Columns {
		headers[i] = clean(c.Name)
	}
	t.Headers(headers...)
	for _, row := range r.Rows {
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = "NULL"
			if v != nil {
				cells[i] = clean(*v)
			}
		}
		t.Row(cells...)
	}
	return t.StyleFunc(func(row, column int) lipgloss.Style {
		style := s.plain
		switch {
		case row == table.HeaderRow:
			style = s.head
		case r.Rows[row][column] == nil:
			style = s.dim
		}
		if r.Columns[column].Numeric() {
			style = style.Align(lipgloss.Right)
		}
		left, right := 1, 1
		if column == 0 {
			left = 0
		}
		return style.Padding(0, right, 0, left)
	})
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
