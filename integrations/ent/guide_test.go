package ent_test

import (
	"context"

	"os"
	"regexp"
	"strings"
	"testing"

	entsql "entgo.io/ent/dialect/sql"

	. "yore.example/yore/integrations/ent"
	"yore.example/yore/integrations/ent/ent"
	"yore.example/yore/integrations/ent/ent/customer"
	"yore.example/yore/integrations/ent/ent/customerversion"
	"yore.example/yore/integrations/ent/ent/order"
	"yore.example/yore/internal/pgtest"
)

// TestGuide is what the guide shows of the use.
func TestGuide(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := shop(t)
	client, db := d.client, d.db
	pgtest.Exec(t, d.pool, trackShop, customerVersions)
	ada := client.Customer.Create().SetName("ada").SetEmail("ada@example.org").SaveX(ctx)
	client.Order.Create().SetAmount(100).SetCustomer(ada).ExecX(ctx)
	then := d.now(t)
	client.Customer.UpdateOne(ada).SetName("Ada").ClearOrders().ExecX(ctx)

	err := AsOf(ctx, db, then, func(c *ent.Client) error {
		customers, err := c.Customer.Query().
			Where(customer.HasOrdersWith(order.AmountGTE(100))).
			WithOrders().
			All(ctx)
		if len(customers) != 1 || customers[0].Name != "ada" || len(customers[0].Edges.Orders) != 1 {
			t.Error(customers)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}

	read := func() (n int, err error) {
		tx, err := client.Tx(ctx)
		if err != nil {
			return 0, err
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(ctx, "SELECT yore.as_of($1)", then); err != nil {
			return 0, err
		}
		return tx.Customer.Query().Where(customer.Name("ada")).Count(ctx)
	}
	if n, err := read(); n != 1 || err != nil {
		t.Error(n, err)
	}

	versions, err := client.CustomerVersion.Query().
		Where(customerversion.ID(ada.ID)).
		Order(customerversion.ByVersion(entsql.OrderDesc())).
		All(ctx)
	if err != nil || len(versions) != 2 || versions[0].Name != "Ada" {
		t.Error(versions, err)
	}

	err = client.Schema.Create(ctx, ThroughYore(ctx, db)...)
	if err != nil {
		t.Error(err)
	}
}

// TestGuideShowsTheFiles: every block of code in the guide stands in the file that
// is named above it, but for how far it is indented.
func TestGuideShowsTheFiles(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/guides/ent.md")
	if err != nil {
		t.Fatal(err)
	}
	fences := strings.Count(string(guide), "\n```") / 2
	blocks := regexp.MustCompile("(?ms)^\\[`[^`]+`\\]\\(\\.\\./\\.\\./integrations/ent/([^)]+)\\)\n\n```\\w+\n(.*?\n)```$").FindAllStringSubmatch(string(guide), -1)
	if len(blocks) != fences || fences < 6 {
		t.Errorf("%d blocks, of %d that name their file", fences, len(blocks))
	}
	flat := func(s string) string { return regexp.MustCompile(`(?m)^[ \t]+`).ReplaceAllString(s, "") }
	for _, b := range blocks {
		file, err := os.ReadFile(b[1])
		if err != nil {
			t.Error(err)
		} else if !strings.Contains(flat(string(file)), flat(b[2])) {
			t.Errorf("%s has nothing like\n%s", b[1], b[2])
		}
	}
}
