package yore_test

import (
	"strings"
	"testing"
	"time"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// TestIndexesOfTimes: the newest changes up to a time, and what is deleted as of
// one, are found by an index if there is one; the whole past is not read.
func TestIndexesOfTimes(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	pgtest.Exec(t, pool, `SELECT yore.create_immutable_table('jobs', 'name text NOT NULL')`)
	pgtest.Exec(t, pool, `SELECT yore.create_index('jobs', '(sys_from DESC, entity_id)')`)
	pgtest.Exec(t, pool, `CREATE INDEX ON temporal.jobs_past (sys_from DESC, entity_id) WHERE sys_from = sys_to`)
	pgtest.Exec(t, pool, `INSERT INTO jobs (name) SELECT 'job ' || n FROM generate_series(1, 3000) AS n`)
	for range 3 {
		pgtest.Exec(t, pool, `UPDATE jobs SET name = name || '.'`)
	}
	var then time.Time
	if err := pool.QueryRow(t.Context(), "SELECT clock_timestamp()").Scan(&then); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, pool, `DELETE FROM jobs WHERE entity_id IN (SELECT entity_id FROM jobs ORDER BY entity_id LIMIT 20)`)
	pgtest.Exec(t, pool, `ANALYZE temporal.jobs, temporal.jobs_past`)

	plan := func(query string, args ...any) {
		t.Helper()
		steps := strings.Join(pgtest.Rows(t, pool, "EXPLAIN (COSTS OFF) "+query, args...), "\n")
		if !strings.Contains(steps, "using jobs_past_sys_from_entity_id_idx on jobs_past") && !strings.Contains(steps, "using jobs_sys_from_entity_id_idx_past on jobs_past") || strings.Contains(steps, "Seq Scan on jobs_past") {
			t.Errorf("the plan of %s:\n%s", query, steps)
		}
	}
	changes := pgtest.Rows(t, pool, "SELECT yore._changes_of(k, NULL, $1, NULL, NULL, true, 10) FROM yore.tracked AS k WHERE k.immutable", then)
	plan(changes[0])
	query, args, err := yore.Immutable[struct {
		yore.Meta
		Name string
	}]("jobs").IncludeDeleted().Where("deleted_at IS NOT NULL").OrderBy("valid_from DESC").Limit(10).SQL()
	if err != nil {
		t.Fatal(err)
	}
	plan(query, args...)
}
