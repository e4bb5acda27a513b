package sql_test

import (
	"fmt"
	"strings"
	"testing"

	"yore.example/yore/internal/pgtest"
)

// columnsOf lists a relation's columns: name, type, whether NOT NULL.
func (l *lab) columnsOf(rel string) []string {
	l.Helper()
	return l.rows("SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute WHERE attrelid = '" + rel + "'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum")
}

func wantRows(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s\n got %q\nwant %q", what, got, want)
	}
}

// immutable-1..6, immutable-188..190
func TestImmutableSchema(t *testing.T) {
	l := newLab(t, `SELECT yore.create_immutable_table('t', $$
		title varchar(30) NOT NULL CHECK (title <> ''), -- a comment within
		done boolean NOT NULL DEFAULT false, points numeric(8,2), tags text[], due date,
		UNIQUE (title, due) -- and one at the end$$)`)
	wantRows(t, "face", l.columnsOf("t"), "entity_id|uuid|f", "version|bigint|f", "valid_from|timestamp with time zone|f", "deleted_at|timestamp with time zone|f",
		"title|character varying(30)|f", "done|boolean|f", "points|numeric(8,2)|f", "tags|text[]|f", "due|date|f")
	wantRows(t, "history", l.columnsOf("history.t"), "id|uuid|f", "entity_id|uuid|f", "version|bigint|f", "valid_from|timestamp with time zone|f", "deleted_at|timestamp with time zone|f",
		"title|character varying(30)|f", "done|boolean|f", "points|numeric(8,2)|f", "tags|text[]|f", "due|date|f", "valid_to|timestamp with time zone|f", "xid|xid8|f")
	wantRows(t, "current table", l.columnsOf("temporal.t"), "entity_id|uuid|t",
		"title|character varying(30)|t", "done|boolean|t", "points|numeric(8,2)|f", "tags|text[]|f", "due|date|f",
		"sys_id|uuid|t", "sys_deleted_at|timestamp with time zone|f", "sys_version|bigint|t", "sys_from|timestamp with time zone|t", "sys_xid|xid8|t")
	l.want("SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid IN ('temporal.t'::regclass, 'temporal.t_past'::regclass) AND indisunique ORDER BY 1",
		"CREATE UNIQUE INDEX t_past_pkey ON temporal.t_past USING btree (entity_id, sys_version)",
		"CREATE UNIQUE INDEX t_pkey ON temporal.t USING btree (entity_id)",
		"CREATE UNIQUE INDEX t_title_due_key ON temporal.t USING btree (title, due)")
	l.want("SELECT indexdef FROM pg_indexes WHERE tablename = 't_past' AND indexname <> 't_past_pkey' ORDER BY 1",
		"CREATE INDEX t_past_key_to ON temporal.t_past USING btree (entity_id, sys_to, sys_from)",
		"CREATE INDEX t_past_to ON temporal.t_past USING brin (sys_to, sys_from) WITH (pages_per_range='16', autosummarize='true')",
		"CREATE INDEX t_title_due_key_past ON temporal.t_past USING btree (title, due, sys_to, sys_from)")
	l.want("SELECT contype, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'temporal.t'::regclass AND contype IN ('c', 'u') ORDER BY 1",
		"c|CHECK (((title)::text <> ''::text))", "u|UNIQUE (title, due)")
	l.refused("23514", "INSERT INTO t (title) VALUES ('')")
	l.refused("23502", "INSERT INTO t (done) VALUES (true)")
	l.exec("INSERT INTO t (title, points, tags, due) VALUES ('x', 1.5, '{a,b}', '2020-01-01')")
	l.want("SELECT title, done, points, tags, due FROM history.t", "x|f|1.50|{a,b}|2020-01-01")
	l.sound("t", "entity_id")
}

// immutable-9..13: what is turned on reads true in yore.tracked, for that table
// alone; retracking changes it. immutable-15 as SQL has it: show_row_id shows.
func TestImmutableOptions(t *testing.T) {
	options := []string{"allow_updates", "allow_deletes", "allow_version_write", "show_row_id"}
	l := newLab(t, "SELECT yore.create_immutable_table('plain', 'a int')")
	read := "SELECT concat_ws(',', allow_updates, allow_deletes, allow_version_write, show_row_id), squash, immutable FROM yore.tracked WHERE table_name = "
	for i, option := range options {
		l.exec(fmt.Sprintf("SELECT yore.create_immutable_table('%s', 'a int', %[1]s => true)", option))
		one := strings.Split("f,f,f,f", ",")
		one[i] = "t"
		l.want(read+"'"+option+"'", strings.Join(one, ",")+"|f|t")
		l.want("SELECT options FROM yore.status() WHERE table_name = 'public."+option+"'", `{"immutable": true, "`+option+`": true}`)
		l.exec(fmt.Sprintf("SELECT yore.track('%s', %[1]s => false)", option))
		l.want(read+"'"+option+"'", "f,f,f,f|f|t")
	}
	l.want(read+"'plain'", "f,f,f,f|f|t")
	l.want("SELECT state, options FROM yore.status() WHERE table_name = 'public.plain'", `ok|{"immutable": true}`)
	pgtest.Clean(t, l.db)
}

// immutable-13, immutable-15: the row id on the face, and off again.
func TestImmutableShowRowID(t *testing.T) {
	l := newEntities(t, "", "UPDATE t SET n = 2")
	role := newRole(t, l.pool.Config().ConnString())
	l.exec("GRANT SELECT ON t TO "+role, "GRANT UPDATE (n) ON t TO "+role)
	grants := l.value("SELECT yore._save_acl('t')")
	hidden, inHistory := l.columnsOf("t"), l.columnsOf("history.t")
	for range 2 {
		before := l.value("SELECT id FROM history.t WHERE valid_to IS NULL")
		l.exec("SELECT yore.track('t', show_row_id => true)")
		wantRows(t, "face", l.columnsOf("t"), append([]string{"id|uuid|f"}, hidden...)...)
		wantRows(t, "history", l.columnsOf("history.t"), inHistory...)
		l.want("SELECT id FROM t", before)
		l.want("SELECT id FROM asof.t(now())", before)
		l.want("SELECT tablename, indexdef ~ 'UNIQUE' FROM pg_indexes WHERE indexname LIKE '%\\_row\\_id' ORDER BY 1", "t|t", "t_past|t")
		l.exec("UPDATE t SET n = n + 1")
		l.want("SELECT count(DISTINCT id) = count(*), count(*) FILTER (WHERE id = '"+before+"') FROM history.t", "t|1")
		l.want("SELECT id <> '"+before+"' FROM t WHERE id = (SELECT id FROM history.t WHERE valid_to IS NULL)", "t")
		pgtest.Clean(t, l.db)

		l.exec("SELECT yore.track('t', show_row_id => false)")
		wantRows(t, "face", l.columnsOf("t"), hidden...)
		wantRows(t, "history", l.columnsOf("history.t"), inHistory...)
		l.want("SELECT count(*) FROM pg_indexes WHERE indexname LIKE '%\\_row\\_id'", "0")
	}
	l.want("SELECT yore._save_acl('t')", grants)
	l.sound("t", "entity_id")
}

// immutable-191, immutable-192, immutable-N12: tables that were there before, empty or not.
func TestImmutableConvert(t *testing.T) {
	setup := []string{
		"CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE, born date)",
		"CREATE INDEX customers_born ON customers (born)", "COMMENT ON COLUMN customers.email IS 'the address'",
		"CREATE TABLE orders (id int PRIMARY KEY, customer bigint REFERENCES customers)",
	}
	t.Run("Empty", func(t *testing.T) {
		l := newLab(t, setup...)
		l.exec("SELECT yore.track('customers', immutable => true)", "INSERT INTO customers (email) VALUES ('a@b')")
		l.want("SELECT version, id, email, deleted_at FROM customers", "1|1|a@b|∅")
		l.sound("customers", "entity_id")
	})
	t.Run("WithRows", func(t *testing.T) {
		l := newLab(t, append(setup, "INSERT INTO customers (email) SELECT 'c' || g FROM generate_series(1, 1000) AS g", "INSERT INTO orders VALUES (1, 500)")...)
		role := newRole(t, l.pool.Config().ConnString())
		l.exec("GRANT SELECT, UPDATE ON customers TO "+role, "GRANT INSERT (email) ON customers TO "+role)
		acl, indexes := l.value("SELECT yore._save_acl('customers')"), l.rows("SELECT replace(indexdef, 'public.', '') FROM pg_indexes WHERE tablename = 'customers' ORDER BY 1")
		before := l.now()
		l.exec("SELECT yore.track('customers', immutable => true)")
		l.want("SELECT count(*), count(DISTINCT entity_id), count(DISTINCT h.id), min(version), max(version), bool_and(valid_from > '"+before+"') FROM history.customers AS h", "1000|1000|1000|1|1|t")
		l.want("SELECT count(DISTINCT sys_id), count(DISTINCT substr(sys_id::text, 15, 1)), count(DISTINCT entity_id) FROM temporal.customers", "1000|1|1000")
		l.want("SELECT id, email FROM customers WHERE email = 'c500'", "500|c500")
		l.want("SELECT yore._save_acl('customers')", acl)
		l.want("SELECT replace(indexdef, 'temporal.', '') FROM pg_indexes WHERE tablename = 'customers' AND indexname <> 'customers_entity_id_key' ORDER BY 1", indexes...)
		l.want("SELECT indexdef FROM pg_indexes WHERE indexname = 'customers_entity_id_key'", "CREATE UNIQUE INDEX customers_entity_id_key ON temporal.customers USING btree (entity_id)")
		l.want("SELECT conrelid::regclass, confrelid::regclass FROM pg_constraint WHERE contype = 'f'", "orders|temporal.customers")
		l.want("SELECT col_description('customers'::regclass, attnum) FROM pg_attribute WHERE attrelid = 'customers'::regclass AND attname = 'email'", "the address")
		l.exec("INSERT INTO customers (email) VALUES ('new')", "UPDATE customers SET email = 'C500' WHERE id = 500", "DELETE FROM customers WHERE id = 7")
		l.refused("23503", "DELETE FROM customers WHERE id = 500")
		l.refused("23505", "INSERT INTO customers (email) VALUES ('c1')")
		l.want("SELECT id, version, email, deleted_at IS NULL FROM history.customers WHERE id IN (7, 500, 1001) ORDER BY id, version",
			"7|1|c7|t", "7|2|c7|f", "500|1|c500|t", "500|2|C500|t", "1001|1|new|t")
		l.want("SELECT yore.undelete('customers', entity_id) FROM history.customers WHERE id = 7 AND deleted_at IS NOT NULL", "3")
		l.want("SELECT id, email FROM customers WHERE version = 3", "7|c7")
		l.sound("customers", "entity_id")
	})
	t.Run("WithAnEntityIDOfItsOwn", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (entity_id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text)", "INSERT INTO t VALUES ('"+one+"', 'a')",
			"SELECT yore.track('t', immutable => true, since => '2001-01-01Z')", "INSERT INTO t (name) VALUES ('b')", "UPDATE t SET name = 'c' WHERE name = 'a'")
		l.chain(one, "name, extract(year FROM valid_from AT TIME ZONE 'UTC')", "1|a|2001|past", "2|c|"+l.value("SELECT extract(year FROM now() AT TIME ZONE 'UTC')")+"|open")
		l.want("SELECT version FROM t WHERE name = 'b'", "1")
		l.sound("t", "entity_id")
	})
}

// immutable-N13: schemas, names in mixed case, names that are nearly too long,
// names that history would show.
func TestImmutableNames(t *testing.T) {
	long := strings.Repeat("ü", 30)
	for name, c := range map[string]struct{ schema, table, prefix, options string }{
		"immutable-N13 Schema":    {"s", "t", "y_", ""},
		"immutable-N13 MixedCase": {`My "S`, `T 'a' "b"`, "y_", ""},
		"immutable-N13 60Bytes":   {"s", long, "y_", ", past_name => 'short'"},
		"immutable-N13 58Bytes":   {"public", strings.Repeat("x", 58), "y_", ""},
		"immutable-N13 Prefix":    {"public", "t", "sys_", ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			prefix := c.prefix
			quote := func(s string) string {
				return l.value("SELECT quote_ident('" + strings.ReplaceAll(s, "'", "''") + "')")
			}
			kind := func(k string) string {
				if c.schema != "public" {
					k += "_" + c.schema
				}
				return quote(k) + "." + quote(c.table)
			}
			face := quote(c.schema) + "." + quote(c.table)
			literal := "'" + strings.ReplaceAll(face, "'", "''") + "'"
			l.exec("CREATE SCHEMA IF NOT EXISTS "+quote(c.schema),
				"SELECT yore.create_immutable_table("+literal+`, '"The ""Name" text, c text, p text, was text, version int, r int GENERATED ALWAYS AS IDENTITY',
				allow_updates => true, allow_deletes => true, show_row_id => true, prefix => '`+prefix+"'"+c.options+")")
			l.exec("INSERT INTO "+face+" (entity_id, \"The \"\"Name\", version) VALUES ('"+one+"', 'a', 40)", "UPDATE "+face+" SET c = 'x', version = 41")
			l.exec("DELETE FROM " + face)
			l.want("SELECT yore.undelete("+literal+", '"+one+"', '{\"p\": \"q\"}')", "4")
			l.want("UPDATE "+kind("history")+" SET was = 'amended', version = version + 100 WHERE "+prefix+"version IN (2, 4) RETURNING "+prefix+"version", "4", "2")
			l.exec("DELETE FROM " + kind("history") + " WHERE " + prefix + "version = 1")
			l.want("SELECT "+prefix+"version, \"The \"\"Name\", c, p, was, version, "+prefix+"deleted_at IS NULL FROM "+kind("history")+" ORDER BY 1",
				"2|a|x|∅|amended|141|t", "3|a|x|∅|∅|41|f", "4|a|x|q|amended|141|t")
			l.want("SELECT state, version FROM yore.entity_state("+literal+", '"+one+"')", "live|4")
			l.want("SELECT count(*) FROM pg_class WHERE relname LIKE '%\\_amendments' AND relkind = 'r'", "1")
			l.exec("SELECT yore.sync("+literal+")", "SELECT yore.track("+literal+", allow_updates => false, show_row_id => false)")
			pgtest.Clean(t, l.db)
			l.exec("SELECT yore.untrack("+literal+", history => 'drop')", "INSERT INTO "+face+" DEFAULT VALUES")
			l.want("SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname ~ '^(temporal|history|asof)'", "0")
		})
	}
}
