package pgtest

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"yore.example/yore"
)

// A SQLDriver is a driver of database/sql under test.
type SQLDriver struct {
	// Open opens a handle; plain, or with yore.NewConnector in between.
	Open func(t testing.TB, dsn string, carrying bool) *stdsql.DB
	// Copy copies the rows into temporal.items (id, name) in the transaction; nil
	// if the driver cannot.
	Copy func(ctx context.Context, tx *stdsql.Tx, rows [][]any) error
}

// Carries tests that every write transaction of a driver's says who and why, and
// answers as the plain driver does.
func (d SQLDriver) Carries(t *testing.T) {
	dsn := DSN(t)
	pool := Connect(t, dsn)
	Exec(t, pool, "CREATE TABLE items (id int PRIMARY KEY, name text CHECK (name <> 'bad'), n int UNIQUE DEFERRABLE INITIALLY DEFERRED)", "SELECT yore.track('items')",
		"INSERT INTO items VALUES (-1, 'a', 1), (-2, 'a', 2)")
	plain, db := d.Open(t, dsn, false), d.Open(t, dsn, true)
	ctx := yore.WithMeta(yore.WithReason(yore.WithActor(context.Background(), `it's Ana \ Županija`), "why"), "ip", "10.0.0.7")

	begin := func(o *stdsql.TxOptions, do func(tx *stdsql.Tx) error) error {
		tx, err := db.BeginTx(ctx, o)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		if err := do(tx); err != nil {
			return err
		}
		return tx.Commit()
	}
	one := func(result stdsql.Result, err error) error {
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n != 1 {
			return fmt.Errorf("%d rows affected, %w", n, err)
		}
		return nil
	}
	ways := []struct {
		name string
		do   func(id int) error
	}{
		{"Exec", func(id int) error { return one(db.ExecContext(ctx, "INSERT INTO items VALUES ($1, 'a')", id)) }},
		{"ExecText", func(id int) error {
			return one(db.ExecContext(ctx, fmt.Sprintf("INSERT INTO items VALUES (%d, 'a')", id)))
		}},
		{"QueryRow", func(id int) error {
			var name string
			return db.QueryRowContext(ctx, "INSERT INTO items VALUES ($1, 'a') RETURNING name", id).Scan(&name)
		}},
		{"Query", func(id int) error {
			rows, err := db.QueryContext(ctx, "INSERT INTO items SELECT g, 'a' FROM generate_series($1::int, $1::int + 4) AS g RETURNING id, name", id)
			if err != nil {
				return err
			}
			defer func() { _ = rows.Close() }()
			var ids []int
			for rows.Next() {
				var next int
				var name string
				if err := rows.Scan(&next, &name); err != nil {
					return err
				}
				ids = append(ids, next)
			}
			if !slices.Equal(ids, []int{id, id + 1, id + 2, id + 3, id + 4}) {
				return fmt.Errorf("ids %v", ids)
			}
			return rows.Err()
		}},
		{"PreparedExec", func(id int) error {
			stmt, err := db.PrepareContext(ctx, "INSERT INTO items VALUES ($1, 'a')")
			if err != nil {
				return err
			}
			defer func() { _ = stmt.Close() }()
			return errors.Join(one(stmt.ExecContext(ctx, id)), one(stmt.ExecContext(ctx, id+1)))
		}},
		{"PreparedQuery", func(id int) error {
			stmt, err := db.PrepareContext(ctx, "INSERT INTO items VALUES ($1, 'a') RETURNING id")
			if err != nil {
				return err
			}
			defer func() { _ = stmt.Close() }()
			return stmt.QueryRowContext(ctx, id).Scan(new(int))
		}},
		{"Tx", func(id int) error {
			return begin(nil, func(tx *stdsql.Tx) error {
				return one(tx.Exec("INSERT INTO items VALUES ($1, 'a')", id))
			})
		}},
		{"TxSerializable", func(id int) error {
			return begin(&stdsql.TxOptions{Isolation: stdsql.LevelSerializable}, func(tx *stdsql.Tx) error {
				var level string
				if err := tx.QueryRow("SELECT current_setting('transaction_isolation')").Scan(&level); err != nil || level != "serializable" {
					return fmt.Errorf("%s, %w", level, err)
				}
				return one(tx.Exec("INSERT INTO items VALUES ($1, 'a')", id))
			})
		}},
		{"TxPrepared", func(id int) error {
			return begin(nil, func(tx *stdsql.Tx) error {
				stmt, err := tx.Prepare("INSERT INTO items VALUES ($1, 'a') RETURNING id")
				if err != nil {
					return err
				}
				return stmt.QueryRow(id).Scan(new(int))
			})
		}},
		{"AtTimeSQL", func(id int) error {
			return yore.AtTimeSQL(ctx, db, time.Date(2001, 2, 3, 4, 5, 6, 789, time.UTC), func(tx *stdsql.Tx) error {
				return one(tx.Exec("INSERT INTO items VALUES ($1, 'a')", id))
			})
		}},
		{"ConnTx", func(id int) error {
			conn, err := db.Conn(ctx)
			if err != nil {
				return err
			}
			defer func() { _ = conn.Close() }()
			return one(conn.ExecContext(ctx, "INSERT INTO items VALUES ($1, 'a')", id))
		}},
	}
	if d.Copy != nil {
		ways = append(ways, struct {
			name string
			do   func(id int) error
		}{"Copy", func(id int) error {
			return begin(nil, func(tx *stdsql.Tx) error { return d.Copy(ctx, tx, [][]any{{id, "a"}, {id + 1, "b"}}) })
		}})
	}
	for i, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			id := 10 * i
			if err := way.do(id); err != nil {
				t.Fatal(err)
			}
			got := Rows(t, pool, `SELECT DISTINCT x.actor, x.reason, x.meta FROM history.items AS h LEFT JOIN LATERAL yore.transaction_of(h.xid, h.valid_from) AS x ON true WHERE h.id BETWEEN $1::int AND $1::int + 9`, id)
			if !slices.Equal(got, []string{`it's Ana \ Županija|why|{"ip": "10.0.0.7"}`}) {
				t.Errorf("said %q", got)
			}
		})
	}
	said := func() string { return Rows(t, pool, "SELECT count(*) FROM yore.transaction")[0] }
	before := said()

	t.Run("NothingIsSaid", func(t *testing.T) {
		for _, do := range []func() error{
			func() error { return db.QueryRowContext(ctx, "SELECT count(*) FROM items").Scan(new(int)) },
			func() error {
				return begin(&stdsql.TxOptions{ReadOnly: true}, func(tx *stdsql.Tx) error { return tx.QueryRow("SELECT count(*) FROM items").Scan(new(int)) })
			},
			func() error {
				return begin(nil, func(tx *stdsql.Tx) error { _, err := tx.Exec("UPDATE items SET n = 7 WHERE id = $1", -99); return err })
			},
			func() error { return db.PingContext(ctx) },
			func() error { _, err := db.Exec("UPDATE items SET name = 'c' WHERE id = -1"); return err },
			func() error { // BEGIN and COMMIT by hand
				conn, err := db.Conn(ctx)
				if err != nil {
					return err
				}
				defer func() { _ = conn.Close() }()
				for _, s := range []string{"BEGIN", "UPDATE items SET name = 'd' WHERE id = -1", "ROLLBACK"} {
					if _, err := conn.ExecContext(ctx, s); err != nil {
						return err
					}
				}
				return nil
			},
			func() error {
				_, err := db.ExecContext(ctx, "DO $$ BEGIN COMMIT; END $$")
				return err
			},
		} {
			if err := do(); err != nil {
				t.Error(err)
			}
		}
		if after := said(); after != before {
			t.Errorf("rows of yore.transaction: %s, then %s", before, after)
		}
		if got := Rows(t, pool, "SELECT name FROM items WHERE id = -1")[0]; got != "c" {
			t.Errorf("rolled back by hand, and there is %q", got)
		}
	})

	fails := []struct {
		name string
		do   func(db *stdsql.DB) error
	}{
		{"Check", func(db *stdsql.DB) error {
			_, err := db.ExecContext(ctx, "UPDATE items SET name = $1", "bad")
			return err
		}},
		{"CheckQuery", func(db *stdsql.DB) error {
			return db.QueryRowContext(ctx, "UPDATE items SET name = $1 RETURNING id", "bad").Scan(new(int))
		}},
		{"Deferred", func(db *stdsql.DB) error {
			_, err := db.ExecContext(ctx, "UPDATE items SET n = $1 WHERE id = -1", 2)
			return err
		}},
		{"DeferredQueryRow", func(db *stdsql.DB) error {
			return db.QueryRowContext(ctx, "UPDATE items SET n = $1 WHERE id = -1 RETURNING id", 2).Scan(new(int))
		}},
		{"DeferredQuery", func(db *stdsql.DB) error {
			rows, err := db.QueryContext(ctx, "UPDATE items SET n = $1 WHERE id = -1 RETURNING id", 2)
			if err != nil {
				return err
			}
			for rows.Next() {
				if err := rows.Scan(new(int)); err != nil {
					return err
				}
			}
			return rows.Err()
		}},
		{"DeferredTx", func(db *stdsql.DB) error {
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			if _, err := tx.Exec("UPDATE items SET n = 2 WHERE id = -1"); err != nil {
				return err
			}
			return tx.Commit()
		}},
		{"FailedTx", func(db *stdsql.DB) error {
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			_, _ = tx.Exec("SELECT 1/0")
			return tx.Commit()
		}},
		{"NoRows", func(db *stdsql.DB) error {
			return db.QueryRowContext(ctx, "UPDATE items SET n = 2 WHERE id = $1 RETURNING id", -99).Scan(new(int))
		}},
		{"BadArgument", func(db *stdsql.DB) error {
			_, err := db.ExecContext(ctx, "UPDATE items SET n = $1", struct{}{})
			return err
		}},
	}
	for _, f := range fails {
		t.Run("Fails/"+f.name, func(t *testing.T) {
			want, got := f.do(plain), f.do(db)
			if want == nil || got == nil || want.Error() != got.Error() || fmt.Sprintf("%T", want) != fmt.Sprintf("%T", got) {
				t.Errorf("plain: %T %[1]v\ncarrying: %T %[2]v", want, got)
			}
			if got := strings.Join(Rows(t, pool, "SELECT name, n FROM items WHERE id = -1"), ""); got != "c|1" {
				t.Errorf("the row is %s", got)
			}
		})
	}
	if after := said(); after != before {
		t.Errorf("rows of yore.transaction: %s, then %s after failures", before, after)
	}
	t.Run("ColumnTypes", func(t *testing.T) {
		types := func(db *stdsql.DB) (out []string) {
			rows, err := db.QueryContext(ctx, "UPDATE items SET name = 'c' WHERE id = -1 RETURNING id, name, now(), 1.5::numeric(4,2), '{1}'::int[], true, 'x'::varchar(7), NULL::bytea")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = rows.Close() }()
			columns, err := rows.ColumnTypes()
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range columns {
				length, hasLength := c.Length()
				nullable, known := c.Nullable()
				precision, scale, decimal := c.DecimalSize()
				out = append(out, fmt.Sprint(c.Name(), c.DatabaseTypeName(), c.ScanType(), length, hasLength, nullable, known, precision, scale, decimal))
			}
			rows.Next()
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			if err := rows.Scan(values...); err != nil {
				t.Fatal(err)
			}
			for _, v := range values {
				out = append(out, fmt.Sprintf("%T", *(v.(*any))))
			}
			return append(out, fmt.Sprint(rows.NextResultSet()))
		}
		if want, got := types(plain), types(db); !slices.Equal(want, got) {
			t.Errorf("plain:    %q\ncarrying: %q", want, got)
		}
	})
	if open := db.Stats().InUse; open != 0 {
		t.Errorf("%d connections are still in use", open)
	}
	Clean(t, pool)
}
