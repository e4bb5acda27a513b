package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// alterations are measured on a table with a million versions and on a plain
// one with the same rows: how long each takes, and how long the slowest query of
// another session had to wait meanwhile, which is how long the table was locked.
var alterations = []struct{ action, options string }{
	{"ADD COLUMN note text DEFAULT 'x'", ""},
	{"ALTER COLUMN note SET NOT NULL", ""},
	{"ADD CONSTRAINT positive CHECK (points >= 0)", ""},
	{"RENAME COLUMN note TO remark", ""},
	{"ALTER COLUMN city TYPE varchar", ""},
	{"DROP COLUMN remark", ""},
	{"DROP COLUMN active", ", keep_past => false"},
	{"RENAME TO other", ""},
	{"RENAME TO {table}", ""},
	{"ALTER COLUMN points TYPE bigint", ", in_batches => true"},
}

// alter compares schema changes.
func alter(ctx context.Context, db *pgx.Conn, address string) error {
	const rounds = 5
	reader, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close(ctx) }()
	took, waited := map[string][]time.Duration{}, map[string][]time.Duration{}
	for range rounds {
		if err := setUp(ctx, db); err != nil {
			return err
		}
		for range 50 {
			if err := statements(ctx, db, "UPDATE tracked SET points = points + 1"); err != nil {
				return err
			}
		}
		if err := statements(ctx, db, "VACUUM ANALYZE temporal.tracked", "VACUUM ANALYZE temporal.tracked_past"); err != nil {
			return err
		}
		for _, a := range alterations {
			for _, table := range []string{"plain", "tracked"} {
				statement := alteration(table, a.action, a.options)
				key := table + " " + a.action
				t, w, err := withReader(ctx, db, reader, table, statement)
				if err != nil {
					return err
				}
				took[key], waited[key] = append(took[key], t), append(waited[key], w)
			}
		}
		if err := convert(ctx, db); err != nil {
			return err
		}
	}
	fmt.Printf("schema changes, 1 million versions: time of the statement, and the longest wait of a reader; median of %d\n", rounds)
	fmt.Printf("%-58s %10s %10s %10s %10s  %s\n", "", "plain", "waited", "yore", "waited", "bar: plain + 50 ms")
	for _, a := range alterations {
		p, y := "plain "+a.action, "tracked "+a.action
		verdict := "ok"
		if median(waited[y]) > median(waited[p])+50*time.Millisecond {
			verdict = "missed"
		}
		fmt.Printf("%-58s %10s %10s %10s %10s  %s\n", a.action+a.options, ms(took[p]), ms(waited[p]), ms(took[y]), ms(waited[y]), verdict)
	}
	return nil
}

func ms(d []time.Duration) string { return median(d).Round(100 * time.Microsecond).String() }

func alteration(table, action, options string) string {
	name := table
	switch action {
	case "RENAME TO {table}":
		action, name = "RENAME TO "+table, "other_"+table
	case "RENAME TO other":
		action = "RENAME TO other_" + table
	}
	if table == "plain" {
		return fmt.Sprintf("ALTER TABLE %s %s", name, action)
	}
	return fmt.Sprintf("SELECT yore.alter_table('%s', $$%s$$%s)", name, action, options)
}

// withReader runs the statement while another session reads the table in a
// loop, and returns how long both took.
func withReader(ctx context.Context, db, reader *pgx.Conn, table, statement string) (took, longest time.Duration, err error) {
	done := make(chan struct{})
	waits := make(chan time.Duration)
	go func() {
		var longest time.Duration
		for {
			select {
			case <-done:
				waits <- longest
				return
			default:
			}
			start := time.Now()
			_, err := reader.Exec(ctx, "SELECT FROM "+table+" LIMIT 1", pgx.QueryExecModeSimpleProtocol)
			if wait := time.Since(start); err == nil {
				longest = max(longest, wait)
			}
		}
	}()
	time.Sleep(5 * time.Millisecond)
	start := time.Now()
	err = statements(ctx, db, statement)
	took = time.Since(start)
	close(done)
	return took, <-waits, err
}

func convert(ctx context.Context, db *pgx.Conn) error {
	for remaining := 1; remaining > 0; {
		if err := db.QueryRow(ctx, "SELECT remaining FROM yore.convert_past('tracked')").Scan(&remaining); err != nil {
			return err
		}
	}
	return nil
}
