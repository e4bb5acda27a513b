package sql_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// brief is yore.changes for tests: what happened, without the times.
const brief = "SELECT table_name, key, version, kind, columns, old, new FROM yore.changes(%s)"

// The kinds of a change: a row that is new, new again, that goes, and one whose
// key changes, which is both. What no version was made of is no change.
func TestChangesKinds(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, a text, b text, updated_at int)", "INSERT INTO t VALUES (1, 'found')", "SELECT yore.track('t')")
	l.exec("INSERT INTO t VALUES (2, 'x', 'y')", "UPDATE t SET b = 'z' WHERE id = 2", "UPDATE t SET updated_at = 7, b = 'z' WHERE id = 2", "DELETE FROM t WHERE id = 2", "INSERT INTO t VALUES (2)", "UPDATE t SET id = 3 WHERE id = 2")
	// Nothing that others ever saw: not there and gone, changed and gone.
	s := l.session()
	s.exec("BEGIN", "INSERT INTO t VALUES (9)", "DELETE FROM t WHERE id = 9", "COMMIT", "BEGIN", "UPDATE t SET a = 'never'", "UPDATE t SET a = 'now', b = 'b' WHERE id = 1", "DELETE FROM t WHERE id = 3", "COMMIT")
	l.want(fmt.Sprintf(brief, "'t'"),
		`t|{"id": 1}|1|insert|{id,a}|∅|{"a": "found", "b": null, "id": 1, "updated_at": null}`,
		`t|{"id": 2}|1|insert|{id,a,b}|∅|{"a": "x", "b": "y", "id": 2, "updated_at": null}`,
		`t|{"id": 2}|2|update|{b,updated_at}|{"a": "x", "b": "y", "id": 2, "updated_at": null}|{"a": "x", "b": "z", "id": 2, "updated_at": 7}`,
		`t|{"id": 2}|3|delete|{id,a,b,updated_at}|{"a": "x", "b": "z", "id": 2, "updated_at": 7}|∅`,
		`t|{"id": 2}|4|insert|{id}|∅|{"a": null, "b": null, "id": 2, "updated_at": null}`,
		`t|{"id": 2}|5|delete|{id}|{"a": null, "b": null, "id": 2, "updated_at": null}|∅`,
		`t|{"id": 3}|1|insert|{id}|∅|{"a": null, "b": null, "id": 3, "updated_at": null}`,
		`t|{"id": 1}|2|update|{a,b}|{"a": "found", "b": null, "id": 1, "updated_at": null}|{"a": "now", "b": "b", "id": 1, "updated_at": null}`,
		`t|{"id": 3}|2|delete|{id}|{"a": null, "b": null, "id": 3, "updated_at": null}|∅`)
	// at and xid are those of the version, which history shows.
	l.want(`SELECT count(*) FROM yore.changes('t') AS c JOIN history.t AS h ON h.id = (c.key ->> 'id')::int AND (h.version, h.valid_from, h.xid) = (c.version, c.at, c.xid)`, "9")
}

// [from, to): with its first instant and without its last; NULL is open.
func TestChangesBounds(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, a text)", "SELECT yore.track('t', since => '2001-01-01')", "GRANT EXECUTE ON FUNCTION yore.at_time TO PUBLIC")
	s := l.session()
	for year := 2001; year <= 2005; year++ {
		s.exec("BEGIN", fmt.Sprintf("SELECT yore.at_time('%d-01-01')", year), fmt.Sprintf("INSERT INTO t VALUES (1, '%d') ON CONFLICT (id) DO UPDATE SET a = excluded.a", year), "COMMIT")
	}
	within := func(from, to string, want ...string) {
		t.Helper()
		l.want(fmt.Sprintf("SELECT new ->> 'a' FROM yore.changes('t', from_time => %s, to_time => %s)", from, to), want...)
	}
	within("NULL", "NULL", "2001", "2002", "2003", "2004", "2005")
	within("'2002-01-01'", "'2004-01-01'", "2002", "2003")
	within("'2002-01-01 00:00:00.000001'", "'2004-01-01 00:00:00.000001'", "2003", "2004")
	within("NULL", "'2003-01-01'", "2001", "2002")
	within("'2004-01-01'", "NULL", "2004", "2005")
	within("'-infinity'", "'infinity'", "2001", "2002", "2003", "2004", "2005")
	within("'infinity'", "NULL")
	within("NULL", "'-infinity'")
	within("'2004-01-01'", "'2002-01-01'")
	l.want("SELECT new ->> 'a' FROM yore.changes('t', newest_first => true, max_rows => 2)", "2005", "2004")
	l.want("SELECT new ->> 'a', old ->> 'a' FROM yore.changes('t', max_rows => 2)", "2001|∅", "2002|2001")
	l.want("SELECT new ->> 'a' FROM yore.changes('t', max_rows => 0)")
	l.want("SELECT count(*) FROM yore.changes('t', newest_first => NULL)", "5")
	// Times mean the same under every setting of the session.
	s.exec("SET DateStyle = 'SQL, DMY'", "SET TimeZone = 'America/New_York'")
	s.want("SELECT new ->> 'a' FROM yore.changes('t', '2002-01-01 00:00:00+00', '2003-01-01 00:00:00+00')", "2002")
}

// What has always been so began at no time: at is NULL, and first.
func TestChangesSinceEver(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, a text)", "INSERT INTO t VALUES (1, 'x')", "SELECT yore.track('t', since => '-infinity')", "UPDATE t SET a = 'y'")
	const query = "SELECT kind, at IS NULL FROM yore.changes('t'%s)"
	l.want(fmt.Sprintf(query, ""), "insert|t", "update|f")
	l.want(fmt.Sprintf(query, ", to_time => '2000-01-01'"), "insert|t")
	l.want(fmt.Sprintf(query, ", '-infinity', '2000-01-01'"), "insert|t")
	l.want(fmt.Sprintf(query, ", '1900-01-01'"), "update|f")
	l.want(fmt.Sprintf(query, ", to_time => '-infinity'"))
	l.want(fmt.Sprintf(query, ", newest_first => true"), "update|f", "insert|t")
	l.want("SELECT valid_from IS NULL FROM history.t ORDER BY version", "t", "f")
}

// Several tables in one order, with who and why; each table's changes of one
// transaction together and by key.
func TestChangesOfAllTables(t *testing.T) {
	l := newLab(t, "CREATE SCHEMA sales", "CREATE TABLE b (id int PRIMARY KEY, a_id int)", `CREATE TABLE sales."Orders" (a_id int, line int, PRIMARY KEY (line, a_id))`, "CREATE TABLE plain (id int)",
		"CREATE TABLE a (id int PRIMARY KEY)", "SELECT yore.track('b'), yore.track('a'), yore.track('sales.\"Orders\"')")
	s := l.session()
	s.exec("BEGIN", `SELECT yore.set_context('ann', 'because', '{"n": 1}')`, `INSERT INTO sales."Orders" VALUES (1, 1), (2, 1), (10, 1), (1, 2)`, "INSERT INTO b VALUES (1, 1), (2, 2)", "INSERT INTO a VALUES (1)", "COMMIT")
	s.exec("INSERT INTO a VALUES (2)", "INSERT INTO b VALUES (3, 1)")
	l.want("SELECT table_name, key, actor, reason, meta FROM yore.changes()",
		`a|{"id": 1}|ann|because|{"n": 1}`, `b|{"id": 1}|ann|because|{"n": 1}`, `b|{"id": 2}|ann|because|{"n": 1}`,
		`sales."Orders"|{"a_id": 1, "line": 1}|ann|because|{"n": 1}`, `sales."Orders"|{"a_id": 2, "line": 1}|ann|because|{"n": 1}`,
		`sales."Orders"|{"a_id": 10, "line": 1}|ann|because|{"n": 1}`, `sales."Orders"|{"a_id": 1, "line": 2}|ann|because|{"n": 1}`,
		`a|{"id": 2}|∅|∅|∅`, `b|{"id": 3}|∅|∅|∅`)
	all := l.rows("SELECT table_name, key, at FROM yore.changes()")
	l.want("SELECT table_name, key, at FROM yore.changes(max_rows => 4)", all[:4]...)
	reversed := slices.Clone(all)
	slices.Reverse(reversed)
	got := l.rows("SELECT table_name, key, at FROM yore.changes(newest_first => true)")
	if !slices.Equal(got, reversed) {
		t.Errorf("newest first\ngot  %q\nwant %q", got, reversed)
	}
	l.want("SELECT table_name, key, at FROM yore.changes(newest_first => true, max_rows => 5)", reversed[:5]...)
	// All that a transaction did.
	l.want("SELECT count(*) FROM yore.changes(of_xid => (SELECT xid FROM yore.transaction))", "7")
	l.want("SELECT key FROM yore.changes('b', of_xid => (SELECT xid FROM yore.transaction))", `{"id": 1}`, `{"id": 2}`)
	// matching without a table: of those that have such columns.
	l.want(`SELECT table_name, key FROM yore.changes(matching => '{"a_id": 1}')`,
		`b|{"id": 1}`, `sales."Orders"|{"a_id": 1, "line": 1}`, `sales."Orders"|{"a_id": 1, "line": 2}`, `b|{"id": 3}`)
	l.want(`SELECT table_name, key FROM yore.changes(matching => '{"a_id": 1, "line": 2}')`, `sales."Orders"|{"a_id": 1, "line": 2}`)
	// A table is named as in SQL, and by its storage, too.
	s.exec("SET search_path = sales, public")
	s.want(`SELECT count(*) FROM yore.changes('"Orders"')`, "4")
	l.want(`SELECT count(*) FROM yore.changes('temporal.b')`, "3")
	// In an as-of session history is what it was.
	s.exec("RESET search_path", "BEGIN", "SELECT yore.as_of('2000-01-01')")
	s.want("SELECT count(*) FROM yore.changes('b')", "3")
	s.exec("COMMIT", "SELECT yore.untrack('a'), yore.untrack('b'), yore.untrack('sales.\"Orders\"')")
	s.want("SELECT * FROM yore.changes()")
}

// matching: the row before or after the change has these values.
func TestChangesMatching(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, parent int, note text)", "CREATE INDEX ON t (parent)", "SELECT yore.track('t')",
		"INSERT INTO t VALUES (1, 1, NULL), (2, 2, NULL)", "UPDATE t SET note = 'x'", "UPDATE t SET parent = 2 WHERE id = 1", "UPDATE t SET note = NULL WHERE id = 1", "DELETE FROM t WHERE id = 2")
	s := l.session()
	// The tombstone of this has parent 7, which no row ever had.
	s.exec("BEGIN", "UPDATE t SET parent = 7 WHERE id = 1", "DELETE FROM t WHERE id = 1", "COMMIT")
	match := func(matching string, want ...string) {
		t.Helper()
		l.want("SELECT key ->> 'id', version, kind FROM yore.changes('t', matching => '"+matching+"') ORDER BY 1, 2", want...)
		// From a time on, the query is another.
		l.want("SELECT key ->> 'id', version, kind FROM yore.changes('t', '1900-01-01', matching => '"+matching+"') ORDER BY 1, 2", want...)
		l.want("SELECT key ->> 'id', version, kind FROM yore.changes('t', matching => '"+matching+"', max_rows => 100) ORDER BY 1, 2", want...)
	}
	match(`{"id": 2}`, "2|1|insert", "2|2|update", "2|3|delete")
	match(`{"parent": 1}`, "1|1|insert", "1|2|update", "1|3|update")
	match(`{"parent": 2}`, "1|3|update", "1|4|update", "1|5|delete", "2|1|insert", "2|2|update", "2|3|delete")
	match(`{"parent": 7}`)
	match(`{"parent": 2, "id": 1}`, "1|3|update", "1|4|update", "1|5|delete")
	match(`{"note": null, "id": 1}`, "1|1|insert", "1|2|update", "1|4|update", "1|5|delete")
	match(`{"parent": null}`)
	match(`{"id": null}`)
	match(`{"id": "1", "parent": "1", "note": "x"}`, "1|2|update", "1|3|update")
	match("{}", "1|1|insert", "1|2|update", "1|3|update", "1|4|update", "1|5|delete", "2|1|insert", "2|2|update", "2|3|delete")
	l.want("SELECT 1 WHERE (SELECT count(*) FROM yore.changes('t', matching => NULL)) = 8", "1")
}

// Values of every type can be asked for: by their type's equality, or, where it
// has none, as they are stored. A type that needs rounding is not rounded.
func TestChangesMatchingByType(t *testing.T) {
	l := newLab(t, "CREATE EXTENSION citext", "CREATE TYPE mood AS ENUM ('sad', 'ok')", "CREATE TYPE pair AS (a int, b text)", "CREATE DOMAIN pos AS int NOT NULL CHECK (VALUE > 0)", "CREATE DOMAIN email AS citext",
		`CREATE TABLE t (id citext PRIMARY KEY, j json, jb jsonb, p point, x xml, m mood, pr pair, d pos, e email, arr int[], r int4range, n numeric(5,2), f float8, c char(5), vc varchar(3), b bytea, ts timestamptz, bits bit(3), dd date, "odd ""col" text, moods mood[], u uuid)`,
		"SELECT yore.track('t')",
		`INSERT INTO t VALUES ('Key', '{"a" : 1}', '{"a": 1, "b": [1]}', '(1,2)', '<a/>', 'ok', ROW(1, 'x'), 5, 'Ann@Example.org', '{1,NULL,3}', '[1,5)', 1.50, 0.1, 'ab', 'abc', '\x00ff', '2020-01-02 03:04:05.678901+00', '101', '2020-01-02', 'it''s %s {x}', '{ok,sad}', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11')`,
		"INSERT INTO t (id, d) VALUES ('other', 1)")
	for matching, want := range map[string]string{
		`{"id": "KEY"}`: "1", `{"id": "Kay"}`: "0", `{"j": {"a" : 1}}`: "0", `{"jb": {"b": [1], "a": 1}}`: "1", `{"jb": {"a": 1}}`: "0", `{"p": "(1,2)"}`: "1", `{"p": "(1,3)"}`: "0",
		`{"x": "<a/>"}`: "1", `{"x": "<b/>"}`: "0", `{"m": "ok"}`: "1", `{"m": "sad"}`: "0", `{"pr": {"a": 1, "b": "x"}}`: "1", `{"pr": {"a": 2}}`: "0", `{"d": 5}`: "1", `{"d": -5}`: "0", `{"e": "ann@example.ORG"}`: "1",
		`{"arr": [1, null, 3]}`: "1", `{"arr": "{1,NULL,3}"}`: "1", `{"arr": []}`: "0", `{"r": "[1,4]"}`: "1", `{"n": 1.5}`: "1", `{"n": 1.504}`: "0", `{"f": 0.1}`: "1", `{"c": "ab"}`: "1", `{"c": "abcdefgh"}`: "0",
		`{"vc": "abc"}`: "1", `{"vc": "abcd"}`: "0", `{"b": "\\x00ff"}`: "1", `{"ts": "2020-01-02T03:04:05.678901Z"}`: "1", `{"bits": "101"}`: "1", `{"dd": "2020-01-02"}`: "1",
		`{"odd \"col": "it's %s {x}"}`: "1", `{"moods": ["ok", "sad"]}`: "1", `{"u": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}`: "1", `{"id": "key", "m": "ok", "j": null}`: "0",
	} {
		m := literal(matching)
		l.want("SELECT count(*) FROM yore.changes('t', matching => "+m+")", want)
		l.want("SELECT count(*) FROM yore.diff('t', yore.tracked_since('t'), NULL, "+m+")", want)
		l.want("SELECT count(*) FROM yore.timeline('t', "+m+")", want)
	}
	// json keeps its spaces, and so does the one who asks for it.
	l.want(`SELECT count(*) FROM yore.changes('t', matching => jsonb_build_object('j', '{"a": 1}'::jsonb))`, "0")
}

// trap-12: columns of types without equality, and values that are equal and not the
// same, are compared as stored.
func TestChangesComparesAsStored(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, j json, x xml, p point, n numeric, c text)", "SELECT yore.track('t')",
		`INSERT INTO t VALUES (1, '{"a":1}', '<a/>', '(0,0)', 1.0, 'a')`, `UPDATE t SET j = '{"a": 1}'`, "UPDATE t SET x = '<a></a>'", "UPDATE t SET p = '(0,1)'", "UPDATE t SET n = 1.00", "UPDATE t SET c = 'A', p = NULL")
	l.want("SELECT columns FROM yore.changes('t')", "{id,j,x,p,n,c}", "{j}", "{x}", "{p}", "{n}", "{p,c}")
}

// From the JSON of a row PostgreSQL makes the row again, of whatever types.
func TestChangesGiveTheRowBack(t *testing.T) {
	l := newLab(t, "CREATE EXTENSION hstore", "CREATE TYPE mood AS ENUM ('sad', 'ok')", "CREATE DOMAIN bag AS hstore", "CREATE TYPE pair AS (a int, b mood)",
		`CREATE TABLE t (id int PRIMARY KEY, h hstore, bag bag, x xml, p point, n numeric, f float8, ts timestamptz, d date, i interval, b bytea, a text[], two int[], m mood, pr pair, r tstzrange, bits bit(3), j json, c char(4), u uuid)`, "SELECT yore.track('t')",
		`INSERT INTO t VALUES (1, 'a=>1, "b c"=>NULL', 'k=>v', '<a b="c">&lt;</a>', '(0.1,1e300)', 'NaN', '-Infinity', 'infinity', '0044-03-15 BC', '1 mon -2 days 00:00:00.000001', '\x00ff5c', '{a,NULL,"b,\""}', '{{1,2},{3,4}}', 'ok', ROW(1, 'sad'), '[2020-01-01,)', '101', '{"a": [1.0, null]}', 'ab', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')`)
	for _, settings := range [][]string{nil, {"SET timezone = 'America/New_York'", "SET datestyle = 'SQL, DMY'", "SET intervalstyle = 'iso_8601'", "SET bytea_output = 'escape'"}} {
		s := l.session()
		s.exec(settings...)
		s.want("SELECT again::text = t::text, again::text FROM yore.changes('t') AS c, jsonb_populate_record(NULL::t, c.new) AS again, t", "t|"+s.value("SELECT t::text FROM t"))
	}
}

// Rows as the face shows them, of every way of tracking, and none of what it does
// not show.
func TestChangesShowTheFace(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, version text, gone text)", "SELECT yore.track('t', prefix => 'sys_')", "INSERT INTO t VALUES (1, 'v', 'g')", "SELECT yore.drop_column('t', 'gone')", "UPDATE t SET version = 'w'",
		"CREATE TABLE p (id int PRIMARY KEY, v text)", "SELECT yore.track('p', in_place => true)", "INSERT INTO p VALUES (1, 'v')", "DELETE FROM p",
		"SELECT yore.create_immutable_table('i', 'name text')", "INSERT INTO i (name) VALUES ('a')", "UPDATE i SET name = 'b'", "DELETE FROM i",
		"SELECT yore.create_immutable_table('shown', 'name text', show_row_id => true, prefix => 'sys_')", "INSERT INTO shown (name) VALUES ('a')")
	l.want(fmt.Sprintf(brief, "'t'"), `t|{"id": 1}|1|insert|{id,version}|∅|{"id": 1, "version": "v"}`, `t|{"id": 1}|2|update|{version}|{"id": 1, "version": "v"}|{"id": 1, "version": "w"}`)
	l.want(fmt.Sprintf(brief, "'p'"), `p|{"id": 1}|1|insert|{id,v}|∅|{"v": "v", "id": 1}`, `p|{"id": 1}|2|delete|{id,v}|{"v": "v", "id": 1}|∅`)
	l.want("SELECT version, kind, columns, old - '{entity_id,valid_from}'::text[], new - '{entity_id,valid_from}'::text[] FROM yore.changes('i')",
		`1|insert|{entity_id,name}|∅|{"name": "a", "version": 1, "deleted_at": null}`,
		`2|update|{name}|{"name": "a", "version": 1, "deleted_at": null}|{"name": "b", "version": 2, "deleted_at": null}`,
		`3|delete|{entity_id,name}|{"name": "b", "version": 2, "deleted_at": null}|∅`)
	l.want("SELECT new = (SELECT to_jsonb(s) FROM shown AS s), new ?& '{sys_id,sys_version,sys_valid_from,sys_deleted_at}' FROM yore.changes('shown')", "t|t")
}

// Columns may have any name, those of the queries too.
func TestChangesNamesInTheWay(t *testing.T) {
	l := newLab(t, `CREATE TABLE v (v int, p text, k text, e text, l text, o text, r text, "c" text, x text, "key" text, at int, kind text, old text, new text, xid8 text, columns text, place int, "a.b" text, "%I %s {key}" text, PRIMARY KEY (v, "key"))`,
		"SELECT yore.track('v')", "INSERT INTO v (v, key, p, r, place) VALUES (1, 'a', 'p', 'r', 1)", "UPDATE v SET r = 's', \"%I %s {key}\" = 'x'")
	for _, more := range []string{"", ", max_rows => 9", `, matching => '{"p": "p", "v": 1}'`, `, matching => '{"place": 1}', newest_first => false`} {
		l.want("SELECT key, kind, columns, new ->> 'r' FROM yore.changes('v'"+more+")", `{"v": 1, "key": "a"}|insert|{v,p,r,key,place}|r`, `{"v": 1, "key": "a"}|update|{r,"%I %s {key}"}|s`)
	}
	l.want("SELECT key, kind, columns, new ->> 'r' FROM yore.diff('v', yore.tracked_since('v'), NULL, '{\"k\": null}')", `{"v": 1, "key": "a"}|added|{v,p,r,key,place,"%I %s {key}"}|s`)
	l.want("SELECT count(*) FROM yore.timeline('v', '{\"r\": \"s\", \"v\": 1}')", "1")
}

// Where version numbers have gaps, the version before is the one with the next
// lower number.
func TestChangesOverGaps(t *testing.T) {
	l := newLab(t, "SELECT yore.create_immutable_table('w', 'name text', allow_version_write => true)", "INSERT INTO w (version, name) VALUES (5, 'a')", "UPDATE w SET version = 9, name = 'b'", "DELETE FROM w",
		"SELECT yore.create_immutable_table('d', 'name text', allow_deletes => true)", "INSERT INTO d (name) VALUES ('a')", "UPDATE d SET name = 'b'", "UPDATE d SET name = 'c'", "DELETE FROM history.d WHERE version = 2", "SELECT yore.track('d', allow_deletes => false)")
	const query = "SELECT version, kind, old ->> 'name', new ->> 'name' FROM yore.changes('%s'%s)"
	for _, more := range []string{"", ", max_rows => 9", ", '1900-01-01'"} {
		l.want(fmt.Sprintf(query, "w", more), "5|insert|∅|a", "9|update|a|b", "10|delete|b|∅")
		l.want(fmt.Sprintf(query, "d", more), "1|insert|∅|a", "3|update|a|c")
	}
	l.want(fmt.Sprintf(query, "d", `, matching => '{"name": "a"}'`), "1|insert|∅|a", "3|update|a|c")
}

// What the caller may not read is not shown: refused for a table that is named,
// left out of all.
func TestChangesRights(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	pgtest.Exec(t, o.owner, "CREATE TABLE mine (id int PRIMARY KEY)", "SELECT yore.track('mine')", "BEGIN", "SELECT yore.set_context('ann')", "INSERT INTO mine VALUES (1)", "COMMIT")
	for _, call := range []string{"changes('staff')", "diff('staff', yore.tracked_since('staff'), NULL)", "timeline('staff')"} {
		refuses(t, o.app, "SELECT * FROM yore."+call, "42501", "staff")
	}
	rowsAre(t, o.app, "SELECT * FROM yore.changes()")
	refuses(t, o.app, `SELECT * FROM yore.changes(matching => '{"id": 1}')`, "YO007", o.role)
	pgtest.Exec(t, o.owner, "GRANT SELECT ON history.mine TO "+o.role)
	rowsAre(t, o.app, "SELECT table_name, kind, actor FROM yore.changes()", "mine|insert|∅") // and not who
	rowsAre(t, o.app, "SELECT kind FROM yore.diff('mine', yore.tracked_since('mine'), NULL)", "added")
	rowsAre(t, o.app, "SELECT count(*) FROM yore.timeline('mine')", "1")
	pgtest.Exec(t, o.owner, "GRANT SELECT ON yore.transaction TO "+o.role, "GRANT SELECT ON history.staff TO "+o.role)
	rowsAre(t, o.app, "SELECT table_name, kind, actor FROM yore.changes()", "staff|insert|∅", "staff|insert|∅", "staff|update|∅", "mine|insert|ann")
	// Some columns are not all: not of the tables that the caller may read.
	pgtest.Exec(t, o.owner, "REVOKE SELECT ON history.staff FROM "+o.role, "GRANT SELECT (id, version) ON history.staff TO "+o.role)
	rowsAre(t, o.app, "SELECT table_name FROM yore.changes()", "mine")
	pgtest.Exec(t, o.owner, "REVOKE USAGE ON SCHEMA history FROM PUBLIC")
	rowsAre(t, o.app, "SELECT table_name FROM yore.changes()")
}

// trap-16: under row-level security, only the changes of rows that the caller may see.
func TestChangesRowSecurity(t *testing.T) {
	t.Parallel()
	db, dsn := session(t)
	ana, bo := newRole(t, dsn), newRole(t, dsn)
	pgtest.Exec(t, db, "CREATE TABLE notes (id int PRIMARY KEY, who name DEFAULT current_user, body text)", "ALTER TABLE notes ENABLE ROW LEVEL SECURITY",
		"CREATE POLICY own ON notes USING (who = current_user)", "GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO "+ana+", "+bo,
		"SELECT yore.track('notes', in_place => true)", "SELECT yore.grant_history('notes', '"+ana+"')", "CREATE TABLE other (id int PRIMARY KEY)", "SELECT yore.track('other')", "SELECT yore.grant_history('other', '"+ana+"')", "INSERT INTO other VALUES (1)")
	asAna, asBo := dial(t, as(t, dsn, ana)), dial(t, as(t, dsn, bo))
	pgtest.Exec(t, asAna, "INSERT INTO notes (id, body) VALUES (1, 'a')", "UPDATE notes SET body = 'b'")
	pgtest.Exec(t, asBo, "INSERT INTO notes (id, body) VALUES (2, 'secret')", "DELETE FROM notes")
	if pgtest.Server(t).Major() >= 15 {
		rowsAre(t, asAna, "SELECT table_name, key, kind FROM yore.changes()", `other|{"id": 1}|insert`, `notes|{"id": 1}|insert`, `notes|{"id": 1}|update`)
		rowsAre(t, asAna, "SELECT count(*) FROM yore.timeline('notes')", "2")
		rowsAre(t, asAna, "SELECT key FROM yore.diff('notes', yore.tracked_since('notes'), NULL)", `{"id": 1}`)
		pgtest.Exec(t, db, "REVOKE SELECT ON temporal.notes_past FROM "+ana)
	} else {
		refuses(t, asAna, "SELECT * FROM yore.changes('notes')", "YO008", "history.notes")
	}
	rowsAre(t, asAna, "SELECT table_name, key, kind FROM yore.changes()", `other|{"id": 1}|insert`)
	rowsAre(t, db, "SELECT count(*) FROM yore.changes('notes')", "4")
}

func TestChangesRefuse(t *testing.T) {
	t.Parallel()
	db, _ := session(t)
	pgtest.Exec(t, db, "CREATE TABLE t (id int PRIMARY KEY, a text, gone text)", "SELECT yore.track('t')", "SELECT yore.drop_column('t', 'gone')", "CREATE TABLE plain (id int)")
	for _, f := range []string{"changes('%s', matching => %s)", "diff('%s', yore.tracked_since('t'), NULL, matching => %s)", "timeline('%s', matching => %s)"} {
		call := func(table, matching string) string { return "SELECT * FROM yore." + fmt.Sprintf(f, table, matching) }
		refuses(t, db, call("plain", "NULL"), "YO003", "plain", "not tracked", "yore.track")
		refuses(t, db, call("nowhere", "NULL"), "YO003", "there is no table nowhere")
		refuses(t, db, call("t", `'{"b": 1}'`), "YO007", "names b, which is no column of table t", "id, a")
		refuses(t, db, call("t", `'{"a": "x", "gone": 1}'`), "YO007", "gone") // the past has it
		refuses(t, db, call("t", `'{"version": 1}'`), "YO007", "version")
		refuses(t, db, call("t", `'{"ctid": "(0,1)"}'`), "YO007", "ctid")
		refuses(t, db, call("t", `'{"id": "x"}'`), "YO007", `"x" is no integer`, "column id of table t")
		refuses(t, db, call("t", `'{"id": 99999999999}'`), "YO007", "99999999999")
		refuses(t, db, call("t", `'{"id": {"a": 1}}'`), "YO007", "id")
		refuses(t, db, call("t", "'[1]'"), "YO007", "object", "[1]")
		refuses(t, db, call("t", "'1'"), "YO007", "object")
		refuses(t, db, call("t", "'null'"), "YO007", "object")
		rowsAre(t, db, call("t", `'{"a": "'' OR true --", "id": 1}'`))
		rowsAre(t, db, call("t", `'{"a": "\\'' {history} %s $1"}'`))
	}
	refuses(t, db, "SELECT * FROM yore.changes('t', max_rows => -1)", "YO007", "max_rows", "-1")
	refuses(t, db, "SELECT * FROM yore.timeline('t', max_rows => -1)", "YO007", "max_rows", "-1")
	refuses(t, db, `SELECT * FROM yore.changes(matching => '{"nothing": 1}')`, "YO007", "nothing")
	refuses(t, db, "SELECT * FROM yore.changes(matching => '7')", "YO007", "object")
}

// A replica is a table put together from changes: the rows by their key, as JSON.
type replica map[string]map[string]any

// change is what the tests of replaying read of yore.changes.
type change struct {
	key, kind string
	old, new  map[string]any
}

func changesOf(t testing.TB, db yore.DB, call string) (all []change) {
	t.Helper()
	for _, line := range pgtest.Rows(t, db, "SELECT jsonb_build_object('key', key, 'kind', kind, 'old', old, 'new', new) FROM "+call) {
		var c struct {
			Key      json.RawMessage
			Kind     string
			Old, New map[string]any
		}
		unmarshal(t, line, &c)
		all = append(all, change{string(c.Key), c.Kind, c.Old, c.New})
	}
	return all
}

// replay carries changes out, one by one, each of which must fit what is there.
func (r replica) replay(t testing.TB, what string, all []change) {
	t.Helper()
	for _, c := range all {
		was := r[c.key]
		if !reflect.DeepEqual(was, c.old) {
			t.Fatalf("%s: %s %s of %v, but there is %v", what, c.kind, c.key, c.old, was)
		}
		switch c.kind {
		case "insert", "update":
			if (c.kind == "insert") != (was == nil) || c.new == nil {
				t.Fatalf("%s: %s %s of %v to %v", what, c.kind, c.key, was, c.new)
			}
			r[c.key] = c.new
		case "delete":
			if was == nil || c.new != nil {
				t.Fatalf("%s: %s %s of %v to %v", what, c.kind, c.key, was, c.new)
			}
			delete(r, c.key)
		}
	}
}

// snapshot reads a table as of a time; table and its schema as SQL writes them.
func snapshot(t testing.TB, db yore.DB, asof string, key []string, at string) replica {
	t.Helper()
	r := replica{}
	// yore's own columns of a table in place are no part of the row.
	for _, line := range pgtest.Rows(t, db, "SELECT to_jsonb(sys_to) - '{sys_from,sys_xid}'::text[] - CASE WHEN to_jsonb(sys_to) ? 'sys_xid' THEN 'sys_version' ELSE '' END FROM "+asof+"("+at+") AS sys_to") {
		row, k := map[string]any{}, map[string]any{}
		unmarshal(t, line, &row)
		for _, c := range key {
			k[c] = row[c]
		}
		name := pgtest.Rows(t, db, "SELECT $1::text::jsonb", mustJSON(t, k))[0]
		r[name] = row
	}
	return r
}

func unmarshal(t testing.TB, line string, to any) {
	t.Helper()
	if err := json.Unmarshal([]byte(line), to); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
}

func mustJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// zooTables are the tables of the zoo: as SQL names them, as asof and history have
// them, with their keys.
type zooTable struct {
	name, asof, history string
	key                 []string
	own                 []string // columns that are the version's, not the user's
}

func zooTables(t testing.TB, db yore.DB) (all []zooTable) {
	t.Helper()
	for _, line := range pgtest.Rows(t, db, `SELECT jsonb_build_array(format('%I.%I', schema_name, table_name), format('%I.%I', yore._schema('asof', schema_name), table_name),
		format('%I.%I', yore._schema('history', schema_name), table_name), key_columns, CASE WHEN immutable THEN ARRAY[prefix || 'id', prefix || 'version', prefix || 'valid_from', prefix || 'deleted_at'] ELSE '{}' END) FROM yore.tracked ORDER BY 1`) {
		var z zooTable
		unmarshal(t, line, &[]any{&z.name, &z.asof, &z.history, &z.key, &z.own})
		all = append(all, z)
	}
	return all
}

// Of every kind of table: the changes one after the other lead from nothing to each
// moment, and from each moment to the next; the difference between any two moments is
// that between their rows.
func TestChangesAndDiffOfTheZoo(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	pgtest.Zoo(t, pool)
	conn, err := pgx.Connect(t.Context(), pool.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	pgtest.Exec(t, conn, "SET timezone = 'UTC'")
	tables := zooTables(t, conn)
	if len(tables) < 12 {
		t.Fatalf("only %d tables", len(tables))
	}
	for _, z := range tables {
		moments := pgtest.Rows(t, conn, "SELECT quote_literal(m) FROM yore.timeline($1) AS m", z.name)
		past := replica{}
		last := "NULL"
		var shots []replica
		for _, at := range moments {
			next := at + "::timestamptz + interval '1 microsecond'"
			past.replay(t, z.name+" until "+at, changesOf(t, conn, fmt.Sprintf("yore.changes(%s, %s, %s)", literal(z.name), last, next)))
			shots = append(shots, snapshot(t, conn, z.asof, z.key, at))
			if want := shots[len(shots)-1]; !reflect.DeepEqual(past, want) {
				t.Fatalf("%s as of %s\nreplayed %v\nis       %v", z.name, at, past, want)
			}
			last = next
		}
		whole := replica{}
		whole.replay(t, z.name, changesOf(t, conn, "yore.changes("+literal(z.name)+")"))
		if now := snapshot(t, conn, z.asof, z.key, "NULL"); !reflect.DeepEqual(whole, now) {
			t.Errorf("%s now\nreplayed %v\nis       %v", z.name, whole, now)
		}
		since := pgtest.Rows(t, conn, "SELECT yore.tracked_since($1)::text", z.name)[0]
		for i, from := range moments {
			for j, to := range moments {
				if pgtest.Rows(t, conn, "SELECT least("+from+"::timestamptz, "+to+"::timestamptz) < $1::timestamptz", since)[0] == "t" {
					continue
				}
				got := map[string]string{}
				for _, line := range pgtest.Rows(t, conn, fmt.Sprintf("SELECT key, kind, array_to_string(columns, ','), old, new FROM yore.diff(%s, %s, %s)", literal(z.name), from, to)) {
					key, rest, _ := strings.Cut(line, "|")
					got[key] = rest
				}
				want := differences(t, shots[i], shots[j], z.own)
				if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
					t.Fatalf("%s from %s to %s\ngot  %v\nwant %v", z.name, from, to, got, want)
				}
				for k, kind := range want {
					if !strings.HasPrefix(got[k], kind+"|") {
						t.Errorf("%s %s from %s to %s: %s, want %s", z.name, k, from, to, got[k], kind)
					}
				}
			}
		}
	}
	// All of them in one stream.
	rowsAre(t, conn, "SELECT count(DISTINCT table_name) = (SELECT count(DISTINCT table_name) FROM yore.changes()) FROM yore.changes(max_rows => 1000000)", "t")
	rowsAre(t, conn, "SELECT bool_and(at IS NULL OR last IS NULL OR at >= last), count(*) > 50 FROM (SELECT at, lag(at) OVER () AS last FROM yore.changes()) AS c", "t|t")
}

// differences says what became of each key: added, removed or changed.
func differences(t testing.TB, a, b replica, own []string) map[string]string {
	t.Helper()
	bare := func(row map[string]any) map[string]any {
		row = maps.Clone(row)
		for _, c := range own {
			delete(row, c)
		}
		return row
	}
	out := map[string]string{}
	for k := range a {
		if b[k] == nil {
			out[k] = "removed"
		} else if !reflect.DeepEqual(bare(a[k]), bare(b[k])) {
			out[k] = "changed"
		}
	}
	for k := range b {
		if a[k] == nil {
			out[k] = "added"
		}
	}
	return out
}
