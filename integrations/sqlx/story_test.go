package sqlx_test

import (
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"yore.example/yore/integrations/internal/drivers"
	"yore.example/yore/internal/pgtest"
)

type foo struct {
	ID   int64
	Name string
}

type bar struct {
	ID    int64
	Name  string
	FooID *int64 `db:"foo_id"`
	Foo   *foo   `db:"foo"` // joined: "foo.id", "foo.name"
}

// TestStory: the behaviours for as-of queries, through sqlx.
func TestStory(t *testing.T) {
	t.Parallel()
	drivers.Each(t, func(t *testing.T, d drivers.Database) {
		at := pgtest.Tell(t, d.Pool).At
		db := open(d)
		foos := func(when time.Time) (all []foo) {
			t.Helper()
			asOf(t, db, when, func(tx *sqlx.Tx) error { return tx.SelectContext(ctx, &all, "SELECT * FROM foos ORDER BY id") })
			return all
		}
		equal(t, "temporal-94 a month ago", foos(at["start"].AddDate(0, -1, 0)), []foo(nil))
		for moment, want := range map[string][]foo{"start": nil, "f0": {{1, "foo"}}, "f1": {{1, "foo bar"}}, "f2": {{1, "new foo"}},
			"foo 0": {{1, "new foo"}, {2, "foo 0"}}, "foo 1": {{1, "new foo"}, {2, "foo 0"}, {3, "foo 1"}}} {
			equal(t, "temporal-95 at "+moment, foos(at[moment]), want)
		}
		var now []foo
		if err := db.SelectContext(ctx, &now, "SELECT * FROM foos ORDER BY id"); err != nil {
			t.Fatal(err)
		}
		equal(t, "temporal-96, 110 now and later", foos(time.Now().Add(time.Hour)), now)
		equal(t, "temporal-99 zone", foos(at["f1"].In(time.FixedZone("", 9*3600))), foos(at["f1"]))

		// temporal-98, 101: a row with its parent, at each time.
		const joined = `SELECT b.*, f.id AS "foo.id", f.name AS "foo.name" FROM bars AS b JOIN foos AS f ON f.id = b.foo_id WHERE b.id = $1`
		for moment, want := range map[string][2]string{"b0": {"bar", "foo bar"}, "b1": {"foo bar", "foo bar"}, "f2": {"foo bar", "new foo"},
			"b2": {"bar bar", "new foo"}, "b3": {"new bar", "new foo"}} {
			asOf(t, db, at[moment], func(tx *sqlx.Tx) error {
				var b bar
				if err := tx.GetContext(ctx, &b, joined, 1); err != nil {
					return err
				}
				equal(t, "temporal-101 at "+moment, [2]string{b.Name, b.Foo.Name}, want)
				return nil
			})
		}
		for moment, want := range map[string][]string{"f1": nil, "b0": {"bar"}, "b2": {"bar bar"}} { // temporal-100
			asOf(t, db, at[moment], func(tx *sqlx.Tx) error {
				var names []string
				err := tx.SelectContext(ctx, &names, "SELECT b.name FROM bars AS b WHERE b.foo_id = $1", 1)
				equal(t, "temporal-100 at "+moment, names, want)
				return err
			})
		}
		err := AsOf(ctx, db, at["f2"], func(tx *sqlx.Tx) error {
			var f foo
			return tx.GetContext(ctx, &f, "SELECT * FROM foos WHERE id = 2")
		})
		if !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("temporal-102, 104: %v", err)
		}

		if _, err := db.NamedExecContext(ctx, "DELETE FROM bars WHERE name = :name", bar{Name: "bar 1"}); err != nil {
			t.Fatal(err)
		}
		for moment, want := range map[string]int{"n1": 1, "": 0} { // temporal-109
			when := time.Now().Add(time.Hour)
			if moment != "" {
				when = at[moment]
			}
			asOf(t, db, when, func(tx *sqlx.Tx) error {
				var n int
				err := tx.GetContext(ctx, &n, "SELECT count(*) FROM bars WHERE name = 'bar 1'")
				equal(t, "temporal-109 at "+moment, n, want)
				return err
			})
		}
	})
}
