package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"yore.example/yore/internal/cli/past"
	"yore.example/yore/internal/cli/pg"
)

const aboutLog = `Shows the versions of one row, the newest first: when, who and why (what the
transaction said with yore.set_context), and what changed. A key of several
columns is given as several arguments, in the order of the key's columns.
Times are UTC.`

func (a *app) logCommand() *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:     "log TABLE KEY...",
		Short:   "Show what happened to a row",
		Long:    aboutLog,
		Example: "  yore log countries HR\n  yore log order_lines 4711 3 -n 10\n  yore log sales.orders 4711 --json",
		Args:    takes("TABLE", "KEY..."), ValidArgsFunction: a.completeTracked, DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 {
				return &usageError{fmt.Sprintf("-n is a number of versions, not %d", limit), ""}
			}
			return a.withDB(cmd.Context(), func(conn *pgx.Conn) error {
				return a.log(cmd.Context(), conn, args[0], args[1:], limit)
			})
		},
	}
	c.Flags().IntVarP(&limit, "limit", "n", 0, "show at most this `many` versions (default all)")
	a.jsonFlag(c)
	return c
}

func (a *app) log(ctx context.Context, conn *pgx.Conn, name string, key []string, limit int) error {
	table, err := past.Find(ctx, conn, name)
	if err != nil {
		return err
	}
	l, err := past.Read(ctx, conn, table, key, limit)
	switch {
	case errors.Is(err, past.ErrKeyCount):
		return &usageError{err.Error(), fmt.Sprintf("yore log %s %s", table.Name, strings.ToUpper(strings.Join(table.Key, " ")))}
	case err != nil:
		return err
	case len(l.Versions) == 0:
		return &hintedError{fmt.Errorf("%s has never had a row %s", table.Name, strings.Join(key, " ")),
			fmt.Sprintf("The key is (%s).", table.KeyNames())}
	}
	if l.Unsaid {
		a.err().Note("note", "your role may not read yore.transaction, so who and why are not shown")
	}
	if a.json {
		return pg.WriteJSON(a.stdout, l)
	}
	a.out().Log(l)
	return nil
}
