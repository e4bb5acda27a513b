package main

import (
	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"yore.example/yore"
)

func (a *app) installCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "install",
		Short: "Install yore in a database, or bring it up to date",
		Long: `Installs yore's schema, functions and catalog in one transaction. Nothing of
yours is touched, and where nothing is to be done nothing changes. The role must
be allowed to create schemas in the database.`,
		Example: "  yore install --dsn postgres://me@localhost/shop",
		Args:    takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDB(cmd.Context(), func(conn *pgx.Conn) error {
				if err := yore.Install(cmd.Context(), conn); err != nil {
					return err
				}
				a.out().Good("yore is installed in database %s; yore track TABLE comes next", conn.Config().Database)
				return nil
			})
		},
	}
}
