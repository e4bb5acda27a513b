package ent_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"yore.example/yore"
	"yore.example/yore/integrations/ent/ent"
	"yore.example/yore/integrations/ent/ent/customer"
	"yore.example/yore/internal/pgtest"
)

// counting counts the statements that go through it.
type counting struct {
	entsql.ExecQuerier
	n *int
}

func (c counting) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	*c.n++
	return c.ExecQuerier.ExecContext(ctx, query, args...)
}

func (c counting) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	*c.n++
	return c.ExecQuerier.QueryContext(ctx, query, args...)
}

// parents makes 400 customers with 20 orders each, every one of two versions, and
// returns a time when the first was current.
func parents(t testing.TB) (database, time.Time) {
	t.Helper()
	d := shop(t)
	pgtest.Exec(t, d.pool, "CREATE INDEX ON orders (customer_id)", trackShop,
		"INSERT INTO customers (name, email, visits, updated_at) SELECT i, i, 0, now() FROM generate_series(1, 400) AS i",
		"INSERT INTO orders (amount, customer_id) SELECT i, 1 + i % 400 FROM generate_series(1, 8000) AS i")
	at := d.now(t)
	pgtest.Exec(t, d.pool, "UPDATE customers SET visits = 1", "UPDATE orders SET amount = -amount", "VACUUM ANALYZE")
	return d, at
}

func preload(ctx context.Context, c *ent.Client) []*ent.Customer {
	return c.Customer.Query().Where(customer.IDLTE(50)).WithOrders().AllX(ctx)
}

// TestPreloadIsTwoQueries: 50 parents' children as of a time are two queries.
func TestPreloadIsTwoQueries(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, at := parents(t)
	n := 0
	err := yore.AsOfSQL(ctx, d.db, at, func(tx *sql.Tx) error {
		c := ent.NewClient(ent.Driver(entsql.NewDriver(dialect.Postgres, entsql.Conn{ExecQuerier: counting{tx, &n}})))
		all := preload(ctx, c)
		if len(all) != 50 {
			t.Errorf("%d parents", len(all))
		}
		for _, one := range all {
			if len(one.Edges.Orders) != 20 || one.Visits != 0 || one.Edges.Orders[0].Amount <= 0 {
				t.Errorf("%v with %v", one, one.Edges.Orders)
			}
		}
		return nil
	})
	if err != nil || n != 2 {
		t.Errorf("%d queries, %v", n, err)
	}
}

// BenchmarkPreload reports how much longer a preload of 50 parents' children takes
// as of a time than in the present: the queries alone, and with the transaction of
// AsOf in which they are.
func BenchmarkPreload(b *testing.B) {
	ctx := context.Background()
	d, at := parents(b)
	timed := func(fn func()) time.Duration {
		start := time.Now()
		fn()
		return time.Since(start)
	}
	preload(ctx, d.client)
	var present, past, whole time.Duration
	for b.Loop() {
		present += timed(func() { preload(ctx, d.client) })
		whole += timed(func() {
			d.at(b, at, func(ctx context.Context, c *ent.Client) { past += timed(func() { preload(ctx, c) }) })
		})
	}
	b.ReportMetric(float64(past)/float64(present), "past/present")
	b.ReportMetric(float64(whole)/float64(present), "AsOf/present")
}
