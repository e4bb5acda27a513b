package ent

import (
	"context"
	"database/sql"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"yore.example/yore"
	"yore.example/yore/integrations/ent/ent"
)

// AsOf runs fn with a client that sees tracked tables as they were at t. The
// client, and the entities that it loads, are good until fn returns.
func AsOf(ctx context.Context, db *sql.DB, t time.Time, fn func(*ent.Client) error, opts ...yore.AsOfOption) error {
	return yore.AsOfSQL(ctx, db, t, func(tx *sql.Tx) error {
		conn := entsql.NewDriver(dialect.Postgres, entsql.Conn{ExecQuerier: tx})
		return fn(ent.NewClient(ent.Driver(inTx{conn})))
	}, opts...)
}

// inTx is the driver of a transaction: ent's own would take it for a *sql.DB, and
// panic, at a mutation, which is to be refused as one as of a time.
type inTx struct{ *entsql.Driver }

func (d inTx) Tx(context.Context) (dialect.Tx, error) { return dialect.NopTx(d), nil }
