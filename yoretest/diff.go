package yoretest

import (
	"strings"
	"unicode"
)

// tidy returns the lines of a wanted history, without what does not matter:
// empty lines, and white space around lines and between words.
func tidy(want string) []string {
	var lines []string
	for line := range strings.Lines(want) {
		if line = squeeze(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// squeeze makes runs of white space one space, but for what is quoted.
func squeeze(line string) string {
	var b strings.Builder
	quoted, space := false, false
	for _, c := range strings.TrimSpace(line) {
		if !quoted && unicode.IsSpace(c) {
			space = true
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		if c == '\'' {
			quoted = !quoted
		}
		b.WriteRune(c)
	}
	return b.String()
}

// diff returns the lines of both, those of want alone after "- ", those of got
// alone after "+ "; nothing if they are the same.
func diff(want, got []string) string {
	// common[i][j] is the length of the longest common part of want[i:] and got[j:].
	common := make([][]int, len(want)+1)
	for i := range common {
		common[i] = make([]int, len(got)+1)
	}
	for i := len(want) - 1; i >= 0; i-- {
		for j := len(got) - 1; j >= 0; j-- {
			if want[i] == got[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	if len(want) == len(got) && common[0][0] == len(got) {
		return ""
	}
	var out []string
	i, j := 0, 0
	for i < len(want) || j < len(got) {
		switch {
		case i < len(want) && j < len(got) && want[i] == got[j]:
			out = append(out, "      "+want[i])
			i, j = i+1, j+1
		case j == len(got) || i < len(want) && common[i+1][j] >= common[i][j+1]:
			out = append(out, "    - "+want[i])
			i++
		default:
			out = append(out, "    + "+got[j])
			j++
		}
	}
	return strings.Join(out, "\n")
}
