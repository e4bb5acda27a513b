package sql_test

import (
	"strings"
	"testing"
)

// What is asked of one entity is found by index, among 20,000 versions.
func TestImmutableIndexes(t *testing.T) {
	l := newLab(t, "SELECT yore.create_immutable_table('t', 'n int', show_row_id => true)",
		"INSERT INTO t (n) SELECT 0 FROM generate_series(1, 1000)",
		"DO $$ BEGIN FOR i IN 1 .. 14 LOOP UPDATE t SET n = i; COMMIT; END LOOP; END $$",
		"INSERT INTO t (entity_id, n) VALUES ('"+one+"', 0)", // with a long history of its own
		"DO $$ BEGIN FOR i IN 1 .. 4999 LOOP UPDATE t SET n = i WHERE entity_id = '"+one+"'; IF i % 50 = 0 THEN COMMIT; END IF; END LOOP; END $$",
		"ANALYZE temporal.t, temporal.t_past")
	l.want("SELECT count(*) FROM history.t", "20000")
	late := l.value("SELECT valid_from FROM history.t WHERE entity_id = '" + one + "' AND version = 4900")
	entity := l.value("SELECT entity_id FROM t WHERE version < 20 LIMIT 1")
	row := l.value("SELECT id FROM history.t WHERE version = 7 LIMIT 1")
	middle := l.value("SELECT valid_from FROM history.t WHERE version = 10 LIMIT 1")
	for name, c := range map[string]struct {
		query   string
		rows    string
		indexes []string
	}{
		"Current":        {"SELECT count(*) FROM t WHERE entity_id = '" + entity + "'", "1", []string{"t_pkey"}},
		"History":        {"SELECT count(*) FROM history.t WHERE entity_id = '" + entity + "'", "15", []string{"t_pkey", "t_past_"}},
		"Version":        {"SELECT count(*) FROM history.t WHERE entity_id = '" + entity + "' AND version = 3", "1", []string{"t_pkey", "t_past_pkey"}},
		"AsOf":           {"SELECT count(*) FROM asof.t('" + middle + "') WHERE entity_id = '" + entity + "'", "1", []string{"t_pkey", "t_past_"}},
		"AsOfAmongMany":  {"SELECT count(*) FROM asof.t('" + late + "') WHERE entity_id = '" + one + "'", "1", []string{"t_pkey", "t_past_key_to"}},
		"RowID":          {"SELECT count(*) FROM history.t WHERE id = '" + row + "'", "1", []string{"t_row_id", "t_past_row_id"}},
		"RowIDOfCurrent": {"SELECT count(*) FROM t WHERE id = (SELECT id FROM t WHERE entity_id = '" + entity + "')", "1", []string{"t_row_id"}},
	} {
		plan := strings.Join(l.rows("EXPLAIN (COSTS off) "+c.query), "\n")
		for _, index := range c.indexes {
			if !strings.Contains(plan, "using "+index) && !strings.Contains(plan, "on "+index) {
				t.Errorf("%s does not use %s:\n%s", name, index, plan)
			}
		}
		if strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s reads a table whole:\n%s", name, plan)
		}
		l.want(c.query, c.rows)
	}

	// Nor do the triggers read the past whole, in a session that began while it
	// was small.
	s := l.session()
	const read = "SELECT coalesce(sum(seq_tup_read), 0) FROM pg_stat_xact_user_tables WHERE relname IN ('t_past', 't')"
	s.exec("BEGIN")
	before := s.rows(read)
	for range 7 { // plans become generic
		s.exec("UPDATE t SET n = n + 1 WHERE entity_id = '"+entity+"'", "DELETE FROM t WHERE entity_id = '"+entity+"'", "SELECT yore.undelete('t', '"+entity+"')", "INSERT INTO t (n) VALUES (1)")
	}
	s.want(read, before...)
	s.exec("COMMIT")
	l.sound("t", "entity_id")
}
