package sql_test

import "testing"

func TestBehaviourSquash(t *testing.T) {
	t.Parallel()
	const insert = "INSERT INTO t VALUES (1, 'a')"
	for _, b := range []behaviour{
		{
			name:    "temporal-57 two updates in a transaction make one version",
			steps:   []string{insert, "BEGIN", "UPDATE t SET name = 'b'", "UPDATE t SET name = 'c'", "COMMIT"},
			present: []string{"1|c"},
			history: []string{"1|a|v1 past", "1|c|v2 open"},
		},
		{
			name: "temporal-57 whatever savepoints and EXCEPTION blocks do",
			steps: []string{insert, "BEGIN", "UPDATE t SET name = 'b'", "SAVEPOINT s", "UPDATE t SET name = 'c'", "ROLLBACK TO s",
				"SAVEPOINT s2", "UPDATE t SET name = 'd'", "RELEASE s2",
				"DO $$ BEGIN UPDATE t SET name = 'e'; EXCEPTION WHEN unique_violation THEN NULL; END $$",
				"DO $$ BEGIN UPDATE t SET name = 'f'; RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN NULL; END $$",
				"COMMIT"},
			present: []string{"1|e"},
			history: []string{"1|a|v1 past", "1|e|v2 open"},
		},
		{
			name:    "temporal-57 back to what it was",
			steps:   []string{insert, "BEGIN", "UPDATE t SET name = 'b'", "UPDATE t SET name = 'a'", "COMMIT", "UPDATE t SET name = 'c'"},
			present: []string{"1|c"},
			history: []string{"1|a|v1 past", "1|a|v2 past", "1|c|v3 open"},
		},
		{
			name:    "temporal-58 insert and two updates in a transaction",
			steps:   []string{"BEGIN", insert, "UPDATE t SET name = 'b'", "UPDATE t SET name = 'c'", "COMMIT"},
			present: []string{"1|c"},
			history: []string{"1|c|v1 open"},
		},
		{
			name:  "temporal-59 insert and delete in a transaction",
			steps: []string{"BEGIN", insert, "DELETE FROM t", "COMMIT"},
		},
		{
			name:  "temporal-59 insert, update and delete in a transaction, in savepoints",
			steps: []string{"BEGIN", "SAVEPOINT a", insert, "RELEASE a", "SAVEPOINT b", "UPDATE t SET name = 'b'", "DELETE FROM t", "RELEASE b", "COMMIT"},
		},
		{
			name:    "temporal-59 and the key starts at 1 later",
			steps:   []string{"BEGIN", insert, "DELETE FROM t", "COMMIT", insert},
			present: []string{"1|a"},
			history: []string{"1|a|v1 open"},
		},
		{
			name:    "temporal-61 update and delete in a transaction close the row once",
			steps:   []string{insert, "BEGIN", "UPDATE t SET name = 'unseen'", "DELETE FROM t", "COMMIT"},
			history: []string{"1|a|v1 past", "1|unseen|v2 tombstone"},
		},
		{
			name:    "temporal-61 and the row may come again",
			steps:   []string{insert, "BEGIN", "UPDATE t SET name = 'unseen'", "DELETE FROM t", "COMMIT", "INSERT INTO t VALUES (1, 'b')"},
			present: []string{"1|b"},
			history: []string{"1|a|v1 past", "1|unseen|v2 tombstone", "1|b|v3 open"},
		},
		{
			name:    "temporal-62 delete and insert in a transaction touch",
			steps:   []string{insert, "BEGIN", "DELETE FROM t", "INSERT INTO t VALUES (1, 'b')", "COMMIT"},
			present: []string{"1|b"},
			history: []string{"1|a|v1 past", "1|b|v2 open"},
		},
		{
			name: "temporal-62 after an update, and three times over",
			steps: []string{insert, "BEGIN", "UPDATE t SET name = 'x'", "DELETE FROM t", "INSERT INTO t VALUES (1, 'y')",
				"DELETE FROM t", "INSERT INTO t VALUES (1, 'z')", "DELETE FROM t", "INSERT INTO t VALUES (1, 'b')", "UPDATE t SET name = 'c'", "COMMIT"},
			present: []string{"1|c"},
			history: []string{"1|a|v1 past", "1|c|v2 open"},
		},
		{
			name:    "temporal-62 the insert rolled back to a savepoint leaves the deletion",
			steps:   []string{insert, "BEGIN", "DELETE FROM t", "SAVEPOINT s", "INSERT INTO t VALUES (1, 'b')", "ROLLBACK TO s", "COMMIT"},
			history: []string{"1|a|v1 past", "1|a|v2 tombstone"},
		},
		{
			name: "temporal-62 a key deleted before, made and deleted and made again",
			steps: []string{insert, "DELETE FROM t",
				"BEGIN", "INSERT INTO t VALUES (1, 'x')", "DELETE FROM t", "INSERT INTO t VALUES (1, 'b')", "COMMIT",
				"BEGIN", "DELETE FROM t", "INSERT INTO t VALUES (1, 'y')", "DELETE FROM t", "COMMIT"},
			history: []string{"1|a|v1 past", "1|a|v2 tombstone", "1|b|v3 past", "1|y|v4 tombstone"},
		},
		{
			name:    "temporal-62 all rows by one statement each",
			steps:   []string{"INSERT INTO t SELECT n, 'a' FROM generate_series(1, 3) AS n", "BEGIN", "DELETE FROM t", "INSERT INTO t SELECT n, 'b' FROM generate_series(2, 4) AS n", "COMMIT"},
			present: []string{"2|b", "3|b", "4|b"},
			history: []string{"1|a|v1 past", "1|a|v2 tombstone", "2|a|v1 past", "2|b|v2 open", "3|a|v1 past", "3|b|v2 open", "4|b|v1 open"},
		},
		{
			name:    "temporal-62 in one statement",
			steps:   []string{insert, "WITH d AS (DELETE FROM t WHERE id = 1 RETURNING *) INSERT INTO t SELECT id, 'b' FROM d"},
			present: []string{"1|b"},
			history: []string{"1|a|v1 past", "1|b|v2 open"},
		},
		{
			name:    "temporal-63 insert, delete and insert of one key",
			steps:   []string{"BEGIN", insert, "DELETE FROM t", "INSERT INTO t VALUES (1, 'b')", "COMMIT"},
			present: []string{"1|b"},
			history: []string{"1|b|v1 open"},
		},
		{
			name:    "temporal-64 a new row that changes its key at once has one history",
			steps:   []string{"BEGIN", insert, "UPDATE t SET id = 2", "COMMIT"},
			present: []string{"2|a"},
			history: []string{"2|a|v1 open"},
		},
		{
			name:    "temporal-64 every row takes the key of the one before it",
			steps:   []string{"INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')", "UPDATE t SET id = id - 1"},
			present: []string{"0|a", "1|b", "2|c"},
			history: []string{"0|a|v1 open", "1|a|v1 past", "1|b|v2 open", "2|b|v1 past", "2|c|v2 open", "3|c|v1 past", "3|c|v2 tombstone"},
		},
		{
			name:    "temporal-68 TRUNCATE and insert in a transaction touch",
			options: ", on_truncate => 'archive'",
			steps: []string{"INSERT INTO t VALUES (1, 'a'), (2, 'b')", "BEGIN", "UPDATE t SET name = 'unseen' WHERE id = 2", "TRUNCATE temporal.t",
				"INSERT INTO t VALUES (1, 'c'), (2, 'd'), (3, 'e')", "COMMIT"},
			present: []string{"1|c", "2|d", "3|e"},
			history: []string{"1|a|v1 past", "1|c|v2 open", "2|b|v1 past", "2|d|v2 open", "3|e|v1 open"},
		},
		{
			name:    "temporal-64 a key changed there and back",
			steps:   []string{insert, "BEGIN", "UPDATE t SET id = 2", "UPDATE t SET id = 1", "COMMIT"},
			present: []string{"1|a"},
			history: []string{"1|a|v1 past", "1|a|v2 open"},
		},
	} {
		b.run(t)
	}

	t.Run("temporal-62 what touches leaves no moment between", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, name text)", "SELECT yore.track('t')", insert)
		l.session().exec("BEGIN", "DELETE FROM t", "INSERT INTO t VALUES (1, 'b')", "COMMIT")
		l.want("SELECT count(*) FROM history.t AS a JOIN history.t AS b ON b.valid_from = a.valid_to", "1")
		at := l.value("SELECT valid_from FROM history.t WHERE version = 2")
		l.wantAsOf(at, "SELECT name FROM t", "b")
		l.want("SELECT name FROM asof.t('"+at+"'::timestamptz - interval '1 microsecond')", "a")
	})
}

// Without squashing every change is a version of its own, a microsecond after
// the one before, and none is empty.
func TestBehaviourNoSquash(t *testing.T) {
	t.Parallel()
	for _, b := range []behaviour{
		{
			name:    "temporal-75 every update of a transaction is a version",
			steps:   []string{"BEGIN", "INSERT INTO t VALUES (1, 'a')", "UPDATE t SET name = 'b'", "UPDATE t SET name = 'b'", "UPDATE t SET name = 'c'", "COMMIT"},
			present: []string{"1|c"},
			history: []string{"1|a|v1 past", "1|b|v2 past", "1|c|v3 open"},
		},
		{
			name:    "temporal-75 insert and delete",
			steps:   []string{"BEGIN", "INSERT INTO t VALUES (1, 'a')", "DELETE FROM t", "COMMIT"},
			history: []string{"1|a|v1 past", "1|a|v2 tombstone"},
		},
		{
			name: "temporal-75 delete and insert, twice",
			steps: []string{"INSERT INTO t VALUES (1, 'a')", "BEGIN", "UPDATE t SET name = 'b'", "DELETE FROM t", "INSERT INTO t VALUES (1, 'c')",
				"DELETE FROM t", "INSERT INTO t VALUES (1, 'd')", "COMMIT"},
			present: []string{"1|d"},
			history: []string{"1|a|v1 past", "1|b|v2 past", "1|b|v3 tombstone", "1|c|v4 past", "1|c|v5 tombstone", "1|d|v6 open"},
		},
		{
			name:    "temporal-75 delete and insert in one statement",
			steps:   []string{"INSERT INTO t VALUES (1, 'a')", "WITH d AS (DELETE FROM t WHERE id = 1 RETURNING *) INSERT INTO t SELECT id, 'b' FROM d"},
			present: []string{"1|b"},
			history: []string{"1|a|v1 past", "1|a|v2 tombstone", "1|b|v3 open"},
		},
		{
			name:    "temporal-75 every row takes the key of the one before it",
			steps:   []string{"INSERT INTO t VALUES (1, 'a'), (2, 'b')", "UPDATE t SET id = id - 1"},
			present: []string{"0|a", "1|b"},
			history: []string{"0|a|v1 open", "1|a|v1 past", "1|a|v2 tombstone", "1|b|v3 open", "2|b|v1 past", "2|b|v2 tombstone"},
		},
		{
			name: "temporal-75 TRUNCATE of what the transaction made",
			steps: []string{"SELECT yore.track('t', on_truncate => 'archive')", "INSERT INTO t VALUES (1, 'a')",
				"BEGIN", "UPDATE t SET name = 'b'", "INSERT INTO t VALUES (2, 'x')", "TRUNCATE temporal.t", "INSERT INTO t VALUES (1, 'c')", "COMMIT"},
			present: []string{"1|c"},
			history: []string{"1|a|v1 past", "1|b|v2 past", "1|b|v3 tombstone", "1|c|v4 open", "2|x|v1 past", "2|x|v2 tombstone"},
		},
		{
			name:    "temporal-75 a key changed there and back",
			steps:   []string{"INSERT INTO t VALUES (1, 'a')", "BEGIN", "UPDATE t SET id = 2", "UPDATE t SET id = 1", "COMMIT"},
			present: []string{"1|a"},
			history: []string{"1|a|v1 past", "1|a|v2 tombstone", "1|a|v3 open", "2|a|v1 past", "2|a|v2 tombstone"},
		},
	} {
		b.options = ", squash => false"
		b.run(t)
	}

	t.Run("temporal-75 nothing empty is visible at any time", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, name text)", "SELECT yore.track('t', squash => false)")
		l.session().exec("BEGIN", "INSERT INTO t VALUES (1, 'a')", "UPDATE t SET name = 'b'", "DELETE FROM t", "INSERT INTO t VALUES (1, 'c')", "COMMIT")
		l.want("SELECT count(*) FROM history.t WHERE deleted_at IS NULL AND valid_from >= coalesce(valid_to, 'infinity')", "0")
		l.want(`SELECT v.version, a.name FROM history.t AS v LEFT JOIN LATERAL asof.t(v.valid_from) AS a ON true ORDER BY 1`,
			"1|a", "2|b", "3|∅", "4|c")
		l.want("SELECT max(valid_from) - min(valid_from) FROM history.t", "00:00:00.000003")
	})
}
