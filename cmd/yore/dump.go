package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"yore.example/yore"
	"yore.example/yore/internal/cli/pg"
)

const aboutDump = `Writes tracked tables with their whole past as an SQL script, to a file or to
standard output: all tracked tables, or those named. yore load reads it, or psql,
into a database of any version of PostgreSQL from 13 up.

It reads one snapshot and changes nothing. A file is there once it is complete.
What belongs to a table and is not in the dump, such as triggers of your own, is
listed; grants and owners are never in it. To move a whole database, pg_dump is the
better tool where there is one of the right version: docs/guides/dump.md.`

type dumpFlags struct {
	file                  string
	structure, data, gzip bool
}

func (a *app) dumpCommand() *cobra.Command {
	var f dumpFlags
	c := &cobra.Command{
		Use:     "dump [TABLE]...",
		Short:   "Write tracked tables with their past to a file",
		Long:    aboutDump,
		Example: "  yore dump -o shop.sql\n  yore dump orders order_lines --gzip -o orders.sql.gz\n  yore dump --structure > structure.sql\n  yore dump --dsn $OLD | yore load --dsn $NEW --install",
		Args:    takes("[TABLE]..."), ValidArgsFunction: a.completeTrackedAll,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf(f.structure, f.data); err != nil {
				return err
			}
			if a.json && f.file == "" {
				return &usageError{"--json needs a file: the dump itself goes to standard output", "Use -o FILE --json."}
			}
			return a.withDB(cmd.Context(), func(conn *pgx.Conn) error { return a.dump(cmd.Context(), conn, args, f) })
		},
	}
	c.Flags().StringVarP(&f.file, "output", "o", "", "the `file` to write (default standard output)")
	c.Flags().BoolVar(&f.structure, "structure", false, "only what makes the tables, no rows")
	c.Flags().BoolVar(&f.data, "data", false, "only rows, present and past")
	c.Flags().BoolVar(&f.gzip, "gzip", false, "compress (default for a file named *.gz)")
	a.jsonFlag(c)
	return c
}

func (a *app) dump(ctx context.Context, conn *pgx.Conn, tables []string, f dumpFlags) error {
	var result yore.DumpResult
	write := func(w io.Writer) (err error) {
		if f.gzip || strings.HasSuffix(f.file, ".gz") {
			z := gzip.NewWriter(w)
			defer func() { err = errors.Join(err, z.Close()) }()
			w = z
		}
		result, err = yore.Dump(ctx, conn, w, yore.DumpOptions{Tables: tables, Structure: f.structure, Data: f.data, Progress: a.progress("dumping")})
		a.err().Progress("")
		return err
	}
	if f.file == "" {
		if err := write(a.stdout); err != nil {
			return err
		}
	} else if err := whole(f.file, write); err != nil {
		return err
	}
	if len(result.LeftOut) > 0 {
		a.err().Note("note", "not in the dump: %s", strings.Join(result.LeftOut, "; "))
	}
	switch {
	case a.json:
		return pg.WriteJSON(a.stdout, result)
	case f.file != "":
		a.out().Good("%s dumped to %s", moved(result), f.file)
	default:
		a.err().Good("%s dumped", moved(result))
	}
	return nil
}

// whole writes a file that is there once it is complete.
func whole(name string, write func(io.Writer) error) (err error) {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		file, err := os.OpenFile(name, os.O_WRONLY, 0) // a pipe, /dev/null
		if err != nil {
			return err
		}
		return errors.Join(write(file), file.Close())
	}
	file, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*.part")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	if err := errors.Join(write(file), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), name)
}

// progress shows now and then how far it has come.
func (a *app) progress(what string) func(yore.Progress) {
	screen, last := a.err(), time.Time{}
	return func(p yore.Progress) {
		if p.Table == "" || time.Since(last) < 100*time.Millisecond {
			return
		}
		last = time.Now()
		of := ""
		if p.Total > p.Rows {
			of = fmt.Sprintf(", about %d%%", p.Rows*100/p.Total)
		}
		screen.Progress(fmt.Sprintf("%s %s: %d rows%s …", what, p.Table, p.Rows, of))
	}
}

// moved says what was dumped or loaded.
func moved(r yore.DumpResult) string {
	versions := int64(0)
	for _, t := range r.Tables {
		versions += t.Versions
	}
	if !r.Data {
		return "the structure of " + plural(len(r.Tables), "table")
	}
	return plural(len(r.Tables), "table") + " with " + plural(int(versions), "version")
}

// oneOf refuses --structure and --data at once.
func oneOf(structure, data bool) error {
	if structure && data {
		return &usageError{"--structure and --data exclude each other", "Both is what is done without them."}
	}
	return nil
}

// completeTrackedAll completes the names of any number of tracked tables.
func (a *app) completeTrackedAll(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.completeTable(cmd.Context(), nil, trackedTables+" ORDER BY 1")
}
