package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"yore.example/yore/cmd/yore/demo"
	"yore.example/yore/internal/cli/show"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // an error, or yore verify or yore adopt found problems
	exitUsage  = 2 // the command line makes no sense; nothing was done
)

// Run runs the command that args name, without the program's name, and returns
// the exit code. It stops when ctx ends.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, color: choice[show.Color]{show.Auto, []show.Color{show.Auto, show.Always, show.Never}}, demo: demo.Countries()}
	return a.run(ctx, args)
}

// An app is one run of the program.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	dsn   string
	color choice[show.Color]
	json  bool
	demo  demo.Data
}

func (a *app) run(ctx context.Context, args []string) int {
	root := a.rootCommand()
	args, err := protectNegatives(root, args)
	if err == nil {
		root.SetArgs(args)
		err = root.ExecuteContext(ctx)
	}
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errProblems):
		return exitFailed
	}
	a.report(err)
	var usage *usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

func (a *app) out() *show.Screen { return show.NewScreen(a.stdout, a.color.value) }
func (a *app) err() *show.Screen { return show.NewScreen(a.stderr, a.color.value) }

const about = `yore keeps the past of PostgreSQL tables. Switch it on for a table and every
change that any client makes is kept; any query can then be run as of any
moment.

The database is the one of --dsn, else of DATABASE_URL, else of the PG*
variables. Times without a zone are UTC, on the command line, in the SQL of
as-of and in what is shown.`

const examples = `  yore demo                                  see it work, without any set-up
  yore install                               install yore in the database
  yore track orders                          keep the past of a table
  yore as-of -2h -c "SELECT * FROM orders"   run a query as of two hours ago
  yore log orders 4711                       show what happened to a row`

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use: "yore", Short: "Temporal tables for PostgreSQL", Long: about, Example: examples, Version: version(),
		SilenceErrors: true, SilenceUsage: true, Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.PersistentFlags().StringVar(&a.dsn, "dsn", "", "connection `string`: postgres://… or host=… dbname=…")
	root.PersistentFlags().Var(&a.color, "color", "colours: auto, always or never (auto: on terminals, unless NO_COLOR is set)")
	root.SetFlagErrorFunc(flagError)
	root.AddGroup(&cobra.Group{ID: "read", Title: "Look at the past:"}, &cobra.Group{ID: "track", Title: "Keep it:"}, &cobra.Group{ID: "alter", Title: "Change tables:"}, &cobra.Group{ID: "move", Title: "Move it:"}, &cobra.Group{ID: "gen", Title: "Write code:"}, &cobra.Group{ID: "check", Title: "Check:"})
	for group, commands := range map[string][]*cobra.Command{
		"read":  {a.asOfCommand(), a.logCommand(), a.demoCommand()},
		"track": {a.installCommand(), a.upgradeCommand(), a.sqlCommand(), a.trackCommand(), a.adoptCommand(), a.untrackCommand(), a.undeleteCommand()},
		"alter": {a.alterCommand(), a.convertCommand(), a.syncCommand(), a.dropCommand()},
		"move":  {a.dumpCommand(), a.loadCommand()},
		"gen":   {a.genCommand()},
		"check": {a.statusCommand(), a.verifyCommand(), a.versionCommand()},
	} {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	return root
}

func (a *app) jsonFlag(c *cobra.Command) {
	c.Flags().BoolVar(&a.json, "json", false, "write JSON instead of a table")
}
