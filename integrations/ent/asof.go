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

// inTx answers ent when it wants a transaction for a mutation: it is in one, and
// that is read-only.
type inTx struct{ *entsql.Driver }

func (d inTx) Tx(context.Context) (dialect.Tx, error) { return dialect.NopTx(d), nil }
