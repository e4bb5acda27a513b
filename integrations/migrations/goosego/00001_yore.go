package goosego

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"

	"yore.example/yore"
)

func init() { goose.AddMigrationContext(upYore, nil) }

func upYore(ctx context.Context, tx *sql.Tx) error {
	return yore.Install(ctx, yore.Wrap(tx))
}
