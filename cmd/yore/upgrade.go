package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/spf13/cobra"

	"yore.example/yore"
	"yore.example/yore/internal/cli/pg"
)

func (a *app) upgradeCommand() *cobra.Command {
	var o yore.UpgradeOptions
	c := &cobra.Command{
		Use:   "upgrade",
		Short: "Bring the functions and every tracked table up to this version",
		Long: `Installs the functions of this version, as yore install does, and then writes the
triggers and views of each table that an earlier version made, in a transaction
of its own. Applications go on writing meanwhile. A table that others keep locked
is tried again, and passed over in the end: then the exit code is 1, and running
yore upgrade again does what is left. An older yore than the database's is refused.`,
		Example: "  yore upgrade\n  yore upgrade --lock-timeout 200ms --attempts 50",
		Args:    takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.LockTimeout < time.Millisecond || o.Attempts < 1 {
				return &usageError{"--lock-timeout is at least 1ms, --attempts at least 1", "yore upgrade --help says what they are for."}
			}
			return a.withDB(cmd.Context(), func(conn *pgx.Conn) error { return a.upgrade(cmd.Context(), conn, o) })
		},
	}
	c.Flags().DurationVar(&o.LockTimeout, "lock-timeout", 500*time.Millisecond, "how long an attempt waits for a table's locks, and others behind it; below deadlock_timeout (1s) no transaction of yours is ever ended for it")
	c.Flags().IntVar(&o.Attempts, "attempts", 10, "how often a table is tried that others keep locked")
	a.jsonFlag(c)
	return c
}

func (a *app) upgrade(ctx context.Context, conn *pgx.Conn, o yore.UpgradeOptions) error {
	o.Progress = func(s yore.UpgradeStep) { a.err().Progress(progress(s, o.Attempts)) }
	report, err := yore.Upgrade(ctx, conn, o)
	a.err().Progress("")
	var partial *yore.UpgradeError
	if err != nil && !errors.As(err, &partial) {
		return err
	}
	if a.json {
		if err := pg.WriteJSON(a.stdout, upgradeJSON(report)); err != nil {
			return err
		}
	} else {
		a.showUpgrade(report, conn.Config().Database, partial != nil)
	}
	if partial != nil {
		return &hintedError{err, "What is done stays done, and the others go on with the triggers they have. Run yore upgrade again; it does what is left."}
	}
	return nil
}

func progress(s yore.UpgradeStep, attempts int) string {
	what := "installing the functions …"
	if s.Table != "" {
		what = fmt.Sprintf("upgrading %s (%d of %d) …", s.Table, s.Number, s.Of)
	}
	if s.Attempt > 1 {
		what += fmt.Sprintf(" locked by others, attempt %d of %d", s.Attempt, attempts)
	}
	return what
}

func (a *app) showUpgrade(r yore.UpgradeReport, database string, failed bool) {
	if len(r.Tables) > 0 {
		a.out().Table(upgradeTable(r))
	}
	switch {
	case failed: // the error says what remains
	case len(r.Tables) > 0:
		a.out().Good("%s upgraded to version %d", plural(len(r.Tables), "table"), r.To)
	case r.From == 0:
		a.out().Good("yore is installed in database %s; yore track TABLE comes next", database)
	default:
		a.out().Good("database %s has version %d, all its tables too", database, r.To)
	}
}

func upgradeTable(r yore.UpgradeReport) pg.Result {
	result := pg.Result{Columns: []pg.Column{
		{Name: "table"}, {Name: "from", Type: pgtype.Int4OID}, {Name: "to", Type: pgtype.Int4OID},
		{Name: "attempts", Type: pgtype.Int4OID}, {Name: "took"}, {Name: "result"}}}
	for _, t := range r.Tables {
		outcome := "done"
		if t.Err != nil {
			outcome, _, _ = explained(t.Err)
		}
		row := [...]string{t.Table, strconv.Itoa(t.From), strconv.Itoa(r.To), strconv.Itoa(t.Attempts), t.Took.Round(time.Millisecond).String(), outcome}
		cells := make([]*string, len(row))
		for i := range row {
			cells[i] = &row[i]
		}
		result.Rows = append(result.Rows, cells)
	}
	return result
}

type jsonUpgrade struct {
	From   int                `json:"from"`
	To     int                `json:"to"`
	Tables []jsonTableUpgrade `json:"tables"`
}

type jsonTableUpgrade struct {
	Table    string  `json:"table"`
	From     int     `json:"from"`
	Attempts int     `json:"attempts"`
	Seconds  float64 `json:"seconds"`
	Error    *string `json:"error"`
}

func upgradeJSON(r yore.UpgradeReport) jsonUpgrade {
	out := jsonUpgrade{r.From, r.To, []jsonTableUpgrade{}}
	for _, t := range r.Tables {
		row := jsonTableUpgrade{Table: t.Table, From: t.From, Attempts: t.Attempts, Seconds: t.Took.Round(time.Millisecond).Seconds()}
		if t.Err != nil {
			message, _, _ := explained(t.Err)
			row.Error = &message
		}
		out.Tables = append(out.Tables, row)
	}
	return out
}
