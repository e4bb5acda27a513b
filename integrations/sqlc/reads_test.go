package sqlc_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore"
	"yore.example/yore/integrations/internal/countries"
	"yore.example/yore/integrations/sqlc"
	"yore.example/yore/integrations/sqlc/db"
	"yore.example/yore/internal/guide"
	"yore.example/yore/internal/pgtest"
)

var ctx = context.Background()

func TestGuide(t *testing.T) {
	guide.Check(t, "../../docs/guides/sqlc.md", "schema.sql", "queries.sql", "sqlc.yaml", "yore.sql", "example_test.go", "reads_test.go", "writes_test.go", "db/models.go")
}

// TestFaces: yore.sqlc_schema() prints yore.sql.
func TestFaces(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	pgtest.Exec(t, pool, sqlc.Schema)
	printed := strings.Join(pgtest.Rows(t, pool, "SELECT yore.sqlc_schema()"), "\n") + "\n"
	kept, err := os.ReadFile("yore.sql")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(kept), printed); diff != "" {
		t.Errorf("make generate-integrations (-yore.sql +printed)\n%s", diff)
	}
}

// TestFacesOfAll: what yore.sqlc_schema() prints has the columns and types that are there,
// for every kind of tracked table.
func TestFacesOfAll(t *testing.T) {
	t.Parallel()
	pool, printed := pgtest.Pool(t), pgtest.Connect(t, pgtest.EmptyDSN(t, pgtest.Server(t)))
	pgtest.Exec(t, pool, `CREATE SCHEMA sales`, `CREATE TABLE sales."Order lines" (a int, b text, "total €" numeric(12, 2) NOT NULL, tags text[], PRIMARY KEY (b, a))`,
		`CREATE TABLE placed (id int PRIMARY KEY, at timestamp NOT NULL)`, `CREATE TABLE versioned (id int PRIMARY KEY, version int NOT NULL)`,
		`SELECT yore.track('sales."Order lines"'), yore.track('placed', in_place => true), yore.track('versioned', prefix => 'sys_', since => '-infinity')`,
		`SELECT yore.create_immutable_table('tasks', 'title text NOT NULL, done boolean')`)
	// The functions have no bodies.
	pgtest.Exec(t, printed, "SET check_function_bodies = off;"+strings.Join(pgtest.Rows(t, pool, "SELECT yore.sqlc_schema()"), "\n"))
	const columns = `SELECT table_schema, table_name, column_name, data_type, numeric_scale FROM information_schema.columns
		 WHERE table_schema !~ '^(pg_|information_schema|yore|asof)' AND table_name !~ '_past$' ORDER BY 1, 2, ordinal_position`
	equal(t, "columns", pgtest.Rows(t, printed, columns), pgtest.Rows(t, pool, columns))
	const functions = `SELECT oid::regprocedure, prorettype::regtype FROM pg_proc WHERE pronamespace::regnamespace::text LIKE 'asof%' ORDER BY oid::regprocedure::text COLLATE "C"`
	equal(t, "functions", pgtest.Rows(t, printed, functions), pgtest.Rows(t, pool, functions))
	equal(t, "NOT NULL", pgtest.Rows(t, printed, `SELECT table_schema, table_name, string_agg(column_name, ' ' ORDER BY ordinal_position) FROM information_schema.columns
		 WHERE is_nullable = 'NO' AND table_schema !~ '^(pg_|information_schema|temporal)' GROUP BY 1, 2 ORDER BY 1, 2`), []string{
		"history|placed|id version valid_from xid", "history|tasks|entity_id version valid_from xid", "history|versioned|id sys_version sys_xid",
		"history_sales|Order lines|a b version valid_from xid", "public|placed|id at sys_version sys_from sys_xid",
		"public|tasks|entity_id version valid_from title", "public|versioned|id version", "sales|Order lines|a b total €"})
}

// TestGenerated: the code is what sqlc makes of the files.
func TestGenerated(t *testing.T) {
	t.Parallel()
	const tool = "github.com/sqlc-dev/sqlc/cmd/sqlc@v1.31.1"
	if out, err := exec.Command("go", "run", tool, "version").CombinedOutput(); err != nil {
		t.Skipf("sqlc is not to be had: %v\n%s", err, out)
	}
	if out, err := exec.Command("go", "run", tool, "diff").CombinedOutput(); err != nil {
		t.Errorf("make generate-integrations: %v\n%s", err, out)
	}
}

// inModes runs a test in each of pgx's query exec modes.
func inModes(t *testing.T, test func(t *testing.T, pool *pgxpool.Pool)) {
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe,
		pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			config, err := pgxpool.ParseConfig(pgtest.DSN(t))
			if err != nil {
				t.Fatal(err)
			}
			config.ConnConfig.DefaultQueryExecMode = mode
			config.AfterConnect = inUTC
			pool, err := pgxpool.NewWithConfig(ctx, config)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(pool.Close)
			test(t, pool)
		})
	}
}

// inUTC makes a connection return times in UTC, not in the zone of the machine.
func inUTC(_ context.Context, conn *pgx.Conn) error {
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name: "timestamptz", OID: pgtype.TimestamptzOID,
		Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	return nil
}

func at[T any](t *testing.T, pool *pgxpool.Pool, when time.Time, query func(q *db.Queries) (T, error)) (result T) {
	t.Helper()
	err := yore.AsOf(ctx, pool, when, func(tx pgx.Tx) (err error) {
		result, err = query(db.New(tx))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got)\n%s", what, diff)
	}
}

func ptr[T any](v T) *T { return &v }

// TestAsOf: generated queries unmodified as of a time: one, many, a join, an
// embedded struct, a batch. temporal-95, 96, 100, 101, 102, 108 and 109.
func TestAsOf(t *testing.T) {
	t.Parallel()
	inModes(t, func(t *testing.T, pool *pgxpool.Pool) {
		countries.Tell(t, pool)
		y2000, y2010 := countries.Day(2000, 1, 1), countries.Day(2010, 1, 1)

		hr := at(t, pool, y2000, func(q *db.Queries) (db.Country, error) { return q.Country(ctx, "HR") })
		equal(t, "one", hr, db.Country{Code: "HR", Name: "Croatia", Currency: ptr("HRK"), Population: ptr(int64(4700000))})

		for _, when := range []struct {
			at   time.Time
			want []db.CountriesWithCurrencyRow
		}{
			{countries.Day(1994, 5, 30), nil}, // before either
			{y2000, []db.CountriesWithCurrencyRow{{Name: "Croatia", Currency: "kuna"}, {Name: "Slovenia", Currency: "tolar"}}},
			{y2010, []db.CountriesWithCurrencyRow{{Name: "Croatia", Currency: "kuna"}, {Name: "Slovenia", Currency: "euro"}}},
			{countries.Day(2007, 1, 1), []db.CountriesWithCurrencyRow{{Name: "Croatia", Currency: "kuna"}, {Name: "Slovenia", Currency: "euro"}}},                         // begins at the instant
			{countries.Day(2007, 1, 1).Add(-time.Microsecond), []db.CountriesWithCurrencyRow{{Name: "Croatia", Currency: "kuna"}, {Name: "Slovenia", Currency: "tolar"}}}, // and not before
			{time.Time{}, []db.CountriesWithCurrencyRow{{Name: "Croatia", Currency: "euro"}, {Name: "Slovenia", Currency: "euro"}}},
		} {
			got := at(t, pool, when.at, func(q *db.Queries) ([]db.CountriesWithCurrencyRow, error) { return q.CountriesWithCurrency(ctx) })
			equal(t, "join as of "+when.at.String(), got, when.want)
			if when.at.IsZero() {
				continue
			}
			// The same by parameter, outside AsOf.
			rows, err := db.New(pool).CountriesWithCurrencyAsOf(ctx, when.at)
			if err != nil {
				t.Fatal(err)
			}
			var want []db.CountriesWithCurrencyAsOfRow
			for _, w := range when.want {
				want = append(want, db.CountriesWithCurrencyAsOfRow(w))
			}
			equal(t, "asof functions", rows, want)
		}

		members := at(t, pool, y2010, func(q *db.Queries) ([]db.MembersByCurrencyRow, error) { return q.MembersByCurrency(ctx) })
		equal(t, "embed", members, []db.MembersByCurrencyRow{{Currency: db.Currency{Code: "EUR", Name: "euro"}, Members: 1}})

		batch := at(t, pool, y2000, func(q *db.Queries) (names []string, err error) {
			q.CountriesByCode(ctx, []string{"SI", "HR", "XX"}).QueryRow(func(_ int, c db.Country, e error) {
				if errors.Is(e, pgx.ErrNoRows) {
					c.Name = "none"
				} else if e != nil {
					err = e
				}
				names = append(names, c.Name)
			})
			return names, err
		})
		equal(t, "batch", batch, []string{"Slovenia", "Croatia", "none"})

		// The transaction is over, and with it the journey: the same statements,
		// prepared by now, read the present.
		now, err := db.New(pool).Country(ctx, "HR")
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "present", now, db.Country{Code: "HR", Name: "Croatia", Currency: ptr("EUR"), Population: ptr(int64(3850000)), EuMember: true})
	})
}

// TestFunctions: SETOF functions give the struct of the table; NULL is the
// present.
func TestFunctions(t *testing.T) {
	t.Parallel()
	inModes(t, func(t *testing.T, pool *pgxpool.Pool) {
		countries.Tell(t, pool)
		q := db.New(pool)
		present, err := q.Countries(ctx)
		if err != nil {
			t.Fatal(err)
		}
		got, err := q.CountriesAsOfOrNow(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "NULL", got, present)
		got, err = q.CountriesAsOfOrNow(ctx, ptr(countries.Day(1990, 1, 1)))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "1990", got, []db.Country(nil))
		got, err = q.CountriesAsOf(ctx, time.Now().AddDate(100, 0, 0)) // temporal-110
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "future", got, present)
		// temporal-99: the zone of the argument doesn't matter.
		zoned := at(t, pool, countries.Day(2005, 1, 1).In(time.FixedZone("", 5*3600)), func(q *db.Queries) ([]db.Country, error) { return q.Countries(ctx) })
		utc, err := q.CountriesAsOf(ctx, countries.Day(2005, 1, 1))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "zone", zoned, utc)
	})
}

// TestHistory: open ends are nil, a tombstone has deleted_at, times are in UTC,
// and the generated struct is the face's for pgx.RowToStructByName as well.
func TestHistory(t *testing.T) {
	t.Parallel()
	inModes(t, func(t *testing.T, pool *pgxpool.Pool) {
		countries.Tell(t, pool)
		pgtest.Exec(t, pool, "DELETE FROM countries WHERE code = 'SI'")
		q := db.New(pool)
		versions, err := q.CountryHistory(ctx, "HR")
		if err != nil {
			t.Fatal(err)
		}
		for i := range versions {
			if versions[i].Xid == 0 {
				t.Error("no transaction")
			}
			versions[i].Xid = 0
		}
		d1994, d2013, d2023 := countries.Day(1994, 5, 31), countries.Day(2013, 7, 1), countries.Day(2023, 1, 1)
		if diff := cmp.Diff([]db.HistoryCountry{
			{Code: "HR", Name: ptr("Croatia"), Currency: ptr("HRK"), Population: ptr(int64(4700000)), EuMember: ptr(false), Version: 1, ValidFrom: d1994, ValidTo: &d2013},
			{Code: "HR", Name: ptr("Croatia"), Currency: ptr("HRK"), Population: ptr(int64(4700000)), EuMember: ptr(true), Version: 2, ValidFrom: d2013, ValidTo: &d2023},
			{Code: "HR", Name: ptr("Croatia"), Currency: ptr("EUR"), Population: ptr(int64(3850000)), EuMember: ptr(true), Version: 3, ValidFrom: d2023},
		}, versions, cmp.Comparer(sameUTC)); diff != "" {
			t.Error(diff)
		}

		rows, err := pool.Query(ctx, "SELECT * FROM history.countries WHERE code = 'SI' ORDER BY version")
		if err != nil {
			t.Fatal(err)
		}
		si, err := pgx.CollectRows(rows, pgx.RowToStructByName[db.HistoryCountry])
		if err != nil {
			t.Fatal(err)
		}
		if last := si[len(si)-1]; last.DeletedAt == nil || last.ValidTo == nil || !last.ValidTo.Equal(*last.DeletedAt) {
			t.Errorf("tombstone: %+v", last)
		}
		for _, from := range []string{"countries", "asof.countries", "asof.countries(now())"} {
			rows, err := pool.Query(ctx, "SELECT * FROM "+from)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := pgx.CollectRows(rows, pgx.RowToStructByName[db.Country]); err != nil {
				t.Errorf("%s: %v", from, err)
			}
		}
		last, err := q.LastChange(ctx, "HR")
		if err != nil || last.Version != 3 || !sameUTC(last.ValidFrom, d2023) {
			t.Errorf("%+v, %v", last, err)
		}
	})
}

func sameUTC(a, b time.Time) bool { return a.Equal(b) && a.Location() == b.Location() }

// TestFullName: a name with its schema reads the present, which is refused.
func TestFullName(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	countries.Tell(t, pool)
	err := yore.AsOf(ctx, pool, countries.Day(2000, 1, 1), func(tx pgx.Tx) error {
		_, err := db.New(tx).CountOfPublic(ctx)
		return yore.Explain(err)
	})
	var explained *yore.Error
	if !errors.Is(err, yore.ErrPresent) || !errors.As(err, &explained) || !strings.Contains(explained.Hint, "without its schema") {
		t.Errorf("%v", err)
	}
}

// TestLateColumn: a NOT NULL column that was added later is NULL in versions
// that ended before. history's struct has a pointer; the table's has none, and
// AsOf needs a coalesce.
func TestLateColumn(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	tables, column, found := strings.Cut(sqlc.Schema, "-- Which sqlc cannot see")
	if !found {
		t.Fatal("schema.sql has changed")
	}
	pgtest.Exec(t, pool, tables, "INSERT INTO countries VALUES ('HR', 'Hrvatska')")
	var before time.Time
	if err := pool.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&before); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, pool, "UPDATE countries SET name = 'Croatia'", "--"+column)

	q := db.New(pool)
	versions, err := q.CountryHistory(ctx, "HR")
	if err != nil || versions[0].EuMember != nil || versions[1].EuMember == nil {
		t.Errorf("%+v, %v", versions, err)
	}
	if _, err := q.CountriesAsOf(ctx, before); err == nil || !strings.Contains(err.Error(), "cannot scan NULL into *bool") {
		t.Errorf("%v", err)
	}
	members, err := q.MembersAsOf(ctx, before)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "coalesce", members, []db.MembersAsOfRow{{Code: "HR", EuMember: false}})
}
