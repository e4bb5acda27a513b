package sql_test

import "testing"

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
