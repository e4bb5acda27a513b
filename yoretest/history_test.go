package yoretest_test

import (
	"strings"
	"testing"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
	"yore.example/yore/yoretest"
)

func TestHistory(t *testing.T) {
	t.Parallel()
	db := yoretest.Pool(t, on(t), yoretest.Script(countries))
	if got := yoretest.History(t, db, "countries"); got != "" {
		t.Errorf("of nothing: %q", got)
	}
	pgtest.Exec(t, db, "INSERT INTO countries VALUES ('SI', 'Slovenia', NULL), ('HR', 'Republic of Croatia', 'kuna')",
		"UPDATE countries SET currency = 'euro'", "DELETE FROM countries WHERE code = 'HR'", "UPDATE countries SET name = E'it''s\\nhere\\\\', currency = ''",
		"INSERT INTO countries VALUES ('HR', 'a  b', 'NULL')")
	want := `HR v1 [t0,t1) name='Republic of Croatia' currency=kuna
HR v2 [t1,t2) currency: kuna -> euro
HR v3 t2 deleted
HR v4 [t4,) name='a  b' currency='NULL'
SI v1 [t0,t1) name=Slovenia currency=NULL
SI v2 [t1,t3) currency: NULL -> euro
SI v3 [t3,) name: Slovenia -> E'it''s\nhere\\', currency: euro -> ''`
	if got := yoretest.History(t, db, "countries"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// Of one row, time is counted for that.
	if got := yoretest.History(t, db, "public.countries", "SI"); got != strings.ReplaceAll(strings.Join(strings.Split(want, "\n")[4:], "\n"), "t3", "t2") {
		t.Errorf("of one row:\n%s", got)
	}
	if got := yoretest.History(t, db, "countries", "AT"); got != "" {
		t.Errorf("of a row that never was: %q", got)
	}
	// As of a time or not, history is history.
	tx, err := db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	pgtest.Exec(t, tx, "SET LOCAL timezone = 'Asia/Tokyo'", "SET LOCAL datestyle = 'German'", "SELECT yore.as_of(now())")
	if got := yoretest.History(t, tx, "countries"); got != want {
		t.Errorf("in an as-of session:\n%s", got)
	}
}

// Keys of every sort, moments in columns, prefixes, journal options.
func TestHistoryKinds(t *testing.T) {
	t.Parallel()
	db := yoretest.Pool(t, on(t), yoretest.Script(`
		CREATE TABLE rates (day date, "From" char(3), at timestamptz DEFAULT now(), due timestamptz, version int, PRIMARY KEY ("From", day));
		SELECT yore.track('rates', prefix => 'sys_', full_journal => true);
		CREATE TABLE links (a uuid, b bigint, PRIMARY KEY (b, a));
		SELECT yore.track('links', in_place => true, since => '-infinity');`),
		yoretest.Script("CREATE TABLE found (id int PRIMARY KEY, v jsonb); INSERT INTO found VALUES (1, '{\"a\": \"it''s\"}'); SELECT yore.track('found', since => '-infinity')"))
	pgtest.Exec(t, db, `INSERT INTO rates ("From", day, due, version) VALUES ('EUR', '2020-01-01', '2020-02-01 12:00+01', 7)`, "UPDATE rates SET version = version", "UPDATE rates SET at = now()",
		"ALTER TABLE temporal.rates DROP COLUMN due CASCADE", "SELECT yore.sync('rates')")
	yoretest.Equal(t, db, "rates", `
		EUR,2020-01-01 v1 [t0,t1) at=t0 version=7 due=2020-02-01T11:00:00Z
		EUR,2020-01-01 v2 [t1,) at: t0 -> t1, due: 2020-02-01T11:00:00Z -> NULL`, "EUR", "2020-01-01")
	id := "0190a1b2-0000-7000-8000-000000000001"
	var uuid yore.UUID
	if err := uuid.UnmarshalText([]byte(id)); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, db, "INSERT INTO links VALUES ('"+id+"', 12)", "DELETE FROM links", "UPDATE found SET v = '[1]'", "INSERT INTO found VALUES (-1, NULL)")
	for _, key := range [][]any{nil, {12, id}, {int64(12), uuid}, {"12", [16]byte(uuid)}, {uint8(12), []byte(id)}} {
		yoretest.Equal(t, db, "links", "12,"+id+" v1 [t0,t1)\n12,"+id+" v2 t1 deleted", key...)
	}
	yoretest.Equal(t, db, "found", `
		-1 v1 [t1,) v=NULL
		1 v1 [-infinity,t0) v='{"a": "it''s"}'
		1 v2 [t0,) v: '{"a": "it''s"}' -> '[1]'`)
}

func TestHistoryOfImmutable(t *testing.T) {
	t.Parallel()
	db := yoretest.Pool(t, on(t), yoretest.Script("SELECT yore.create_immutable_table('tasks', $$ title text NOT NULL, parent uuid, token uuid DEFAULT gen_random_uuid() $$, show_row_id => true)"))
	var first, second yore.UUID
	pgtest.Exec(t, db, "INSERT INTO tasks (title) VALUES ('b')")
	if err := db.QueryRow(t.Context(), "INSERT INTO tasks (title, parent) SELECT 'a', entity_id FROM tasks RETURNING parent, entity_id").Scan(&first, &second); err != nil {
		t.Fatal(err)
	}
	// squash => false: each change of a transaction is a version.
	pgtest.Exec(t, db, "BEGIN; UPDATE tasks SET title = 'c' WHERE title = 'b'; UPDATE tasks SET title = 'd' WHERE title = 'c'; COMMIT", "DELETE FROM tasks WHERE title = 'a'")
	tasks := yoretest.Table{Name: "tasks", Omit: []string{"token"}}
	tasks.Equal(t, db, `
		e1 v1 [t0,t2) title=b parent=NULL
		e1 v2 [t2,t3) title: b -> c
		e1 v3 [t3,)   title: c -> d
		e2 v1 [t1,t4) title=a parent=e1
		e2 v2 t4 deleted`)
	pgtest.Exec(t, db, "UPDATE tasks SET token = NULL")
	tasks.Equal(t, db, "e1 v1 [t0,t1) title=b parent=NULL\ne1 v2 [t1,t2) title: b -> c\ne1 v3 [t2,t3) title: c -> d\ne1 v4 [t3,) unchanged", first)
	got := tasks.History(t, db, second)
	if !strings.HasPrefix(got, "e1 v1 [t0,t1) title=a parent=") || !strings.HasSuffix(got, "\ne1 v2 t1 deleted") {
		t.Errorf("of one entity:\n%s", got)
	}
	run(t, func(u testing.TB) {
		yoretest.Table{Name: "tasks", Omit: []string{"token", "tokn"}}.History(u, db)
	}).says(t, true, "history of tasks", `no column "tokn" to omit`)
}

func TestEqual(t *testing.T) {
	t.Parallel()
	db := yoretest.Pool(t, on(t), yoretest.Script(countries))
	yoretest.Past(t, db, yoretest.Step{At: "2013-07-01", SQL: "INSERT INTO countries VALUES ('HR', 'Hrvatska  je', 'kuna')"},
		yoretest.Step{At: "2023-01-01", SQL: "UPDATE countries SET currency = 'euro'"}, yoretest.Step{SQL: "UPDATE countries SET name = 'Croatia'"})
	yoretest.Equal(t, db, "countries", `

		HR v1	[2013-07-01,2023-01-01)  name='Hrvatska  je' currency=kuna
		HR v2   [2023-01-01,t0) currency: kuna -> euro

		HR v3 [t0,)  name: 'Hrvatska  je' -> Croatia
	`)
	for name, c := range map[string]struct{ want, diff string }{
		"Other": {`
			HR v1 [2013-07-01,2023-01-01) name='Hrvatska  je' currency=kuna
			HR v2 [2023-01-01,t0) currency: kuna -> dollar
			HR v3 [t0,) name: 'Hrvatska  je' -> Croatia`, `
      HR v1 [2013-07-01,2023-01-01) name='Hrvatska  je' currency=kuna
    - HR v2 [2023-01-01,t0) currency: kuna -> dollar
    + HR v2 [2023-01-01,t0) currency: kuna -> euro
      HR v3 [t0,) name: 'Hrvatska  je' -> Croatia`},
		"MissingAndMore": {`
			HR v2 [2023-01-01,t0) currency: kuna -> euro
			HR v3 [t0,) name: 'Hrvatska  je' -> Croatia
			HR v4 t1 deleted`, `
    + HR v1 [2013-07-01,2023-01-01) name='Hrvatska  je' currency=kuna
      HR v2 [2023-01-01,t0) currency: kuna -> euro
      HR v3 [t0,) name: 'Hrvatska  je' -> Croatia
    - HR v4 t1 deleted`},
		"QuotedSpaceCounts": {`
			HR v1 [2013-07-01,2023-01-01) name='Hrvatska je' currency=kuna
			HR v2 [2023-01-01,t0) currency: kuna -> euro
			HR v3 [t0,) name: 'Hrvatska  je' -> Croatia`, `
    - HR v1 [2013-07-01,2023-01-01) name='Hrvatska je' currency=kuna
    + HR v1 [2013-07-01,2023-01-01) name='Hrvatska  je' currency=kuna
      HR v2 [2023-01-01,t0) currency: kuna -> euro
      HR v3 [t0,) name: 'Hrvatska  je' -> Croatia`},
		"Nothing": {"", `
    + HR v1 [2013-07-01,2023-01-01) name='Hrvatska  je' currency=kuna
    + HR v2 [2023-01-01,t0) currency: kuna -> euro
    + HR v3 [t0,) name: 'Hrvatska  je' -> Croatia`},
	} {
		t.Run(name, func(t *testing.T) {
			f := run(t, func(u testing.TB) { yoretest.Equal(u, db, "countries", c.want) })
			if want := "yoretest: history of countries (-want +got):" + c.diff; len(f.said) != 1 || f.said[0] != want || f.fatal {
				t.Errorf("said %v\nwant %s", f.said, want)
			}
		})
	}
	for name, c := range map[string]struct {
		test func(u testing.TB)
		says []string
	}{
		"NotTracked":  {func(u testing.TB) { yoretest.Equal(u, db, "pg_class", "") }, []string{"history of pg_class", "not tracked"}},
		"NoTable":     {func(u testing.TB) { yoretest.History(u, db, "contries") }, []string{"history of contries", "contries"}},
		"KeyTooLong":  {func(u testing.TB) { yoretest.History(u, db, "countries", "HR", 1) }, []string{"its key is (code): 2 values were given"}},
		"KeyNull":     {func(u testing.TB) { yoretest.History(u, db, "countries", nil) }, []string{"key code: NULL is no key"}},
		"NoYore":      {func(u testing.TB) { yoretest.History(u, pgtest.Connect(t, pgtest.EmptyDSN(t, pgtest.Server(t))), "t") }, []string{"yore is not installed"}},
		"VerifyNoOne": {func(u testing.TB) { yoretest.Verify(u, pgtest.Connect(t, pgtest.EmptyDSN(t, pgtest.Server(t)))) }, []string{"verify", "yore is not installed"}},
	} {
		t.Run(name, func(t *testing.T) { run(t, c.test).says(t, true, c.says...) })
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	db := yoretest.Pool(t, on(t), yoretest.Script(countries))
	pgtest.Exec(t, db, "INSERT INTO countries VALUES ('HR', 'Croatia', 'kuna')", "UPDATE countries SET currency = 'euro'", "UPDATE countries SET name = 'Hrvatska'")
	run(t, func(u testing.TB) { yoretest.Verify(u, db) }).passes(t)
	pgtest.Exec(t, db, "SET session_replication_role = replica; DELETE FROM temporal.countries_past WHERE sys_version = 2; RESET session_replication_role")
	run(t, func(u testing.TB) { yoretest.Verify(u, db) }).says(t, false, "yoretest: yore.verify found", "\n    public.countries", "HR", "v3")
}
