package sql_test

import (
	"fmt"
	"testing"
)

// lifeOf is what happens to every table of TestZooKeys, with three keys.
func lifeOf(a, b, c string) []string {
	steps := []string{
		"INSERT INTO t (k, v) VALUES (" + a + ", 'a1')",
		"INSERT INTO t (k, v) VALUES (" + b + ", 'b1')",
		"UPDATE t SET v = 'a2' WHERE k = " + a,
		"INSERT INTO t (k, v) VALUES (" + a + ", '') ON CONFLICT (k) DO UPDATE SET v = 'a3'",
		"UPDATE t SET v = v, k = k",
		"DELETE FROM t WHERE k = " + b,
		"INSERT INTO t (k, v) VALUES (" + b + ", 'b2')",
		"BEGIN; UPDATE t SET v = 'x'; DELETE FROM t WHERE k = " + b + "; INSERT INTO t (k, v) VALUES (" + b + ", 'b3'); COMMIT",
	}
	if c == "" {
		return steps
	}
	return append(steps, "UPDATE t SET k = "+c+" WHERE k = "+a, "UPDATE t SET k = "+a+", v = 'back' WHERE k = "+c)
}

func TestZooKeys(t *testing.T) {
	var zoo []specimen
	for _, k := range []struct{ name, setup, typ, a, b, c string }{
		{"int", "", "int", "1", "-2", "3"},
		{"smallint", "", "smallint", "1", "2", "3"},
		{"bigint", "", "bigint", "9223372036854775807", "-9223372036854775808", "0"},
		{"text", "", "text", "''", "'b ''\\ b'", "'ć'"},
		{"text collated", "", `text COLLATE "C"`, "'a'", "'B'", "'c'"},
		{"uuid", "", "uuid", "'00000000-0000-0000-0000-000000000001'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'", "'018f0000-0000-7000-8000-000000000000'"},
		{"char(n)", "", "char(5)", "'a'", "'b   '", "'ccccc'"},
		{"varchar(n)", "", "varchar(5)", "'a'", "'b   '", "'ccccc'"},
		{"date", "", "date", "'2020-02-29'", "'infinity'", "'0044-03-15 BC'"},
		{"timestamptz", "", "timestamptz", "'2020-02-29 12:00:00.000001Z'", "'-infinity'", "'1900-01-01Z'"},
		{"time", "", "time", "'00:00'", "'24:00'", "'12:30:00.5'"},
		{"interval", "", "interval", "'1 day'", "'1 year'", "'-3 s'"},
		{"numeric", "", "numeric", "1.50", "'NaN'", "-0.000000000000000000001"},
		{"float8", "", "float8", "0.1", "'NaN'", "'-Infinity'"},
		{"bytea", "", "bytea", `'\x00'`, `'\xdeadbeef'`, "''"},
		{"enum", "CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad')", "mood", "'sad'", "'ok'", "'glad'"},
		{"domain", "CREATE DOMAIN code AS text NOT NULL CHECK (length(value) = 2)", "code", "'HR'", "'SI'", "'BA'"},
		{"domain of a domain", "CREATE DOMAIN pos AS int CHECK (value > 0); CREATE DOMAIN small AS pos CHECK (value < 10)", "small", "1", "2", "3"},
		{"citext", "CREATE EXTENSION citext", "citext", "'Ana'", "'BO'", "'cy'"},
		{"array", "", "int[]", "'{1,2}'", "'{}'", "'{NULL,3}'"},
		{"text array", "", "text[]", "'{a}'", "'{\"b,c\"}'", "'{{d,e},{f,g}}'"},
		{"range", "", "int4range", "'[1,5)'", "'empty'", "'(,3)'"},
		{"tstzrange", "", "tstzrange", "'[2020-01-01,2021-01-01)'", "'empty'", "'(,)'"},
		{"composite type", "CREATE TYPE pair AS (a int, b text)", "pair", "ROW(1, 'a')::pair", "ROW(NULL, 'b')::pair", "ROW(2, NULL)::pair"},
		{"boolean", "", "boolean", "true", "false", ""},
		{"inet", "", "inet", "'10.0.0.1'", "'10.0.0.0/8'", "'::1'"},
		{"macaddr", "", "macaddr", "'08:00:2b:01:02:03'", "'08:00:2b:01:02:04'", "'08:00:2b:01:02:05'"},
		{"bit", "", "bit(3)", "B'101'", "B'000'", "B'111'"},
		{"varbit", "", "varbit(5)", "B'1'", "B'10'", "B''"},
		{"jsonb", "", "jsonb", `'{"a": 1}'`, "'null'", "'[1, 2]'"},
		{"name", "", "name", "'a'", "'b'", "'c'"},
		{"oid", "", "oid", "1", "2", "4294967295"},
		{"money", "", "money", "'1.00'", "'2.50'", "'-3'"},
		{"quoted char", "", `"char"`, "'a'", "'b'", "'c'"},
		{"xid8", "", "xid8", "'1'", "'2'", "'18446744073709551615'"},
		{"pg_lsn", "", "pg_lsn", "'0/0'", "'16/B374D848'", "'0/1'"},
		{"hstore", "CREATE EXTENSION hstore", "hstore", "'a=>1'", "''", "'b=>NULL'"},
	} {
		for _, inPlace := range []string{"", ", in_place => true"} {
			if inPlace != "" && k.name != "bigint" && k.name != "citext" && k.name != "range" && k.name != "composite type" {
				continue
			}
			create := []string{"CREATE TABLE t (v text, k " + k.typ + " PRIMARY KEY)"}
			if k.setup != "" {
				create = append([]string{k.setup}, create...)
			}
			versions := 9
			if k.c == "" {
				versions = 7
			}
			zoo = append(zoo, specimen{name: k.name + inPlace, create: create, options: inPlace, steps: lifeOf(k.a, k.b, k.c), versions: versions})
		}
	}
	runZoo(t, zoo)
}

func TestZooOtherKeys(t *testing.T) {
	life := func(on string) []string {
		return []string{
			"INSERT INTO t (a, b, v) VALUES (1, 'x', 'one'), (1, 'y', 'two'), (2, 'x', 'three')",
			"UPDATE t SET v = 'four' WHERE a = 1 AND b = 'y'",
			fmt.Sprintf("INSERT INTO t (a, b, v) VALUES (1, 'x', 'five') ON CONFLICT (%s) DO UPDATE SET v = excluded.v", on),
			"DELETE FROM t WHERE a = 2",
			"INSERT INTO t (a, b, v) VALUES (2, 'x', 'again')",
			"UPDATE t SET b = 'z' WHERE a = 1 AND b = 'x'",
			"UPDATE t SET b = CASE b WHEN 'z' THEN 'x' ELSE b END, a = CASE b WHEN 'y' THEN 9 ELSE a END",
		}
	}
	zoo := []specimen{
		{name: "composite", create: []string{"CREATE TABLE t (v text, b char(3), a int, PRIMARY KEY (a, b))"}, steps: life("a, b"), versions: 9},
		{name: "composite in another order", create: []string{"CREATE TABLE t (a int, b text, v text, PRIMARY KEY (b, a))"}, steps: life("a, b"), versions: 9},
		{name: "unique index", create: []string{"CREATE TABLE t (a int NOT NULL, b text NOT NULL, v text)", "CREATE UNIQUE INDEX t_key ON t (b DESC, a)"},
			options: ", key => '{a,b}'", steps: life("a, b"), versions: 9},
		{name: "unique constraint beside a primary key", create: []string{"CREATE TABLE t (id serial PRIMARY KEY, a int NOT NULL, b text NOT NULL, v text, UNIQUE (a, b))"},
			options: ", key => '{a,b}'", steps: life("a, b"), versions: 9},
		{name: "covering", create: []string{"CREATE TABLE t (a int, b text, v text, PRIMARY KEY (a, b) INCLUDE (v))"}, steps: life("a, b"), versions: 9},
		{name: "uuid default", create: []string{"CREATE TABLE t (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), v text)"},
			steps: []string{"INSERT INTO t (v) VALUES ('a'), ('b')", "UPDATE t SET v = 'c' WHERE v = 'a'", "DELETE FROM t WHERE v = 'b'"}, versions: 3},
		{name: "only key columns", create: []string{"CREATE TABLE t (a int, b int, PRIMARY KEY (a, b))"},
			steps: []string{"INSERT INTO t VALUES (1, 1), (1, 2)", "UPDATE t SET b = 3 WHERE b = 2", "DELETE FROM t WHERE b = 1", "INSERT INTO t VALUES (1, 1) ON CONFLICT DO NOTHING", "UPDATE t SET a = a"}, versions: 4},
		{name: "one column beside the key", create: []string{"CREATE TABLE t (a int PRIMARY KEY, b int)"},
			steps: []string{"INSERT INTO t VALUES (1, 1), (2, NULL)", "UPDATE t SET b = NULL", "UPDATE t SET b = 5 WHERE a = 2", "DELETE FROM t"}, versions: 4},
		{name: "exclusion", create: []string{"CREATE EXTENSION btree_gist", "CREATE TABLE t (a int, b text, v text, PRIMARY KEY (a, b))"},
			options: ", exclusion => true", steps: life("a, b"), versions: 9},
		{name: "not squashed", create: []string{"CREATE TABLE t (k int PRIMARY KEY, v text)"}, options: ", squash => false", steps: lifeOf("1", "2", "3"), versions: 10},
	}
	runZoo(t, zoo)
}
