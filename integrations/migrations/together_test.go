package migrations_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"ariga.io/atlas/sql/postgres"
	"ariga.io/atlas/sql/schema"
	"github.com/google/go-cmp/cmp"

	"yore.example/yore/internal/pgtest"
)

// TestTwoMigrators: two go up at once, from nothing, while the application
// writes as soon as it can: one of them migrates, the other finds it done, and
// every write is a version. psql has no lock.
func TestTwoMigrators(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, tool := range tools {
		if tool.name == "psql" {
			continue
		}
		t.Run(tool.name, func(t *testing.T) {
			t.Parallel()
			owner, shop, dsn := database(t)
			super, app := pgtest.Connect(t, dsn), pgtest.Connect(t, shop)
			dir, other := tool.dir(t), tool.dir(t)
			one := tool.open(t, owner, dir)
			if err := one.to(ctx, 2); err != nil {
				t.Fatal(err)
			}
			pgtest.Exec(t, super, "INSERT INTO customers VALUES (1, 'Ada', '0')")
			both := []migrator{one, tool.open(t, owner, other)}

			var migrators, writer sync.WaitGroup
			var done atomic.Bool
			writes := 0
			writer.Go(func() {
				for !done.Load() {
					if _, err := app.Exec(ctx, "UPDATE customers SET email = email::int + 1"); err != nil {
						t.Error(err)
						return
					}
					writes++
				}
			})
			for _, m := range both {
				migrators.Go(func() {
					if err := m.to(ctx, 6); err != nil {
						t.Error(err)
					}
				})
			}
			migrators.Wait()
			done.Store(true)
			writer.Wait()
			for _, m := range both {
				if step, err := m.step(ctx); step != 6 || err != nil {
					t.Errorf("step %d, %v", step, err)
				}
			}
			have := pgtest.Rows(t, super, "SELECT (SELECT email FROM customers), count(*) - 1, max(version) - 1 FROM history.customers")
			if n := strconv.Itoa(writes); have[0] != n+"|"+n+"|"+n || writes == 0 {
				t.Errorf("%d writes, but the number in the row, the versions and the last version's number say %q", writes, have)
			}
			pgtest.Clean(t, super)
		})
	}
}

// TestAtlasLeavesOut: what atlas is told to exclude, a plan by difference does
// not touch; a table tracked in place is a table to it.
func TestAtlasLeavesOut(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	owner, _, dsn := database(t)
	super := pgtest.Connect(t, dsn)
	tool := tools[4]
	dir := tool.dir(t)
	tool.only(t, dir, 1)
	tool.add(t, dir, 2, "tables", `CREATE TABLE plain (id int PRIMARY KEY);
CREATE TABLE orders (id int PRIMARY KEY, note text);
CREATE TABLE stays (id int PRIMARY KEY, room text);
SELECT yore.track('orders');
SELECT yore.track('stays', in_place => true);
`, "")
	if err := tool.open(t, owner, dir).to(ctx, 2); err != nil {
		t.Fatal(err)
	}
	driver, err := postgres.Open(openSQL(t, owner))
	if err != nil {
		t.Fatal(err)
	}
	realm, err := driver.InspectRealm(ctx, &schema.InspectRealmOption{
		Exclude: []string{"yore", "temporal*", "history*", "asof*", "*.atlas_schema_revisions", "*.*.sys_*"},
	})
	if err != nil {
		t.Fatal(err)
	}
	have := make(map[string][]string)
	for _, s := range realm.Schemas {
		for _, table := range s.Tables {
			for _, c := range table.Columns {
				name := s.Name + "." + table.Name
				have[name] = append(have[name], c.Name)
			}
		}
	}
	want := map[string][]string{"public.plain": {"id"}, "public.stays": {"id", "room"}}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("(-want +have)\n%s", diff)
	}

	// A column more in what is wanted of the table in place.
	from := must(schemaOf(realm, "stays"))
	to := *from
	to.Columns = append(append([]*schema.Column(nil), from.Columns...), schema.NewNullStringColumn("guest", "text"))
	changes, err := driver.TableDiff(from, &to)
	if err != nil {
		t.Fatal(err)
	}
	if err := driver.ApplyChanges(ctx, []schema.Change{&schema.ModifyTable{T: &to, Changes: changes}}); err != nil {
		t.Fatal(err)
	}
	if _, err := super.Exec(ctx, "INSERT INTO stays VALUES (1, 'blue')"); err == nil {
		t.Error("a write between ALTER TABLE and yore.sync did not fail")
	}
	pgtest.Exec(t, super, "SELECT yore.sync('stays')", "INSERT INTO stays (id, guest) VALUES (1, 'Ada')", "UPDATE stays SET guest = 'Bob'")
	if diff := cmp.Diff([]string{"Ada", "Bob"}, pgtest.Rows(t, super, "SELECT guest FROM history.stays ORDER BY version")); diff != "" {
		t.Error(diff)
	}
	pgtest.Exec(t, super, "SELECT yore.auto_sync(true)")
	last := to
	last.Columns = append(append([]*schema.Column(nil), to.Columns...), schema.NewNullIntColumn("nights", "int"))
	changes, err = driver.TableDiff(&to, &last)
	if err != nil {
		t.Fatal(err)
	}
	if err := driver.ApplyChanges(ctx, []schema.Change{&schema.ModifyTable{T: &last, Changes: changes}}); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, super, "UPDATE stays SET nights = 2")
	pgtest.Clean(t, super)
}

func schemaOf(realm *schema.Realm, table string) (*schema.Table, bool) {
	s, ok := realm.Schema("public")
	if !ok {
		return nil, false
	}
	return s.Table(table)
}

func must(t *schema.Table, ok bool) *schema.Table {
	if !ok {
		panic("no such table")
	}
	return t
}
