package sqlx_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"yore.example/yore"
	"yore.example/yore/integrations/internal/countries"
	"yore.example/yore/integrations/internal/drivers"
	"yore.example/yore/internal/guide"
	"yore.example/yore/internal/pgtest"
)

var ctx = context.Background()

func TestGuide(t *testing.T) {
	guide.Check(t, "../../docs/guides/sqlx.md", "example_test.go", "reads_test.go", "writes_test.go")
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.Comparer(time.Time.Equal)); diff != "" {
		t.Errorf("%s (-want +got)\n%s", what, diff)
	}
}

func ptr[T any](v T) *T { return &v }

func open(d drivers.Database) *sqlx.DB {
	return sqlx.NewDb(d.DB, map[string]string{"pgx": "pgx", "pq": "postgres"}[d.Driver])
}

// asOf is AsOf that fails the test.
func asOf(t *testing.T, db *sqlx.DB, at time.Time, fn func(tx *sqlx.Tx) error) {
	t.Helper()
	if err := AsOf(ctx, db, at, fn); err != nil {
		t.Fatal(err)
	}
}

// TestAsOf: every way to read of sqlx, as of a time.
func TestAsOf(t *testing.T) {
	t.Parallel()
	drivers.Each(t, func(t *testing.T, d drivers.Database) {
		countries.Tell(t, d.Pool)
		db := open(d)
		db.SetMaxOpenConns(1)
		hr := Country{Code: "HR", Name: "Croatia", Currency: ptr("HRK"), Population: ptr(int64(4700000))}
		si := Country{Code: "SI", Name: "Slovenia", Currency: ptr("SIT"), Population: ptr(int64(1990000)), EUMember: true}
		presentStmt, err := db.PreparexContext(ctx, "SELECT * FROM countries WHERE code = $1")
		if err != nil {
			t.Fatal(err)
		}
		presentNamed, err := db.PrepareNamedContext(ctx, "SELECT * FROM countries WHERE code = :code")
		if err != nil {
			t.Fatal(err)
		}
		var now Country
		if err := errors.Join(presentStmt.GetContext(ctx, &now, "HR"), presentNamed.GetContext(ctx, &now, hr)); err != nil {
			t.Fatal(err)
		}
		equal(t, "present", *now.Currency, "EUR")

		asOf(t, db, countries.Day(2005, 1, 1), func(tx *sqlx.Tx) error {
			var one Country
			if err := tx.GetContext(ctx, &one, "SELECT * FROM countries WHERE code = $1", "HR"); err != nil {
				return err
			}
			equal(t, "Get", one, hr)

			var all []Country
			if err := tx.SelectContext(ctx, &all, "SELECT * FROM countries ORDER BY code"); err != nil {
				return err
			}
			equal(t, "Select", all, []Country{hr, si})

			rows, err := tx.QueryxContext(ctx, "SELECT * FROM countries ORDER BY code")
			if err != nil {
				return err
			}
			all = nil
			for rows.Next() {
				var c Country
				if err := rows.StructScan(&c); err != nil {
					return err
				}
				all = append(all, c)
			}
			equal(t, "StructScan", all, []Country{hr, si})

			one = Country{}
			if err := tx.QueryRowxContext(ctx, "SELECT * FROM countries WHERE currency = $1", "SIT").StructScan(&one); err != nil {
				return err
			}
			equal(t, "QueryRowx", one, si)

			row := map[string]any{}
			if err := tx.QueryRowxContext(ctx, "SELECT k.name FROM countries AS c JOIN currencies AS k ON k.code = c.currency WHERE c.code = 'SI'").MapScan(row); err != nil {
				return err
			}
			equal(t, "MapScan of a join", row, map[string]any{"name": "tolar"})

			rows, err = tx.NamedQuery("SELECT * FROM countries WHERE code = :code", map[string]any{"code": "SI"})
			if err != nil {
				return err
			}
			one = Country{}
			for rows.Next() {
				if err := rows.StructScan(&one); err != nil {
					return err
				}
			}
			equal(t, "NamedQuery", one, si)

			query, args, err := sqlx.In("SELECT * FROM countries WHERE code IN (?) ORDER BY code", []string{"HR", "SI", "XX"})
			if err != nil {
				return err
			}
			all = nil
			if err := tx.SelectContext(ctx, &all, db.Rebind(query), args...); err != nil {
				return err
			}
			equal(t, "In", all, []Country{hr, si})

			one = Country{}
			if err := tx.StmtxContext(ctx, presentStmt).GetContext(ctx, &one, "HR"); err != nil {
				return err
			}
			equal(t, "Stmtx, prepared in the present", one, hr)

			one = Country{}
			if err := tx.NamedStmtContext(ctx, presentNamed).GetContext(ctx, &one, si); err != nil {
				return err
			}
			equal(t, "NamedStmt, prepared in the present", one, si)

			if err := tx.GetContext(ctx, &one, "SELECT * FROM countries WHERE code = 'XX'"); !errors.Is(err, sql.ErrNoRows) {
				t.Errorf("none: %v", err)
			}
			return nil
		})
		if err := presentStmt.GetContext(ctx, &now, "HR"); err != nil || *now.Currency != "EUR" {
			t.Errorf("present again: %v, %v", now, err)
		}
	})
}

// TestMadeTx: a Tx that is made of a sql.Tx cannot do named queries, which is why
// AsOf is more than one line.
func TestMadeTx(t *testing.T) {
	t.Parallel()
	drivers.Each(t, func(t *testing.T, d drivers.Database) {
		countries.Tell(t, d.Pool)
		err := yore.AsOfSQL(ctx, d.DB, countries.Day(2005, 1, 1), func(tx *sql.Tx) error {
			_, err := (&sqlx.Tx{Tx: tx, Mapper: open(d).Mapper}).NamedQuery("SELECT * FROM countries WHERE code = :code", Country{Code: "HR"})
			return err
		})
		if err == nil {
			t.Error("sqlx has learnt it: make AsOf simpler")
		}
	})
}

// TestFaces: SELECT * of each face into a struct; open ends are nil.
func TestFaces(t *testing.T) {
	t.Parallel()
	drivers.Each(t, func(t *testing.T, d drivers.Database) {
		countries.Tell(t, d.Pool)
		pgtest.Exec(t, d.Pool, "DELETE FROM countries WHERE code = 'SI'")
		db := open(d)
		var now, then, session []Country
		if err := errors.Join(db.SelectContext(ctx, &now, "SELECT * FROM countries"),
			db.SelectContext(ctx, &session, "SELECT * FROM asof.countries"),
			db.SelectContext(ctx, &then, "SELECT * FROM asof.countries($1) ORDER BY code", countries.Day(2005, 1, 1))); err != nil {
			t.Fatal(err)
		}
		equal(t, "now", now, []Country{{Code: "HR", Name: "Croatia", Currency: ptr("EUR"), Population: ptr(int64(3850000)), EUMember: true}})
		equal(t, "asof", session, now)
		equal(t, "then", len(then), 2)

		var versions []CountryVersion
		if err := db.SelectContext(ctx, &versions, "SELECT * FROM history.countries ORDER BY code, version"); err != nil {
			t.Fatal(err)
		}
		for _, v := range versions {
			if v.XID == 0 {
				t.Error("no transaction")
			}
		}
		last, tombstone := versions[2], versions[len(versions)-1]
		last.XID = 0
		equal(t, "open", last, CountryVersion{Code: "HR", Name: ptr("Croatia"), Currency: ptr("EUR"), Population: ptr(int64(3850000)), EUMember: ptr(true),
			Version: 3, ValidFrom: ptr(countries.Day(2023, 1, 1))})
		if tombstone.DeletedAt == nil || !tombstone.DeletedAt.Equal(*tombstone.ValidTo) {
			t.Errorf("tombstone: %+v", tombstone)
		}
	})
}

// TestFullName: a name with its schema reads the present, which is refused.
func TestFullName(t *testing.T) {
	t.Parallel()
	drivers.Each(t, func(t *testing.T, d drivers.Database) {
		countries.Tell(t, d.Pool)
		err := AsOf(ctx, open(d), countries.Day(2005, 1, 1), func(tx *sqlx.Tx) error {
			var all []Country
			return yore.Explain(tx.SelectContext(ctx, &all, "SELECT * FROM public.countries"))
		})
		var explained *yore.Error
		if !errors.Is(err, yore.ErrPresent) || !errors.As(err, &explained) || explained.Hint == "" {
			t.Errorf("%v", err)
		}
	})
}
