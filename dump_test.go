package yore_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// withConn runs f with one connection of the pool.
func withConn(t testing.TB, db *pgxpool.Pool, f func(context.Context, *pgx.Conn)) {
	t.Helper()
	ctx := context.Background()
	conn, err := db.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	f(ctx, conn.Conn())
}

func dumped(t testing.TB, db *pgxpool.Pool, o yore.DumpOptions) []byte {
	t.Helper()
	var b bytes.Buffer
	withConn(t, db, func(ctx context.Context, conn *pgx.Conn) {
		if _, err := yore.Dump(ctx, conn, &b, o); err != nil {
			t.Fatal(err)
		}
	})
	return b.Bytes()
}

func load(t testing.TB, db *pgxpool.Pool, dump []byte, o yore.LoadOptions) (result yore.DumpResult, err error) {
	t.Helper()
	withConn(t, db, func(ctx context.Context, conn *pgx.Conn) {
		result, err = yore.Load(ctx, conn, bytes.NewReader(dump), o)
	})
	return result, err
}

// extensions are made by hand: a dump only says that it needs them.
func newTarget(t testing.TB) *pgxpool.Pool {
	t.Helper()
	db := pgtest.Pool(t)
	prepare(t, db)
	return db
}

func prepare(t testing.TB, db *pgxpool.Pool) {
	t.Helper()
	// Foreign keys, defaults and triggers may name what is not in a dump.
	pgtest.Exec(t, db, "CREATE EXTENSION btree_gist", "CREATE EXTENSION citext", "CREATE TABLE untracked (id int PRIMARY KEY, person int)", "INSERT INTO untracked VALUES (1, 1)")
}

// temporal-162, temporal-163, temporal-164, temporal-170, trap-10: every kind of table there and back.
func TestDump(t *testing.T) {
	t.Parallel()
	source := pgtest.Pool(t)
	pgtest.Zoo(t, source)
	want := pgtest.Census(t, source)
	whole := dumped(t, source, yore.DumpOptions{})
	structure := dumped(t, source, yore.DumpOptions{Structure: true})
	data := dumped(t, source, yore.DumpOptions{Data: true})
	must := func(t *testing.T, db *pgxpool.Pool, dump []byte, o yore.LoadOptions) {
		t.Helper()
		if _, err := load(t, db, dump, o); err != nil {
			var e *yore.Error
			errors.As(err, &e)
			t.Fatalf("%v\n%+v", err, e)
		}
	}

	t.Run("Whole", func(t *testing.T) {
		t.Parallel()
		db := newTarget(t)
		must(t, db, whole, yore.LoadOptions{})
		pgtest.Same(t, "loaded", pgtest.Census(t, db), want)
		// And the past's copies of indexes.
		const indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname <> 'pg_catalog' ORDER BY 1"
		pgtest.Same(t, "indexes", pgtest.Rows(t, db, indexes), pgtest.Rows(t, source, indexes))
		again := dumped(t, db, yore.DumpOptions{})
		if a, b := plain(whole), plain(again); a != b {
			t.Errorf("dumped again it differs:\n%s", firstDifference(a, b))
		}
		pgtest.GoesOn(t, db)
	})
	t.Run("Gzip", func(t *testing.T) {
		t.Parallel()
		db := newTarget(t)
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(whole)
		_ = z.Close()
		if _, err := load(t, db, b.Bytes()[:b.Len()/2], yore.LoadOptions{}); !errors.Is(err, yore.ErrDump) || !strings.Contains(err.Error(), "cut off") {
			t.Errorf("half a gzip: %v", err)
		}
		must(t, db, b.Bytes(), yore.LoadOptions{})
		pgtest.Same(t, "loaded", pgtest.Census(t, db), want)
	})
	t.Run("StructureThenData", func(t *testing.T) {
		t.Parallel()
		db := newTarget(t)
		must(t, db, structure, yore.LoadOptions{})
		if n := pgtest.Rows(t, db, "SELECT count(*) FROM history.people")[0]; n != "0" {
			t.Errorf("%s rows", n)
		}
		if since := pgtest.Rows(t, db, "SELECT yore.tracked_since('people') > now() - interval '1 hour'")[0]; since != "t" {
			t.Error("a structure without rows has a past")
		}
		must(t, db, data, yore.LoadOptions{})
		pgtest.Same(t, "loaded", pgtest.Census(t, db), want)
		pgtest.GoesOn(t, db)
	})
	t.Run("PartsOfAWhole", func(t *testing.T) {
		t.Parallel()
		db := newTarget(t)
		must(t, db, whole, yore.LoadOptions{Structure: true})
		must(t, db, whole, yore.LoadOptions{Data: true})
		pgtest.Same(t, "loaded", pgtest.Census(t, db), want)
		pgtest.GoesOn(t, db)
	})
	t.Run("OtherNamesOfSchemas", func(t *testing.T) {
		t.Parallel()
		db := pgtest.Connect(t, pgtest.EmptyDSN(t, pgtest.Server(t)))
		prepare(t, db)
		withConn(t, db, func(ctx context.Context, conn *pgx.Conn) {
			pgtest.Exec(t, conn, "SET yore.temporal_schema = 'Store'", "SET yore.history_schema = 'ever'", "SET yore.asof_schema = 'then'")
			if _, err := yore.Load(ctx, conn, bytes.NewReader(whole), yore.LoadOptions{Install: true}); err != nil {
				t.Fatal(err)
			}
			pgtest.Exec(t, conn, "RESET ALL")
		})
		pgtest.Clean(t, db)
		if got := pgtest.Rows(t, db, "SELECT id, name, version, valid_from, valid_to FROM ever.people ORDER BY 1, 3"); !slices.Equal(got, pgtest.Rows(t, source, "SELECT id, name, version, valid_from, valid_to FROM history.people ORDER BY 1, 3")) {
			t.Errorf("got %q", got)
		}
		pgtest.Exec(t, db, `UPDATE people SET name = 'x' WHERE id = 1`, `DELETE FROM "Store".people WHERE id = 2`)
		pgtest.Clean(t, db)
	})
	t.Run("Install", func(t *testing.T) {
		t.Parallel()
		db := pgtest.Connect(t, pgtest.EmptyDSN(t, pgtest.Server(t)))
		prepare(t, db)
		_, err := load(t, db, whole, yore.LoadOptions{})
		var e *yore.Error
		if !errors.Is(err, yore.ErrNotInstalled) || !errors.As(err, &e) || !strings.Contains(e.Hint, "--install") {
			t.Errorf("without yore: %v", err)
		}
		must(t, db, whole, yore.LoadOptions{Install: true})
		pgtest.Same(t, "loaded", pgtest.Census(t, db), want)
	})
	t.Run("Psql", func(t *testing.T) {
		t.Parallel()
		psql, err := exec.LookPath("psql")
		if err != nil {
			t.Skip("no psql")
		}
		db := newTarget(t)
		file := filepath.Join(t.TempDir(), "dump.sql")
		if err := os.WriteFile(file, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(psql, "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--output", "/dev/null", "--quiet", "--dbname", db.Config().ConnString(), "--file", file).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		pgtest.Same(t, "loaded", pgtest.Census(t, db), want)
		// Cut off, psql commits nothing either.
		half := newTarget(t)
		_ = os.WriteFile(file, whole[:len(whole)*3/4], 0o600)
		_ = exec.Command(psql, "--no-psqlrc", "--dbname", half.Config().ConnString(), "--file", file).Run()
		if n := pgtest.Rows(t, half, "SELECT count(*) FROM yore.tracked")[0]; n != "0" {
			t.Errorf("%s tables of half a dump", n)
		}
	})
	for _, major := range []int{13, 15, 18} {
		t.Run(fmt.Sprint("OtherServer", major), func(t *testing.T) {
			t.Parallel()
			if pgtest.Server(t).Major() == major {
				t.Skip("the same server")
			}
			if major < 15 || pgtest.Server(t).Major() < 15 {
				t.Skip("row-level security differs; see TestDumpToOlder")
			}
			if pgtest.Server(t).Major() >= 18 {
				t.Skip("virtual columns are new in 18")
			}
			db := pgtest.Connect(t, pgtest.EmptyDSN(t, pgtest.ServerOf(t, major)))
			prepare(t, db)
			must(t, db, whole, yore.LoadOptions{Install: true})
			pgtest.Same(t, "loaded", pgtest.Census(t, db), want)
			pgtest.GoesOn(t, db)
		})
	}
	t.Run("temporal-170 times keep six digits", func(t *testing.T) {
		for _, line := range []string{"1991-06-25 00:00:00.123456+00", "2001-02-03 04:05:06.000007+00", "1900-01-01 00:00:00.000001+00", "0044-03-15 BC"} {
			if !bytes.Contains(whole, []byte(line)) {
				t.Errorf("no %s", line)
			}
		}
	})
}

// plain is a dump without what is another each time, its lines sorted within the
// sections of rows.
func plain(dump []byte) string {
	head, rest, _ := bytes.Cut(dump, []byte("\n-- yore-dump "))
	id := regexp.MustCompile(`"id":"([0-9a-f]{32})"`).FindSubmatch(rest)[1]
	text := string(head) + strings.ReplaceAll(string(rest), string(id), "ID")
	text = regexp.MustCompile(`"(at|database)":"[^"]*"|"rows": ?\d+`).ReplaceAllString(text, "")
	text = regexp.MustCompile(`statement":\d+`).ReplaceAllString(text, "")
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	var out []string
	for _, line := range x {
		if !slices.Contains(y, line) {
			out = append(out, "- "+line)
		}
	}
	for _, line := range y {
		if !slices.Contains(x, line) {
			out = append(out, "+ "+line)
		}
	}
	return strings.Join(out[:min(len(out), 20)], "\n")
}
