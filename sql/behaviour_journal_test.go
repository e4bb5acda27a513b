package sql_test

import (
	"strings"
	"testing"

	"yore.example/yore/internal/pgtest"
)

func TestBehaviourJournal(t *testing.T) {
	t.Parallel()
	const stamped = "id int PRIMARY KEY, name text, updated_at int"
	const foobar = "id int PRIMARY KEY, foo text, bar text"
	for _, b := range []behaviour{
		{
			name:  "temporal-53 updated_at alone makes no version, with a change beside it one",
			table: stamped, columns: "id, name, updated_at",
			steps:   []string{"INSERT INTO t VALUES (1, 'a', 1)", "UPDATE t SET updated_at = 2", "UPDATE t SET updated_at = 3"},
			present: []string{"1|a|3"},
			history: []string{"1|a|3|v1 open"},
		},
		{
			name:  "temporal-53 the version before keeps the last updated_at it had",
			table: stamped, columns: "id, name, updated_at",
			steps:   []string{"INSERT INTO t VALUES (1, 'a', 1)", "UPDATE t SET updated_at = 2", "UPDATE t SET name = 'b', updated_at = 3", "UPDATE t SET updated_at = 4"},
			present: []string{"1|b|4"},
			history: []string{"1|a|2|v1 past", "1|b|4|v2 open"},
		},
		{
			name:  "temporal-54 a column that journal does not name",
			table: foobar, columns: "id, foo, bar", options: ", journal => '{foo}'",
			steps:   []string{"INSERT INTO t VALUES (1, 'a', 'x')", "UPDATE t SET bar = 'y'"},
			present: []string{"1|a|y"},
			history: []string{"1|a|y|v1 open"},
		},
		{
			name:  "temporal-54 and one that it names",
			table: foobar, columns: "id, foo, bar", options: ", journal => '{foo}'",
			steps:   []string{"INSERT INTO t VALUES (1, 'a', 'x')", "UPDATE t SET foo = 'b'", "UPDATE t SET bar = 'y'"},
			present: []string{"1|b|y"},
			history: []string{"1|a|x|v1 past", "1|b|y|v2 open"},
		},
		{
			name:  "temporal-55 journal is widened",
			table: foobar, columns: "id, foo, bar", options: ", journal => '{foo}'",
			steps:   []string{"INSERT INTO t VALUES (1, 'a', 'x')", "SELECT yore.track('t', journal => '{foo,bar}')", "UPDATE t SET bar = 'y'"},
			present: []string{"1|a|y"},
			history: []string{"1|a|x|v1 past", "1|a|y|v2 open"},
		},
		{
			name:  "temporal-56 journal is changed to another column",
			table: foobar, columns: "id, foo, bar", options: ", journal => '{foo}'",
			steps: []string{"INSERT INTO t VALUES (1, 'a', 'x')", "SELECT yore.track('t', journal => '{bar}')",
				"UPDATE t SET foo = 'b'", "UPDATE t SET bar = 'y'"},
			present: []string{"1|b|y"},
			history: []string{"1|b|x|v1 past", "1|b|y|v2 open"},
		},
		{
			name:  "temporal-65 no_journal adds to updated_at",
			table: "id int PRIMARY KEY, name text, n int, updated_at int", columns: "id, name, n, updated_at", options: ", no_journal => '{n}'",
			steps: []string{"INSERT INTO t VALUES (1, 'a', 0, 1)", "UPDATE t SET n = 1", "UPDATE t SET updated_at = 2", "UPDATE t SET n = 2, updated_at = 3",
				"UPDATE t SET name = 'b'"},
			present: []string{"1|b|2|3"},
			history: []string{"1|a|2|3|v1 past", "1|b|2|3|v2 open"},
		},
		{
			name:  "temporal-65 full_journal journals updated_at too",
			table: stamped, columns: "id, name, updated_at", options: ", full_journal => true",
			steps:   []string{"INSERT INTO t VALUES (1, 'a', 1)", "UPDATE t SET updated_at = 2", "UPDATE t SET updated_at = 2"},
			present: []string{"1|a|2"},
			history: []string{"1|a|1|v1 past", "1|a|2|v2 open"},
		},
		{
			name:  "temporal-65 journal may name updated_at",
			table: stamped, columns: "id, name, updated_at", options: ", journal => '{updated_at}'",
			steps:   []string{"INSERT INTO t VALUES (1, 'a', 1)", "UPDATE t SET updated_at = 2", "UPDATE t SET name = 'b'"},
			present: []string{"1|b|2"},
			history: []string{"1|a|1|v1 past", "1|b|2|v2 open"},
		},
		{
			name:    "temporal-65 a change of the key makes a version whatever the journal",
			options: ", journal => '{name}'",
			steps:   []string{"INSERT INTO t VALUES (1, 'a')", "UPDATE t SET id = 2"},
			present: []string{"2|a"},
			history: []string{"1|a|v1 past", "1|a|v2 tombstone", "2|a|v1 open"},
		},
		{
			name: "temporal-52 an update that changes nothing counts and makes no version",
			steps: []string{"INSERT INTO t VALUES (1, 'a'), (2, NULL)", "UPDATE t SET name = name",
				"DO $$ DECLARE n int; BEGIN UPDATE t SET id = id; GET DIAGNOSTICS n = ROW_COUNT; ASSERT n = 2; END $$"},
			present: []string{"1|a", "2|∅"},
			history: []string{"1|a|v1 open", "2|∅|v1 open"},
		},
		{
			name:    "temporal-52 to NULL and from NULL are changes",
			steps:   []string{"INSERT INTO t VALUES (1, 'a')", "UPDATE t SET name = NULL", "UPDATE t SET name = NULL", "UPDATE t SET name = ''"},
			present: []string{"1|"},
			history: []string{"1|a|v1 past", "1|∅|v2 past", "1||v3 open"},
		},
		{
			name:  "temporal-70 equal is not identical",
			table: "id int PRIMARY KEY, n numeric, v interval", columns: "id, n, v",
			steps:   []string{"INSERT INTO t VALUES (1, 1.0, '1 day')", "UPDATE t SET n = 1.00", "UPDATE t SET n = 1.00", "UPDATE t SET v = '24 hours'"},
			present: []string{"1|1.00|24:00:00"},
			history: []string{"1|1.0|1 day|v1 past", "1|1.00|1 day|v2 past", "1|1.00|24:00:00|v3 open"},
		},
	} {
		b.run(t)
	}

	t.Run("temporal-69 json, xml, point and their like", func(t *testing.T) {
		columns := []struct{ column, one, same, other string }{
			{"json", `{"a": 1}`, `{"a": 1}`, `{"a":  1}`},
			{"jsonb", `{"a": 1, "b": 2}`, `{"b":2,"a":1}`, `{"a": 2}`},
			{"point", "(1,2)", "(1.0,2.0)", "(1,3)"},
			{"polygon", "((0,0),(1,1),(1,0))", "((0,0),(1,1),(1,0))", "((0,0),(1,1),(2,0))"},
			{"box", "(1,1),(0,0)", "(1,1),(0,0)", "(2,2),(0,0)"},
			{"text[]", "{a,NULL}", "{a,NULL}", "{a}"},
			{"int4range", "[1,5)", "[1,4]", "[1,5]"},
			{"tsvector", "'a' 'b'", "'b' 'a'", "'c'"},
			{"bytea", `\x00ff`, `\x00FF`, `\x00fe`},
			{"oid", "1", "1", "2"},
			{"float8", "NaN", "NaN", "0"},
			{"name", "n", "n", "m"},
			{"xml", "<a/>", "<a/>", "<a></a>"},
		}
		l := newLab(t)
		// A PostgreSQL may be built without XML.
		if _, err := l.db.Exec(t.Context(), "SELECT '<a/>'::xml"); sqlState(err) == "0A000" {
			t.Logf("xml left out: %v", err)
			columns = columns[:len(columns)-1]
		}
		for _, c := range columns {
			l.exec(strings.ReplaceAll("CREATE TABLE t (id int PRIMARY KEY, v %)", "%", c.column), "SELECT yore.track('t')",
				"INSERT INTO t VALUES (1, '"+strings.ReplaceAll(c.one, "'", "''")+"')",
				"UPDATE t SET v = '"+strings.ReplaceAll(c.same, "'", "''")+"'")
			if n := l.value("SELECT count(*) FROM history.t"); n != "1" {
				t.Errorf("%s: the same value made %s versions", c.column, n)
			}
			one := l.value("SELECT v FROM t")
			l.exec("UPDATE t SET v = '"+strings.ReplaceAll(c.other, "'", "''")+"'", "UPDATE t SET v = NULL")
			l.want("SELECT v FROM history.t ORDER BY version", one, l.value("SELECT v FROM history.t WHERE version = 2"), "∅")
			l.sound("t", "id")
			l.exec("SELECT yore.untrack('t', 'drop')", "DROP TABLE t")
		}
	})

	t.Run("temporal-69 a column of the same value stored elsewhere", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, v text, n int)", "ALTER TABLE t ALTER v SET STORAGE EXTERNAL", "SELECT yore.track('t')",
			"INSERT INTO t VALUES (1, repeat('long ', 4000), 0)", "UPDATE t SET v = repeat('long ', 4000)")
		l.versions("t", 1)
		l.exec("UPDATE t SET n = 1", "UPDATE t SET v = repeat('long ', 3999) || 'lonG '")
		l.want("SELECT version, length(v), right(v, 5) FROM history.t ORDER BY 1", "1|20000|long ", "2|20000|long ", "3|20000|lonG ")
		pgtest.Clean(t, l.db)
	})
}
