//go:build linux || darwin

package libpq

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// Through PgBouncer in transaction mode each of lib/pq's clients has its own
// words.
func TestPQBouncer(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	plain := pgtest.Connect(t, dsn)
	pgtest.Exec(t, plain, "CREATE TABLE items (id int PRIMARY KEY, name text)", "SELECT yore.track('items', squash => false)")
	db := open(t, pgtest.Bouncer(t, dsn, 2)+"&binary_parameters=yes", true)
	var all sync.WaitGroup
	for id := range 10 {
		all.Add(1)
		go func() {
			defer all.Done()
			ctx := yore.WithActor(context.Background(), fmt.Sprint("client ", id))
			for i := range 20 {
				if _, err := db.ExecContext(ctx, "INSERT INTO items VALUES ($1, $2)", 100*id+i, fmt.Sprint("client ", id)); err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
	all.Wait()
	got := pgtest.Rows(t, plain, `SELECT count(*), count(*) FILTER (WHERE x.actor = h.name)
		FROM history.items AS h LEFT JOIN LATERAL yore.transaction_of(h.xid, h.valid_from) AS x ON true`)
	if len(got) != 1 || got[0] != "200|200" {
		t.Errorf("versions, and those with their actor: %q", got)
	}
}
