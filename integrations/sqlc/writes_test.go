package sqlc_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore"
	"yore.example/yore/integrations/sqlc"
	"yore.example/yore/integrations/sqlc/db"
	"yore.example/yore/internal/pgtest"
)

// What sqlc can generate, but for COPY.
var writes = []struct {
	name string
	run  func(q *db.Queries) (any, error)
}{
	{"exec", func(q *db.Queries) (any, error) {
		return nil, q.InsertCountry(ctx, db.InsertCountryParams{Code: "HR", Name: "Croatia", Currency: ptr("HRK"), Population: ptr(int64(4700000))})
	}},
	{"exec of many", func(q *db.Queries) (any, error) {
		return nil, q.InsertCountries(ctx, db.InsertCountriesParams{Codes: []string{"SI", "BA"}, Names: []string{"Slovenia", "Bosnia"}})
	}},
	{"exec refused", func(q *db.Queries) (any, error) {
		err := q.InsertCountry(ctx, db.InsertCountryParams{Code: "XX", Name: "X", Currency: ptr("XXX")})
		return state(err), nil
	}},
	{"execrows", func(q *db.Queries) (any, error) {
		return q.SetPopulation(ctx, db.SetPopulationParams{Currency: ptr("HRK"), Population: ptr(int64(1))})
	}},
	{"execrows without a change", func(q *db.Queries) (any, error) {
		return q.SetPopulation(ctx, db.SetPopulationParams{Currency: ptr("HRK"), Population: ptr(int64(1))})
	}},
	{"execrows of none", func(q *db.Queries) (any, error) {
		return q.SetPopulation(ctx, db.SetPopulationParams{Currency: ptr("EUR"), Population: ptr(int64(1))})
	}},
	{"returning", func(q *db.Queries) (any, error) {
		return q.Rename(ctx, db.RenameParams{Code: "BA", Name: "Bosnia and Herzegovina"})
	}},
	{"returning none", func(q *db.Queries) (any, error) {
		_, err := q.Rename(ctx, db.RenameParams{Code: "XX", Name: "X"})
		return errors.Is(err, pgx.ErrNoRows), nil
	}},
	{"upsert inserts", func(q *db.Queries) (any, error) {
		return q.Upsert(ctx, db.UpsertParams{Code: "ME", Name: "Montenegro", Currency: ptr("EUR")})
	}},
	{"upsert updates", func(q *db.Queries) (any, error) {
		return q.Upsert(ctx, db.UpsertParams{Code: "HR", Name: "Croatia", Currency: ptr("EUR")})
	}},
	{"batch", func(q *db.Queries) (any, error) {
		var failed error
		q.SetMember(ctx, []string{"HR", "SI"}).Exec(func(_ int, err error) { failed = errors.Join(failed, err) })
		return nil, failed
	}},
	{"execresult", func(q *db.Queries) (any, error) {
		tag, err := q.DeleteCountry(ctx, "BA")
		return tag.String(), err
	}},
	{"delete returning", func(q *db.Queries) (any, error) {
		return q.DeleteOfCurrency(ctx, ptr("EUR"))
	}},
}

func state(err error) string {
	var e *pgconn.PgError
	errors.As(err, &e)
	return e.Code
}

// TestWrites: each kind of query answers as with plain tables and is recorded.
func TestWrites(t *testing.T) {
	t.Parallel()
	inModes(t, func(t *testing.T, tracked *pgxpool.Pool) {
		plain := pgtest.Pool(t)
		pgtest.Exec(t, tracked, sqlc.Schema)
		pgtest.Exec(t, plain, "CREATE TABLE currencies (code text PRIMARY KEY, name text NOT NULL)",
			`CREATE TABLE countries (code text PRIMARY KEY, name text NOT NULL, currency text REFERENCES currencies, population bigint,
			 eu_member boolean NOT NULL DEFAULT false)`)
		for _, pool := range []*pgxpool.Pool{plain, tracked} {
			pgtest.Exec(t, pool, "INSERT INTO currencies VALUES ('HRK', 'kuna'), ('EUR', 'euro')")
		}
		for _, w := range writes {
			want, err := w.run(db.New(plain))
			if err != nil {
				t.Fatalf("%s, plain: %v", w.name, err)
			}
			got, err := w.run(db.New(tracked))
			if err != nil {
				t.Fatalf("%s: %v", w.name, err)
			}
			equal(t, w.name, got, want)
			const all = "SELECT * FROM countries ORDER BY code"
			equal(t, "rows after "+w.name, pgtest.Rows(t, tracked, all), pgtest.Rows(t, plain, all))
		}
		equal(t, "history", pgtest.Rows(t, tracked, `SELECT code, version, name, currency, population, eu_member, deleted_at IS NOT NULL
			FROM history.countries ORDER BY code, version`), []string{
			"BA|1|Bosnia|∅|∅|f|f",
			"BA|2|Bosnia and Herzegovina|∅|∅|f|f",
			"BA|3|Bosnia and Herzegovina|∅|∅|f|t",
			"HR|1|Croatia|HRK|4700000|f|f",
			"HR|2|Croatia|HRK|1|f|f",
			"HR|3|Croatia|EUR|1|f|f",
			"HR|4|Croatia|EUR|1|t|f",
			"HR|5|Croatia|EUR|1|t|t",
			"ME|1|Montenegro|EUR|∅|f|f",
			"ME|2|Montenegro|EUR|∅|f|t",
			"SI|1|Slovenia|∅|∅|f|f",
			"SI|2|Slovenia|∅|∅|t|f",
		})
		pgtest.Clean(t, tracked)
	})
}

// TestWithTx: several queries of one transaction are one version.
func TestWithTx(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	pgtest.Exec(t, pool, sqlc.Schema)
	q := db.New(pool)
	err := pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: pgx.Serializable}, func(tx pgx.Tx) error {
		if err := q.WithTx(tx).InsertCountry(ctx, db.InsertCountryParams{Code: "HR", Name: "Croatia"}); err != nil {
			return err
		}
		_, err := q.WithTx(tx).Rename(ctx, db.RenameParams{Code: "HR", Name: "Hrvatska"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "versions", pgtest.Rows(t, pool, "SELECT version, name FROM history.countries"), []string{"1|Hrvatska"})
}

// TestCopy: COPY fills the table below the face; PostgreSQL refuses it for a
// view.
func TestCopy(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	pgtest.Exec(t, pool, sqlc.Schema)
	q := db.New(pool)
	_, err := q.CopyIntoFace(ctx, []db.CopyIntoFaceParams{{Code: "HR", Name: "Croatia"}})
	if state(err) != "42809" || !strings.Contains(err.Error(), `cannot copy to view "countries"`) {
		t.Errorf("%v", err)
	}
	n, err := q.CopyCountries(ctx, []db.CopyCountriesParams{{Code: "HR", Name: "Croatia"}, {Code: "SI", Name: "Slovenia", Population: ptr(int64(2000000))}})
	if err != nil || n != 2 {
		t.Fatalf("%d, %v", n, err)
	}
	equal(t, "copied", pgtest.Rows(t, pool, "SELECT code, population, version, valid_to FROM history.countries ORDER BY code"),
		[]string{"HR|∅|1|∅", "SI|2000000|1|∅"})
	pgtest.Clean(t, pool)
}

// TestReadOnly: nothing is written as of a time: the name there is that of a view
// that has no place for it.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	pgtest.Exec(t, pool, sqlc.Schema, "INSERT INTO countries VALUES ('HR', 'Croatia')")
	var past time.Time
	if err := pool.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&past); err != nil {
		t.Fatal(err)
	}
	err := yore.AsOf(ctx, pool, past, func(tx pgx.Tx) error {
		_, err := db.New(tx).Rename(ctx, db.RenameParams{Code: "HR", Name: "Hrvatska"})
		return err
	})
	if state(err) != "55000" || !strings.Contains(err.Error(), `cannot update view "countries"`) {
		t.Errorf("%v", err)
	}
}

// TestCarries: over a yore.Pool every kind of query says who and why.
func TestCarries(t *testing.T) {
	t.Parallel()
	pool := yore.NewPool(pgtest.Pool(t))
	pgtest.Exec(t, pool.Pool, sqlc.Schema)
	who := yore.WithReason(yore.WithActor(ctx, "ada"), "census")
	q := db.New(pool)
	run := func(do func(ctx context.Context) error) {
		t.Helper()
		if err := do(who); err != nil {
			t.Fatal(err)
		}
	}
	run(func(ctx context.Context) error {
		return q.InsertCountry(ctx, db.InsertCountryParams{Code: "HR", Name: "Croatia"})
	})
	run(func(ctx context.Context) error {
		_, err := q.Rename(ctx, db.RenameParams{Code: "HR", Name: "Hrvatska"})
		return err
	})
	run(func(ctx context.Context) (failed error) {
		q.SetMember(ctx, []string{"HR"}).Exec(func(_ int, err error) { failed = errors.Join(failed, err) })
		return failed
	})
	run(func(ctx context.Context) error {
		_, err := q.CopyCountries(ctx, []db.CopyCountriesParams{{Code: "SI", Name: "Slovenia"}})
		return err
	})
	run(func(ctx context.Context) error {
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			_, err := q.WithTx(tx).DeleteCountry(ctx, "SI")
			return err
		})
	})
	equal(t, "who", pgtest.Rows(t, pool.Pool, `SELECT h.code, h.version, x.actor, x.reason FROM history.countries AS h
		LEFT JOIN LATERAL yore.transaction_of(h.xid, h.valid_from) AS x ON true ORDER BY 1, 2`), []string{
		"HR|1|ada|census", "HR|2|ada|census", "HR|3|ada|census", "SI|1|ada|census", "SI|2|ada|census"})
}
