package yore_test

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// A tripCounter counts the round trips of the connections that it dials: how
// often a client that has sent something goes on to read.
type tripCounter struct{ trips atomic.Int64 }

type countingConn struct {
	net.Conn
	counter *tripCounter
	mu      sync.Mutex
	sent    bool
}

func (c *countingConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.sent = true
	c.mu.Unlock()
	return c.Conn.Write(b)
}

func (c *countingConn) Read(b []byte) (int, error) {
	c.mu.Lock()
	if c.sent {
		c.sent = false
		c.counter.trips.Add(1)
	}
	c.mu.Unlock()
	return c.Conn.Read(b)
}

func (n *tripCounter) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &countingConn{Conn: conn, counter: n}, nil
}

// of returns how many round trips do takes once it has been done before.
func (n *tripCounter) of(t testing.TB, do func() error) int64 {
	t.Helper()
	for range 2 { // statements are prepared at the first
		ok(t, do())
	}
	before := n.trips.Load()
	ok(t, do())
	return n.trips.Load() - before
}

func countedPool(t testing.TB, dsn string, mode pgx.QueryExecMode) (*pgxpool.Pool, *tripCounter) {
	t.Helper()
	var n tripCounter
	return poolIn(t, dsn, mode, func(c *pgxpool.Config) {
		c.MaxConns = 1
		c.ConnConfig.DialFunc = n.dial
		c.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return false }
	}), &n
}

// AsOf around a query takes the round trips of a transaction around it: going to
// the time is sent with BEGIN.
func TestAsOfRoundTrips(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dsn, kuna := currencies(t)
	for _, mode := range modes {
		pool, n := countedPool(t, dsn, mode)
		query := func(tx pgx.Tx) error { _, err := nameOf(ctx, tx); return err }
		alone := n.of(t, func() error { _, err := nameOf(ctx, pool); return err })
		plain := n.of(t, func() error {
			tx, err := pool.Begin(ctx)
			if err != nil {
				return err
			}
			defer func() { _ = tx.Rollback(ctx) }()
			return query(tx)
		})
		asOf := n.of(t, func() error { return yore.AsOf(ctx, pool, kuna, query) })
		is(t, mode.String()+": AsOf in a pool", asOf, plain)
		is(t, mode.String()+": BEGIN and ROLLBACK", plain, alone+2)

		required := n.of(t, func() error {
			return yore.AsOf(ctx, pool, kuna, query, yore.RequireTracked("currencies", "currencies"))
		})
		want := int64(1)
		if mode == pgx.QueryExecModeDescribeExec {
			want = 2
		}
		is(t, mode.String()+": RequireTracked", required-asOf, want)

		ok(t, pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
			is(t, mode.String()+": AsOf on a connection", n.of(t, func() error { return yore.AsOf(ctx, c.Conn(), kuna, query) }), plain)
			return nil
		}))
		is(t, mode.String()+": AsOf in a yore.Pool", n.of(t, func() error { return yore.AsOf(yore.WithActor(ctx, "ana"), yore.NewPool(pool), kuna, query) }), plain)
	}
}

// AtTime around a write takes the round trips of a transaction around it.
func TestAtTimeRoundTrips(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	pgtest.Exec(t, pgtest.Connect(t, dsn), itemsTable, "SELECT yore.track('items')")
	ctx := yore.WithActor(context.Background(), "ana")
	for m, mode := range modes {
		pool, n := countedPool(t, dsn, mode)
		id := 1000 * m
		write := func(tx pgx.Tx) error {
			id++
			_, err := tx.Exec(ctx, "INSERT INTO items VALUES ($1, 'a')", id)
			return err
		}
		plain := n.of(t, func() error { return pgx.BeginFunc(ctx, pool, write) })
		is(t, mode.String()+": AtTime in a pool", n.of(t, func() error { return yore.AtTime(ctx, pool, date(2001, 1, 1), write) }), plain)
		is(t, mode.String()+": AtTime in a yore.Pool", n.of(t, func() error { return yore.AtTime(ctx, yore.NewPool(pool), date(2001, 1, 1), write) }), plain)
		ok(t, pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
			is(t, mode.String()+": AtTime on a connection", n.of(t, func() error { return yore.AtTime(ctx, c.Conn(), date(2001, 1, 1), write) }), plain)
			return nil
		}))
	}
}

// What is said of a transaction takes no round trip.
func TestContextRoundTrips(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	pgtest.Exec(t, pgtest.Connect(t, dsn), itemsTable, "SELECT yore.track('items')", "INSERT INTO items SELECT g, 'a' FROM generate_series(1, 9) AS g")
	ctx := yore.WithActor(context.Background(), "ana")
	for _, mode := range modes {
		plain, n := countedPool(t, dsn, mode)
		carrying := yore.NewPool(plain)
		i := 0
		for name, do := range map[string]func(db beginner) error{
			"Exec": func(db beginner) error {
				i++
				_, err := db.Exec(ctx, "UPDATE items SET n = $1 WHERE id = 1", i)
				return err
			},
			"Text": func(db beginner) error {
				_, err := db.Exec(ctx, "UPDATE items SET name = name || 'x' WHERE id = 2")
				return err
			},
			"QueryRow": func(db beginner) error {
				return db.QueryRow(ctx, "UPDATE items SET name = name || $1 WHERE id = 3 RETURNING id", "x").Scan(new(int))
			},
			"Batch": func(db beginner) error {
				var b pgx.Batch
				b.Queue("UPDATE items SET name = name || $1 WHERE id = 4", "x")
				b.Queue("SELECT name FROM items")
				return db.SendBatch(ctx, &b).Close()
			},
			"WritingTx": func(db beginner) error {
				return pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
					_, err := tx.Exec(ctx, "UPDATE items SET name = name || $1 WHERE id = 5", "x")
					return err
				})
			},
			"ReadingTx": func(db beginner) error {
				return pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error { return tx.QueryRow(ctx, "SELECT count(*) FROM items").Scan(new(int)) })
			},
		} {
			want := n.of(t, func() error { return do(plain) })
			is(t, mode.String()+": "+name, n.of(t, func() error { return do(carrying) }), want)
		}
	}
}
