package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"yore.example/yore"
)

// errProblems: the command did its work and has shown what is wrong.
var errProblems = errors.New("problems were found")

// A hintedError is an error with a way out.
type hintedError struct {
	err  error
	hint string
}

func (e *hintedError) Error() string { return e.err.Error() }
func (e *hintedError) Unwrap() error { return e.err }

// A placedError is the database's error about a place of a query.
type placedError struct {
	err   error
	place string
}

func (e *placedError) Error() string { return e.err.Error() }
func (e *placedError) Unwrap() error { return e.err }

// placed explains an error of the user's query, and shows where in it.
func placed(query string, err error) error {
	err = yore.Explain(err)
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Position <= 0 {
		return err
	}
	runes := []rune(query)
	before := string(runes[:min(int(pg.Position)-1, len(runes))]) // Position counts characters from 1
	number := strings.Count(before, "\n")
	line := strings.ReplaceAll(strings.Split(query, "\n")[number], "\t", " ")
	label := fmt.Sprintf("  line %d: ", number+1)
	column := len([]rune(before[strings.LastIndex(before, "\n")+1:]))
	return &placedError{err, label + line + "\n" + strings.Repeat(" ", len(label)+column) + "^"}
}

// report writes an error, and where known how to mend it.
func (a *app) report(err error) {
	message, detail, hint := explained(err)
	screen := a.err()
	screen.Fail("yore", "%s", message)
	if place := (*placedError)(nil); errors.As(err, &place) {
		screen.Printf("%s\n", place.place)
	}
	if detail != "" {
		screen.Note("detail", "%s", detail)
	}
	if hint != "" {
		screen.Note("hint", "%s", hint)
	}
}

func explained(err error) (message, detail, hint string) {
	var (
		usage  *usageError
		hinted *hintedError
		known  *yore.Error
		pg     *pgconn.PgError
	)
	coded := func(message, code string) string {
		return fmt.Sprintf("%s (SQLSTATE %s)", strings.TrimPrefix(message, "yore: "), code)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return "interrupted", "", ""
	case errors.As(err, &usage):
		return usage.message, "", usage.hint
	case errors.As(err, &hinted):
		return strings.TrimPrefix(hinted.Error(), "yore: "), "", hinted.hint
	case errors.As(err, &known):
		return coded(known.Message, known.Code), known.Detail, known.Hint
	case errors.As(err, &pg):
		return coded(pg.Message, pg.Code), pg.Detail, pg.Hint
	}
	return strings.TrimPrefix(err.Error(), "yore: "), "", ""
}
