package goosego

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"

	"yore.example/yore"
)

func init() { goose.AddMigrationContext(upAmounts, downAmounts) }

func upAmounts(ctx context.Context, tx *sql.Tx) error {
	db := yore.Wrap(tx)
	if err := yore.AlterTable(ctx, db, "customers", "RENAME COLUMN name TO full_name", yore.AlterOptions{}); err != nil {
		return err
	}
	return yore.AlterTable(ctx, db, "orders", "ALTER COLUMN amount TYPE numeric(12, 2) USING replace(amount, ',', '.')::numeric", yore.AlterOptions{})
}

func downAmounts(ctx context.Context, tx *sql.Tx) error {
	db := yore.Wrap(tx)
	if err := yore.AlterTable(ctx, db, "orders", "ALTER COLUMN amount TYPE text USING replace(amount::text, '.', ',')", yore.AlterOptions{}); err != nil {
		return err
	}
	return yore.AlterTable(ctx, db, "customers", "RENAME COLUMN full_name TO name", yore.AlterOptions{})
}
