package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// wholeTable reads all entities as of three times, by the server's own clock
// and from Go.
func wholeTable(ctx context.Context, db *pgx.Conn, rounds int) error {
	for _, p := range pairs {
		moments := []struct {
			name string
			at   time.Time
		}{{name: "now"}, {name: "half-way"}, {name: "the beginning"}}
		moments[0].at = time.Now().Add(-time.Second)
		for i, share := range map[int]float64{1: 0.5, 2: 0} {
			if err := db.QueryRow(ctx, fmt.Sprintf("SELECT percentile_disc(%f) WITHIN GROUP (ORDER BY sys_from) FROM %s WHERE sys_version > 1 OR sys_version = 1 AND %[1]f = 0", share, past(p.immutable))).Scan(&moments[i].at); err != nil {
				return err
			}
		}
		for _, m := range moments {
			took := map[string][]time.Duration{}
			for range rounds {
				for name, list := range map[string]string{"count": "count(*)", "sum": "sum(points)", "rows": itemList} {
					d, err := executionTime(ctx, db, "SELECT "+list+" FROM asof."+p.immutable+"($1)", m.at)
					if err != nil {
						return err
					}
					took[name] = append(took[name], d)
				}
				start := time.Now()
				rows, err := p.items.AsOf(m.at).All(ctx, db)
				if err != nil {
					return err
				}
				if len(rows) < entities {
					return fmt.Errorf("%d of %d entities at %s", len(rows), entities, m.at)
				}
				took["Go"] = append(took["Go"], time.Since(start))
				start = time.Now()
				if _, err := pgxAll(ctx, db, "SELECT "+itemList+" FROM "+p.plain); err != nil {
					return err
				}
				took["plain"] = append(took["plain"], time.Since(start))
			}
			fmt.Printf("immutable, the whole table as of %-13s %9d versions, in the server: count %s, sum %s, rows %s (slowest %s; bar ≤ 60ms); from Go %s (the plain table: %s)\n",
				m.name+",", p.versions*entities, short(median(took["count"])), short(median(took["sum"])), short(median(took["rows"])),
				short(slices.Max(took["rows"])), short(median(took["Go"])), short(median(took["plain"])))
		}
	}
	return nil
}

// executionTime is the server's, planning and sending left out.
func executionTime(ctx context.Context, db *pgx.Conn, query string, args ...any) (time.Duration, error) {
	rows, err := db.Query(ctx, "EXPLAIN (ANALYZE, TIMING OFF) "+query, append([]any{pgx.QueryExecModeExec}, args...)...)
	if err != nil {
		return 0, err
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, err
	}
	text, ok := strings.CutPrefix(lines[len(lines)-1], "Execution Time: ")
	if !ok {
		return 0, fmt.Errorf("EXPLAIN ended with %q", lines[len(lines)-1])
	}
	return time.ParseDuration(strings.ReplaceAll(text, " ", ""))
}

// uuids compares what it costs to make one.
func uuids(ctx context.Context, db *pgx.Conn, rounds int) error {
	const times = 50_000
	took := map[string][]time.Duration{}
	calls := []string{"g", "gen_random_uuid()", "yore.uuidv7()"}
	for range rounds {
		for _, call := range calls {
			d, err := executionTime(ctx, db, fmt.Sprintf("SELECT count(%s) FROM generate_series(1, %d) AS g", call, times))
			if err != nil {
				return err
			}
			took[call] = append(took[call], d/times)
		}
	}
	none := median(took["g"])
	random, ours := median(took["gen_random_uuid()"])-none, median(took["yore.uuidv7()"])-none
	fmt.Printf("immutable, UUIDs: gen_random_uuid() takes %s, yore.uuidv7() %s, ratio %.1f\n", random, ours, float64(ours)/float64(random))
	return nil
}
