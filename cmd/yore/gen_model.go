package main

import (
	"path"
	"path/filepath"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"yore.example/yore/internal/gen"
)

func (a *app) genModelCommand() *cobra.Command {
	var f genFlags
	var goType string
	c := &cobra.Command{
		Use:   "model TABLE",
		Short: "Write the Go type of an existing table's rows",
		Long: `Writes a Go type for the rows of a table or view in the database, tracked or
not; for an immutable table with the handle that reads and writes it. What may be
NULL is a pointer. A column of a type that has no Go type here is a string.`,
		Example: `  yore gen model sales.orders
  yore gen model people --type Human --dir internal/registry --dsn postgres://me@localhost/shop`,
		Args: takes("TABLE"), ValidArgsFunction: a.completeAny, DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			pkg := f.pkg
			if pkg == "" {
				pkg = path.Base(filepath.ToSlash(filepath.Clean(f.dir)))
			}
			return a.withDB(cmd.Context(), func(conn *pgx.Conn) error {
				m, err := gen.ReadModel(cmd.Context(), conn, args[0], goType, pkg)
				if err != nil {
					return genError(err)
				}
				file, err := m.Code(filepath.ToSlash(f.dir))
				if err != nil {
					return err
				}
				for _, s := range m.Skipped {
					a.err().Note("warning", "left out %s", s)
				}
				return a.write(&f, file)
			})
		},
	}
	c.Flags().StringVar(&f.dir, "dir", "models", "`folder` of the Go code")
	c.Flags().StringVar(&f.pkg, "package", "", "`name` of its package (default: that of the folder)")
	c.Flags().StringVar(&goType, "type", "", "`name` of the Go type (default: the table's, singular)")
	f.define(c)
	return c
}
