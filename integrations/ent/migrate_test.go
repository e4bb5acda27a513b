package ent_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect/sql/schema"
	"entgo.io/ent/schema/field"
	"github.com/google/go-cmp/cmp"

	example "yore.example/yore/integrations/ent"
	"yore.example/yore/integrations/ent/ent/migrate"
	"yore.example/yore/internal/pgtest"
)

// later returns the tables of the client as a later version of it may want them:
// a customer has a phone and no visits, and names are indexed; an order need not
// have an amount; there are notes, of customers.
func later() []*schema.Table {
	copies := map[*schema.Table]*schema.Table{}
	for _, t := range migrate.Tables {
		c := *t
		copies[t] = &c
	}
	var tables []*schema.Table
	for _, t := range migrate.Tables {
		c := copies[t]
		c.ForeignKeys = nil
		for _, fk := range t.ForeignKeys {
			k := *fk
			k.RefTable = copies[fk.RefTable]
			c.ForeignKeys = append(c.ForeignKeys, &k)
		}
		tables = append(tables, c)
	}

	customers, orders := copies[migrate.CustomersTable], copies[migrate.OrdersTable]
	customers.Columns = []*schema.Column{{Name: "phone", Type: field.TypeString, Nullable: true}}
	for _, c := range migrate.CustomersColumns {
		if c.Name != "visits" {
			customers.Columns = append(customers.Columns, c)
		}
		if c.Name == "name" {
			customers.Indexes = []*schema.Index{{Name: "customer_name", Columns: []*schema.Column{c}}}
		}
	}

	amount := *migrate.OrdersColumns[1]
	amount.Nullable = true
	orders.Columns = slices.Clone(migrate.OrdersColumns)
	orders.Columns[1] = &amount

	id := &schema.Column{Name: "id", Type: field.TypeInt64, Increment: true}
	of := &schema.Column{Name: "customer_id", Type: field.TypeInt64, Nullable: true}
	return append(tables, &schema.Table{Name: "notes", Columns: []*schema.Column{id, of}, PrimaryKey: []*schema.Column{id},
		ForeignKeys: []*schema.ForeignKey{{Symbol: "notes_customers_notes", Columns: []*schema.Column{of}, RefTable: customers, RefColumns: migrate.CustomersColumns[:1], OnDelete: schema.Cascade}}})
}

const (
	columnsOf = `SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
		FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid LEFT JOIN pg_attrdef AS d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
		WHERE c.relkind = 'r' AND c.relnamespace IN ('public'::regnamespace, to_regnamespace('temporal')) AND c.relname !~ '_past$'
		  AND a.attnum > 0 AND NOT a.attisdropped AND a.attname !~ '^sys_' ORDER BY 1, 2`
	keysOf = `SELECT replace(conrelid::regclass::text, 'temporal.', ''), conname, replace(pg_get_constraintdef(oid), 'temporal.', '') FROM pg_constraint
		WHERE connamespace IN ('public'::regnamespace, to_regnamespace('temporal')) AND conrelid::regclass::text !~ '_past' AND contype <> 'n' ORDER BY 1, 2`
	indexesOf = `SELECT replace(indexdef, 'temporal.', 'public.') FROM pg_indexes WHERE schemaname IN ('public', 'temporal') AND tablename !~ '_past' ORDER BY 1`
)

// TestAutoMigration: with ThroughYore ent's migration does to tracked tables what
// it does to plain ones, and does nothing twice.
func TestAutoMigration(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	everything := []schema.MigrateOption{migrate.WithDropColumn(true), migrate.WithDropIndex(true)}
	steps := []func() []*schema.Table{func() []*schema.Table { return migrate.Tables }, later, func() []*schema.Table { return migrate.Tables }}
	for _, inPlace := range []bool{false, true} {
		t.Run(fmt.Sprint("in place ", inPlace), func(t *testing.T) {
			t.Parallel()
			plain, tracked := shop(t), shop(t)
			pgtest.Exec(t, tracked.pool, fmt.Sprintf(strings.Replace(trackShop, "(t)", "(t, in_place => %v)", 1), inPlace))
			named(tracked.client.Customer.Create(), "ada").ExecX(ctx)
			tracked.client.Customer.UpdateOneID(1).SetVisits(2).ExecX(ctx)
			for i, tables := range steps {
				if err := migrate.Create(ctx, plain.client.Schema, tables(), everything...); err != nil {
					t.Fatal(err)
				}
				if err := migrate.Create(ctx, tracked.client.Schema, tables(), append(everything, example.ThroughYore(ctx, tracked.db)...)...); err != nil {
					t.Fatalf("step %d: %v", i, err)
				}
				for _, query := range []string{columnsOf, keysOf, indexesOf} {
					want := pgtest.Rows(t, plain.pool, query)
					got := pgtest.Rows(t, tracked.pool, query)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("step %d (-plain +tracked)\n%s", i, diff)
					}
				}
				copied := pgtest.Rows(t, tracked.pool, "SELECT count(*) FROM pg_indexes WHERE indexname = 'customer_name_past'")
				if want := []string{"0", "1", "0"}[i]; copied[0] != want {
					t.Errorf("step %d: %s copies of the index in the past", i, copied)
				}
				pgtest.Clean(t, tracked.pool)
			}
			tracked.client.Customer.UpdateOneID(1).SetVisits(3).ExecX(ctx)
			// What was dropped, the past keeps; what was current was lost.
			want := []string{"1|0|∅", "2|∅|0", "3|∅|3"}
			if got := pgtest.Rows(t, tracked.pool, "SELECT version, visits_until_1, visits FROM history.customers ORDER BY version"); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Error(got)
			}
		})
	}
}
