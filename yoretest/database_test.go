package yoretest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
	"yore.example/yore/pgdev"
	"yore.example/yore/yoretest"
)

const countries = "CREATE TABLE countries (code text PRIMARY KEY, name text NOT NULL, currency text); SELECT yore.track('countries', since => '-infinity');"

func on(t testing.TB) yoretest.Option { return yoretest.On(pgtest.Server(t)) }

func TestPool(t *testing.T) {
	t.Parallel()
	one, two := yoretest.Pool(t, on(t), yoretest.Script(countries)), yoretest.Pool(t, on(t), yoretest.Script(countries))
	yoretest.Past(t, one, yoretest.Step{SQL: "INSERT INTO countries VALUES ('HR', 'Croatia', 'kuna')"})
	for pool, want := range map[yore.DB]int{one: 1, two: 0} {
		var n int
		if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM countries").Scan(&n); err != nil || n != want {
			t.Errorf("%d rows, want %d: %v", n, want, err)
		}
	}
}

func TestSQL(t *testing.T) {
	t.Parallel()
	db := yoretest.SQL(t, on(t), yoretest.Script(countries))
	if _, err := db.ExecContext(t.Context(), "INSERT INTO countries VALUES ('HR', 'Croatia', 'kuna')"); err != nil {
		t.Fatal(err)
	}
	yoretest.Equal(t, yore.Wrap(db), "countries", "HR v1 [t0,) name=Croatia currency=kuna")
	yoretest.Equal(t, yore.Wrap(db), "countries", "HR v1 [t0,) name=Croatia currency=kuna", "HR")
	yoretest.Now(t, yore.Wrap(db))
	yoretest.Verify(t, yore.Wrap(db))
}

// The database is gone after the test, whatever it left open.
func TestDSNGoesWithTheTest(t *testing.T) {
	t.Parallel()
	var dsn string
	run(t, func(u testing.TB) {
		dsn = yoretest.DSN(u, on(t))
		conn, err := pgx.Connect(context.Background(), dsn)
		if err != nil {
			u.Fatalf("%v", err)
		}
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
	}).passes(t)
	if conn, err := pgx.Connect(t.Context(), dsn); err == nil {
		_ = conn.Close(t.Context())
		t.Error("the database is still there")
	}
}

// A template is made once for what is in it.
func TestTemplates(t *testing.T) {
	t.Parallel()
	var migrated atomic.Int32
	migrate := func(id string) yoretest.Option {
		return yoretest.Migrate(id, func(ctx context.Context, dsn string) error {
			migrated.Add(1)
			conn, err := pgx.Connect(ctx, dsn)
			if err != nil {
				return err
			}
			defer func() { _ = conn.Close(ctx) }()
			_, err = conn.Exec(ctx, "INSERT INTO countries VALUES ('HR', 'Croatia', 'kuna')")
			return err
		})
	}
	files := func(second string) yoretest.Option {
		return yoretest.Files(fstest.MapFS{
			"2.sql": {Data: []byte(second)}, "1.sql": {Data: []byte(countries)}, "1.down.sql": {Data: []byte("no SQL")},
		}, "[0-9].sql")
	}
	for i, c := range []struct {
		opts     []yoretest.Option
		migrated int32
		want     string
	}{
		{[]yoretest.Option{yoretest.Script(countries), migrate("one")}, 1, "HR v1 [t0,) name=Croatia currency=kuna"},
		{[]yoretest.Option{yoretest.Script(countries), migrate("one")}, 1, "HR v1 [t0,) name=Croatia currency=kuna"},
		{[]yoretest.Option{yoretest.Script(countries), migrate("two")}, 2, "HR v1 [t0,) name=Croatia currency=kuna"},
		{[]yoretest.Option{files("SELECT 1"), migrate("one")}, 3, "HR v1 [t0,) name=Croatia currency=kuna"},
		{[]yoretest.Option{files("SELECT 1"), migrate("one")}, 3, "HR v1 [t0,) name=Croatia currency=kuna"},
		{[]yoretest.Option{files("ALTER TABLE temporal.countries ADD eu bool; SELECT yore.sync('countries')"), migrate("one")}, 4, "HR v1 [t0,) name=Croatia currency=kuna eu=NULL"},
		{[]yoretest.Option{yoretest.Script(countries)}, 4, ""},
	} {
		db := yoretest.Pool(t, append(c.opts, on(t))...)
		if n := migrated.Load(); n != c.migrated {
			t.Errorf("%d: migrated %d times, want %d", i, n, c.migrated)
		}
		yoretest.Equal(t, db, "countries", c.want)
	}
}

func TestTemplateErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opt  yoretest.Option
		says []string
	}{
		"Script": {yoretest.Script("CREATE TABLE a (id int);\nSELECT 'š',\n  nonsense FROM a"),
			[]string{"the script: ", `column "nonsense" does not exist`, "line 3: nonsense FROM a"}},
		"Tracking": {yoretest.Script("CREATE TABLE a (id int);\nSELECT yore.track('a')"), []string{"the script: ", "a", "primary key", "key =>"}},
		"Files": {yoretest.Files(fstest.MapFS{"a/1.sql": {Data: []byte("SELECT 1")}, "a/2.sql": {Data: []byte("SELEC 1")}}, "a/*.sql"),
			[]string{"a/2.sql: ", `syntax error at or near "SELEC"`, "line 1: SELEC 1"}},
		"NoFiles": {yoretest.Files(fstest.MapFS{}, "*.sql"), []string{`pattern "*.sql"`, "no file"}},
		"Pattern": {yoretest.Files(fstest.MapFS{}, "["), []string{`pattern "["`, "syntax error in pattern"}},
		"Migrate": {yoretest.Migrate("goose", func(context.Context, string) error { return errors.New("dirty") }), []string{`migration "goose": dirty`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 2 { // the next test that wants it is told the same
				run(t, func(u testing.TB) { yoretest.Pool(u, c.opt, on(t)) }).says(t, true, append(c.says, "yoretest: ")...)
			}
		})
	}
}

// Another process, since the variables are read for the process: with
// YORE_TEST_DSN or, if that is allowed, DATABASE_URL, nothing is started, the
// template is found again, and no test's database is left.
func TestNamedServer(t *testing.T) {
	t.Parallel()
	if os.Getenv("YORETEST_NAMED") != "" {
		t.Skip("run by itself")
	}
	server, err := pgdev.Start(t.Context(), pgdev.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	admin, err := pgx.Connect(t.Context(), server.DSN(""))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close(t.Context()) }()
	var first string
	for _, variable := range []string{"YORE_TEST_DSN", "YORE_TEST_DSN", "DATABASE_URL"} {
		child := exec.Command(os.Args[0], "-test.run", "^TestOnNamedServer$", "-test.v", "-test.count=1")
		child.Env = append(os.Environ(), "YORETEST_NAMED="+variable, "YORE_TEST_DSN=", variable+"="+server.DSN(""))
		if out, err := child.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestOnNamedServer") {
			t.Fatalf("%v\n%s", err, out)
		}
		var left string
		if err := admin.QueryRow(t.Context(), "SELECT string_agg(concat(oid, ' ', datname), ', ') FROM pg_database WHERE datname LIKE 'yore%'").Scan(&left); err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = left
		}
		if left != first || !strings.Contains(left, "yore_kept_yoretest_") || strings.Contains(left, ",") {
			t.Errorf("%s: left on the server: %s; after the first process: %s", variable, left, first)
		}
	}
}

// TestOnNamedServer is what TestNamedServer runs.
func TestOnNamedServer(t *testing.T) {
	variable := os.Getenv("YORETEST_NAMED")
	if variable == "" {
		t.Skip("run by TestNamedServer")
	}
	opts := []yoretest.Option{yoretest.Script(countries)}
	if variable == "DATABASE_URL" {
		opts = append(opts, yoretest.UseEnv())
	}
	db := yoretest.Pool(t, opts...)
	yoretest.Past(t, db, yoretest.Step{SQL: "INSERT INTO countries VALUES ('HR', 'Croatia', 'kuna')"})
	yoretest.Equal(t, db, "countries", "HR v1 [t0,) name=Croatia currency=kuna")
	config, err := pgx.ParseConfig(os.Getenv(variable))
	if err != nil {
		t.Fatal(err)
	}
	if host := db.Config().ConnConfig.Host; host != config.Host {
		t.Errorf("on %s, not %s", host, config.Host)
	}
}
