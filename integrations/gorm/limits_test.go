package shop_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"yore.example/yore"
	shop "yore.example/yore/integrations/gorm"
	"yore.example/yore/internal/pgtest"
)

// past is the time of a customer Ada with an order, both gone since.
func past(t *testing.T, m mode) (*gorm.DB, time.Time, string) {
	t.Helper()
	dsn := pgtest.DSN(t)
	db, _ := open(t, dsn, m)
	if err := shop.Setup(context.Background(), db); err != nil {
		t.Fatal(err)
	}
	ada := shop.Customer{Name: "Ada", Email: "ada", Orders: []shop.Order{{Amount: 1}}}
	if err := db.Create(&ada).Error; err != nil {
		t.Fatal(err)
	}
	then := now(t, pgtest.Connect(t, dsn))
	if err := db.Unscoped().Select("Orders").Delete(&ada).Error; err != nil {
		t.Fatal(err)
	}
	return db, then, dsn
}

// TestNotAsOf: what a handle as of a time refuses, and the way round.
func TestNotAsOf(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			db, then, dsn := past(t, m)
			asOf := func(fn func(db *gorm.DB) error) error { return shop.AsOf(ctx, db, then, fn) }
			var ada shop.Customer

			// A write of a tracked table, 55000: what there was cannot be updated; of
			// another, and a lock, 25006: the transaction is read-only.
			for what, write := range map[string]func(db *gorm.DB) error{
				"Create":        func(db *gorm.DB) error { return db.Create(&shop.Tag{Name: "x"}).Error },
				"Save":          func(db *gorm.DB) error { return errors.Join(db.First(&ada).Error, db.Save(&ada).Error) },
				"FirstOrCreate": func(db *gorm.DB) error { return db.FirstOrCreate(&shop.Tag{}, shop.Tag{Name: "x"}).Error },
				"plain":         func(db *gorm.DB) error { return db.Exec("CREATE TABLE x ()").Error },
				"FOR UPDATE":    func(db *gorm.DB) error { return db.Clauses(clause.Locking{Strength: "UPDATE"}).First(&ada).Error },
				"FOR SHARE":     func(db *gorm.DB) error { return db.Clauses(clause.Locking{Strength: "SHARE"}).First(&ada).Error },
			} {
				code := "55000"
				if strings.HasPrefix(what, "FOR ") || what == "plain" {
					code = "25006"
				}
				if err := asOf(write); !is(err, code) {
					t.Errorf("%s: %v", what, err)
				}
			}
			// FirstOrInit reads alone; of what is there, FirstOrCreate, too.
			if err := asOf(func(db *gorm.DB) error {
				return errors.Join(db.FirstOrInit(&shop.Tag{}, shop.Tag{Name: "x"}).Error, db.FirstOrCreate(&ada, "email = ?", "ada").Error)
			}); err != nil || ada.Name != "Ada" {
				t.Errorf("FirstOrInit, FirstOrCreate: %v", err)
			}
			// What was then, written now: outside.
			ada = shop.Customer{}
			err := asOf(func(then *gorm.DB) error { return then.Preload("Orders").First(&ada).Error })
			if err := errors.Join(err, db.Create(&ada).Error); err != nil || len(ada.Orders) != 1 {
				t.Errorf("what was then, now: %+v, %v", ada, err)
			}

			// The schema in the name: YO010, with a hint. Without it: as of then.
			qualified, _ := open(t, dsn, m, func(c *gorm.Config) { c.NamingStrategy = schema.NamingStrategy{TablePrefix: "public."} })
			for what, read := range map[string]func(db *gorm.DB) error{
				"Table": func(db *gorm.DB) error { return db.Table("public.customers").First(&ada).Error },
				"Raw":   func(db *gorm.DB) error { return db.Raw("SELECT * FROM public.customers").Scan(&ada).Error },
				"TablePrefix": func(db *gorm.DB) error {
					return shop.AsOf(ctx, qualified, then, func(db *gorm.DB) error { return db.First(&ada).Error })
				},
			} {
				err := asOf(read)
				var e *yore.Error
				if !errors.Is(yore.Explain(err), yore.ErrPresent) || !errors.As(yore.Explain(err), &e) || e.Hint == "" {
					t.Errorf("%s: %v", what, err)
				}
			}

			// The error of one query ends the transaction, as ever; a nested one keeps it.
			if err := asOf(func(db *gorm.DB) error {
				inner := db.Transaction(func(tx *gorm.DB) error { return tx.Create(&shop.Tag{Name: "x"}).Error })
				if !is(inner, "55000") {
					t.Errorf("in a savepoint: %v", inner)
				}
				return db.Model(&shop.Customer{}).First(&shop.Customer{}).Error
			}); err != nil {
				t.Errorf("after a savepoint: %v", err)
			}
			// Goroutines share one connection, which is GORM's rule for a transaction;
			// two times at once are two transactions.
			if err := asOf(func(one *gorm.DB) error {
				return shop.AsOf(ctx, one, time.Time{}, func(two *gorm.DB) error {
					var n, m int64
					err := errors.Join(one.Model(&shop.Customer{}).Count(&n).Error, two.Unscoped().Model(&shop.Customer{}).Where("id <> ?", ada.ID).Count(&m).Error)
					if n != 1 || m != 0 {
						t.Errorf("%d then, %d now", n, m)
					}
					return err
				})
			}); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNotThroughTheFace: what a view does not do, and the way round.
func TestNotThroughTheFace(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db, pool := openShop(t, mode{}, true)
	if err := db.Create(&shop.Tag{Name: "a"}).Error; err != nil {
		t.Fatal(err)
	}

	// A conflict is named by its columns, not by its constraint or on the table beneath.
	upsert := func(db *gorm.DB, c clause.OnConflict) error {
		c.DoUpdates = clause.AssignmentColumns([]string{"name"})
		return db.Clauses(c).Create(&shop.Tag{ID: 1, Name: "b"}).Error
	}
	if err := upsert(db, clause.OnConflict{OnConstraint: "tags_pkey"}); !is(err, "42704") {
		t.Errorf("OnConstraint: %v", err)
	}
	if err := errors.Join(upsert(db, clause.OnConflict{Columns: []clause.Column{{Name: "id"}}}),
		upsert(db.Table("temporal.tags"), clause.OnConflict{OnConstraint: "tags_pkey"})); err != nil {
		t.Error(err)
	}

	// TRUNCATE: DELETE.
	if err := db.Exec("TRUNCATE tags").Error; !is(err, "42809") {
		t.Errorf("TRUNCATE: %v", err)
	}
	if err := db.Where("true").Delete(&shop.Tag{}).Error; err != nil {
		t.Error(err)
	}

	// COPY: into the table beneath.
	pool2, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pool2.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	copyTo := func(table ...string) error {
		return conn.Raw(func(c any) error {
			_, err := c.(*stdlib.Conn).Conn().CopyFrom(ctx, table, []string{"name"}, &names{"x", "y"})
			return err
		})
	}
	if err := copyTo("tags"); !is(err, "42809") {
		t.Errorf("COPY: %v", err)
	}
	if err := copyTo("temporal", "tags"); err != nil {
		t.Error(err)
	}
	if have := pgtest.Rows(t, pool, "SELECT count(*), count(DISTINCT id) FROM history.tags"); have[0] != "5|3" {
		t.Error(have)
	}
	pgtest.Clean(t, pool)
}

// names are rows for COPY.
type names []string

func (n *names) Next() bool             { return len(*n) > 0 }
func (n *names) Err() error             { return nil }
func (n *names) Values() ([]any, error) { v := (*n)[0]; *n = (*n)[1:]; return []any{v}, nil }

// TestPrefix: gorm.Model's deleted_at needs the prefix; yore says so, and
// changes nothing.
func TestPrefix(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db, _ := openShop(t, mode{}, false)
	sql, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	err = yore.Track(ctx, yore.Wrap(sql), "customers", yore.TrackOptions{})
	var e *yore.Error
	if !errors.Is(err, yore.ErrName) || !errors.As(err, &e) || e.Hint == "" {
		t.Errorf("%v", err)
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		t.Errorf("%T", err)
	}
	if err := db.Create(&shop.Customer{Email: "a"}).Error; err != nil {
		t.Error(err)
	}
	if err := yore.Track(ctx, yore.Wrap(sql), "customers", yore.TrackOptions{Prefix: "sys_"}); err != nil {
		t.Error(err)
	}
}

// TestUpdatedAtAlone: GORM sets updated_at at every Save; alone it makes no
// version, unless full_journal says so.
func TestUpdatedAtAlone(t *testing.T) {
	t.Parallel()
	db, pool := openShop(t, mode{}, true)
	ada := shop.Customer{Email: "a"}
	db.Create(&ada)
	touch := func() int64 {
		return db.Model(&ada).Update("updated_at", time.Now()).RowsAffected
	}
	count := func() string { return pgtest.Rows(t, pool, "SELECT count(*) FROM history.customers")[0] }
	if n := touch(); n != 1 || count() != "1" {
		t.Errorf("%d, %s versions", n, count())
	}
	pgtest.Exec(t, pool, "SELECT yore.track('customers', full_journal => true)")
	if n := touch(); n != 1 || count() != "2" {
		t.Errorf("full_journal: %d, %s versions", n, count())
	}
}
