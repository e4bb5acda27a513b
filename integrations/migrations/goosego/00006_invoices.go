package goosego

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"

	"yore.example/yore"
)

func init() { goose.AddMigrationContext(upInvoices, downInvoices) }

func upInvoices(ctx context.Context, tx *sql.Tx) error {
	err := yore.CreateImmutable(ctx, yore.Wrap(tx), "invoices", `
		purchase_id bigint NOT NULL REFERENCES purchases (id),
		number      text NOT NULL UNIQUE,
		total       numeric(12, 2) NOT NULL`, yore.TrackOptions{})
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
CREATE INDEX ON temporal.invoices (purchase_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON invoices TO shop;
SELECT yore.grant_history('invoices', 'shop')`)
	return err
}

func downInvoices(ctx context.Context, tx *sql.Tx) error {
	return yore.DropTable(ctx, yore.Wrap(tx), "invoices", yore.DropHistory)
}
