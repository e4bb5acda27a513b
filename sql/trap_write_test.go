package sql_test

import (
	"context"
	"strings"
	"testing"

	"yore.example/yore/internal/pgtest"
)

func TestTrapWrite(t *testing.T) {
	t.Parallel()
	t.Run("trap-10 generated columns are kept as they were", func(t *testing.T) {
		t.Parallel()
		db, _ := session(t)
		virtual := pgtest.Server(t).Major() >= 18
		column := map[bool]string{true: ", v int GENERATED ALWAYS AS (n * 3) VIRTUAL", false: ", v int"}[virtual]
		pgtest.Exec(t, db, "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, s int GENERATED ALWAYS AS (n * 2) STORED, n int"+column+")", "SELECT yore.track('t')",
			"INSERT INTO t (n) VALUES (1)", "UPDATE t SET n = 2", "BEGIN", "UPDATE t SET n = 3", "UPDATE t SET n = 4", "COMMIT", "DELETE FROM t", "INSERT INTO t (n) VALUES (5)")
		rowsAre(t, db, "SELECT id, version, n, s FROM history.t ORDER BY id, version", "1|1|1|2", "1|2|2|4", "1|3|4|8", "1|4|4|8", "2|1|5|10")
		if virtual {
			rowsAre(t, db, "SELECT v FROM history.t ORDER BY id, version", "3", "6", "12", "12", "15")
		}
		rowsAre(t, db, "SELECT string_agg(concat(attgenerated, attidentity), '') FROM pg_attribute WHERE attrelid = 'temporal.t_past'::regclass AND attnum > 0", "")
	})

	t.Run("trap-11 columns dropped before and after tracking", func(t *testing.T) {
		t.Parallel()
		db, _ := session(t)
		pgtest.Exec(t, db, "CREATE TABLE t (x int, a text, y int, id int PRIMARY KEY, b text)", "ALTER TABLE t DROP x, DROP y", "ALTER TABLE t ADD x text",
			"SELECT yore.track('t')", "INSERT INTO t VALUES ('a', 1, 'b', 'x')", "UPDATE t SET a = 'a2'",
			"ALTER TABLE temporal.t DROP a CASCADE", "ALTER TABLE temporal.t ADD c text", "SELECT yore.sync('t')", "UPDATE t SET c = 'c', b = 'b2'", "DELETE FROM t")
		rowsAre(t, db, "SELECT version, id, b, x, c FROM history.t ORDER BY version", "1|1|b|x|∅", "2|1|b|x|∅", "3|1|b2|x|c", "4|1|b2|x|c")
		// What the past had stays; what only the present had went with the column.
		rowsAre(t, db, "SELECT sys_version, a FROM temporal.t_past ORDER BY 1", "1|a", "2|∅", "3|∅", "4|∅")
		pgtest.Clean(t, db)
	})

	t.Run("trap-12 equal is not identical", func(t *testing.T) {
		t.Parallel()
		db, _ := session(t)
		pgtest.Exec(t, db, "CREATE EXTENSION citext", "CREATE TABLE t (id citext PRIMARY KEY, n numeric, j json, x xml, p point, c citext)", "SELECT yore.track('t')",
			`INSERT INTO t VALUES ('k', 1.0, '{"a":1}', '<a/>', '(1,1)', 'x')`)
		for _, set := range []string{"n = 1.00", `j = '{"a": 1}'`, "x = '<a></a>'", "p = '(1,1.0000001)'", "c = 'X'", "id = 'K'"} {
			versions := pgtest.Rows(t, db, "SELECT max(version) + 1 FROM history.t")
			pgtest.Exec(t, db, "UPDATE t SET "+set)
			pgtest.Exec(t, db, "UPDATE t SET "+set) // the second time it is identical
			rowsAre(t, db, "SELECT max(version) FROM history.t", versions...)
		}
		rowsAre(t, db, "SELECT id, n, c FROM asof.t('infinity')", "K|1.00|X")
		pgtest.Clean(t, db)
	})

	t.Run("trap-18 TRUNCATE loses nothing", func(t *testing.T) {
		db, _ := staff(t, "", 0)
		refuses(t, db, "TRUNCATE temporal.t", "YO002", "temporal.t", "archive")
		pgtest.Exec(t, db, "CREATE TABLE parent (id int PRIMARY KEY)", "ALTER TABLE temporal.t ADD FOREIGN KEY (id) REFERENCES parent NOT VALID")
		refuses(t, db, "TRUNCATE parent CASCADE", "YO002", "temporal.t")
		pgtest.Exec(t, db, "SELECT yore.track('t', on_truncate => 'archive')", "BEGIN", "UPDATE t SET v = 'new' WHERE id = 1", "TRUNCATE parent CASCADE", "COMMIT")
		rowsAre(t, db, periods, "1|1|a|f", "1|2|new|t", "2|1|b|f", "2|2|b|t", "3|1|c|f", "3|2|c|t")
		rowsAre(t, db, "SELECT count(*) FROM t", "0")
		pgtest.Clean(t, db)
	})

	t.Run("trap-19 upsert through the face; no-ops still count", func(t *testing.T) {
		db, _ := staff(t, "", 0)
		for _, s := range []struct {
			statement string
			count     int64
		}{
			{"INSERT INTO t VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET v = excluded.v", 1},
			{"INSERT INTO t VALUES (1, 'y') ON CONFLICT (id) DO NOTHING", 0},
			{"INSERT INTO t VALUES (1, 'y') ON CONFLICT DO NOTHING", 0},
			{"INSERT INTO t VALUES (1, 'y') ON CONFLICT (id) DO UPDATE SET v = 'no' WHERE t.v = 'b'", 0},
			{"INSERT INTO t VALUES (2, 'z'), (9, 'n') ON CONFLICT (id) DO UPDATE SET v = excluded.v", 2},
			{"UPDATE t SET v = v", 4},
			{"UPDATE t SET v = 'c' WHERE id = 3", 1},
		} {
			tag, err := db.Exec(context.Background(), s.statement)
			if err != nil || tag.RowsAffected() != s.count {
				t.Errorf("%s: %d rows, not %d (%v)", s.statement, tag.RowsAffected(), s.count, err)
			}
		}
		rowsAre(t, db, "UPDATE t SET v = v WHERE id = 3 RETURNING id, v", "3|c")
		rowsAre(t, db, periods, "1|1|a|f", "1|2|x|f", "2|1|b|f", "2|2|z|f", "3|1|c|f", "9|1|n|f")
		pgtest.Clean(t, db)
	})

	t.Run("trap-20 MERGE of all kinds at once", func(t *testing.T) {
		if pgtest.Server(t).Major() < 15 {
			t.Skip("MERGE came with PostgreSQL 15")
		}
		db, _ := staff(t, "", 0)
		merge := `MERGE INTO %s AS t USING (VALUES (1, 'x'), (2, NULL), (7, 'new')) AS s (id, v) ON s.id = t.id
			WHEN MATCHED AND s.v IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.v)`
		face := "temporal.t"
		if pgtest.Server(t).Major() >= 17 {
			face = "t" // views can be merged into since 17
			merge = strings.Replace(merge, "INSERT VALUES", "INSERT (id, v) VALUES", 1)
		}
		merge = strings.Replace(strings.Replace(merge, "%s", face, 1), "INSERT VALUES", "INSERT (id, v) VALUES", 1)
		pgtest.Exec(t, db, merge, merge)
		rowsAre(t, db, periods, "1|1|a|f", "1|2|x|f", "2|1|b|f", "2|2|b|t", "2|3|∅|f", "3|1|c|f", "7|1|new|f")
	})

	t.Run("trap-21 what went by without triggers is found", func(t *testing.T) {
		db, _ := staff(t, "", 0)
		pgtest.Exec(t, db, "UPDATE t SET v = 'x'", "SET session_replication_role = replica",
			"DELETE FROM t WHERE id = 1", "UPDATE t SET id = 8 WHERE id = 2", "INSERT INTO temporal.t VALUES (9, 'n', 5, now(), '1')", "RESET session_replication_role")
		rowsAre(t, db, "SELECT key->>'id', problem FROM yore.verify() ORDER BY 1", "1|vanished", "2|vanished", "8|row without past", "9|row without past")
		pgtest.Exec(t, db, `ALTER TABLE temporal.t DISABLE TRIGGER "~yore_update"`)
		rowsAre(t, db, "SELECT detail LIKE '%~yore_update%disabled%' FROM yore.verify() WHERE problem = 'trigger'", "t")
		rowsAre(t, db, "SELECT state FROM yore.status()", "triggers off")
	})

	t.Run("trap-22 COPY is recorded", func(t *testing.T) {
		db, _ := staff(t, "", 0)
		pgtest.Exec(t, db, "DELETE FROM t WHERE id = 1")
		tag, err := db.PgConn().CopyFrom(context.Background(), strings.NewReader("1\tagain\n5\tnew\n"), "COPY temporal.t (id, v) FROM STDIN")
		if err != nil || tag.RowsAffected() != 2 {
			t.Fatalf("%v, %v", tag, err)
		}
		rowsAre(t, db, periods, "1|1|a|f", "1|2|a|t", "1|3|again|f", "2|1|b|f", "3|1|c|f", "5|1|new|f")
		pgtest.Clean(t, db)
	})

	t.Run("trap-26 a change of the key ends one chain and begins another", func(t *testing.T) {
		db, _ := staff(t, "", 0)
		pgtest.Exec(t, db, "UPDATE t SET id = 10 WHERE id = 1", "UPDATE t SET id = id + 1 WHERE id = 10", "UPDATE t SET id = 1 WHERE id = 11",
			"BEGIN", "UPDATE t SET id = 20, v = 'x' WHERE id = 2", "UPDATE t SET id = 2 WHERE id = 20", "COMMIT")
		rowsAre(t, db, periods, "1|1|a|f", "1|2|a|t", "1|3|a|f", "2|1|b|f", "2|2|x|f", "3|1|c|f", "10|1|a|f", "10|2|a|t", "11|1|a|f", "11|2|a|t")
		rowsAre(t, db, "SELECT count(*) FROM history.t AS o JOIN history.t AS n ON n.valid_from = o.deleted_at AND n.xid = o.xid AND n.deleted_at IS NULL", "3")
		pgtest.Clean(t, db)
	})
}
