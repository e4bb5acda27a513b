package goosego

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"
)

func init() { goose.AddMigrationNoTxContext(upIndexes, downIndexes) }

func upIndexes(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, "CREATE INDEX CONCURRENTLY purchases_ordered_on_idx ON temporal.purchases (ordered_on)")
	if err == nil {
		_, err = db.ExecContext(ctx, "CREATE INDEX CONCURRENTLY purchases_ordered_on_idx_past ON temporal.purchases_past (ordered_on)")
	}
	return err
}

func downIndexes(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, "DROP INDEX CONCURRENTLY temporal.purchases_ordered_on_idx")
	if err == nil {
		_, err = db.ExecContext(ctx, "DROP INDEX CONCURRENTLY temporal.purchases_ordered_on_idx_past")
	}
	return err
}
