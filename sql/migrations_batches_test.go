package sql_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// convertAll calls yore.convert_past until nothing remains, and then between calls.
func (l *lab) convertAll(table string, pages int, between func()) {
	l.Helper()
	for range 10_000 {
		remains := l.value(fmt.Sprintf("SELECT remaining FROM yore.convert_past('%s', %d)", table, pages))
		if between != nil {
			between()
		}
		if remains == "0" {
			return
		}
	}
	l.Fatal("convert_past never ends")
}

// What a conversion in batches shows is the same before, during and after, and
// the same as one under the lock would show.
func TestMigrationsBatches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, column, values, action string }{
		{"an exact cast", "text", "CASE WHEN i % 7 > 0 THEN i::text END", "ALTER x TYPE bigint USING x::bigint"},
		{"a plain cast", "int", "nullif(i % 7, 0)", "ALTER COLUMN x TYPE text"},
		{"a scale", "numeric(10,2)", "i / 8.0", "ALTER x TYPE numeric(10,3)"},
		{"a loss", "numeric(10,3)", "i / 8.0", "ALTER x TYPE numeric(10,1)"},
		{"a collation", "int", "i", `ALTER x TYPE text COLLATE "C"`},
		{"NULLs that USING converts", "int", "nullif(i % 3, 0)", "ALTER x TYPE text USING coalesce(x::text, 'none')"},
		{"values that become NULL", "text", "nullif(i % 3, 0)::text", "ALTER x TYPE int USING nullif(x, '2')::int"},
		{"other columns and the table's name", "int", "i", "ALTER x TYPE text USING t.n || ':' || coalesce(t.x, 0)"},
		{"columns by each other", "int", "i", "ALTER x TYPE text USING y, ALTER y TYPE int USING x"},
		{"what fails", "text", "'z' || i", "ALTER x TYPE int USING CASE WHEN x > 'zz' THEN 1 ELSE x::int END"},
		{"an array", "text", "i::text", "ALTER x TYPE text[] USING ARRAY[x]"},
		{"a domain", "int", "i", "ALTER x TYPE small_number USING x % 10"},
	} {
		for _, way := range []string{"", ", in_place => true", ", immutable => true"} {
			t.Run(c.name+way, func(t *testing.T) {
				l := newLab(t, "CREATE DOMAIN small_number AS int CHECK (value < 10)")
				for _, table := range []string{"t", "u"} {
					key := "PRIMARY KEY"
					if strings.Contains(way, "immutable") {
						key = "UNIQUE"
					}
					l.exec(fmt.Sprintf("CREATE TABLE %s (k int %s, x %s, y text, n int)", table, key, c.column), fmt.Sprintf("SELECT yore.track('%s'%s)", table, way),
						fmt.Sprintf("INSERT INTO %s (k, x, y, n) SELECT i, %s, i::text, i FROM generate_series(1, 60) AS i", table, c.values))
					for n := range 6 {
						l.exec(fmt.Sprintf("UPDATE %s SET n = n + 1, y = %d, x = CASE WHEN k %% 5 = %d THEN NULL ELSE x END WHERE k > %d", table, n, n, n*5))
					}
					l.exec(fmt.Sprintf("UPDATE %s AS t SET x = CASE WHEN k = 60 THEN NULL ELSE %s END FROM generate_series(1, 60) AS i WHERE k = i", table, strings.ReplaceAll(c.values, "'z' || i", "'5'")))
				}
				view := func(table string) []string {
					return l.rows("SELECT k, version, x, y, n FROM history." + table + " ORDER BY k, version")
				}
				action := strings.NewReplacer("t.", "u.").Replace(c.action)
				l.exec("SELECT yore.alter_table('u', " + literal(action) + ")")
				want := view("u")
				at := l.now()
				l.exec("CREATE VIEW over AS SELECT k, version, x FROM history.t")
				l.exec("SELECT yore.alter_table('t', " + literal(c.action) + ", in_batches => true)")
				same := func() {
					t.Helper()
					if got := view("t"); !slices.Equal(got, want) {
						t.Errorf("history during conversion:\n%s", difference(want, got))
					}
					l.want("SELECT k, x FROM asof.t('" + at + "') EXCEPT ALL SELECT k, x FROM asof.u('" + at + "')")
					l.want("SELECT k, x FROM asof.t EXCEPT ALL SELECT k, x FROM t")
				}
				same()
				l.exec("SELECT yore.sync('t')")
				same()
				l.convertAll("t", 2, same)
				l.want("SELECT converted, remaining FROM yore.convert_past('t')", "0|0")
				// As if it had been done at once: columns, kept ones too.
				const kept = `SELECT attname, format_type(atttypid, atttypmod), attcollation FROM pg_attribute WHERE attrelid = '%s'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY 1`
				for _, relation := range []string{"history.%s", "temporal.%s_past", "asof.%s"} {
					l.want(fmt.Sprintf(kept, fmt.Sprintf(relation, "t")), l.rows(fmt.Sprintf(kept, fmt.Sprintf(relation, "u")))...)
				}
				for _, column := range strings.Split(strings.Join(l.rows("SELECT attname FROM pg_attribute WHERE attrelid = 'history.t'::regclass AND attname ~ '_until_'"), ","), ",") {
					if column != "" {
						l.want("SELECT k, version, " + column + " FROM history.t EXCEPT ALL SELECT k, version, " + column + " FROM history.u")
					}
				}
				l.want("SELECT count(*) = (SELECT count(*) FROM history.t) FROM over", "t")
				l.refused("YO001", "UPDATE temporal.t_past SET n = 1")
				l.ok()
			})
		}
	}

	t.Run("the column's indexes come back", func(t *testing.T) {
		for _, c := range []struct{ action string }{
			{"ALTER x TYPE bigint"}, {"ALTER x TYPE smallint USING x % 5"}, {"ALTER x TYPE int USING CASE k WHEN 1 THEN x ELSE (''z'' || x)::int END"},
		} {
			t.Run(c.action, func(t *testing.T) {
				l := newLab(t, "CREATE TABLE t (k int PRIMARY KEY, x int, y int)", "CREATE INDEX i1 ON t (x)", "CREATE INDEX i2 ON t (y, x DESC)", "CREATE INDEX i3 ON t (y) WHERE x > 0", "CREATE INDEX i4 ON t ((x + y))",
					"CREATE INDEX i5 ON t (y)", "SELECT yore.track('t')", "INSERT INTO t VALUES (2, 1, 1)", "DELETE FROM t", "INSERT INTO t VALUES (1, 1, 1)", "UPDATE t SET y = 2")
				const definitions = "SELECT indexname, regexp_replace(indexdef, '::\\w+', '', 'g') FROM pg_indexes WHERE tablename = 't_past' ORDER BY 1"
				before := l.rows(definitions)
				l.exec("SELECT yore.alter_table('t', '" + c.action + "', in_batches => true)")
				l.convertAll("t", 5, nil)
				l.want(definitions, before...)
				l.want("SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'temporal.t_past'::regclass AND pg_get_indexdef(indexrelid) ~ '_until_'")
				l.ok()
			})
		}
	})

	t.Run("a second change meanwhile is refused, a rename is not", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, x int, y int)", "SELECT yore.track('t')", "INSERT INTO t VALUES (1, 1, 1)", "UPDATE t SET x = 2",
			"SELECT yore.alter_table('t', 'ALTER x TYPE text', in_batches => true)")
		for _, call := range []string{"alter_table('t', 'ADD z int')", "alter_table('t', 'ALTER x TYPE int USING x::int')", "drop_column('t', 'y')", "drop_column('t', 'x')", "rename_column('t', 'x', 'z')",
			"alter_table('t', 'ALTER y TYPE text', in_batches => true)"} {
			l.unchanged("SELECT yore."+call, "YO024", "x", "convert_past")
		}
		l.exec("ALTER TABLE temporal.t ADD COLUMN by_hand int")
		l.unchanged("SELECT yore.sync('t')", "YO024", "x", "convert_past")
		l.exec("ALTER TABLE temporal.t DROP COLUMN by_hand", "SELECT yore.alter_table('t', 'ADD CHECK (y > 0), ALTER y SET NOT NULL')", "SELECT yore.create_index('t', '(y)')",
			"SELECT yore.track('t', squash => false)", "SELECT yore.rename_table('t', 'u')", "CREATE SCHEMA s", "SELECT yore.alter_table('u', 'SET SCHEMA s')")
		l.want("SELECT version, x FROM history_s.u ORDER BY 1", "1|1", "2|2")
		l.convertAll("s.u", 5, nil)
		l.want("SELECT version, x FROM history_s.u ORDER BY 1", "1|1", "2|2")
		l.exec("SELECT yore.add_column('s.u', 'z', 'int')")
		l.ok()
	})

	t.Run("untracked meanwhile, history still converts", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, x int)", "SELECT yore.track('t')", "INSERT INTO t VALUES (1, 1)", "UPDATE t SET x = 2",
			"SELECT yore.alter_table('t', 'ALTER x TYPE text', in_batches => true)", "SELECT yore.untrack('t')")
		l.want("SELECT version, x FROM history.t ORDER BY 1", "1|1", "2|2")
	})

	t.Run("the expression means what it meant, whoever converts", func(t *testing.T) {
		l := newLab(t, "CREATE SCHEMA good", "CREATE SCHEMA evil", "CREATE FUNCTION good.f(int) RETURNS text LANGUAGE sql AS $$ SELECT 'good ' || $1 $$",
			"CREATE FUNCTION evil.f(int) RETURNS text LANGUAGE sql AS $$ SELECT 'evil ' || $1 $$", "CREATE TABLE t (id int PRIMARY KEY, x int)", "SELECT yore.track('t')", "INSERT INTO t VALUES (1, 1)", "UPDATE t SET x = 2")
		s := l.session()
		s.exec("SET search_path = public, good", "SELECT yore.alter_table('t', 'ALTER x TYPE text USING f(x)', in_batches => true)", "SET search_path = evil, public", "SELECT yore.sync('t')")
		s.want("SELECT version, x FROM history.t ORDER BY 1", "1|good 1", "2|good 2")
		s.convertAll("t", 5, nil)
		s.want("SELECT version, x FROM history.t ORDER BY 1", "1|good 1", "2|good 2")
	})

	t.Run("with writers, readers and several who convert", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, x int, n int)", "SELECT yore.track('t')", "INSERT INTO t SELECT i, nullif(i % 4, 0), 0 FROM generate_series(1, 200) AS i")
		for range 10 {
			l.exec("UPDATE t SET n = n + 1")
		}
		at := l.now()
		before := l.rows("SELECT id, version, coalesce(x::text, 'none') FROM history.t WHERE valid_from < '" + at + "' ORDER BY 1, 2")
		var done atomic.Bool
		errs := l.together(7, func(i int, c *pgx.Conn) error {
			ctx := context.Background()
			for n := 0; ; n++ {
				var err error
				switch {
				case i == 0 && n == 0:
					_, err = c.Exec(ctx, "SELECT yore.alter_table('t', 'ALTER x TYPE text USING coalesce(x::text, ''none'')', in_batches => true)")
				case i < 3:
					var remaining string
					if err = c.QueryRow(ctx, "SELECT remaining::text FROM yore.convert_past('t', 3)").Scan(&remaining); err == nil && i == 0 && remaining == "0" {
						done.Store(true)
					}
				case i < 5:
					_, err = c.Exec(ctx, "UPDATE t SET n = n + 1 WHERE id = "+strconv.Itoa(1+rand.IntN(200)))
				default:
					var wrong int
					err = c.QueryRow(ctx, "SELECT count(*) FILTER (WHERE x::text IS DISTINCT FROM CASE id % 4 WHEN 0 THEN x::text ELSE (id % 4)::text END) FROM history.t").Scan(&wrong)
					if err == nil && wrong > 0 {
						err = fmt.Errorf("%d versions seen wrong", wrong)
					}
				}
				if err != nil || done.Load() {
					return err
				}
			}
		})
		for _, err := range errs {
			t.Error(err)
		}
		l.want("SELECT id, version, x FROM history.t WHERE valid_from < '"+at+"' ORDER BY 1, 2", before...)
		l.sound("t", "id")
		l.ok()
	})
}
