package main

import (
	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"yore.example/yore"
)

func (a *app) alterCommand() *cobra.Command {
	var o yore.AlterOptions
	c := &cobra.Command{
		Use:   "alter TABLE ACTION",
		Short: "Run an ALTER TABLE, and bring history in step",
		Long: `Runs ALTER TABLE on a table, tracked or not, and brings its past, its triggers
and its views in step. ACTION is what follows the table's name in ALTER TABLE,
several with commas between. Views and functions of yours over the table are
kept, or the change is refused and nothing is changed.

A dropped column stays in history, unless --drop-past is given. A column's new
type is given to the past as well; where that has to be rewritten, the table is
locked meanwhile, or with --in-batches only for moments, again and again, until
all is converted; should that be interrupted, yore convert goes on.`,
		Example: `  yore alter orders 'ADD COLUMN note text'
  yore alter orders 'RENAME COLUMN note TO remark'
  yore alter orders 'ALTER COLUMN total TYPE numeric(12,2)' --in-batches
  yore alter orders 'DROP COLUMN remark' --drop-past
  yore alter orders 'RENAME TO purchases'`,
		Args:              takes("TABLE", "ACTION"),
		ValidArgsFunction: a.completeTracked,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDB(cmd.Context(), func(conn *pgx.Conn) error {
				if err := yore.AlterTable(cmd.Context(), conn, args[0], args[1], o); err != nil {
					return placed(args[1], err)
				}
				a.out().Good("%s is altered, and its history in step", args[0])
				if !o.InBatches {
					return nil
				}
				return a.convert(cmd.Context(), conn, args[0])
			})
		},
	}
	c.Flags().BoolVar(&o.DropPast, "drop-past", false, "drop a column from the past, too")
	c.Flags().BoolVar(&o.InBatches, "in-batches", false, "convert the past to a new type afterwards, batch after batch")
	return c
}
