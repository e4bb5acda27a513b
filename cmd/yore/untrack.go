package main

import (
	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"yore.example/yore"
)

func (a *app) untrackCommand() *cobra.Command {
	history := historyChoice()
	c := &cobra.Command{
		Use:   "untrack TABLE",
		Short: "Give the plain table back",
		Long: `Gives the plain table back, with its grants, indexes, foreign keys, sequences
and comments. With --history keep its past is closed and stays for reading, in
history.TABLE; with --history drop it is gone for good.`,
		Example:           "  yore untrack orders\n  yore untrack orders --history drop",
		Args:              takes("TABLE"),
		ValidArgsFunction: a.completeTracked,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeDB(cmd.Context(), func(conn *pgx.Conn) error {
				if err := yore.Untrack(cmd.Context(), conn, args[0], history.value); err != nil {
					return err
				}
				a.out().Good("%s is a plain table again; %s", args[0], fates[history.value])
				return nil
			})
		},
	}
	addHistoryFlag(c, &history)
	return c
}

var fates = map[yore.History]string{
	yore.KeepHistory: "what was kept stays in the history schema",
	yore.DropHistory: "its past is dropped",
}

func historyChoice() choice[yore.History] {
	return choice[yore.History]{yore.KeepHistory, []yore.History{yore.KeepHistory, yore.DropHistory}}
}

func addHistoryFlag(c *cobra.Command, history *choice[yore.History]) {
	c.Flags().Var(history, "history", "what becomes of its past: keep or drop")
	_ = c.RegisterFlagCompletionFunc("history", cobra.FixedCompletions([]string{"keep", "drop"}, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
}
