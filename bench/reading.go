package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
)

// A parentRow has some children; both are temporal tables, with a million versions
// of readChildren.
type parentRow struct {
	ID   int64
	Name string
}

type childRow struct {
	ID       int64
	ParentID int64
	Name     string
	Points   int
}

var (
	readParents  = yore.Temporal[parentRow]("reading_parents")
	readChildren = yore.Temporal[childRow]("reading_children")
)

const (
	childRows     = 100_000
	childVersions = 10
)

// reading measures the library's queries on a million versions: one key as of,
// related rows, and how much a stream of all versions holds.
func reading(ctx context.Context, db *pgx.Conn, rounds int) error {
	if err := statements(ctx, db,
		"CREATE TABLE reading_parents (id bigint PRIMARY KEY, name text NOT NULL)",
		"CREATE TABLE reading_children (id bigint PRIMARY KEY, parent_id bigint NOT NULL, name text NOT NULL, points integer NOT NULL)",
		"CREATE INDEX ON reading_children (parent_id)",
		"SELECT yore.track('reading_parents'), yore.track('reading_children')",
		"INSERT INTO reading_parents SELECT g, 'parent ' || g FROM generate_series(1, 5000) AS g",
		fmt.Sprintf("INSERT INTO reading_children SELECT g, 1 + g %% 5000, md5(g::text), 0 FROM generate_series(1, %d) AS g", childRows)); err != nil {
		return err
	}
	for range childVersions - 1 {
		if err := statements(ctx, db, "UPDATE reading_children SET points = points + 1"); err != nil {
			return err
		}
	}
	if err := statements(ctx, db, "VACUUM ANALYZE temporal.reading_children", "VACUUM ANALYZE temporal.reading_children_past", "VACUUM ANALYZE temporal.reading_parents"); err != nil {
		return err
	}
	var half time.Time
	if err := db.QueryRow(ctx, "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY sys_from) FROM temporal.reading_children_past").Scan(&half); err != nil {
		return err
	}
	for _, part := range []func(context.Context, *pgx.Conn, int, time.Time) error{oneKey, related, streamed} {
		if err := part(ctx, db, rounds, half); err != nil {
			return err
		}
	}
	return nil
}

func oneKey(ctx context.Context, db *pgx.Conn, rounds int, half time.Time) error {
	for name, q := range map[string]yore.Query[childRow]{"as of half-way": readChildren.AsOf(half), "now": readChildren.Current()} {
		sql, args, err := q.Key(77).SQL()
		if err != nil {
			return err
		}
		var took []time.Duration
		for range max(rounds, 21) {
			d, err := executionTime(ctx, db, sql, args...)
			if err != nil {
				return err
			}
			took = append(took, d)
		}
		fmt.Printf("reading, one key %-15s %s in the server, slowest %s (bar ≤ 100µs)\n", name+":", short(median(took)), short(slices.Max(took)))
	}
	return nil
}

// related loads the children of 50 parents, 20 each.
func related(ctx context.Context, db *pgx.Conn, rounds int, half time.Time) error {
	took := map[string][]time.Duration{}
	var ratios []float64
	for range max(rounds, 21) {
		for name, at := range map[string]time.Time{"now": {}, "then": half} {
			start := time.Now()
			rows, err := readParents.AsOf(at).Where("id <= 50").All(ctx, db)
			if err != nil {
				return err
			}
			if at.IsZero() != (name == "now") || len(rows) != 50 {
				return fmt.Errorf("%d parents", len(rows))
			}
			loaded, err := yore.Related(readChildren.AsOf(at), yore.HasMany, "parent_id").Load(ctx, db, rows)
			if err != nil {
				return err
			}
			if n := len(loaded.Many(rows[7])); n != 20 {
				return fmt.Errorf("%d children", n)
			}
			took[name] = append(took[name], time.Since(start))
		}
		n := len(took["now"]) - 1
		ratios = append(ratios, float64(took["then"][n])/float64(took["now"][n]))
	}
	slices.Sort(ratios)
	fmt.Printf("reading, 50 parents and their 1000 children, two queries: now %s, as of half-way %s, ratio %.2f (%.2f to %.2f; bar ≤ 2)\n",
		short(median(took["now"])), short(median(took["then"])), ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1])
	return nil
}

// streamed reads all versions one by one and watches the heap.
func streamed(ctx context.Context, db *pgx.Conn, _ int, _ time.Time) error {
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var most uint64
	n := 0
	start := time.Now()
	for v, err := range readChildren.AllVersions().OrderBy("valid_from").Each(ctx, db) {
		if err != nil {
			return err
		}
		if n++; n%10_000 == 0 {
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
		}
		_ = v
	}
	fmt.Printf("reading, Each over %d versions: %s, heap at most %.1f MB above what it was (bar < 20 MB)\n", n, short(time.Since(start)), float64(most-before.HeapAlloc)/1e6)
	return nil
}
