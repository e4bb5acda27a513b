package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"yore.example/yore/internal/gen"
)

func (a *app) sqlCommand() *cobra.Command {
	format := choice[gen.Format]{gen.PlainSQL, gen.InstallFormats}
	c := &cobra.Command{
		Use:   "sql",
		Short: "Print the SQL that install runs, for other tools",
		Long: `Prints what yore install runs, as one transaction: for psql, or with --format as
a migration of the tool that you use. It may be run again at any time.`,
		Example: "  yore sql | psql shop\n  yore sql --format goose > migrations/00001_yore.sql",
		Args:    takes(),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(a.stdout, gen.Install(format.value))
			return err
		},
	}
	c.Flags().Var(&format, "format", "who runs it: sql, goose, golang-migrate, tern or atlas")
	completeFormat(c, gen.InstallFormats)
	return c
}
