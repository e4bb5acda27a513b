package goosego

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"

	"yore.example/yore"
)

func init() { goose.AddMigrationContext(upUntracked, downUntracked) }

func upUntracked(ctx context.Context, tx *sql.Tx) error {
	return yore.Untrack(ctx, yore.Wrap(tx), "customers", yore.KeepHistory)
}

func downUntracked(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `
DROP VIEW history.customers;
CREATE SCHEMA IF NOT EXISTS archive;
ALTER TABLE temporal.customers_past SET SCHEMA archive`)
	if err != nil {
		return err
	}
	if err := yore.Track(ctx, yore.Wrap(tx), "customers", yore.TrackOptions{}); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "SELECT yore.grant_history('customers', 'shop')")
	return err
}
