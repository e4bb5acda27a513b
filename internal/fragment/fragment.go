// Package fragment puts SQL together from parts that count their parameters
// from $1 each.
package fragment

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// A Builder collects the parameters of a statement as its parts are added.
type Builder struct{ Args []any }

// Arg adds a parameter and returns its placeholder.
func (b *Builder) Arg(v any) string {
	b.Args = append(b.Args, v)
	return "$" + strconv.Itoa(len(b.Args))
}

// Part adds the parameters of a part and returns it with its placeholders
// counted on from those before. Quoted text and comments stay as they are.
//
// What would reach out of the part, a quote or comment left open or a
// parenthesis too many, is an error. The last line may be a comment: a line
// break has to follow.
func (b *Builder) Part(sql string, args []any) (string, error) {
	var (
		out  strings.Builder
		base = len(b.Args)
		used = make([]bool, len(args))
		open = 0
	)
	for i := 0; i < len(sql); {
		end, closed := skip(sql, i)
		if !closed {
			return "", fmt.Errorf("%q: a quote or a comment is not closed", sql)
		}
		if end > i {
			out.WriteString(sql[i:end])
			i = end
			continue
		}
		if sql[i] == '$' {
			end := i + 1
			for end < len(sql) && sql[end] >= '0' && sql[end] <= '9' {
				end++
			}
			if end > i+1 && (i == 0 || !isName(sql[i-1])) {
				n, err := strconv.Atoi(sql[i+1 : end])
				if err != nil || n < 1 || n > len(args) {
					return "", fmt.Errorf("%s in %q: %d values were given", sql[i:end], sql, len(args))
				}
				used[n-1] = true
				out.WriteString("$" + strconv.Itoa(base+n))
				i = end
				continue
			}
		}
		switch sql[i] {
		case '(':
			open++
		case ')':
			open--
		}
		if open < 0 {
			break
		}
		out.WriteByte(sql[i])
		i++
	}
	if open != 0 {
		return "", fmt.Errorf("%q: the parentheses do not match", sql)
	}
	for i, u := range used {
		if !u {
			return "", fmt.Errorf("$%d is missing in %q: %d values were given", i+1, sql, len(args))
		}
	}
	b.Args = append(b.Args, args...)
	return out.String(), nil
}

// List takes apart what stands between the commas of a list.
func List(sql string) []string {
	var parts []string
	begin, depth := 0, 0
	for i := 0; i < len(sql); i++ {
		if end, _ := skip(sql, i); end > i {
			i = end - 1
			continue
		}
		switch sql[i] {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case ',':
			if depth == 0 {
				parts = append(parts, sql[begin:i])
				begin = i + 1
			}
		}
	}
	return append(parts, sql[begin:])
}

// skip returns where the quoted text or comment that begins at i ends, or i if
// none begins there; false if it does not end.
func skip(sql string, i int) (int, bool) {
	rest := sql[i:]
	until := func(from int, mark string) (int, bool) {
		if n := strings.Index(rest[from:], mark); n >= 0 {
			return i + from + n + len(mark), true
		}
		return len(sql), false
	}
	switch {
	case rest[0] == '\'' && i > 0 && (sql[i-1] == 'E' || sql[i-1] == 'e') && (i == 1 || !isName(sql[i-2])):
		for j := 1; j < len(rest); j++ {
			switch rest[j] {
			case '\\':
				j++
			case '\'':
				return i + j + 1, true
			}
		}
		return len(sql), false
	case rest[0] == '\'', rest[0] == '"':
		return until(1, rest[:1])
	case strings.HasPrefix(rest, "--"):
		if n := strings.IndexAny(rest, "\r\n"); n >= 0 {
			return i + n + 1, true
		}
		return len(sql), true
	case strings.HasPrefix(rest, "/*"):
		return comment(sql, i)
	case rest[0] == '$' && (i == 0 || !isName(sql[i-1])):
		if n := strings.IndexByte(rest[1:], '$'); n >= 0 && isTag(rest[1:1+n]) {
			return until(n+2, rest[:n+2])
		}
	}
	return i, true
}

// AfterComment returns what follows the comment with /* with which a text begins;
// nothing if it does not end.
func AfterComment(sql string) string {
	end, _ := comment(sql, 0)
	return sql[end:]
}

// comment is skip for a comment with /*, in which others may stand.
func comment(sql string, i int) (int, bool) {
	depth := 0
	for i < len(sql) {
		switch {
		case strings.HasPrefix(sql[i:], "/*"):
			depth++
			i += 2
		case strings.HasPrefix(sql[i:], "*/"):
			depth--
			i += 2
		default:
			i++
		}
		if depth == 0 {
			return i, true
		}
	}
	return i, false
}

func isName(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func isTag(s string) bool {
	for i := range len(s) {
		if !isName(s[i]) || s[i] == '$' || i == 0 && s[i] >= '0' && s[i] <= '9' {
			return false
		}
	}
	return true
}

// Ident quotes a name.
func Ident(name string) string { return pgx.Identifier{name}.Sanitize() }

// Idents quotes names and joins them, each behind the prefix.
func Idents(prefix string, names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = prefix + Ident(n)
	}
	return strings.Join(quoted, ", ")
}

// Name takes a relation's name as written in SQL apart: its schema, which may
// be empty, and itself, unquoted.
func Name(written string) (schema, name string, err error) {
	var parts []string
	for rest := strings.TrimSpace(written); ; {
		var part string
		if strings.HasPrefix(rest, `"`) {
			end := 1
			for end < len(rest) && (rest[end] != '"' || end+1 < len(rest) && rest[end+1] == '"') {
				if rest[end] == '"' {
					end++
				}
				end++
			}
			if end >= len(rest) {
				return "", "", fmt.Errorf("%s: a quote is not closed", written)
			}
			part, rest = strings.ReplaceAll(rest[1:end], `""`, `"`), rest[end+1:]
		} else {
			end := strings.IndexByte(rest, '.')
			if end < 0 {
				end = len(rest)
			}
			part, rest = lower(rest[:end]), rest[end:]
			if part != "" && (part[0] == '$' || part[0] >= '0' && part[0] <= '9') || strings.ContainsFunc(part, func(c rune) bool { return c < 0x80 && !isName(byte(c)) }) {
				return "", "", fmt.Errorf("%s is no name; one with odd characters needs double quotes", written)
			}
		}
		if part == "" || len(parts) == 2 {
			return "", "", fmt.Errorf("%q is no name of a table: table or schema.table", written)
		}
		parts = append(parts, part)
		if rest == "" {
			break
		}
		if rest[0] != '.' {
			return "", "", fmt.Errorf("%q is no name of a table: table or schema.table", written)
		}
		rest = rest[1:]
	}
	if len(parts) == 2 {
		return parts[0], parts[1], nil
	}
	return "", parts[0], nil
}

// lower folds the letters that PostgreSQL folds in names, those of ASCII.
func lower(name string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'A' && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return c
	}, name)
}
