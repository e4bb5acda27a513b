//go:build linux || darwin

package yore_test

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// poolerModes are the query exec modes that work through any pooler that gives
// each transaction another session: cache_statement and describe_exec find there
// no statement that they prepared in the transaction before.
var poolerModes = []pgx.QueryExecMode{pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol}

func init() {
	bouncerHandles = func(t testing.TB, dsn string) map[string]yore.DB {
		handles := map[string]yore.DB{}
		if !pgtest.HasBouncer() {
			return handles
		}
		through := pgtest.Bouncer(t, dsn, 2)
		for _, mode := range poolerModes {
			pool := poolIn(t, through, mode)
			handles["Bouncer/"+mode.String()] = pool
			handles["Bouncer/yore.Pool/"+mode.String()] = yore.NewPool(pool)
			handles["Bouncer/SQL/"+mode.String()] = yore.Wrap(openDriver(t, through, mode, true))
		}
		return handles
	}
}

// Many clients on few sessions: each version has the actor of its writer (trap-25).
func TestBouncerContext(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	plain := pgtest.Connect(t, dsn)
	pgtest.Exec(t, plain, itemsTable, "SELECT yore.track('items', squash => false)", "INSERT INTO items SELECT g, 'none' FROM generate_series(0, 59) AS g")
	through := pgtest.Bouncer(t, dsn, 3)
	var all sync.WaitGroup
	for m, mode := range poolerModes {
		pool := yore.NewPool(poolIn(t, through, mode))
		db := openDriver(t, through, mode, true)
		for client := range 20 {
			all.Add(1)
			go func() {
				defer all.Done()
				id := 20*m + client
				actor := fmt.Sprint("client ", id)
				ctx := yore.WithActor(context.Background(), actor)
				for i := range 20 {
					var err error
					switch i % 5 {
					case 0:
						_, err = pool.Exec(ctx, "UPDATE items SET name = $1 WHERE id = $2", fmt.Sprint(actor, ".", i), id)
					case 1:
						err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
							if _, err := tx.Exec(ctx, "SELECT pg_sleep(0.001)"); err != nil {
								return err
							}
							_, err := tx.Exec(ctx, "UPDATE items SET name = $1 WHERE id = $2", fmt.Sprint(actor, ".", i), id)
							return err
						})
					case 2:
						_, err = db.ExecContext(ctx, "UPDATE items SET name = $1 WHERE id = $2", fmt.Sprint(actor, ".", i), id)
					case 3:
						err = db.QueryRowContext(ctx, "UPDATE items SET name = $1 WHERE id = $2 RETURNING id", fmt.Sprint(actor, ".", i), id).Scan(new(int))
					case 4: // nothing said, nothing kept
						_, err = pool.Exec(context.Background(), "UPDATE items SET name = $1 WHERE id = $2", fmt.Sprint("nobody ", id, ".", i), id)
					}
					if err != nil {
						t.Errorf("%s, %s, %d: %v", mode, actor, i, err)
						return
					}
				}
			}()
		}
	}
	all.Wait()
	got := pgtest.Rows(t, plain, `SELECT count(*), count(*) FILTER (WHERE h.name LIKE 'client%' AND x.actor IS NOT DISTINCT FROM split_part(h.name, '.', 1)),
		count(*) FILTER (WHERE h.name NOT LIKE 'client%' AND x.actor IS NULL)
		FROM history.items AS h LEFT JOIN LATERAL yore.transaction_of(h.xid, h.valid_from) AS x ON true`)
	is(t, "versions, with their actor, without one", got, "[1260|960|300]")
	pgtest.Clean(t, plain)
}

// What one client reads as of a time no other is brought to: trap-25.
func TestBouncerAsOf(t *testing.T) {
	t.Parallel()
	dsn, kuna := currencies(t)
	through := pgtest.Bouncer(t, dsn, 2)
	ctx := context.Background()
	var all sync.WaitGroup
	// Inside a transaction describe_exec works, too.
	for _, mode := range append([]pgx.QueryExecMode{pgx.QueryExecModeDescribeExec}, poolerModes...) {
		pool := poolIn(t, through, mode)
		sqls := []*stdsql.DB{openDriver(t, through, mode, false), openDriver(t, through, mode, true)}
		expect := func(got string, err error, want string) {
			if err != nil || got != want {
				t.Errorf("%s: %q, not %q: %v", mode, got, want, err)
			}
		}
		for client := range 12 {
			all.Add(1)
			go func() {
				defer all.Done()
				for range 10 {
					if client%3 == 0 {
						if mode == pgx.QueryExecModeDescribeExec {
							continue
						}
						got, err := nameOf(ctx, pool)
						expect(got, err, "euro")
						continue
					}
					at, want := kuna, "kuna"
					if client%3 == 1 {
						at, want = time.Time{}, "euro"
					}
					var got string
					err := yore.AsOf(ctx, pool, at, func(tx pgx.Tx) (err error) { got, err = nameOf(ctx, tx); return err }, yore.RequireTracked("currencies"))
					expect(got, err, want)
					err = yore.AsOfSQL(ctx, sqls[client%2], at, func(tx *stdsql.Tx) error { return tx.QueryRow(selectName, "HR").Scan(&got) })
					expect(got, err, want)
				}
			}()
		}
	}
	all.Wait()
}

// Immutable tables are written to, conflicts and savepoints included.
func TestBouncerImmutable(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	plain := pgtest.Connect(t, dsn)
	pgtest.Exec(t, plain, "SELECT yore.create_immutable_table('notes', 'title text NOT NULL UNIQUE')")
	through := pgtest.Bouncer(t, dsn, 2)
	type note struct {
		yore.Meta
		Title string
	}
	notes := yore.Immutable[note]("notes")
	ctx := yore.WithActor(context.Background(), "ana")
	for _, mode := range poolerModes {
		pool := yore.NewPool(poolIn(t, through, mode))
		n, err := notes.Insert(ctx, pool, note{Title: mode.String()})
		ok(t, err)
		ok(t, pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			if _, err := notes.Insert(ctx, tx, note{Title: mode.String()}); !errors.Is(err, yore.ErrInvalid) {
				t.Errorf("%s: a second: %v", mode, err)
			}
			stale := n
			n, err = notes.Update(ctx, tx, n, yore.Changes{"title": n.Title + " 2"})
			if err != nil {
				return err
			}
			if _, err := notes.Update(ctx, tx, stale, yore.Changes{"title": "no"}); !errors.Is(err, yore.ErrConflict) {
				t.Errorf("%s: a stale one: %v", mode, err)
			}
			return nil
		}))
		_, err = notes.Delete(ctx, pool, n)
		ok(t, err)
		_, err = notes.Undelete(ctx, pool, n.EntityID)
		ok(t, err)
		is(t, mode.String(), pgtest.Rows(t, plain, "SELECT count(*), count(x.actor) FROM history.notes AS h LEFT JOIN LATERAL yore.transaction_of(h.xid, h.valid_from) AS x ON true WHERE entity_id = $1::uuid", n.EntityID.String()), "[4|4]")
	}
	pgtest.Clean(t, plain)
}
