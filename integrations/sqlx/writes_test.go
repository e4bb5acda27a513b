package sqlx_test

import (
	"database/sql"
	"fmt"
	"testing"

	"github.com/jmoiron/sqlx"

	"yore.example/yore"
	"yore.example/yore/integrations/internal/countries"
	"yore.example/yore/integrations/internal/drivers"
	"yore.example/yore/internal/pgtest"
)

type item struct {
	ID   int
	Name string
	N    int
}

func affected(result sql.Result, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return result.RowsAffected()
}

// What programs do to a table, given its name.
var writes = []struct {
	name string
	run  func(db *sqlx.DB, table string) (any, error)
}{
	{"named exec of a struct", func(db *sqlx.DB, table string) (any, error) {
		return affected(db.NamedExecContext(ctx, "INSERT INTO "+table+" (id, name, n) VALUES (:id, :name, :n)", item{1, "a", 1}))
	}},
	{"named exec of many", func(db *sqlx.DB, table string) (any, error) {
		return affected(db.NamedExecContext(ctx, "INSERT INTO "+table+" (id, name, n) VALUES (:id, :name, :n)", []item{{2, "b", 2}, {3, "c", 3}, {4, "d", 4}}))
	}},
	{"named exec of a map", func(db *sqlx.DB, table string) (any, error) {
		return affected(db.NamedExecContext(ctx, "UPDATE "+table+" SET name = :name WHERE id = :id", map[string]any{"id": 2, "name": "B"}))
	}},
	{"named exec without a change", func(db *sqlx.DB, table string) (any, error) {
		return affected(db.NamedExecContext(ctx, "UPDATE "+table+" SET name = :name WHERE id = :id", item{2, "B", 0}))
	}},
	{"get of returning", func(db *sqlx.DB, table string) (got any, err error) {
		var i item
		err = db.GetContext(ctx, &i, "UPDATE "+table+" SET n = n * 10 WHERE id = $1 RETURNING *", 3)
		return i, err
	}},
	{"select of an upsert", func(db *sqlx.DB, table string) (got any, err error) {
		var is []item
		err = db.SelectContext(ctx, &is, "INSERT INTO "+table+" VALUES (4, 'D', 4), (5, 'E', 5) ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING *")
		return is, err
	}},
	{"named query of returning", func(db *sqlx.DB, table string) (got any, err error) {
		rows, err := db.NamedQueryContext(ctx, "UPDATE "+table+" SET n = n + 1 WHERE name = :name RETURNING *", item{Name: "a"})
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		var i item
		for rows.Next() {
			if err := rows.StructScan(&i); err != nil {
				return nil, err
			}
		}
		return i, rows.Err()
	}},
	{"in", func(db *sqlx.DB, table string) (any, error) {
		query, args, err := sqlx.In("DELETE FROM "+table+" WHERE id IN (?)", []int{2, 4, 9})
		if err != nil {
			return nil, err
		}
		return affected(db.ExecContext(ctx, db.Rebind(query), args...))
	}},
	{"prepared named in a transaction", func(db *sqlx.DB, table string) (any, error) {
		tx, err := db.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
		if err != nil {
			return nil, err
		}
		defer tx.Rollback()
		stmt, err := tx.PrepareNamedContext(ctx, "UPDATE "+table+" SET n = :n WHERE id = :id")
		if err != nil {
			return nil, err
		}
		var counts []any
		for n := range 3 {
			count, err := affected(stmt.ExecContext(ctx, item{ID: 5, N: n + 50}))
			if err != nil {
				return nil, err
			}
			counts = append(counts, count)
		}
		return counts, tx.Commit()
	}},
}

// TestWrites: counts and rows are those of a plain table, and all is in the past.
func TestWrites(t *testing.T) {
	t.Parallel()
	drivers.Each(t, func(t *testing.T, d drivers.Database) {
		db := open(d)
		for _, table := range []string{"plain", "tracked"} {
			pgtest.Exec(t, d.Pool, fmt.Sprintf("CREATE TABLE %s (id int PRIMARY KEY, name text NOT NULL, n int NOT NULL)", table))
		}
		pgtest.Exec(t, d.Pool, "SELECT yore.track('tracked')")
		for _, w := range writes {
			want, err := w.run(db, "plain")
			if err != nil {
				t.Fatalf("%s, plain: %v", w.name, err)
			}
			got, err := w.run(db, "tracked")
			if err != nil {
				t.Fatalf("%s: %v", w.name, err)
			}
			equal(t, w.name, got, want)
			equal(t, "rows after "+w.name, pgtest.Rows(t, d.Pool, "SELECT * FROM tracked ORDER BY id"), pgtest.Rows(t, d.Pool, "SELECT * FROM plain ORDER BY id"))
		}
		equal(t, "history", pgtest.Rows(t, d.Pool, "SELECT id, version, name, n, deleted_at IS NOT NULL FROM history.tracked ORDER BY 1, 2"), []string{
			"1|1|a|1|f", "1|2|a|2|f",
			"2|1|b|2|f", "2|2|B|2|f", "2|3|B|2|t",
			"3|1|c|3|f", "3|2|c|30|f",
			"4|1|d|4|f", "4|2|D|4|f", "4|3|D|4|t",
			"5|1|E|5|f", "5|2|E|52|f"})
		pgtest.Clean(t, d.Pool)
	})
}

// TestWriteInThePast: nothing is written as of a time.
func TestWriteInThePast(t *testing.T) {
	t.Parallel()
	drivers.Each(t, func(t *testing.T, d drivers.Database) {
		countries.Tell(t, d.Pool)
		err := AsOf(ctx, open(d), countries.Day(2005, 1, 1), func(tx *sqlx.Tx) error {
			_, err := tx.NamedExecContext(ctx, "UPDATE countries SET name = :name", Country{Name: "x"})
			return err
		})
		if drivers.State(err) != "55000" {
			t.Errorf("%v", err)
		}
	})
}

// TestCarries: over NewConnector whatever sqlx writes says who.
func TestCarries(t *testing.T) {
	t.Parallel()
	drivers.Each(t, func(t *testing.T, d drivers.Database) {
		countries.Tell(t, d.Pool)
		db := sqlx.NewDb(sql.OpenDB(yore.NewConnector(d.Connector)), "pgx") // or "postgres": $1 is all that it says
		defer db.Close()
		who := yore.WithReason(yore.WithActor(ctx, "ada"), "census")
		if _, err := db.NamedExecContext(who, "UPDATE countries SET population = :population WHERE code = :code", Country{Code: "HR", Population: ptr(int64(1))}); err != nil {
			t.Fatal(err)
		}
		var c Country
		if err := db.GetContext(who, &c, "UPDATE countries SET population = 2 WHERE code = $1 RETURNING *", "HR"); err != nil {
			t.Fatal(err)
		}
		tx, err := db.BeginTxx(who, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.NamedExecContext(who, "UPDATE countries SET population = 3 WHERE code = :code", c); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		equal(t, "who", pgtest.Rows(t, d.Pool, `SELECT population, x.actor, x.reason FROM history.countries AS h
			LEFT JOIN LATERAL yore.transaction_of(h.xid, h.valid_from) AS x ON true WHERE code = 'HR' AND version > 3 ORDER BY version`),
			[]string{"1|ada|census", "2|ada|census", "3|ada|census"})
		members, err := MembersAsOf(who, db, countries.Day(2012, 1, 1), "EUR")
		if err != nil || len(members) != 1 {
			t.Errorf("%v, %v", members, err)
		}
	})
}
