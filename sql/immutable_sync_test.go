package sql_test

import (
	"testing"

	"yore.example/yore/internal/pgtest"
)

// An immutable table altered by hand: nothing is written until yore.sync, and
// after it history has what there was.
func TestImmutableSync(t *testing.T) {
	for name, c := range map[string]struct {
		ddl     string
		columns string
		want    []string
	}{
		"AddColumn": {"ALTER TABLE temporal.t ADD COLUMN x int", "n, x", []string{"1|1|∅|past", "2|2|∅|past", "3|3|∅|past", "4|3|∅|tombstone", "5|3|∅|open"}},
		"AddColumnWithDefault": {"ALTER TABLE temporal.t ADD COLUMN x int NOT NULL DEFAULT 7", "n, x",
			[]string{"1|1|∅|past", "2|2|7|past", "3|3|7|past", "4|3|7|tombstone", "5|3|7|open"}},
		"DropColumn":   {"ALTER TABLE temporal.t DROP COLUMN note CASCADE", "n", []string{"1|1|past", "2|2|past", "3|3|past", "4|3|tombstone", "5|3|open"}},
		"RenameColumn": {"ALTER TABLE temporal.t RENAME COLUMN name TO title", "title, n", []string{"1|a|1|past", "2|a|2|past", "3|a|3|past", "4|a|3|tombstone", "5|a|3|open"}},
		"AddConstraint": {"ALTER TABLE temporal.t ADD CONSTRAINT small CHECK (n < 100)", "n",
			[]string{"1|1|past", "2|2|past", "3|3|past", "4|3|tombstone", "5|3|open"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newEntities(t, ", show_row_id => true, allow_updates => true, allow_deletes => true", "UPDATE t SET n = 2")
			warm := l.session()
			warm.exec("UPDATE t SET n = n", "UPDATE t SET n = n")
			l.exec(c.ddl)
			if name != "AddConstraint" {
				for _, write := range []string{"UPDATE temporal.t SET n = 3", "DELETE FROM temporal.t", "INSERT INTO temporal.t (n) VALUES (1)"} {
					warm.refused("YO009", write)
					l.refused("YO009", write)
				}
			}
			l.exec("SELECT yore.sync('t')", "UPDATE t SET n = 3", "DELETE FROM t", undelete(one, "{}"))
			l.chain(one, c.columns, c.want...)
			l.want("SELECT count(DISTINCT id), count(*) FROM history.t", "5|5")
			l.want("UPDATE history.t SET n = -n WHERE version IN (1, 5) RETURNING n", "-3", "-1")
			l.exec("DELETE FROM history.t WHERE version = 2")
			pgtest.Clean(t, l.db)
		})
	}
}

// A tombstone from before a column was added lacks its value: NOT NULL ones have
// their default then, or what is given.
func TestImmutableUndeleteAfterAColumnWasAdded(t *testing.T) {
	l := newEntities(t, "", "INSERT INTO t (entity_id, name) VALUES ('"+two+"', 'b')", "DELETE FROM t",
		"ALTER TABLE temporal.t ADD COLUMN x int NOT NULL DEFAULT 7, ADD COLUMN y text DEFAULT 'nullable', ADD COLUMN z int NOT NULL DEFAULT 8", "SELECT yore.sync('t')")
	l.want("SELECT yore.undelete('t', '"+one+"')", "3")
	l.want(undelete(two, `{"x": 1, "y": "given"}`), "3")
	l.present("t", "name, x, y, z", "a|7|∅|8", "b|1|given|8")
	refuses(t, l.db, "UPDATE t SET x = NULL", "23502")
	l.exec("DELETE FROM t", "ALTER TABLE temporal.t ADD COLUMN w int")
	l.refused("YO009", "INSERT INTO t (name) VALUES ('c')")
	l.exec("SELECT yore.sync('t')")
	l.exec("ALTER TABLE temporal.t ALTER COLUMN w SET NOT NULL", "SELECT yore.sync('t')")
	refuses(t, l.db, undelete(one, "{}"), "23502", "w")
	l.want(undelete(one, `{"w": 3}`), "5")
	l.sound("t", "entity_id")
}

// What would take an immutable table's shape is refused by sync, and nothing is
// changed.
func TestImmutableSyncRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		ddl, code string
		parts     []string
	}{
		"RenameEntityID":  {"ALTER TABLE temporal.t RENAME COLUMN entity_id TO eid", "YO006", []string{"entity_id", "{eid}"}},
		"RetypeEntityID":  {"ALTER TABLE temporal.t ALTER COLUMN entity_id TYPE text", "YO006", []string{"entity_id", "text, not uuid"}},
		"DropEntityIDKey": {"ALTER TABLE temporal.t DROP CONSTRAINT t_pkey", "YO005", []string{"(entity_id)", "unique"}},
		"DropEntityID":    {"ALTER TABLE temporal.t DROP COLUMN entity_id CASCADE", "YO007", []string{"entity_id"}},
		"AddVersion":      {"ALTER TABLE temporal.t ADD COLUMN version int", "YO006", []string{"column version", "prefix"}},
		"AddDeletedAt":    {"ALTER TABLE temporal.t ADD COLUMN deleted_at int", "YO006", []string{"column deleted_at"}},
		"AddID":           {"ALTER TABLE temporal.t ADD COLUMN id int", "YO006", []string{"column id"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newEntities(t, ", show_row_id => true")
			s := l.session()
			s.exec("BEGIN")
			if name == "RetypeEntityID" {
				s.exec("DROP FUNCTION asof.t(timestamptz)", "DROP VIEW t, asof.t, history.t", `DROP TRIGGER "~yore_settle_key" ON temporal.t`)
			}
			s.exec(c.ddl)
			refuses(t, s.db, "SELECT yore.sync('t')", c.code, c.parts...)
			s.exec("ROLLBACK")
			l.exec("UPDATE t SET n = 2")
			l.sound("t", "entity_id")
		})
	}
}

// What immutability added goes with untrack; the entity_id and, if they are to be
// kept, the versions stay.
func TestImmutableUntrack(t *testing.T) {
	setup := []string{"UPDATE t SET n = 2", "INSERT INTO t (entity_id, name) VALUES ('" + two + "', 'b')", "DELETE FROM t WHERE name = 'b'", "UPDATE history.t SET n = 0 WHERE version = 1"}
	t.Run("Keep", func(t *testing.T) {
		l := newEntities(t, ", allow_updates => true, show_row_id => true", setup...)
		stored := l.rows("SELECT to_jsonb(h) - 'valid_to' FROM history.t AS h ORDER BY entity_id, version")
		l.exec("SELECT yore.untrack('t')")
		l.want("SELECT to_jsonb(h) - 'valid_to' FROM history.t AS h ORDER BY entity_id, version", stored...)
		l.want("SELECT count(*) FROM history.t WHERE valid_to IS NULL", "0")
		l.want("SELECT count(*) FROM temporal.t_amendments", "2")
		wantRows(t, "table", l.columnsOf("t"), "entity_id|uuid|t", "name|text|t", "n|integer|f", "note|text|f")
		l.exec("INSERT INTO t (name) VALUES ('c')", "UPDATE t SET n = 3", "DELETE FROM t WHERE name = 'a'")
		l.want("SELECT name, n, entity_id IS NOT NULL FROM t", "c|3|t")
		l.refused("YO001", "UPDATE history.t SET n = 1")
		l.refused("YO001", "UPDATE temporal.t_past SET n = 1")
		l.refused("YO001", "DELETE FROM temporal.t_amendments")
		l.want("SELECT count(*) FROM pg_trigger WHERE tgname LIKE '~yore%'", "0")
	})
	t.Run("Drop", func(t *testing.T) {
		l := newEntities(t, ", allow_updates => true", setup...)
		l.exec("SELECT yore.untrack('t', history => 'drop')", "INSERT INTO t (name) VALUES ('c')")
		l.want("SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname IN ('temporal', 'history', 'asof')", "0")
		l.want("SELECT count(*) FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname IN ('temporal', 'history', 'asof')", "0")
		// And again, from what is there.
		l.exec("SELECT yore.track('t', immutable => true)", "UPDATE t SET n = 9")
		l.want("SELECT name, version, n FROM t ORDER BY 1", "a|2|9", "c|2|9")
		l.want("SELECT entity_id FROM t WHERE name = 'a'", one)
		l.sound("t", "entity_id")
	})
}

// TRUNCATE, where it is allowed, is a DELETE of every row.
func TestImmutableTruncate(t *testing.T) {
	l := newEntities(t, ", on_truncate => 'archive'", "UPDATE t SET n = 2")
	s := l.session()
	s.exec("BEGIN", "INSERT INTO t (entity_id, name) VALUES ('"+two+"', 'b')", "TRUNCATE temporal.t", "COMMIT")
	l.chain(one, "n", "1|1|past", "2|2|past", "3|2|tombstone")
	l.chain(two, "n", "1|7|past", "2|7|tombstone")
	l.want("SELECT count(*), count(DISTINCT id) FROM history.t", "5|5")
	l.want(undelete(two, "{}"), "3")
	l.sound("t", "entity_id")
}
