package yore

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// AdoptOptions are the options of Adopt. The zero value refuses what cannot be
// taken as it is, and finds the source by itself.
type AdoptOptions struct {
	// DryRun reports and changes nothing.
	DryRun bool

	// LeaveOut adopts in spite of problems: versions that cannot be taken are kept
	// in t_left_out, beside the past. Defaults to false: problems are refused.
	LeaveOut bool

	// HistoryTable and Period name the parts of a source that is none of those
	// known: the table of the past, and the column of a range type, or the two of
	// begin and end, in both tables. Defaults to nothing: it is found.
	HistoryTable string
	Period       []string

	// Key, InPlace, Prefix and PastName are as in TrackOptions.
	Key      []string
	InPlace  bool
	Prefix   string
	PastName string
}

// The kinds of an AdoptItem.
const (
	AdoptSource   = "source"   // a part of the source
	AdoptFigure   = "figure"   // how many
	AdoptProblem  = "problem"  // a version that cannot be taken as it is
	AdoptObstacle = "obstacle" // what stands in the way, and is none of a version
	AdoptNote     = "note"     // what should be known
)

// An AdoptItem is a line of an AdoptReport.
type AdoptItem struct {
	Kind, Item string
	Figure     int64           // of a figure
	Key        json.RawMessage // the row that a problem or note is about, by column; nil if it is about none
	From, To   *time.Time      // the period of the version; nil: open, or about none
	Detail     string
}

// An AdoptReport says what was read of a table's history, and what could not be.
type AdoptReport struct {
	Items []AdoptItem
}

// Figure returns one of the figures: versions, keys, current rows, deleted keys,
// deletions, left out, problems.
func (r AdoptReport) Figure(item string) int64 {
	i := slices.IndexFunc(r.Items, func(i AdoptItem) bool { return i.Kind == AdoptFigure && i.Item == item })
	if i < 0 {
		return 0
	}
	return r.Items[i].Figure
}

// OfKind returns the items of a kind.
func (r AdoptReport) OfKind(kind string) []AdoptItem {
	var items []AdoptItem
	for _, i := range r.Items {
		if i.Kind == kind {
			items = append(items, i)
		}
	}
	return items
}

// Adopt makes the history that ChronoModel, ImmuTable, temporal_tables or the
// extension periods kept of a table yore's own, every version of it, drops what
// the other system needed, and tracks the table from then on, all in one
// transaction. The table is named as in SQL. docs/guides/adopt.md says what
// becomes of what.
//
// Errors: ErrAdopt (problems, or no history that is known; with DryRun problems
// are in the report), ErrNotTracked (no such table), ErrTracked (tracked already),
// ErrUnsuitable, ErrName, ErrOption, ErrRights, ErrIsolation (not READ COMMITTED);
// then nothing has been changed.
//
// Locks: ACCESS EXCLUSIVE on the table and its history, while every version is
// read and written once; with DryRun, none but for reading.
func Adopt(ctx context.Context, db DB, table string, o AdoptOptions) (AdoptReport, error) {
	onProblem := "refuse"
	if o.LeaveOut {
		onProblem = "leave_out"
	}
	rows, err := db.Query(ctx, `SELECT kind, item, coalesce(figure, 0), row_key::text, valid_from, valid_to, coalesce(detail, '')
		FROM yore.adopt($1::text, dry_run => $2::boolean, on_problem => $3::text, history_table => $4::text, period => $5::text[],
			key => $6::text[], in_place => $7::boolean, prefix => $8::text, past_name => $9::text)`,
		table, o.DryRun, onProblem, textOrNull(o.HistoryTable), o.Period, o.Key, trueOrNull(o.InPlace), textOrNull(o.Prefix), textOrNull(o.PastName))
	if err != nil {
		return AdoptReport{}, Explain(err)
	}
	defer rows.Close()
	var r AdoptReport
	for rows.Next() {
		var (
			i   AdoptItem
			key *string
		)
		if err := rows.Scan(&i.Kind, &i.Item, &i.Figure, &key, &i.From, &i.To, &i.Detail); err != nil {
			return AdoptReport{}, Explain(err)
		}
		if key != nil {
			i.Key = json.RawMessage(*key)
		}
		r.Items = append(r.Items, i)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return AdoptReport{}, Explain(err)
	}
	return r, nil
}
