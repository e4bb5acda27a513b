package shop

import (
	"context"

	"gorm.io/gorm"

	"yore.example/yore"
)

// Setup makes the tables and keeps their past from now on. It runs once, as the
// first migration does. gorm.Model has a column deleted_at; with the prefix,
// what history adds is called sys_deleted_at.
func Setup(ctx context.Context, db *gorm.DB) error {
	return db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := tx.AutoMigrate(&Customer{}, &Order{}, &Address{}, &Tag{}); err != nil {
			return err
		}
		conn := yore.Wrap(tx.Statement.ConnPool)
		for _, table := range []string{"customers", "orders", "addresses", "tags", "customer_tags"} {
			if err := yore.Track(ctx, conn, table, yore.TrackOptions{Prefix: "sys_"}); err != nil {
				return err
			}
		}
		return nil
	})
}
