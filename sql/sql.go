// Package sql holds yore's machinery: the numbered SQL files that install it.
//
// They are the single source of truth for what yore does in a database. Each
// can be run again at any time; all of them, in order and in one transaction,
// install yore or bring an older installation up to this one.
package sql

import (
	"embed"
	"strings"
)

//go:embed *.sql
var files embed.FS

// Version is the version of the functions, as yore._version() returns it. It
// goes up with every release that changes them: CONTRIBUTING.md says how.
const Version = 2

// Script returns all files in order, as one script without transaction
// commands: run it in a transaction of your own.
func Script() string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // embedded: cannot happen
	}
	var b strings.Builder
	for _, e := range entries {
		text, err := files.ReadFile(e.Name())
		if err != nil {
			panic(err)
		}
		b.WriteString("-- " + e.Name() + "\n\n")
		b.Write(text)
		b.WriteByte('\n')
	}
	return b.String()
}
