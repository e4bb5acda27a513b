package shop_test

import (
	"context"
	"testing"

	"github.com/uptrace/bun"

	shop "yore.example/yore/integrations/bun"
	"yore.example/yore/internal/pgtest"
)

// BenchmarkPreload: 50 parents and their children, now and as of a time.
func BenchmarkPreload(b *testing.B) {
	for name, mode := range modes {
		db, _, _, pool := tell(b, mode)
		grow(b, pool, 50)
		then := now(b, pool)
		pgtest.Exec(b, pool, "UPDATE foos SET name = 'now'", "UPDATE bars SET name = 'now'", "ANALYZE")
		load := func(tx bun.Tx) error {
			var foos []*foo
			return tx.NewSelect().Model(&foos).Relation("Bars").Where("foo.id > 3").Scan(ctx)
		}
		b.Run(name+"/now", func(b *testing.B) {
			for b.Loop() {
				if err := db.RunInTx(ctx, nil, func(_ context.Context, tx bun.Tx) error { return load(tx) }); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/as of", func(b *testing.B) {
			for b.Loop() {
				if err := shop.AsOf(ctx, db, then, load); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
