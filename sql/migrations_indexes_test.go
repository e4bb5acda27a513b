package sql_test

import (
	"fmt"
	"strings"
	"testing"
)

// An index in any form is in the past as in the present, but not unique: made
// before tracking, by yore.create_index, and gone from both by yore.drop_index.
func TestMigrationsIndexes(t *testing.T) {
	t.Parallel()
	const long = "an_index_with_a_name_of_just_sixty_three_bytes_which_is_the_most"
	for _, c := range []struct {
		definition, name, want string // of the past, behind the table's name
		unique                 bool
		atLeast                int
	}{
		{definition: "(a)", want: "USING btree (a)"},
		{definition: "(a, n)", unique: true, want: "USING btree (a, n)"},
		{definition: "(a DESC NULLS LAST, n NULLS FIRST)", want: "USING btree (a DESC NULLS LAST, n NULLS FIRST)"},
		{definition: "(lower(a), (n + 1))", want: "USING btree (lower(a), ((n + 1)))"},
		{definition: "(a text_pattern_ops) INCLUDE (n, b) WHERE n > 0 AND b IS NOT NULL", want: "USING btree (a text_pattern_ops) INCLUDE (n, b) WHERE ((n > 0) AND (b IS NOT NULL))"},
		{definition: `(a COLLATE "C")`, want: `USING btree (a COLLATE "C")`},
		{definition: "USING hash (a)", want: "USING hash (a)"},
		{definition: "USING gin (tags) WITH (fastupdate = off)", want: "USING gin (tags) WITH (fastupdate=off)"},
		{definition: "USING gist (spot, period)", want: "USING gist (spot, period)"},
		{definition: "USING brin (n) WITH (pages_per_range = 7)", want: "USING brin (n) WITH (pages_per_range='7')"},
		{definition: "(a) NULLS NOT DISTINCT", unique: true, want: "USING btree (a) NULLS NOT DISTINCT", atLeast: 15},
		{definition: "(a)", name: long[:63], want: "USING btree (a)"},
		{definition: "(a)", name: `Odd "name" ON temporal.t USING (x); --`, want: "USING btree (a)"},
		{definition: "(public.my_lower(a))", want: "USING btree (my_lower(a))"},
	} {
		for _, way := range []string{"", ", in_place => true", ", immutable => true"} {
			t.Run(c.definition+c.name+way, func(t *testing.T) {
				key := map[bool]string{true: "UNIQUE", false: "PRIMARY KEY"}[strings.Contains(way, "immutable")]
				l := newLab(t, "CREATE FUNCTION my_lower(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower($1)'",
					"CREATE TABLE t (id int "+key+", a text, n int, b text, tags text[], spot point, period tstzrange)")
				l.needs(max(13, c.atLeast), c.definition)
				name := "NULL"
				if c.name != "" {
					name = literal(c.name)
				}
				call := fmt.Sprintf("SELECT yore.create_index('t', %s, %s, %t)", literal(c.definition), name, c.unique)
				check := func(made string) {
					t.Helper()
					l.want("SELECT regexp_replace(pg_get_indexdef(i.indexrelid), '^.* ON temporal.t_past ', ''), indisunique FROM pg_index AS i JOIN pg_class AS c ON c.oid = indexrelid WHERE relname = yore._copy_name("+literal(made)+")", c.want+"|f")
				}
				made := l.value(call)
				l.exec("SELECT yore.track('t'"+way+")", "INSERT INTO t (id, a) VALUES (1, 'x')", "UPDATE t SET a = 'y'")
				check(made)
				l.exec("SELECT yore.drop_index('t', " + literal(made) + ")")
				l.want("SELECT count(*) FROM pg_class WHERE relname IN (yore._copy_name("+literal(made)+"), "+literal(made)+")", "0")
				if again := l.value(call); again != made {
					t.Errorf("named %q, not %q", again, made)
				}
				check(made)
				if c.unique {
					l.exec("INSERT INTO t (id, a, n) VALUES (5, 'same', 1)", "UPDATE t SET n = 2 WHERE id = 5", "UPDATE t SET n = 1 WHERE id = 5")
					l.refused("23505", "INSERT INTO t (id, a, n) VALUES (6, 'same', 1)")
				}
				l.ok()
			})
		}
	}

	t.Run("an index on a column that was dropped and came back", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, a text)", "CREATE INDEX by_a ON t (a)", "SELECT yore.track('t')", "SELECT yore.drop_column('t', 'a')", "SELECT yore.add_column('t', 'a', 'int')",
			"SELECT yore.create_index('t', '(a)', 'by_a')")
		l.want("SELECT tablename, indexdef FROM pg_indexes WHERE indexname ~ '^by_a' ORDER BY 1", "t|CREATE INDEX by_a ON temporal.t USING btree (a)", "t_past|CREATE INDEX by_a_past ON temporal.t_past USING btree (a, sys_to, sys_from)")
		l.ok()
	})
	t.Run("a constraint's index follows the constraint", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, a int, during tsrange, CONSTRAINT one UNIQUE (a), CONSTRAINT apart EXCLUDE USING gist (during WITH &&))", "SELECT yore.track('t')")
		const copies = "SELECT indexname FROM pg_indexes WHERE tablename = 't_past' AND indexname !~ '^t_' ORDER BY 1"
		l.want(copies, "apart_past", "one_past")
		l.exec("SELECT yore.alter_table('t', 'RENAME CONSTRAINT one TO two')")
		l.want(copies, "apart_past", "two_past")
		l.exec("INSERT INTO t VALUES (1, 1, '[2020-01-01, 2021-01-01)')", "UPDATE t SET a = 2", "UPDATE t SET a = 1")
		l.refused("23P01", "INSERT INTO t VALUES (2, 2, '[2020-05-01, 2021-01-01)')")
		l.exec("SELECT yore.alter_table('t', 'DROP CONSTRAINT two, DROP CONSTRAINT IF EXISTS apart, DROP CONSTRAINT IF EXISTS none')")
		l.want(copies)
		l.ok()
	})
	t.Run("of a partitioned table", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, a text) PARTITION BY RANGE (id)", "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10)", "CREATE INDEX by_a ON t (a)", "SELECT yore.track('t', in_place => true)")
		l.exec("SELECT yore.create_index('t', '(a, id DESC)', 'two')")
		l.want("SELECT indexdef FROM pg_indexes WHERE tablename = 't_past' AND indexname !~ '^t_' ORDER BY 1", "CREATE INDEX by_a_past ON temporal.t_past USING btree (a)", "CREATE INDEX two_past ON temporal.t_past USING btree (a, id DESC)")
		l.exec("SELECT yore.drop_index('t', 'by_a')", "SELECT yore.drop_index('t', columns => '{a,id}')")
		l.want("SELECT indexname FROM pg_indexes WHERE indexname !~ '^(t|pg_)' AND schemaname IN ('public', 'temporal')")
		l.ok()
	})
	t.Run("long names of table and index, renamed", func(t *testing.T) {
		name, other := strings.Repeat("n", 58), strings.Repeat("m", 40)
		l := newLab(t, "CREATE TABLE "+name+" (id int PRIMARY KEY, a text)", "CREATE INDEX "+name+"_a ON "+name+" (a)", "SELECT yore.track('"+name+"')", "SELECT yore.rename_table('"+name+"', '"+other+"')")
		l.want("SELECT indexname FROM pg_indexes WHERE schemaname = 'temporal' ORDER BY 1", other+"_a", other+"_a_past", other+"_past_key_to", other+"_past_pkey", other+"_past_to", other+"_pkey")
		l.ok()
	})
}
