package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
)

// What an immutable table costs: the same work on a plain table with the same
// columns and a UUID for its key, at 10 and at 100 versions of each entity. The
// plain table has been updated as often, so that its pages are as worn.

const (
	entities = 10_000
	families = 500 // with 20 entities each
)

// item is the row of both tables.
type item struct {
	yore.Meta
	Title    string
	ParentID yore.UUID `db:"parent_id"`
	Ordinal  int
	Status   string
	Points   int
	Note     *string
	DueOn    *time.Time `db:"due_on"`
}

const (
	itemColumns = `title text NOT NULL, parent_id uuid NOT NULL, ordinal integer NOT NULL, status text NOT NULL DEFAULT 'open',
		points integer NOT NULL DEFAULT 0, note text, due_on timestamptz`
	itemList  = "entity_id, version, valid_from, deleted_at, title, parent_id, ordinal, status, points, note, due_on"
	itemID    = "('00000000-0000-7000-8000-' || lpad(to_hex(%s::integer), 12, '0'))::uuid"
	parentID  = "('00000000-0000-7000-9000-' || lpad(to_hex(%s::integer), 12, '0'))::uuid"
	itemTitle = "md5(%s::text)"
)

// A pair is a plain table and an immutable one with as many versions of each
// entity; the plain one has had as many updates.
type pair struct {
	versions         int
	plain, immutable string
	items            *yore.ImmutableTable[item]
}

var pairs = []*pair{newPair(10), newPair(100)}

func newPair(versions int) *pair {
	name := fmt.Sprintf("item_%d", versions)
	return &pair{versions, "plain_" + name, name, yore.Immutable[item](name)}
}

// id and parent are the keys that itemID and parentID make.
func id(n int) yore.UUID     { return key(0x80, n) }
func parent(n int) yore.UUID { return key(0x90, n) }

func key(variant byte, n int) yore.UUID {
	return yore.UUID{6: 0x70, 8: variant, 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)}
}

// load makes the tables of the pair.
func (p *pair) load(ctx context.Context, db *pgx.Conn) error {
	if err := statements(ctx, db,
		fmt.Sprintf(`CREATE TABLE %s (entity_id uuid PRIMARY KEY DEFAULT gen_random_uuid(), version bigint NOT NULL DEFAULT 1,
			valid_from timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz, %s)`, p.plain, itemColumns),
		fmt.Sprintf("SELECT yore.create_immutable_table('%s', $$%s$$)", p.immutable, itemColumns)); err != nil {
		return err
	}
	for _, table := range []string{p.plain, p.immutable} {
		if err := statements(ctx, db,
			fmt.Sprintf("CREATE INDEX ON %s (title)", stored(table)),
			fmt.Sprintf("CREATE INDEX ON %s (parent_id)", stored(table)),
			// Children do not lie side by side.
			fmt.Sprintf(`INSERT INTO %s (entity_id, title, parent_id, ordinal, status, note)
				SELECT %s, %s, %s, g, (ARRAY['open', 'done', 'late', 'void'])[1 + g %% 4], 'Note of item ' || g FROM generate_series(1, %d) AS g`,
				table, fmt.Sprintf(itemID, "g"), fmt.Sprintf(itemTitle, "g"), fmt.Sprintf(parentID, fmt.Sprintf("g %% %d", families)), entities)); err != nil {
			return err
		}
	}
	const parts = 4 // so that not all versions begin and end at once
	for version := 2; version <= p.versions; version++ {
		for part := range parts {
			if err := statements(ctx, db,
				fmt.Sprintf("UPDATE %s SET points = points + 1, version = version + 1, valid_from = now() WHERE ordinal %% %d = %d", p.plain, parts, part),
				fmt.Sprintf("UPDATE %s SET points = points + 1 WHERE ordinal %% %d = %d", p.immutable, parts, part)); err != nil {
				return err
			}
		}
		if version%5 == 0 { // as autovacuum would
			if err := statements(ctx, db, "VACUUM "+p.plain, "VACUUM "+stored(p.immutable)); err != nil {
				return err
			}
		}
	}
	return statements(ctx, db, "VACUUM ANALYZE "+p.plain, "VACUUM ANALYZE "+stored(p.immutable), "VACUUM ANALYZE "+past(p.immutable), "CHECKPOINT")
}

func stored(table string) string {
	if strings.HasPrefix(table, "plain") {
		return table
	}
	return "temporal." + table
}

func past(table string) string { return "temporal." + table + "_past" }

func wear(ctx context.Context, db *pgx.Conn) error {
	for _, p := range pairs {
		if err := statements(ctx, db, "VACUUM "+p.plain, "VACUUM "+stored(p.immutable)); err != nil {
			return err
		}
	}
	return nil
}

// A task is one thing to be done once, many times over; with either a function
// for each side, from Go, or a script of pgbench, for both.
type task struct {
	name             string
	bar              float64 // the ratio it should stay under; 0: none
	times            int     // in a turn
	writes           bool
	prepare          func(ctx context.Context, db *pgx.Conn, p *pair) error // before a round
	plain, immutable func(ctx context.Context, db *pgx.Conn, p *pair) error
	script           string
}

// immutables measures what has the text only in its name.
func immutables(ctx context.Context, db *pgx.Conn, client *pgbench, dsns []address, rounds int, only string) error {
	tasks := func(list ...[]task) special {
		chosen := slices.DeleteFunc(slices.Concat(list...), func(t task) bool { return !strings.Contains(t.name, only) })
		return special{do: func(ctx context.Context, db *pgx.Conn) error { return measureAll(ctx, db, client, rounds, chosen) }, none: len(chosen) == 0}
	}
	// What adds rows comes last.
	all := slices.DeleteFunc([]special{
		tasks(readsFromGo(), readsInSQL()),
		{name: "immutable, the whole table as of a time", do: func(ctx context.Context, db *pgx.Conn) error { return wholeTable(ctx, db, rounds) }},
		{name: "immutable, UUIDs", do: func(ctx context.Context, db *pgx.Conn) error { return uuids(ctx, db, rounds) }},
		{name: "immutable, 8 writers", do: func(ctx context.Context, _ *pgx.Conn) error { return writers(ctx, dsns, rounds) }},
		tasks(writesFromGo(), writesInSQL()),
	}, func(s special) bool { return s.none || s.name != "" && !strings.Contains(s.name, only) })
	if len(all) == 0 {
		return nil
	}
	for _, p := range pairs {
		if err := p.load(ctx, db); err != nil {
			return fmt.Errorf("immutable tables of %d versions: %w", p.versions, err)
		}
	}
	for _, s := range all {
		fmt.Println()
		if err := s.do(ctx, db); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func measureAll(ctx context.Context, db *pgx.Conn, client *pgbench, rounds int, tasks []task) error {
	fmt.Printf("%-44s %10s %10s %6s %-14s %10s %10s %6s %-14s %7s  %s\n", "", "plain", "10 vers.", "ratio", "spread",
		"plain", "100 vers.", "ratio", "spread", "100:10", "bar")
	for _, t := range tasks {
		if err := t.measure(ctx, db, client, rounds); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return nil
}

// A special is something that prints its own lines.
type special struct {
	name string
	do   func(context.Context, *pgx.Conn) error
	none bool
}

// measure takes turns between the four tables, several in a round.
func (t task) measure(ctx context.Context, db *pgx.Conn, client *pgbench, rounds int) error {
	const turns = 4
	took := map[string][]time.Duration{}
	for round := -1; round < rounds; round++ { // the first warms up
		if t.writes {
			if err := wear(ctx, db); err != nil {
				return err
			}
		}
		for _, p := range pairs {
			if t.prepare == nil {
				break
			}
			if err := t.prepare(ctx, db, p); err != nil {
				return err
			}
		}
		sum := map[string]time.Duration{}
		for turn := range turns {
			for _, p := range pairs {
				sides := []string{p.plain, p.immutable}
				if (round+turn)%2 != 0 {
					slices.Reverse(sides)
				}
				for _, table := range sides {
					d, err := t.turn(ctx, db, client, p, table)
					if err != nil {
						return err
					}
					sum[table] += d
				}
			}
		}
		if round >= 0 {
			for table, d := range sum {
				took[table] = append(took[table], d/time.Duration(turns*t.times))
			}
		}
	}
	fmt.Printf("%-44s", t.name)
	for _, p := range pairs {
		plain, immutable := took[p.plain], took[p.immutable]
		low, middle, high := ratios(immutable, plain)
		fmt.Printf(" %10s %10s %6.2f %-14s", short(median(plain)), short(median(immutable)), middle, fmt.Sprintf("%.2f to %.2f", low, high))
	}
	_, growth, _ := ratios(took[pairs[1].immutable], took[pairs[0].immutable])
	bar := "–"
	if t.bar > 0 {
		bar = fmt.Sprintf("≤ %.2f", t.bar)
	}
	fmt.Printf(" %7.2f  %s\n", growth, bar)
	return nil
}

func (t task) turn(ctx context.Context, db *pgx.Conn, client *pgbench, p *pair, table string) (time.Duration, error) {
	if t.script != "" {
		return client.run(ctx, strings.ReplaceAll(t.script, "{table}", table), t.times)
	}
	do := t.plain
	if table == p.immutable {
		do = t.immutable
	}
	start := time.Now()
	for range t.times {
		if err := do(ctx, db, p); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

// ratios are those of a to b, round by round: the lowest, the median and the
// highest.
func ratios(a, b []time.Duration) (low, middle, high float64) {
	r := make([]float64, len(a))
	for i := range a {
		r[i] = float64(a[i]) / float64(b[i])
	}
	slices.Sort(r)
	return r[0], r[len(r)/2], r[len(r)-1]
}

func short(d time.Duration) string {
	switch {
	case d >= 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return fmt.Sprintf("%.1fµs", float64(d.Nanoseconds())/1000)
}
