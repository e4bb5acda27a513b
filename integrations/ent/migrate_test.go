package ent_test

import (
	"context"
	"fmt"
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
// a customer has a phone and no visits, and an index; an order's amount is bigger;
// there are notes, of customers.
func later() []*schema.Table {
	copies := map[*schema.Table]*schema.Table{}
	var tables []*schema.Table
	for _, t := range migrate.Tables {
		c := *t
		copies[t] = &c
		tables = append(tables, &c)
	}
	customers, orders := copies[migrate.CustomersTable], copies[migrate.OrdersTable]
	id := &schema.Column{Name: "id", Type: field.TypeInt64, Increment: true}
	of := &schema.Column{Name: "customer_id", Type: field.TypeInt64, Nullable: true}
	tables = append(tables, &schema.Table{Name: "notes", Columns: []*schema.Column{id, of}, PrimaryKey: []*schema.Column{id},
		ForeignKeys: []*schema.ForeignKey{{Symbol: "notes_customers_notes", Columns: []*schema.Column{of}, RefTable: customers, RefColumns: customers.Columns[:1], OnDelete: schema.Cascade}}})
	phone := &schema.Column{Name: "phone", Type: field.TypeString, Nullable: true}
	customers.Columns = []*schema.Column{phone}
	for _, c := range migrate.CustomersColumns {
		if c.Name != "visits" {
			customers.Columns = append(customers.Columns, c)
		}
	}
	customers.Indexes = append(customers.Indexes, &schema.Index{Name: "customer_phone", Columns: []*schema.Column{phone}})
	for _, t := range tables {
		for i, fk := range t.ForeignKeys {
			if c, ok := copies[fk.RefTable]; ok {
				k := *fk
				k.RefTable = c
				t.ForeignKeys = append(append([]*schema.ForeignKey{}, t.ForeignKeys[:i]...), append([]*schema.ForeignKey{&k}, t.ForeignKeys[i+1:]...)...)
			}
		}
	}
	amount := *migrate.OrdersColumns[1]
	amount.Nullable = true
	orders.Columns = append([]*schema.Column{}, migrate.OrdersColumns...)
	orders.Columns[1] = &amount
	return tables
}

const (
	columnsOf = `SELECT table_name, column_name, data_type, CASE WHEN table_name NOT IN (SELECT table_name::text FROM yore.tracked WHERE NOT in_place) THEN is_nullable END
		FROM information_schema.columns WHERE table_schema = 'public' AND column_name !~ '^sys_' ORDER BY 1, column_name`
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
					if query == columnsOf && !inPlace {
						want, got = withoutNull(want), withoutNull(got)
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("step %d (-plain +tracked)\n%s", i, diff)
					}
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

func withoutNull(rows []string) (out []string) {
	for _, r := range rows {
		out = append(out, r[:strings.LastIndex(r, "|")])
	}
	return out
}
