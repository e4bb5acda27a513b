package sql_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"yore.example/yore/internal/pgtest"
)

// tool finds pg_dump or psql, of the server's major version or a later one.
func tool(l *lab, name string) string {
	l.Helper()
	server := pgtest.Server(l)
	for _, path := range []string{filepath.Join(server.BinDir(), name), name} {
		out, err := exec.Command(path, "--version").Output()
		if err != nil {
			continue
		}
		version := regexp.MustCompile(`\) (\d+)`).FindSubmatch(out)
		if version == nil {
			continue
		}
		if major, err := strconv.Atoi(string(version[1])); err == nil && major >= server.Major() {
			return path
		}
	}
	l.Skipf("no %s that knows PostgreSQL %d, neither in %s nor in PATH", name, server.Major(), server.BinDir())
	return ""
}

func TestBehaviourDump(t *testing.T) {
	t.Parallel()
	const history = "SELECT id, name, n, version, valid_from, valid_to, deleted_at, xid FROM history.t ORDER BY id, version"

	t.Run("temporal-74 a whole dump is restored, and writing goes on", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id serial PRIMARY KEY, name text, n int NOT NULL DEFAULT 0)", "INSERT INTO t (name) VALUES ('before')",
			"CREATE TABLE c (id int PRIMARY KEY, t int REFERENCES t ON DELETE CASCADE)",
			"SELECT yore.track('t', no_journal => '{n}', on_truncate => 'archive'), yore.track('c', in_place => true)",
			"INSERT INTO t (name) VALUES ('a'), ('b'), ('c')", "INSERT INTO c VALUES (1, 2), (2, 3)",
			"UPDATE t SET name = 'a2', n = 1 WHERE name = 'a'", "UPDATE t SET n = 7 WHERE name = 'b'", "DELETE FROM t WHERE name = 'c'")
		l.session().exec("BEGIN", "SELECT yore.set_context('ann', 'why not')", "UPDATE t SET name = 'b2' WHERE name = 'b'", "COMMIT")
		dump, psql := tool(l, "pg_dump"), tool(l, "psql")

		file := filepath.Join(t.TempDir(), "dump.sql")
		if out, err := exec.Command(dump, "--dbname", l.pool.Config().ConnString(), "--file", file).CombinedOutput(); err != nil {
			t.Fatalf("pg_dump: %v\n%s", err, out)
		}
		ctx := context.Background()
		empty := func(context.Context, string) error { return nil }
		if err := pgtest.Server(t).Template(ctx, "empty", empty); err != nil {
			t.Fatal(err)
		}
		dsn, drop, err := pgtest.Server(t).Clone(ctx, "empty")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(drop)
		if out, err := exec.Command(psql, "--dbname", dsn, "--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--file", file).CombinedOutput(); err != nil {
			t.Fatalf("psql: %v\n%s", err, out)
		}
		pool := pgtest.Connect(t, dsn)
		r := &lab{TB: t, db: pool, pool: pool}

		for _, query := range []string{history, "SELECT * FROM history.c ORDER BY id, version", "SELECT * FROM t ORDER BY 1", everything,
			"SELECT * FROM yore.tracked ORDER BY 1, 2", "SELECT * FROM yore.transaction ORDER BY 1", "SELECT table_name, state, options FROM yore.status()",
			"SELECT a.* FROM history.t AS h, asof.t(h.valid_from) AS a ORDER BY h.id, h.version, a.id"} {
			r.want(query, l.rows(query)...)
		}
		r.want("SELECT state FROM yore.status()", "ok", "ok")

		r.exec("INSERT INTO t (name) VALUES ('d')", "UPDATE t SET name = 'a3' WHERE name = 'a2'", "UPDATE t SET n = 8 WHERE name = 'b2'",
			"INSERT INTO t (id, name) VALUES (4, 'c again')", "DELETE FROM t WHERE name = 'b2'")
		r.want("SELECT id, name, n, version, CASE WHEN deleted_at IS NOT NULL THEN 'tombstone' WHEN valid_to IS NULL THEN 'open' END FROM history.t WHERE id > 1 ORDER BY id, version",
			"2|a|0|1|∅", "2|a2|1|2|∅", "2|a3|1|3|open", "3|b|7|1|∅", "3|b2|8|2|∅", "3|b2|8|3|tombstone",
			"4|c|0|1|∅", "4|c|0|2|tombstone", "4|c again|0|3|open", "5|d|0|1|open")
		r.want("SELECT id, version FROM history.c WHERE deleted_at IS NOT NULL", "2|2")
		r.refused("YO001", "DELETE FROM temporal.t_past")
		r.refused("YO002", "TRUNCATE temporal.t CASCADE") // which would reach c
		r.exec("ALTER TABLE c DROP CONSTRAINT c_t_fkey", "TRUNCATE temporal.t")
		r.want("SELECT count(*) FROM history.t WHERE valid_to IS NULL", "0")
		r.exec("ALTER TABLE temporal.t ADD extra text", "SELECT yore.sync('t')", "INSERT INTO t (name, extra) VALUES ('e', 'e')")
		r.sound("t", "id")
		pgtest.Clean(t, r.db)
	})

	// In another cluster transactions are counted anew: a version of long ago may
	// have the number of the one that writes now.
	t.Run("temporal-74 a restored version with the number of this transaction is not its own", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, name text)", "SELECT yore.track('t', on_truncate => 'archive')",
			"INSERT INTO t SELECT n, 'a' FROM generate_series(1, 6) AS n", "UPDATE t SET name = 'b'", "DELETE FROM t WHERE id IN (5, 6)",
			"SELECT yore.set_context('somebody else')")
		l.session().exec("BEGIN", "SET LOCAL session_replication_role = replica",
			"UPDATE temporal.t SET sys_xid = pg_current_xact_id()", "UPDATE temporal.t_past SET sys_xid = pg_current_xact_id(), sys_xid_to = pg_current_xact_id()",
			"UPDATE yore.transaction SET xid = pg_current_xact_id()",
			"SET LOCAL session_replication_role = origin",
			"UPDATE t SET name = 'c' WHERE id = 1", "UPDATE t SET id = 7 WHERE id = 2", "DELETE FROM t WHERE id = 3", "INSERT INTO t VALUES (5, 'c')",
			"DELETE FROM t WHERE id = 4", "INSERT INTO t VALUES (4, 'c')", "COMMIT")
		l.want("SELECT id, name, version FROM history.t WHERE id <= 5 AND version > 1 AND deleted_at IS NULL ORDER BY id, version",
			"1|b|2", "1|c|3", "2|b|2", "3|b|2", "4|b|2", "4|c|3", "5|b|2", "5|c|4")
		l.want("SELECT id, version FROM history.t WHERE deleted_at IS NOT NULL ORDER BY id", "2|3", "3|3", "5|3", "6|3")
		l.want("SELECT name FROM history.t WHERE id = 7", "b")
		l.sound("t", "id")
		// A row that this transaction truncates was long there, too.
		l.session().exec("BEGIN", "SET LOCAL session_replication_role = replica", "UPDATE temporal.t SET sys_xid = pg_current_xact_id()",
			"SET LOCAL session_replication_role = origin", "TRUNCATE temporal.t", "COMMIT")
		l.want("SELECT id, max(version) FROM history.t WHERE deleted_at IS NOT NULL GROUP BY id ORDER BY id", "1|4", "2|3", "3|3", "4|4", "5|5", "6|3", "7|2")
		l.sound("t", "id")
	})
}
