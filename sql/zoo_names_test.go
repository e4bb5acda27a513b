package sql_test

import (
	"fmt"
	"strings"
	"testing"

	"yore.example/yore/internal/pgtest"
)

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// Names that meet the templates, PL/pgSQL or a careless quote.
func TestZooNames(t *testing.T) {
	var zoo []specimen
	long := strings.Repeat("l", 58)
	longest := strings.Repeat("m", 63)
	for _, name := range []string{
		"user", "Mixed Case", `a "quoted" one`, "it's", "{past}", "{storage} {columns}", "$$", "$outer$", "100%", "%I %s %1$I", `back\slash`, `\`, "a.b", "ünï", "trailing ",
		"select", "t-1", "1st", "all;DROP", "--", "/*", "new\nline", long, strings.Repeat("ć", 29),
	} {
		table := quoted(name)
		zoo = append(zoo, specimen{name: "table " + name, table: table,
			create: []string{fmt.Sprintf(`CREATE TABLE %s (id int PRIMARY KEY, %s text, "%%" int)`, table, quoted("c"+name))}, versions: 4,
			steps: []string{
				fmt.Sprintf("INSERT INTO %s VALUES (1, 'a'), (2, 'b')", table),
				fmt.Sprintf("UPDATE %s SET %s = 'c' WHERE id = 1", table, quoted("c"+name)),
				fmt.Sprintf("UPDATE %s SET id = 3 WHERE id = 1", table),
				fmt.Sprintf("DELETE FROM %s", table),
			}})
	}
	zoo = append(zoo, specimen{name: "63 bytes", table: longest, options: ", past_name => 'before'", versions: 2,
		create: []string{"CREATE TABLE " + longest + " (" + strings.Repeat("k", 63) + " int PRIMARY KEY, " + strings.Repeat("c", 63) + " text)"},
		steps:  []string{"INSERT INTO " + longest + " VALUES (1, 'a')", "UPDATE " + longest + " SET " + strings.Repeat("c", 63) + " = 'b'", "DELETE FROM " + longest}})
	zoo = append(zoo, specimen{name: "63 bytes, in place", table: longest, options: ", past_name => '" + strings.Repeat("p", 63) + "', in_place => true, on_truncate => 'archive'", versions: 2,
		create: []string{"CREATE TABLE " + longest + " (" + strings.Repeat("k", 63) + " int PRIMARY KEY, " + strings.Repeat("c", 63) + " text)"},
		steps:  []string{"INSERT INTO " + longest + " VALUES (1, 'a')", "UPDATE " + longest + " SET " + strings.Repeat("c", 63) + " = 'b'", "TRUNCATE " + longest}})
	runZoo(t, zoo)
}

// Columns with the names that the triggers' own variables and aliases have,
// beside the key and as the key.
func TestZooColumnNames(t *testing.T) {
	var zoo []specimen
	names := []string{
		"xid", "began", "ended", "fits", "t", "p", "c", "m", "e", "v", "made", "created", "old", "new", "last", "last_version", "last_from", "last_to", "last_xid",
		"step", "key", "rekeyed", "user", "order", "Mixed", `qu"ote`, "it's", "{past}", "{columns}", "$$", "%", "%I", `back\slash`, "tg_op", "found", "one", "r", "s", "j", "chain", "problem", "place", "is_last",
		"ctid_", "name", "value", "asof", "history", "yore column 1", strings.Repeat("x", 63),
	}
	var columns, sets, values []string
	for i, name := range names {
		columns = append(columns, quoted(name)+" text")
		values = append(values, fmt.Sprintf("'v%d'", i))
		sets = append(sets, quoted(name)+" = 'w'")
	}
	zoo = append(zoo, specimen{name: "all beside the key", options: ", prefix => 'sys_'", versions: 3 + len(names),
		create: []string{"CREATE TABLE t (id int PRIMARY KEY, " + strings.Join(columns, ", ") + ", version text, valid_from text, valid_to text, deleted_at text)"},
		steps: append([]string{"INSERT INTO t VALUES (1, " + strings.Join(values, ", ") + ", '1', '2', '3', '4')"},
			append(eachSet(sets), "UPDATE t SET version = 'x', valid_to = 'y'", "UPDATE t SET id = 2", "DELETE FROM t")...)})
	for part, some := range [][]string{names[:25], names[25:]} {
		some = append(some[:len(some):len(some)], "version", "valid_from", "deleted_at", "id")
		var columns, list, all, first []string
		for _, name := range some {
			columns = append(columns, quoted(name)+" int DEFAULT 0")
			list = append(list, quoted(name))
			all = append(all, quoted(name)+" = 5")
			first = append(first, quoted(name)+" = "+quoted(name)+" + 1")
		}
		key := "PRIMARY KEY (" + strings.Join(list, ", ") + ")"
		zoo = append(zoo, specimen{name: fmt.Sprint("key ", part), options: ", prefix => 'sys_', on_truncate => 'archive', in_place => true", versions: 6,
			create: []string{"CREATE TABLE t (" + strings.Join(columns, ", ") + ", \"a%\" text, " + key + ")"},
			steps: []string{
				"INSERT INTO t (id, \"a%\") VALUES (1, 'a'), (2, 'b')", "UPDATE t SET \"a%\" = 'c' WHERE id = 1", "UPDATE t SET " + strings.Join(all, ", ") + " WHERE id = 2",
				"DELETE FROM t WHERE id = 1", "INSERT INTO t (id, \"a%\") VALUES (1, 'd')", "UPDATE t SET " + strings.Join(first, ", ") + " WHERE id = 5", "TRUNCATE t",
			}})
	}
	runZoo(t, zoo)
}

func eachSet(sets []string) []string {
	var steps []string
	for _, set := range sets {
		steps = append(steps, "UPDATE t SET "+set)
	}
	return steps
}

// Two schemas with a table of the same name, both tracked: an as-of session
// finds the one that search_path would find.
func TestZooTwoSchemas(t *testing.T) {
	t.Parallel()
	for _, schemas := range [][2]string{{"public", "sales"}, {`"Odd ""one"""`, "{past}"}} {
		t.Run(strings.Join(schemas[:], "+"), func(t *testing.T) {
			t.Parallel()
			db, _ := session(t)
			a, b := schemas[0], schemas[1]
			if b == "{past}" {
				b = `"{past}"`
			}
			for _, s := range []string{a, b} {
				pgtest.Exec(t, db, "CREATE SCHEMA IF NOT EXISTS "+s, "CREATE TABLE "+s+".t (id int PRIMARY KEY, v text)", "SELECT yore.track("+literal(s+".t")+")",
					"INSERT INTO "+s+".t VALUES (1, "+literal("old "+s)+")")
			}
			pgtest.Exec(t, db, "CREATE TABLE "+b+".alone (id int PRIMARY KEY)", "INSERT INTO "+b+".alone VALUES (1)")
			at := instant(t, db)
			pgtest.Exec(t, db, "UPDATE "+a+".t SET v = 'new'", "DELETE FROM "+b+".t")
			for _, test := range []struct{ path, want string }{
				{a, "old " + a}, {b, "old " + b}, {a + ", " + b, "old " + a}, {b + ", " + a, "old " + b}, {"nowhere, " + b, "old " + b},
			} {
				pgtest.Exec(t, db, "BEGIN", "SET LOCAL search_path = "+test.path, "SELECT yore.as_of('"+at+"')")
				rowsAre(t, db, "SELECT v FROM t", test.want)
				if strings.Contains(test.path, b) {
					rowsAre(t, db, "SELECT id FROM alone", "1")
				}
				refuses(t, db, "SELECT v FROM "+a+".t", "YO010", "the present")
				pgtest.Exec(t, db, "ROLLBACK")
			}
			pgtest.Clean(t, db)
			rowsAre(t, db, "SELECT count(*) FROM yore.status() WHERE state = 'ok'", "2")
			pgtest.Exec(t, db, "SELECT yore.untrack("+literal(a+".t")+")", "INSERT INTO "+b+".t VALUES (2, 'goes on')", "SELECT yore.untrack("+literal(b+".t")+", 'drop')")
			rowsAre(t, db, "SELECT v FROM "+a+".t", "new")
			rowsAre(t, db, "SELECT v FROM "+b+".t", "goes on")
		})
	}
}
