package shop_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"yore.example/yore"
	shop "yore.example/yore/integrations/gorm"
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
	sqlDB := sql.OpenDB(yore.NewConnector(stdlib.GetConnector(*config)))
	t.Cleanup(func() { sqlDB.Close() })
	db, err := gorm.Open(postgres.New(postgres.Config{Conn: sqlDB}), &gorm.Config{Logger: &said{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := shop.Setup(context.Background(), db); err != nil {
		t.Fatal(err)
	}
	tag := shop.Tag{Name: "a"}
	if err := db.WithContext(yore.WithActor(context.Background(), "ann")).Create(&tag).Error; err != nil || tag.ID != 1 {
		t.Fatal(tag, err)
	}
	if err := db.WithContext(yore.WithActor(context.Background(), "bob")).Model(&tag).Update("name", "b").Error; err != nil {
		t.Fatal(err)
	}
	have := pgtest.Rows(t, pgtest.Connect(t, dsn), "SELECT h.name, t.actor FROM history.tags h LEFT JOIN yore.transaction t ON t.xid = h.sys_xid ORDER BY h.sys_version")
	if diff := cmp.Diff([]string{"a|ann", "b|bob"}, have); diff != "" {
		t.Errorf("(-want +have)\n%s", diff)
	}
}
