package sql_test

import (
	"strings"
	"testing"
)

// Every kind of action on every kind of table: present, history and as-of are
// in step afterwards, and the past is what it was.
func TestMigrationsActions(t *testing.T) {
	t.Parallel()
	const seen = "k, n, b" // columns that do not change, where a case names none
	cases := []struct {
		name    string
		before  []string
		action  string
		more    string // arguments
		write   string // to the row with k = 1; "" changes b
		columns string // of history
		want    []string
		changes bool // k, n or b
		atLeast int
	}{
		{name: "add", action: "ADD COLUMN x int", write: "x = 5", columns: "a, x", want: []string{"one|∅", "uno|∅", "uno|5"}},
		{name: "add if not exists", action: "ADD IF NOT EXISTS x int, ADD COLUMN IF NOT EXISTS b text", write: "x = 5", columns: "a, x", want: []string{"one|∅", "uno|∅", "uno|5"}},
		{name: "add with a default", action: "ADD x int NOT NULL DEFAULT 7", columns: "a, x", want: []string{"one|∅", "uno|7", "uno|7"}},
		{name: "add generated", action: "ADD COLUMN g text GENERATED ALWAYS AS (upper(a)) STORED", columns: "a, g", want: []string{"one|∅", "uno|UNO", "uno|UNO"}},
		{name: "add virtual", action: "ADD COLUMN g int GENERATED ALWAYS AS (n * 2) VIRTUAL", columns: "a, g", want: []string{"one|2", "uno|22", "uno|22"}, atLeast: 18},
		{name: "add identity", action: "ADD COLUMN i int GENERATED ALWAYS AS IDENTITY", columns: "a, i IS NULL", want: []string{"one|t", "uno|f", "uno|f"}},
		{name: "rename", action: "RENAME COLUMN a TO z", write: "z = 'eins'", columns: "z", want: []string{"one", "uno", "eins"}},
		{name: "rename to a name that the past keeps", before: []string{"SELECT yore.alter_table({T}, 'DROP COLUMN d')"}, action: "RENAME a TO d", write: "d = 'eins'",
			columns: "d, d_until_1", want: []string{"one|1.25", "uno|∅", "eins|∅"}},
		{name: "retype without a rewrite", action: "ALTER a TYPE text", write: "a = 'a longer name than ten'", columns: "a", want: []string{"one", "uno", "a longer name than ten"}},
		{name: "retype with one", action: "ALTER COLUMN n SET DATA TYPE text", write: "n = 'many'", columns: "n", want: []string{"1", "11", "many"}},
		{name: "retype to another collation", action: `ALTER COLUMN b TYPE text COLLATE "C"`, columns: "b", want: []string{"x", "x", "y"}},
		{name: "retype with a loss", action: "ALTER d TYPE numeric(10,1)", columns: "d, d_until_1", want: []string{"1.3|1.25", "1.3|∅", "1.3|∅"}},
		{name: "retype what fails for the past", before: []string{"UPDATE {t} SET a = '5'"}, action: "ALTER a TYPE int USING a::int", write: "a = 6",
			columns: "a, a_until_1", want: []string{"∅|one", "∅|uno", "5|∅", "6|∅"}},
		{name: "retype by other columns", action: "ALTER a TYPE text USING a || n", columns: "a, a_until_1", want: []string{"one1|one", "uno11|∅", "uno11|∅"}},
		{name: "retype by the table's name", action: "ALTER d TYPE text USING {last}.a || ':' || {last}.d", columns: "d, d_until_1", want: []string{"one:1.25|1.25", "uno:1.25|∅", "uno:1.25|∅"}},
		{name: "retype two by each other", action: "ALTER a TYPE int USING n, ALTER n TYPE varchar(10) USING a", write: "n = 'eins'",
			columns: "a, n, a_until_1, n_until_1", want: []string{"1|one|one|1", "11|uno|∅|∅", "11|eins|∅|∅"}, changes: true},
		{name: "retype by a column that goes", action: "DROP COLUMN b, ALTER a TYPE text USING a || b", more: "keep_past => false", write: "a = 'eins'",
			columns: "a, a_until_1", want: []string{"onex|one", "unox|∅", "eins|∅"}, changes: true},
		{name: "drop", before: []string{"UPDATE {t} SET b = NULL WHERE k = 1"}, action: "DROP COLUMN b", write: "a = 'eins'", columns: "a, b", want: []string{"one|x", "uno|x", "uno|∅", "eins|∅"}, changes: true},
		{name: "drop without a trace", action: "DROP b", more: "keep_past => false", write: "a = 'eins'", columns: "a", want: []string{"one", "uno", "eins"}, changes: true},
		{name: "drop and add in one", action: "DROP COLUMN b, ADD COLUMN b int DEFAULT 4", write: "b = 5", columns: "b, b_until_1", want: []string{"∅|x", "4|∅", "5|∅"}, changes: true},
		{name: "drop and add in one without a trace", action: "DROP COLUMN b, ADD COLUMN b int DEFAULT 4", more: "keep_past => false", write: "b = 5", columns: "b", want: []string{"∅", "4", "5"}, changes: true},
		{name: "drop and add and drop and add", before: []string{"SELECT yore.alter_table({T}, 'DROP b')", "SELECT yore.add_column({T}, 'b', 'date')",
			"UPDATE {t} SET b = '2020-01-01' WHERE k = 1", "UPDATE {t} SET b = NULL WHERE k = 1", "SELECT yore.drop_column({T}, 'b')"},
			action: "ADD COLUMN b text", write: "b = 'y'", columns: "b, b_until_1, b_until_2", want: []string{"∅|x|∅", "∅|∅|∅", "∅|∅|2020-01-01", "∅|∅|∅", "y|∅|∅"}, changes: true},
		{name: "several", action: "ADD x int DEFAULT 3, DROP COLUMN d, ALTER a TYPE text, ALTER n SET NOT NULL, ALTER n SET DEFAULT 20, ADD CHECK (n > 10 OR k > 1)", columns: "a, x, d", want: []string{"one|∅|1.25", "uno|3|∅", "uno|3|∅"}},
		{name: "set and drop not null", action: "ALTER COLUMN n DROP NOT NULL", before: []string{"SELECT yore.alter_table({T}, 'ALTER n SET NOT NULL')", "INSERT INTO {t} (k, n) VALUES (5, 5)"}, columns: "n", want: []string{"1", "11", "11"}},
		{name: "check", action: "ADD CONSTRAINT grown CHECK (n <> 1), ADD CHECK (a <> 'one') NOT VALID", columns: "n", want: []string{"1", "11", "11"}},
		{name: "default", action: "ALTER COLUMN n SET DEFAULT 99", columns: "n", want: []string{"1", "11", "11"}},
		{name: "unique", action: "ADD CONSTRAINT one_a UNIQUE (a)", columns: "a", want: []string{"one", "uno", "uno"}},
		{name: "column storage, statistics and options", action: "ALTER b SET STORAGE EXTERNAL, ALTER b SET STATISTICS 500, ALTER n SET (n_distinct = 5), SET (fillfactor = 80)", columns: "n", want: []string{"1", "11", "11"}},
		{name: "foreign key", action: "ADD COLUMN p int DEFAULT 1 REFERENCES {p} ON DELETE CASCADE", columns: "p", want: []string{"∅", "1", "1"}},
	}
	for _, way := range ways {
		for _, c := range cases {
			t.Run(way+"/"+c.name, func(t *testing.T) {
				k := keep(t, way, "CREATE TABLE other (id int PRIMARY KEY)", "INSERT INTO other VALUES (1)")
				k.needs(max(13, c.atLeast), c.name)
				face := k.names.Replace("{t}")
				fill := strings.NewReplacer("{T}", literal(face), "{p}", "other", "{last}", face[strings.LastIndex(face, ".")+1:])
				for _, b := range c.before {
					k.do(fill.Replace(b))
				}
				var more []string
				if c.more != "" {
					more = append(more, c.more)
				}
				k.alter(fill.Replace(c.action), more...)
				write := c.write
				if write == "" {
					write = "b = 'y'"
				}
				k.do("UPDATE {t} SET " + write + " WHERE k = 1")
				k.versionsAre(c.columns, c.want...)
				columns := seen
				if c.changes || strings.Contains(c.action, "n SET DATA TYPE") {
					columns = "k"
				}
				k.fine(columns)
				if c.name == "foreign key" {
					k.exec("DELETE FROM other")
					k.want(k.names.Replace("SELECT k FROM {t}"))
					k.ok()
				}
			})
		}
	}
}
