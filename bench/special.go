package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
)

// hotRow updates one row 100,000 times, with a vacuum now and then as
// autovacuum would, and compares the last thousand with the first.
func hotRow(ctx context.Context, db *pgx.Conn) error {
	if err := setUp(ctx, db); err != nil {
		return err
	}
	const updates, slice = 100_000, 1000
	for _, table := range []string{"plain", "tracked"} {
		var slices []time.Duration
		text := fmt.Sprintf("UPDATE %s SET points = points + 1 WHERE id = 7", table)
		for done := 0; done < updates; done += slice {
			if done%10_000 == 0 {
				if err := vacuum(ctx, db, table, 0); err != nil {
					return err
				}
			}
			start := time.Now()
			for range slice {
				if _, err := db.Exec(ctx, text); err != nil {
					return err
				}
			}
			slices = append(slices, time.Since(start)/slice)
		}
		first, last := median(slices[:10]), median(slices[len(slices)-10:])
		fmt.Printf("hot row, %-8s 100,000 updates: one of the first 10,000 takes %s, one of the last 10,000 %s, ratio %.2f\n",
			table+":", first, last, float64(last)/float64(first))
	}
	return nil
}

// asOf reads one key now and as of the middle of its history, at two sizes.
func asOf(ctx context.Context, db *pgx.Conn) error {
	if err := setUp(ctx, db); err != nil {
		return err
	}
	for versions := 1; versions <= 50; versions++ {
		if err := statements(ctx, db, "UPDATE tracked SET points = points + 1"); err != nil {
			return err
		}
		if versions != 5 && versions != 50 {
			continue
		}
		if err := statements(ctx, db, "VACUUM ANALYZE temporal.tracked", "VACUUM ANALYZE temporal.tracked_past"); err != nil {
			return err
		}
		var middle time.Time
		if err := db.QueryRow(ctx, "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY sys_from) FROM temporal.tracked_past WHERE id = 1").Scan(&middle); err != nil {
			return err
		}
		present := each("SELECT * FROM %s WHERE id = $1", randomKey)
		var now, function, session []time.Duration
		for range 7 {
			start := time.Now()
			if err := present(ctx, db, "tracked", 0); err != nil {
				return err
			}
			now = append(now, time.Since(start))

			start = time.Now()
			for range times {
				rows, err := db.Query(ctx, "SELECT * FROM asof.tracked($1) WHERE id = $2", middle, randomKey(0))
				if err != nil {
					return err
				}
				rows.Close()
				if rows.Err() != nil {
					return rows.Err()
				}
			}
			function = append(function, time.Since(start))

			err := yore.AsOf(ctx, db, middle, func(tx pgx.Tx) error {
				start = time.Now()
				err := present(ctx, tx.Conn(), "tracked", 0)
				session = append(session, time.Since(start))
				return err
			})
			if err != nil {
				return err
			}
		}
		n := float64(median(now))
		fmt.Printf("as of, one key, %9d versions: now %s, in an as-of session %.2f times that, by asof.tracked(t) %.2f times (bar ≤ 2)\n",
			(versions+1)*people, (median(now) / times).Round(100*time.Nanosecond), float64(median(session))/n, float64(median(function))/n)
	}
	return nil
}

// trackMillion measures how long tracking a table of a million rows locks it,
// and makes sure that nothing was rewritten.
func trackMillion(ctx context.Context, db *pgx.Conn) error {
	if err := statements(ctx, db, "DROP TABLE IF EXISTS million", "CREATE TABLE million (id bigint PRIMARY KEY, name text NOT NULL, points integer)",
		"INSERT INTO million SELECT g, 'Person ' || g, g FROM generate_series(1, 1000000) AS g"); err != nil {
		return err
	}
	var took []time.Duration
	for range 5 {
		var before, after uint32
		if err := db.QueryRow(ctx, "SELECT pg_relation_filenode('million')").Scan(&before); err != nil {
			return err
		}
		start := time.Now()
		if err := yore.Track(ctx, db, "million", yore.TrackOptions{}); err != nil {
			return err
		}
		took = append(took, time.Since(start))
		if err := db.QueryRow(ctx, "SELECT pg_relation_filenode('temporal.million')").Scan(&after); err != nil {
			return err
		}
		if before != after {
			return fmt.Errorf("tracking rewrote the table: file %d became %d", before, after)
		}
		if err := yore.Untrack(ctx, db, "million", yore.DropHistory); err != nil {
			return err
		}
	}
	fmt.Printf("track a table of 1,000,000 rows: locked for %s (median of 5), no rewrite\n", median(took).Round(time.Millisecond))
	return nil
}
