package main

import (
	"context"
	"io"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"yore.example/yore"
	"yore.example/yore/internal/cli/pg"
	"yore.example/yore/internal/cli/show"
	"yore.example/yore/internal/cli/when"
)

const aboutAsOf = `Runs a query, as it is, and sees every tracked table as it was at TIME; tables
that are not tracked are read as they are. The transaction is read-only. Without
-c the query is read from standard input.

TIME is ` + when.Forms + `.
No zone means UTC. Who asks for a time before a table was tracked is warned: no
row does not mean then that there was none.`

func (a *app) asOfCommand() *cobra.Command {
	var query string
	c := &cobra.Command{
		Use:   "as-of TIME -c QUERY",
		Short: "Run a query as of a time",
		Long:  aboutAsOf,
		Example: `  yore as-of 2018-01-01 -c "SELECT c.name, k.name FROM countries c JOIN currencies k ON k.code = c.currency"
  yore as-of -2h -c "SELECT count(*) FROM orders"
  yore as-of "2024-03-31 12:30+02:00" --json < report.sql`,
		Args: takes("TIME"), ValidArgsFunction: cobra.NoFileCompletions, DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := when.Parse(args[0])
			if err != nil {
				return &usageError{err.Error(), ""}
			}
			if query, err = a.query(query); err != nil {
				return err
			}
			return a.withDB(cmd.Context(), func(conn *pgx.Conn) error { return a.asOf(cmd.Context(), conn, at, query) })
		},
	}
	c.Flags().StringVarP(&query, "command", "c", "", "the `query` to run")
	a.jsonFlag(c)
	return c
}

// query returns the query given, or else read from standard input.
func (a *app) query(given string) (string, error) {
	f, file := a.stdin.(*os.File)
	typed := file && term.IsTerminal(int(f.Fd())) // nobody is made to wait for Ctrl-D
	if given == "" && a.stdin != nil && !typed {
		text, err := io.ReadAll(a.stdin)
		if err != nil {
			return "", err
		}
		given = string(text)
	}
	if strings.TrimSpace(given) == "" {
		return "", &usageError{"yore as-of needs a query", `Give one with -c: yore as-of 2018-01-01 -c "SELECT …"`}
	}
	return given, nil
}

func (a *app) asOf(ctx context.Context, conn *pgx.Conn, at when.Time, query string) error {
	now, err := pg.Now(ctx, conn)
	if err != nil {
		return err
	}
	t := at.Resolve(now)
	var r pg.Result
	err = yore.AsOf(ctx, conn, t, func(tx pgx.Tx) error {
		if r, err = pg.Query(ctx, conn, query); err != nil {
			return placed(query, err)
		}
		return a.warnBefore(ctx, conn, t)
	})
	if err != nil {
		return err
	}
	if a.json {
		return r.WriteJSON(a.stdout)
	}
	a.out().Table(r)
	return nil
}

// readTables are the tracked tables that the transaction has read, under
// whatever name: PostgreSQL has locked them.
const readTables = `SELECT format('%I.%I', m.schema_name, m.table_name), m.since
  FROM yore.tracked AS m
 WHERE m.since > $1::timestamptz
   AND EXISTS (SELECT FROM pg_locks AS l
                WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation'
                  AND l.relation = to_regclass(format('%I.%I', m.past_schema, m.past_name)))
 ORDER BY 1`

// warnBefore warns of each table of the query whose past at t is not known.
func (a *app) warnBefore(ctx context.Context, conn *pgx.Conn, t time.Time) error {
	r, err := pg.Query(ctx, conn, readTables, t.Format(time.RFC3339Nano))
	for _, row := range r.Rows {
		a.err().Note("warning", "the past of %s is known since %s; what was before is not, so no row does not mean that there was none",
			strings.TrimPrefix(*row[0], "public."), show.Time(*row[1]))
	}
	return err
}
