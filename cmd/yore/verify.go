package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"yore.example/yore"
	"yore.example/yore/internal/cli/pg"
)

func (a *app) verifyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "verify [TABLE]",
		Short: "Check every version of one table, or of all",
		Long: `Follows every row through its versions and looks for gaps, overlaps, missing
versions and triggers that are off or not as yore wrote them: what a superuser
did behind yore's back. Exits with 1 if it finds anything. Reads every version;
blocks nobody.`,
		Example:           "  yore verify\n  yore verify orders --json",
		Args:              takes("[TABLE]"),
		ValidArgsFunction: a.completeTracked,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDB(cmd.Context(), func(conn *pgx.Conn) error { return a.verify(cmd.Context(), conn, args) })
		},
	}
	a.jsonFlag(c)
	return c
}

func (a *app) verify(ctx context.Context, conn *pgx.Conn, tables []string) error {
	if len(tables) == 0 {
		all, err := pg.Query(ctx, conn, "SELECT table_name FROM yore.status()")
		if err != nil {
			return yore.Explain(err)
		}
		for _, row := range all.Rows {
			tables = append(tables, *row[0])
		}
	}
	found := pg.Result{Rows: [][]*string{}}
	for i, table := range tables {
		a.err().Progress(fmt.Sprintf("verifying %s (%d of %d) …", table, i+1, len(tables)))
		r, err := pg.Query(ctx, conn, "SELECT table_name AS \"table\", problem, key, version, detail FROM yore.verify($1)", table)
		a.err().Progress("")
		if err != nil {
			return yore.Explain(err)
		}
		found.Columns = r.Columns
		found.Rows = append(found.Rows, r.Rows...)
	}
	switch {
	case a.json:
		if err := found.WriteJSON(a.stdout); err != nil {
			return err
		}
	case len(tables) == 0:
		a.out().Printf("Nothing is tracked.\n")
	case len(found.Rows) == 0:
		a.out().Good("%s verified, no problem found", plural(len(tables), "table"))
	default:
		a.out().Table(found)
		a.err().Bad("%s found in %s", plural(len(found.Rows), "problem"), plural(len(tables), "table"))
	}
	if len(found.Rows) > 0 {
		return errProblems
	}
	return nil
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
