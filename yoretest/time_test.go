package yoretest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore/internal/pgtest"
	"yore.example/yore/yoretest"
)

// Now parts what was committed from what comes, without a pause on either side.
func TestNow(t *testing.T) {
	t.Parallel()
	db := yoretest.Pool(t, on(t), yoretest.Script("CREATE TABLE t (id int PRIMARY KEY, n int); SELECT yore.track('t', squash => false)"))
	pgtest.Exec(t, db, "INSERT INTO t VALUES (1, 0)")
	for i := range 200 {
		// One that began earlier, and so writes a time later than its own.
		old, err := db.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		pgtest.Exec(t, old, "SELECT now()")
		pgtest.Exec(t, db, "UPDATE t SET n = n + 1")
		pgtest.Exec(t, old, "UPDATE t SET n = n + 1", "UPDATE t SET n = n + 1", "COMMIT")
		before := yoretest.Now(t, db)
		if zone := before.Location(); zone != time.UTC {
			t.Fatal(zone)
		}
		var next time.Time
		var n, at int
		if err := db.QueryRow(t.Context(), "WITH u AS (UPDATE t SET n = n + 1 RETURNING n) SELECT now(), n, (SELECT n FROM asof.t($1)) FROM u", before).Scan(&next, &n, &at); err != nil {
			t.Fatal(err)
		}
		if !next.After(before) || at != n-1 || n != 4*(i+1) {
			t.Fatalf("%d: next at %s, before it %s; %d, as of then %d", i, next, before, n, at)
		}
		var last time.Time
		if err := db.QueryRow(t.Context(), "SELECT max(valid_from) FROM history.t WHERE valid_from < $1", next).Scan(&last); err != nil || !last.Before(before) {
			t.Fatalf("%d: last at %s, now %s: %v", i, last, before, err)
		}
		old.Rollback(t.Context())
	}
}

func TestAt(t *testing.T) {
	t.Parallel()
	db := yoretest.Pool(t, on(t), yoretest.Script(countries))
	insert := func(code string) func(pgx.Tx) error {
		return func(tx pgx.Tx) error {
			_, err := tx.Exec(context.Background(), "INSERT INTO countries VALUES ($1, 'a', 'b')", code)
			return err
		}
	}
	when := time.Date(2020, 1, 2, 3, 4, 5, 6789, time.FixedZone("", 3600))
	yoretest.At(t, db, when, insert("A"))
	yoretest.Equal(t, db, "countries", "A v1 [2020-01-02T02:04:05.000006Z,) name=a currency=b")

	t.Run("Nested", func(t *testing.T) { // all of a transaction has one time
		tx, err := db.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback(t.Context())
		run(t, func(u testing.TB) { yoretest.At(u, tx, when, insert("B")) }).says(t, true, "in a transaction already", "Pass the pool")
	})

	for name, c := range map[string]struct {
		when time.Time
		fn   func(u testing.TB) func(pgx.Tx) error
		says []string
	}{
		"Returned":  {when, func(testing.TB) func(pgx.Tx) error { return func(pgx.Tx) error { return fmt.Errorf("it rains") } }, []string{"at 2020-01-02T02:04:05.000006789Z: it rains"}},
		"Statement": {when, func(testing.TB) func(pgx.Tx) error { return insert("A") }, []string{"duplicate key"}},
		"InOrder":   {when, func(testing.TB) func(pgx.Tx) error { return update("A") }, []string{"countries", "would not be after the last one", "from the earliest change to the latest"}},
		"Future":    {time.Now().AddDate(1, 0, 0), func(testing.TB) func(pgx.Tx) error { return insert("C") }, []string{"not in the future"}},
		"Swallowed": {when, func(testing.TB) func(pgx.Tx) error { return func(tx pgx.Tx) error { _ = insert("A")(tx); return nil } }, []string{"rollback"}},
		"TestFailed": {when, func(u testing.TB) func(pgx.Tx) error {
			return func(tx pgx.Tx) error { _ = insert("D")(tx); u.Fatalf("never"); return nil }
		}, []string{"never"}},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(u testing.TB) { yoretest.At(u, db, c.when, c.fn(u)) }).says(t, true, c.says...)
			yoretest.Equal(t, db, "countries", "A v1 [2020-01-02T02:04:05.000006Z,) name=a currency=b")
		})
	}
	if n := db.Stat().AcquiredConns(); n != 0 {
		t.Errorf("%d connections are still in a transaction", n)
	}
}

func update(code string) func(pgx.Tx) error {
	return func(tx pgx.Tx) error {
		_, err := tx.Exec(context.Background(), "UPDATE countries SET name = name || 'x' WHERE code = $1", code)
		return err
	}
}

func TestPast(t *testing.T) {
	t.Parallel()
	db := yoretest.Pool(t, on(t), yoretest.Script(countries))
	yoretest.Past(t, db,
		yoretest.Step{At: "2013-07-01", SQL: "INSERT INTO countries VALUES ($1, $2, 'kuna')", Args: []any{"HR", "Croatia"}},
		yoretest.Step{At: "2022-12-31 23:30 +00:30", SQL: "UPDATE countries SET currency = 'none'; INSERT INTO countries VALUES ('SI', 'Slovenia', 'euro')"},
		yoretest.Step{At: "2023-01-01T00:00:00Z", SQL: "UPDATE countries SET currency = 'euro' WHERE code = 'HR'"},
		yoretest.Step{SQL: "DELETE FROM countries WHERE code = 'SI'"},
	)
	yoretest.Equal(t, db, "countries", `
		HR v1 [2013-07-01,2022-12-31T23:00:00Z) name=Croatia currency=kuna
		HR v2 [2022-12-31T23:00:00Z,2023-01-01) currency: kuna -> none
		HR v3 [2023-01-01,)                     currency: none -> euro
		SI v1 [2022-12-31T23:00:00Z,t0) name=Slovenia currency=euro
		SI v2 t0 deleted`)

	// How long ago is by the database's clock.
	yoretest.Past(t, db, yoretest.Step{At: "-2h", SQL: "INSERT INTO countries VALUES ('AT', 'Austria', 'euro')"})
	var hours float64
	if err := db.QueryRow(t.Context(), "SELECT extract(epoch FROM now() - valid_from)::float8 / 3600 FROM history.countries WHERE code = 'AT'").Scan(&hours); err != nil || hours < 2 || hours > 2.5 {
		t.Errorf("%f hours ago: %v", hours, err)
	}

	run(t, func(u testing.TB) {
		yoretest.Past(u, db, yoretest.Step{SQL: "SELECT 1"}, yoretest.Step{At: "2023-01-01", SQL: "UPDATE countries SET name = 'x' WHERE code = 'HR'"})
	}).says(t, true, `step 2, at "2023-01-01"`, "would not be after the last one", "\n    UPDATE countries")
	run(t, func(u testing.TB) { yoretest.Past(u, db, yoretest.Step{At: "yesterday", SQL: "SELECT 1"}) }).says(t, true, `step 1, at "yesterday"`, "is not a time; write it like")
}
