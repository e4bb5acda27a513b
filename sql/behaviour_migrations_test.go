package sql_test

import (
	"fmt"
	"strings"
	"testing"
)

// typesOf lists a relation's columns and their types.
func (l *lab) typesOf(relation string) string {
	l.Helper()
	return l.value(fmt.Sprintf(`SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
		FROM pg_attribute WHERE attrelid = '%s'::regclass AND attnum > 0 AND NOT attisdropped AND attname !~ '^sys_'`, relation))
}

// ok checks that yore finds nothing wrong with any table.
func (l *lab) ok() {
	l.Helper()
	l.want("SELECT table_name, state FROM yore.status() WHERE state <> 'ok'")
	l.want("SELECT concat_ws(' ', table_name, problem, key, version, detail) FROM yore.verify()")
}

const indexesIn = "SELECT indexname FROM pg_indexes WHERE schemaname = '%s' AND tablename = '%s' ORDER BY 1"

// Behaviours of migrations: 13 to 32, 36 to 45. Renaming keeps the storage as it
// is, so what users see under the new name counts.
func TestBehaviourMigrations(t *testing.T) {
	t.Parallel()
	const create = "CREATE TABLE t (id serial PRIMARY KEY, a text, b int, c int)"
	rows := []string{"INSERT INTO t (a) VALUES ('one'), ('two')", "UPDATE t SET a = 'uno' WHERE id = 1"}
	tracked := func(t *testing.T, statements ...string) *lab {
		t.Helper()
		l := newLab(t, append([]string{create}, statements...)...)
		l.exec("SELECT yore.track('t')")
		l.exec(rows...)
		return l
	}

	t.Run("temporal-13 renamed, all is under the new name and still temporal", func(t *testing.T) {
		l := tracked(t)
		at := l.now()
		l.exec("SELECT yore.rename_table('t', 'u')")
		l.want(everything,
			"function asof.u(timestamp with time zone)", "function temporal.u_delete()", "function temporal.u_insert()", "function temporal.u_settle()",
			"function temporal.u_settle_all()", "function temporal.u_update()",
			"table temporal.u", "table temporal.u_past", "view asof.u", "view history.u", "view u")
		l.exec("UPDATE u SET a = 'eins' WHERE id = 1", "INSERT INTO u (a) VALUES ('three')")
		l.history("u", "id, a", "1|one|v1 past", "1|uno|v2 past", "1|eins|v3 open", "2|two|v1 open", "3|three|v1 open")
		l.wantAsOf(at, "SELECT id, a FROM u ORDER BY id", "1|uno", "2|two")
		l.sound("u", "id")
		l.ok()
	})

	t.Run("temporal-14 renamed, its indexes follow", func(t *testing.T) {
		l := tracked(t, "CREATE INDEX ON t (a)", "CREATE INDEX ON t (b, c)", "CREATE INDEX mine ON t (c)")
		l.exec("SELECT yore.rename_table('t', 'u')")
		l.want(fmt.Sprintf(indexesIn, "temporal", "u"), "mine", "u_a_idx", "u_b_c_idx", "u_pkey")
		l.want(fmt.Sprintf(indexesIn, "temporal", "u_past"), "mine_past", "u_a_idx_past", "u_b_c_idx_past", "u_past_key_to", "u_past_pkey", "u_past_to")
		l.exec("SELECT yore.drop_index('u', 'u_a_idx')", "SELECT yore.drop_index('u', columns => '{b,c}')")
		l.want(fmt.Sprintf(indexesIn, "temporal", "u_past"), "mine_past", "u_past_key_to", "u_past_pkey", "u_past_to")
	})

	t.Run("temporal-15 a plain table is renamed plain", func(t *testing.T) {
		l := newLab(t, create, "SELECT yore.rename_table('t', 'u')")
		l.want(everything, "table u")
		l.want("SELECT count(*) FROM yore.status()", "0")
	})

	t.Run("temporal-17 add column keeps it temporal, the column is in all three", func(t *testing.T) {
		l := tracked(t)
		l.exec("SELECT yore.alter_table('t', 'ADD COLUMN x numeric(5,1)')", "UPDATE t SET x = 1.5 WHERE id = 1", "UPDATE t SET x = 2.5 WHERE id = 1")
		for _, relation := range []string{"t", "temporal.t", "temporal.t_past", "history.t", "asof.t"} {
			if got := l.typesOf(relation); !strings.Contains(got, "x numeric(5,1)") {
				t.Errorf("%s has %s", relation, got)
			}
		}
		l.history("t", "id, a, x", "1|one|∅|v1 past", "1|uno|∅|v2 past", "1|uno|1.5|v3 past", "1|uno|2.5|v4 open", "2|two|∅|v1 open")
		l.sound("t", "id")
		l.ok()
	})

	t.Run("temporal-18 a plain table is altered plain", func(t *testing.T) {
		l := newLab(t, create, "SELECT yore.alter_table('t', 'ADD COLUMN x int, ADD COLUMN y text')", "SELECT yore.add_column('t', 'z', 'int')",
			"SELECT yore.rename_column('t', 'z', 'zz')", "SELECT yore.drop_column('t', 'y')")
		l.want(everything, "table t")
		if got := l.typesOf("t"); got != "id integer, a text, b integer, c integer, x integer, zz integer" {
			t.Error(got)
		}
	})

	t.Run("temporal-20 a plain index is copied to history", func(t *testing.T) {
		l := tracked(t, "CREATE INDEX by_a ON t (a)")
		l.want("SELECT indexdef FROM pg_indexes WHERE indexname = 'by_a_past'", "CREATE INDEX by_a_past ON temporal.t_past USING btree (a)")
	})

	t.Run("temporal-21 a unique index is copied as one that is not", func(t *testing.T) {
		l := tracked(t, "CREATE UNIQUE INDEX one_a ON t (a)", "ALTER TABLE t ADD CONSTRAINT one_b UNIQUE (b)")
		l.want("SELECT indexdef FROM pg_indexes WHERE indexname IN ('one_a_past', 'one_b_past') ORDER BY 1",
			"CREATE INDEX one_a_past ON temporal.t_past USING btree (a)", "CREATE INDEX one_b_past ON temporal.t_past USING btree (b, sys_to, sys_from)")
		l.refused("23505", "INSERT INTO t (a) VALUES ('two')")
		l.exec("UPDATE t SET a = 'one' WHERE id = 1", "UPDATE t SET a = 'uno' WHERE id = 1")
		l.sound("t", "id")
	})

	t.Run("temporal-22 an expression index is copied by name", func(t *testing.T) {
		l := tracked(t, "CREATE INDEX low ON t (lower(a), (b + c))")
		l.want("SELECT indexdef FROM pg_indexes WHERE indexname = 'low_past'", "CREATE INDEX low_past ON temporal.t_past USING btree (lower(a), ((b + c)))")
	})

	t.Run("temporal-23 a key with a sequence that it does not own goes on using it", func(t *testing.T) {
		l := newLab(t, "CREATE SEQUENCE numbers START 100", "CREATE TABLE t (id int PRIMARY KEY DEFAULT nextval('numbers'), a text)", "SELECT yore.track('t')",
			"INSERT INTO t (a) VALUES ('x')", "SELECT yore.add_column('t', 'b', 'int')", "INSERT INTO t (a) VALUES ('y')", "SELECT yore.rename_table('t', 'u')", "INSERT INTO u (a) VALUES ('z')")
		l.present("u", "id, a", "100|x", "101|y", "102|z")
		l.exec("SELECT yore.drop_table('u', 'drop')")
		l.want("SELECT nextval('numbers')", "103")
	})

	t.Run("temporal-24 dropped, nothing is left", func(t *testing.T) {
		l := tracked(t)
		l.exec("SELECT yore.drop_table('t', history => 'drop')")
		l.want(everything)
		l.want("SELECT count(*) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace", "0")
		l.want("SELECT count(*) FROM yore.tracked", "0")
	})

	t.Run("temporal-24 dropped, its history stays for reading unless that is dropped, too", func(t *testing.T) {
		l := tracked(t)
		l.exec("SELECT yore.drop_table('t')")
		l.want(everything, "table temporal.t_past", "view history.t")
		l.want("SELECT id, a, valid_to IS NULL FROM history.t ORDER BY id, version", "1|one|f", "1|uno|f", "2|two|f")
	})

	t.Run("temporal-25 a plain table is dropped", func(t *testing.T) {
		l := newLab(t, create, "SELECT yore.drop_table('t')")
		l.want(everything)
	})

	t.Run("temporal-26 an index, named, of several columns or by default, is in present and history and not on the face", func(t *testing.T) {
		l := tracked(t)
		l.want("SELECT yore.create_index('t', '(a)', 'by_a')", "by_a")
		l.want("SELECT yore.create_index('t', '(b, c DESC)')", "t_b_c_idx")
		l.want("SELECT yore.create_index('t', '(c)', is_unique => true)", "t_c_idx")
		l.want(`SELECT tablename, indexdef FROM pg_indexes WHERE indexname ~ '^(by_a|t_b_c|t_c)' ORDER BY 2`,
			"t|CREATE INDEX by_a ON temporal.t USING btree (a)", "t_past|CREATE INDEX by_a_past ON temporal.t_past USING btree (a)",
			"t|CREATE INDEX t_b_c_idx ON temporal.t USING btree (b, c DESC)", "t_past|CREATE INDEX t_b_c_idx_past ON temporal.t_past USING btree (b, c DESC, sys_to, sys_from)",
			"t_past|CREATE INDEX t_c_idx_past ON temporal.t_past USING btree (c, sys_to, sys_from)", "t|CREATE UNIQUE INDEX t_c_idx ON temporal.t USING btree (c)")
		l.ok()
	})

	t.Run("temporal-27 an index on a plain table is there alone", func(t *testing.T) {
		l := newLab(t, create, "SELECT yore.create_index('t', '(a)')", "SELECT yore.create_index('t', '(b)', 'by_b')")
		l.want("SELECT schemaname, indexname FROM pg_indexes WHERE schemaname IN ('public', 'temporal', 'history', 'asof') ORDER BY 2", "public|by_b", "public|t_a_idx", "public|t_pkey")
		l.exec("SELECT yore.drop_index('t', 'by_b')", "SELECT yore.drop_index('t', columns => '{a}')")
		l.want("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'", "t_pkey")
	})

	t.Run("temporal-28 an index dropped by name or by columns is gone from both", func(t *testing.T) {
		l := tracked(t, "CREATE INDEX by_a ON t (a)", "CREATE INDEX by_bc ON t (b, c)")
		l.exec("SELECT yore.drop_index('t', 'by_a')", "SELECT yore.drop_index('t', columns => '{b,c}')")
		l.want("SELECT indexname FROM pg_indexes WHERE indexname ~ '^by_'")
		l.refused("YO007", "SELECT yore.drop_index('t', 'by_a')")
		l.refused("YO007", "SELECT yore.drop_index('t', columns => '{b}')")
	})

	t.Run("temporal-29 add column with and without default is in all three", func(t *testing.T) {
		l := tracked(t)
		l.exec("SELECT yore.add_column('t', 'x', 'int')", "SELECT yore.add_column('t', 'y', 'text NOT NULL DEFAULT ''new''')")
		for _, relation := range []string{"t", "history.t", "asof.t"} {
			if got := l.typesOf(relation); !strings.HasPrefix(got, "id integer, a text, b integer, c integer, x integer, y text") {
				t.Errorf("%s has %s", relation, got)
			}
		}
		l.exec("INSERT INTO t (a) VALUES ('three')")
		l.history("t", "id, a, x, y", "1|one|∅|∅|v1 past", "1|uno|∅|new|v2 open", "2|two|∅|new|v1 open", "3|three|∅|new|v1 open")
		l.ok()
	})

	t.Run("temporal-30 a dropped column is in none, or history alone keeps it", func(t *testing.T) {
		l := tracked(t)
		// What the present has in the column goes with it, unless it is made past first.
		l.exec("UPDATE t SET b = 7", "UPDATE t SET b = NULL WHERE id = 1", "SELECT yore.drop_column('t', 'b')", "SELECT yore.drop_column('t', 'c', keep_past => false)")
		for relation, want := range map[string]string{
			"t": "id integer, a text", "asof.t": "id integer, a text", "temporal.t_past": "id integer, a text, b integer",
			"history.t": "id integer, a text, b integer, version bigint, valid_from timestamp with time zone, valid_to timestamp with time zone, deleted_at timestamp with time zone, xid xid8",
		} {
			if got := l.typesOf(relation); got != want {
				t.Errorf("%s has %s, not %s", relation, got, want)
			}
		}
		l.exec("UPDATE t SET a = 'eins' WHERE id = 1", "SELECT yore.alter_table('t', 'DROP COLUMN a', keep_past => false)")
		l.history("t", "id, b", "1|∅|v1 past", "1|∅|v2 past", "1|7|v3 past", "1|∅|v4 past", "1|∅|v5 open", "2|∅|v1 past", "2|∅|v2 open")
		l.sound("t", "id")
		l.ok()
	})

	t.Run("temporal-31 a renamed column has its new name alone, in all three", func(t *testing.T) {
		l := tracked(t)
		l.exec("SELECT yore.rename_column('t', 'a', 'z')", "UPDATE t SET z = 'eins' WHERE id = 1")
		for _, relation := range []string{"t", "temporal.t", "temporal.t_past", "history.t", "asof.t"} {
			if got := l.typesOf(relation); !strings.HasPrefix(got, "id integer, z text, b integer, c integer") {
				t.Errorf("%s has %s", relation, got)
			}
		}
		l.history("t", "id, z", "1|one|v1 past", "1|uno|v2 past", "1|eins|v3 open", "2|two|v1 open")
		l.ok()
	})

	t.Run("temporal-32 a changed type is in all three", func(t *testing.T) {
		l := tracked(t)
		l.exec("UPDATE t SET b = 1", "SELECT yore.alter_table('t', 'ALTER COLUMN b TYPE text, ALTER COLUMN c TYPE bigint')", "UPDATE t SET b = 'many' WHERE id = 1")
		for _, relation := range []string{"t", "temporal.t", "temporal.t_past", "history.t", "asof.t"} {
			if got := l.typesOf(relation); !strings.HasPrefix(got, "id integer, a text, b text, c bigint") {
				t.Errorf("%s has %s", relation, got)
			}
		}
		l.history("t", "id, b", "1|∅|v1 past", "1|∅|v2 past", "1|1|v3 past", "1|many|v4 open", "2|∅|v1 past", "2|1|v2 open")
		l.ok()
	})
}
