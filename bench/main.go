// Command bench measures what yore costs: the same work on a plain table and on
// a tracked one, in turns, in one run. It prints ratios of medians; absolute
// times belong to the machine and the moment.
//
//	go run ./bench            # about five minutes
//	go run ./bench -rounds 9  # steadier
//	go run ./bench -run bulk  # only the work whose name contains "bulk"
package main

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/pgdev"
)

func main() {
	rounds := flag.Int("rounds", 7, "rounds of each work, in turns")
	only := flag.String("run", "", "only work whose name contains this")
	major := flag.Int("pg", 0, "major version of PostgreSQL (default: the first found)")
	flag.Parse()
	if err := run(context.Background(), *rounds, *only, *major); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A work is one thing to be done, to the table of the given name and n times
// or to n rows. prepare is not measured.
type work struct {
	name    string
	bar     float64 // the ratio it should stay under; 0: none
	prepare func(ctx context.Context, db *pgx.Conn, table string, round int) error
	do      func(ctx context.Context, db *pgx.Conn, table string, round int) error
	script  string // of pgbench, run instead of do
}

func run(ctx context.Context, rounds int, only string, major int) error {
	server, err := pgdev.Start(ctx, pgdev.Options{Major: major, Progress: os.Stderr, Listen: true, Settings: map[string]string{
		"shared_buffers": "1GB", "max_wal_size": "8GB", "autovacuum": "off", "jit": "on",
	}})
	if err != nil {
		return err
	}
	defer server.Stop() //nolint:errcheck // a throw-away server
	socket, err := socketDSN(ctx, server.DSN(""))
	if err != nil {
		return err
	}
	db, err := pgx.Connect(ctx, socket)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close(ctx) }()
	if err := yore.Install(ctx, db); err != nil {
		return err
	}
	client, err := findPgbench(server.BinDir(), socket)
	if err != nil {
		return err
	}
	fmt.Printf("PostgreSQL %s, prepared statements, synchronous_commit=off, fsync=off; median of %d rounds in turns\n\n",
		server.ServerVersion(), rounds)
	fmt.Printf("%-34s %12s %12s %8s %8s  %s\n", "", "plain", "yore", "ratio", "bar", "spread of the ratio")
	for _, w := range works() {
		if !strings.Contains(w.name, only) {
			continue
		}
		if err := measure(ctx, db, client, w, rounds); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
	}
	for _, special := range []struct {
		name string
		do   func(context.Context, *pgx.Conn) error
	}{{"hot row", hotRow}, {"as of", asOf}, {"track a million rows", trackMillion},
		{"reading", func(ctx context.Context, db *pgx.Conn) error { return reading(ctx, db, rounds) }},
		{"alter", func(ctx context.Context, db *pgx.Conn) error { return alter(ctx, db, socket) }},
		{"context", func(ctx context.Context, db *pgx.Conn) error { return contexts(ctx, db, socket, rounds) }}} {
		if strings.Contains(special.name, only) {
			fmt.Println()
			if err := special.do(ctx, db); err != nil {
				return fmt.Errorf("%s: %w", special.name, err)
			}
		}
	}
	return immutables(ctx, db, client, []address{{"unix socket", socket}, {"TCP", server.DSN("")}}, rounds, only)
}

// socketDSN is the way through the Unix-domain socket to a server that listens
// on TCP as well.
func socketDSN(ctx context.Context, dsn string) (string, error) {
	db, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return "", err
	}
	defer func() { _ = db.Close(ctx) }()
	var folder, port string
	if err := db.QueryRow(ctx, "SELECT current_setting('unix_socket_directories'), current_setting('port')").Scan(&folder, &port); err != nil {
		return "", err
	}
	return fmt.Sprintf("postgres://postgres@/postgres?host=%s&port=%s&sslmode=disable", url.QueryEscape(folder), port), nil
}

func measure(ctx context.Context, db *pgx.Conn, client *pgbench, w work, rounds int) error {
	tables := []string{"plain", "tracked"}
	if err := setUp(ctx, db); err != nil {
		return err
	}
	all := map[string][]time.Duration{}
	var ratios []float64
	for round := -1; round < rounds; round++ { // the first warms up
		for _, table := range tables {
			if w.prepare != nil {
				if err := w.prepare(ctx, db, table, round); err != nil {
					return err
				}
			}
			took, err := w.run(ctx, db, client, table, round)
			if err != nil {
				return err
			}
			if round >= 0 {
				all[table] = append(all[table], took)
			}
		}
		if round >= 0 {
			ratios = append(ratios, float64(all["tracked"][round])/float64(all["plain"][round]))
		}
		slices.Reverse(tables)
	}
	slices.Sort(ratios)
	p, y := median(all["plain"]), median(all["tracked"])
	bar := "–"
	if w.bar > 0 {
		bar = fmt.Sprintf("≤ %.2f", w.bar)
	}
	fmt.Printf("%-34s %12s %12s %8.2f %8s  %.2f to %.2f\n", w.name, p.Round(10*time.Microsecond), y.Round(10*time.Microsecond),
		float64(y)/float64(p), bar, ratios[0], ratios[len(ratios)-1])
	return nil
}

func (w work) run(ctx context.Context, db *pgx.Conn, client *pgbench, table string, round int) (time.Duration, error) {
	if w.script != "" {
		return client.run(ctx, fmt.Sprintf(w.script, table), times)
	}
	start := time.Now()
	err := w.do(ctx, db, table, round)
	return time.Since(start), err
}

func median(d []time.Duration) time.Duration {
	d = slices.Clone(d)
	slices.Sort(d)
	return d[len(d)/2]
}

// setUp makes two equal tables as applications have them, with rows and a
// secondary index, and tracks one.
func setUp(ctx context.Context, db *pgx.Conn) error {
	if err := statements(ctx, db,
		"DROP TABLE IF EXISTS plain_note, tracked_note",
		"DROP TABLE IF EXISTS plain",
		"SELECT yore.untrack('tracked', 'drop') FROM yore.tracked",
		"DROP TABLE IF EXISTS tracked",
		// A plan cached for the table that was is of no use for the one that is.
		"DEALLOCATE ALL"); err != nil {
		return err
	}
	if err := db.DeallocateAll(ctx); err != nil {
		return err
	}
	for _, table := range []string{"plain", "tracked"} {
		if err := statements(ctx, db, fmt.Sprintf(`CREATE TABLE %s (
				id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, email text NOT NULL, name text NOT NULL,
				city text, points integer NOT NULL DEFAULT 0, active boolean NOT NULL DEFAULT true,
				created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now())`, table),
			fmt.Sprintf("CREATE INDEX ON %s (email)", table),
			fmt.Sprintf("INSERT INTO %s (id, email, name, city) SELECT g, 'person' || g || '@example.org', 'Person ' || g, 'Zagreb' FROM generate_series(1, %d) AS g", table, people),
			fmt.Sprintf("SELECT setval(pg_get_serial_sequence('%s', 'id'), %d)", table, people)); err != nil {
			return err
		}
	}
	return statements(ctx, db, "SELECT yore.track('tracked')", "VACUUM ANALYZE plain", "VACUUM ANALYZE temporal.tracked")
}

const people = 20_000

func statements(ctx context.Context, db *pgx.Conn, list ...string) error {
	for _, s := range list {
		if _, err := db.Exec(ctx, s, pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}
