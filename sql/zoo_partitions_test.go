package sql_test

import (
	"testing"

	"yore.example/yore/internal/pgtest"
)

// Partitioned tables, tracked where they are.
func TestZooPartitions(t *testing.T) {
	create := []string{
		"CREATE TABLE t (id int, region text, v text, PRIMARY KEY (id, region)) PARTITION BY LIST (region)",
		"CREATE TABLE t_eu PARTITION OF t FOR VALUES IN ('eu')",
		"CREATE TABLE t_us (v text, gone int, region text NOT NULL, id int NOT NULL)", "ALTER TABLE t_us DROP gone", "ALTER TABLE t ATTACH PARTITION t_us FOR VALUES IN ('us')",
		"CREATE TABLE t_rest PARTITION OF t DEFAULT PARTITION BY RANGE (id)", "CREATE TABLE t_rest1 PARTITION OF t_rest FOR VALUES FROM (0) TO (100)", "CREATE TABLE t_rest2 PARTITION OF t_rest DEFAULT",
	}
	// Partitioned by a column that is not the key: rows move, keys stay.
	moving := []string{
		"CREATE TABLE t (id int NOT NULL, region text, v text) PARTITION BY HASH (id)",
		"CREATE TABLE t_0 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 0)", "CREATE TABLE t_1 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 1)", "ALTER TABLE t ADD PRIMARY KEY (id)",
	}
	steps := []string{
		"INSERT INTO t VALUES (1, 'eu', 'a'), (2, 'us', 'b'), (3, 'xx', 'c'), (200, 'yy', 'd')",
		"UPDATE t SET v = 'e' WHERE id = 1",
		"INSERT INTO t_us (id, region, v) VALUES (4, 'us', 'f')",
		"UPDATE t_us SET v = 'g' WHERE id = 4",
		"DELETE FROM t_us WHERE id = 4",
		"INSERT INTO t_us (id, region, v) VALUES (4, 'us', 'again')",
		"UPDATE t SET region = 'us' WHERE id = 1",
		"UPDATE t SET region = 'eu' WHERE id = 1",
		"BEGIN; UPDATE t SET region = 'us', v = 'h' WHERE id = 1; UPDATE t SET region = 'eu' WHERE id = 1; UPDATE t SET v = 'i' WHERE id = 1; COMMIT",
		"INSERT INTO t VALUES (1, 'eu', 'j') ON CONFLICT (id, region) DO UPDATE SET v = 'k'",
		"UPDATE t SET id = 50 WHERE id = 200",
		"DELETE FROM t WHERE region = 'us'",
	}
	runZoo(t, []specimen{
		{name: "list", options: ", in_place => true", create: create, steps: steps},
		{name: "list, not squashed", options: ", in_place => true, squash => false", create: create, steps: steps},
		{name: "hash", options: ", in_place => true", create: moving, versions: 4, steps: []string{
			"INSERT INTO t VALUES (1, 'a', 'x'), (2, 'b', 'y')", "UPDATE t SET id = id + 2", "DELETE FROM t WHERE id = 3"}},
	})
}

// The partition key is not the whole key: a row that moves keeps its versions.
func TestZooMovedRows(t *testing.T) {
	t.Parallel()
	for _, squash := range []string{"true", "false"} {
		t.Run("squash="+squash, func(t *testing.T) {
			t.Parallel()
			db, _ := session(t)
			pgtest.Exec(t, db, "CREATE EXTENSION citext",
				"CREATE TABLE t (id citext, v text, PRIMARY KEY (id)) PARTITION BY RANGE (id)",
				"CREATE TABLE t_a PARTITION OF t FOR VALUES FROM ('a') TO ('m')", "CREATE TABLE t_m PARTITION OF t FOR VALUES FROM ('m') TO ('zz')",
				"SELECT yore.track('t', in_place => true, squash => "+squash+")",
				"INSERT INTO t VALUES ('b', '1'), ('n', '2')",
				"UPDATE t SET id = 'x' WHERE id = 'b'", "UPDATE t SET id = 'b' WHERE id = 'x'", "UPDATE t SET id = 'N' WHERE id = 'n'")
			rowsAre(t, db, "SELECT id, version, deleted_at IS NOT NULL FROM history.t ORDER BY lower(id::text), version",
				"b|1|f", "b|2|t", "b|3|f", "n|1|f", "N|2|f", "x|1|f", "x|2|t")
			pgtest.Clean(t, db)
		})
	}
}

func TestZooPartitionTruncate(t *testing.T) {
	t.Parallel()
	db, _ := session(t)
	pgtest.Exec(t, db, "CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id)", "CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (10)",
		"SELECT yore.track('t', in_place => true)", "INSERT INTO t VALUES (1)")
	refuses(t, db, "TRUNCATE t", "YO002", "t", "DELETE")
	refuses(t, db, "TRUNCATE t_1", "YO002", "t_1", "DELETE")
	refuses(t, db, "TRUNCATE ONLY t_1", "YO002", "t_1")

	// A partition made since: verify says so, sync mends it.
	pgtest.Exec(t, db, "CREATE TABLE t_2 PARTITION OF t FOR VALUES FROM (10) TO (20)", "INSERT INTO t VALUES (11)", "UPDATE t_2 SET id = 12")
	rowsAre(t, db, "SELECT problem, detail LIKE 't_2 %sync%' FROM yore.verify()", "partition|t")
	pgtest.Exec(t, db, "SELECT yore.sync('t')")
	refuses(t, db, "TRUNCATE t_2", "YO002", "t_2")
	pgtest.Clean(t, db)
	pgtest.Exec(t, db, "SELECT yore.untrack('t')", "TRUNCATE t_1", "TRUNCATE t")
	rowsAre(t, db, "SELECT count(*) FROM pg_trigger WHERE tgname LIKE '~yore%'", "0")
}

// A column of a partitioned table arrives in its partitions too.
func TestZooPartitionSync(t *testing.T) {
	t.Parallel()
	db, _ := session(t)
	pgtest.Exec(t, db, "CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id)", "CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (10)",
		"SELECT yore.track('t', in_place => true)", "INSERT INTO t VALUES (1)", "ALTER TABLE t ADD COLUMN x int")
	refuses(t, db, "UPDATE t SET x = 1", "YO009", "yore.sync('public.t')")
	refuses(t, db, "INSERT INTO t_1 VALUES (2)", "YO009", "yore.sync('public.t')")
	refuses(t, db, "DELETE FROM t_1", "YO009", "yore.sync('public.t')")
	pgtest.Exec(t, db, "SELECT yore.sync('t')", "UPDATE t_1 SET x = 1", "DELETE FROM t")
	rowsAre(t, db, "SELECT id, x, version FROM history.t ORDER BY version", "1|∅|1", "1|1|2", "1|1|3")
	pgtest.Clean(t, db)
}
