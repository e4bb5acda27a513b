package goosego

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"

	"yore.example/yore"
)

func init() { goose.AddMigrationContext(upPurchases, downPurchases) }

func upPurchases(ctx context.Context, tx *sql.Tx) error {
	db := yore.Wrap(tx)
	// What current rows have goes with the column; this leaves it to the past.
	_, err := tx.ExecContext(ctx, "UPDATE orders SET note = NULL WHERE note IS NOT NULL")
	if err != nil {
		return err
	}
	err = yore.AlterTable(ctx, db, "orders", "DROP COLUMN note, ADD FOREIGN KEY (customer_id) REFERENCES customers", yore.AlterOptions{})
	if err != nil {
		return err
	}
	return yore.RenameTable(ctx, db, "orders", "purchases")
}

func downPurchases(ctx context.Context, tx *sql.Tx) error {
	db := yore.Wrap(tx)
	if err := yore.RenameTable(ctx, db, "purchases", "orders"); err != nil {
		return err
	}
	return yore.AlterTable(ctx, db, "orders", "DROP CONSTRAINT orders_customer_id_fkey, ADD COLUMN note text", yore.AlterOptions{})
}
