package stdsql_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/lib/pq"

	"yore.example/yore"
	"yore.example/yore/integrations/internal/countries"
	"yore.example/yore/integrations/internal/drivers"
	"yore.example/yore/internal/guide"
	"yore.example/yore/internal/pgtest"
)

var ctx = context.Background()

const currencies = "SELECT c.code || ' ' || k.name FROM countries AS c JOIN currencies AS k ON k.code = c.currency ORDER BY c.code"

func TestGuide(t *testing.T) {
	guide.Check(t, "../../docs/guides/database-sql.md", "example_test.go", "reads_test.go", "writes_test.go")
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got)\n%s", what, diff)
	}
}

// values are those of a query as of a time.
func values(t *testing.T, db yore.SQLBeginner, at time.Time, query string, args ...any) (got []string) {
	t.Helper()
	err := yore.AsOfSQL(ctx, db, at, func(tx *sql.Tx) (err error) {
		got, err = drivers.Values(ctx, tx, query, args...)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return got
}

// TestAsOf: a join, from a DB and from a Conn; the connection is in the present
// again afterwards.
func TestAsOf(t *testing.T) {
	t.Parallel()
	drivers.Each(t, func(t *testing.T, db drivers.Database) {
		countries.Tell(t, db.Pool)
		db.SetMaxOpenConns(1)
		equal(t, "DB", values(t, db, countries.Day(2005, 1, 1), currencies), []string{"HR kuna", "SI tolar"})
		conn, err := db.Conn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "Conn", values(t, conn, countries.Day(2010, 1, 1), currencies), []string{"HR kuna", "SI euro"})
		conn.Close()
		now, err := drivers.Values(ctx, db, currencies)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "present", now, []string{"HR euro", "SI euro"})
		// A single query, by parameter.
		got, err := drivers.Values(ctx, db,
			"SELECT name FROM asof.countries($1) WHERE currency = 'HRK'", countries.Day(2005, 1, 1))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "asof", got, []string{"Croatia"})
		var name string
		err = yore.AsOfSQL(ctx, db, countries.Day(1990, 1, 1), func(tx *sql.Tx) error {
			return tx.QueryRowContext(ctx, "SELECT name FROM countries WHERE code = $1", "HR").Scan(&name)
		})
		if !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("before: %v", err)
		}
	})
}

// TestPrepared: a statement that was prepared and run in the present reads the
// past inside AsOfSQL, on the same connection, and the present again after it;
// one prepared inside serves there.
func TestPrepared(t *testing.T) {
	t.Parallel()
	drivers.Each(t, func(t *testing.T, db drivers.Database) {
		countries.Tell(t, db.Pool)
		db.SetMaxOpenConns(1)
		stmt, err := db.PrepareContext(ctx, "SELECT k.name FROM countries AS c JOIN currencies AS k ON k.code = c.currency WHERE c.code = $1")
		if err != nil {
			t.Fatal(err)
		}
		defer stmt.Close()
		read := func(stmt *sql.Stmt) (name string) {
			t.Helper()
			// More than five times, after which PostgreSQL may keep a generic plan.
			for range 7 {
				if err := stmt.QueryRowContext(ctx, "SI").Scan(&name); err != nil {
					t.Fatal(err)
				}
			}
			return name
		}
		equal(t, "before", read(stmt), "euro")
		for _, when := range []struct {
			at   time.Time
			want string
		}{{countries.Day(2005, 1, 1), "tolar"}, {countries.Day(2008, 1, 1), "euro"}, {countries.Day(2006, 1, 1), "tolar"}} {
			err := yore.AsOfSQL(ctx, db, when.at, func(tx *sql.Tx) error {
				equal(t, when.at.String(), read(tx.StmtContext(ctx, stmt)), when.want)
				inside, err := tx.PrepareContext(ctx, "SELECT name FROM currencies WHERE $1 <> '' ORDER BY code DESC LIMIT 1")
				if err != nil {
					return err
				}
				equal(t, "prepared inside "+when.at.String(), read(inside), map[bool]string{true: "tolar", false: "kuna"}[when.want == "tolar"])
				return inside.Close()
			})
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "between", read(stmt), "euro")
		}
	})
}

// TestOutside: inside AsOfSQL the DB itself, and a statement of it that is not the
// transaction's, are in the present.
func TestOutside(t *testing.T) {
	t.Parallel()
	drivers.Each(t, func(t *testing.T, db drivers.Database) {
		countries.Tell(t, db.Pool)
		stmt, err := db.PrepareContext(ctx, "SELECT currency FROM countries WHERE code = 'HR'")
		if err != nil {
			t.Fatal(err)
		}
		defer stmt.Close()
		err = yore.AsOfSQL(ctx, db, countries.Day(2005, 1, 1), func(tx *sql.Tx) error {
			var own, others, inside string
			err := errors.Join(stmt.QueryRowContext(ctx).Scan(&own),
				db.QueryRowContext(ctx, "SELECT currency FROM countries WHERE code = 'HR'").Scan(&others),
				tx.StmtContext(ctx, stmt).QueryRowContext(ctx).Scan(&inside))
			equal(t, "statement, DB, transaction", []string{own, others, inside}, []string{"EUR", "EUR", "HRK"})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// TestHistory: an open end is nil, or sql.Null; a tombstone has its time.
func TestHistory(t *testing.T) {
	t.Parallel()
	drivers.Each(t, func(t *testing.T, db drivers.Database) {
		countries.Tell(t, db.Pool)
		rows, err := db.QueryContext(ctx, "SELECT version, valid_from, valid_to, deleted_at, xid FROM history.currencies WHERE code IN ('HRK', 'SIT') ORDER BY code, version")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		type version struct {
			Number    int64
			From      time.Time
			To        *time.Time
			DeletedAt sql.Null[time.Time]
		}
		var got []version
		for rows.Next() {
			var v version
			var xid uint64
			if err := rows.Scan(&v.Number, &v.From, &v.To, &v.DeletedAt, &xid); err != nil {
				t.Fatal(err)
			}
			if xid == 0 {
				t.Error("no transaction")
			}
			got = append(got, v)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		began, ended := countries.Day(1994, 5, 30), countries.Day(2007, 1, 15)
		want := []version{{1, began, nil, sql.Null[time.Time]{}}, {1, began, &ended, sql.Null[time.Time]{}}, {2, ended, &ended, sql.Null[time.Time]{V: ended, Valid: true}}}
		if diff := cmp.Diff(want, got, cmp.Comparer(time.Time.Equal)); diff != "" {
			t.Error(diff)
		}
	})
}

// openPGX opens a database with pgx's driver; times come back in UTC.
func openPGX(dsn string) (*sql.DB, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	return stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(_ context.Context, conn *pgx.Conn) error {
		conn.TypeMap().RegisterType(&pgtype.Type{
			Name: "timestamptz", OID: pgtype.TimestamptzOID,
			Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
		})
		return nil
	})), nil
}

// openPQ opens a database with lib/pq; times come back in UTC.
func openPQ(dsn string) (*sql.DB, error) {
	config, err := pq.NewConfig(dsn)
	if err != nil {
		return nil, err
	}
	config.Runtime["TimeZone"] = "UTC"
	connector, err := pq.NewConnectorConfig(config)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// TestUTC: how times come back in UTC.
func TestUTC(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	pool := pgtest.Connect(t, dsn)
	// Whatever the zone of the server is.
	pgtest.Exec(t, pool, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = %L', current_database(), 'Asia/Kolkata'); END $$")
	countries.Tell(t, pool)
	for _, open := range []func(string) (*sql.DB, error){openPGX, openPQ} {
		db, err := open(dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var from time.Time
		if err := db.QueryRowContext(ctx, "SELECT valid_from FROM history.countries LIMIT 1").Scan(&from); err != nil {
			t.Fatal(err)
		}
		if name, offset := from.Zone(); offset != 0 || name != "UTC" {
			t.Errorf("%v", from)
		}
	}
}

// TestFullName: a name with its schema reads the present, which is refused.
func TestFullName(t *testing.T) {
	t.Parallel()
	drivers.Each(t, func(t *testing.T, db drivers.Database) {
		countries.Tell(t, db.Pool)
		err := yore.AsOfSQL(ctx, db, countries.Day(2000, 1, 1), func(tx *sql.Tx) error {
			var n int
			return yore.Explain(tx.QueryRowContext(ctx, "SELECT count(*) FROM public.countries").Scan(&n))
		})
		var explained *yore.Error
		if !errors.Is(err, yore.ErrPresent) || !errors.As(err, &explained) || !strings.Contains(explained.Hint, "without its schema") {
			t.Errorf("%v", err)
		}
	})
}
