package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"yore.example/yore/internal/cli/pg"
)

// completeTimeout is how long someone who pressed Tab waits for the database.
const completeTimeout = time.Second

const trackedTables = `
	SELECT CASE WHEN schema_name = 'public' THEN quote_ident(table_name) ELSE format('%I.%I', schema_name, table_name) END
	  FROM yore.tracked`

// completeTracked completes the name of a tracked table.
func (a *app) completeTracked(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.completeTable(cmd.Context(), args, trackedTables+" ORDER BY 1")
}

// completeImmutable completes the name of an immutable table.
func (a *app) completeImmutable(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.completeTable(cmd.Context(), args, trackedTables+" WHERE immutable ORDER BY 1")
}

// completeUntracked completes the name of a table that could be tracked.
func (a *app) completeUntracked(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.completeTable(cmd.Context(), args, `
		SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
		 WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND NOT c.relispartition
		   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'yore')
		   AND NOT EXISTS (SELECT FROM yore.tracked AS m
		                    WHERE (n.nspname, c.relname) IN ((m.storage_schema, m.storage_name), (m.past_schema, m.past_name)))
		 ORDER BY 1`)
}

// completeAny completes the name of any table or view of the user's.
func (a *app) completeAny(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.completeTable(cmd.Context(), args, `
		SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
		 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
		   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'yore') AND n.nspname !~ '^(pg_|temporal|history|asof)'
		 ORDER BY 1`)
}

// completeTable offers what the query returns; nothing where the database
// cannot be asked.
func (a *app) completeTable(ctx context.Context, args []string, query string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(ctx, completeTimeout)
	defer cancel()
	conn, err := a.connect(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer func() { _ = conn.Close(ctx) }()
	r, err := pg.Query(ctx, conn, query)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, row := range r.Rows {
		names = append(names, *row[0])
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
