package shop

import (
	"context"

	"github.com/uptrace/bun"

	"yore.example/yore"
)

// Setup makes the tables that are missing, and keeps their past from now on. A
// model with a soft delete has a column deleted_at; with the prefix, what
// history adds is called sys_deleted_at.
func Setup(ctx context.Context, db *bun.DB) error {
	return db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		for _, model := range []any{(*Customer)(nil), (*Order)(nil), (*Address)(nil), (*Tag)(nil), (*CustomerTag)(nil)} {
			if _, err := tx.NewCreateTable().Model(model).IfNotExists().Exec(ctx); err != nil {
				return err
			}
		}
		for _, table := range []string{"customers", "orders", "addresses", "tags", "customer_tags"} {
			tracked, err := tx.NewSelect().TableExpr("yore.status()").Where("table_name = ?", table).Exists(ctx)
			if err != nil {
				return err
			}
			if tracked {
				continue
			}
			// bun's own handles fill in arguments by themselves: yore gets the one beneath.
			if err := yore.Track(ctx, yore.Wrap(tx.Tx), table, yore.TrackOptions{Prefix: "sys_"}); err != nil {
				return err
			}
		}
		return nil
	})
}
