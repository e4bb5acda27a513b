package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"yore.example/yore"
)

func (a *app) sqlCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "sql",
		Short: "Print the SQL that install runs, for other tools",
		Long: `Prints what yore install runs, as one transaction: for psql, or as a migration
of the tool that you use. It may be run again at any time.`,
		Example: "  yore sql | psql shop\n  yore sql > migrations/0042_yore.sql",
		Args:    takes(),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(a.stdout, "BEGIN;\n%s\nCOMMIT;\n", strings.TrimSpace(yore.Script()))
			return err
		},
	}
}
