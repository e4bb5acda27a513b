package main

import (
	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"yore.example/yore"
)

func (a *app) syncCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "sync TABLE",
		Short: "Bring history in step after an ALTER TABLE",
		Long: `After an ALTER TABLE by hand, writes to a tracked table fail until this has been
run: nothing may be missing from history. It brings past, triggers and views in
step with the table's columns. Takes an ACCESS EXCLUSIVE lock.`,
		Example:           "  psql shop -c \"ALTER TABLE temporal.orders ADD COLUMN note text\"\n  yore sync orders",
		Args:              takes("TABLE"),
		ValidArgsFunction: a.completeTracked,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeDB(cmd.Context(), func(conn *pgx.Conn) error {
				if err := yore.Sync(cmd.Context(), conn, args[0]); err != nil {
					return err
				}
				a.out().Good("%s and its history are in step", args[0])
				return nil
			})
		},
	}
}
