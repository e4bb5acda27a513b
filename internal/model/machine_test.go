package model

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"pgregory.net/rapid"

	"yore.example/yore/internal/pgtest"
)

// A session is one connection and the transaction open on it.
type session struct {
	conn *pgx.Conn
	tx   *transaction
}

// A machine runs random steps on a table and on its model.
type machine struct {
	world    *world
	table    table
	squash   bool
	sessions []*session
	watch    *pgx.Conn // for looking, from outside all transactions
	kinds    []string
	tables   int
	tally    *tally
}

// connect gives the machine a database and its sessions.
func (m *machine) connect(t *testing.T) {
	t.Helper()
	dsn := pgtest.DSN(t)
	m.watch = connect(t, dsn)
	for range 3 {
		m.sessions = append(m.sessions, &session{conn: connect(t, dsn)})
	}
	var version int
	if err := m.watch.QueryRow(context.Background(), "SELECT current_setting('server_version_num')::int").Scan(&version); err != nil {
		t.Fatal(err)
	}
	if version < 150000 {
		m.kinds = slices.DeleteFunc(slices.Clone(m.kinds), func(k string) bool { return k == "merge" })
	}
}

// setUp begins anew: a new table, and nothing open.
func (m *machine) setUp(t *rapid.T) {
	t.Helper()
	m.tables++
	m.tally.add("table", 1)
	m.table.name = fmt.Sprintf("t%d", m.tables)
	m.world = &world{squash: m.squash, committed: state{}, tally: m.tally}
	for _, s := range m.sessions {
		if _, err := s.conn.Exec(context.Background(), "ROLLBACK"); err != nil { // what a failed check left
			t.Fatal(err)
		}
		s.tx = nil
	}
	if m.table.partitioned {
		m.world.elsewhere = func(k, into int) bool { return k < keys/2 != (into < keys/2) }
	}
	options := fmt.Sprintf(", squash => %t, in_place => %t", m.squash, m.table.inPlace)
	if m.table.immutable {
		options = ", immutable => true"
	}
	if !m.table.partitioned {
		options += ", on_truncate => 'archive'"
	}
	m.administer(t, append(m.table.definition(), fmt.Sprintf("SELECT yore.track('%s'%s)", m.table.name, options))...)
}

func (m *machine) tearDown(t *rapid.T) {
	t.Helper()
	m.administer(t, fmt.Sprintf("SELECT yore.untrack('%s', history => 'drop')", m.table.name), "DROP TABLE "+m.table.name)
}

func (m *machine) administer(t *rapid.T, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if _, err := m.watch.Exec(context.Background(), sql); err != nil {
			t.Fatal(err)
		}
	}
}

func connect(t testing.TB, dsn string) *pgx.Conn {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // every check has its own table
	config.RuntimeParams["lock_timeout"] = "3s"         // a wait that the model did not foresee
	conn, err := pgx.ConnectConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func (m *machine) exec(t *rapid.T, s *session, sql string) {
	t.Helper()
	m.log(t, s, sql)
	if _, err := s.conn.Exec(context.Background(), sql); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) log(t *rapid.T, s *session, sql string) {
	t.Logf("session %d: %s", slices.Index(m.sessions, s), sql)
}

// step is one random thing: a statement, or the begin, end or savepoint of a
// transaction.
func (m *machine) step(t *rapid.T) {
	s := m.sessions[rapid.IntRange(0, len(m.sessions)-1).Draw(t, "session")]
	if s.tx == nil {
		m.begin(t, s)
		return
	}
	things := []string{"write", "write", "write", "write", "write", "write", "write", "wait", "wait", "read", "savepoint", "savepoint", "commit", "commit", "roll back", "check"}
	if len(s.tx.own) == 0 && s.tx.snapshot == nil && !s.tx.loading {
		things = append(things, "load")
	}
	if len(m.world.open) == 1 && s.tx.snapshot == nil && !m.table.partitioned {
		things = append(things, "truncate", "truncate") // all others would have to wait
	}
	if s.tx.failed {
		things = []string{"roll back"}
	}
	if len(s.tx.savepoints) > 0 {
		things = append(things, "roll back to", "roll back to")
		if !s.tx.failed {
			things = append(things, "release")
		}
	}
	switch rapid.SampledFrom(things).Draw(t, "do") {
	case "write":
		m.write(t, s)
	case "wait":
		m.wait(t, s)
	case "read":
		m.read(t, s)
	case "load":
		m.load(t, s)
	case "truncate":
		m.run(t, s, statement{kind: "truncate"})
		m.tally.add("truncated", 1)
		if !s.tx.failed && rapid.Bool().Draw(t, "make again") {
			m.run(t, s, draw(t, rapid.SampledFrom(statements("insert")).Draw(t, "statement")))
		}
		m.end(t, s, rapid.Bool().Draw(t, "commit"))
	case "check":
		if rapid.IntRange(0, 3).Draw(t, "now") == 3 {
			m.check(t)
		}
	case "savepoint":
		m.exec(t, s, fmt.Sprintf("SAVEPOINT s%d", len(s.tx.savepoints)))
		s.tx.savepoint()
	case "release":
		i := rapid.IntRange(0, len(s.tx.savepoints)-1).Draw(t, "savepoint")
		m.exec(t, s, fmt.Sprintf("RELEASE s%d", i))
		s.tx.release(i)
	case "roll back to":
		m.rollbackTo(t, s)
	case "commit":
		m.end(t, s, true)
	case "roll back":
		m.end(t, s, false)
	}
}

func (m *machine) begin(t *rapid.T, s *session) {
	isolation := rapid.SampledFrom([]string{"READ COMMITTED", "REPEATABLE READ", "READ COMMITTED"}).Draw(t, "isolation")
	m.exec(t, s, "BEGIN ISOLATION LEVEL "+isolation)
	var now time.Time
	if err := s.conn.QueryRow(context.Background(), "SELECT transaction_timestamp()").Scan(&now); err != nil {
		t.Fatal(err)
	}
	s.tx = m.world.begin(now.UnixMicro(), isolation == "REPEATABLE READ")
	t.Logf("         it is %s", now.UTC().Format("05.000000"))
}

func (m *machine) rollbackTo(t *rapid.T, s *session) {
	i := rapid.IntRange(0, len(s.tx.savepoints)-1).Draw(t, "savepoint")
	m.exec(t, s, fmt.Sprintf("ROLLBACK TO s%d", i))
	s.tx.rollbackTo(i)
	m.tally.add("rolled back to a savepoint", 1)
}

func (m *machine) end(t *rapid.T, s *session, commit bool) {
	m.exec(t, s, map[bool]string{true: "COMMIT", false: "ROLLBACK"}[commit])
	s.tx.end(commit)
	s.tx = nil
}

// draw is a random statement of the kind, on the key.
func draw(t *rapid.T, on statement) statement {
	on.v = values{
		a:       rapid.IntRange(0, 3).Draw(t, "a"),
		b:       rapid.SampledFrom([]string{"", "p", "q"}).Draw(t, "b"),
		updated: rapid.IntRange(0, 9).Draw(t, "updated"),
	}
	return on
}

// statements are those of the kind, on every key.
func statements(kind string) []statement {
	var all []statement
	for k := range keys {
		for into := range keys {
			if st := (statement{kind: kind, k: k, into: into}); into == 0 || kind == "rekey" {
				all = append(all, st)
			}
		}
	}
	return all
}

// write runs a statement that has nobody to wait for, mostly one that does
// something.
func (m *machine) write(t *rapid.T, s *session) {
	kind := rapid.SampledFrom(m.kinds).Draw(t, "kind")
	idle := rapid.SampledFrom([]bool{false, false, false, false, false, s.tx.snapshot != nil, s.tx.snapshot != nil, true}).Draw(t, "idle")
	fitting := slices.DeleteFunc(statements(kind), func(st statement) bool {
		return !st.sound(s.tx) || len(st.blockers(s.tx)) > 0 || st.works(s.tx) == idle
	})
	if len(fitting) == 0 {
		t.Skip("nothing to do, or it would have to wait")
	}
	m.run(t, s, draw(t, rapid.SampledFrom(fitting).Draw(t, "statement")))
}

// load gives the transaction another time: one of those at which something
// happened, or a millisecond ago.
func (m *machine) load(t *rapid.T, s *session) {
	times := slices.DeleteFunc(m.world.committed.boundaries(), func(at int64) bool { return at >= s.tx.now })
	at := rapid.SampledFrom(append(times[max(0, len(times)-9):], s.tx.now-1000, s.tx.now-1000)).Draw(t, "time")
	m.exec(t, s, fmt.Sprintf("SELECT yore.at_time('%s')", time.UnixMicro(at).UTC().Format(time.RFC3339Nano)))
	s.tx.now, s.tx.loading = at, true
	m.tally.add("loaded known history", 1)
}

func (m *machine) run(t *rapid.T, s *session, st statement) {
	seen := s.tx.sees()
	m.log(t, s, st.sql(m.table))
	tag, err := s.conn.Exec(context.Background(), st.sql(m.table))
	m.compare(t, s, st, seen, tag, err)
}

// compare lets the model run the statement too.
func (m *machine) compare(t *rapid.T, s *session, st statement, seen state, tag pgconn.CommandTag, err error) {
	t.Helper()
	rows, code := st.apply(s.tx, seen)
	var pe *pgconn.PgError
	if err != nil && !errors.As(err, &pe) {
		t.Fatal(err)
	}
	switch {
	case err == nil && code != fine:
		t.Fatalf("no error; want %s; it saw %v", code, seen[st.k])
	case err != nil && pe.Code != code:
		t.Fatalf("%v; want %q; it saw %v", err, code, seen[st.k])
	case err == nil && int(tag.RowsAffected()) != rows:
		t.Fatalf("%s; want %d rows", tag, rows)
	case err != nil:
		t.Logf("         fails with %s", code)
	}
}

// wait starts a statement that has to wait for another transaction, lets that
// one end, and so the statement finish.
func (m *machine) wait(t *rapid.T, s *session) {
	kind := rapid.SampledFrom(slices.DeleteFunc(slices.Clone(waiting), func(k string) bool { return m.table.immutable && k == "rekey" })).Draw(t, "kind")
	fitting := slices.DeleteFunc(statements(kind), func(st statement) bool { return !m.waits(st, s.tx) })
	if len(fitting) == 0 {
		t.Skip("nobody to wait for")
	}
	st := draw(t, rapid.SampledFrom(fitting).Draw(t, "statement"))
	touched := append(st.reads(), st.writes()...)
	var first *session
	for _, o := range m.sessions {
		if o.tx != nil && st.blockers(s.tx)[o.tx] {
			first = o
		}
	}
	endings := []string{"commit", "commit", "roll back"}
	for i, saved := range first.tx.savepoints {
		// Only where that lets the key go. Who waits for what was written under a
		// savepoint since released waits for the whole transaction.
		if !first.tx.released && !slices.ContainsFunc(touched, func(k int) bool { return saved.own[k] != nil }) {
			endings = append(endings, strconv.Itoa(i))
		}
	}
	ending := rapid.SampledFrom(endings).Draw(t, "ending")

	seen := s.tx.sees()
	m.log(t, s, st.sql(m.table)+" … waits")
	var tag pgconn.CommandTag
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		tag, err = s.conn.Exec(context.Background(), st.sql(m.table))
	}()
	m.untilBlocked(t, s, done)
	switch ending {
	case "commit", "roll back":
		m.end(t, first, ending == "commit")
	default:
		i, _ := strconv.Atoi(ending)
		m.exec(t, first, "ROLLBACK TO s"+ending)
		first.tx.rollbackTo(i)
	}
	<-done
	m.world.tally.add("waited", 1)
	m.compare(t, s, st, seen, tag, err)
}

// waits says whether the statement has to wait for exactly one transaction, and
// would not fail before.
func (m *machine) waits(st statement, t *transaction) bool {
	blockers := st.blockers(t)
	for o := range blockers {
		if len(blockers) > 1 || o.failed {
			return false
		}
		for k := range o.lockOnly {
			if slices.Contains(append(st.reads(), st.writes()...), k) {
				return false // an INSERT would fail at once
			}
		}
	}
	stale := func(k int) bool { return t.stale(k, t.found(k)) }
	return !t.loading && len(blockers) == 1 && st.sound(t) && !slices.ContainsFunc(st.reads(), stale)
}

func (m *machine) untilBlocked(t *rapid.T, s *session, done <-chan struct{}) {
	for {
		var blocked bool
		err := m.watch.QueryRow(context.Background(), "SELECT pg_blocking_pids($1) <> '{}'", s.conn.PgConn().PID()).Scan(&blocked)
		if err != nil {
			t.Fatal(err)
		}
		if blocked {
			return
		}
		select {
		case <-done:
			t.Fatal("it did not wait")
		default:
		}
	}
}

// read compares the present as the transaction sees it.
func (m *machine) read(t *rapid.T, s *session) {
	m.log(t, s, "SELECT")
	got := m.present(t, s.conn, m.table.name)
	want := s.tx.sees().asOf(open - 1)
	if d := different(got, want); d != "" {
		t.Fatalf("the present, inside a transaction: %s", d)
	}
}

// sees is every key as the transaction sees it.
func (t *transaction) sees() state {
	all := state{}
	for k := range keys {
		if have := t.seen(k); have != nil {
			all[k] = have
		}
	}
	return all
}

// stepsOfACheck is how many steps a table sees, on average.
const stepsOfACheck = 80

func TestMain(m *testing.M) {
	flag.Parse()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, value := range map[string]string{"rapid.steps": strconv.Itoa(stepsOfACheck), "rapid.checks": "25"} {
		if !given[name] {
			if err := flag.Set(name, value); err != nil {
				panic(err)
			}
		}
	}
	os.Exit(m.Run())
}

// budget is how many steps to run, all tables together.
func budget(t *testing.T) int {
	t.Helper()
	given := os.Getenv("YORE_MODEL_STEPS")
	if given == "" {
		return 10_000
	}
	n, err := strconv.Atoi(given)
	if err != nil {
		t.Fatalf("YORE_MODEL_STEPS=%s is no number", given)
	}
	return n
}

// expected is what every run of some length must have met.
var expected = []string{
	"waited", "failed with " + duplicate, "failed with " + notSerial,
	"inserted a key with versions that the snapshot does not show", "key changed", "changed in place", "superseded",
	"written by an older transaction", "deleted", "deleted what it made", "updated and deleted by one transaction",
	"deleted and made again by one transaction", "made again", "rolled back to a savepoint",
	"loaded known history", "failed with " + tooEarly, "undeleted", "failed with " + notDeleted,
}

func TestModel(t *testing.T) {
	t.Parallel()
	total := budget(t)
	met := &tally{times: map[string]int{}}
	began := time.Now()
	t.Cleanup(func() {
		took := time.Since(began)
		t.Logf("%d steps on %d tables in %s: %.0f steps/s; %d versions, %d as-of answers compared",
			met.times["step"], met.times["table"], took.Round(time.Millisecond), float64(met.times["step"])/took.Seconds(),
			met.times["version compared"], met.times["as-of answer compared"])
		for _, what := range slices.Sorted(maps.Keys(met.times)) {
			t.Logf("%7d %s", met.times[what], what)
		}
		for _, what := range expected {
			if met.times[what] == 0 && met.times["step"] >= 10_000 && !t.Failed() {
				t.Errorf("in %d steps never: %s", met.times["step"], what)
			}
		}
	})
	composite := table{composite: true}
	partitioned := table{composite: true, inPlace: true, partitioned: true}
	variants := []struct {
		name   string
		squash bool
		table  table
	}{
		{"Squash", true, table{}},
		{"SquashKeyChangedByTrigger", true, table{byTrigger: true}},
		{"SquashCompositeKey", true, composite},
		{"SquashPartitioned", true, partitioned},
		{"EveryChange", false, table{inPlace: true}},
		{"EveryChangeCompositeKey", false, composite},
		{"EveryChangePartitioned", false, partitioned},
		{"Immutable", false, table{immutable: true}},
	}
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			m := &machine{kinds: kinds, table: v.table, tally: met, squash: v.squash}
			if v.table.immutable {
				m.kinds = ofEntities()
			}
			m.connect(t)
			steps := 0
			for steps < total/len(variants) && !t.Failed() {
				rapid.Check(t, func(t *rapid.T) {
					m.setUp(t)
					t.Repeat(map[string]func(*rapid.T){
						"step": func(t *rapid.T) {
							m.step(t)
							met.add("step", 1)
							steps++
						},
					})
					for _, s := range m.sessions {
						if s.tx != nil {
							m.end(t, s, rapid.Bool().Draw(t, "commit"))
						}
					}
					m.check(t)
					m.tearDown(t)
				})
			}
		})
	}
}
