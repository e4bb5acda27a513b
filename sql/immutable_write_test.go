package sql_test

import (
	"fmt"
	"strings"
	"testing"

	"yore.example/yore/internal/pgtest"
)

// Entities of the tests' own choosing: an INSERT may name its entity_id.
const (
	one  = "11111111-1111-7111-8111-111111111111"
	two  = "22222222-2222-7222-8222-222222222222"
	none = "99999999-9999-7999-8999-999999999999"
)

// newEntities is a lab with the immutable table t and entity one in it. options
// are further arguments of yore.create_immutable_table.
func newEntities(t *testing.T, options string, statements ...string) *lab {
	t.Helper()
	l := newLab(t, "SELECT yore.create_immutable_table('t', 'name text NOT NULL, n int DEFAULT 7, note text'"+options+")",
		"INSERT INTO t (entity_id, name, n) VALUES ('"+one+"', 'a', 1)")
	l.exec(statements...)
	return l
}

// chain checks the versions of one entity: "version|columns|past", "tombstone"
// or "open".
func (l *lab) chain(entity, columns string, rows ...string) {
	l.Helper()
	l.want(fmt.Sprintf(`SELECT version, %s, CASE WHEN deleted_at IS NOT NULL THEN 'tombstone' WHEN valid_to IS NULL THEN 'open' ELSE 'past' END
		FROM history.t WHERE entity_id = '%s' ORDER BY version`, columns, entity), rows...)
}

func undelete(entity, changes string) string {
	return fmt.Sprintf("SELECT yore.undelete('t', '%s', '%s')", entity, changes)
}

// immutable-17..22, immutable-26
func TestImmutableInsert(t *testing.T) {
	l := newLab(t, "SELECT yore.create_immutable_table('t', 'name text NOT NULL, n int DEFAULT 7, note text')")
	before := l.now()
	returned := l.value("INSERT INTO t (name, note) VALUES ('Ana', 'x') RETURNING entity_id")
	after := l.now()
	l.want(fmt.Sprintf(`SELECT id IS NOT NULL, id <> entity_id, entity_id = '%s', version, valid_from BETWEEN '%s' AND '%s', deleted_at, valid_to, name, n, note
		FROM history.t`, returned, before, after), "t|t|t|1|t|∅|∅|Ana|7|x")
	l.want(fmt.Sprintf("SELECT version, deleted_at, name, n, note, valid_from BETWEEN '%s' AND '%s' FROM t WHERE entity_id = '%s'", before, after, returned), "1|∅|Ana|7|x|t")
	// The entity's identifier is of version 7; the row's, which is not indexed, random.
	l.want("SELECT substr(id::text, 15, 1), substr(entity_id::text, 15, 1) FROM history.t", "4|7")
	l.exec("INSERT INTO t (name) SELECT 'many' FROM generate_series(1, 100)")
	l.want("SELECT count(*), count(DISTINCT entity_id), count(DISTINCT id), min(version), max(version), count(DISTINCT valid_from) FROM history.t WHERE name = 'many'",
		"100|100|100|1|1|1")
	l.sound("t", "entity_id")
}

// An INSERT may bring its own entity_id; NULL and the nil UUID ask for one.
func TestImmutableInsertWithAnEntityID(t *testing.T) {
	l := newEntities(t, "")
	l.refused("23505", "INSERT INTO t (entity_id, name) VALUES ('"+one+"', 'again')")
	for _, ask := range []string{"NULL", "'00000000-0000-0000-0000-000000000000'"} {
		l.want("INSERT INTO t (entity_id, name) VALUES ("+ask+", 'asked') RETURNING version, substr(entity_id::text, 15, 1)", "1|7")
	}
	l.exec("DELETE FROM t WHERE name = 'a'", "INSERT INTO t (entity_id, name) VALUES ('"+one+"', 'by hand')")
	l.chain(one, "name, n", "1|a|1|past", "2|a|1|tombstone", "3|by hand|7|open")
	l.sound("t", "entity_id")
}

// immutable-29..33
func TestImmutableUpdate(t *testing.T) {
	l := newEntities(t, ", show_row_id => true", "UPDATE t SET note = 'kept'")
	first := l.value("SELECT to_jsonb(h) - 'valid_to' FROM history.t AS h WHERE version = 2")
	old := l.value("SELECT id FROM t")
	l.want("UPDATE t SET n = 5 WHERE entity_id = '"+one+"' RETURNING version, entity_id, name, n, note, deleted_at, id <> '"+old+"'",
		"3|"+one+"|a|5|kept|∅|t")
	// Of the row of version 2 nothing but its end is another.
	l.want("SELECT to_jsonb(h) - 'valid_to' FROM history.t AS h WHERE version = 2", first)
	l.want("SELECT valid_from > lag(valid_from) OVER w, id <> lag(id) OVER w, entity_id = lag(entity_id) OVER w FROM history.t WINDOW w AS (ORDER BY version) ORDER BY version OFFSET 1",
		"t|t|t", "t|t|t")
	l.chain(one, "name, n, note", "1|a|1|∅|past", "2|a|1|kept|past", "3|a|5|kept|open")
	l.sound("t", "entity_id")
}

// immutable-53..60, immutable-63
func TestImmutableDelete(t *testing.T) {
	l := newEntities(t, "", "INSERT INTO t (entity_id, name, n, note) VALUES ('"+two+"', 'b', 2, 'x')", "UPDATE t SET n = 3 WHERE name = 'b'")
	stored := l.value("SELECT (id, version, valid_from, name, n, note) FROM history.t WHERE version = 1 AND name = 'a'")
	l.exec("DELETE FROM t")
	l.present("t", "*")
	l.want("SELECT (id, version, valid_from, name, n, note) FROM history.t WHERE version = 1 AND name = 'a' AND deleted_at IS NULL", stored)
	l.chain(one, "name, n, note", "1|a|1|∅|past", "2|a|1|∅|tombstone")
	l.chain(two, "name, n, note", "1|b|2|x|past", "2|b|3|x|past", "3|b|3|x|tombstone")
	l.want(`SELECT d.deleted_at BETWEEN clock_timestamp() - interval '1 s' AND clock_timestamp(), d.valid_from > l.valid_from, d.id <> l.id, d.deleted_at = l.valid_to
		FROM history.t AS d JOIN history.t AS l ON l.entity_id = d.entity_id AND l.version = d.version - 1 WHERE d.deleted_at IS NOT NULL`, "t|t|t|t", "t|t|t|t")
	if n := l.affected("DELETE FROM t"); n != 0 {
		t.Errorf("deleted again: %d rows", n)
	}
	l.sound("t", "entity_id")
}

// immutable-67..78
func TestImmutableUndelete(t *testing.T) {
	l := newEntities(t, "", "UPDATE t SET note = 'x'", "DELETE FROM t")
	stored := l.rows("SELECT * FROM history.t ORDER BY version")
	l.want("SELECT yore.undelete('t', '"+one+"')", "4")
	l.want("SELECT entity_id, version, deleted_at, name, n, note FROM t", one+"|4|∅|a|1|x")
	l.want("SELECT * FROM history.t WHERE version < 4 ORDER BY version", stored...)
	l.want(`SELECT n.valid_from > d.valid_from, n.id NOT IN (SELECT id FROM history.t WHERE version < 4) FROM history.t AS n, history.t AS d WHERE n.version = 4 AND d.version = 3`, "t|t")
	// 76, 75, and after both nothing is left behind for the next statement.
	for _, c := range [][2]string{{"YO021", one}, {"YO019", none}, {"YO019", "00000000-0000-0000-0000-000000000000"}} {
		refuses(t, l.db, "SELECT yore.undelete('t', '"+c[1]+"', '{\"name\": \"evil\"}')", c[0], "table public.t", c[1])
	}
	refuses(t, l.db, "SELECT yore.undelete('t', NULL)", "YO007", "NULL")
	// 77: changes, one of them a NULL where the column has a default (N5).
	l.exec("DELETE FROM t")
	l.want(undelete(one, `{"n": null, "name": "b"}`), "6")
	// 78
	l.exec("DELETE FROM t")
	l.want("SELECT yore.undelete('t', '"+one+"', '{}')", "8")
	l.chain(one, "name, n, note", "1|a|1|∅|past", "2|a|1|x|past", "3|a|1|x|tombstone", "4|a|1|x|past", "5|a|1|x|tombstone",
		"6|b|∅|x|past", "7|b|∅|x|tombstone", "8|b|∅|x|open")
	l.sound("t", "entity_id")
}

// immutable-88..91, and 92 as SQL has it: unknown keys are refused.
func TestImmutableUndeleteWithOddChanges(t *testing.T) {
	for name, c := range map[string]struct{ options, changes string }{
		"immutable-88 EntityID":         {"", `{"entity_id": "` + two + `", "n": 9}`},
		"immutable-89 DeletedAt":        {"", `{"deleted_at": "2001-01-01", "n": 9}`},
		"immutable-90 Version":          {"", `{"version": 999, "n": 9}`},
		"immutable-91 AllOfIt":          {"", `{"entity_id": "x", "version": "y", "valid_from": [], "deleted_at": {}, "n": 9}`},
		"RowID":                         {", show_row_id => true", `{"id": "` + one + `", "n": 9}`},
		"VersionWhereItMayBeWritten":    {", allow_version_write => true", `{"version": 999, "n": 9}`},
		"ExpressionsAreValuesNotSQL":    {"", `{"n": 9, "note": null}`},
		"TheSameAsTheTombstone":         {"", `{"n": 9, "name": "a"}`},
		"AllowUpdatesMakesNoDifference": {", allow_updates => true, allow_deletes => true", `{"n": 9}`},
	} {
		t.Run(name, func(t *testing.T) {
			l := newEntities(t, c.options, "UPDATE t SET n = 2", "DELETE FROM t")
			l.want(undelete(one, c.changes), "4")
			l.chain(one, "name, n, note", "1|a|1|∅|past", "2|a|2|∅|past", "3|a|2|∅|tombstone", "4|a|9|∅|open")
			l.want("SELECT valid_from > now() - interval '1 min', deleted_at FROM t", "t|∅")
			if c.options == ", show_row_id => true" {
				l.want("SELECT id <> '"+one+"' FROM t", "t")
			}
			l.sound("t", "entity_id")
		})
	}
	t.Run("Refused", func(t *testing.T) {
		l := newEntities(t, "", "DELETE FROM t", "CREATE TABLE plain (id int PRIMARY KEY)", "CREATE TABLE temp (id int PRIMARY KEY)", "SELECT yore.track('temp')")
		refuses(t, l.db, undelete(one, `{"n": 9, "nome": 1, "_csrf\"": 2}`), "YO007", "public.t", "nome", `"_csrf"""`)
		refuses(t, l.db, undelete(one, `{"id": 1}`), "YO007", "id")
		refuses(t, l.db, undelete(one, `{"sys_id": 1}`), "YO007", "sys_id")
		refuses(t, l.db, undelete(one, `[1]`), "YO007", "array")
		refuses(t, l.db, undelete(one, `{"n": "many"}`), "22P02", "many")
		refuses(t, l.db, undelete(one, `{"name": null}`), "23502", "name")
		refuses(t, l.db, "SELECT yore.undelete('plain', '"+one+"')", "YO003", "plain")
		refuses(t, l.db, "SELECT yore.undelete('temp', '"+one+"')", "YO007", "no immutable table")
		l.chain(one, "name", "1|a|past", "2|a|tombstone")
		l.sound("t", "entity_id")
	})
}

// Columns that undelete fills are of many kinds; those that it cannot write
// come out right, too.
func TestImmutableUndeleteOfAllKinds(t *testing.T) {
	l := newLab(t, "CREATE DOMAIN word AS text NOT NULL CHECK (value <> 'forbidden')", "CREATE TYPE pair AS (a int, b text)",
		`SELECT yore.create_immutable_table('t', $$ "Odd, ""name" text, list text[], two pair, doc jsonb, raw json, w word DEFAULT 'usual', at timestamptz, b bytea, num numeric(6,2),
			serial int GENERATED ALWAYS AS IDENTITY, twice int GENERATED ALWAYS AS (length(w) * 2) STORED $$)`,
		`INSERT INTO t (entity_id, "Odd, ""name", list, two, doc, raw, w, at, b, num) VALUES ('`+one+`', '{}",', '{"a,b","\"",NULL}', '(1,"x,y")', '{"k": [1, null]}', '{ "k":  1}', 'set', '2001-02-03 04:05:06.000007Z', '\x00ff', 1.50)`)
	const data = `"Odd, ""name", list, two, doc, raw, w, at, b, num, serial, twice`
	row := l.value("SELECT " + data + " FROM t")
	l.exec("DELETE FROM t")
	l.want("SELECT yore.undelete('t', '"+one+"')", "3")
	l.want("SELECT "+data+" FROM t", row)
	l.exec("DELETE FROM t")
	l.want(undelete(one, `{"Odd, \"name": "x", "list": ["p", null], "two": {"a": 2}, "doc": {"z": 1}, "w": "given"}`), "5")
	l.want(`SELECT "Odd, ""name", list, two, doc, w, num, serial, twice FROM t`, `x|{p,NULL}|(2,)|{"z": 1}|given|1.50|1|10`)
	l.exec("DELETE FROM t")
	refuses(t, l.db, undelete(one, `{"w": "forbidden"}`), "23514")
	if e := refuses(t, l.db, undelete(one, `{"twice": 2}`), map[bool]string{true: "42601", false: "428C9"}[pgtest.Server(t).Major() < 14]); !strings.Contains(e.Message, "twice") {
		t.Error(e)
	}
	l.sound("t", "entity_id")
}

// immutable-N10: what changes nothing writes nothing; of journaled columns alone
// where that was asked for.
func TestImmutableNoVersionForNoChange(t *testing.T) {
	l := newEntities(t, ", no_journal => '{note}'")
	before := l.value("SELECT t FROM temporal.t")
	l.exec("UPDATE t SET name = name, n = 1", "UPDATE t SET name = 'a' WHERE entity_id = '"+one+"'")
	l.want("SELECT t FROM temporal.t", before)
	l.exec("UPDATE t SET note = 'x'")
	l.want("SELECT note, sys_id::text FROM temporal.t", "x|"+l.value("SELECT id FROM history.t"))
	l.chain(one, "name, note", "1|a|x|open")
	l.exec("UPDATE t SET n = 2")
	l.chain(one, "n, note", "1|1|x|past", "2|2|x|open")
	l.sound("t", "entity_id")
}

// immutable-201, immutable-204, immutable-205, immutable-207, immutable-N9: every change of a transaction is a version, each
// 1 µs after the one before.
func TestImmutableTransactions(t *testing.T) {
	l := newEntities(t, "")
	s := l.session()
	s.exec("BEGIN", "INSERT INTO t (entity_id, name) VALUES ('"+two+"', 'b')", "UPDATE t SET n = 8 WHERE name = 'b'", "UPDATE t SET n = 9 WHERE name = 'b'",
		"DELETE FROM t WHERE name = 'b'", undelete(two, `{"n": 10}`), "UPDATE t SET n = 2 WHERE name = 'a'", "DELETE FROM t WHERE name = 'a'", undelete(one, "{}"))
	began := s.value("SELECT now()")
	s.exec("COMMIT")
	l.chain(one, "n", "1|1|past", "2|2|past", "3|2|tombstone", "4|2|open")
	l.want(fmt.Sprintf("SELECT entity_id, version, valid_from - '%s', deleted_at - '%[1]s' FROM history.t WHERE valid_from >= '%[1]s' ORDER BY entity_id, version", began),
		one+"|2|00:00:00|∅", one+"|3|00:00:00.000001|00:00:00.000001", one+"|4|00:00:00.000002|∅",
		two+"|1|00:00:00|∅", two+"|2|00:00:00.000001|∅", two+"|3|00:00:00.000002|∅", two+"|4|00:00:00.000003|00:00:00.000003", two+"|5|00:00:00.000004|∅")
	l.want("SELECT count(DISTINCT id), count(*), count(DISTINCT xid) FROM history.t", "9|9|2")
	l.wantAsOf(began, "SELECT name, n, deleted_at FROM t ORDER BY 1", "a|2|∅", "b|7|∅")

	s.exec("BEGIN", "UPDATE t SET n = 100", "SAVEPOINT s", "DELETE FROM t", "ROLLBACK TO s", "UPDATE t SET n = 101 WHERE name = 'a'", "COMMIT",
		"BEGIN", "UPDATE t SET n = 200", "INSERT INTO t (name) VALUES ('never')", "ROLLBACK")
	l.present("t", "name, version, n", "a|6|101", "b|6|100")
	l.want("WITH gone AS (DELETE FROM t WHERE name = 'a' RETURNING *) INSERT INTO t SELECT * FROM gone RETURNING version, n", "8|101")
	l.sound("t", "entity_id")
}

// immutable-N4, immutable-N5, immutable-N6: no filter finds a superseded version; NULL is NULL where
// there is a default; a column that the writer does not know goes along.
func TestImmutableColumns(t *testing.T) {
	l := newEntities(t, "", "UPDATE t SET n = NULL, note = 'x'", "INSERT INTO t (entity_id, name, n) VALUES ('"+two+"', 'b', NULL)", "UPDATE t SET name = 'c' WHERE name = 'a'")
	l.present("t", "name, n, note", "b|∅|∅", "c|∅|x")
	l.want("SELECT count(*) FROM t WHERE name = 'a' OR n = 1 OR version = 1 AND entity_id = '"+one+"'", "0")
	l.exec("ALTER TABLE temporal.t ADD COLUMN later text DEFAULT 'new'", "SELECT yore.sync('t')", "UPDATE t SET later = 'set' WHERE name = 'c'",
		"UPDATE t SET name = 'd' WHERE name = 'c'", "DELETE FROM t WHERE name = 'd'", undelete(one, `{"name": "e"}`))
	l.chain(one, "name, n, note, later", "1|a|1|∅|∅|past", "2|a|∅|x|∅|past", "3|c|∅|x|new|past", "4|c|∅|x|set|past", "5|d|∅|x|set|past", "6|d|∅|x|set|tombstone", "7|e|∅|x|set|open")
	l.sound("t", "entity_id")
}
