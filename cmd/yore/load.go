package main

import (
	"context"
	"io"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"yore.example/yore"
	"yore.example/yore/internal/cli/pg"
)

const aboutLoad = `Loads what yore dump wrote, compressed or not, from a file or from standard input:
tables with every version as it was, its number, time and transaction. All of it or
nothing: one transaction, and yore verify before its end. A file that is cut off is
refused.

The tables must not be there yet. --data loads rows alone, into tables that are
tracked, have the same columns, and were never written to. Extensions that the
tables need must be there; so must the functions that their defaults call.`

type loadFlags struct{ structure, data, install bool }

func (a *app) loadCommand() *cobra.Command {
	var f loadFlags
	c := &cobra.Command{
		Use:     "load [FILE]",
		Short:   "Load what yore dump wrote",
		Long:    aboutLoad,
		Example: "  yore load shop.sql\n  yore load orders.sql.gz --install\n  yore load shop.sql --structure\n  yore dump --dsn $OLD | yore load --dsn $NEW --install",
		Args:    takes("[FILE]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf(f.structure, f.data); err != nil {
				return err
			}
			in := a.stdin
			if len(args) > 0 && args[0] != "-" {
				file, err := os.Open(args[0])
				if err != nil {
					return &usageError{err.Error(), "Name a file that yore dump wrote, or - for standard input."}
				}
				defer func() { _ = file.Close() }()
				in = file
			} else if file, ok := in.(*os.File); ok && len(args) == 0 && term.IsTerminal(int(file.Fd())) {
				return &usageError{"yore load needs FILE", "Usage: yore load FILE, or yore dump … | yore load. - is the terminal, if you mean it."}
			}
			return a.changeDB(cmd.Context(), func(conn *pgx.Conn) error { return a.load(cmd.Context(), conn, in, f) })
		},
	}
	c.Flags().BoolVar(&f.structure, "structure", false, "only make the tables, load no rows")
	c.Flags().BoolVar(&f.data, "data", false, "only load rows, into tables that are there")
	c.Flags().BoolVar(&f.install, "install", false, "install yore first, where it is missing or older")
	a.jsonFlag(c)
	return c
}

func (a *app) load(ctx context.Context, conn *pgx.Conn, in io.Reader, f loadFlags) error {
	result, err := yore.Load(ctx, conn, in, yore.LoadOptions{Structure: f.structure, Data: f.data, Install: f.install, Progress: a.progress("loading")})
	a.err().Progress("")
	if err != nil {
		return err
	}
	if a.json {
		return pg.WriteJSON(a.stdout, result)
	}
	a.out().Good("%s loaded", moved(result))
	return nil
}
