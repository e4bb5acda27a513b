package shop

import (
	"context"
	"database/sql"
	"time"

	"github.com/uptrace/bun"

	"yore.example/yore"
)

// AsOf runs fn with a handle whose queries see the tracked tables as of t; db
// goes on in the present.
func AsOf(ctx context.Context, db *bun.DB, t time.Time, fn func(tx bun.Tx) error, opts ...yore.AsOfOption) error {
	b := &beginner{db: db}
	return yore.AsOfSQL(ctx, b, t, func(*sql.Tx) error { return fn(b.tx) }, opts...)
}

// A beginner keeps bun's handle on the transaction that it begins.
type beginner struct {
	db *bun.DB
	tx bun.Tx
}

func (b *beginner) BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error) {
	tx, err := b.db.BeginTx(ctx, opts)
	b.tx = tx
	return tx.Tx, err
}
