package main

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"yore.example/yore"
	"yore.example/yore/internal/cli/pg"
)

const aboutAdopt = `Makes the history that another system kept of a table yore's own: ChronoModel,
ImmuTable, temporal_tables (arkhipov's or nearform's) or the extension periods.
Every version is read and kept, the table is tracked from then on, and what the
other system needed goes, all in one transaction.

--dry-run reports what would be read and what could not be, and changes nothing.
Versions that cannot be taken as they are, because they overlap, say, are refused;
with --on-problem leave-out they are kept in a table beside the past. Exits with 1
if anything is refused, or would be.

For a table with its past in another that none of them made, name that table with
--history-table and the columns of begin and end with --period.`

type adoptFlags struct {
	dryRun, inPlace                bool
	historyTable, prefix, pastName string
	period, key                    []string
	onProblem                      choice[string]
}

func (a *app) adoptCommand() *cobra.Command {
	f := adoptFlags{onProblem: choice[string]{"refuse", []string{"refuse", "leave-out"}}}
	c := &cobra.Command{
		Use:     "adopt TABLE",
		Short:   "Take over the history that another system kept",
		Long:    aboutAdopt,
		Example: "  yore adopt orders --dry-run\n  yore adopt orders\n  yore adopt orders --on-problem leave-out\n  yore adopt sales.orders --history-table sales.orders_log --period begins,ends",
		Args:    takes("TABLE"), ValidArgsFunction: a.completeAny,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDB(cmd.Context(), func(conn *pgx.Conn) error { return a.adopt(cmd.Context(), conn, args[0], f) })
		},
	}
	to := c.Flags()
	to.BoolVar(&f.dryRun, "dry-run", false, "report, and change nothing")
	to.Var(&f.onProblem, "on-problem", "what becomes of versions that cannot be taken: refuse or leave-out")
	to.StringVar(&f.historyTable, "history-table", "", "the `table` of the past, if it is not found")
	to.StringSliceVar(&f.period, "period", nil, "its range `column`, or those of begin and end")
	to.StringSliceVar(&f.key, "key", nil, "key `columns`, for a table without primary key")
	to.BoolVar(&f.inPlace, "in-place", false, "leave the table where it is, with the system columns visible")
	to.StringVar(&f.prefix, "prefix", "", "`text` before the names version, valid_from, … in history")
	to.StringVar(&f.pastName, "past-name", "", "`name` of the past table (default TABLE_past)")
	a.jsonFlag(c)
	_ = c.RegisterFlagCompletionFunc("on-problem", cobra.FixedCompletions([]string{"refuse", "leave-out"}, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	return c
}

func (a *app) adopt(ctx context.Context, conn *pgx.Conn, table string, f adoptFlags) error {
	r, err := f.report(ctx, conn, table, f.dryRun)
	refused := errors.Is(err, yore.ErrAdopt) && !f.dryRun
	if refused {
		// What stands in the way, all of it; if that cannot be said, the error can.
		var again error
		if r, again = f.report(ctx, conn, table, true); again != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	if a.json {
		if err := r.WriteJSON(a.stdout); err != nil {
			return err
		}
	} else {
		a.out().Table(blank(r))
	}
	odd, figures := 0, map[string]int{}
	for _, row := range r.Rows {
		switch *row[0] {
		case yore.AdoptObstacle:
			odd++
		case yore.AdoptProblem:
			if f.onProblem.value == "refuse" {
				odd++
			}
		case yore.AdoptFigure:
			figures[*row[1]], _ = strconv.Atoi(*row[2]) // a bigint
		}
	}
	switch {
	case refused || odd > 0:
		a.err().Bad("%s is not adopted, for %s; nothing has changed", table, plural(odd, "reason"))
		return errProblems
	case a.json:
	case f.dryRun:
		a.out().Good("%s can be adopted; nothing has changed", table)
	default:
		a.out().Good("%s is adopted with %s of %s, and tracked from now on", table,
			plural(figures["versions"]-figures["left out"], "version"), plural(figures["keys"], "row"))
	}
	return nil
}

func (f adoptFlags) report(ctx context.Context, conn *pgx.Conn, table string, dryRun bool) (pg.Result, error) {
	r, err := pg.Query(ctx, conn, `SELECT kind, item, figure, row_key AS key, valid_from, valid_to, detail
		FROM yore.adopt($1, dry_run => $2::text::boolean, on_problem => $3, history_table => nullif($4::text, ''),
		                period => (SELECT array_agg(p) FROM json_array_elements_text($5::text::json) AS p),
		                key => (SELECT array_agg(k) FROM json_array_elements_text($6::text::json) AS k),
		                in_place => $7::text::boolean, prefix => nullif($8::text, ''), past_name => nullif($9::text, ''))`,
		table, strconv.FormatBool(dryRun), strings.ReplaceAll(f.onProblem.value, "-", "_"), f.historyTable, list(f.period), list(f.key),
		strconv.FormatBool(f.inPlace), f.prefix, f.pastName)
	return r, yore.Explain(err)
}

// blank writes nothing where a line of the report has nothing to say.
func blank(r pg.Result) pg.Result {
	none := ""
	shown := pg.Result{Columns: r.Columns}
	for _, row := range r.Rows {
		row = slices.Clone(row)
		for n := range row {
			if row[n] == nil {
				row[n] = &none
			}
		}
		shown.Rows = append(shown.Rows, row)
	}
	return shown
}

// list writes names as JSON, for a parameter.
func list(names []string) string {
	text, err := json.Marshal(append([]string{}, names...))
	if err != nil {
		panic(err) // of strings: cannot happen
	}
	return string(text)
}
