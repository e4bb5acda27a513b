package shop_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/uptrace/bun"

	shop "yore.example/yore/integrations/bun"
	"yore.example/yore/internal/pgtest"
)

// An outcome is what the program gets to see of a write.
type outcome struct {
	Rows  int64
	Value any
	Err   string
}

func out(res sql.Result, err error, value any) outcome {
	o := outcome{Value: value}
	if err != nil {
		o.Err = err.Error()
	} else if res != nil {
		o.Rows, _ = res.RowsAffected()
	}
	return o
}

var (
	ctx     = context.Background()
	errBack = errors.New("back")
)

func id(n int64) *int64 { return &n }

// The writes, one after the other: each as bun does it, and the versions that it
// leaves, as table, key, number and values; a tombstone with †.
var writes = []struct {
	name string
	do   func(db *bun.DB) outcome
	want []string
}{
	{"insert, with RETURNING of id and default", func(db *bun.DB) outcome {
		c := &shop.Customer{Name: "Ada", Email: "ada"}
		res, err := db.NewInsert().Model(c).Exec(ctx)
		return out(res, err, c)
	}, []string{"customers 1 v1 Ada ada basic"}},
	{"insert many, with hooks", func(db *bun.DB) outcome {
		c := []*shop.Customer{{Name: "Bob", Email: "bob"}, {Name: "Cy", Email: "cy", Level: "gold"}, {Name: "Di", Email: "di"}}
		o := []shop.Order{{CustomerID: id(2), Amount: 1}, {CustomerID: id(2), Amount: 2, Note: "two"}, {Amount: 3}}
		one, err := db.NewInsert().Model(&c).Exec(ctx)
		two, err2 := db.NewInsert().Model(&o).Returning("*").Exec(ctx)
		return out(two, errors.Join(err, err2), []any{out(one, err, c), o})
	}, []string{"customers 2 v1 Bob bob basic", "customers 3 v1 Cy cy gold", "customers 4 v1 Di di basic",
		"orders 1 v1 2 1 none", "orders 2 v1 2 2 two", "orders 3 v1 ∅ 3 none"}},
	{"insert from a map", func(db *bun.DB) outcome {
		m := map[string]any{"name": "a"}
		res, err := db.NewInsert().Model(&m).TableExpr("tags").Returning("").Exec(ctx)
		return out(res, err, nil)
	}, []string{"tags 1 v1 a"}},
	{"insert from a query", func(db *bun.DB) outcome {
		res, err := db.NewInsert().Table("tags").Column("name").With("c", db.NewSelect().Model((*shop.Customer)(nil)).Column("name").Where("id < 3").Order("id")).TableExpr("(SELECT name FROM c) AS s").Exec(ctx)
		return out(res, err, nil)
	}, []string{"tags 2 v1 Ada", "tags 3 v1 Bob"}},
	{"what a customer has one of", func(db *bun.DB) outcome {
		a := &shop.Address{CustomerID: 1, Street: "Elm"}
		res, err := db.NewInsert().Model(a).Exec(ctx)
		var c shop.Customer
		err2 := db.NewSelect().Model(&c).Relation("Address").Relation("Orders").Where("c.id = 1").Scan(ctx)
		return out(res, errors.Join(err, err2), []any{a, c})
	}, []string{"addresses 1 v1 1 Elm"}},
	{"a many-to-many link", func(db *bun.DB) outcome {
		links := []shop.CustomerTag{{CustomerID: 1, TagID: 1}, {CustomerID: 1, TagID: 2}, {CustomerID: 2, TagID: 2}}
		res, err := db.NewInsert().Model(&links).Exec(ctx)
		return out(res, err, nil)
	}, []string{"customer_tags 1,1 v1", "customer_tags 1,2 v1", "customer_tags 2,2 v1"}},
	{"update by key", func(db *bun.DB) outcome {
		c := &shop.Customer{ID: 1, Name: "Ada L.", Email: "ada", Level: "basic"}
		res, err := db.NewUpdate().Model(c).WherePK().Exec(ctx)
		return out(res, err, c)
	}, []string{"customers 1 v2 Ada L. ada basic"}},
	{"update that changes nothing", func(db *bun.DB) outcome {
		c := &shop.Customer{ID: 1, Name: "Ada L.", Email: "ada", Level: "basic"}
		res, err := db.NewUpdate().Model(c).WherePK().Exec(ctx)
		return out(res, err, c)
	}, nil},
	{"update of one column, of those not zero, of an expression", func(db *bun.DB) outcome {
		a, err := db.NewUpdate().Model(&shop.Order{ID: 1, Amount: 10, Note: "x"}).Column("amount").WherePK().Exec(ctx)
		b, err2 := db.NewUpdate().Model(&shop.Customer{ID: 2, Level: "silver"}).OmitZero().WherePK().Exec(ctx)
		c, err3 := db.NewUpdate().Model((*shop.Order)(nil)).Set("amount = amount * ?", 100).Where("id IN (?)", bun.List([]int{2, 3})).Exec(ctx)
		return out(nil, errors.Join(err, err2, err3), []outcome{out(a, err, nil), out(b, err2, nil), out(c, err3, nil)})
	}, []string{"customers 2 v2 Bob bob silver", "orders 1 v2 2 10 none", "orders 2 v2 2 200 two", "orders 3 v2 ∅ 300 none"}},
	{"bulk update", func(db *bun.DB) outcome {
		o := []*shop.Order{{ID: 1, Amount: 11}, {ID: 2, Amount: 22}}
		res, err := db.NewUpdate().Model(&o).Column("amount").Bulk().Exec(ctx)
		return out(res, err, nil)
	}, []string{"orders 1 v3 2 11 none", "orders 2 v3 2 22 two"}},
	{"update with RETURNING", func(db *bun.DB) outcome {
		var o []shop.Order
		res, err := db.NewUpdate().Model(&o).Set("note = 'r'").Where("customer_id = 2").Returning("*").Exec(ctx)
		slices.SortFunc(o, func(a, b shop.Order) int { return int(a.ID - b.ID) })
		return out(res, err, o)
	}, []string{"orders 1 v4 2 11 r", "orders 2 v4 2 22 r"}},
	{"update from another table", func(db *bun.DB) outcome {
		res, err := db.NewUpdate().Model((*shop.Order)(nil)).TableExpr("customers AS c").Set("note = c.name").Where("c.id = o.customer_id AND o.id = 1").Exec(ctx)
		return out(res, err, nil)
	}, []string{"orders 1 v5 2 11 Bob"}},
	{"a write in a CTE", func(db *bun.DB) outcome {
		var n int
		err := db.NewSelect().With("changed", db.NewUpdate().Model((*shop.Order)(nil)).Set("amount = 12").Where("id = 1").Returning("amount")).
			TableExpr("changed").Column("amount").Scan(ctx, &n)
		return out(nil, err, n)
	}, []string{"orders 1 v6 2 12 Bob"}},
	{"upsert, DO UPDATE", func(db *bun.DB) outcome {
		tags := []*shop.Tag{{Name: "a"}, {Name: "b"}}
		res, err := db.NewInsert().Model(&tags).On("CONFLICT (name) DO UPDATE").Set("name = upper(EXCLUDED.name)").Exec(ctx)
		return out(res, err, tags)
	}, []string{"tags 1 v2 A", "tags 5 v1 b"}},
	{"upsert, DO NOTHING", func(db *bun.DB) outcome {
		a, err := db.NewInsert().Model(&shop.Tag{Name: "b"}).On("CONFLICT (name) DO NOTHING").Returning("NULL").Exec(ctx)
		b, err2 := db.NewInsert().Model(&shop.Tag{Name: "b"}).Ignore().Exec(ctx)
		return out(nil, nil, []outcome{out(a, err, nil), out(b, err2, nil)})
	}, nil},
	{"a unique constraint", func(db *bun.DB) outcome {
		res, err := db.NewInsert().Model(&shop.Tag{Name: "b"}).Exec(ctx)
		return out(res, err, nil)
	}, nil},
	{"delete by key, many, with RETURNING", func(db *bun.DB) outcome {
		a, err := db.NewDelete().Model(&shop.Order{ID: 3}).WherePK().Exec(ctx)
		links := []shop.CustomerTag{{CustomerID: 1, TagID: 1}, {CustomerID: 1, TagID: 2}}
		b, err2 := db.NewDelete().Model(&links).WherePK().Exec(ctx)
		var gone []shop.Tag
		c, err3 := db.NewDelete().Model(&gone).Where("name = 'b'").Returning("*").Exec(ctx)
		return out(nil, errors.Join(err, err2, err3), []outcome{out(a, err, nil), out(b, err2, nil), out(c, err3, gone)})
	}, []string{"customer_tags 1,1 v2 †", "customer_tags 1,2 v2 †", "orders 3 v3 ∅ 300 none †", "tags 5 v2 b †"}},
	{"a deleted key again", func(db *bun.DB) outcome {
		res, err := db.NewInsert().Model(&shop.Order{ID: 3, Amount: 1}).Exec(ctx)
		return out(res, err, nil)
	}, []string{"orders 3 v4 ∅ 1 none"}},
	{"soft delete, and of what is deleted", func(db *bun.DB) outcome {
		a, err := db.NewDelete().Model((*shop.Customer)(nil)).Where("id = 3").Exec(ctx)
		b, err2 := db.NewDelete().Model((*shop.Customer)(nil)).Where("id = 3").Exec(ctx)
		n, err3 := db.NewSelect().Model((*shop.Customer)(nil)).Count(ctx)
		return out(nil, errors.Join(err, err2, err3), []any{out(a, err, nil), out(b, err2, nil), n})
	}, []string{"customers 3 v2 Cy cy gold soft"}},
	{"back from soft delete", func(db *bun.DB) outcome {
		res, err := db.NewUpdate().Model((*shop.Customer)(nil)).Set("deleted_at = NULL").Where("id = 3").WhereAllWithDeleted().Exec(ctx)
		return out(res, err, nil)
	}, []string{"customers 3 v3 Cy cy gold"}},
	{"forced delete", func(db *bun.DB) outcome {
		res, err := db.NewDelete().Model(&shop.Customer{ID: 4}).WherePK().ForceDelete().Exec(ctx)
		return out(res, err, nil)
	}, []string{"customers 4 v2 Di di basic †"}},
	{"raw", func(db *bun.DB) outcome {
		res, err := db.ExecContext(ctx, "UPDATE orders SET note = ? WHERE id IN (?)", "raw", bun.List([]int{1, 2}))
		var ids []int64
		err2 := db.NewRaw("INSERT INTO orders (amount, note) SELECT n, ? FROM generate_series(1, 2) AS n RETURNING id", "raw").Scan(ctx, &ids)
		return out(res, errors.Join(err, err2), ids)
	}, []string{"orders 1 v7 2 12 raw", "orders 2 v5 2 22 raw", "orders 4 v1 ∅ 1 raw", "orders 5 v1 ∅ 2 raw"}},
	{"a transaction: one version of two changes", func(db *bun.DB) outcome {
		err := db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			_, err := tx.NewUpdate().Model(&shop.Order{ID: 4, Amount: 6}).Column("amount").WherePK().Exec(ctx)
			_, err2 := tx.NewUpdate().Model(&shop.Order{ID: 4, Amount: 7}).Column("amount").WherePK().Exec(ctx)
			return errors.Join(err, err2)
		})
		return out(nil, err, nil)
	}, []string{"orders 4 v2 ∅ 7 raw"}},
	{"a transaction rolled back", func(db *bun.DB) outcome {
		err := db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			_, err := tx.NewDelete().Model(&shop.Order{ID: 4}).WherePK().Exec(ctx)
			return errors.Join(err, errBack)
		})
		return out(nil, err, nil)
	}, nil},
	{"nested transactions, one rolled back", func(db *bun.DB) outcome {
		err := db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			_, err := tx.NewUpdate().Model(&shop.Order{ID: 4, Amount: 8}).Column("amount").WherePK().Exec(ctx)
			inner := tx.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
				_, err := tx.NewDelete().Model((*shop.Order)(nil)).Where("id IN (4, 5)").Exec(ctx)
				return errors.Join(err, errBack)
			})
			err2 := tx.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
				_, err := tx.NewUpdate().Model(&shop.Order{ID: 5, Note: inner.Error()}).Column("note").WherePK().Exec(ctx)
				return err
			})
			return errors.Join(err, err2)
		})
		return out(nil, err, nil)
	}, []string{"orders 4 v3 ∅ 8 raw", "orders 5 v2 ∅ 2 back"}},
	{"SELECT FOR UPDATE, then update", func(db *bun.DB) outcome {
		var o shop.Order
		err := db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			err := tx.NewSelect().Model(&o).Where("id = 4").For("UPDATE").Scan(ctx)
			o.Amount++
			_, err2 := tx.NewUpdate().Model(&o).WherePK().Exec(ctx)
			return errors.Join(err, err2)
		})
		return out(nil, err, o)
	}, []string{"orders 4 v4 ∅ 9 raw"}},
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

// TestWrites: whatever way bun writes, the program sees of it what it sees with
// plain tables, and every change is a version.
func TestWrites(t *testing.T) {
	t.Parallel()
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain, plainPool := openShop(t, mode, false)
			tracked, pool := openShop(t, mode, true)
			before := []string(nil)
			for _, w := range writes {
				want, have := w.do(plain), w.do(tracked)
				if diff := cmp.Diff(want, have, cmpopts.IgnoreTypes(bun.BaseModel{})); diff != "" {
					t.Errorf("%s (-plain +tracked)\n%s", w.name, diff)
				}
				after := versions(t, pool)
				added := slices.DeleteFunc(slices.Clone(after), func(v string) bool { return slices.Contains(before, v) })
				if diff := cmp.Diff(w.want, added, cmpopts.EquateEmpty()); diff != "" || len(after) != len(before)+len(added) {
					t.Errorf("%s: %s, versions (-want +have)\n%s", w.name, have.Err, diff)
				}
				before = after
			}
			for _, rows := range []string{"SELECT id, name, email, level, deleted_at IS NULL FROM customers ORDER BY 1", "SELECT * FROM orders ORDER BY 1",
				"SELECT * FROM tags ORDER BY 1", "SELECT * FROM customer_tags ORDER BY 1, 2"} {
				if diff := cmp.Diff(pgtest.Rows(t, plainPool, rows), pgtest.Rows(t, pool, rows)); diff != "" {
					t.Errorf("%s (-plain +tracked)\n%s", rows, diff)
				}
			}
			pgtest.Clean(t, pool)
		})
	}
}
