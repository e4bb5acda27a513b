package main

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"yore.example/yore"
	"yore.example/yore/internal/cli/past"
	"yore.example/yore/internal/cli/pg"
	"yore.example/yore/internal/cli/show"
	"yore.example/yore/internal/cli/when"
)

const aboutTrack = `Keeps every change of a table from now on, by any client. The table is named as
in SQL: orders, sales.orders, '"Orders"'. Applications go on reading and writing
it as before. For a table that is tracked already, changes the options given;
--full-journal=false and --journal "" take one back.

With --immutable the table becomes an immutable one: its rows are entities with an
entity_id, and the table shows entity_id, version, valid_from and deleted_at.
yore undelete brings a deleted entity back.

Takes an ACCESS EXCLUSIVE lock for changes of the catalog alone: no row is read
or rewritten, but with --immutable, which gives every row its ids.`

func (a *app) trackCommand() *cobra.Command {
	var f trackFlags
	f.onTruncate.allowed = []string{"refuse", "archive"}
	c := &cobra.Command{
		Use:     "track TABLE",
		Short:   "Keep every change of a table from now on",
		Long:    aboutTrack,
		Example: "  yore track orders\n  yore track orders --since 2019-01-01 --no-journal last_seen,views\n  yore track sales.events --in-place\n  yore track tasks --immutable",
		Args:    takes("TABLE"), ValidArgsFunction: a.completeUntracked,
		RunE: func(cmd *cobra.Command, args []string) error {
			since, err := f.parseSince()
			if err != nil {
				return err
			}
			return a.changeDB(cmd.Context(), func(conn *pgx.Conn) error {
				return a.track(cmd.Context(), conn, args[0], f.options(cmd.Flags()), since)
			})
		},
	}
	f.define(c.Flags())
	return c
}

func (a *app) track(ctx context.Context, conn *pgx.Conn, table string, o yore.TrackOptions, since *when.Time) error {
	if since != nil {
		now, err := pg.Now(ctx, conn)
		if err != nil {
			return err
		}
		if o.SinceForever = since.Forever(); !o.SinceForever {
			o.Since = since.Resolve(now)
		}
	}
	if err := yore.Track(ctx, conn, table, o); err != nil {
		return err
	}
	t, err := past.Find(ctx, conn, table)
	if err != nil {
		return err
	}
	known := "always"
	if t.Since != nil {
		known = show.Time(t.Since.UTC().Format("2006-01-02 15:04:05.999999+00"))
	}
	a.out().Good("%s is tracked by its key (%s); its past is known since %s", t.Name, t.KeyNames(), known)
	return nil
}

type trackFlags struct {
	journal, noJournal, key        []string
	fullJournal, noSquash, inPlace bool
	exclusion, copyIndexes         bool
	since, prefix, pastName        string
	onTruncate                     choice[string]

	immutable, allowUpdates, allowDeletes, allowVersionWrite, showRowID bool
}

func (f *trackFlags) define(to *pflag.FlagSet) {
	to.StringSliceVar(&f.journal, "journal", nil, "make versions for changes of these `columns` only")
	to.StringSliceVar(&f.noJournal, "no-journal", nil, "make no version for changes of these `columns` (and updated_at)")
	to.BoolVar(&f.fullJournal, "full-journal", false, "make a version for a change of any column, updated_at included")
	to.BoolVar(&f.noSquash, "no-squash", false, "keep every change of a transaction, not only its last")
	to.StringVar(&f.since, "since", "", "from when the rows found are known to have been so: a `time` or -infinity (default now)")
	to.Var(&f.onTruncate, "on-truncate", "what TRUNCATE does: refuse or archive (default refuse)")
	to.StringSliceVar(&f.key, "key", nil, "key `columns`, for a table without primary key")
	to.BoolVar(&f.inPlace, "in-place", false, "leave the table where it is, with the system columns visible")
	to.BoolVar(&f.exclusion, "exclusion", false, "add the exclusion constraint of key and period (needs btree_gist)")
	to.BoolVar(&f.copyIndexes, "copy-indexes", true, "give the past a copy of each index of the table")
	to.StringVar(&f.prefix, "prefix", "", "`text` before the names version, valid_from, … in history")
	to.StringVar(&f.pastName, "past-name", "", "`name` of the past table (default TABLE_past)")
	to.BoolVar(&f.immutable, "immutable", false, "make it an immutable table, keyed by entity_id")
	to.BoolVar(&f.showRowID, "show-row-id", false, "immutable: show the id of each version, too")
	to.BoolVar(&f.allowUpdates, "allow-updates", false, "immutable: let stored versions be altered, through history")
	to.BoolVar(&f.allowDeletes, "allow-deletes", false, "immutable: let stored versions be removed, through history")
	to.BoolVar(&f.allowVersionWrite, "allow-version-write", false, "immutable: a version number that a client writes counts")
}

func (f *trackFlags) parseSince() (*when.Time, error) {
	if f.since == "" {
		return nil, nil
	}
	t, err := when.ParseSince(f.since)
	if err != nil {
		return nil, &usageError{"--since: " + err.Error(), ""}
	}
	return &t, nil
}

// options are those that were given: what was not stays as it is.
func (f *trackFlags) options(given *pflag.FlagSet) yore.TrackOptions {
	o := yore.TrackOptions{
		Journal: f.journal, NoJournal: f.noJournal, Key: f.key, InPlace: f.inPlace,
		OnTruncate: f.onTruncate.value, Prefix: f.prefix, PastName: f.pastName, Immutable: f.immutable,
	}
	for name, option := range map[string]struct {
		value *bool
		to    **bool
	}{
		"copy-indexes":        {&f.copyIndexes, &o.CopyIndexes},
		"show-row-id":         {&f.showRowID, &o.ShowRowID},
		"allow-updates":       {&f.allowUpdates, &o.AllowUpdates},
		"allow-deletes":       {&f.allowDeletes, &o.AllowDeletes},
		"allow-version-write": {&f.allowVersionWrite, &o.AllowVersionWrite},
	} {
		if given.Changed(name) {
			*option.to = option.value
		}
	}
	if given.Changed("full-journal") {
		o.FullJournal = &f.fullJournal
	}
	if given.Changed("no-squash") {
		squash := !f.noSquash
		o.Squash = &squash
	}
	if given.Changed("exclusion") {
		o.Exclusion = &f.exclusion
	}
	return o
}
