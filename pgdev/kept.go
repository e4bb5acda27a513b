package pgdev

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Templates that outlive the process (Options.KeepTemplates) are found by their
// names, and their comments tell when one was last asked for.
const (
	keptPrefix  = "yore_kept_"
	keptComment = "template of yore's pgdev, last asked for "
	keptDays    = 7
)

// lockKept makes other processes that want the same template wait until unlock
// is called, and reports whether it is there already. What a process that was
// killed left half made is dropped.
func (s *Server) lockKept(ctx context.Context, database string) (unlock func(), there bool, err error) {
	conn, err := pgx.Connect(ctx, s.DSN(""))
	if err != nil {
		return nil, false, err
	}
	unlock = func() { conn.Close(context.WithoutCancel(ctx)) }
	defer func() {
		if err != nil {
			unlock()
		}
	}()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtextextended($1, 0))", database); err != nil {
		return nil, false, err
	}
	var found bool
	err = conn.QueryRow(ctx, `SELECT count(*) > 0, coalesce(bool_and(datistemplate), false) FROM pg_database WHERE datname = $1`, database).Scan(&found, &there)
	if err != nil {
		return nil, false, err
	}
	if there {
		return unlock, true, s.markKept(ctx, conn, database)
	}
	if found {
		return unlock, false, s.dropDatabase(database)
	}
	return unlock, false, nil
}

// markKept notes that the template is wanted today.
func (s *Server) markKept(ctx context.Context, conn *pgx.Conn, database string) error {
	var comment string
	var noted bool
	err := conn.QueryRow(ctx, `
		SELECT c.comment, coalesce(shobj_description(d.oid, 'pg_database') = c.comment, false)
		  FROM pg_database AS d, (SELECT $2 || to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD')) AS c (comment)
		 WHERE d.datname = $1`, database, keptComment).Scan(&comment, &noted)
	if err != nil || noted {
		return err
	}
	_, err = conn.Exec(ctx, fmt.Sprintf("COMMENT ON DATABASE %s IS '%s'", quote(database), escape(comment)))
	return err
}

// dropOldKept drops the kept templates that nobody has asked for lately. That
// one stays, another's or in use, is no reason to fail.
func (s *Server) dropOldKept(ctx context.Context, conn *pgx.Conn) {
	rows, err := conn.Query(ctx, `
		SELECT datname FROM (
			SELECT datname, substr(shobj_description(oid, 'pg_database'), length($2) + 1) AS last
			  FROM pg_database WHERE starts_with(datname, $1) AND starts_with(shobj_description(oid, 'pg_database'), $2)) AS d
		 WHERE last ~ '^\d{4}-\d\d-\d\d$' AND last < to_char(now() AT TIME ZONE 'UTC' - make_interval(days => $3), 'YYYY-MM-DD')`,
		keptPrefix, keptComment, keptDays)
	if err != nil {
		return
	}
	old, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return
	}
	for _, database := range old {
		_ = s.dropDatabase(database)
	}
}
