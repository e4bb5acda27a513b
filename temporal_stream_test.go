package yore_test

import (
	"runtime"
	"testing"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// Each holds one row at a time: of 200,000 versions of 300 bytes, not the 60 MB
// that they are.
func TestEachHoldsOneRow(t *testing.T) { // not parallel: it watches the heap
	dsn := pgtest.DSN(t)
	pgtest.Exec(t, pgtest.Connect(t, dsn), "CREATE TABLE foos (id bigint PRIMARY KEY, name text NOT NULL)", "SELECT yore.track('foos')",
		"INSERT INTO foos SELECT g, repeat('x', 300) FROM generate_series(1, 20000) AS g")
	db := pgtest.Connect(t, dsn)
	for range 9 {
		pgtest.Exec(t, db, "UPDATE foos SET name = md5(name) || repeat('y', 268)")
	}
	for name, handle := range map[string]yore.DB{
		"pgx": connect(t, dsn, pgx.QueryExecModeCacheStatement), "simple protocol": connect(t, dsn, pgx.QueryExecModeSimpleProtocol),
		"database/sql": yore.Wrap(openSQL(t, dsn, pgx.QueryExecModeCacheStatement)),
	} {
		var before, now runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		n, most := 0, before.HeapAlloc
		for v, err := range foos.AllVersions().OrderBy("valid_from").Each(t.Context(), handle) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n%5000 == 0 {
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapAlloc)
			}
			if len(v.Row.Name) != 300 {
				t.Fatalf("%+v", v)
			}
		}
		if grown := most - before.HeapAlloc; n != 200_000 || grown > 20_000_000 {
			t.Errorf("%s: %d versions, the heap grew by %d bytes", name, n, grown)
		}
		// Breaking off ends the query, and the connection is free again.
		for range foos.AllVersions().Each(t.Context(), handle) {
			break
		}
		equal(t, name, do(foos.Current().Count(t.Context(), handle)).ok(t), int64(20_000))
	}
}
