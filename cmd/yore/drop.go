package main

import (
	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"yore.example/yore"
	"yore.example/yore/internal/cli/past"
)

func (a *app) dropCommand() *cobra.Command {
	history := historyChoice()
	c := &cobra.Command{
		Use:   "drop TABLE",
		Short: "Drop a table, and keep its history or not",
		Long: `Drops a table, tracked or not. With --history keep its past is closed and stays
for reading, in history.TABLE; with --history drop nothing is left.`,
		Example:           "  yore drop orders\n  yore drop orders --history drop",
		Args:              takes("TABLE"),
		ValidArgsFunction: a.completeTracked,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDB(cmd.Context(), func(conn *pgx.Conn) error {
				_, err := past.Find(cmd.Context(), conn, args[0])
				tracked := err == nil
				if err := yore.DropTable(cmd.Context(), conn, args[0], history.value); err != nil {
					return err
				}
				if !tracked {
					a.out().Good("%s is dropped; it was not tracked", args[0])
					return nil
				}
				a.out().Good("%s is dropped; %s", args[0], fates[history.value])
				return nil
			})
		},
	}
	addHistoryFlag(c, &history)
	return c
}
