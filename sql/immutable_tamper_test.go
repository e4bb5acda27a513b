package sql_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// immutable-82..87 as SQL has them: what is forged is ignored, or refused with
// YO018, and never stored.
func TestImmutableForgedVersionData(t *testing.T) {
	const past = "'2001-01-01 00:00Z'"
	for name, c := range map[string]struct {
		statement string
		code      string   // of the refusal
		versions  []string // of entity one; nil: as before
	}{
		"immutable-82 EntityID":    {statement: "UPDATE t SET n = 2, entity_id = '" + two + "'", code: "YO018"},
		"EntityIDNull":             {statement: "UPDATE t SET n = 2, entity_id = NULL", code: "YO018"},
		"EntityIDAlone":            {statement: "UPDATE t SET entity_id = '" + two + "'", code: "YO018"},
		"EntityIDItsOwn":           {statement: "UPDATE t SET n = 2, entity_id = '" + one + "'", versions: []string{"1|a|1|past", "2|a|2|open"}},
		"immutable-84 DeletedAt":   {statement: "UPDATE t SET n = 2, deleted_at = now()", code: "YO018"},
		"DeletedAtAlone":           {statement: "UPDATE t SET deleted_at = now()", code: "YO018"},
		"DeletedAtNull":            {statement: "UPDATE t SET n = 2, deleted_at = NULL", versions: []string{"1|a|1|past", "2|a|2|open"}},
		"immutable-85 Version":     {statement: "UPDATE t SET n = 2, version = 999, valid_from = " + past, versions: []string{"1|a|1|past", "2|a|2|open"}},
		"VersionDataAlone":         {statement: "UPDATE t SET version = 999, valid_from = " + past + ", id = '" + one + "'"},
		"RowID":                    {statement: "UPDATE t SET n = 2, id = '" + one + "'", versions: []string{"1|a|1|past", "2|a|2|open"}},
		"ConflictVersionData":      {statement: "INSERT INTO t (entity_id, name, n) VALUES ('" + one + "', 'a', 5) ON CONFLICT (entity_id) DO UPDATE SET n = 2, version = 999, valid_from = " + past + ", id = '" + one + "'", versions: []string{"1|a|1|past", "2|a|2|open"}},
		"ConflictVersionDataAlone": {statement: "INSERT INTO t (entity_id, name, n) VALUES ('" + one + "', 'a', 5) ON CONFLICT (entity_id) DO UPDATE SET version = 999, id = '" + one + "'"},
		"ConflictDeletedAt":        {statement: "INSERT INTO t (entity_id, name, n) VALUES ('" + one + "', 'a', 5) ON CONFLICT (entity_id) DO UPDATE SET deleted_at = now()", code: "YO018"},
		"ConflictEntityID":         {statement: "INSERT INTO t (entity_id, name, n) VALUES ('" + one + "', 'a', 5) ON CONFLICT (entity_id) DO UPDATE SET entity_id = gen_random_uuid()", code: "YO018"},
		"InsertDeletedAt":          {statement: "INSERT INTO t (name, deleted_at) VALUES ('b', now())", code: "YO018"},
		"InsertStorageDeletedAt":   {statement: "INSERT INTO temporal.t (name, sys_deleted_at) VALUES ('b', now())", code: "YO018"},
		"StorageVersionData":       {statement: "UPDATE temporal.t SET n = 2, sys_version = 0, sys_from = 'infinity', sys_xid = '3', sys_id = '" + one + "'", versions: []string{"1|a|1|past", "2|a|2|open"}},
		"StorageVersionDataAlone":  {statement: "UPDATE temporal.t SET sys_version = 0, sys_from = 'infinity', sys_xid = '3', sys_id = '" + one + "'"},
		"StorageVersionDataNull":   {statement: "UPDATE temporal.t SET sys_version = NULL, sys_from = NULL, sys_xid = NULL, sys_id = NULL"},
		"StorageMark":              {statement: "UPDATE temporal.t SET sys_xid = NULL, n = 2", versions: []string{"1|a|1|past", "2|a|2|open"}},
		"StorageDeletedAt":         {statement: "UPDATE temporal.t SET sys_deleted_at = sys_from", code: "YO018"},
		"StorageEntityID":          {statement: "UPDATE temporal.t SET entity_id = '" + two + "'", code: "YO018"},
		"StorageMarkAndEntityID":   {statement: "UPDATE temporal.t SET sys_xid = NULL, entity_id = '" + two + "'", code: "YO018"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newEntities(t, ", show_row_id => true")
			before, id := l.value("SELECT t FROM temporal.t"), l.value("SELECT id FROM t")
			if c.code != "" {
				e := refuses(t, l.db, c.statement, c.code)
				if !strings.Contains(e.Message, "table public.t") || e.Hint == "" {
					t.Errorf("%s, hint %q", e.Message, e.Hint)
				}
			} else {
				l.exec(c.statement)
			}
			if c.versions == nil {
				l.want("SELECT t FROM temporal.t", before)
			} else {
				l.chain(one, "name, n", c.versions...)
				l.want("SELECT id <> '"+id+"' AND id <> '"+one+"', valid_from > "+past+", xid < pg_current_xact_id() AND xid > '3' FROM history.t WHERE valid_to IS NULL", "t|t|t")
			}
			l.want("SELECT count(*) FROM history.t WHERE deleted_at IS NOT NULL OR entity_id <> '"+one+"'", "0")
			l.sound("t", "entity_id")
		})
	}
}

// Rows that arrive in other ways bring no version data of their own either.
func TestImmutableForgedInserts(t *testing.T) {
	const columns = "name, sys_version, sys_from, sys_xid, sys_id"
	stored := func(t *testing.T, l *lab) {
		t.Helper()
		l.want("SELECT sys_version, sys_from > '2020-01-01', sys_id <> '"+one+"', sys_xid::text = xmin::text, sys_deleted_at FROM temporal.t WHERE name = 'b'", "1|t|t|t|∅")
		l.sound("t", "entity_id")
	}
	t.Run("Face", func(t *testing.T) {
		l := newEntities(t, ", show_row_id => true")
		l.exec("INSERT INTO t (id, name, version, valid_from) VALUES ('" + one + "', 'b', 40, '2001-01-01')")
		stored(t, l)
	})
	t.Run("Storage", func(t *testing.T) {
		l := newEntities(t, "")
		l.exec("INSERT INTO temporal.t (" + columns + ") VALUES ('b', 40, '2001-01-01', '3', '" + one + "')")
		stored(t, l)
	})
	t.Run("Copy", func(t *testing.T) {
		l := newEntities(t, "")
		conn := l.session().db.(*pgx.Conn)
		if _, err := conn.PgConn().CopyFrom(context.Background(), strings.NewReader("b\t40\t2001-01-01\t3\t"+one+"\n"), "COPY temporal.t ("+columns+") FROM STDIN"); err != nil {
			t.Fatal(err)
		}
		stored(t, l)
		_, err := conn.PgConn().CopyFrom(context.Background(), strings.NewReader("c\t2001-01-01\n"), "COPY temporal.t (name, sys_deleted_at) FROM STDIN")
		if sqlState(err) != "YO018" {
			t.Errorf("COPY of a deleted_at: %v", err)
		}
	})
	t.Run("Merge", func(t *testing.T) {
		l := newEntities(t, "")
		l.needs(15, "MERGE")
		const merge = `MERGE INTO temporal.t USING (VALUES ('a'), ('b')) AS v (name) ON t.name = v.name
			WHEN MATCHED THEN UPDATE SET n = 2, sys_version = 40, sys_from = '2001-01-01', sys_id = '` + one + `'%s
			WHEN NOT MATCHED THEN INSERT (` + columns + `) VALUES (v.name, 40, '2001-01-01', '3', '` + one + "')"
		for _, forged := range []string{", sys_deleted_at = now()", ", entity_id = gen_random_uuid()"} {
			l.refused("YO018", fmt.Sprintf(merge, forged))
		}
		l.exec(fmt.Sprintf(merge, ""))
		stored(t, l)
		l.chain(one, "n", "1|1|past", "2|2|open")
		l.want("SELECT sys_id <> '"+one+"', sys_from > '2020-01-01' FROM temporal.t WHERE name = 'a'", "t|t")
	})
}

// What looks like the mark by which yore's own triggers renumber a row is none:
// two changes of a transaction are two versions.
func TestImmutableSettleMark(t *testing.T) {
	for name, statement := range map[string]string{
		"Version":  "UPDATE t SET version = NULL, n = n + 1",
		"AllOfIt":  "UPDATE t SET version = NULL, valid_from = NULL, n = n + 1",
		"Storage":  "UPDATE temporal.t SET sys_xid = NULL, n = n + 1",
		"Storage2": "UPDATE temporal.t SET sys_version = NULL, sys_xid = NULL, sys_from = NULL, sys_id = NULL, n = n + 1",
	} {
		t.Run(name, func(t *testing.T) {
			l := newEntities(t, "")
			l.session().exec("BEGIN", statement, statement, "COMMIT", "BEGIN", "INSERT INTO t (entity_id, name, n) VALUES ('"+two+"', 'b', 1)", statement, statement, "COMMIT")
			l.chain(one, "n", "1|1|past", "2|2|past", "3|3|past", "4|4|past", "5|5|open")
			l.chain(two, "n", "1|1|past", "2|2|past", "3|3|open")
			l.want("SELECT count(*), count(DISTINCT id) FROM history.t", "8|8")
			l.sound("t", "entity_id")
		})
	}
}

// immutable-8, immutable-11
func TestImmutableVersionWrite(t *testing.T) {
	l := newEntities(t, ", allow_version_write => true", "INSERT INTO t (entity_id, name, version) VALUES ('"+two+"', 'b', 50)", "UPDATE t SET n = 2, version = 99")
	refuses(t, l.db, "UPDATE t SET n = 3, version = 98 WHERE name = 'a'", "YO018", "version 98 would follow version 99", "only go up")
	refuses(t, l.db, "UPDATE t SET n = 3, version = -1 WHERE name = 'a'", "YO018")
	refuses(t, l.db, "INSERT INTO t (name, version) VALUES ('c', -1)", "YO018")
	l.exec("UPDATE t SET n = 3 WHERE name = 'a'", "UPDATE t SET n = 4, version = NULL WHERE name = 'a'", "DELETE FROM t WHERE name = 'a'", undelete(one, `{"n": 5}`))
	l.chain(one, "n", "1|1|past", "99|2|past", "100|3|past", "101|4|past", "102|4|tombstone", "103|5|open")
	l.chain(two, "n", "50|7|past", "99|2|open")
	// An insert that brings an entity back may jump as well, but not to before.
	l.exec("DELETE FROM t")
	refuses(t, l.db, "INSERT INTO t (entity_id, name, version) VALUES ('"+one+"', 'again', 103)", "YO018", "103 would follow version 104")
	l.exec("INSERT INTO t (entity_id, name, version) VALUES ('" + one + "', 'again', 200)")
	l.want("SELECT version, name FROM t", "200|again")
	// A no-op with a number is one still.
	l.exec("UPDATE t SET version = 300")
	l.want("SELECT version FROM t", "200")
	l.want("SELECT table_name FROM yore.verify()")
	l.want("SELECT count(*) FROM history.t WHERE valid_to < valid_from", "0")
}

// A forged yore.undelete does no more than yore.undelete: it needs the same right,
// finds only the entity that is named, and lasts for one row.
func TestImmutableForgedUndelete(t *testing.T) {
	l := newEntities(t, "", "INSERT INTO t (entity_id, name, n, note) VALUES ('"+two+"', 'b', 2, 'secret')", "DELETE FROM t WHERE name = 'b'")
	dsn := l.pool.Config().ConnString()
	reader, writer := newRole(t, dsn), newRole(t, dsn)
	l.exec("GRANT SELECT ON t TO "+reader+", "+writer, "GRANT INSERT ON t TO "+writer)
	app := &lab{TB: t, db: dial(t, as(t, dsn, writer)), pool: l.pool}
	set := func(v string) string { return "SET yore.undelete = '" + v + "'" }
	for forged, code := range map[string]string{one + " {}": "YO021", none + " {}": "YO019", one: "22P02", two + " nonsense": "22P02"} {
		app.exec(set(forged))
		app.refused(code, "INSERT INTO t (entity_id, name) VALUES ('"+strings.SplitN(forged, " ", 2)[0]+"', 'x')")
	}
	// Of no effect on other rows, or as no setting of yore's.
	for _, forged := range []string{two + " {}", "", "nonsense", "{}", "00000000-0000-0000-0000-000000000000 {}", two[:30]} {
		app.exec(set(forged), "INSERT INTO t (name) VALUES ('x')")
	}
	app.want("SELECT count(*), count(note), min(version), max(version) FROM t WHERE name = 'x'", "6|0|1|1")
	app.exec(set(""))

	// After an undelete that failed, or one that was carried out, an insert is one.
	l.exec("CREATE UNIQUE INDEX ON temporal.t (note)", "INSERT INTO t (name, note) VALUES ('c', 'secret')")
	app.exec("BEGIN", "SAVEPOINT s")
	app.refused("23505", undelete(two, "{}"))
	app.exec("ROLLBACK TO s", "INSERT INTO t (entity_id, name) VALUES ('"+two+"', 'fresh')", "COMMIT")
	l.chain(two, "name, n, note", "1|b|2|secret|past", "2|b|2|secret|tombstone", "3|fresh|7|∅|open")
	l.exec("DELETE FROM t WHERE name = 'fresh'")
	// Undeleted, deleted and inserted in one transaction: the last is not the first.
	l.session().exec("BEGIN", undelete(two, "{}"), "DELETE FROM t WHERE entity_id = '"+two+"'", "INSERT INTO t (entity_id, name) VALUES ('"+two+"', 'fresher')", "DELETE FROM t WHERE entity_id = '"+two+"'", "COMMIT")
	l.want("SELECT version, name, note FROM history.t WHERE entity_id = '"+two+"' AND version > 4 ORDER BY version", "5|fresh|∅", "6|fresh|∅", "7|fresher|∅", "8|fresher|∅")
	app.exec("BEGIN", undelete(two, "{}"))
	l2 := l.session()
	l2.exec("DELETE FROM t WHERE name = 'a'")
	app.exec("INSERT INTO t (entity_id, name) VALUES ('"+one+"', 'plain')", "COMMIT")
	l.chain(one, "name, n", "1|a|1|past", "2|a|1|tombstone", "3|plain|7|open")

	only := &lab{TB: t, db: dial(t, as(t, dsn, reader)), pool: l.pool}
	l.exec("DELETE FROM t WHERE name = 'plain'")
	only.exec(set(one + " {}"))
	only.refused("42501", "INSERT INTO t (entity_id, name) VALUES ('"+one+"', 'x')")
	only.refused("42501", undelete(one, "{}"))
	l.sound("t", "entity_id")
}
