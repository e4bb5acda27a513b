package ent_test

import (
	"context"
	"database/sql"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"yore.example/yore"
	"yore.example/yore/integrations/ent/ent"
	"yore.example/yore/integrations/ent/ent/customer"
	"yore.example/yore/internal/pgtest"
)

// TestWhoAndWhy: a write through ent says who makes it and why, in a transaction
// or outside, by statements of every kind; a read says nothing.
func TestWhoAndWhy(t *testing.T) {
	t.Parallel()
	d := shop(t)
	pgtest.Exec(t, d.pool, trackShop)
	config, err := pgx.ParseConfig(d.pool.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(yore.NewConnector(stdlib.GetConnector(*config)))
	t.Cleanup(func() { db.Close() })
	client := ent.NewClient(ent.Driver(entsql.OpenDB(dialect.Postgres, db)))
	as := func(why string) context.Context {
		return yore.WithReason(yore.WithActor(context.Background(), "ana"), why)
	}

	made := named(client.Customer.Create(), "ada").SaveX(as("create"))
	client.Customer.CreateBulk(named(client.Customer.Create(), "bob")).ExecX(as("bulk"))
	client.Customer.UpdateOne(made).AddVisits(1).ExecX(as("update one"))
	client.Customer.Update().Where(customer.Name("bob")).AddVisits(1).ExecX(as("update"))
	named(client.Customer.Create(), "bob").SetVisits(7).OnConflictColumns(customer.FieldEmail).UpdateNewValues().ExecX(as("upsert"))
	client.Boo.Create().SetName("b").AddMoos(client.Moo.Create().SetName("m").SaveX(as("moo"))).ExecX(as("link"))
	ctx := as("transaction")
	tx, err := client.Tx(ctx)
	if err != nil {
		t.Fatal(err)
	}
	tx.Customer.Update().AddVisits(1).ExecX(ctx)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	client.Customer.DeleteOneID(made.ID).ExecX(as("delete"))
	client.Customer.Query().AllX(as("read"))

	want := []string{"customers ada 1 create", "customers bob 1 bulk", "customers ada 2 update one", "customers bob 2 update", "customers bob 3 upsert",
		"moos m 1 moo", "boos b 1 link", "boos_moos 1-1 1 link", "customers ada 3 transaction", "customers bob 4 transaction", "customers ada 4 delete"}
	got := pgtest.Rows(t, d.pool, `
SELECT concat_ws(' ', v.what, v.version, x.reason) FROM (
  SELECT 'customers ' || name AS what, version, xid, coalesce(deleted_at, valid_from) AS since FROM history.customers
  UNION ALL SELECT 'moos ' || name, version, xid, valid_from FROM history.moos
  UNION ALL SELECT 'boos ' || name, version, xid, valid_from FROM history.boos
  UNION ALL SELECT 'boos_moos ' || boo_id || '-' || moo_id, version, xid, valid_from FROM history.boos_moos) AS v
JOIN yore.transaction AS x ON x.xid = v.xid AND x.actor = 'ana' ORDER BY v.since, v.what`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got := pgtest.Rows(t, d.pool, "SELECT count(*) FROM yore.transaction"); got[0] != "9" {
		t.Errorf("%s transactions, of 9 that write", got)
	}
	pgtest.Clean(t, d.pool)
}
