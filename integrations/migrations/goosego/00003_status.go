package goosego

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"

	"yore.example/yore"
)

func init() { goose.AddMigrationContext(upStatus, downStatus) }

func upStatus(ctx context.Context, tx *sql.Tx) error {
	err := yore.AlterTable(ctx, yore.Wrap(tx), "orders",
		"ADD COLUMN status text NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'paid', 'sent'))", yore.AlterOptions{})
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "SELECT yore.create_index('orders', '(customer_id, status)')")
	return err
}

func downStatus(ctx context.Context, tx *sql.Tx) error {
	return yore.AlterTable(ctx, yore.Wrap(tx), "orders", "DROP COLUMN status", yore.AlterOptions{})
}
