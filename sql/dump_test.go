package sql_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"yore.example/yore/internal/pgtest"
)

// run runs a program of PostgreSQL's and returns what it wrote.
func run(t testing.TB, program string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(cmd.Environ(), "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func mustRun(t testing.TB, program string, args ...string) {
	t.Helper()
	if out, err := run(t, program, args...); err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, out)
	}
}

func TestDumpOfPostgreSQL(t *testing.T) {
	source := newLab(t)
	pgtest.Zoo(t, source.pool)
	dump, psql := tool(source, "pg_dump"), tool(source, "psql")
	restore := filepath.Join(filepath.Dir(dump), "pg_restore")
	from := "--dbname=" + source.pool.Config().ConnString()
	want := pgtest.Census(t, source.db)
	folder := t.TempDir()
	file := func(name string) string { return filepath.Join(folder, name) }
	into := func(dsn string, files ...string) {
		for _, f := range files {
			mustRun(t, psql, "--dbname="+dsn, "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--output=/dev/null", "--file="+f)
		}
	}
	mustRun(t, dump, from, "--file="+file("whole.sql"))
	mustRun(t, dump, from, "--schema-only", "--file="+file("structure.sql"))
	mustRun(t, dump, from, "--data-only", "--disable-triggers", "--file="+file("data.sql"))
	mustRun(t, dump, from, "--data-only", "--file="+file("bare.sql"))
	mustRun(t, dump, from, "--data-only", "--inserts", "--file="+file("inserts.sql"))
	mustRun(t, dump, from, "--format=custom", "--file="+file("custom"))
	mustRun(t, dump, from, "--format=directory", "--file="+file("directory"))

	modes := []struct {
		name    string
		restore func(dsn string)
	}{
		{"whole", func(dsn string) { into(dsn, file("whole.sql")) }},
		{"structure, then data", func(dsn string) { into(dsn, file("structure.sql"), file("data.sql")) }},
		{"pg_restore", func(dsn string) { mustRun(t, restore, "--dbname="+dsn, "--exit-on-error", file("custom")) }},
		{"pg_restore in one transaction", func(dsn string) { mustRun(t, restore, "--dbname="+dsn, "--single-transaction", file("custom")) }},
		{"pg_restore -j 2", func(dsn string) {
			mustRun(t, restore, "--dbname="+dsn, "--exit-on-error", "--jobs=2", file("directory"))
		}},
		{"pg_restore, structure, then data -j 2", func(dsn string) {
			mustRun(t, restore, "--dbname="+dsn, "--exit-on-error", "--schema-only", file("custom"))
			mustRun(t, restore, "--dbname="+dsn, "--exit-on-error", "--data-only", "--disable-triggers", "--jobs=2", file("custom"))
		}},
	}
	for _, mode := range modes {
		t.Run("trap-14 "+mode.name, func(t *testing.T) {
			dsn := pgtest.EmptyDSN(t, pgtest.Server(t))
			mode.restore(dsn)
			db := pgtest.Connect(t, dsn)
			pgtest.Same(t, "restored", pgtest.Census(t, db), want)
			pgtest.GoesOn(t, db)
		})
	}
	for _, major := range []int{17, 18} {
		for _, mode := range modes[:2] {
			t.Run("trap-14 "+mode.name+", newer server", func(t *testing.T) {
				if pgtest.Server(t).Major() >= major {
					t.Skip("no newer server than this")
				}
				dsn := pgtest.EmptyDSN(t, pgtest.ServerOf(t, major))
				mode.restore(dsn)
				db := pgtest.Connect(t, dsn)
				pgtest.Same(t, "restored", pgtest.Census(t, db), want)
				pgtest.GoesOn(t, db)
			})
		}
	}

	// With the triggers on, restored rows would be versions of today.
	for _, name := range []string{"bare.sql", "inserts.sql"} {
		t.Run("trap-14 data with the triggers on is refused, "+name, func(t *testing.T) {
			dsn := pgtest.EmptyDSN(t, pgtest.Server(t))
			into(dsn, file("structure.sql"))
			out, err := run(t, psql, "--dbname="+dsn, "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--single-transaction", "--file="+file(name))
			if err == nil || !strings.Contains(out, "yore.tracked does not list it") && !strings.Contains(out, "rows come with their version data") || !strings.Contains(out, "--disable-triggers") {
				t.Errorf("%v: %s", err, out)
			}
			db := pgtest.Connect(t, dsn)
			rowsAre(t, db, "SELECT count(*) FROM temporal.people", "0")
			refuses(t, db, "INSERT INTO known VALUES (1)", "YO026", "temporal.known", "yore.tracked", "docs/guides/dump.md")

			// Also where yore.tracked is there before the rows are.
			into(dsn, file("data.sql"))
			pgtest.Exec(t, db, "SET client_min_messages = error", "BEGIN", "ALTER TABLE temporal.people DISABLE TRIGGER USER", "DELETE FROM temporal.orders", "DELETE FROM untracked", "DELETE FROM temporal.people", "ALTER TABLE temporal.people ENABLE TRIGGER USER", "COMMIT")
			out, err = run(t, psql, "--dbname="+dsn, "--no-psqlrc", "--file="+file(name))
			if err != nil || !strings.Contains(out, "public.people: rows come with their version data") || !strings.Contains(out, "--disable-triggers") {
				t.Errorf("%v: %s", err, out)
			}
			rowsAre(t, db, "SELECT count(*) FROM temporal.people", "0")
		})
	}
}

// A plain table's data, dumped before it was tracked, are new rows.
func TestDumpOfPlainRows(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, v text)", "SELECT yore.track('t', in_place => true)")
	s := l.session()
	s.exec("SET check_function_bodies = off", "SET row_security = off", "INSERT INTO t VALUES (1, 'a')", "UPDATE t SET v = 'b'")
	s.refused("YO026", "INSERT INTO t VALUES (2, 'a', 7, now(), '123')")
	l.exec("INSERT INTO t VALUES (2, 'a', 7, now(), '123')") // what a client writes there is passed over
	l.want("SELECT id, version FROM history.t ORDER BY 1, 2", "1|1", "1|2", "2|1")
	l.sound("t", "id")
}

// trap-1, trap-14: who and why, after transactions were counted anew.
func TestDumpTransactionOf(t *testing.T) {
	l := newLab(t)
	l.exec(`INSERT INTO yore.transaction (xid, began, actor, at_time, role, application) VALUES
		('900', '2020-01-01Z', 'old', NULL, '', ''), ('900', '2024-01-01Z', 'new', NULL, '', ''),
		('901', '2020-01-01Z', 'old', NULL, '', ''), ('901', '2024-01-01Z', 'loader of 2010', '2010-01-01Z', '', ''),
		('902', '2020-01-01Z', 'loader of 2010', '2010-01-01Z', '', ''), ('902', '2024-01-01Z', 'new', NULL, '', ''),
		('903', '2020-01-01Z', 'old', NULL, '', '')`)
	for _, c := range []struct{ xid, from, actor string }{
		{"900", "2020-01-01Z", "old"}, {"900", "2020-01-01 00:00:00.000001Z", "old"}, {"900", "2020-01-01 03:00Z", "old"}, {"900", "2024-01-01Z", "new"}, {"900", "2023-12-31 23:59Z", ""}, {"900", "2019-12-31Z", ""},
		{"901", "2020-01-01Z", "old"}, {"901", "2010-01-01Z", "loader of 2010"}, {"901", "2024-01-01Z", ""}, {"901", "2010-01-01 00:00:00.000003Z", "loader of 2010"},
		{"902", "2010-01-01Z", "loader of 2010"}, {"902", "2020-01-01Z", ""}, {"902", "2024-01-01 00:00:01Z", "new"},
		// A transaction that said nothing, and has the number of one that did.
		{"903", "2024-01-01Z", ""},
	} {
		l.want("SELECT coalesce(max(actor), '') FROM yore.transaction_of('"+c.xid+"', '"+c.from+"')", c.actor)
	}
	l.want("SELECT count(*) FROM yore.transaction_of('900', NULL)", "0")
}

// An amendment of long ago, with the number of this transaction, lets nothing
// past the guard of the past.
func TestDumpAmendmentWithTheNumberOfThisTransaction(t *testing.T) {
	l := newLab(t, "SELECT yore.create_immutable_table('t', 'v text', allow_updates => true, allow_deletes => true)", "INSERT INTO t (v) VALUES ('a')",
		"UPDATE t SET v = 'b'", "UPDATE history.t SET v = 'c' WHERE version = 1",
		"CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM temporal.t_past; RETURN NEW; END'",
		"CREATE TABLE other (id int)", "CREATE TRIGGER meddle AFTER INSERT ON other FOR EACH ROW EXECUTE FUNCTION meddle()")
	s := l.session()
	s.exec("BEGIN", "SET LOCAL session_replication_role = replica",
		"INSERT INTO temporal.t_amendments SELECT entity_id, version, 'DELETE', pg_current_xact_id(), amended_at, role, before, NULL FROM temporal.t_amendments", "SET LOCAL session_replication_role = origin")
	s.refused("YO001", "INSERT INTO other VALUES (1)")
}

// Columns added, dropped and renamed around a restore: sync tells renames by
// number, and the restore gave new ones.
func TestDumpSyncAfterwards(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (x int, id int PRIMARY KEY, a text, b text)", "ALTER TABLE t DROP x", "SELECT yore.track('t')",
		"CREATE TABLE p (x int, id int PRIMARY KEY, a text, b text)", "ALTER TABLE p DROP x", "SELECT yore.track('p', in_place => true)",
		"ALTER TABLE temporal.t ADD c text", "SELECT yore.sync('t')", "ALTER TABLE p ADD c text", "SELECT yore.sync('p')",
		"INSERT INTO t VALUES (1, 'a', 'b', 'c')", "UPDATE t SET a = 'a2'", "INSERT INTO p (id, a, b, c) VALUES (1, 'a', 'b', 'c')", "UPDATE p SET a = 'a2'")
	dump, psql := tool(l, "pg_dump"), tool(l, "psql")
	file, dsn := filepath.Join(t.TempDir(), "dump.sql"), pgtest.EmptyDSN(t, pgtest.Server(t))
	mustRun(t, dump, "--dbname="+l.pool.Config().ConnString(), "--file="+file)
	mustRun(t, psql, "--dbname="+dsn, "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--output=/dev/null", "--file="+file)
	db := pgtest.Connect(t, dsn)
	for _, name := range []string{"t", "p"} {
		storage := map[string]string{"t": "temporal.t", "p": "p"}[name]
		if name == "p" { // options write the faces anew
			pgtest.Exec(t, db, "SELECT yore.track('"+name+"', full_journal => true)")
		}
		rowsAre(t, db, "SELECT id, a, b, c FROM asof."+name+"(now())", "1|a2|b|c")
		rowsAre(t, db, "SELECT id, a, b, c FROM asof."+name, "1|a2|b|c")
		pgtest.Exec(t, db, "ALTER TABLE "+storage+" RENAME a TO z", "ALTER TABLE "+storage+" RENAME b TO a", "ALTER TABLE "+storage+" RENAME z TO b", "ALTER TABLE "+storage+" DROP c CASCADE", "ALTER TABLE "+storage+" ADD d text DEFAULT 'd'",
			"SELECT yore.sync('"+name+"')")
		rowsAre(t, db, "SELECT id, b, a, d, version FROM history."+name+" ORDER BY version", "1|a|b|∅|1", "1|a2|b|d|2")
		pgtest.Clean(t, db)
	}
}

// The recipes of docs/guides/dump.md.
func TestDumpRecipes(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (id serial PRIMARY KEY, v text)", "SELECT yore.track('t'), yore.create_immutable_table('i', 'v text')",
		"INSERT INTO t (v) VALUES ('a')", "UPDATE t SET v = 'b'", "INSERT INTO i (v) VALUES ('a')", "UPDATE i SET v = 'b'", "CREATE SCHEMA other", "CREATE TABLE other.o (id int)")
	dump, psql := tool(l, "pg_dump"), tool(l, "psql")
	restored := func(t *testing.T, dumps ...[]string) *lab {
		dsn := pgtest.EmptyDSN(t, pgtest.Server(t))
		for _, args := range dumps {
			file := filepath.Join(t.TempDir(), "dump.sql")
			mustRun(t, dump, append(args, "--dbname="+l.pool.Config().ConnString(), "--file="+file)...)
			mustRun(t, psql, "--dbname="+dsn, "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--output=/dev/null", "--file="+file)
		}
		pool := pgtest.Connect(t, dsn)
		return &lab{TB: t, db: pool, pool: pool}
	}
	t.Run("StructureAlone", func(t *testing.T) {
		r := restored(t, []string{"--schema-only"}, []string{"--data-only", "--table=yore.installation", "--table=yore.tracked"})
		r.want("SELECT DISTINCT state FROM yore.status()", "ok")
		r.exec("INSERT INTO t (v) VALUES ('x')", "UPDATE t SET v = 'y'", "INSERT INTO i (v) VALUES ('x')", "DELETE FROM i")
		r.history("t", "id, v", "1|x|v1 past", "1|y|v2 open")
		r.sound("t", "id")
	})
	t.Run("Parts", func(t *testing.T) {
		r := restored(t, []string{"--exclude-schema=other"})
		r.want("SELECT count(*) FROM pg_namespace WHERE nspname = 'other'", "0")
		r.history("t", "id, v", "1|a|v1 past", "1|b|v2 open")
		r.exec("UPDATE t SET v = 'y'")
		r.sound("t", "id")
	})
	t.Run("Definition", func(t *testing.T) {
		text := l.value("SELECT yore.definition('t')")
		r := restored(t)
		r.refused("3F000", text) // without yore
		r.db = pgtest.Pool(t)
		r.exec(text, "INSERT INTO t (v) VALUES ('x')")
		r.want("SELECT id, v, version FROM history.t", "1|x|1")
	})
}

// A past that is being converted in batches knows by pages how far it has got,
// and a restore, or VACUUM FULL, puts the rows elsewhere: none may be forgotten.
func TestDumpDuringConversion(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, v text, fill text)", "SELECT yore.track('t')", "INSERT INTO t SELECT n, '1', repeat('x', 400) FROM generate_series(1, 200) AS n",
		"UPDATE t SET v = '2'", "UPDATE t SET v = '3'", "SELECT yore.alter_table('t', 'ALTER v TYPE int USING v::int * 10', in_batches => true)", "SELECT * FROM yore.convert_past('t', 10)")
	const wrong = "SELECT count(*), count(*) FILTER (WHERE v IS DISTINCT FROM version * 10) FROM history.t"
	l.want(wrong, "600|0")
	finish := func(l *lab) {
		l.Helper()
		for range 100 {
			if l.value("SELECT remaining FROM yore.convert_past('t', 10)") == "0" {
				break
			}
			l.want(wrong, "600|0")
		}
		l.want("SELECT remaining FROM yore.convert_past('t')", "0")
		l.want(wrong, "600|0")
		l.want("SELECT count(*) FROM pg_attribute WHERE attrelid = 'temporal.t_past'::regclass AND attname ~ 'unconverted' AND NOT attisdropped", "0")
		pgtest.Clean(l, l.db)
	}
	dump, psql := tool(l, "pg_dump"), tool(l, "psql")
	l.exec("VACUUM FULL temporal.t_past")
	file, dsn := filepath.Join(t.TempDir(), "dump.sql"), pgtest.EmptyDSN(t, pgtest.Server(t))
	mustRun(t, dump, "--dbname="+l.pool.Config().ConnString(), "--file="+file)
	mustRun(t, psql, "--dbname="+dsn, "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--output=/dev/null", "--file="+file)
	pool := pgtest.Connect(t, dsn)
	finish(&lab{TB: t, db: pool, pool: pool})
	// yore dump has no way to say how far it has got.
	l.refused("YO024", "SELECT yore._dumped(yore._tracked('t'::text))")
	finish(l)
	l.exec("SELECT yore._dumped(yore._tracked('t'::text))")
}
