package shop

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"

	"yore.example/yore"
)

// AsOf runs fn with a handle whose queries see the tracked tables as of t. As in
// GORM's Transaction, db goes on in the present, and what it was narrowed to holds
// for fn's handle, too.
func AsOf(ctx context.Context, db *gorm.DB, t time.Time, fn func(db *gorm.DB) error, opts ...yore.AsOfOption) error {
	pool, err := db.DB()
	if err != nil {
		return err
	}
	return yore.AsOfSQL(ctx, pool, t, func(tx *sql.Tx) error {
		then := db.WithContext(ctx)
		then.Statement.ConnPool = tx
		return fn(then)
	}, opts...)
}
