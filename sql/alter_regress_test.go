package sql_test

import (
	"testing"

	"yore.example/yore/internal/pgtest"
)

// What random schema changes against a model of them (internal/model/schema)
// found lost, each as the few statements that it takes.

func TestAlterRegressUndeleteAfterNotNull(t *testing.T) {
	l := newLab(t, "SELECT yore.create_immutable_table('t', 'a int, b int')")
	l.exec("INSERT INTO t (entity_id, a) VALUES ('00000000-0000-7000-8000-000000000001', 1)",
		"DELETE FROM t", "SELECT yore.alter_table('t', 'ALTER b SET DEFAULT 7, ALTER b SET NOT NULL')",
		"SELECT yore.undelete('t', '00000000-0000-7000-8000-000000000001')")
	l.present("t", "a, b", "1|7")
	l.exec("SELECT yore.alter_table('t', 'ALTER b DROP NOT NULL')")
	l.sound("t", "entity_id")
}

func TestAlterRegressUsingNamesTheTable(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (k int PRIMARY KEY, a text, b text)", "SELECT yore.track('t')",
		"INSERT INTO t VALUES (1, 'x', 'y')", "UPDATE t SET a = 'z'")
	l.exec("SELECT yore.alter_table('t', 'ALTER a TYPE varchar(9) USING t.a || temporal.t.b || ''t.a''')")
	l.history("t", "k, a, a_until_1", "1|xyt.a|x|v1 past", "1|zyt.a|∅|v2 open")
	l.exec("SELECT yore.alter_table('t', 'ALTER b TYPE varchar(9) USING upper(\"t\".b)', in_batches => true)",
		"SELECT yore.convert_past('t')", "SELECT yore.convert_past('t')")
	l.history("t", "k, b, b_until_1", "1|Y|y|v1 past", "1|Y|∅|v2 open")
	l.sound("t", "k")
}

func TestAlterRegressLossyThenFailing(t *testing.T) {
	// The first former value loses something, the second does not convert at all.
	l := newLab(t, "CREATE TABLE t (k int PRIMARY KEY, a text)", "SELECT yore.track('t')",
		"INSERT INTO t VALUES (1, '007')", "UPDATE t SET a = 'x'", "UPDATE t SET a = '7'")
	l.exec("SELECT yore.alter_table('t', 'ALTER a TYPE int USING a::int')")
	l.history("t", "k, a, a_until_1", "1|∅|007|v1 past", "1|∅|x|v2 past", "1|7|∅|v3 open")
	l.sound("t", "k")
}

func TestAlterRegressRenameToNameOfHistory(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (k int PRIMARY KEY, a int)", "SELECT yore.track('t')")
	l.refused("YO006", "SELECT yore.rename_column('t', 'a', 'version')")
	l.refused("YO006", "SELECT yore.rename_column('t', 'a', 'sys_to')")
	l.exec("SELECT yore.track('t', prefix => 'own_')", "SELECT yore.rename_column('t', 'a', 'version')",
		"INSERT INTO t VALUES (1, 2)", "SELECT yore.drop_column('t', 'version')")
	l.refused("YO006", "SELECT yore.track('t', prefix => '')") // the past has kept it
	l.want("SELECT k, version, own_version FROM history.t", "1|∅|1")
}

func TestAlterRegressRenameWhileConverting(t *testing.T) {
	l := newLab(t, "CREATE SCHEMA app", "CREATE TABLE t (k int PRIMARY KEY, a int)", "SELECT yore.track('t')",
		"INSERT INTO t VALUES (1, 1)", "UPDATE t SET a = 2",
		"SELECT yore.alter_table('t', 'ALTER a TYPE text USING a || ''!''', in_batches => true)")
	l.exec("SELECT yore.rename_table('t', 'u')", "SELECT yore.alter_table('u', 'SET SCHEMA app')")
	l.want("SELECT k, a FROM history_app.u ORDER BY version", "1|1!", "1|2!")
	l.exec("SELECT yore.convert_past('app.u')", "SELECT yore.convert_past('app.u')")
	l.want("SELECT k, a, a_until_1 FROM history_app.u ORDER BY version", "1|1!|1", "1|2!|∅")
}

func TestAlterRegressRowIdGivesWay(t *testing.T) {
	l := newLab(t, "SELECT yore.create_immutable_table('t', 'a int')", "INSERT INTO t (a) VALUES (1)")
	l.want("SELECT id IS NOT NULL FROM history.t", "t") // the row id of the version
	l.exec("SELECT yore.rename_column('t', 'a', 'id')")
	l.want("SELECT id FROM history.t", "1")
	l.exec("UPDATE t SET id = 2", "SELECT yore.rename_column('t', 'id', 'a')")
	l.want("SELECT a, id IS NOT NULL FROM history.t ORDER BY version", "1|t", "2|t")
	l.sound("t", "entity_id")
}

func TestAlterRegressViewOfKeptColumn(t *testing.T) {
	// A view shows the column that it was made for, not another that came to
	// have its name.
	l := newLab(t, "CREATE TABLE t (k int PRIMARY KEY, a text)", "SELECT yore.track('t')",
		"INSERT INTO t VALUES (1, 'x')", "UPDATE t SET a = 'y'", "CREATE VIEW v AS SELECT k, a FROM history.t")
	l.exec("SELECT yore.drop_column('t', 'a')", "SELECT yore.add_column('t', 'a', 'int DEFAULT 5')")
	l.want("SELECT * FROM v ORDER BY a", "1|x", "1|∅")
	l.history("t", "k, a, a_until_1", "1|∅|x|v1 past", "1|5|∅|v2 open")
	l.sound("t", "k")
}

func TestAlterRegressIndexOfColumnPutAside(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (k int PRIMARY KEY, a text, b text)", "SELECT yore.track('t')",
		"INSERT INTO t VALUES (1, 'x', '12')", "UPDATE t SET a = '7', b = '012'",
		"SELECT yore.create_index('t', '(a)', 'by_a')", "SELECT yore.create_index('t', '(b DESC)', 'by_b')")
	l.exec("SELECT yore.alter_table('t', 'ALTER a TYPE int USING a::int')",
		"SELECT yore.alter_table('t', 'ALTER b TYPE int USING b::int', in_batches => true)",
		"INSERT INTO t VALUES (2, 3, 4)", "SELECT yore.convert_past('t')", "SELECT yore.convert_past('t')")
	columns := `SELECT c.relname, pg_get_indexdef(c.oid, 1, false) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
	             WHERE i.indrelid = 'temporal.t_past'::regclass AND c.relname LIKE 'by%' ORDER BY 1`
	l.want(columns, "by_a_past|a", "by_b_past|b")
	l.exec("SELECT yore.drop_column('t', 'a')", "SELECT yore.create_index('t', '(k, b)', 'by_a')")
	l.want(columns, "by_a_past|k", "by_b_past|b")
}

func TestAlterRegressUndeleteWhileConverting(t *testing.T) {
	l := newLab(t, "SELECT yore.create_immutable_table('t', 'xid text, b int', prefix => 'own_')",
		"INSERT INTO t (entity_id, xid, b) VALUES ('00000000-0000-7000-8000-000000000001', '12', 3)", "DELETE FROM t")
	l.exec("SELECT yore.alter_table('t', 'ALTER xid TYPE int USING xid::int', in_batches => true)",
		"SELECT yore.undelete('t', '00000000-0000-7000-8000-000000000001')")
	l.present("t", "xid, b", "12|3")
	pgtest.Clean(l, l.db)
	l.exec("SELECT yore.convert_past('t')", "SELECT yore.convert_past('t')", "DELETE FROM t",
		"SELECT yore.undelete('t', '00000000-0000-7000-8000-000000000001')")
	l.present("t", "xid, b", "12|3")
	pgtest.Clean(l, l.db)
}

func TestAlterRegressKeptIdOfImmutable(t *testing.T) {
	l := newLab(t, "SELECT yore.create_immutable_table('t', 'id text')", "INSERT INTO t (id) VALUES ('x')", "UPDATE t SET id = 'y'")
	l.exec("SELECT yore.drop_column('t', 'id')")
	l.want("SELECT version, id FROM history.t ORDER BY 1", "1|x", "2|∅") // not the row id
	l.exec("SELECT yore.add_column('t', 'id', 'int')", "UPDATE t SET id = 7")
	l.want("SELECT version, id, id_until_1 FROM history.t ORDER BY 1", "1|∅|x", "2|∅|∅", "3|7|∅")
	l.sound("t", "entity_id")
}

func TestAlterRegressVirtualTakesKeptName(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (k int PRIMARY KEY, a text, b text)", "SELECT yore.track('t')",
		"INSERT INTO t VALUES (1, 'x', 'y')", "UPDATE t SET a = 'z', b = 'w'")
	l.needs(18, "virtual columns")
	l.exec("SELECT yore.drop_column('t', 'a')", "SELECT yore.add_column('t', 'a', 'int GENERATED ALWAYS AS (k + 1) VIRTUAL')")
	l.history("t", "k, a, a_until_1", "1|2|x|v1 past", "1|2|∅|v2 open")
	l.exec("SELECT yore.drop_column('t', 'b')", "SELECT yore.rename_column('t', 'a', 'b')")
	l.history("t", "k, b, b_until_1, a_until_1", "1|2|y|x|v1 past", "1|2|∅|∅|v2 open")
	l.sound("t", "k")
}

func TestAlterRegressUsingOfChangingColumn(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (k int PRIMARY KEY, a int, b text, c text)", "SELECT yore.track('t')",
		"INSERT INTO t VALUES (1, 1, 'x', 'y')", "UPDATE t SET a = 2")
	// Each takes the row as it was before all changes, in the past as in the present.
	l.exec("SELECT yore.alter_table('t', 'ALTER a TYPE text USING a + 1, ALTER b TYPE varchar(9) USING b || a')")
	l.history("t", "k, a, b", "1|2|x1|v1 past", "1|3|x2|v2 open")
	l.exec("SELECT yore.alter_table('t', 'DROP c, ALTER b TYPE varchar(10) USING b || t.c', keep_past => false)")
	l.history("t", "k, a, b", "1|2|x1y|v1 past", "1|3|x2y|v2 open")
	l.sound("t", "k")
}

func TestAlterRegressViewOfKeptColumnAndDrop(t *testing.T) {
	// Dropping b takes the views down, and the name a goes to another column.
	l := newLab(t, "CREATE TABLE t (k int PRIMARY KEY, a text, b text)", "SELECT yore.track('t')",
		"INSERT INTO t VALUES (1, 'x')", "UPDATE t SET a = 'y'", "CREATE VIEW v AS SELECT k, upper(a) AS a FROM history.t")
	l.exec("SELECT yore.drop_column('t', 'a')", "SELECT yore.alter_table('t', 'DROP b, ADD a int DEFAULT 5')")
	l.want("SELECT * FROM v ORDER BY a", "1|X", "1|∅")
	l.history("t", "k, a, a_until_1", "1|∅|x|v1 past", "1|5|∅|v2 open")
	l.sound("t", "k")
}

func TestAlterRegressRenameWithPastName(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (k int PRIMARY KEY)", "SELECT yore.track('t', past_name => 'older')", "INSERT INTO t VALUES (1)", "SELECT yore.rename_table('t', 'u')")
	l.want("SELECT table_name, past, state FROM yore.status()", "public.u|temporal.older|ok")
	l.exec("CREATE SCHEMA s", "SELECT yore.alter_table('u', 'SET SCHEMA s')", "UPDATE s.u SET k = 2")
	l.want("SELECT table_name, past, state FROM yore.status()", "s.u|temporal_s.older|ok")
	pgtest.Clean(t, l.db)
}

// Dropped from the past as well, a column called id gives its name in history
// back to the row id: a view that meant the column does not get that instead.
func TestAlterRegressViewOfADroppedID(t *testing.T) {
	l := newLab(t, "SELECT yore.create_immutable_table('t', 'id int, a int')", "INSERT INTO t (id, a) VALUES (1, 2)",
		"CREATE VIEW v AS SELECT id FROM history.t", "CREATE VIEW w AS SELECT a FROM history.t")
	l.refused("2BP01", "SELECT yore.alter_table('t', 'DROP id', keep_past => false)")
	l.want("SELECT id FROM v", "1")
	l.exec("SELECT yore.alter_table('t', 'DROP id CASCADE', keep_past => false)")
	l.want("SELECT to_regclass('v')", "∅")
	l.want("SELECT a FROM w", "2")
	l.want("SELECT pg_typeof(id) FROM history.t", "uuid")
	pgtest.Clean(t, l.db)
}

// A column is not the one that had its name: it does not inherit its grants.
func TestAlterRegressGrantsOfADroppedColumn(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (k int PRIMARY KEY, a int, b int)", "SELECT yore.track('t')")
	role := newRole(t, l.pool.Config().ConnString())
	l.exec("GRANT SELECT (a, b) ON t TO "+role, "SELECT yore.alter_table('t', 'ALTER b TYPE bigint, DROP a, ADD a text')")
	l.want("SELECT has_column_privilege('"+role+"', 't', 'a', 'SELECT'), has_column_privilege('"+role+"', 't', 'b', 'SELECT')", "f|t")
	l.exec("SELECT yore.alter_table('t', 'ADD COLUMN IF NOT EXISTS b int')")
	l.want("SELECT has_column_privilege('"+role+"', 't', 'b', 'SELECT')", "t")
}
