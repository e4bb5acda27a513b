package sql_test

import (
	"testing"
)

// removedEntity is an entity_id that the tests choose.
const removedEntity = "'01a1fc60-aa83-733b-ab9a-1a4c3130b357'"

func TestImmutableNumbersOfRemovedVersions(t *testing.T) {
	t.Run("TombstoneTakenOut", func(t *testing.T) {
		l := newLab(t, "SELECT yore.create_immutable_table('t', 'name text', allow_deletes => true)",
			"INSERT INTO t (entity_id, name) VALUES ("+removedEntity+", 'a')", "UPDATE t SET name = 'b'", "DELETE FROM t",
			"DELETE FROM history.t WHERE deleted_at IS NOT NULL")
		gone := l.now()
		l.exec("INSERT INTO t (entity_id, name) VALUES (" + removedEntity + ", 'c')")
		l.want("SELECT version, name FROM t", "4|c")
		l.want("SELECT valid_from > '"+gone+"' FROM t", "t") // not from where the second one ended
		l.want("SELECT count(*) FROM yore.verify()", "0")
	})
	t.Run("AllTakenOut", func(t *testing.T) {
		l := newLab(t, "SELECT yore.create_immutable_table('t', 'name text', allow_deletes => true)",
			"INSERT INTO t (entity_id, name) VALUES ("+removedEntity+", 'a')", "DELETE FROM t", "DELETE FROM history.t",
			"SELECT yore.track('t', allow_deletes => false)",
			"INSERT INTO t (entity_id, name) VALUES ("+removedEntity+", 'c')")
		l.want("SELECT version, name FROM history.t", "3|c")
		l.want("SELECT count(*) FROM yore.verify()", "0")
	})
	t.Run("VersionWriteTakenBack", func(t *testing.T) {
		l := newLab(t, "SELECT yore.create_immutable_table('t', 'name text', allow_version_write => true)",
			"INSERT INTO t (entity_id, version, name) VALUES ("+removedEntity+", 7, 'a')",
			"SELECT yore.track('t', allow_version_write => false)", "UPDATE t SET name = 'b', version = 99")
		l.want("SELECT version FROM history.t ORDER BY 1", "7", "8")
		l.want("SELECT count(*) FROM yore.verify()", "0")
	})
}

func TestImmutableUndeleteWaitsForAnother(t *testing.T) {
	l := newLab(t, "SELECT yore.create_immutable_table('t', 'name text')",
		"INSERT INTO t (entity_id, name) VALUES ("+removedEntity+", 'old')", "DELETE FROM t")
	first, second := l.session(), l.session()
	first.exec("BEGIN", "SELECT yore.undelete('t', "+removedEntity+`, '{"name": "new"}')`, "DELETE FROM t")
	late := second.start("SELECT yore.undelete('t', " + removedEntity + ")").blocked()
	first.exec("COMMIT")
	late.wait()
	l.want("SELECT version, name FROM t", "5|new")
	l.want("SELECT count(*) FROM yore.verify()", "0")
}
