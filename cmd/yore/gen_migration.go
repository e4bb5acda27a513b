package main

import (
	"github.com/spf13/cobra"

	"yore.example/yore/internal/gen"
)

func (a *app) genMigrationCommand() *cobra.Command {
	var f genFlags
	c := &cobra.Command{
		Use:   "migration TABLE [FIELD]...",
		Short: "Write the migration that creates an immutable table",
		Long: `Writes the migration that creates an immutable table, with its indexes: for
goose, golang-migrate (two files), or as plain SQL. yore must be installed in the
database before it runs: by yore install, or by a migration of what yore sql
prints.

` + aboutFields(),
		Example: `  yore gen migration posts title:string:unique body:text published_at:utc_datetime:null:index
  yore gen migration comments body:text post:references:posts --format golang-migrate
  yore gen migration orders total:decimal --schema sales --migrations db/migrations --dry-run`,
		Args: takes("TABLE", "[FIELD]..."), ValidArgsFunction: completeFields(1), DisableFlagsInUseLine: true,
		RunE: func(_ *cobra.Command, args []string) error {
			n, err := gen.ParseTable(args[0], f.schema)
			if err != nil {
				return genError(err)
			}
			fields, err := gen.ParseFields(args[1:], n)
			if err != nil {
				return genError(err)
			}
			m, err := f.migration(n, fields)
			if err != nil {
				return err
			}
			files, err := m.Code()
			if err != nil {
				return err
			}
			return a.write(&f, files...)
		},
	}
	f.defineMigration(c)
	f.defineTable(c)
	f.define(c)
	return c
}
