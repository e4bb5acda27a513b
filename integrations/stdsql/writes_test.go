package stdsql_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"yore.example/yore"
	"yore.example/yore/integrations/internal/countries"
	"yore.example/yore/integrations/internal/drivers"
	"yore.example/yore/internal/pgtest"
)

// affected is what an Exec returns.
func affected(result sql.Result, err error) (any, error) {
	if err != nil {
		return drivers.State(err), nil
	}
	return result.RowsAffected()
}

// What programs do to a table, given its name.
var writes = []struct {
	name string
	run  func(db *sql.DB, table string) (any, error)
}{
	{"exec", func(db *sql.DB, table string) (any, error) {
		return affected(db.ExecContext(ctx, "INSERT INTO "+table+" (id, name) VALUES ($1, $2), ($3, $4)", 1, "a", 2, "b"))
	}},
	{"exec refused", func(db *sql.DB, table string) (any, error) {
		return affected(db.ExecContext(ctx, "INSERT INTO "+table+" (id, name) VALUES ($1, $2)", 1, "c"))
	}},
	{"returning", func(db *sql.DB, table string) (any, error) {
		return drivers.Values(ctx, db, "INSERT INTO "+table+" (id, name) VALUES (3, $1), (4, $2) RETURNING id || name || n", "c", "d")
	}},
	{"update", func(db *sql.DB, table string) (any, error) {
		return affected(db.ExecContext(ctx, "UPDATE "+table+" SET n = n + 1 WHERE id < $1", 3))
	}},
	{"update without a change", func(db *sql.DB, table string) (any, error) {
		return affected(db.ExecContext(ctx, "UPDATE "+table+" SET n = n WHERE id < $1", 3))
	}},
	{"update of none", func(db *sql.DB, table string) (any, error) {
		return affected(db.ExecContext(ctx, "UPDATE "+table+" SET n = 5 WHERE id > $1", 300))
	}},
	{"upsert", func(db *sql.DB, table string) (any, error) {
		return drivers.Values(ctx, db, "INSERT INTO "+table+" (id, name) VALUES (4, $1), (5, 'e') ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING id || name", "D")
	}},
	{"upsert that does nothing", func(db *sql.DB, table string) (any, error) {
		return affected(db.ExecContext(ctx, "INSERT INTO "+table+" (id, name) VALUES (4, 'x') ON CONFLICT DO NOTHING"))
	}},
	{"prepared", func(db *sql.DB, table string) (any, error) {
		stmt, err := db.PrepareContext(ctx, "UPDATE "+table+" SET n = $2 WHERE id = $1")
		if err != nil {
			return nil, err
		}
		defer stmt.Close()
		var counts []any
		for id := range 7 {
			n, err := affected(stmt.ExecContext(ctx, id, 10))
			if err != nil {
				return nil, err
			}
			counts = append(counts, n)
		}
		return counts, nil
	}},
	{"transaction", func(db *sql.DB, table string) (any, error) {
		tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
		if err != nil {
			return nil, err
		}
		defer tx.Rollback()
		for range 3 {
			if _, err := tx.ExecContext(ctx, "UPDATE "+table+" SET n = n + 1 WHERE id = 5"); err != nil {
				return nil, err
			}
		}
		return nil, tx.Commit()
	}},
	{"rolled back", func(db *sql.DB, table string) (any, error) {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return nil, err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+table); err != nil {
			return nil, err
		}
		return nil, tx.Rollback()
	}},
	{"read only", func(db *sql.DB, table string) (any, error) {
		tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		if err != nil {
			return nil, err
		}
		defer tx.Rollback()
		return affected(tx.ExecContext(ctx, "DELETE FROM "+table))
	}},
	{"locked", func(db *sql.DB, table string) (any, error) {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return nil, err
		}
		defer tx.Rollback()
		got, err := drivers.Values(ctx, tx, "SELECT name FROM "+table+" WHERE id = 1 FOR UPDATE")
		if err != nil {
			return nil, err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE "+table+" SET name = $1 || '!' WHERE id = 1", got[0]); err != nil {
			return nil, err
		}
		return got, tx.Commit()
	}},
	{"conn", func(db *sql.DB, table string) (any, error) {
		conn, err := db.Conn(ctx)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		return affected(conn.ExecContext(ctx, "DELETE FROM "+table+" WHERE id IN (2, 3)"))
	}},
}

// TestWrites: the counts and rows are those of a plain table, and all is in the
// past.
func TestWrites(t *testing.T) {
	t.Parallel()
	drivers.Each(t, func(t *testing.T, db drivers.Database) {
		for _, table := range []string{"plain", "tracked"} {
			pgtest.Exec(t, db.Pool, fmt.Sprintf("CREATE TABLE %s (id int PRIMARY KEY, name text NOT NULL, n int NOT NULL DEFAULT 0)", table))
		}
		pgtest.Exec(t, db.Pool, "SELECT yore.track('tracked')")
		for _, w := range writes {
			want, err := w.run(db.DB, "plain")
			if err != nil {
				t.Fatalf("%s, plain: %v", w.name, err)
			}
			got, err := w.run(db.DB, "tracked")
			if err != nil {
				t.Fatalf("%s: %v", w.name, err)
			}
			equal(t, w.name, got, want)
			equal(t, "rows after "+w.name, pgtest.Rows(t, db.Pool, "SELECT * FROM tracked ORDER BY id"), pgtest.Rows(t, db.Pool, "SELECT * FROM plain ORDER BY id"))
		}
		equal(t, "history", pgtest.Rows(t, db.Pool, "SELECT id, version, name, n, deleted_at IS NOT NULL FROM history.tracked ORDER BY 1, 2"), []string{
			"1|1|a|0|f", "1|2|a|1|f", "1|3|a|10|f", "1|4|a!|10|f",
			"2|1|b|0|f", "2|2|b|1|f", "2|3|b|10|f", "2|4|b|10|t",
			"3|1|c|0|f", "3|2|c|10|f", "3|3|c|10|t",
			"4|1|d|0|f", "4|2|D|0|f", "4|3|D|10|f",
			"5|1|e|0|f", "5|2|e|10|f", "5|3|e|13|f"})
		pgtest.Clean(t, db.Pool)
	})
}

// copyPGX copies rows into the table below the face.
func copyPGX(ctx context.Context, db *sql.DB, table pgx.Identifier, rows [][]any) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(raw any) error {
		_, err := raw.(*stdlib.Conn).Conn().CopyFrom(ctx, table, []string{"code", "name"}, pgx.CopyFromRows(rows))
		return err
	})
}

// copyPQ copies rows into the table below the face.
func copyPQ(ctx context.Context, db *sql.DB, table pgx.Identifier, rows [][]any) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	stmt, err := tx.PrepareContext(ctx, "COPY "+table.Sanitize()+" (code, name) FROM STDIN")
	if err != nil {
		return err
	}
	defer stmt.Close() // before Rollback: it waits for the server's answer, which lib/pq reads in a goroutine
	for _, row := range rows {
		if _, err := stmt.ExecContext(ctx, row...); err != nil {
			return err
		}
	}
	if _, err := stmt.ExecContext(ctx); err != nil {
		return err
	}
	return tx.Commit()
}

// TestCopy: COPY fills the table below the face; PostgreSQL refuses it for a
// view.
func TestCopy(t *testing.T) {
	t.Parallel()
	drivers.Each(t, func(t *testing.T, db drivers.Database) {
		countries.Tell(t, db.Pool)
		run := copyPGX
		if db.Driver == "pq" {
			run = copyPQ
		}
		rows := [][]any{{"BA", "Bosnia"}, {"ME", "Montenegro"}}
		if err := run(ctx, db.DB, pgx.Identifier{"countries"}, rows); drivers.State(err) != "42809" || !strings.Contains(err.Error(), `cannot copy to view "countries"`) {
			t.Errorf("%v", err)
		}
		if err := run(ctx, db.DB, pgx.Identifier{"temporal", "countries"}, rows); err != nil {
			t.Fatal(err)
		}
		equal(t, "copied", pgtest.Rows(t, db.Pool, "SELECT code, version, valid_to FROM history.countries WHERE code IN ('BA', 'ME') ORDER BY 1"), []string{"BA|1|∅", "ME|1|∅"})
	})
}

// TestWriteInThePast: nothing is written as of a time.
func TestWriteInThePast(t *testing.T) {
	t.Parallel()
	drivers.Each(t, func(t *testing.T, db drivers.Database) {
		countries.Tell(t, db.Pool)
		err := yore.AsOfSQL(ctx, db, countries.Day(2000, 1, 1), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE countries SET name = 'x'")
			return err
		})
		if drivers.State(err) != "55000" {
			t.Errorf("%v", err)
		}
	})
}

// TestCarries: over NewConnector whatever writes says who, and AsOfSQL works.
func TestCarries(t *testing.T) {
	t.Parallel()
	drivers.Each(t, func(t *testing.T, d drivers.Database) {
		countries.Tell(t, d.Pool)
		db := sql.OpenDB(yore.NewConnector(d.Connector))
		defer db.Close()
		who := yore.WithActor(ctx, "ada")
		var failed error
		run := func(_ any, err error) { failed = errors.Join(failed, err) }
		run(db.ExecContext(who, "UPDATE countries SET population = 1 WHERE code = $1", "HR"))
		run(drivers.Values(who, db, "UPDATE countries SET population = 2 WHERE code = $1 RETURNING name", "HR"))
		stmt, err := db.PrepareContext(who, "UPDATE countries SET population = $1")
		if err != nil {
			t.Fatal(err)
		}
		run(stmt.ExecContext(who, 3))
		if failed != nil {
			t.Fatal(failed)
		}
		equal(t, "who", pgtest.Rows(t, d.Pool, `SELECT population, x.actor FROM history.countries AS h
			LEFT JOIN LATERAL yore.transaction_of(h.xid, h.valid_from) AS x ON true WHERE code = 'HR' AND version > 3 ORDER BY version`),
			[]string{"1|ada", "2|ada", "3|ada"})
		equal(t, "as of", values(t, db, countries.Day(2005, 1, 1), currencies), []string{"HR kuna", "SI tolar"})
	})
}
