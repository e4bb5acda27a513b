package shop_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	shop "yore.example/yore/integrations/gorm"
	"yore.example/yore/internal/pgtest"
)

// An outcome is what the program gets to see of a write.
type outcome struct {
	Rows  int64
	Value any
	Err   string
}

func out(tx *gorm.DB, value any) outcome {
	o := outcome{Rows: tx.RowsAffected, Value: value}
	if tx.Error != nil {
		o.Err = tx.Error.Error()
	}
	return o
}

func failed(err error, value any) outcome { return out(&gorm.DB{Error: err}, value) }

var errBack = errors.New("back")

// The writes, one after the other: each as GORM does it, and the versions that it
// leaves, as table, key, number and values; a tombstone with †.
var writes = []struct {
	name string
	do   func(db *gorm.DB) outcome
	want []string
}{
	{"Create, with RETURNING of id and default", func(db *gorm.DB) outcome {
		c := shop.Customer{Name: "Ada", Email: "ada"}
		return out(db.Create(&c), c)
	}, []string{"customers 1 v1 Ada ada basic"}},
	{"Create many", func(db *gorm.DB) outcome {
		c := []shop.Customer{{Name: "Bob", Email: "bob"}, {Name: "Cy", Email: "cy", Level: "gold"}, {Name: "Di", Email: "di"}}
		return out(db.Create(&c), c)
	}, []string{"customers 2 v1 Bob bob basic", "customers 3 v1 Cy cy gold", "customers 4 v1 Di di basic"}},
	{"CreateInBatches, with hooks", func(db *gorm.DB) outcome {
		o := make([]shop.Order, 5)
		for i := range o {
			o[i].Amount = i + 1
		}
		return out(db.CreateInBatches(o, 2), o)
	}, []string{"orders 1 v1 ∅ 1 none", "orders 2 v1 ∅ 2 none", "orders 3 v1 ∅ 3 none", "orders 4 v1 ∅ 4 none", "orders 5 v1 ∅ 5 none"}},
	{"Create with what belongs to it", func(db *gorm.DB) outcome {
		c := shop.Customer{Name: "Eve", Email: "eve", Orders: []shop.Order{{Amount: 60, Note: "soon"}}, Address: &shop.Address{Street: "Elm"}, Tags: []shop.Tag{{Name: "new"}, {Name: "vip"}}}
		return out(db.Create(&c), c)
	}, []string{"addresses 1 v1 5 Elm", "customer_tags 5,1 v1", "customer_tags 5,2 v1", "customers 5 v1 Eve eve basic", "orders 6 v1 5 60 soon", "tags 1 v1 new", "tags 2 v1 vip"}},
	{"Create from maps", func(db *gorm.DB) outcome {
		return out(db.Model(&shop.Tag{}).Create(&[]map[string]any{{"Name": "x"}, {"Name": "y"}}), nil)
	}, []string{"tags 3 v1 x", "tags 4 v1 y"}},
	{"Save of a loaded row", func(db *gorm.DB) outcome {
		var c shop.Customer
		db.First(&c, 1)
		c.Name = "Ada L."
		return out(db.Save(&c), c)
	}, []string{"customers 1 v2 Ada L. ada basic"}},
	{"Save of an unchanged row", func(db *gorm.DB) outcome {
		var c shop.Customer
		db.First(&c, 1)
		return out(db.Save(&c), c)
	}, nil},
	{"Save of a row that is not there", func(db *gorm.DB) outcome {
		o := shop.Order{ID: 90, Amount: 9}
		return out(db.Save(&o), o)
	}, []string{"orders 90 v1 ∅ 9 none"}},
	{"Update", func(db *gorm.DB) outcome {
		c := shop.Customer{}
		c.ID = 2
		return out(db.Model(&c).Update("name", "Bobby"), c)
	}, []string{"customers 2 v2 Bobby bob basic"}},
	{"Updates of a struct and of a map", func(db *gorm.DB) outcome {
		a := db.Model(&shop.Customer{}).Where("name = ?", "Cy").Updates(shop.Customer{Level: "silver"})
		b := db.Model(&shop.Customer{}).Where("name = ?", "Di").Updates(map[string]any{"level": "", "name": "Diana"})
		return outcome{Rows: a.RowsAffected*10 + b.RowsAffected, Err: fmt.Sprint(a.Error, b.Error)}
	}, []string{"customers 3 v2 Cy cy silver", "customers 4 v2 Diana di "}},
	{"Updates with RETURNING", func(db *gorm.DB) outcome {
		var c []shop.Customer
		tx := db.Model(&c).Clauses(clause.Returning{}).Where("id IN ?", []int{3, 4}).Update("level", "gold")
		slices.SortFunc(c, func(a, b shop.Customer) int { return int(a.ID) - int(b.ID) })
		return out(tx, c)
	}, []string{"customers 3 v3 Cy cy gold", "customers 4 v3 Diana di gold"}},
	{"UpdateColumn and an expression", func(db *gorm.DB) outcome {
		return out(db.Model(&shop.Order{}).Where("id < 3").UpdateColumn("amount", gorm.Expr("amount * ?", 100)), nil)
	}, []string{"orders 1 v2 ∅ 100 none", "orders 2 v2 ∅ 200 none"}},
	{"UpdateColumns", func(db *gorm.DB) outcome {
		return out(db.Model(&shop.Order{ID: 3}).UpdateColumns(shop.Order{Amount: 300, Note: "three"}), nil)
	}, []string{"orders 3 v2 ∅ 300 three"}},
	{"Update from a subquery", func(db *gorm.DB) outcome {
		return out(db.Model(&shop.Order{}).Where("id = 4").Update("note", db.Model(&shop.Customer{}).Select("name").Where("id = 1")), nil)
	}, []string{"orders 4 v2 ∅ 4 Ada L."}},
	{"Update without WHERE", func(db *gorm.DB) outcome { return out(db.Model(&shop.Tag{}).Update("name", "z"), nil) }, nil},
	{"upsert, DO UPDATE", func(db *gorm.DB) outcome {
		tags := []shop.Tag{{Name: "vip"}, {Name: "w"}}
		return out(db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "name"}}, DoUpdates: clause.Assignments(map[string]any{"name": "VIP"})}).Create(&tags), tags)
	}, []string{"tags 2 v2 VIP", "tags 6 v1 w"}},
	{"upsert, UpdateAll", func(db *gorm.DB) outcome {
		o := []shop.Order{{ID: 5, Amount: 55, Note: "upsert"}, {ID: 91, Amount: 91}}
		return out(db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&o), o)
	}, []string{"orders 5 v2 ∅ 55 upsert", "orders 91 v1 ∅ 91 none"}},
	{"upsert, DO NOTHING", func(db *gorm.DB) outcome {
		tag := shop.Tag{Name: "VIP"}
		return out(db.Clauses(clause.OnConflict{DoNothing: true}).Create(&tag), tag)
	}, nil},
	{"a unique index", func(db *gorm.DB) outcome { return out(db.Create(&shop.Tag{Name: "VIP"}), nil) }, nil},
	{"FirstOrCreate", func(db *gorm.DB) outcome {
		a, b := shop.Tag{}, shop.Tag{}
		one := db.FirstOrCreate(&a, shop.Tag{Name: "VIP"})
		two := db.Where(shop.Tag{Name: "fresh"}).FirstOrCreate(&b)
		return outcome{Rows: one.RowsAffected*10 + two.RowsAffected, Value: []shop.Tag{a, b}, Err: fmt.Sprint(one.Error, two.Error)}
	}, []string{"tags 9 v1 fresh"}},
	{"FirstOrCreate with Assign", func(db *gorm.DB) outcome {
		var o shop.Order
		return out(db.Where("id = 1").Assign(shop.Order{Amount: 101}).FirstOrCreate(&o), o)
	}, []string{"orders 1 v3 ∅ 101 none"}},
	{"Association Append", func(db *gorm.DB) outcome {
		var c shop.Customer
		db.First(&c, 1)
		err := db.Model(&c).Association("Tags").Append(&shop.Tag{ID: 2}, &shop.Tag{Name: "added"})
		err = errors.Join(err, db.Model(&c).Association("Orders").Append(&shop.Order{Amount: 7}, &shop.Order{ID: 1}))
		return failed(err, c)
	}, []string{"customer_tags 1,10 v1", "customer_tags 1,2 v1", "orders 1 v4 1 101 none", "orders 7 v1 1 7 none", "tags 10 v1 added"}},
	{"Association Replace", func(db *gorm.DB) outcome {
		var c shop.Customer
		db.First(&c, 1)
		err := db.Model(&c).Association("Tags").Replace(&shop.Tag{ID: 1})
		err = errors.Join(err, db.Model(&c).Association("Orders").Replace(&shop.Order{ID: 1}))
		err = errors.Join(err, db.Model(&c).Association("Address").Replace(&shop.Address{Street: "Oak"}))
		return failed(err, c)
	}, []string{"addresses 2 v1 1 Oak", "customer_tags 1,1 v1", "customer_tags 1,10 v2 †", "customer_tags 1,2 v2 †", "orders 7 v2 ∅ 7 none"}},
	{"Association Delete, Clear and Unscoped", func(db *gorm.DB) outcome {
		var c, e shop.Customer
		db.First(&c, 1)
		db.First(&e, 5)
		err := db.Model(&c).Association("Orders").Delete(&shop.Order{ID: 1})
		err = errors.Join(err, db.Model(&c).Association("Tags").Clear())
		err = errors.Join(err, db.Model(&e).Association("Orders").Unscoped().Clear())
		return failed(err, c)
	}, []string{"customer_tags 1,1 v2 †", "orders 1 v5 ∅ 101 none", "orders 6 v2 5 60 soon †"}},
	{"Delete", func(db *gorm.DB) outcome { return out(db.Delete(&shop.Order{}, 90), nil) }, []string{"orders 90 v2 ∅ 9 none †"}},
	{"Delete with RETURNING", func(db *gorm.DB) outcome {
		var o []shop.Order
		return out(db.Clauses(clause.Returning{}).Where("id = 91").Delete(&o), o)
	}, []string{"orders 91 v2 ∅ 91 none †"}},
	{"a deleted key again", func(db *gorm.DB) outcome { return out(db.Create(&shop.Order{ID: 90, Amount: 1}), nil) }, []string{"orders 90 v3 ∅ 1 none"}},
	{"soft delete", func(db *gorm.DB) outcome {
		c := shop.Customer{}
		c.ID = 3
		return out(db.Delete(&c), c)
	}, []string{"customers 3 v4 Cy cy gold soft"}},
	{"soft delete of what is deleted", func(db *gorm.DB) outcome { return out(db.Delete(&shop.Customer{}, 3), nil) }, nil},
	{"back from soft delete", func(db *gorm.DB) outcome {
		return out(db.Unscoped().Model(&shop.Customer{}).Where("id = 3").Update("deleted_at", nil), nil)
	}, []string{"customers 3 v5 Cy cy gold"}},
	{"Unscoped delete", func(db *gorm.DB) outcome { return out(db.Unscoped().Delete(&shop.Customer{}, 4), nil) }, []string{"customers 4 v4 Diana di gold †"}},
	{"a foreign key", func(db *gorm.DB) outcome { return out(db.Unscoped().Delete(&shop.Customer{}, 5), nil) }, nil},
	{"Select(associations).Delete", func(db *gorm.DB) outcome {
		c := shop.Customer{}
		c.ID = 5
		return out(db.Unscoped().Select(clause.Associations).Delete(&c), nil)
	}, []string{"addresses 1 v2 5 Elm †", "customer_tags 5,1 v2 †", "customer_tags 5,2 v2 †", "customers 5 v2 Eve eve basic †"}},
	{"raw Exec", func(db *gorm.DB) outcome {
		return out(db.Exec("UPDATE orders SET note = @note WHERE id IN @ids", map[string]any{"note": "raw", "ids": []int{1, 2}}), nil)
	}, []string{"orders 1 v6 ∅ 101 raw", "orders 2 v3 ∅ 200 raw"}},
	{"raw RETURNING", func(db *gorm.DB) outcome {
		var ids []int
		return out(db.Raw("INSERT INTO orders (amount, note) SELECT 5, 'raw' RETURNING id").Scan(&ids), ids)
	}, []string{"orders 8 v1 ∅ 5 raw"}},
	{"a transaction: one version of two changes", func(db *gorm.DB) outcome {
		return failed(db.Transaction(func(tx *gorm.DB) error {
			tx.Model(&shop.Order{ID: 8}).Update("amount", 6)
			return tx.Model(&shop.Order{ID: 8}).Update("amount", 7).Error
		}), nil)
	}, []string{"orders 8 v2 ∅ 7 raw"}},
	{"a transaction rolled back", func(db *gorm.DB) outcome {
		return failed(db.Transaction(func(tx *gorm.DB) error {
			tx.Model(&shop.Order{ID: 8}).Update("amount", 8)
			return errBack
		}), nil)
	}, nil},
	{"nested transactions, one rolled back", func(db *gorm.DB) outcome {
		return failed(db.Transaction(func(tx *gorm.DB) error {
			tx.Model(&shop.Order{ID: 8}).Update("amount", 9)
			inner := tx.Transaction(func(tx *gorm.DB) error {
				tx.Model(&shop.Order{ID: 8}).Update("amount", 10)
				tx.Delete(&shop.Order{}, 90)
				return errBack
			})
			return errors.Join(tx.Transaction(func(tx *gorm.DB) error {
				return tx.Model(&shop.Order{ID: 90}).Update("amount", 90).Error
			}), tx.Model(&shop.Tag{ID: 1}).Update("name", inner.Error()).Error)
		}), nil)
	}, []string{"orders 8 v3 ∅ 9 raw", "orders 90 v4 ∅ 90 none", "tags 1 v2 back"}},
	{"SavePoint and RollbackTo", func(db *gorm.DB) outcome {
		tx := db.Begin()
		tx.Model(&shop.Order{ID: 8}).Update("note", "kept")
		tx.SavePoint("here")
		tx.Delete(&shop.Order{}, 8)
		tx.RollbackTo("here")
		return out(tx.Commit(), nil)
	}, []string{"orders 8 v4 ∅ 9 kept"}},
	{"SELECT FOR UPDATE, then Save", func(db *gorm.DB) outcome {
		var o shop.Order
		err := db.Transaction(func(tx *gorm.DB) error {
			tx.Clauses(clause.Locking{Strength: "UPDATE"}).First(&o, 8)
			o.Amount++
			return tx.Save(&o).Error
		})
		return failed(err, o)
	}, []string{"orders 8 v5 ∅ 10 kept"}},
}

// versions lists every version, or tombstone, of the shop's history.
func versions(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	const end = ` || CASE WHEN sys_deleted_at IS NULL THEN '' ELSE ' †' END `
	return pgtest.Rows(t, pool, `SELECT v FROM (
SELECT concat_ws(' ', 'customers', id, 'v' || sys_version, name, email, level, CASE WHEN deleted_at IS NOT NULL THEN 'soft' END)`+end+`AS v FROM history.customers
UNION ALL SELECT concat_ws(' ', 'orders', id, 'v' || sys_version, coalesce(customer_id::text, '∅'), amount, note)`+end+`FROM history.orders
UNION ALL SELECT concat_ws(' ', 'addresses', id, 'v' || sys_version, customer_id, street)`+end+`FROM history.addresses
UNION ALL SELECT concat_ws(' ', 'tags', id, 'v' || sys_version, name)`+end+`FROM history.tags
UNION ALL SELECT concat_ws(' ', 'customer_tags', customer_id || ',' || tag_id, 'v' || sys_version)`+end+`FROM history.customer_tags) AS all_of_them
ORDER BY v COLLATE "C"`)
}

// TestWrites: whatever way GORM writes, the program sees of it what it sees with
// plain tables, and every change is a version.
func TestWrites(t *testing.T) {
	t.Parallel()
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			plain, plainPool := openShop(t, m, false)
			tracked, pool := openShop(t, m, true)
			before := []string(nil)
			for _, w := range writes {
				want, have := w.do(plain), w.do(tracked)
				if diff := cmp.Diff(want, have); diff != "" {
					t.Errorf("%s (-plain +tracked)\n%s", w.name, diff)
				}
				after := versions(t, pool)
				added := slices.DeleteFunc(slices.Clone(after), func(v string) bool { return slices.Contains(before, v) })
				if diff := cmp.Diff(w.want, added); diff != "" && len(w.want)+len(added) > 0 || len(after) != len(before)+len(added) {
					t.Errorf("%s: versions (-want +have)\n%s", w.name, diff)
				}
				before = after
			}
			for _, table := range []string{"customers", "orders", "addresses", "tags", "customer_tags"} {
				rows := "SELECT * FROM " + table + " ORDER BY 1, 2"
				if diff := cmp.Diff(pgtest.Rows(t, plainPool, rows), pgtest.Rows(t, pool, rows)); diff != "" {
					t.Errorf("%s (-plain +tracked)\n%s", table, diff)
				}
			}
			pgtest.Clean(t, pool)
		})
	}
}
