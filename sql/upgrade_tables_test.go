package sql_test

import (
	"fmt"
	"strings"

	"yore.example/yore/internal/pgtest"
)

// An oldTable is tracked by an earlier version and written to while it is
// upgraded. Each has an id and a number n, which writers count up.
type oldTable struct {
	name       string
	history    string   // its view in history
	asof       string   // its view in asof, and the function
	version    string   // how history calls that, with the prefix
	amendments string   // if there are any
	setup      []string // makes it, with some past
}

const fourRows = "INSERT INTO %s (id, n) SELECT k, 0 FROM generate_series(1, 6) AS k"

// past is what every table has gone through before: versions, a tombstone, a key
// that came back, several changes in a transaction.
var past = []string{
	fourRows,
	"UPDATE %s SET n = n + 1",
	"BEGIN; UPDATE %[1]s SET n = n + 1 WHERE id = 2; UPDATE %[1]s SET n = n + 1 WHERE id = 2; COMMIT",
	"DELETE FROM %s WHERE id IN (5, 6)",
	"INSERT INTO %s (id, n) VALUES (5, 0)",
}

func temporal(name, table, options string, more ...string) oldTable {
	t := oldTable{name: name, history: "history." + name, asof: "asof." + name, version: "version"}
	if schema, base, found := strings.Cut(name, "."); found {
		t.history, t.asof = "history_"+schema+"."+base, "asof_"+schema+"."+base
	}
	t.setup = append([]string{table, fmt.Sprintf("SELECT yore.track('%s'%s)", name, options)}, fill(name, past...)...)
	t.setup = append(t.setup, more...)
	return t
}

func fill(name string, statements ...string) []string {
	var filled []string
	for _, s := range statements {
		if strings.Contains(s, "%") {
			s = fmt.Sprintf(s, name)
		}
		filled = append(filled, s)
	}
	return filled
}

// oldTables are tables of every kind, for the server's version.
func oldTables(l *lab) []oldTable {
	rights := ", in_place => true"
	if pgtest.Server(l).Major() >= 15 {
		rights = ""
	}
	prefixed := temporal("prefixed", "CREATE TABLE prefixed (id int PRIMARY KEY, n int, version text, valid_from date)", ", prefix => 'sys_'")
	prefixed.version = "sys_version"
	tables := []oldTable{
		temporal("plain", "CREATE TABLE plain (id int PRIMARY KEY, n int, name text DEFAULT 'x', twice int GENERATED ALWAYS AS (n * 2) STORED)", "",
			"SELECT yore.set_context('ann', 'before')"),
		temporal("composite", "CREATE TABLE composite (id int, region text DEFAULT 'eu', n int, PRIMARY KEY (region, id))", ", since => '-infinity'"),
		temporal("in_place", "CREATE TABLE in_place (id int PRIMARY KEY, n int)", ", in_place => true"),
		temporal("parts", "CREATE TABLE parts (id int PRIMARY KEY, n int) PARTITION BY HASH (id); CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1)", ", in_place => true"),
		prefixed,
		temporal("journaled", "CREATE TABLE journaled (id int PRIMARY KEY, n int, seen int, updated_at timestamptz DEFAULT now())", ", journal => '{n}'",
			"UPDATE journaled SET seen = 1 WHERE id = 1"),
		temporal("unjournaled", "CREATE TABLE unjournaled (id int PRIMARY KEY, n int, seen int)", ", no_journal => '{seen}'"),
		temporal("whole", "CREATE TABLE whole (id int PRIMARY KEY, n int, updated_at timestamptz DEFAULT now())", ", full_journal => true, squash => false"),
		temporal("emptied", "CREATE TABLE emptied (id int PRIMARY KEY, n int)", ", on_truncate => 'archive'",
			"TRUNCATE temporal.emptied", "INSERT INTO emptied SELECT k, 2 FROM generate_series(1, 5) AS k"),
		temporal("exclusive", "CREATE EXTENSION IF NOT EXISTS btree_gist; CREATE TABLE exclusive (id int PRIMARY KEY, n int)", ", exclusion => true"),
		temporal("guarded", "CREATE TABLE guarded (id int PRIMARY KEY, n int); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; CREATE POLICY positive ON guarded USING (id > 0)", rights),
		temporal("sales.orders", "CREATE SCHEMA sales; CREATE TABLE sales.orders (id int PRIMARY KEY, n int, at timestamptz DEFAULT now())", ""),
		temporal("triggered", `CREATE TABLE triggered (id int PRIMARY KEY, n int, name text);
			CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := 'by trigger ' || NEW.n; RETURN NEW; END $$;
			CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON triggered FOR EACH ROW EXECUTE FUNCTION stamp()`, ""),
		temporal(`"Odd 'name'"`, `CREATE TABLE "Odd 'name'" (id int PRIMARY KEY, n int, "Sp ace" text)`, ""),
		temporal("altered", "CREATE TABLE altered (id int PRIMARY KEY, n int, gone text, kind text)", "",
			"ALTER TABLE temporal.altered DROP COLUMN gone CASCADE", "ALTER TABLE temporal.altered ADD COLUMN fresh int DEFAULT 7", "ALTER TABLE temporal.altered RENAME COLUMN kind TO sort", "SELECT yore.sync('altered')"),
		temporal("child", "CREATE TABLE child (id int PRIMARY KEY, n int, plain int DEFAULT 1 REFERENCES temporal.plain)", ""),
	}
	tables[13].setup[1] = strings.ReplaceAll(tables[13].setup[1], `"Odd 'name'"`, `"Odd ''name''"`)
	for _, kind := range []struct{ name, version, options string }{
		{"tasks", "version", ""},
		{"notes", "version", ", allow_updates => true, allow_deletes => true"},
		{"chosen", "sys_version", ", allow_version_write => true, show_row_id => true, prefix => 'sys_'"},
	} {
		t := oldTable{name: kind.name, history: "history." + kind.name, asof: "asof." + kind.name, version: kind.version,
			setup: []string{fmt.Sprintf("SELECT yore.create_immutable_table('%s', 'id int NOT NULL UNIQUE, n int, body text'%s)", kind.name, kind.options)}}
		t.setup = append(t.setup, fill(kind.name, fourRows, "UPDATE %s SET n = n + 1", "DELETE FROM %s WHERE id IN (5, 6)",
			"SELECT yore.undelete('%[1]s', (SELECT entity_id FROM history.%[1]s WHERE id = 5 AND "+kind.version+" = 1))")...)
		tables = append(tables, t)
	}
	notes := &tables[len(tables)-2]
	notes.amendments = "temporal.notes_amendments"
	notes.setup = append(notes.setup, "UPDATE history.notes SET body = 'amended' WHERE id = 2", "DELETE FROM history.notes WHERE id = 5 AND version = 1")
	return tables
}

func makeTables(l *lab, tables []oldTable) {
	l.Helper()
	s := l.session()
	for _, table := range tables {
		s.exec(table.setup...)
	}
}
