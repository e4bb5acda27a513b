package yore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// smallDump is a database with two tables, one of which refers to the other,
// and its dump.
func smallDump(t testing.TB) (*pgxpool.Pool, []byte) {
	t.Helper()
	db := pgtest.Pool(t)
	pgtest.Exec(t, db, "CREATE TABLE a (id serial PRIMARY KEY, v text)", "CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a)",
		"SELECT yore.track('a'), yore.track('b', in_place => true)", "INSERT INTO a (v) VALUES ('x'), (E'y\\nz')", "INSERT INTO b VALUES (1, 1), (2, 2)",
		"UPDATE a SET v = v || v", "DELETE FROM b WHERE id = 2", "DELETE FROM a WHERE id = 2", "SELECT yore.set_context('ana')")
	return db, dumped(t, db, yore.DumpOptions{})
}

// refusesDump fails the test unless the dump is refused and nothing is changed.
func refusesDump(t testing.TB, db *pgxpool.Pool, dump []byte, o yore.LoadOptions, want error, says string) {
	t.Helper()
	state := func() string {
		return strings.Join(append(pgtest.Census(t, db), pgtest.Rows(t, db, "SELECT relnamespace::regnamespace, relname, relkind FROM pg_class WHERE relnamespace::regnamespace::text !~ '^pg_(toast|temp)' ORDER BY 1, 2")...), "\n")
	}
	before := state()
	_, err := load(t, db, dump, o)
	var known *yore.Error
	if !errors.Is(err, want) || !errors.As(err, &known) || !strings.Contains(err.Error(), says) || known.Hint == "" {
		t.Errorf("got %v\nwant %v that says %q and has a hint", err, want, says)
	}
	if after := state(); after != before {
		t.Errorf("the database has changed:\n%s", firstDifference(before, after))
	}
}

func TestLoadErrDump(t *testing.T) {
	t.Parallel()
	_, dump := smallDump(t)
	db := pgtest.Pool(t)
	changed := func(old, new string) []byte {
		if !bytes.Contains(dump, []byte(old)) {
			t.Fatalf("the dump has no %q\n%s", old, dump)
		}
		return bytes.Replace(dump, []byte(old), []byte(new), 1)
	}
	for name, c := range map[string]struct {
		dump []byte
		says string
	}{
		"Empty":         {nil, "no dump of yore's"},
		"Garbage":       {[]byte("SELECT 1;\n"), "no dump of yore's"},
		"Binary":        {[]byte{0, 1, 2, 0xff}, "no dump of yore's"},
		"GzipGarbage":   {[]byte{0x1f, 0x8b, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0}, "gzip"},
		"NewerFormat":   {changed(`"format":1`, `"format":2`), "format 2"},
		"HeadDamaged":   {changed(`"format":1`, `"format":1,,`), "cannot be read"},
		"RowMissing":    {changed("\n1\txx\t", "\n"), ""},
		"RowLost":       {bytes.Replace(dump, firstLine(dump, "1\txx\t"), nil, 1), "rows"},
		"GoesOn":        {append(bytes.Clone(dump), "SELECT 1;\n"...), "after its end"},
		"Twice":         {append(bytes.Clone(dump), dump...), "after its end"},
		"SectionGone":   {changed(" session\n", " sessions\n"), "of kind"},
		"MarkerDamaged": {changed(" copied {", " copied"), "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			want := yore.ErrDump
			if name == "RowMissing" {
				return // below: what PostgreSQL says of the row
			}
			refusesDump(t, db, c.dump, yore.LoadOptions{}, want, c.says)
		})
	}
	t.Run("NewerYore", func(t *testing.T) {
		refusesDump(t, db, changed(`"yore":`, `"yore":99`), yore.LoadOptions{}, yore.ErrNewer, "99")
	})
	t.Run("RowDamaged", func(t *testing.T) {
		if _, err := load(t, db, changed("\n1\txx\t", "\n"), yore.LoadOptions{}); err == nil {
			t.Error("a damaged row was loaded")
		}
		if n := pgtest.Rows(t, db, "SELECT count(*) FROM yore.tracked")[0]; n != "0" {
			t.Errorf("%s tables", n)
		}
	})
	// temporal-164: cut off anywhere.
	t.Run("CutOff", func(t *testing.T) {
		ends := map[int]bool{len(dump) - 1: true, len(dump) - 2: true}
		for range 60 {
			ends[1+rand.IntN(len(dump)-1)] = true
		}
		for i, b := range dump {
			if b == '\n' && rand.IntN(4) == 0 {
				ends[i] = true
				ends[i+1] = i+1 < len(dump)
			}
		}
		for end, cut := range ends {
			if !cut {
				continue
			}
			if _, err := load(t, db, dump[:end], yore.LoadOptions{}); !errors.Is(err, yore.ErrDump) {
				t.Errorf("cut off after %d of %d bytes, at %q: %v", end, len(dump), dump[max(0, end-30):end], err)
			}
		}
		if n := pgtest.Rows(t, db, "SELECT count(*) FROM pg_class WHERE relname IN ('a', 'b')")[0]; n != "0" {
			t.Errorf("%s relations", n)
		}
	})
	if _, err := load(t, db, dump, yore.LoadOptions{}); err != nil {
		t.Error(err)
	}
}

func firstLine(dump []byte, prefix string) []byte {
	i := bytes.Index(dump, []byte("\n"+prefix)) + 1
	return dump[i : i+bytes.IndexByte(dump[i:], '\n')+1]
}

func TestLoadErrTarget(t *testing.T) {
	t.Parallel()
	_, dump := smallDump(t)
	dataAlone := yore.LoadOptions{Data: true}
	tables := []string{"CREATE TABLE a (id serial PRIMARY KEY, v text)", "CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a)", "SELECT yore.track('a'), yore.track('b', in_place => true)"}
	with := func(statements ...string) []string { return append(tables[:len(tables):len(tables)], statements...) }
	for _, c := range []struct {
		name  string
		setup []string
		o     yore.LoadOptions
		want  error
		says  string
	}{
		{"TableThere", tables[:1], yore.LoadOptions{}, yore.ErrName, "public.a is already there"},
		{"ViewThere", []string{"CREATE VIEW b AS SELECT 1"}, yore.LoadOptions{Structure: true}, yore.ErrName, "public.b is already there"},
		{"StorageThere", []string{"CREATE SCHEMA temporal", "CREATE TABLE temporal.a ()"}, yore.LoadOptions{}, yore.ErrName, "temporal.a is already there"},
		{"NoTable", nil, dataAlone, yore.ErrNotTracked, "public.a"},
		{"NotTracked", tables[:2], dataAlone, yore.ErrNotTracked, "not tracked"},
		{"OtherType", []string{"CREATE TABLE a (id serial PRIMARY KEY, v varchar(7))", "SELECT yore.track('a')"}, dataAlone, yore.ErrTarget, "column v (character varying(7), in the dump text)"},
		{"ColumnMissing", with("ALTER TABLE temporal.a DROP v CASCADE", "SELECT yore.sync('a')"), dataAlone, yore.ErrTarget, "column v (missing)"},
		{"ColumnMore", with("ALTER TABLE b ADD v int", "SELECT yore.sync('b')"), dataAlone, yore.ErrTarget, "column v (not in the dump)"},
		{"Immutable", []string{"CREATE TABLE a (id serial, v text, PRIMARY KEY (id))", "SELECT yore.track('a', immutable => true)"}, dataAlone, yore.ErrTarget, "column entity_id"},
		{"Rows", with("INSERT INTO a VALUES (9, 'mine')"), dataAlone, yore.ErrTarget, "temporal.a is not empty"},
		{"PastAlone", with("INSERT INTO b VALUES (9)", "DELETE FROM b"), dataAlone, yore.ErrTarget, "temporal.b_past is not empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.Pool(t)
			pgtest.Exec(t, db, c.setup...)
			refusesDump(t, db, dump, c.o, c.want, c.says)
		})
	}
	t.Run("AlteredAndNotSynced", func(t *testing.T) {
		t.Parallel()
		db, _ := smallDump(t)
		pgtest.Exec(t, db, "ALTER TABLE temporal.a ADD x int")
		withConn(t, db, func(ctx context.Context, conn *pgx.Conn) {
			if _, err := yore.Dump(ctx, conn, &bytes.Buffer{}, yore.DumpOptions{}); !errors.Is(err, yore.ErrNeedsSync) {
				t.Errorf("got %v", err)
			}
			if _, err := yore.Dump(ctx, conn, &bytes.Buffer{}, yore.DumpOptions{Tables: []string{"nothing"}}); !errors.Is(err, yore.ErrNotTracked) {
				t.Errorf("got %v", err)
			}
		})
	})
	t.Run("Unsound", func(t *testing.T) {
		t.Parallel()
		source, _ := smallDump(t)
		pgtest.Exec(t, source, "BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM temporal.a_past WHERE sys_version = 1 AND id = 1; COMMIT")
		refusesDump(t, pgtest.Pool(t), dumped(t, source, yore.DumpOptions{}), yore.LoadOptions{}, yore.ErrTarget, `does not pass yore.verify: row without past {"id": 1} version 2`)
	})
	t.Run("Needs", func(t *testing.T) {
		t.Parallel()
		source := pgtest.Pool(t)
		pgtest.Exec(t, source, "CREATE EXTENSION citext", "CREATE EXTENSION btree_gist", "CREATE TYPE span AS RANGE (SUBTYPE = float8)", `CREATE COLLATION "Mine" (provider = icu, locale = 'hr')`,
			`CREATE TABLE t (id int PRIMARY KEY, c citext[], s span, v text COLLATE "Mine")`, "SELECT yore.track('t', exclusion => true)")
		dump := dumped(t, source, yore.DumpOptions{})
		db := pgtest.Pool(t)
		refusesDump(t, db, dump, yore.LoadOptions{}, yore.ErrTarget, `collation public."Mine", extension btree_gist, extension citext, type public.span`)
		pgtest.Exec(t, db, "CREATE EXTENSION citext", "CREATE EXTENSION btree_gist", "CREATE TYPE span AS RANGE (SUBTYPE = float8)", `CREATE COLLATION "Mine" (provider = icu, locale = 'hr')`)
		if _, err := load(t, db, dump, yore.LoadOptions{}); err != nil {
			t.Error(err)
		}
	})
	t.Run("InTransaction", func(t *testing.T) {
		t.Parallel()
		withConn(t, pgtest.Pool(t), func(ctx context.Context, conn *pgx.Conn) {
			pgtest.Exec(t, conn, "BEGIN")
			if _, err := yore.Load(ctx, conn, bytes.NewReader(dump), yore.LoadOptions{}); !errors.Is(err, yore.ErrOption) {
				t.Errorf("load: %v", err)
			}
			if _, err := yore.Dump(ctx, conn, &bytes.Buffer{}, yore.DumpOptions{}); !errors.Is(err, yore.ErrOption) {
				t.Errorf("dump: %v", err)
			}
			pgtest.Exec(t, conn, "ROLLBACK")
		})
	})
}

// What the target had of its own is as it was.
func TestLoadDataAlone(t *testing.T) {
	t.Parallel()
	source, dump := smallDump(t)
	db := pgtest.Pool(t)
	pgtest.Exec(t, db, "CREATE TABLE b (a int, id int PRIMARY KEY, gone text)", "CREATE TABLE a (v text, id serial PRIMARY KEY)", "ALTER TABLE b ADD CONSTRAINT plain FOREIGN KEY (a) REFERENCES a, ADD CONSTRAINT may FOREIGN KEY (a) REFERENCES a DEFERRABLE", "ALTER TABLE b DROP gone",
		"CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO fired VALUES (TG_NAME); RETURN NEW; END'", "CREATE TABLE fired (name text)",
		"CREATE TRIGGER mine BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION fire()", "CREATE TRIGGER off AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION fire()", "CREATE TRIGGER always AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION fire()",
		"SELECT yore.track('a'), yore.track('b', in_place => true)", "ALTER TABLE temporal.a DISABLE TRIGGER off, ENABLE ALWAYS TRIGGER always",
		"SELECT setval('a_id_seq', 50)")
	result, err := load(t, db, dump, yore.LoadOptions{Data: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(result); got != "{false true [{public.a 5} {public.b 3}] 1 []}" {
		t.Errorf("result %s", got)
	}
	for _, query := range []string{"SELECT id, v, version, valid_from, valid_to, deleted_at, xid FROM history.a ORDER BY 1, 3", "SELECT id, a, version, valid_from, valid_to, deleted_at, xid FROM history.b ORDER BY 1, 3"} {
		pgtest.Same(t, query, pgtest.Rows(t, db, query), pgtest.Rows(t, source, query))
	}
	for query, want := range map[string]string{
		"SELECT count(*) FROM fired": "0",
		"SELECT string_agg(concat(tgname, tgenabled), ' ' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = 'temporal.a'::regclass AND NOT tgisinternal AND tgname NOT LIKE '~%'": "alwaysA mineO offD",
		"SELECT string_agg(conname || condeferrable || condeferred, ' ' ORDER BY conname) FROM pg_constraint WHERE conrelid = 'b'::regclass AND contype = 'f'":                   "maytruefalse plainfalsefalse",
		"SELECT nextval('a_id_seq')":                                                  "51",
		"SELECT count(*) FROM pg_class WHERE relname = 'yore_transaction'":            "0",
		"SELECT string_agg(DISTINCT state, '') FROM yore.status()":                    "ok",
		"SELECT current_setting('yore.load', true) || current_setting('search_path')": `"$user", public`,
	} {
		if got := pgtest.Rows(t, db, query)[0]; got != want {
			t.Errorf("%s: %s, not %s", query, got, want)
		}
	}
	pgtest.Clean(t, db)
	pgtest.Exec(t, db, "INSERT INTO a (v) VALUES ('new')")
	if got := pgtest.Rows(t, db, "SELECT string_agg(name, ' ' ORDER BY name) FROM fired")[0]; got != "always mine" {
		t.Errorf("fired: %s", got)
	}
}

// Some tables, each by itself: transactions are not loaded twice, and a foreign
// key to a table that is not there is left out with a warning.
func TestDumpOfSomeTables(t *testing.T) {
	t.Parallel()
	source, _ := smallDump(t)
	pgtest.Exec(t, source, "BEGIN; SELECT yore.set_context('both'); UPDATE a SET v = 'q'; UPDATE b SET a = NULL; COMMIT", "UPDATE b SET a = 1")
	b := dumped(t, source, yore.DumpOptions{Tables: []string{"b", "public.b"}})
	a := dumped(t, source, yore.DumpOptions{Tables: []string{"temporal.a"}})
	if bytes.Contains(a, []byte("\tana\t")) || !bytes.Contains(a, []byte("\tboth\t")) || bytes.Contains(a, []byte("yore.track('public.b'")) {
		t.Errorf("not the dump of a:\n%s", a)
	}
	for _, c := range []struct {
		name          string
		first, second []byte
		keys          string
	}{{"a then b", a, b, "1"}, {"b then a", b, a, "0"}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.Pool(t)
			for _, dump := range [][]byte{c.first, c.second} {
				if _, err := load(t, db, dump, yore.LoadOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			if got := pgtest.Rows(t, db, "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conrelid = 'b'::regclass AND confrelid = 'temporal.a'::regclass")[0]; got != c.keys {
				t.Errorf("%s foreign keys", got)
			}
			if got := strings.Join(pgtest.Rows(t, db, "SELECT actor FROM yore.transaction"), " "); got != "both" {
				t.Errorf("transactions: %s", got)
			}
			pgtest.Clean(t, db)
		})
	}
	withConn(t, source, func(ctx context.Context, conn *pgx.Conn) {
		pgtest.Exec(t, conn, "CREATE TABLE c (a int REFERENCES temporal.a)", "CREATE TRIGGER x AFTER UPDATE ON temporal.a FOR EACH ROW EXECUTE FUNCTION yore._refuse_past_change()", "SELECT yore.sync('a')")
		r, err := yore.Dump(ctx, conn, &bytes.Buffer{}, yore.DumpOptions{})
		if err != nil || strings.Join(r.LeftOut, "; ") != "public.a: trigger x; public.a: foreign key c_a_fkey of public.c" {
			t.Errorf("left out: %q, %v", r.LeftOut, err)
		}
	})
}

// A dump shows one moment, whatever is written meanwhile.
func TestDumpSnapshot(t *testing.T) {
	t.Parallel()
	source, _ := smallDump(t)
	want := pgtest.Census(t, source)
	var b bytes.Buffer
	written := false
	withConn(t, source, func(ctx context.Context, conn *pgx.Conn) {
		_, err := yore.Dump(ctx, conn, &b, yore.DumpOptions{Progress: func(yore.Progress) {
			if !written {
				pgtest.Exec(t, source, "UPDATE a SET v = 'meanwhile'", "INSERT INTO a (v) VALUES ('meanwhile')", "DELETE FROM b", "SELECT yore.set_context('meanwhile')")
			}
			written = true
		}})
		if err != nil || !written {
			t.Fatal(err, written)
		}
	})
	db := pgtest.Pool(t)
	if _, err := load(t, db, b.Bytes(), yore.LoadOptions{}); err != nil {
		t.Fatal(err)
	}
	var lines []string // sequences are never of a snapshot
	for _, line := range want {
		if !strings.HasPrefix(line, "sequence") {
			lines = append(lines, line)
		}
	}
	var got []string
	for _, line := range pgtest.Census(t, db) {
		if !strings.HasPrefix(line, "sequence") {
			got = append(got, line)
		}
	}
	pgtest.Same(t, "loaded", got, lines)
}

// From 13 to 18 and back, and from what the tests run on to 13.
func TestDumpToOlderAndNewer(t *testing.T) {
	t.Parallel()
	here := pgtest.Server(t).Major()
	for _, way := range [][2]int{{here, 13}, {13, 18}, {18, 13}} {
		t.Run(fmt.Sprint(way), func(t *testing.T) {
			t.Parallel()
			source := pgtest.Connect(t, pgtest.EmptyDSN(t, pgtest.ServerOf(t, way[0])))
			withConn(t, source, func(ctx context.Context, conn *pgx.Conn) {
				if err := yore.Install(ctx, conn); err != nil {
					t.Fatal(err)
				}
			})
			pgtest.Exec(t, source, "CREATE EXTENSION citext", "CREATE TYPE mood AS ENUM ('a', 'b')",
				"CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v citext, m mood[], n numeric, twice numeric GENERATED ALWAYS AS (n * 2) STORED, CHECK (n > 0))",
				"SELECT yore.track('t')", "INSERT INTO t (v, m, n) VALUES ('x', '{a,b}', 1.50), ('y', NULL, 'NaN')", "UPDATE t SET n = 2", "DELETE FROM t WHERE id = 2",
				"SELECT yore.create_immutable_table('i', 'v text', allow_updates => true)", "INSERT INTO i (v) VALUES ('a')", "UPDATE i SET v = 'b'", "UPDATE history.i SET v = 'c' WHERE version = 1",
				"CREATE TABLE p (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)", "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)", "SELECT yore.track('p', in_place => true)", "INSERT INTO p VALUES (1)", "UPDATE p SET v = 'x'")
			db := pgtest.Connect(t, pgtest.EmptyDSN(t, pgtest.ServerOf(t, way[1])))
			pgtest.Exec(t, db, "CREATE EXTENSION citext")
			if _, err := load(t, db, dumped(t, source, yore.DumpOptions{}), yore.LoadOptions{Install: true}); err != nil {
				t.Fatal(err)
			}
			pgtest.Same(t, "loaded", pgtest.Census(t, db), pgtest.Census(t, source))
			pgtest.Exec(t, db, "INSERT INTO t (v, n) VALUES ('z', 1)", "UPDATE t SET v = 'w'", "UPDATE p SET v = 'y'", "DELETE FROM i")
			if got := pgtest.Rows(t, db, "SELECT max(id) FROM t")[0]; got != "3" {
				t.Errorf("the identity goes on at %s", got)
			}
			pgtest.Clean(t, db)
		})
	}
}

// No superuser is needed, but a role that may create schemas in the database.
func TestLoadAsOwner(t *testing.T) {
	t.Parallel()
	source, dump := smallDump(t)
	dsn := pgtest.EmptyDSN(t, pgtest.Server(t))
	admin := pgtest.Connect(t, dsn)
	role := fmt.Sprintf("yore_load_%d", os.Getpid())
	pgtest.Exec(t, admin, "CREATE ROLE "+role+" LOGIN", "GRANT CREATE ON DATABASE "+pgtest.Rows(t, admin, "SELECT quote_ident(current_database())")[0]+" TO "+role, "GRANT CREATE ON SCHEMA public TO "+role)
	t.Cleanup(func() { pgtest.Exec(t, admin, "DROP OWNED BY "+role+" CASCADE", "DROP ROLE "+role) })
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme == "" {
		dsn += " user=" + role
	} else {
		q := u.Query()
		q.Set("user", role)
		u.RawQuery = q.Encode()
		dsn = u.String()
	}
	db := pgtest.Connect(t, dsn)
	if _, err := load(t, db, dump, yore.LoadOptions{Install: true}); err != nil {
		t.Fatal(err)
	}
	pgtest.Same(t, "loaded", pgtest.Census(t, db), pgtest.Census(t, source))
	pgtest.Exec(t, db, "UPDATE a SET v = 'w'")
	dumped(t, db, yore.DumpOptions{})
	pgtest.Clean(t, db)
}

// A table that waits for the rows was tracked since now; with them comes a past that
// has no beginning, of which history shows no time, not -infinity.
func TestLoadSinceEver(t *testing.T) {
	t.Parallel()
	db := pgtest.Pool(t)
	pgtest.Exec(t, db, "CREATE TABLE ever (id int PRIMARY KEY)", "INSERT INTO ever VALUES (1), (2)", "SELECT yore.track('ever', since => '-infinity')", "DELETE FROM ever WHERE id = 2")
	target := pgtest.Pool(t)
	pgtest.Exec(t, target, "CREATE TABLE ever (id int PRIMARY KEY)", "SELECT yore.track('ever')")
	if _, err := load(t, target, dumped(t, db, yore.DumpOptions{}), yore.LoadOptions{Data: true}); err != nil {
		t.Fatal(err)
	}
	const query = "SELECT id, version, valid_from, valid_to FROM history.ever ORDER BY id, version"
	if got, want := pgtest.Rows(t, target, query), pgtest.Rows(t, db, query); !slices.Equal(got, want) || !strings.Contains(got[0], "∅") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
