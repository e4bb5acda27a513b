package migrations_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore/internal/pgtest"
)

// An entry is one transaction of the application, some time in the life of the
// database, after a step of the story.
type entry struct {
	step int
	at   string
	sql  string
}

const now = ""

var entries = []entry{
	{2, "2023-03-01", "INSERT INTO customers (id, name, email) VALUES (1, 'Ada', 'ada@example.org'), (2, 'Bob', 'bob@example.org')"},
	{2, "2023-03-02", "INSERT INTO orders (id, customer_id, amount, note, ordered_on) VALUES (1, 1, '10,50', 'a gift', '2023-03-02'), (2, 2, '7', NULL, '2023-03-02')"},
	{2, "2023-06-15", "UPDATE orders SET amount = '12,50', note = NULL WHERE id = 1"},
	{2, "2023-09-01", "DELETE FROM orders WHERE id = 2"},
	{3, "2024-01-10", "UPDATE orders SET status = 'paid', note = 'paid in cash' WHERE id = 1; INSERT INTO orders (id, customer_id, amount, note, ordered_on) VALUES (3, 2, '99,90', 'urgent', '2024-01-10')"},
	{3, "2024-02-01", "UPDATE orders SET note = 'very urgent' WHERE id = 3"},
	{4, "2024-05-05", "UPDATE customers SET full_name = 'Ada Lovelace' WHERE id = 1; UPDATE orders SET amount = amount + 1 WHERE id = 3"},
	{5, now, "UPDATE purchases SET status = 'sent'"},
	{6, now, "INSERT INTO invoices (purchase_id, number, total) SELECT id, 'R' || id, amount FROM purchases"},
	{6, now, "UPDATE invoices SET total = 100 WHERE number = 'R3'; DELETE FROM invoices WHERE number = 'R1'"},
	{7, now, "UPDATE customers SET email = 'ada@example.com' WHERE id = 1; UPDATE purchases SET amount = 13 WHERE id = 1"},
	{8, now, "DELETE FROM purchases WHERE id = 1"},
}

// asOf is what the application reads of a time after a step: a time, or the end
// of an earlier step.
var asOf = []struct {
	step  int
	at    string
	query string
	want  []string
}{
	{2, "2023-04-01", "SELECT c.name, o.amount, o.note FROM orders o JOIN customers c ON c.id = o.customer_id ORDER BY o.id", []string{"Ada|10,50|a gift", "Bob|7|∅"}},
	{3, "2023-04-01", "SELECT amount, note, status FROM orders ORDER BY id", []string{"10,50|a gift|∅", "7|∅|∅"}},
	{3, "2024-01-11", "SELECT amount, note, status FROM orders ORDER BY id", []string{"12,50|paid in cash|paid", "99,90|urgent|new"}},
	// The version that was current when the status came has its default.
	{4, "2023-07-01", "SELECT c.full_name, o.amount, o.status FROM orders o JOIN customers c ON c.id = o.customer_id ORDER BY o.id", []string{"Ada|12.50|new", "Bob|7.00|∅"}},
	{5, "2023-04-01", "SELECT c.full_name, p.amount, p.status FROM purchases p JOIN customers c ON c.id = p.customer_id ORDER BY p.id", []string{"Ada|10.50|∅", "Bob|7.00|∅"}},
	{6, "step 5", "SELECT amount, status FROM purchases ORDER BY id", []string{"12.50|sent", "100.90|sent"}},
	{6, "step 5", "SELECT * FROM invoices", nil},
	{7, "step 6", "SELECT number, total FROM invoices ORDER BY number", []string{"R3|100.00"}},
	{7, "2024-06-01", "SELECT amount, status FROM purchases ORDER BY id", []string{"12.50|paid", "100.90|new"}},
	{8, "step 7", "SELECT id, amount FROM purchases WHERE ordered_on < '2024-01-01'", []string{"1|13.00"}},
}

// What was written, as the history of the last step has it; what was written
// after step 4, under its number.
var (
	purchases = []string{
		"1|1|2023-03-02|2023-06-15|1|10.50|∅|a gift",
		"1|2|2023-06-15|2024-01-10|1|12.50|new|∅",
		"1|3|2024-01-10|step 5|1|12.50|paid|paid in cash",
		"1|4|step 5|step 5|1|12.50|paid|∅",
		"1|5|step 5|step 7|1|12.50|sent|∅",
		"1|6|step 7|step 8|1|13.00|sent|∅",
		"1|7|step 8|step 8|1|13.00|sent|∅",
		"2|1|2023-03-02|2023-09-01|2|7.00|∅|∅",
		"2|2|2023-09-01|2023-09-01|2|7.00|∅|∅",
		"3|1|2024-01-10|2024-02-01|2|99.90|new|urgent",
		"3|2|2024-02-01|2024-05-05|2|99.90|new|very urgent",
		"3|3|2024-05-05|step 5|2|100.90|new|very urgent",
		"3|4|step 5|step 5|2|100.90|new|∅",
		"3|5|step 5|∅|2|100.90|sent|∅",
	}
	customers = []string{
		"1|1|2023-03-01|2024-05-05|Ada|ada@example.org",
		"1|2|2024-05-05|step 7|Ada Lovelace|ada@example.org",
		"2|1|2023-03-01|step 7|Bob|bob@example.org",
	}
	invoices = []string{
		"R1|1|step 6|step 6|12.50",
		"R1|2|step 6|step 6|12.50",
		"R3|1|step 6|step 6|100.90",
		"R3|2|step 6|∅|100.00",
	}
)

// story goes through all steps, with the application at work between them, and
// returns when each ended.
func story(t *testing.T, m migrator, app, super *pgxpool.Pool) map[string]string {
	t.Helper()
	ctx := context.Background()
	ends := make(map[string]string)
	for step := 1; step <= lastStep; step++ {
		if err := m.to(ctx, step); err != nil {
			t.Fatalf("to step %d: %v", step, err)
		}
		if have, err := m.step(ctx); err != nil || have != step {
			t.Fatalf("after step %d the tool says %d, %v", step, have, err)
		}
		pgtest.Exec(t, super, "GRANT EXECUTE ON FUNCTION yore.at_time TO shop")
		for _, e := range entries {
			if e.step == step {
				at := ""
				if e.at != now {
					at = "SELECT yore.at_time('" + e.at + "'); "
				}
				pgtest.Exec(t, app, "BEGIN; "+at+"SELECT yore.set_context('ann', 'the story'); "+e.sql+"; COMMIT")
			}
		}
		for _, r := range asOf {
			if r.step != step {
				continue
			}
			at := r.at
			if end, ok := ends[at]; ok {
				at = end
			}
			have := readAsOf(t, app, at, r.query)
			if diff := cmp.Diff(r.want, have); diff != "" {
				t.Errorf("step %d, as of %s: %s\n(-want +have)\n%s", step, r.at, r.query, diff)
			}
		}
		pgtest.Clean(t, super)
		ends[fmt.Sprint("step ", step)] = pgtest.Rows(t, super, "SELECT clock_timestamp()")[0]
	}
	return ends
}

func readAsOf(t *testing.T, app *pgxpool.Pool, at, query string) []string {
	t.Helper()
	ctx := context.Background()
	tx, err := app.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	pgtest.Exec(t, tx, "SELECT yore.as_of('"+at+"')")
	return pgtest.Rows(t, tx, query)
}

// complete compares the history of the last step with what was written.
func complete(t *testing.T, super *pgxpool.Pool, ends map[string]string) {
	t.Helper()
	// when names the step of a time.
	when := func(expression string) string {
		text := "CASE WHEN " + expression + " < '2024-06-01' THEN (" + expression + ")::date::text"
		for step := 5; step <= lastStep; step++ {
			name := fmt.Sprint("step ", step)
			text += " WHEN " + expression + " < '" + ends[name] + "' THEN '" + name + "'"
		}
		return text + " END"
	}
	period := when("valid_from") + ", " + when("coalesce(valid_to, deleted_at)")
	for _, c := range []struct {
		query string
		want  []string
	}{
		{"SELECT id, version, " + period + ", customer_id, amount, status, note FROM history.purchases ORDER BY id, version", purchases},
		{"SELECT id, version, " + period + ", full_name, email FROM history.customers ORDER BY id, version", customers},
		{"SELECT number, version, " + period + ", total FROM history.invoices ORDER BY number, version", invoices},
		{"SELECT id, customer_id, amount, status, ordered_on FROM purchases", []string{"3|2|100.90|sent|2024-01-10"}},
		{"SELECT DISTINCT coalesce(actor, 'a migration') FROM history.purchases LEFT JOIN yore.transaction USING (xid) ORDER BY 1", []string{"a migration", "ann"}},
		{"SELECT * FROM customers ORDER BY id", []string{"1|Ada Lovelace|ada@example.com", "2|Bob|bob@example.org"}},
		{"SELECT relkind FROM pg_class WHERE oid = 'customers'::regclass", []string{"r"}},
	} {
		if diff := cmp.Diff(c.want, pgtest.Rows(t, super, c.query)); diff != "" {
			t.Errorf("%s\n(-want +have)\n%s", c.query, diff)
		}
	}
}

// TestStory: years of an application's life, up, and where the tool can, down
// and up again, each time with everything that was written in history.
func TestStory(t *testing.T) {
	t.Parallel()
	for _, tool := range tools {
		t.Run(tool.name, func(t *testing.T) {
			t.Parallel()
			owner, shop, dsn := database(t)
			app, super := pgtest.Connect(t, shop), pgtest.Connect(t, dsn)
			m := tool.open(t, owner, tool.dir(t))
			ends := story(t, m, app, super)
			complete(t, super, ends)
			untouched(t, tool, super)
			if tool.forward {
				return
			}
			// Down, with rows in the tables.
			for step := lastStep - 1; step >= 0; step-- {
				if err := m.to(context.Background(), step); err != nil {
					t.Fatalf("down to step %d: %v", step, err)
				}
				pgtest.Clean(t, super)
				down(t, super, step)
			}
			ends = story(t, m, app, super)
			complete(t, super, ends)
			untouched(t, tool, super)
		})
	}
}

// down is what the guide says of each down migration: what it brings back, and
// what it cannot.
func down(t *testing.T, super *pgxpool.Pool, step int) {
	t.Helper()
	for _, c := range map[int][][2]string{
		7: {{"SELECT count(*) FROM pg_indexes WHERE indexname LIKE '%ordered_on%'", "0"}},
		// Tracked anew; the past that untrack kept is whole, beside it.
		6: {{"SELECT count(*) FROM archive.customers_past", "3"}, {"SELECT count(*) FROM history.customers", "2"}},
		5: {{"SELECT to_regclass('invoices') IS NULL AND to_regclass('history.invoices') IS NULL", "t"}},
		// The column is back and empty, the versions that had it still have it.
		4: {{"SELECT note FROM orders", "∅"}, {"SELECT count(*) FROM history.orders", "14"},
			{"SELECT string_agg(note_until_1, ', ' ORDER BY id, version) FROM history.orders", "a gift, paid in cash, urgent, very urgent, very urgent"}},
		3: {{"SELECT amount FROM orders", "100,90"}, {"SELECT string_agg(amount, ' ' ORDER BY version) FROM history.orders WHERE id = 3", "99,90 99,90 100,90 100,90 100,90"}},
		// The past keeps the status.
		2: {{"SELECT string_agg(DISTINCT status, ' ') FROM history.orders", "new paid sent"}},
		1: {{"SELECT to_regclass('orders') IS NULL AND to_regclass('history.orders') IS NULL AND to_regclass('customers') IS NULL", "t"}},
		0: {{"SELECT count(*) FROM yore.status()", "0"}},
	}[step] {
		if have := pgtest.Rows(t, super, c[0]); !slices.Equal(have, []string{c[1]}) {
			t.Errorf("down to step %d: %s: %q, want %q", step, c[0], have, c[1])
		}
	}
}

// untouched checks that the tool's own table is a plain one still.
func untouched(t *testing.T, tool tool, super *pgxpool.Pool) {
	t.Helper()
	if tool.versions == "" {
		return
	}
	have := pgtest.Rows(t, super, `SELECT relkind, relnamespace::regnamespace, (SELECT count(*) FROM pg_trigger WHERE tgrelid = c.oid),
		(SELECT count(*) FROM pg_attribute WHERE attrelid = c.oid AND attname LIKE 'sys%')
		FROM pg_class AS c WHERE relname = '`+tool.versions+`'`)
	if !slices.Equal(have, []string{"r|public|0|0"}) {
		t.Errorf("table %s is %q", tool.versions, have)
	}
}
