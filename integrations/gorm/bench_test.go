package shop_test

import (
	"context"
	"testing"

	"gorm.io/gorm"

	shop "yore.example/yore/integrations/gorm"
)

// BenchmarkPreload: 50 parents and their children, now and as of a time.
func BenchmarkPreload(b *testing.B) {
	ctx := context.Background()
	for _, m := range modes {
		db, _, _, pool := tell(b, m)
		then := grow(b, pool, 50)
		load := func(db *gorm.DB) error {
			var foos []Foo
			return db.Preload("Bars").Find(&foos, "id > 3").Error
		}
		b.Run(m.name+"/now", func(b *testing.B) {
			for b.Loop() {
				if err := db.Transaction(load); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(m.name+"/as of", func(b *testing.B) {
			for b.Loop() {
				if err := shop.AsOf(ctx, db, then, load); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
