package stdsql_test

import (
	"database/sql"
	"errors"
	"testing"
	"time"

	"yore.example/yore"
	"yore.example/yore/integrations/internal/drivers"
	"yore.example/yore/internal/pgtest"
)

// TestStory: the behaviours for as-of queries, through database/sql.
func TestStory(t *testing.T) {
	t.Parallel()
	drivers.Each(t, func(t *testing.T, db drivers.Database) {
		at := pgtest.Tell(t, db.Pool).At
		begin := func(moment string, db yore.SQLBeginner, query string, args ...any) []string {
			t.Helper()
			return values(t, db, at[moment], query, args...)
		}
		const foos, bars = "SELECT name FROM foos ORDER BY id", "SELECT name FROM bars ORDER BY id"
		now := func(query string) []string {
			t.Helper()
			got, err := drivers.Values(ctx, db, query)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}

		equal(t, "temporal-94 a month ago", values(t, db, at["start"].AddDate(0, -1, 0), foos), []string(nil))
		for moment, want := range map[string][]string{"start": nil, "f0": {"foo"}, "f1": {"foo bar"}, "ss0": {"foo bar"}, "f2": {"new foo"},
			"foo 0": {"new foo", "foo 0"}, "foo 1": {"new foo", "foo 0", "foo 1"}} {
			equal(t, "temporal-95 at "+moment, begin(moment, db, foos), want)
		}
		equal(t, "temporal-96 now", values(t, db, time.Now().Add(time.Second), bars), now(bars))
		for moment, want := range map[string]string{"f0": "foo", "f1": "foo bar", "f2": "new foo", "n1": "new foo"} {
			equal(t, "temporal-98 one at "+moment, begin(moment, db, "SELECT name FROM foos WHERE id = $1", 1), []string{want})
		}
		equal(t, "temporal-99 zone", values(t, db, at["f1"].In(time.FixedZone("", -11*3600)), foos), []string{"foo bar"})

		const children = "SELECT b.name FROM foos AS f JOIN bars AS b ON b.foo_id = f.id WHERE f.id = 1"
		for moment, want := range map[string][]string{"f1": nil, "b0": {"bar"}, "b1": {"foo bar"}, "b2": {"bar bar"}, "b3": {"new bar"}} {
			equal(t, "temporal-100 children at "+moment, begin(moment, db, children), want)
		}
		const parent = "SELECT f.name FROM bars AS b JOIN foos AS f ON f.id = b.foo_id WHERE b.id = 1"
		for moment, want := range map[string][]string{"f1": nil, "b0": {"foo bar"}, "b1": {"foo bar"}, "f2": {"new foo"}} {
			equal(t, "temporal-101 parent at "+moment, begin(moment, db, parent), want)
		}
		for _, id := range []int{1, 2, 3} { // temporal-102, 104
			err := yore.AsOfSQL(ctx, db, at["start"], func(tx *sql.Tx) error {
				var name string
				return tx.QueryRowContext(ctx, "SELECT name FROM foos WHERE id = $1", id).Scan(&name)
			})
			if !errors.Is(err, sql.ErrNoRows) {
				t.Errorf("temporal-102: %d: %v", id, err)
			}
		}
		equal(t, "temporal-103 another time than its own", begin("f2", db, "SELECT b.name FROM bars AS b WHERE foo_id = 1"), []string{"foo bar"})
		const scope = "SELECT id::text FROM noos WHERE name LIKE '%1%'"
		equal(t, "temporal-106 a condition is applied at the time's values", begin("m0", db, scope), []string{"1"})
		equal(t, "temporal-106 and now", now(scope), []string(nil))

		// temporal-108: half-open, on the microsecond.
		var from, to time.Time
		if err := db.QueryRowContext(ctx, "SELECT valid_from, valid_to FROM history.foos WHERE id = 1 AND version = 2").Scan(&from, &to); err != nil {
			t.Fatal(err)
		}
		one := "SELECT name FROM foos WHERE id = 1"
		equal(t, "temporal-108 lower", values(t, db, from, one), []string{"foo bar"})
		equal(t, "temporal-108 before lower", values(t, db, from.Add(-time.Microsecond), one), []string{"foo"})
		equal(t, "temporal-108 upper", values(t, db, to, one), []string{"new foo"})
		equal(t, "temporal-108 before upper", values(t, db, to.Add(-time.Microsecond), one), []string{"foo bar"})

		if _, err := db.ExecContext(ctx, "DELETE FROM foos WHERE id = 3"); drivers.State(err) != "23503" {
			t.Errorf("a foreign key: %v", err)
		}
		if _, err := db.ExecContext(ctx, "DELETE FROM bars WHERE foo_id = 3"); err != nil {
			t.Fatal(err)
		}
		equal(t, "temporal-109 after delete", values(t, db, time.Now().Add(time.Second), "SELECT name FROM bars WHERE foo_id = 3"), []string(nil))
		equal(t, "temporal-109 before it", begin("n1", db, "SELECT name FROM bars WHERE foo_id = 3"), []string{"bar 1"})
		equal(t, "temporal-110 future", values(t, db, time.Now().AddDate(1, 0, 0), bars), now(bars))
	})
}
