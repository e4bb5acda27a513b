package sql_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// A lab is a database of the test's own, with what the tests of behaviours do
// to it. Nothing in it is ever rolled back but on purpose.
type lab struct {
	testing.TB
	db   yore.DB       // a pool, or the one connection of a session
	pool *pgxpool.Pool // for further connections
	pid  uint32        // of a session
}

// newLab marks the test as parallel and runs the statements one by one.
func newLab(t *testing.T, statements ...string) *lab {
	t.Helper()
	t.Parallel()
	pool := pgtest.Pool(t)
	l := &lab{TB: t, db: pool, pool: pool}
	l.exec(statements...)
	return l
}

// session is the same lab seen through one connection of its own.
func (l *lab) session() *lab {
	l.Helper()
	conn, err := l.pool.Acquire(context.Background())
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() {
		// Closed, not returned: a session may have settings or a transaction.
		_ = conn.Hijack().Close(context.Background())
	})
	return &lab{TB: l.TB, db: conn.Conn(), pool: l.pool, pid: conn.Conn().PgConn().PID()}
}

func (l *lab) exec(statements ...string) {
	l.Helper()
	pgtest.Exec(l, l.db, statements...)
}

// affected runs a statement and returns how many rows it counted.
func (l *lab) affected(statement string) int64 {
	l.Helper()
	tag, err := l.db.Exec(context.Background(), statement)
	if err != nil {
		l.Fatalf("%s\n%v", statement, err)
	}
	return tag.RowsAffected()
}

func (l *lab) rows(query string) []string {
	l.Helper()
	return pgtest.Rows(l, l.db, query)
}

// value is the one row of a query.
func (l *lab) value(query string) string {
	l.Helper()
	rows := l.rows(query)
	if len(rows) != 1 {
		l.Fatalf("%s\n%d rows, not one: %q", query, len(rows), rows)
	}
	return rows[0]
}

// now is the database's time, later than any transaction that has ended.
func (l *lab) now() string { l.Helper(); return l.value("SELECT clock_timestamp()") }

// want fails the test if the query's rows are others.
func (l *lab) want(query string, rows ...string) {
	l.Helper()
	if got := l.rows(query); !slices.Equal(got, rows) {
		l.Errorf("%s\n got %q\nwant %q", query, got, rows)
	}
}

// refused fails the test unless the statement fails with the SQLSTATE.
func (l *lab) refused(code, statement string) {
	l.Helper()
	if _, err := l.db.Exec(context.Background(), statement); sqlState(err) != code {
		l.Errorf("%s\n got error %v\nwant SQLSTATE %s", statement, err, code)
	}
}

func sqlState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// needs skips the test on a PostgreSQL older than major.
func (l *lab) needs(major int, what string) {
	l.Helper()
	if have := pgtest.Server(l).Major(); have < major {
		l.Skipf("%s came with PostgreSQL %d; this is %d", what, major, have)
	}
}

// present checks the rows that applications see.
func (l *lab) present(table, columns string, rows ...string) {
	l.Helper()
	l.want(fmt.Sprintf("SELECT %s FROM %s ORDER BY 1, 2", columns, table), rows...)
}

// history checks every version, each as "columns|v1 past", "v2 tombstone" or
// "v3 open", in the order of the first column and the version.
func (l *lab) history(table, columns string, rows ...string) {
	l.Helper()
	l.want(fmt.Sprintf(`SELECT %s, concat('v', version,
		CASE WHEN deleted_at IS NOT NULL THEN ' tombstone' WHEN valid_to IS NULL THEN ' open' ELSE ' past' END)
		FROM history.%s ORDER BY %s, version`, columns, table, strings.SplitN(columns, ",", 2)[0]), rows...)
}

// versions is the number of versions that history has, tombstones apart.
func (l *lab) versions(table string, want int) {
	l.Helper()
	l.want("SELECT count(*) FROM history."+table+" WHERE deleted_at IS NULL", fmt.Sprint(want))
}

// sound fails the test if the versions of any key leave a gap, overlap, are
// empty, skip a number, or do not end in the present. It is written against
// what users see; yore.verify, which looks at the tables, is asked as well.
func (l *lab) sound(table, key string) {
	l.Helper()
	pgtest.Clean(l, l.db)
	for _, line := range l.rows(fmt.Sprintf(`
		WITH h AS (
			SELECT %[2]s, version, valid_from, valid_to, deleted_at,
			       lag(version, 1, 0::bigint) OVER w AS last, lag(valid_to) OVER w AS last_to, lag(valid_to IS NULL) OVER w AS last_open,
			       lag(deleted_at) OVER w IS NOT NULL AS after_tombstone, lead(version) OVER w IS NULL AS newest
			  FROM history.%[1]s WINDOW w AS (PARTITION BY %[2]s ORDER BY version))
		SELECT problem, %[2]s, version FROM (
			SELECT h.*, CASE
				WHEN version <> last + 1 THEN 'number'
				WHEN last_open THEN 'open before the newest'
				WHEN deleted_at IS NULL AND valid_to <= valid_from THEN 'empty period'
				WHEN deleted_at IS NOT NULL AND (valid_from, valid_to) <> (deleted_at, deleted_at) THEN 'odd tombstone'
				WHEN after_tombstone AND valid_from <= last_to THEN 'overlaps tombstone'
				WHEN NOT after_tombstone AND valid_from <> last_to THEN 'gap or overlap'
				WHEN newest AND valid_to IS NOT NULL AND deleted_at IS NULL THEN 'ends without tombstone'
			END AS problem FROM h) AS judged WHERE problem IS NOT NULL`, table, key)) {
		l.Errorf("history.%s: %s", table, line)
	}
	l.want(fmt.Sprintf("SELECT %[2]s FROM history.%[1]s WHERE valid_to IS NULL EXCEPT ALL SELECT %[2]s FROM %[1]s", table, key))
	l.want(fmt.Sprintf("SELECT %[2]s FROM %[1]s EXCEPT ALL SELECT %[2]s FROM history.%[1]s WHERE valid_to IS NULL", table, key))
}

// asOf runs a query in a session as of t.
func (l *lab) asOf(t, query string) []string {
	l.Helper()
	tx, err := l.pool.Begin(context.Background())
	if err != nil {
		l.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	pgtest.Exec(l, tx, "SELECT yore.as_of('"+t+"')")
	return pgtest.Rows(l, tx, query)
}

// wantAsOf checks the query's rows as of t.
func (l *lab) wantAsOf(t, query string, rows ...string) {
	l.Helper()
	if got := l.asOf(t, query); !slices.Equal(got, rows) {
		l.Errorf("as of %s: %s\n got %q\nwant %q", t, query, got, rows)
	}
}

// A pending statement runs in a session while the test goes on.
type pending struct {
	l    *lab
	sql  string
	done chan struct{}
	tag  pgconn.CommandTag
	err  error
}

// start sends a statement and does not wait for its end.
func (l *lab) start(sql string) *pending {
	p := &pending{l: l, sql: sql, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.tag, p.err = l.db.Exec(context.Background(), sql)
	}()
	return p
}

// blocked waits until the statement waits for a lock.
func (p *pending) blocked() *pending {
	p.l.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		if pgtest.Rows(p.l, p.l.pool, fmt.Sprintf("SELECT cardinality(pg_blocking_pids(%d)) > 0", p.l.pid))[0] == "t" {
			return p
		}
		select {
		case <-p.done:
			p.l.Fatalf("%s\nended without waiting for a lock: %v", p.sql, p.err)
		default:
		}
		if time.Now().After(deadline) {
			p.l.Fatalf("%s\nnever waited for a lock", p.sql)
		}
	}
}

// wait returns the number of rows that the statement counted.
func (p *pending) wait() int64 {
	p.l.Helper()
	<-p.done
	if p.err != nil {
		p.l.Fatalf("%s\n%v", p.sql, p.err)
	}
	return p.tag.RowsAffected()
}

// together runs f in n goroutines with a connection each, all begun at once,
// and returns the errors.
func (l *lab) together(n int, f func(i int, c *pgx.Conn) error) []error {
	l.Helper()
	conns := make([]*pgx.Conn, n)
	for i := range conns {
		conns[i] = l.session().db.(*pgx.Conn)
	}
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		errs   []error
		signal = make(chan struct{})
	)
	for i, c := range conns {
		wg.Go(func() {
			<-signal
			if err := f(i, c); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, fmt.Errorf("client %d: %w", i, err))
			}
		})
	}
	close(signal)
	wg.Wait()
	return errs
}

// A behaviour is a story of one table: steps on one connection, each its own
// transaction unless they say BEGIN, and what is seen at their end.
type behaviour struct {
	name    string
	table   string // columns of table t; "" is id and name
	options string // further arguments of yore.track
	columns string // that present and history show; "" is "id, name"
	steps   []string
	present []string
	history []string
}

func (b behaviour) run(t *testing.T) {
	t.Run(b.name, func(t *testing.T) {
		if b.table == "" {
			b.table = "id int PRIMARY KEY, name text"
		}
		if b.columns == "" {
			b.columns = "id, name"
		}
		l := newLab(t, "CREATE TABLE t ("+b.table+")", "SELECT yore.track('t'"+b.options+")")
		l.session().exec(b.steps...)
		l.present("t", b.columns, b.present...)
		l.history("t", b.columns, b.history...)
		l.sound("t", strings.SplitN(b.columns, ",", 2)[0])
	})
}
