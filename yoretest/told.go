package yoretest

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"yore.example/yore"
)

// told is an error with all that helps: what the database says beside its
// message, too.
func told(err error) string {
	var known *yore.Error
	var pg *pgconn.PgError
	if errors.As(err, &known) {
		return err.Error() + note(known.Detail) + note(known.Hint)
	}
	if errors.As(err, &pg) {
		return err.Error() + note(pg.Detail) + note(pg.Hint)
	}
	return err.Error()
}

func note(text string) string {
	if text == "" {
		return ""
	}
	return "\n    " + text
}
