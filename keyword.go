package yore

import (
	"strings"

	"yore.example/yore/internal/fragment"
)

// carriesContext reports whether a statement outside a transaction is sent with
// what the context says: whether it may write rows, as far as its first word
// tells, and can run in a transaction with another statement.
//
// CALL and DO cannot be asked, since they may commit by themselves. A SELECT
// that names something of yore's may be one of its functions that write
// (yore.undelete); any other is taken to read.
func carriesContext(sql string) bool {
	word, rest := firstWord(sql)
	switch strings.ToUpper(word) {
	case "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE":
		return true
	case "WITH":
		upper := strings.ToUpper(rest)
		for _, verb := range []string{"INSERT", "UPDATE", "DELETE", "MERGE"} {
			if strings.Contains(upper, verb) {
				return true
			}
		}
		return false
	case "SELECT":
		return strings.Contains(rest, "yore.")
	}
	return isName(sql)
}

// isName reports whether what is sent is one word, and so the name of a prepared
// statement: no SQL that changes a row is as short.
func isName(sql string) bool {
	word, rest := firstWord(sql)
	if word == "" || rest != "" || word != sql {
		return false
	}
	switch strings.ToUpper(word) {
	case "BEGIN", "COMMIT", "ROLLBACK", "END", "ABORT", "VACUUM", "ANALYZE", "CHECKPOINT", "CLUSTER":
		return false
	}
	return true
}

// endsOrBegins reports whether a statement is one of BEGIN, START TRANSACTION,
// COMMIT and their like.
func endsOrBegins(sql string) bool {
	word, _ := firstWord(sql)
	switch strings.ToUpper(word) {
	case "BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "PREPARE":
		return true
	}
	return false
}

// firstWord returns the first word of a statement and what follows it. Comments,
// parentheses and empty statements before it are skipped.
func firstWord(sql string) (word, rest string) {
	for {
		sql = strings.TrimLeft(sql, " \t\r\n\f\v(;")
		switch {
		case strings.HasPrefix(sql, "--"):
			_, sql, _ = strings.Cut(sql, "\n")
		case strings.HasPrefix(sql, "/*"):
			sql = fragment.AfterComment(sql)
		default:
			end := strings.IndexFunc(sql, func(r rune) bool {
				return r != '_' && r != '$' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r < 0x80
			})
			if end < 0 {
				return sql, ""
			}
			return sql[:end], sql[end:]
		}
	}
}
