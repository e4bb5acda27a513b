package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"yore.example/yore"
)

func (a *app) convertCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "convert TABLE",
		Short: "Go on converting a past to a column's new type",
		Long: `Goes on with what yore alter --in-batches began: converts the past to a column's
new type, batch after batch. Queries of the past are right all the while; writers
wait for as long as a batch takes. May be interrupted and run again.`,
		Example:           "  yore convert orders",
		Args:              takes("TABLE"),
		ValidArgsFunction: a.completeTracked,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDB(cmd.Context(), func(conn *pgx.Conn) error { return a.convert(cmd.Context(), conn, args[0]) })
		},
	}
}

func (a *app) convert(ctx context.Context, conn *pgx.Conn, table string) error {
	var last yore.Conversion
	err := yore.ConvertPast(ctx, conn, table, func(c yore.Conversion) {
		last = c
		a.err().Progress(fmt.Sprintf("converting %s: %d versions done, %d pages remain …", table, c.Versions, c.Pages))
	})
	a.err().Progress("")
	if err != nil {
		return err
	}
	a.out().Good("the past of %s is converted: %s", table, plural(int(last.Versions), "version"))
	return nil
}
