package ent_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"yore.example/yore/integrations/ent/ent"
	"yore.example/yore/integrations/ent/ent/boo"
	"yore.example/yore/integrations/ent/ent/customer"
	"yore.example/yore/integrations/ent/ent/moo"
	"yore.example/yore/integrations/ent/ent/order"
	"yore.example/yore/internal/pgtest"
)

// A write is one through ent's client: what it returns must be the same on plain
// tables, and recorded are the versions that it makes.
type write struct {
	name     string
	run      func(ctx context.Context, c *ent.Client) (any, error)
	recorded []string
}

func named(c *ent.CustomerCreate, name string) *ent.CustomerCreate {
	return c.SetName(name).SetEmail(name + "@example.org")
}

// told is what an entity says, but for its time.
func told(c *ent.Customer, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return fmt.Sprint(c.ID, c.Name, c.Email, c.Visits, c.Status), nil
}

var writes = []write{
	{"Create", func(ctx context.Context, c *ent.Client) (any, error) {
		return told(named(c.Customer.Create(), "ada").Save(ctx))
	}, []string{"customer 1 v1 ada 0 new"}},
	{"CreateBulk", func(ctx context.Context, c *ent.Client) (any, error) {
		all, err := c.Customer.CreateBulk(named(c.Customer.Create(), "bob"), named(c.Customer.Create(), "cyd").SetVisits(2), named(c.Customer.Create(), "dan")).Save(ctx)
		return fmt.Sprint(all[0].ID, all[1].ID, all[1].Visits, all[2].ID), err
	}, []string{"customer 2 v1 bob 0 new", "customer 3 v1 cyd 2 new", "customer 4 v1 dan 0 new"}},
	// temporal-49
	{"CreateBulkWithOneThatIsRefused", func(ctx context.Context, c *ent.Client) (any, error) {
		err := c.Customer.CreateBulk(named(c.Customer.Create(), "eve"), named(c.Customer.Create(), "ada")).Exec(ctx)
		return ent.IsConstraintError(err), err
	}, nil},
	{"Update", func(ctx context.Context, c *ent.Client) (any, error) {
		return c.Customer.Update().Where(customer.Visits(0)).AddVisits(1).Save(ctx)
	}, []string{"customer 1 v2 ada 1 new", "customer 2 v2 bob 1 new", "customer 4 v2 dan 1 new"}},
	// temporal-52, temporal-53: updated_at alone is no version.
	{"UpdateOfNothingButTheTime", func(ctx context.Context, c *ent.Client) (any, error) {
		return c.Customer.Update().Where(customer.IDLTE(2)).SetVisits(1).Save(ctx)
	}, nil},
	{"UpdateOfNone", func(ctx context.Context, c *ent.Client) (any, error) {
		return c.Customer.Update().Where(customer.Name("nobody")).SetVisits(9).Save(ctx)
	}, nil},
	{"UpdateOne", func(ctx context.Context, c *ent.Client) (any, error) {
		return told(c.Customer.UpdateOneID(1).SetName("Ada").SetStatus("gold").Save(ctx))
	}, []string{"customer 1 v3 Ada 1 gold"}},
	{"UpdateOneClear", func(ctx context.Context, c *ent.Client) (any, error) {
		return told(c.Customer.UpdateOneID(1).ClearStatus().Save(ctx))
	}, []string{"customer 1 v4 Ada 1"}},
	{"UpdateOneNotFound", func(ctx context.Context, c *ent.Client) (any, error) {
		err := c.Customer.UpdateOneID(99).SetName("x").Exec(ctx)
		return ent.IsNotFound(err), err
	}, nil},
	{"UpdateOneIfStill", func(ctx context.Context, c *ent.Client) (any, error) {
		first := c.Customer.UpdateOneID(2).Where(customer.Visits(1)).SetVisits(5).Exec(ctx)
		second := c.Customer.UpdateOneID(2).Where(customer.Visits(1)).SetVisits(6).Exec(ctx)
		return fmt.Sprint(first, ent.IsNotFound(second)), nil
	}, []string{"customer 2 v3 bob 5 new"}},
	// temporal-68
	{"UpsertOfNew", func(ctx context.Context, c *ent.Client) (any, error) {
		return named(c.Customer.Create(), "fay").OnConflictColumns(customer.FieldEmail).UpdateNewValues().ID(ctx)
	}, []string{"customer 7 v1 fay 0 new"}},
	{"UpsertOfOneThatIsThere", func(ctx context.Context, c *ent.Client) (any, error) {
		return c.Customer.Create().SetName("Fay").SetEmail("fay@example.org").SetVisits(3).OnConflictColumns(customer.FieldEmail).UpdateNewValues().ID(ctx)
	}, []string{"customer 7 v2 Fay 3 new"}},
	{"UpsertOfSomeFields", func(ctx context.Context, c *ent.Client) (any, error) {
		return named(c.Customer.Create(), "fay").OnConflictColumns(customer.FieldEmail).
			Update(func(u *ent.CustomerUpsert) { u.AddVisits(1) }).ID(ctx)
	}, []string{"customer 7 v3 Fay 4 new"}},
	{"UpsertIgnore", func(ctx context.Context, c *ent.Client) (any, error) {
		return named(c.Customer.Create(), "fay").OnConflictColumns(customer.FieldEmail).Ignore().ID(ctx)
	}, nil},
	{"UpsertDoNothing", func(ctx context.Context, c *ent.Client) (any, error) {
		err := named(c.Customer.Create(), "fay").OnConflictColumns(customer.FieldEmail).DoNothing().Exec(ctx)
		if !errors.Is(err, sql.ErrNoRows) {
			return "DoNothing of nothing", fmt.Errorf("it is %w", err)
		}
		return nil, nil
	}, nil},
	{"UpsertBulk", func(ctx context.Context, c *ent.Client) (any, error) {
		return nil, c.Customer.CreateBulk(named(c.Customer.Create(), "gil"), named(c.Customer.Create(), "dan").SetVisits(8)).
			OnConflictColumns(customer.FieldEmail).UpdateNewValues().Exec(ctx)
	}, []string{"customer 12 v1 gil 0 new", "customer 4 v3 dan 8 new"}},
	{"CreateWithParent", func(ctx context.Context, c *ent.Client) (any, error) {
		o, err := c.Order.Create().SetAmount(10).SetCustomerID(1).Save(ctx)
		return o.ID, err
	}, []string{"order 1 v1 10 of 1"}},
	{"CreateWithChildren", func(ctx context.Context, c *ent.Client) (any, error) {
		loose := c.Order.CreateBulk(c.Order.Create().SetAmount(20), c.Order.Create().SetAmount(30)).SaveX(ctx)
		return told(named(c.Customer.Create(), "hal").AddOrders(loose...).Save(ctx))
	}, []string{"customer 14 v1 hal 0 new", "order 2 v1 20 of", "order 2 v2 20 of 14", "order 3 v1 30 of", "order 3 v2 30 of 14"}},
	{"EdgeRemove", func(ctx context.Context, c *ent.Client) (any, error) {
		return told(c.Customer.UpdateOneID(1).RemoveOrderIDs(1).Save(ctx))
	}, []string{"order 1 v2 10 of"}},
	{"EdgeAdd", func(ctx context.Context, c *ent.Client) (any, error) {
		return told(c.Customer.UpdateOneID(2).AddOrderIDs(1).Save(ctx))
	}, []string{"order 1 v3 10 of 2"}},
	// ent counts the rows that it has updated, and takes it all back.
	{"EdgeAddOfAnothers", func(ctx context.Context, c *ent.Client) (any, error) {
		err := c.Customer.UpdateOneID(1).SetVisits(9).AddOrderIDs(1).Exec(ctx)
		return ent.IsConstraintError(err), err
	}, nil},
	{"EdgeClear", func(ctx context.Context, c *ent.Client) (any, error) {
		return c.Customer.Update().Where(customer.HasOrdersWith(order.AmountGTE(30))).ClearOrders().Save(ctx)
	}, []string{"order 2 v3 20 of", "order 3 v3 30 of"}},
	{"EdgeClearOfTheChild", func(ctx context.Context, c *ent.Client) (any, error) {
		return nil, c.Order.UpdateOneID(1).ClearCustomer().SetAmount(11).Exec(ctx)
	}, []string{"order 1 v4 11 of"}},
	{"LinkOnCreate", func(ctx context.Context, c *ent.Client) (any, error) {
		moos := c.Moo.CreateBulk(c.Moo.Create().SetName("m1"), c.Moo.Create().SetName("m2")).SaveX(ctx)
		b, err := c.Boo.Create().SetName("b").AddMoos(moos...).Save(ctx)
		return b.ID, err
	}, []string{"boo 1 v1 b", "link 1-1 v1", "link 1-2 v1", "moo 1 v1 m1", "moo 2 v1 m2"}},
	{"LinkRemove", func(ctx context.Context, c *ent.Client) (any, error) {
		return nil, c.Boo.UpdateOneID(1).RemoveMooIDs(1).Exec(ctx)
	}, []string{"link 1-1 v2 deleted"}},
	{"LinkAdd", func(ctx context.Context, c *ent.Client) (any, error) {
		return c.Moo.Update().Where(moo.Name("m1")).AddBooIDs(1).Save(ctx)
	}, []string{"link 1-1 v3"}},
	{"LinkClear", func(ctx context.Context, c *ent.Client) (any, error) {
		return c.Boo.Update().Where(boo.HasMoos()).ClearMoos().Save(ctx)
	}, []string{"link 1-1 v4 deleted", "link 1-2 v2 deleted"}},
	{"Delete", func(ctx context.Context, c *ent.Client) (any, error) {
		return c.Customer.Delete().Where(customer.NameIn("dan", "gil")).Exec(ctx)
	}, []string{"customer 12 v2 deleted gil 0 new", "customer 4 v4 deleted dan 8 new"}},
	{"DeleteOne", func(ctx context.Context, c *ent.Client) (any, error) {
		return nil, c.Customer.DeleteOneID(3).Exec(ctx)
	}, []string{"customer 3 v2 deleted cyd 2 new"}},
	{"DeleteOneNotFound", func(ctx context.Context, c *ent.Client) (any, error) {
		err := c.Customer.DeleteOneID(3).Exec(ctx)
		return ent.IsNotFound(err), err
	}, nil},
	// temporal-72: the foreign key sets the order's customer to NULL.
	{"DeleteOfAParent", func(ctx context.Context, c *ent.Client) (any, error) {
		o := c.Order.Create().SetAmount(40).SetCustomerID(7).SaveX(ctx)
		return o.ID, c.Customer.DeleteOneID(7).Exec(ctx)
	}, []string{"customer 7 v4 deleted Fay 4 new", "order 4 v1 40 of 7", "order 4 v2 40 of"}},
	// temporal-58, temporal-77
	{"Transaction", func(ctx context.Context, c *ent.Client) (any, error) {
		tx, err := c.Tx(ctx)
		if err != nil {
			return nil, err
		}
		made := named(tx.Customer.Create(), "ida").SaveX(ctx)
		tx.Customer.UpdateOne(made).SetVisits(1).ExecX(ctx)
		n := tx.Customer.Update().Where(customer.ID(made.ID)).AddVisits(1).SaveX(ctx)
		tx.Order.Create().SetAmount(50).SetCustomer(made).ExecX(ctx)
		return n, tx.Commit()
	}, []string{"customer 15 v1 ida 2 new", "order 5 v1 50 of 15"}},
	// temporal-59
	{"TransactionWithoutResult", func(ctx context.Context, c *ent.Client) (any, error) {
		tx, err := c.Tx(ctx)
		if err != nil {
			return nil, err
		}
		made := named(tx.Customer.Create(), "jan").SaveX(ctx)
		return nil, errors.Join(tx.Customer.DeleteOne(made).Exec(ctx), tx.Commit())
	}, nil},
	{"Rollback", func(ctx context.Context, c *ent.Client) (any, error) {
		tx, err := c.Tx(ctx)
		if err != nil {
			return nil, err
		}
		return tx.Customer.Update().AddVisits(100).SaveX(ctx), tx.Rollback()
	}, nil},
}

const (
	// Every version that is recorded.
	recorded = `
SELECT concat_ws(' ', 'customer', id, 'v' || version, CASE WHEN deleted_at IS NOT NULL THEN 'deleted' END, name, visits, status) FROM history.customers
UNION ALL SELECT concat_ws(' ', 'order', id, 'v' || version, CASE WHEN deleted_at IS NOT NULL THEN 'deleted' END, amount, 'of', customer_id) FROM history.orders
UNION ALL SELECT concat_ws(' ', 'boo', id, 'v' || version, name) FROM history.boos
UNION ALL SELECT concat_ws(' ', 'moo', id, 'v' || version, name) FROM history.moos
UNION ALL SELECT concat_ws(' ', 'link', boo_id || '-' || moo_id, 'v' || version, CASE WHEN deleted_at IS NOT NULL THEN 'deleted' END) FROM history.boos_moos
ORDER BY 1`
	// The present, but for the times that ent gives.
	present = `
SELECT to_jsonb(c) - 'updated_at' FROM customers AS c UNION ALL SELECT to_jsonb(o) FROM orders AS o
UNION ALL SELECT to_jsonb(b) FROM boos AS b UNION ALL SELECT to_jsonb(m) FROM moos AS m UNION ALL SELECT to_jsonb(l) FROM boos_moos AS l ORDER BY 1`
)

// TestWrites does everything to plain tables and to tracked ones alike.
func TestWrites(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	plain, tracked := shop(t), shop(t)
	pgtest.Exec(t, tracked.pool, trackShop)
	var before []string
	for _, w := range writes {
		value, err := w.run(ctx, plain.client)
		value2, err2 := w.run(ctx, tracked.client)
		if fmt.Sprint(value) != fmt.Sprint(value2) || fmt.Sprint(err) != fmt.Sprint(err2) {
			t.Errorf("%s: plain %v, %v; tracked %v, %v", w.name, value, err, value2, err2)
		}
		if diff := cmp.Diff(pgtest.Rows(t, plain.pool, present), pgtest.Rows(t, tracked.pool, present)); diff != "" {
			t.Errorf("%s: the present (-plain +tracked)\n%s", w.name, diff)
		}
		after := pgtest.Rows(t, tracked.pool, recorded)
		added := slices.DeleteFunc(slices.Clone(after), func(s string) bool { return slices.Contains(before, s) })
		if diff := cmp.Diff(w.recorded, added); diff != "" && len(w.recorded)+len(added) > 0 {
			t.Errorf("%s: recorded (-want +got)\n%s", w.name, diff)
		}
		if len(after) != len(before)+len(added) {
			t.Errorf("%s: a version that was recorded has changed", w.name)
		}
		before = after
	}
	pgtest.Clean(t, tracked.pool)
}
