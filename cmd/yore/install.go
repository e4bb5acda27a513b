package main

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"yore.example/yore"
)

func (a *app) installCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "install",
		Short: "Install yore in a database, or bring its functions up to date",
		Long: `Installs yore's schema, functions and catalog in one transaction. Nothing of
yours is touched, and where nothing is to be done nothing changes. The role must
be allowed to create schemas in the database. Over an earlier version it brings the
functions alone up to date; yore upgrade does that and the tracked tables, too.`,
		Example: "  yore install --dsn postgres://me@localhost/shop",
		Args:    takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDB(cmd.Context(), func(conn *pgx.Conn) error {
				if err := yore.Install(cmd.Context(), conn); err != nil {
					return err
				}
				return a.installed(cmd.Context(), conn)
			})
		},
	}
}

func (a *app) installed(ctx context.Context, conn *pgx.Conn) error {
	var tracked, old int
	err := conn.QueryRow(ctx, "SELECT count(*), count(*) FILTER (WHERE generated_by < yore._version()) FROM yore.tracked").Scan(&tracked, &old)
	if err != nil {
		return err
	}
	next := ""
	if tracked == 0 {
		next = "; yore track TABLE comes next"
	}
	a.out().Good("yore is installed in database %s%s", conn.Config().Database, next)
	if old > 0 {
		a.err().Note("hint", "%s from an earlier version: yore upgrade brings the triggers up to date", plural(old, "table"))
	}
	return nil
}
