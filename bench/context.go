package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore"
)

// contexts compares who and why said at COMMIT, as yore.Pool does, with saying it
// at BEGIN, and both with saying nothing: for a transaction that reads one row
// and for one that updates one of a tracked table.
func contexts(ctx context.Context, db *pgx.Conn, dsn string, rounds int) error {
	const times = 2000
	if err := setUp(ctx, db); err != nil {
		return err
	}
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return err
	}
	defer pool.Close()
	said := yore.WithMeta(yore.WithReason(yore.WithActor(ctx, "ana@example.org"), "ticket 4711"), "ip", "10.0.0.7")
	begin := map[string]func() (pgx.Tx, error){
		"nothing":   func() (pgx.Tx, error) { return pool.Begin(ctx) },
		"at COMMIT": func() (pgx.Tx, error) { return yore.NewPool(pool).Begin(said) },
		"at BEGIN": func() (pgx.Tx, error) {
			return pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: `begin; SELECT yore.set_context('ana@example.org', 'ticket 4711', '{"ip": "10.0.0.7"}')`})
		},
	}
	handles := map[string]yore.DB{"nothing": pool, "with it": yore.NewPool(pool)}
	update := func(ctx context.Context, db yore.DB, i int) error {
		_, err := db.Exec(ctx, "UPDATE tracked SET points = points + 1 WHERE id = $1", i)
		return err
	}
	works := []struct {
		name string
		ways []string
		do   func(way string, i int) error
	}{
		{"a transaction that reads a row", []string{"nothing", "at COMMIT", "at BEGIN"}, func(way string, i int) error {
			tx, err := begin[way]()
			if err != nil {
				return err
			}
			if err := tx.QueryRow(ctx, "SELECT name FROM tracked WHERE id = $1", i).Scan(new(string)); err != nil {
				return err
			}
			return tx.Commit(ctx)
		}},
		{"a transaction that updates a row", []string{"nothing", "at COMMIT", "at BEGIN"}, func(way string, i int) error {
			tx, err := begin[way]()
			if err != nil {
				return err
			}
			if err := update(ctx, tx, i); err != nil {
				return err
			}
			return tx.Commit(ctx)
		}},
		{"an UPDATE alone", []string{"nothing", "with it"}, func(way string, i int) error { return update(said, handles[way], i) }},
		{"a SELECT alone", []string{"nothing", "with it"}, func(way string, i int) error {
			return handles[way].QueryRow(said, "SELECT name FROM tracked WHERE id = $1", i).Scan(new(string))
		}},
	}
	for _, w := range works {
		took, ratios := map[string][]time.Duration{}, map[string][]float64{}
		for round := -1; round < rounds; round++ { // the first warms up
			sum := map[string]time.Duration{}
			for i := 0; i < times; i += 50 { // in turns, so that what else the machine does falls on all
				for _, way := range w.ways {
					start := time.Now()
					for j := range 50 {
						if err := w.do(way, 1+(i+j)*7%people); err != nil {
							return err
						}
					}
					sum[way] += time.Since(start)
				}
			}
			for _, way := range w.ways {
				if round >= 0 {
					took[way] = append(took[way], sum[way]/times)
					ratios[way] = append(ratios[way], float64(sum[way])/float64(sum[w.ways[0]]))
				}
			}
		}
		fmt.Printf("context, %-34s", w.name+":")
		for _, way := range w.ways {
			slices.Sort(ratios[way])
			fmt.Printf(" %s %s (%.2f)", way, median(took[way]).Round(100*time.Nanosecond), ratios[way][rounds/2])
		}
		fmt.Println()
	}
	var rows int
	if err := db.QueryRow(ctx, "SELECT count(*) FROM yore.transaction").Scan(&rows); err != nil {
		return err
	}
	fmt.Printf("context, rows of yore.transaction: %d; at COMMIT and at BEGIN %d transactions each that wrote, and %[2]d that read\n", rows, (rounds+1)*times)
	return nil
}
