package pgtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore"
)

// Zoo fills a database with tracked tables of every kind, each with a past: for
// tests that move whole databases. The statements run as a superuser, each in a
// transaction of its own but for those that say BEGIN.
func Zoo(t testing.TB, db *pgxpool.Pool) {
	t.Helper()
	conn, err := db.Acquire(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	major := Server(t).Major()
	if Rows(t, conn, "SELECT current_setting('server_version_num')::int / 10000")[0] != fmt.Sprint(major) {
		major = 0 // another server than that of the tests
	}
	Exec(t, conn, zoo...)
	inPlace := ""
	if major < 15 {
		inPlace = ", in_place => true"
	}
	Exec(t, conn, "CREATE TABLE guarded (id int PRIMARY KEY, owner text, v text)", "ALTER TABLE guarded ENABLE ROW LEVEL SECURITY",
		"CREATE POLICY own ON guarded USING (owner = current_user)", "CREATE POLICY small ON guarded AS RESTRICTIVE FOR SELECT USING (id < 100)",
		"SELECT yore.track('guarded'"+inPlace+")", "INSERT INTO guarded VALUES (1, 'ana', 'a'), (2, 'bo', 'b')", "UPDATE guarded SET v = 'c'", "DELETE FROM guarded WHERE id = 2")
	if major >= 18 {
		Exec(t, conn, "CREATE TABLE virtual (id int PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) VIRTUAL)", "SELECT yore.track('virtual')",
			"INSERT INTO virtual (id, a) VALUES (1, 1)", "UPDATE virtual SET a = 2")
	}
	Clean(t, conn)
}

var zoo = []string{
	"CREATE EXTENSION btree_gist", "CREATE EXTENSION citext", "CREATE SCHEMA sales", `CREATE SCHEMA "Types"`,
	`CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s', 'back\slash')`, "CREATE DOMAIN pos AS int CHECK (value > 0)", `CREATE TYPE "Types"."Pair" AS (a int, b "public".mood)`,

	// Every type of value, generated, serial, with a dropped column, an own trigger.
	`CREATE TABLE people (gone int, id serial PRIMARY KEY, name text NOT NULL CHECK (name <> ''), feels mood DEFAULT 'ok', size pos, tags text[], doc jsonb, raw json,
		bin bytea, f float8, r real, num numeric(20,5), at timestamptz DEFAULT now(), plain timestamp, day date, span interval, pair "Types"."Pair", mail citext UNIQUE,
		about regclass, loud text GENERATED ALWAYS AS (upper(name)) STORED, boss int REFERENCES people, updated_at timestamptz) WITH (fillfactor = 80)`,
	"ALTER TABLE people DROP gone", "CREATE INDEX partly ON people (lower(name)) WHERE size > 3", "COMMENT ON TABLE people IS 'who it''s about'", `COMMENT ON COLUMN people.name IS E'of\nall'`,
	"CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.updated_at := now(); RETURN NEW; END'",
	"INSERT INTO people (name, mail) VALUES ('found', 'Found@example.org')",
	"SELECT yore.track('people', no_journal => '{span}', since => '2001-02-03 04:05:06.000007+00')",
	`INSERT INTO people (name, feels, size, tags, doc, raw, bin, f, r, num, at, plain, day, span, pair, mail, about, boss) VALUES
		('one', 'it''s', 1, '{a,NULL,"b,c","\\","x y"}', '{"a": [1, null, "\n"]}', '{"b" : 1.0}', '\x00ff5c', 'NaN', '-Infinity', 1.10000, 'infinity', '-infinity', '0044-03-15 BC', '1 year -2 days 00:00:00.000001', ROW(1, 'sad'), 'ONE', 'pg_class', 1),
		(E'tab\tnew\nline\\.', 'back\slash', 2, '{}', '{}', '[]', '', '-0', 3.4e38, NULL, '2020-02-29 23:59:59.999999+00', '2020-01-01', NULL, NULL, NULL, NULL, NULL, 1)`,
	"INSERT INTO people (name) VALUES (E'\\\\.'), (E'--\\nNULL'), ('\\N')",
	"UPDATE people SET f = 0.1, at = '1900-01-01 00:00:00.000001+00' WHERE name = 'one'", "UPDATE people SET span = '1 day'", "DELETE FROM people WHERE size = 2",
	"INSERT INTO people (id, name) VALUES (3, 'back again')",
	"BEGIN", `SELECT yore.set_context('ann', 'why "not"', '{"a": 1}')`, "UPDATE people SET name = 'two' WHERE id = 2", "COMMIT",
	// A column that only the past has, and one whose type lost something.
	"ALTER TABLE temporal.people ADD COLUMN fleeting text DEFAULT 'x', ADD COLUMN length text", "SELECT yore.sync('people')", "UPDATE people SET length = '12 m', fleeting = 'y' WHERE id = 2",
	"UPDATE people SET length = '13' WHERE id = 2", "ALTER TABLE temporal.people DROP COLUMN fleeting CASCADE", "ALTER TABLE temporal.people ALTER length TYPE int USING length::int",
	"SET client_min_messages = error", "SELECT yore.sync('people')", "RESET client_min_messages", "UPDATE people SET length = 14 WHERE id = 2",

	// A composite key, foreign keys, versions within a transaction, archive.
	`CREATE TABLE orders (person int REFERENCES temporal.people ON DELETE CASCADE DEFERRABLE, line int, what text COLLATE "C", PRIMARY KEY (line, person))`,
	"SELECT yore.track('orders', squash => false, on_truncate => 'archive', full_journal => true)",
	"INSERT INTO orders VALUES (1, 1, 'a'), (1, 2, 'b'), (2, 1, 'c')", "BEGIN", "UPDATE orders SET what = 'd'", "UPDATE orders SET what = 'e'", "COMMIT", "DELETE FROM orders WHERE line = 2",

	// Immutable, amended, brought back.
	"SELECT yore.create_immutable_table('tasks', 'title text NOT NULL UNIQUE, n int GENERATED BY DEFAULT AS IDENTITY', allow_updates => true, allow_deletes => true, show_row_id => true)",
	"INSERT INTO tasks (title) VALUES ('a'), ('b'), ('c'), ('d')", "UPDATE tasks SET title = title || '2'", "DELETE FROM tasks WHERE title IN ('a2', 'd2')",
	"SELECT yore.undelete('tasks', entity_id) FROM history.tasks WHERE title = 'a2' AND deleted_at IS NOT NULL",
	"UPDATE history.tasks SET title = 'amended' WHERE title = 'b'", "DELETE FROM history.tasks WHERE title = 'c'", "UPDATE history.tasks SET title = 'now' WHERE title = 'b2' AND valid_to IS NULL",
	"ALTER TABLE temporal.tasks ADD COLUMN gone text", "SELECT yore.sync('tasks')", "UPDATE tasks SET gone = 'g' WHERE title = 'a2'", "ALTER TABLE temporal.tasks DROP COLUMN gone CASCADE", "SELECT yore.sync('tasks')",
	"CREATE TABLE comments (entity_id uuid PRIMARY KEY, task uuid NOT NULL, version text)", "SELECT yore.track('comments', immutable => true, allow_version_write => true, prefix => 'sys_')",
	"ALTER TABLE temporal.comments ADD FOREIGN KEY (task) REFERENCES temporal.tasks ON DELETE CASCADE",
	"INSERT INTO comments (entity_id, sys_version, task, version) SELECT NULL, 5, entity_id, 'x' FROM tasks", "UPDATE comments SET sys_version = 10",

	// Names, in place, outside public.
	`CREATE TABLE "Mixed Case" ("It's" int, "$$ ""q"" {past} %s" text, "new` + "\n" + `line" text, PRIMARY KEY ("It's"))`, `CREATE INDEX "an Index" ON "Mixed Case" ("$$ ""q"" {past} %s")`,
	`SELECT yore.track('"Mixed Case"', in_place => true, journal => '{"new` + "\n" + `line"}')`, `INSERT INTO "Mixed Case" VALUES (1, ':name', E'\\.'), (2, '', NULL)`,
	`ALTER TABLE "Mixed Case" ADD COLUMN late text DEFAULT 'l'`, `SELECT yore.sync('"Mixed Case"')`, `UPDATE "Mixed Case" SET "new` + "\n" + `line" = 'n' WHERE "It's" = 1`, `DELETE FROM "Mixed Case" WHERE "It's" = 2`,
	`CREATE TABLE "new` + "\n" + `line" (id int PRIMARY KEY)`, `SELECT yore.track('"new` + "\n" + `line"', past_name => 'bef"ore')`, `INSERT INTO "new` + "\n" + `line" VALUES (1)`, `DELETE FROM "new` + "\n" + `line"`,
	`CREATE TABLE sales."Orders" (id bigint GENERATED ALWAYS AS IDENTITY (START 10 INCREMENT 5) PRIMARY KEY, v text, other bigint REFERENCES sales."Orders")`,
	`SELECT yore.track('sales."Orders"')`, `INSERT INTO sales."Orders" (v) VALUES ('a'), ('b')`, `UPDATE sales."Orders" SET v = 'c', other = 15 WHERE id = 10`, `DELETE FROM sales."Orders" WHERE v = 'nobody'`,
	"CREATE SEQUENCE sales.numbers START 100", "CREATE TABLE sales.people (id int DEFAULT nextval('sales.numbers') PRIMARY KEY, v text)", "SELECT yore.track('sales.people', in_place => true)", "INSERT INTO sales.people (v) VALUES ('x')", "UPDATE sales.people SET v = 'y'",

	// Partitioned.
	"CREATE TABLE parts (id int, region text, v text, PRIMARY KEY (id, region)) PARTITION BY LIST (region)", "CREATE TABLE parts_eu PARTITION OF parts FOR VALUES IN ('eu')",
	"CREATE TABLE parts_us (v text, gone int, region text NOT NULL, id int NOT NULL)", "ALTER TABLE parts_us DROP gone", "ALTER TABLE parts ATTACH PARTITION parts_us FOR VALUES IN ('us')",
	"CREATE TABLE parts_rest PARTITION OF parts DEFAULT PARTITION BY RANGE (id)", "CREATE TABLE parts_rest1 PARTITION OF parts_rest FOR VALUES FROM (0) TO (100)", "CREATE INDEX ON parts (v)",
	"SELECT yore.track('parts', in_place => true)", "INSERT INTO parts VALUES (1, 'eu', 'a'), (2, 'us', 'b'), (3, 'xx', 'c')", "UPDATE parts SET v = 'd'", "DELETE FROM parts WHERE id = 3", "UPDATE parts SET region = 'us' WHERE id = 1",

	// The exclusion constraint, another key, and known history.
	"CREATE TABLE ex (a int NOT NULL UNIQUE, id int GENERATED ALWAYS AS (a + 1) STORED PRIMARY KEY, v text)", "SELECT yore.track('ex', key => '{a}', exclusion => true, since => '-infinity')",
	"INSERT INTO ex (a, v) VALUES (1, 'x'), (2, 'y')", "UPDATE ex SET v = 'z' WHERE a = 1", "UPDATE ex SET a = 7 WHERE a = 2",
	"CREATE TABLE known (id int PRIMARY KEY, v text)", "SELECT yore.track('known', since => '-infinity')", "BEGIN", "SELECT yore.at_time('1991-06-25 00:00:00.123456+00')", "INSERT INTO known VALUES (1, 'old')", "COMMIT",
	"BEGIN", "SELECT yore.at_time('1992-01-15'), yore.set_context('eu')", "UPDATE known SET v = 'older' WHERE id = 1", "COMMIT", "INSERT INTO known VALUES (2, 'new')",
	"CREATE TABLE empty (id int PRIMARY KEY)", "SELECT yore.track('empty')",
	"CREATE TABLE untracked (id int PRIMARY KEY, person int REFERENCES temporal.people)", "INSERT INTO untracked VALUES (1, 1)",
	"ALTER TABLE temporal.orders ADD COLUMN also int REFERENCES untracked", "SELECT yore.sync('orders')", "UPDATE orders SET also = 1",
	"CREATE TRIGGER touched BEFORE UPDATE ON temporal.orders FOR EACH ROW WHEN (false) EXECUTE FUNCTION touch()", "SELECT yore.sync('orders')",
}

// GoesOn writes to every kind of table of a Zoo that was moved to another
// database, and fails the test where the versions that this makes are wrong.
func GoesOn(t testing.TB, db *pgxpool.Pool) {
	t.Helper()
	conn, err := db.Acquire(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	rowsAre := func(t testing.TB, db yore.DB, query string, want ...string) {
		t.Helper()
		if got := Rows(t, db, query); !slices.Equal(got, want) {
			t.Errorf("%s\ngot  %q\nwant %q", query, got, want)
		}
	}
	refuses := func(t testing.TB, db yore.DB, statement, code string) {
		t.Helper()
		var e *pgconn.PgError
		if _, err := db.Exec(context.Background(), statement); !errors.As(err, &e) || e.Code != code {
			t.Errorf("%s\nwant error %s, got %v", statement, code, err)
		}
	}
	rowsAre(t, conn, "SELECT DISTINCT state FROM yore.status()", "ok")
	Clean(t, conn)
	last := func(table, key string) string {
		t.Helper()
		return strings.Join(Rows(t, conn, "SELECT version, deleted_at IS NOT NULL, valid_to IS NULL FROM "+table+" WHERE "+key+" ORDER BY version DESC LIMIT 1"), ",")
	}
	before := Rows(t, conn, "SELECT max(version) FROM history.people WHERE id = 2")[0]
	Exec(t, conn, "BEGIN", "SELECT yore.set_context('new')", "UPDATE people SET name = 'three' WHERE id = 2", "UPDATE people SET name = 'four' WHERE id = 2", "COMMIT")
	rowsAre(t, conn, "SELECT max(version) - "+before+" FROM history.people WHERE id = 2", "1")
	rowsAre(t, conn, "SELECT h.name, x.actor FROM history.people AS h LEFT JOIN LATERAL yore.transaction_of(h.xid, h.valid_from) AS x ON true WHERE id = 2 AND (x.actor IS NOT NULL OR valid_to IS NULL) ORDER BY version",
		"two|ann", "four|new")
	Exec(t, conn, "INSERT INTO people (name) VALUES ('next')")
	rowsAre(t, conn, "SELECT count(*), min(version) FROM history.people WHERE name = 'next' AND id > 6", "1|1")
	Exec(t, conn, "DELETE FROM people WHERE id = 2")
	if got := last("history.people", "id = 2"); !strings.HasSuffix(got, "|t|f") {
		t.Errorf("deleted: %s", got)
	}
	rowsAre(t, conn, "SELECT count(*) FROM orders WHERE person = 2", "0") // the cascade
	Exec(t, conn, "BEGIN", "UPDATE orders SET what = 'x'", "UPDATE orders SET what = 'y'", "COMMIT", "TRUNCATE temporal.orders")
	rowsAre(t, conn, "SELECT count(*) FROM history.orders WHERE valid_to IS NULL", "0")
	Exec(t, conn, `INSERT INTO sales."Orders" (v) VALUES ('next')`, `UPDATE "Mixed Case" SET "It's" = 5`, "UPDATE parts SET region = 'eu' WHERE region = 'us'", "INSERT INTO sales.people DEFAULT VALUES",
		"UPDATE ex SET v = 'next'", "UPDATE guarded SET v = 'next'", "INSERT INTO comments (task) SELECT entity_id FROM tasks", "UPDATE comments SET version = 'next'",
		"UPDATE tasks SET title = 'next' WHERE title = 'a2'", "DELETE FROM tasks WHERE title = 'next'", "INSERT INTO tasks (title) VALUES ('new')",
		"SELECT yore.undelete('tasks', entity_id) FROM history.tasks WHERE title = 'd2' AND deleted_at IS NOT NULL", "UPDATE history.tasks SET title = 'amended again' WHERE title = 'amended'",
		"UPDATE known SET v = 'now'", `INSERT INTO "new`+"\n"+`line" VALUES (1)`, "INSERT INTO empty VALUES (1)")
	rowsAre(t, conn, `SELECT id FROM sales."Orders" WHERE v = 'next'`, "20")
	rowsAre(t, conn, `SELECT version FROM history."new`+"\n"+`line" WHERE valid_to IS NULL`, "3")
	rowsAre(t, conn, "SELECT count(*) FROM temporal.tasks_amendments", "4")
	refuses(t, conn, "DELETE FROM temporal.people_past", "YO001")
	refuses(t, conn, "TRUNCATE temporal.known", "YO002")
	// Columns are numbered anew by a restore; sync must not take that for renames.
	for _, table := range Rows(t, conn, "SELECT quote_literal(table_name) FROM yore.status()") {
		Exec(t, conn, "SET client_min_messages = warning", "SELECT yore.sync("+table+")")
	}
	rowsAre(t, conn, "SELECT DISTINCT name FROM history.people WHERE id = 2 AND version = 1", "one")
	Exec(t, conn, "ALTER TABLE temporal.people RENAME name TO called", "SELECT yore.sync('people')")
	rowsAre(t, conn, "SELECT called FROM history.people WHERE id = 2 AND version = 1", "one")
	Clean(t, conn)
}

// Census returns all that yore keeps in a database, a line for each thing: to
// compare one database with another. Columns are in the order of their names,
// since a table that is made anew need not have the former order; of
// yore.tracked, only what means the same in both.
func Census(t testing.TB, db yore.DB) []string {
	t.Helper()
	lines := Rows(t, db, `SELECT 'tracked', to_jsonb(m) - '{columns,shape,own_triggers}'::text[],
		(SELECT jsonb_agg(c - '{number,relation}'::text[] ORDER BY c ->> 'name') FROM jsonb_array_elements(m.columns) AS c) FROM yore.tracked AS m ORDER BY schema_name, table_name`)
	lines = append(lines, Rows(t, db, "SELECT 'transaction', t.* FROM yore.transaction AS t ORDER BY began, xid")...)
	lines = append(lines, Rows(t, db, "SELECT 'sequence', schemaname, sequencename, data_type, start_value, increment_by, last_value FROM pg_sequences ORDER BY 2, 3")...)
	for _, relation := range Rows(t, db, `
		SELECT r FROM yore.tracked AS m, unnest(ARRAY[
			format('%I.%I', m.schema_name, m.table_name), format('%I.%I', m.storage_schema, m.storage_name), format('%I.%I', m.past_schema, m.past_name),
			format('%I.%I', yore._schema('history', m.schema_name), m.table_name), to_regclass(yore._amendments(m))::text]) AS r WHERE r IS NOT NULL ORDER BY m.schema_name, m.table_name, r`) {
		columns := Rows(t, db, "SELECT string_agg(quote_ident(attname) || '::text', ', ' ORDER BY attname) FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped", relation)[0]
		for _, row := range Rows(t, db, "SELECT "+columns+" FROM "+relation+" AS all_rows ORDER BY "+strings.ReplaceAll(columns, "::text", "::text COLLATE \"C\"")) {
			lines = append(lines, relation+": "+row)
		}
	}
	return lines
}

// Same fails the test where two lists of lines differ.
func Same(t testing.TB, what string, got, want []string) {
	t.Helper()
	count := map[string]int{}
	for _, line := range want {
		count[line]++
	}
	for _, line := range got {
		count[line]--
	}
	for _, line := range want {
		if count[line] > 0 {
			t.Errorf("%s: missing %q", what, line)
			count[line] = 0
		}
	}
	for _, line := range got {
		if count[line] < 0 {
			t.Errorf("%s: not expected: %q", what, line)
			count[line] = 0
		}
	}
}
