package main

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"yore.example/yore"
	"yore.example/yore/internal/cli/pg"
)

func (a *app) statusCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "status",
		Short: "List what is tracked, since when and with which options",
		Long: `Lists the tracked tables with their key, their options where they are not the
defaults, and the size of present and past. state is ok; or needs sync (the
columns have changed, writes fail until yore sync), triggers off (changes go by
unrecorded), old (yore upgrade brings it up to date), missing (a table is gone).`,
		Example: "  yore status\n  yore status --json",
		Args:    takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDB(cmd.Context(), func(conn *pgx.Conn) error { return a.status(cmd.Context(), conn) })
		},
	}
	a.jsonFlag(c)
	return c
}

const statusTable = `SELECT table_name AS "table", state,
       coalesce(to_char(since, 'YYYY-MM-DD HH24:MI:SS"Z"'), 'always') AS "known since",
       array_to_string(key_columns, ', ') AS key,
       (SELECT coalesce(string_agg(name || '=' || translate(value::text, '"[]', ''), ' ' ORDER BY name), '') FROM jsonb_each(options) AS o (name, value)) AS options,
       pg_size_pretty(current_bytes) AS present, pg_size_pretty(past_bytes) AS past
  FROM yore.status()`

func (a *app) status(ctx context.Context, conn *pgx.Conn) error {
	query := statusTable
	if a.json {
		query = "SELECT table_name, state, since, storage, past, to_json(key_columns) AS key_columns, options, current_bytes, past_bytes FROM yore.status()"
	}
	r, err := pg.Query(ctx, conn, query)
	if err != nil {
		return yore.Explain(err)
	}
	switch {
	case a.json:
		return r.WriteJSON(a.stdout)
	case len(r.Rows) == 0:
		a.out().Printf("Nothing is tracked. yore track TABLE begins.\n")
	default:
		a.out().Table(r)
	}
	for _, row := range r.Rows {
		if mend, broken := mends[*row[1]]; broken {
			a.err().Note("hint", "%s: %s", *row[0], mend)
		}
	}
	return nil
}

var mends = map[string]string{
	"needs sync":   "writes fail until yore sync has been run",
	"triggers off": "changes are not recorded; yore verify says which trigger, yore sync writes them anew",
	"old":          "its triggers are those of an earlier version, and keep history as ever; yore upgrade brings them up to date",
	"missing":      "its storage or its past is gone; restore it from a backup",
}
