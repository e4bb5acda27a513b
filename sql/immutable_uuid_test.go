package sql_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// ids makes n identifiers in the session, in order, as text.
func ids(ctx context.Context, conn *pgx.Conn, n int) ([]string, error) {
	rows, err := conn.Query(ctx, "SELECT yore.uuidv7()::text FROM generate_series(1, $1)", n)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func TestUUIDv7(t *testing.T) {
	ctx := context.Background()
	t.Run("VersionVariantAndTime", func(t *testing.T) {
		l := newLab(t)
		// 48 bits are milliseconds, rounded down.
		l.want(`SELECT bool_and(id::text ~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'),
			bool_and(ms BETWEEN floor(extract(epoch FROM before) * 1000) AND extract(epoch FROM clock_timestamp()) * 1000 + 1), count(DISTINCT right(id::text, 16))
			FROM (SELECT before, id, ('x0000' || left(replace(id::text, '-', ''), 12))::bit(64)::bigint AS ms
			        FROM generate_series(1, 1000), LATERAL (SELECT clock_timestamp() AS before, generate_series) AS b, LATERAL (SELECT yore.uuidv7() AS id, b.before AS x) AS u) AS made`, "t|t|1000")
		// Two a millisecond apart differ in the first 48 bits, two a few microseconds apart in the 12 after the version.
		l.want("SELECT left(a::text, 13) < left(b::text, 13) FROM (SELECT yore.uuidv7() AS a, pg_sleep(0.002), yore.uuidv7() AS b) AS u", "t")
	})

	t.Run("StrictlyIncreasing", func(t *testing.T) {
		l := newLab(t)
		got, err := ids(ctx, l.session().db.(*pgx.Conn), 50_000)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got[1:] {
			if got[i] >= got[i+1] {
				t.Fatalf("%d: %s before %s", i, got[i], got[i+1])
			}
		}
	})

	// The clock may be set back a little: the session's last tick counts.
	t.Run("ClockSetBack", func(t *testing.T) {
		l := newLab(t)
		s := l.session()
		s.exec("SELECT set_config('yore.uuid_tick', (extract(epoch FROM clock_timestamp()) * 1000000 + 9000)::bigint::text, false)")
		got, err := ids(ctx, s.db.(*pgx.Conn), 50)
		if err != nil || !slices.IsSorted(got) {
			t.Errorf("%q, %v", got, err)
		}
	})

	t.Run("TwoSessions", func(t *testing.T) {
		l := newLab(t)
		var mu sync.Mutex
		seen := make(map[string]bool)
		errs := l.together(2, func(_ int, c *pgx.Conn) error {
			got, err := ids(ctx, c, 20_000)
			mu.Lock()
			defer mu.Unlock()
			for _, id := range got {
				seen[id] = true
			}
			return err
		})
		if len(errs) > 0 || len(seen) != 40_000 {
			t.Errorf("%d distinct of 40000, %v", len(seen), errs)
		}
	})

	for _, forged := range []string{"garbage", "", "9999999999999999", "99999999999999999999999999", "-1", "-9223372036854775808", "0", "1", "1e15", "NaN", "0x10", " 1", "٣", "2000000000000000"} {
		t.Run("ForgedTick "+forged, func(t *testing.T) {
			l := newLab(t)
			s := l.session()
			s.exec("SET yore.uuid_tick = '" + forged + "'")
			const inTime = `SELECT bool_and(abs(('x0000' || left(replace(id::text, '-', ''), 12))::bit(64)::bigint - extract(epoch FROM clock_timestamp()) * 1000) < 10000), count(DISTINCT id)
				FROM (SELECT yore.uuidv7() AS id FROM generate_series(1, 100)) AS u`
			s.want(inTime, "t|100")
			s.exec("BEGIN", "SELECT set_config('yore.uuid_tick', '"+forged+"', true)")
			s.want(inTime, "t|100")
			s.exec("ROLLBACK")
			got, err := ids(ctx, s.db.(*pgx.Conn), 100)
			for i := range got[1:] {
				if got[i] >= got[i+1] {
					err = fmt.Errorf("%s before %s", got[i], got[i+1])
				}
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}
