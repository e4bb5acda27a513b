package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"yore.example/yore/internal/gen"
)

const aboutGen = `Writes Go code and migrations for immutable tables, to begin with and to change
as you like. Nothing that is there is overwritten without --force.`

func (a *app) genCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "gen",
		Short: "Write Go code and migrations for tables",
		Long:  aboutGen,
		Example: `  yore gen context Blog.Post posts title:string body:text author:references:users
  yore gen migration comments body:text post:references:posts --format golang-migrate
  yore gen model sales.orders`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &usageError{fmt.Sprintf("there is no command %q", "gen "+args[0]), suggest(cmd, args[0], "yore gen --help lists the generators.")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(a.genContextCommand(), a.genSchemaCommand(), a.genMigrationCommand(), a.genModelCommand())
	return c
}

// genFlags are those that generators have in common.
type genFlags struct {
	dir, pkg, migrations, schema string
	format                       choice[gen.Format]
	related                      []string
	force, dryRun                bool
}

func (f *genFlags) define(c *cobra.Command) {
	c.Flags().BoolVar(&f.force, "force", false, "overwrite files that are there")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "print the files and write none")
}

func (f *genFlags) defineCode(c *cobra.Command) {
	c.Flags().StringVar(&f.dir, "dir", "", "`folder` of the Go code (default: the context in lower case)")
	c.Flags().StringVar(&f.pkg, "package", "", "`name` of its package (default: the context in lower case)")
	c.Flags().StringArrayVar(&f.related, "related", nil, "the row `type` that a reference leads to: author=User, or author=example.com/shop/accounts.User")
}

func (f *genFlags) defineTable(c *cobra.Command) {
	c.Flags().StringVar(&f.schema, "schema", "", "`name` of the database schema (default: public)")
	_ = c.RegisterFlagCompletionFunc("schema", cobra.NoFileCompletions) // the flag exists
}

func (f *genFlags) defineMigration(c *cobra.Command) {
	f.format = choice[gen.Format]{gen.Goose, gen.Formats}
	c.Flags().StringVar(&f.migrations, "migrations", "migrations", "`folder` of the migrations")
	c.Flags().Var(&f.format, "format", "who runs the migration: goose, golang-migrate or sql")
	completeFormat(c, gen.Formats)
}

func completeFormat(c *cobra.Command, formats []gen.Format) {
	var words []string
	for _, format := range formats {
		words = append(words, string(format))
	}
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
}

// names reads Context.Type and the table, and settles folder and package.
func (f *genFlags) names(args []string) (gen.Names, error) {
	if f.dir == "" {
		f.dir = gen.Dir(args[0])
	}
	return gen.ParseNames(args[0], args[1], f.schema, f.pkg)
}

// code reads the row type that schema and context have in common.
func (f *genFlags) code(args []string) (gen.Schema, error) {
	n, err := f.names(args)
	if err != nil {
		return gen.Schema{}, err
	}
	s := gen.Schema{Names: n}
	if s.Fields, err = gen.ParseFields(args[2:], n); err != nil {
		return s, err
	}
	s.Related, err = gen.ParseRelated(f.related, s.Fields, n)
	return s, err
}

func (f *genFlags) migration(n gen.Names, fields []gen.Field) (gen.Migration, error) {
	return gen.NewMigration(n, fields, f.format.value, f.migrations, time.Now())
}

// write writes what a generator made, or with --dry-run prints it.
func (a *app) write(f *genFlags, files ...gen.File) error {
	if f.dryRun {
		for _, file := range files {
			a.out().Printf("-- %s --\n%s", file.Path, file.Text)
		}
		return nil
	}
	if err := gen.Write(files, f.force); err != nil {
		if exists := (*gen.ExistsError)(nil); errors.As(err, &exists) {
			return &hintedError{err, "Nothing was written. --force overwrites, --dry-run shows what would be written."}
		}
		return err
	}
	for _, file := range files {
		a.out().Good("%s", file.Path)
	}
	return nil
}

// genError makes what a generator refuses an error of the command line.
func genError(err error) error {
	if wrong := (*gen.Error)(nil); errors.As(err, &wrong) {
		return &usageError{wrong.Message, wrong.Hint}
	}
	return err
}

// aboutFields explains the arguments NAME:TYPE[:MODIFIER…].
func aboutFields() string {
	var b strings.Builder
	b.WriteString("A FIELD is NAME:TYPE[:MODIFIER...]. It must have a value unless it says null.\n\nTypes:\n")
	for _, t := range gen.Types() {
		fmt.Fprintf(&b, "  %-17s %s\n", t[0], t[1])
	}
	b.WriteString("\nModifiers:\n")
	for _, m := range gen.Modifiers() {
		fmt.Fprintf(&b, "  %-17s %s\n", m[0], m[1])
	}
	return strings.TrimRight(b.String(), "\n")
}

// completeFields completes the arguments of a generator from number first on,
// which are fields.
func completeFields(first int) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		const directive = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		i := strings.LastIndexByte(word, ':')
		if len(args) < first || i < 0 {
			return nil, directive
		}
		var words []string
		for _, w := range gen.Complete(word) {
			words = append(words, word[:i+1]+w[0]+"\t"+w[1])
		}
		return words, directive
	}
}
