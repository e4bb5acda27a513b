package yore_test

import (
	"context"
	stdsql "database/sql"
	"encoding/json"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

func openSQL(t testing.TB, dsn string, mode pgx.QueryExecMode) *stdsql.DB {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	config.DefaultQueryExecMode = mode
	db := stdlib.OpenDB(*config)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestWrapTransaction(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := openSQL(t, pgtest.DSN(t), pgx.QueryExecModeCacheStatement)
	for _, commit := range []bool{false, true} {
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		w := yore.Wrap(tx)
		pgtest.Exec(t, w, "CREATE TABLE a (id int PRIMARY KEY)")
		if err := yore.Track(ctx, w, "a", yore.TrackOptions{}); err != nil {
			t.Fatal(err)
		}
		end := tx.Rollback
		if commit {
			end = tx.Commit
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		_, err = yore.TrackedSince(ctx, yore.Wrap(db), "a")
		if commit && err != nil || !commit && !errors.Is(err, yore.ErrNotTracked) {
			t.Errorf("commit %t: %v", commit, err)
		}
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := yore.Untrack(ctx, yore.Wrap(conn), "a", yore.DropHistory); err != nil {
		t.Error(err)
	}
}

func TestWrapRows(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pool := openSQL(t, pgtest.DSN(t), pgx.QueryExecModeCacheStatement)
	pool.SetMaxOpenConns(1) // rows that stay open would block the next query
	db := yore.Wrap(pool)

	t.Run("Scan", func(t *testing.T) {
		var n int
		var s string
		if err := db.QueryRow(ctx, "SELECT $1::int + 1, $2::text", 41, "x").Scan(&n, &s); err != nil || n != 42 || s != "x" {
			t.Errorf("%d, %q, %v", n, s, err)
		}
	})
	t.Run("NoRows", func(t *testing.T) {
		var n int
		err := db.QueryRow(ctx, "SELECT 1 WHERE false").Scan(&n)
		if !errors.Is(err, pgx.ErrNoRows) || !errors.Is(err, stdsql.ErrNoRows) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("ErrorOfTheQuery", func(t *testing.T) {
		var n int
		if err := db.QueryRow(ctx, "SELECT nonsense").Scan(&n); err == nil || errors.Is(err, pgx.ErrNoRows) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("ErrorOfALaterRow", func(t *testing.T) {
		rows, err := db.Query(ctx, "SELECT 1 / (3 - n) FROM generate_series(1, 5) AS n")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		count := 0
		for rows.Next() {
			count++
		}
		if rows.Err() == nil || count != 2 {
			t.Errorf("%d rows, %v", count, rows.Err())
		}
	})
	t.Run("CollectRows", func(t *testing.T) {
		type row struct {
			A int
			B string
		}
		rows, err := db.Query(ctx, "SELECT n AS a, 'b' || n AS b FROM generate_series(1, 2) AS n")
		if err != nil {
			t.Fatal(err)
		}
		got, err := pgx.CollectRows(rows, pgx.RowToStructByName[row])
		if err != nil || len(got) != 2 || got[1] != (row{2, "b2"}) {
			t.Errorf("%v, %v", got, err)
		}
	})
	t.Run("CollectMaps", func(t *testing.T) {
		rows, err := db.Query(ctx, "SELECT 'x' AS a, NULL AS b")
		if err != nil {
			t.Fatal(err)
		}
		got, err := pgx.CollectOneRow(rows, pgx.RowToMap)
		if b, there := got["b"]; err != nil || got["a"] != "x" || b != nil || !there {
			t.Errorf("%v, %v", got, err)
		}
	})
	t.Run("Textual", func(t *testing.T) { // what database/sql cannot scan
		type names []string
		type shape struct{ A int }
		var (
			texts   []string
			named   names
			numbers *[]int64
			ids     []yore.UUID
			raw     json.RawMessage
			doc     map[string]any
			pointer *shape
			value   shape
			none    = []string{"x"}
			missing = &shape{1}
		)
		const id = "01a1fc73-cf99-725e-83a3-dbfa65189bfd"
		row := db.QueryRow(ctx, `SELECT '{a,"b,c"}'::text[], '{d}'::text[], '{1,2}'::int[], ARRAY[$1::uuid], '{"A": 1}'::jsonb, '{"A": 1}'::jsonb, '{"A": 2}'::jsonb, '{"A": 3}'::json, NULL::text[], NULL::jsonb`, id)
		if err := row.Scan(&texts, &named, &numbers, &ids, &raw, &doc, &pointer, &value, &none, &missing); err != nil {
			t.Fatal(err)
		}
		if texts[1] != "b,c" || named[0] != "d" || (*numbers)[1] != 2 || ids[0].String() != id || string(raw) != `{"A": 1}` || doc["A"] != 1.0 ||
			pointer.A != 2 || value.A != 3 || none != nil || missing != nil {
			t.Error(texts, named, numbers, ids, string(raw), doc, pointer, value, none, missing)
		}
		if err := db.QueryRow(ctx, `SELECT '["x", "y"]'::jsonb, '[0:1]={1,2}'::int[]`).Scan(&texts, &numbers); err != nil || texts[1] != "y" || (*numbers)[1] != 2 {
			t.Error(texts, numbers, err)
		}
		if err := db.QueryRow(ctx, "SELECT 5").Scan(&value); err == nil {
			t.Error("a number was scanned into a struct")
		}
		if err := db.QueryRow(ctx, "SELECT 'x'").Scan(&doc); err == nil {
			t.Error("text was scanned into a map")
		}
	})
	t.Run("ScanTooFew", func(t *testing.T) {
		var n int
		if err := db.QueryRow(ctx, "SELECT 1, 2").Scan(&n); err == nil {
			t.Error("no error")
		}
	})
}

func TestAsOfSQL(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			dsn, kuna := currencies(t)
			db := openSQL(t, dsn, mode)
			db.SetMaxOpenConns(1)
			prepared, err := db.Prepare(selectName)
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				var now, then, thenPrepared string
				if err := db.QueryRow(selectName, "HR").Scan(&now); err != nil {
					t.Fatal(err)
				}
				err := yore.AsOfSQL(ctx, db, kuna, func(tx *stdsql.Tx) error {
					return errors.Join(tx.QueryRow(selectName, "HR").Scan(&then), tx.Stmt(prepared).QueryRow("HR").Scan(&thenPrepared))
				})
				if err != nil || now != "euro" || then != "kuna" || thenPrepared != "kuna" {
					t.Fatalf("now %q, then %q, prepared %q, %v", now, then, thenPrepared, err)
				}
			}
			err = yore.AsOfSQL(ctx, db, kuna.AddDate(-1, 0, 0), func(*stdsql.Tx) error { t.Error("fn was called"); return nil }, yore.RequireTracked("currencies"))
			if !errors.Is(err, yore.ErrBeforeTracking) {
				t.Errorf("got %v", err)
			}
			var one int
			if err := db.QueryRow("SELECT 1").Scan(&one); err != nil {
				t.Errorf("the connection is still out: %v", err)
			}
		})
	}
}
