package shop_test

import (
	"database/sql"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"yore.example/yore"
	shop "yore.example/yore/integrations/bun"
	"yore.example/yore/internal/pgtest"
)

// TestActor: a write carries who and why from its context.
func TestActor(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	db := bun.NewDB(sql.OpenDB(yore.NewConnector(stdlib.GetConnector(*config))), pgdialect.New())
	t.Cleanup(func() { db.Close() })
	db.RegisterModel((*shop.CustomerTag)(nil))
	if err := shop.Setup(ctx, db); err != nil {
		t.Fatal(err)
	}
	tag := &shop.Tag{Name: "a"}
	if _, err := db.NewInsert().Model(tag).Exec(yore.WithActor(ctx, "ann")); err != nil || tag.ID != 1 {
		t.Fatal(tag, err)
	}
	if _, err := db.NewUpdate().Model(&shop.Tag{ID: 1, Name: "b"}).WherePK().Exec(yore.WithActor(ctx, "bob")); err != nil {
		t.Fatal(err)
	}
	have := pgtest.Rows(t, pgtest.Connect(t, dsn), "SELECT h.name, t.actor FROM history.tags h LEFT JOIN yore.transaction t ON t.xid = h.sys_xid ORDER BY h.sys_version")
	if diff := cmp.Diff([]string{"a|ann", "b|bob"}, have); diff != "" {
		t.Errorf("(-want +have)\n%s", diff)
	}
}
