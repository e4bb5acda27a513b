package sql_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
	"yore.example/yore/sql"
)

// From every version that was ever released, with tables of all kinds, while
// applications go on writing and reading.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	for _, version := range releasedVersions(t) {
		if version == sql.Version {
			continue
		}
		t.Run(fmt.Sprintf("from %d", version), func(t *testing.T) { upgradeFrom(t, version) })
	}
}

func upgradeFrom(t *testing.T, version int) {
	l := released(t, version)
	tables := oldTables(l)
	makeTables(l, tables)
	l.exec("CREATE FUNCTION yore.of_the_user() RETURNS integer LANGUAGE sql AS 'SELECT 1'", "COMMENT ON FUNCTION yore.of_the_user() IS 'stays'")
	then := instant(t, l.db)
	before := map[string]pastOf{}
	for _, table := range tables {
		before[table.name] = l.pastOf(table, then)
	}
	l.want("SELECT DISTINCT state FROM yore.status()", "ok")

	load := l.load(tables)
	load.wait(200)
	if err := yore.Install(context.Background(), l.pool); err != nil {
		t.Fatal(err)
	}
	// An application of the new version may start before any table is upgraded.
	l.want("SELECT DISTINCT state FROM yore.status()", "old")
	load.wait(200)
	report, err := yore.Upgrade(context.Background(), l.pool, yore.UpgradeOptions{Attempts: 40, Pause: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	load.wait(200)
	load.stop()

	if report.From != sql.Version || report.To != sql.Version || len(report.Tables) != len(tables) {
		t.Errorf("report %+v; %d tables", report, len(tables))
	}
	for _, table := range tables {
		l.keeps(table, before[table.name], then)
	}
	load.check(t)
	pgtest.Clean(t, l.db)
	l.want("SELECT DISTINCT state FROM yore.status()", "ok")
	l.want("SELECT yore.of_the_user()", "1")
	l.exec("DROP FUNCTION yore.of_the_user()")
	l.sameAsFresh(tables)

	// Once more: nothing is left to do.
	made := l.rows(generated)
	if report, err := yore.Upgrade(context.Background(), l.pool, yore.UpgradeOptions{}); err != nil || report.From != sql.Version || len(report.Tables) > 0 {
		t.Errorf("a second upgrade: %v, %+v", err, report)
	}
	l.want(generated, made...)
}

// generated are the trigger functions as they stand there, each with the
// transaction that wrote it.
const generated = `SELECT p.oid::regprocedure, p.xmin FROM pg_proc AS p WHERE p.pronamespace::regnamespace::text ~ '^temporal' ORDER BY 1`

// A pastOf is what was known of a table at a moment.
type pastOf struct{ closed, open, asOf, amended []string }

func (l *lab) pastOf(table oldTable, then string) pastOf {
	l.Helper()
	p := pastOf{
		closed: l.rows("SELECT to_jsonb(h) FROM " + table.history + " AS h WHERE to_jsonb(h) ->> '" + strings.Replace(table.version, "version", "valid_to", 1) + "' IS NOT NULL ORDER BY 1"),
		open:   l.rows("SELECT to_jsonb(h) - '" + strings.Replace(table.version, "version", "valid_to", 1) + "' FROM " + table.history + " AS h ORDER BY 1"),
		asOf:   l.rows("SELECT to_jsonb(a) - '{sys_version,sys_xid,sys_from}'::text[] FROM " + table.asof + "('" + then + "') AS a ORDER BY 1"),
	}
	if table.amendments != "" {
		p.amended = l.rows("SELECT to_jsonb(a) FROM " + table.amendments + " AS a ORDER BY 1")
	}
	return p
}

// keeps fails the test unless all that was known still is.
func (l *lab) keeps(table oldTable, was pastOf, then string) {
	l.Helper()
	is := l.pastOf(table, then)
	for what, rows := range map[string][2][]string{
		"closed version": {was.closed, is.closed}, "version": {was.open, is.open},
		"row as of then": {was.asOf, is.asOf}, "amendment": {was.amended, is.amended},
	} {
		for _, row := range rows[0] {
			if !slices.ContainsFunc(rows[1], func(is string) bool { return within(row, is) }) {
				l.Errorf("%s: %s is gone: %s", table.name, what, row)
			}
		}
	}
	if len(was.asOf) != len(is.asOf) {
		l.Errorf("%s as of %s had %d rows, has %d", table.name, then, len(was.asOf), len(is.asOf))
	}
}

// within says whether an object has all that another had, if maybe more: history
// shows dropped columns since version 2.
func within(had, has string) bool {
	var was, is map[string]any
	if had == has {
		return true
	}
	if json.Unmarshal([]byte(had), &was) != nil || json.Unmarshal([]byte(has), &is) != nil {
		return false
	}
	for key, value := range was {
		if other, there := is[key]; !there || !reflect.DeepEqual(value, other) {
			return false
		}
	}
	return true
}

// sameAsFresh fails the test unless everything looks as if this version had
// made it.
func (l *lab) sameAsFresh(tables []oldTable) {
	l.Helper()
	pool := pgtest.Pool(l.TB)
	fresh := &lab{TB: l.TB, db: pool, pool: pool}
	makeTables(fresh, tables)
	for _, table := range tables {
		l.exec("SELECT yore.track(" + literal(table.name) + ", copy_indexes => true)") // which an upgrade does not do by itself
	}
	for what, query := range map[string]string{
		"functions of yore": `SELECT p.oid::regprocedure::text || pg_get_function_result(p.oid) || coalesce(p.proacl::text, '') || obj_description(p.oid) FROM pg_proc AS p WHERE p.pronamespace = 'yore'::regnamespace`,
		"generated functions": `SELECT p.oid::regprocedure::text || coalesce(p.proacl::text, '') || p.prosrc || coalesce(p.proconfig::text, '') FROM pg_proc AS p
			WHERE p.pronamespace::regnamespace::text ~ '^(temporal|asof)'`,
		"views":    `SELECT c.oid::regclass || pg_get_viewdef(c.oid) || coalesce(c.relacl::text, '') || coalesce(c.reloptions::text, '') FROM pg_class AS c WHERE c.relkind = 'v' AND c.relnamespace::regnamespace::text !~ '^(pg_|information)'`,
		"triggers": `SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal`,
		"indexes":  `SELECT indexdef FROM pg_indexes WHERE schemaname !~ '^pg_'`,
		"columns":  `SELECT table_schema || '.' || table_name || '.' || column_name || ' ' || data_type || ' ' || ordinal_position FROM information_schema.columns WHERE table_schema !~ '^(pg_|information)'`,
		"policies": `SELECT schemaname || tablename || policyname || qual FROM pg_policies`,
	} {
		query = "SELECT * FROM (" + query + ") AS q (line) ORDER BY line"
		have, want := l.rows(query), fresh.rows(query)
		for _, line := range want {
			if !slices.Contains(have, line) {
				l.Errorf("%s: a new database has, an upgraded one has not:\n%s", what, line)
			}
		}
		for _, line := range have {
			if !slices.Contains(want, line) {
				l.Errorf("%s: an upgraded database has, a new one has not:\n%s\nA function of a former version is listed in yore._retired(): 99_retire.sql", what, line)
			}
		}
	}
}

// A load is applications at work: writers that count what they have committed,
// and readers.
type load struct {
	tables []oldTable
	l      *lab
	end    chan struct{}
	wg     sync.WaitGroup
	mu     sync.Mutex
	errs   []error
	rounds atomic.Int64
	// Committed, for each table.
	updates, inserts, deletes []atomic.Int64
	versions                  []string // in history before
}

const (
	loadWriters = 4
	hotRows     = 4
)

func (l *lab) load(tables []oldTable) *load {
	l.Helper()
	w := &load{tables: tables, l: l, end: make(chan struct{}),
		updates: make([]atomic.Int64, len(tables)), inserts: make([]atomic.Int64, len(tables)), deletes: make([]atomic.Int64, len(tables))}
	for _, table := range tables {
		w.versions = append(w.versions, l.value(fmt.Sprintf("SELECT count(*) || ' ' || (SELECT sum(n) FROM %s WHERE id <= %d) FROM %s", table.name, hotRows, table.history)))
	}
	for i := range loadWriters {
		w.run(func(c *pgx.Conn, round int) error { return w.write(c, i, round) })
	}
	w.run(w.read)
	return w
}

func (w *load) run(step func(c *pgx.Conn, round int) error) {
	c := w.l.session().db.(*pgx.Conn)
	w.wg.Go(func() {
		for round := 0; ; round++ {
			select {
			case <-w.end:
				return
			default:
			}
			if err := step(c, round); err != nil {
				w.mu.Lock()
				w.errs = append(w.errs, err)
				w.mu.Unlock()
				return
			}
			w.rounds.Add(1)
		}
	})
}

// wait returns when so many more transactions have been done.
func (w *load) wait(transactions int64) {
	w.l.Helper()
	for until := w.rounds.Load() + transactions; w.rounds.Load() < until; time.Sleep(5 * time.Millisecond) {
		w.mu.Lock()
		failed := len(w.errs) > 0
		w.mu.Unlock()
		if failed {
			return
		}
	}
}

func (w *load) stop() {
	w.l.Helper()
	close(w.end)
	w.wg.Wait()
	for _, err := range w.errs {
		w.l.Errorf("an application had an error: %v", err)
	}
}

// write is one transaction of a writer. It writes to two tables in their order,
// so that writers do not wait for each other in a circle, and looks at the
// history of the first while it holds both.
func (w *load) write(c *pgx.Conn, writer, round int) error {
	ctx := context.Background()
	a, b := rand.IntN(len(w.tables)), rand.IntN(len(w.tables))
	if a > b {
		a, b = b, a
	}
	if a == b {
		// A row comes and goes, in two transactions.
		id := 1000 + writer*1_000_000 + round
		if _, err := c.Exec(ctx, fmt.Sprintf("INSERT INTO %s (id, n) VALUES (%d, 0)", w.tables[a].name, id)); err != nil {
			return fmt.Errorf("insert into %s: %w", w.tables[a].name, err)
		}
		w.inserts[a].Add(1)
		if _, err := c.Exec(ctx, fmt.Sprintf("DELETE FROM %s WHERE id = %d", w.tables[a].name, id)); err != nil {
			return fmt.Errorf("delete from %s: %w", w.tables[a].name, err)
		}
		w.deletes[a].Add(1)
		return nil
	}
	tx, err := c.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	for _, i := range []int{a, b} {
		tag, err := tx.Exec(ctx, fmt.Sprintf("UPDATE %s SET n = n + 1 WHERE id = $1", w.tables[i].name), 1+rand.IntN(hotRows))
		if err != nil {
			return fmt.Errorf("update of %s: %w", w.tables[i].name, err)
		}
		if tag.RowsAffected() != 1 {
			return fmt.Errorf("update of %s: %d rows", w.tables[i].name, tag.RowsAffected())
		}
	}
	if round%5 == 0 {
		if _, err := tx.Exec(ctx, "SELECT pg_sleep(0.05), (SELECT count(*) FROM "+w.tables[a].history+")"); err != nil {
			return fmt.Errorf("history of %s: %w", w.tables[a].name, err)
		}
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	w.updates[a].Add(1)
	w.updates[b].Add(1)
	return nil
}

// read looks at a table in every way.
func (w *load) read(c *pgx.Conn, round int) error {
	table := w.tables[round%len(w.tables)]
	for _, query := range []string{"SELECT count(*) FROM " + table.asof + "(now())", "SELECT count(*) FROM " + table.history,
		"BEGIN; SELECT yore.as_of(now()); SELECT count(*) FROM " + table.asof + "; COMMIT"} {
		if _, err := c.Exec(context.Background(), query); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
	}
	return nil
}

// check fails the test unless every write is in history, once.
func (w *load) check(t *testing.T) {
	t.Helper()
	for i, table := range w.tables {
		var versions, sum int64
		if _, err := fmt.Sscan(w.versions[i], &versions, &sum); err != nil {
			t.Fatal(err)
		}
		updates, inserts, deletes := w.updates[i].Load(), w.inserts[i].Load(), w.deletes[i].Load()
		if updates == 0 {
			t.Errorf("%s: nobody wrote", table.name)
		}
		w.l.want(fmt.Sprintf("SELECT sum(n) FROM %s WHERE id <= %d", table.name, hotRows), fmt.Sprint(sum+updates))
		w.l.want("SELECT count(*) FROM "+table.history, fmt.Sprint(versions+updates+inserts+deletes))
		// The numbers that a row has had: each once, none left out.
		w.l.want(fmt.Sprintf("SELECT id FROM %s WHERE id BETWEEN 3 AND %d GROUP BY id HAVING count(DISTINCT n) <> max(n) + 1", table.history, hotRows))
	}
}

// A table that somebody keeps locked is left for the next time; the others are
// done.
func TestUpgradeOfALockedTable(t *testing.T) {
	t.Parallel()
	l := released(t, 1)
	l.exec("CREATE TABLE a (id int PRIMARY KEY)", "CREATE TABLE b (id int PRIMARY KEY)", "CREATE TABLE c (id int PRIMARY KEY)",
		"SELECT yore.track('a'), yore.track('b'), yore.track('c')")
	holder := l.session()
	holder.exec("BEGIN", "INSERT INTO b VALUES (1)")
	var steps []yore.UpgradeStep
	began := time.Now()
	report, err := yore.Upgrade(context.Background(), l.pool, yore.UpgradeOptions{
		LockTimeout: 20 * time.Millisecond, Attempts: 3, Pause: time.Millisecond, Progress: func(s yore.UpgradeStep) { steps = append(steps, s) }})
	if waited := time.Since(began); waited > 10*time.Second {
		t.Errorf("it took %s", waited)
	}
	var partial *yore.UpgradeError
	if !errors.Is(err, yore.ErrUpgrade) || !errors.As(err, &partial) || sqlState(err) != "55P03" {
		t.Fatalf("error %v", err)
	}
	if remain := partial.Remaining(); len(remain) != 1 || remain[0].Table != "public.b" || remain[0].Attempts != 3 || len(report.Tables) != 3 {
		t.Errorf("remaining %+v", remain)
	}
	if text := err.Error(); !strings.HasPrefix(text, "yore: 1 of 3 tables still to be upgraded; public.b: ") {
		t.Errorf("it says %s", text)
	}
	if len(steps) != 6 || steps[3].Table != "public.b" || steps[3].Number != 2 || steps[3].Of != 3 || steps[3].Attempt != 2 || sqlState(steps[3].Err) != "55P03" {
		t.Errorf("steps %+v", steps)
	}
	l.want("SELECT table_name, state FROM yore.status()", "public.a|ok", "public.b|old", "public.c|ok")

	made := l.rows("SELECT oid FROM pg_proc WHERE proname = 'a_update'")
	holder.exec("UPDATE b SET id = 2", "COMMIT")
	report, err = yore.Upgrade(context.Background(), l.pool, yore.UpgradeOptions{})
	if err != nil || len(report.Tables) != 1 || report.Tables[0].Table != "public.b" || report.Tables[0].From != 1 {
		t.Errorf("the second time: %v, %+v", err, report)
	}
	l.want("SELECT DISTINCT state FROM yore.status()", "ok")
	l.want("SELECT oid FROM pg_proc WHERE proname = 'a_update'", made...)
	pgtest.Clean(t, l.db)
}

// What cannot be mended by waiting is not waited for, and keeps nobody else from
// being upgraded; an upgrade that was interrupted goes on where it was.
func TestUpgradeGoesOn(t *testing.T) {
	t.Parallel()
	l := released(t, 1)
	l.exec("CREATE TABLE a (id int PRIMARY KEY)", "CREATE TABLE b (id int PRIMARY KEY)", "CREATE TABLE c (id int PRIMARY KEY)",
		"SELECT yore.track('a'), yore.track('b'), yore.track('c')", "DROP TABLE temporal.a CASCADE")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	report, err := yore.Upgrade(ctx, l.pool, yore.UpgradeOptions{Progress: func(s yore.UpgradeStep) {
		if s.Number == 3 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || !errors.Is(err, yore.ErrUpgrade) {
		t.Errorf("error %v", err)
	}
	if report.Tables[0].Attempts != 1 || report.Tables[1].Err != nil || report.Tables[2].Err == nil {
		t.Errorf("report %+v", report)
	}
	l.want("SELECT table_name, state FROM yore.status()", "public.a|missing", "public.b|ok", "public.c|old")
	report, err = yore.Upgrade(context.Background(), l.pool, yore.UpgradeOptions{})
	if !errors.Is(err, yore.ErrUpgrade) || len(report.Tables) != 2 {
		t.Errorf("error %v, report %+v", err, report)
	}
	l.want("SELECT table_name, state FROM yore.status()", "public.a|missing", "public.b|ok", "public.c|ok")
}

// Two that upgrade at once do each table once.
func TestUpgradeTwiceAtOnce(t *testing.T) {
	t.Parallel()
	l := released(t, 1)
	for i := range 6 {
		l.exec(fmt.Sprintf("CREATE TABLE t%d (id int PRIMARY KEY)", i), fmt.Sprintf("SELECT yore.track('t%d')", i))
	}
	for _, err := range l.together(3, func(_ int, c *pgx.Conn) error {
		_, err := yore.Upgrade(context.Background(), c, yore.UpgradeOptions{LockTimeout: 5 * time.Second})
		return err
	}) {
		t.Error(err)
	}
	l.want("SELECT DISTINCT state FROM yore.status()", "ok")
}

// A program that is older than the database's yore changes nothing.
func TestUpgradeOfANewerDatabase(t *testing.T) {
	l := newLab(t, "CREATE TABLE a (id int PRIMARY KEY)", "SELECT yore.track('a')", "UPDATE yore.installation SET version = 1000", "UPDATE yore.tracked SET generated_by = 1000")
	const all = "SELECT p.oid, p.xmin FROM pg_proc AS p WHERE p.pronamespace::regnamespace::text IN ('yore', 'temporal', 'asof') ORDER BY 1"
	before := l.rows(all)
	ctx := context.Background()
	for name, do := range map[string]func() error{
		"Install":      func() error { return yore.Install(ctx, l.pool) },
		"Upgrade":      func() error { _, err := yore.Upgrade(ctx, l.pool, yore.UpgradeOptions{}); return err },
		"CheckVersion": func() error { return yore.CheckVersion(ctx, l.pool) },
	} {
		err := do()
		var e *yore.Error
		if !errors.Is(err, yore.ErrNewer) || !errors.As(err, &e) || e.Code != "YO015" || e.Hint == "" || !strings.Contains(e.Message, "1000") {
			t.Errorf("%s: %v", name, err)
		}
	}
	l.want(all, before...)
	l.want("SELECT version, generated_by FROM yore.installation, yore.tracked", "1000|1000")
	l.exec("INSERT INTO a VALUES (1)")
}

func TestUpgradeNeedsTransactionsOfItsOwn(t *testing.T) {
	l := newLab(t)
	ctx := context.Background()
	tx, err := l.pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	begun := l.session()
	begun.exec("BEGIN")
	for _, db := range []yore.Beginner{tx, begun.db.(*pgx.Conn)} {
		if _, err := yore.Upgrade(ctx, db, yore.UpgradeOptions{}); !errors.Is(err, yore.ErrOption) {
			t.Errorf("%T: %v", db, err)
		}
	}
}

// Functions that a later version no longer makes go: at once, or with the last
// table whose triggers may call them. Those of the user's stay.
func TestUpgradeRetiresFunctions(t *testing.T) {
	l := newLab(t, "CREATE TABLE a (id int PRIMARY KEY)", "SELECT yore.track('a')")
	l.exec(`CREATE FUNCTION yore.former(a text) RETURNS text LANGUAGE sql AS 'SELECT $1'`,
		`CREATE FUNCTION yore._former(a text, b name) RETURNS text LANGUAGE sql AS 'SELECT $1'`,
		`CREATE FUNCTION yore.leaned_on() RETURNS text LANGUAGE sql AS 'SELECT ''x'''`, "CREATE VIEW mine AS SELECT yore.leaned_on()",
		`CREATE FUNCTION yore.of_the_user() RETURNS text LANGUAGE sql AS 'SELECT ''x'''`,
		`CREATE OR REPLACE FUNCTION yore._retired() RETURNS TABLE (signature text, called_by_triggers boolean) LANGUAGE sql IMMUTABLE AS
		 $$ VALUES ('yore.former(text)', false), ('yore._former(text, name)', true), ('yore.leaned_on()', false), ('yore.never_was(yore.tracked)', false) $$`,
		"UPDATE yore.tracked SET generated_by = 0")
	l.want("SELECT yore._retire()", "{yore.former(text)}")
	l.want("SELECT yore._retire()", "{}")
	l.exec("SELECT yore.sync('a')")
	l.want("SELECT yore._retire()", `{"yore._former(text, name)"}`)
	l.exec("DROP VIEW mine")
	l.want("SELECT yore._retire()", "{yore.leaned_on()}")
	l.want("SELECT yore.of_the_user()", "x")
}

// Changed options do not make a table one of this version: what else an upgrade
// does to it is still to come.
func TestUpgradeAfterChangedOptions(t *testing.T) {
	t.Parallel()
	l := released(t, 1)
	l.exec("CREATE TABLE a (id int PRIMARY KEY, n int)", "SELECT yore.track('a')")
	if err := yore.Install(context.Background(), l.pool); err != nil {
		t.Fatal(err)
	}
	l.exec("SELECT yore.track('a', no_journal => '{n}')")
	l.want("SELECT state, options FROM yore.status()", `old|{"no_journal": ["n"], "copy_indexes": false}`)
	l.exec("INSERT INTO a VALUES (1, 1)", "UPDATE a SET n = 2")
	l.exec("SELECT yore.sync(table_name) FROM yore.status() WHERE state = 'old'")
	l.want("SELECT state, options FROM yore.status()", `ok|{"no_journal": ["n"], "copy_indexes": false}`)
	l.want("SELECT count(*) FROM history.a", "1")
}

// The views are locked before the table, as a query locks them, so a query that
// waits is never a part of a deadlock.
func TestLockOrder(t *testing.T) {
	l := newLab(t, "CREATE TABLE a (id int PRIMARY KEY, n int)", "SELECT yore.track('a')", "INSERT INTO a VALUES (1, 0)")
	for _, query := range []string{"UPDATE a SET n = n + 1", "SELECT * FROM history.a", "SELECT * FROM asof.a", "SELECT * FROM asof.a(now())", "UPDATE temporal.a SET n = n + 1"} {
		holder, changer, other := l.session(), l.session(), l.session()
		holder.exec("BEGIN", query)
		sync := changer.start("SELECT yore.sync('a')")
		sync.blocked()
		write := other.start("UPDATE a SET n = n + 1")
		time.Sleep(1200 * time.Millisecond) // longer than deadlock_timeout
		holder.exec("COMMIT")
		sync.wait()
		write.wait()
	}
	pgtest.Clean(t, l.db)
	// One lock_timeout for all the locks, and as it was afterwards.
	s := l.session()
	s.exec("BEGIN", "SET LOCAL lock_timeout = '3s'", "SELECT yore.sync('a')")
	s.want("SHOW lock_timeout", "3s")
	s.exec("COMMIT")
}

// However much past there is, none of it is read, and no table is written anew.
func TestUpgradeReadsNoVersion(t *testing.T) {
	t.Parallel()
	l := released(t, 1)
	makeTables(l, oldTables(l))
	if err := yore.Install(context.Background(), l.pool); err != nil {
		t.Fatal(err)
	}
	const files = "SELECT c.oid::regclass, pg_relation_filenode(c.oid) FROM pg_class AS c WHERE c.relkind IN ('r', 'i', 't') AND c.relnamespace::regnamespace::text !~ '^(pg_|information)' ORDER BY 1"
	before := l.rows(files)
	s := l.session()
	for _, name := range l.rows("SELECT table_name FROM yore.status()") {
		s.exec("BEGIN", "SELECT yore.sync('"+strings.ReplaceAll(name, "'", "''")+"')")
		s.want("SELECT relid::regclass, seq_scan, idx_scan FROM pg_stat_xact_user_tables WHERE schemaname !~ '^(pg_|yore)' AND (seq_scan > 0 OR idx_scan > 0)")
		s.exec("COMMIT")
	}
	l.want(files, before...)
}
