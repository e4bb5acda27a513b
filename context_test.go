package yore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// poolIn returns a pool with a default query exec mode.
func poolIn(t testing.TB, dsn string, mode pgx.QueryExecMode, change ...func(*pgxpool.Config)) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.DefaultQueryExecMode = mode
	for _, f := range change {
		f(config)
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

const itemsTable = "CREATE TABLE items (id int PRIMARY KEY, name text CHECK (name <> 'bad'), n int UNIQUE DEFERRABLE INITIALLY DEFERRED)"

// whoWrote returns the name and the actor of each version of the row with that
// id, in their order; "∅" where nothing was said.
func whoWrote(t testing.TB, db yore.DB, id int) string {
	t.Helper()
	return strings.Join(pgtest.Rows(t, db, `SELECT coalesce(h.name, '∅') || ' by ' || coalesce(x.actor, '∅')
		FROM history.items AS h LEFT JOIN LATERAL yore.transaction_of(h.xid, h.valid_from) AS x ON true WHERE h.id = $1::int ORDER BY h.version`, id), ", ")
}

func is(t testing.TB, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Every way in which a pool writes carries who and why, in every query exec
// mode, and answers as the plain pool does.
func TestPoolCarriesContext(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	plain := pgtest.Connect(t, dsn)
	pgtest.Exec(t, plain, itemsTable, "SELECT yore.track('items')")
	for m, mode := range modes {
		base := 100 * (m + 1)
		ctx := yore.WithMeta(yore.WithReason(yore.WithActor(context.Background(), "it's Ana \\ Županija"), "why"), "ip", "10.0.0.7")
		pool := yore.NewPool(poolIn(t, dsn, mode))
		is := func(t *testing.T, id int, names ...string) {
			t.Helper()
			for i := range names {
				names[i] += ` by it's Ana \ Županija`
			}
			is(t, "versions", whoWrote(t, plain, id), strings.Join(names, ", "))
		}
		ways := map[string]func(t *testing.T, id int){
			"Exec": func(t *testing.T, id int) {
				for range 2 {
					tag, err := pool.Exec(ctx, "/* why */ INSERT INTO items VALUES ($1, 'a') ON CONFLICT (id) DO UPDATE SET name = 'b'", id)
					ok(t, err)
					if tag.String() != "INSERT 0 1" {
						t.Errorf("tag %q", tag)
					}
				}
				is(t, id, "a", "b")
			},
			"ExecWithoutArguments": func(t *testing.T, id int) {
				tag, err := pool.Exec(ctx, fmt.Sprintf("INSERT INTO items VALUES (%d, 'a'); UPDATE items SET name = 'b' WHERE id = %[1]d; -- that's all", id))
				ok(t, err)
				if tag.String() != "UPDATE 1" {
					t.Errorf("tag %q", tag)
				}
				is(t, id, "b")
			},
			"ExecNamedArgs": func(t *testing.T, id int) {
				_, err := pool.Exec(ctx, "INSERT INTO items VALUES (@id, 'a')", pgx.NamedArgs{"id": id})
				ok(t, err)
				is(t, id, "a")
			},
			"ExecOption": func(t *testing.T, id int) {
				tag, err := pool.Exec(ctx, "INSERT INTO items VALUES ($1, 'a')", pgx.QueryExecModeExec, id)
				ok(t, err)
				if tag.RowsAffected() != 1 {
					t.Errorf("tag %q", tag)
				}
				is(t, id, "a")
			},
			"Query": func(t *testing.T, id int) {
				rows, err := pool.Query(ctx, "WITH new AS (INSERT INTO items SELECT $1 + g, 'a' FROM generate_series(0, 4) AS g RETURNING id) SELECT id FROM new ORDER BY id", id)
				ok(t, err)
				ids, err := pgx.CollectRows(rows, pgx.RowTo[int])
				ok(t, err)
				if !slices.Equal(ids, []int{id, id + 1, id + 2, id + 3, id + 4}) || rows.CommandTag().RowsAffected() != 5 {
					t.Errorf("%v, tag %q", ids, rows.CommandTag())
				}
				is(t, id+4, "a")
			},
			"QueryClosedEarly": func(t *testing.T, id int) {
				rows, err := pool.Query(ctx, "INSERT INTO items SELECT $1 + g, 'a' FROM generate_series(0, 4) AS g RETURNING id", id)
				ok(t, err)
				rows.Next()
				rows.Close()
				ok(t, rows.Err())
				is(t, id+4, "a")
			},
			"QueryRow": func(t *testing.T, id int) {
				var name string
				ok(t, pool.QueryRow(ctx, "INSERT INTO items VALUES ($1, 'a') RETURNING name", id).Scan(&name))
				if err := pool.QueryRow(ctx, "UPDATE items SET name = 'b' WHERE id = -1 RETURNING name").Scan(&name); !errors.Is(err, pgx.ErrNoRows) {
					t.Errorf("no row: %v", err)
				}
				is(t, id, "a")
			},
			"QueryOption": func(t *testing.T, id int) {
				var name string
				ok(t, pool.QueryRow(ctx, "INSERT INTO items VALUES ($1, 'a') RETURNING name", pgx.QueryResultFormats{pgx.TextFormatCode}, id).Scan(&name))
				is(t, id, "a")
			},
			"SendBatch": func(t *testing.T, id int) {
				var b pgx.Batch
				b.Queue("SELECT 1")
				b.Queue("INSERT INTO items VALUES ($1, 'a')", id)
				var name string
				b.Queue("UPDATE items SET name = 'b' WHERE id = $1 RETURNING name", id).QueryRow(func(row pgx.Row) error { return row.Scan(&name) })
				sent := pool.SendBatch(ctx, &b)
				_, err := sent.Exec()
				ok(t, err)
				ok(t, sent.Close())
				if name != "b" || b.Len() != 3 {
					t.Errorf("%q, %d", name, b.Len())
				}
				is(t, id, "b")
			},
			"SendBatchThatBegins": func(t *testing.T, id int) {
				var b pgx.Batch
				b.BeginTx(pgx.TxOptions{})
				b.Queue("INSERT INTO items VALUES ($1, 'a')", id)
				sent := pool.SendBatch(ctx, &b)
				tx := sent.Tx()
				defer func() { _ = tx.Rollback(ctx) }()
				ok(t, sent.Close())
				ok(t, tx.Commit(ctx))
				is(t, id, "a")
			},
			"CopyFrom": func(t *testing.T, id int) {
				n, err := pool.CopyFrom(ctx, pgx.Identifier{"temporal", "items"}, []string{"id", "name"}, pgx.CopyFromRows([][]any{{id, "a"}, {id + 1, "b"}}))
				ok(t, err)
				if n != 2 {
					t.Errorf("%d rows", n)
				}
				is(t, id+1, "b")
			},
			"BeginFunc": func(t *testing.T, id int) {
				ok(t, pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
					_, err := tx.Exec(ctx, "INSERT INTO items VALUES ($1, 'a')", id)
					return err
				}))
				is(t, id, "a")
			},
			"BeginTxFuncSerializable": func(t *testing.T, id int) {
				ok(t, pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: pgx.Serializable}, func(tx pgx.Tx) error {
					_, err := tx.Exec(ctx, "INSERT INTO items VALUES ($1, 'a')", id)
					return err
				}))
				is(t, id, "a")
			},
			// The context of Begin counts; a savepoint is no transaction.
			"Savepoints": func(t *testing.T, id int) {
				tx, err := pool.Begin(ctx)
				ok(t, err)
				other := yore.WithActor(context.Background(), "other")
				sp, err := tx.Begin(other)
				ok(t, err)
				_, err = sp.Exec(other, "INSERT INTO items VALUES ($1, 'a')", id)
				ok(t, err)
				ok(t, sp.Commit(other))
				lost, err := tx.Begin(other)
				ok(t, err)
				_, err = lost.Exec(other, "UPDATE items SET name = 'b' WHERE id = $1", id)
				ok(t, err)
				ok(t, lost.Rollback(other))
				ok(t, tx.Commit(other))
				if err := tx.Commit(other); !errors.Is(err, pgx.ErrTxClosed) {
					t.Errorf("second commit: %v", err)
				}
				if err := tx.Rollback(other); !errors.Is(err, pgx.ErrTxClosed) {
					t.Errorf("rollback after commit: %v", err)
				}
				is(t, id, "a")
			},
		}
		ids := map[string]int{}
		for i, name := range slices.Sorted(mapKeys(ways)) {
			ids[name] = base + 5*i
		}
		for name, way := range ways {
			t.Run(mode.String()+"/"+name, func(t *testing.T) {
				way(t, ids[name])
				got := pgtest.Rows(t, plain, `SELECT x.reason, x.meta, x.role, count(*) FROM history.items AS h, yore.transaction_of(h.xid, h.valid_from) AS x WHERE h.id = $1::int GROUP BY 1, 2, 3`, ids[name])
				if len(got) != 1 || !strings.HasPrefix(got[0], `why|{"ip": "10.0.0.7"}|postgres|`) {
					t.Errorf("said %q", got)
				}
				is2 := pgtest.Rows(t, plain, "SELECT count(*) FROM yore.transaction WHERE actor = 'other'")
				if is2[0] != "0" {
					t.Errorf("the context of Commit was said")
				}
			})
		}
	}
	pgtest.Clean(t, plain)
}

func mapKeys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// What does not write says nothing and takes no transaction id; nor does
// anything for a context that says nothing.
func TestOnlyWritesCarryContext(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	plain := pgtest.Connect(t, dsn)
	pgtest.Exec(t, plain, itemsTable, "SELECT yore.track('items')", "INSERT INTO items VALUES (1, 'a')")
	pool := yore.NewPool(plain)
	ctx := yore.WithActor(context.Background(), "ana")
	var n int
	for _, read := range []string{"SELECT count(*) FROM items", "WITH x AS (SELECT 1) SELECT count(*) FROM items, x", "SELECT count(*) FROM yore.status()", "SELECT count(*) FROM asof.items(now())"} {
		ok(t, pool.QueryRow(ctx, read).Scan(&n))
		ok(t, pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return tx.QueryRow(ctx, read).Scan(&n) }))
	}
	_, err := pool.Exec(ctx, "UPDATE items SET name = 'b' WHERE id = $1", -1)
	ok(t, err)
	ok(t, pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error { return tx.QueryRow(ctx, "SELECT count(*) FROM items").Scan(&n) }))
	ok(t, yore.AsOf(ctx, pool, yoreEpoch, func(tx pgx.Tx) error { return tx.QueryRow(ctx, "SELECT count(*) FROM items").Scan(&n) }))
	ok(t, pgx.BeginFunc(ctx, plain, func(tx pgx.Tx) error {
		var said, took bool
		err := tx.QueryRow(ctx, "SELECT yore.carry_context('ana')").Scan(&said)
		if err == nil {
			err = tx.QueryRow(ctx, "SELECT pg_current_xact_id_if_assigned() IS NOT NULL").Scan(&took)
		}
		if said || took {
			t.Errorf("a reading transaction: said %v, took an id %v", said, took)
		}
		return err
	}))
	is(t, "rows of yore.transaction", pgtest.Rows(t, plain, "SELECT count(*) FROM yore.transaction")[0], 0)
	_, err = pool.Exec(context.Background(), "UPDATE items SET name = 'b'")
	ok(t, err)
	is(t, "versions", whoWrote(t, plain, 1), "a by ∅, b by ∅")

	// What cannot run in a transaction with another statement.
	for _, alone := range []string{"VACUUM items_plain", "-- now\nCREATE INDEX CONCURRENTLY ON items_plain (id)", "CREATE DATABASE carried_" + pgtest.Rows(t, plain, "SELECT oid FROM pg_database WHERE datname = current_database()")[0],
		"CALL commits()", "DO $$ BEGIN COMMIT; END $$", "DROP DATABASE carried_" + pgtest.Rows(t, plain, "SELECT oid FROM pg_database WHERE datname = current_database()")[0]} {
		if strings.HasPrefix(alone, "VACUUM") {
			pgtest.Exec(t, plain, "CREATE TABLE items_plain (id int)", "CREATE PROCEDURE commits() LANGUAGE plpgsql AS 'BEGIN COMMIT; END'")
		}
		if _, err := pool.Exec(ctx, alone); err != nil {
			t.Errorf("%s: %v", alone, err)
		}
	}
}

func TestContext(t *testing.T) {
	t.Parallel()
	ctx := yore.WithMeta(yore.WithMeta(yore.WithMeta(context.Background(), "a", 1), "b", []string{"x"}), "a", "two")
	one := yore.WithMeta(ctx, "b", nil)
	text := func(ctx context.Context) string { b, _ := json.Marshal(yore.MetaOf(ctx)); return string(b) }
	is(t, "meta merged", text(ctx), `{"a":"two","b":["x"]}`)
	is(t, "meta taken back", text(one), `{"a":"two"}`)
	is(t, "nothing", text(context.Background())+yore.ActorOf(context.Background())+yore.ReasonOf(context.Background()), "{}")
	is(t, "actor and reason", yore.ActorOf(yore.WithActor(yore.WithReason(yore.WithActor(ctx, "a"), "r"), "b"))+yore.ReasonOf(yore.WithReason(ctx, "r")), "br")

	pool := yore.NewPool(pgtest.Pool(t))
	pgtest.Exec(t, pool, "CREATE TABLE x (id int)")
	for name, bad := range map[string]context.Context{
		"NUL": yore.WithActor(ctx, "a\x00"), "UTF-8": yore.WithReason(ctx, "\xff"), "NULInMeta": yore.WithMeta(ctx, "k", "\x00"), "Value": yore.WithMeta(ctx, "k", func() {}),
	} {
		if _, err := pool.Begin(bad); !errors.Is(err, yore.ErrOption) {
			t.Errorf("%s: Begin: %v", name, err)
		}
		if _, err := pool.Exec(bad, "INSERT INTO x VALUES (1)"); !errors.Is(err, yore.ErrOption) {
			t.Errorf("%s: Exec: %v", name, err)
		}
		if err := pool.QueryRow(bad, "INSERT INTO x VALUES (1) RETURNING id").Scan(new(int)); !errors.Is(err, yore.ErrOption) {
			t.Errorf("%s: QueryRow: %v", name, err)
		}
	}
	_, err := pool.Exec(yore.WithMeta(ctx, "k", `\u0000 is no NUL`), "INSERT INTO x VALUES (1)")
	ok(t, err)
	_, err = pool.Exec(yore.WithActor(yore.WithActor(context.Background(), "a"), ""), "INSERT INTO x VALUES (1)")
	ok(t, err)
	is(t, "said", pgtest.Rows(t, pool, "SELECT actor, meta ->> 'k' FROM yore.transaction"), `[∅|\u0000 is no NUL]`)
}

// yoreEpoch is a time before anything.
var yoreEpoch = mustTime("2000-01-01")

func mustTime(day string) time.Time {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err)
	}
	return t
}
