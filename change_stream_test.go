package yore_test

import (
	"runtime"
	"testing"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// A stream of changes holds one at a time: of 60,000 with two rows of 300 bytes
// each, not the 36 MB that they are.
func TestChangesHoldOne(t *testing.T) { // not parallel: it watches the heap
	dsn := pgtest.DSN(t)
	db := pgtest.Connect(t, dsn)
	pgtest.Exec(t, db, "CREATE TABLE foos (id bigint PRIMARY KEY, name text NOT NULL)", "SELECT yore.track('foos')", "INSERT INTO foos SELECT g, repeat('x', 300) FROM generate_series(1, 20000) AS g",
		"UPDATE foos SET name = md5(name) || repeat('y', 268)", "DELETE FROM foos")
	for name, handle := range map[string]yore.DB{
		"pgx": connect(t, dsn, pgx.QueryExecModeCacheStatement), "database/sql": yore.Wrap(openSQL(t, dsn, pgx.QueryExecModeCacheStatement)),
	} {
		var before, now runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		n, most := 0, before.HeapAlloc
		for _, err := range foos.Changes(t.Context(), handle, yore.ChangesOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n%2000 == 0 {
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapAlloc)
			}
		}
		if grown := most - before.HeapAlloc; n != 60_000 || grown > 20_000_000 {
			t.Errorf("%s: %d changes, the heap grew by %d bytes", name, n, grown)
		}
	}
}
