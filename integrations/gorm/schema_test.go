package shop_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"yore.example/yore"
	shop "yore.example/yore/integrations/gorm"
	"yore.example/yore/internal/pgtest"
)

// What the models have become a year later: a column and an index more, another
// type and default, a table that belongs to a tracked one.
type (
	customer2 struct {
		gorm.Model
		Name     string
		Email    string     `gorm:"uniqueIndex"`
		Level    string     `gorm:"default:silver"`
		Phone    string     `gorm:"index;default:none"`
		Invoices []invoice2 `gorm:"foreignKey:CustomerID"`
		Tags     []tag2     `gorm:"many2many:customer_tags;joinForeignKey:CustomerID;joinReferences:TagID"`
	}
	tag2 struct {
		ID   uint
		Name string `gorm:"uniqueIndex"`
	}
	invoice2 struct {
		ID         uint
		CustomerID uint
		Total      int
	}
)

// customer3 has another type, and a column less.
type customer3 struct {
	ID   uint
	Name string `gorm:"type:varchar(80)"`
}

func (customer3) TableName() string { return "customers" }
func (customer2) TableName() string { return "customers" }
func (tag2) TableName() string      { return "tags" }
func (invoice2) TableName() string  { return "invoices" }

var models = []any{&shop.Customer{}, &shop.Order{}, &shop.Address{}, &shop.Tag{}}

// TestMigrate: AutoMigrate and yore get along where tables are tracked in place:
// at every start, and when the models have changed; the past goes on.
func TestMigrate(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			dsn := pgtest.DSN(t)
			db, _ := open(t, dsn, m)
			pool := pgtest.Connect(t, dsn)
			for range 2 {
				if err := shop.Migrate(ctx, db, models...); err != nil {
					t.Fatal(err)
				}
			}
			ada := shop.Customer{Name: "Ada", Email: "ada", Tags: []shop.Tag{{Name: "vip"}}}
			if err := db.Create(&ada).Error; err != nil {
				t.Fatal(err)
			}
			before := now(t, pool)
			if err := db.Model(&ada).Update("name", "Ada L.").Error; err != nil {
				t.Fatal(err)
			}
			db, _ = open(t, dsn, m) // a new program
			for range 2 {
				if err := shop.Migrate(ctx, db, &customer2{}, &tag2{}, &invoice2{}); err != nil {
					t.Fatal(err)
				}
			}
			bob := customer2{Name: "Bob", Email: "bob", Invoices: []invoice2{{Total: 5}}, Tags: []tag2{{ID: 1}}}
			if err := db.Create(&bob).Error; err != nil || bob.Phone != "none" || bob.Level != "silver" {
				t.Errorf("%+v, %v", bob, err)
			}
			if err := db.Model(&bob.Invoices[0]).Update("total", 6).Error; err != nil {
				t.Error(err)
			}
			for range 2 {
				err := shop.AsOf(ctx, db, before, func(db *gorm.DB) error {
					var then []customer2
					err := db.Preload("Tags").Preload("Invoices").Find(&then).Error
					if err != nil || len(then) != 1 || then[0].Name != "Ada" || then[0].Level != "basic" || len(then[0].Tags) != 1 || len(then[0].Invoices) != 0 {
						t.Errorf("%+v, %v", then, err)
					}
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				var have []customer2 // the same statement, in the present
				if err := db.Preload("Tags").Preload("Invoices").Order("id").Find(&have).Error; err != nil || len(have) != 2 || have[0].Name != "Ada L." || len(have[1].Invoices) != 1 {
					t.Errorf("%+v, %v", have, err)
				}
			}
			if diff := cmp.Diff([]string{"1|1|Ada|basic|∅", "1|2|Ada L.|basic|none", "2|1|Bob|silver|none"},
				pgtest.Rows(t, pool, "SELECT id, sys_version, name, level, phone FROM history.customers ORDER BY 1, 2")); diff != "" {
				t.Errorf("(-want +have)\n%s", diff)
			}
			if diff := cmp.Diff([]string{"1|5", "1|6"}, pgtest.Rows(t, pool, "SELECT id, total FROM history.invoices ORDER BY 1, 2")); diff != "" {
				t.Errorf("(-want +have)\n%s", diff)
			}
			pgtest.Clean(t, pool)
		})
	}
}

// TestAutoMigrateInPlace: without yore.Sync nothing is lost, since writes fail;
// with yore.auto_sync it needs no call.
func TestAutoMigrateInPlace(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	db, _ := open(t, dsn, mode{})
	pool := pgtest.Connect(t, dsn)
	if err := shop.Migrate(context.Background(), db, models...); err != nil {
		t.Fatal(err)
	}
	if err := db.AutoMigrate(&customer2{}); err != nil {
		t.Fatal(err)
	}
	if err := db.Create(&customer2{Email: "a"}).Error; !errors.Is(yore.Explain(err), yore.ErrNeedsSync) {
		t.Errorf("before sync: %v", err)
	}
	pgtest.Exec(t, pool, "SELECT yore.sync('customers')", "SELECT yore.auto_sync(true)")
	type tag3 struct {
		tag2
		Colour string
	}
	if err := db.Table("tags").AutoMigrate(&tag3{}); err != nil {
		t.Fatal(err)
	}
	if err := db.Table("tags").Create(&tag3{Colour: "red"}).Error; err != nil {
		t.Errorf("with auto_sync: %v", err)
	}
	if diff := cmp.Diff([]string{"red"}, pgtest.Rows(t, pool, "SELECT colour FROM history.tags")); diff != "" {
		t.Error(diff)
	}
	// A type, and a column that goes, need yore.
	if err := db.AutoMigrate(&customer3{}); !is(err, "0A000") {
		t.Errorf("a type: %v", err)
	}
	if err := db.Migrator().DropColumn(&customer3{}, "level"); !is(err, "2BP01") {
		t.Errorf("a column that goes: %v", err)
	}
	pgtest.Exec(t, pool, "SELECT yore.alter_table('customers', 'ALTER name TYPE varchar(80), DROP level')")
	if err := db.AutoMigrate(&customer3{}); err != nil {
		t.Errorf("after yore.alter_table: %v", err)
	}
	if err := db.Create(&customer3{Name: "Cy"}).Error; err != nil {
		t.Error(err)
	}
	pgtest.Clean(t, pool)
}

// TestFaces: AutoMigrate does not see a face; what does the same.
func TestFaces(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db, pool := openShop(t, mode{}, true)
	if db.Migrator().HasTable(&shop.Customer{}) || !db.Migrator().HasColumn(&shop.Customer{}, "name") {
		t.Error("GORM takes a view for a table, now")
	}
	for what, c := range map[string]struct {
		err  error
		code string
	}{
		"AutoMigrate":                       {db.AutoMigrate(&shop.Tag{}), "42P07"},
		"AddColumn":                         {db.Migrator().AddColumn(&customer2{}, "Phone"), "42809"},
		"DropColumn":                        {db.Migrator().DropColumn(&shop.Customer{}, "name"), "42809"},
		"CreateIndex":                       {db.Migrator().CreateIndex(&customer2{}, "Phone"), "42809"},
		"DropTable":                         {db.Migrator().DropTable(&shop.Tag{}), "42809"},
		"AutoMigrate of what belongs to it": {db.AutoMigrate(&invoiceOf{}), "42P07"},
	} {
		if !is(c.err, c.code) {
			t.Errorf("%s: %v", what, c.err)
		}
	}
	pgtest.Clean(t, pool)

	// Each of them through yore.
	sql, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	if err := yore.AlterTable(ctx, yore.Wrap(sql), "customers", "ADD COLUMN phone text DEFAULT 'none'", yore.AlterOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"SELECT yore.create_index('customers', '(phone)', 'idx_customers_phone')", "SELECT yore.drop_table('addresses')"} {
		if err := db.Exec(s).Error; err != nil {
			t.Error(err)
		}
	}

	// Columns and indexes of one table, by AutoMigrate on the table beneath.
	alone := db.Session(&gorm.Session{})
	alone.IgnoreRelationshipsWhenMigrating = true
	err = alone.Transaction(func(tx *gorm.DB) error {
		if err := tx.Table("temporal.customers").AutoMigrate(&customer2{}); err != nil {
			return err
		}
		return yore.Sync(ctx, yore.Wrap(tx.Statement.ConnPool), "customers")
	})
	if err != nil {
		t.Fatal(err)
	}
	bob := customer2{Email: "bob"}
	if err := db.Create(&bob).Error; err != nil || bob.Level != "silver" || bob.Phone != "none" {
		t.Errorf("%+v, %v", bob, err)
	}

	// A plain table that refers to a tracked one.
	if err := alone.AutoMigrate(&invoice2{}); err != nil {
		t.Fatal(err)
	}
	if err := db.Exec("SELECT yore.add_foreign_key('invoices', '{customer_id}', 'customers')").Error; err != nil {
		t.Fatal(err)
	}
	if err := db.Create(&invoice2{CustomerID: 77}).Error; !is(err, "23503") {
		t.Errorf("a foreign key: %v", err)
	}
	pgtest.Clean(t, pool)
}

// invoiceOf belongs to a customer, so AutoMigrate looks for that.
type invoiceOf struct {
	ID         uint
	CustomerID uint
	Customer   shop.Customer
}

func is(err error, code string) bool {
	var e interface{ SQLState() string }
	return errors.As(err, &e) && e.SQLState() == code
}
