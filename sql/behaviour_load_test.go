package sql_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Many clients at once, in whatever order they come.
func TestBehaviourManyClients(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	// run sends statements one by one, each a round trip of its own, and ends
	// the transaction that an error left open.
	run := func(c *pgx.Conn, statements ...string) error {
		for _, s := range statements {
			if _, err := c.Exec(ctx, s); err != nil {
				_, _ = c.Exec(ctx, "ROLLBACK")
				return fmt.Errorf("%s: %w", s, err)
			}
		}
		return nil
	}
	none := func(t *testing.T, errs []error) {
		t.Helper()
		for _, err := range errs {
			t.Error(err)
		}
	}

	t.Run("temporal-81 4 clients update one row 10 times each", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, name text)", "SELECT yore.track('t')", "INSERT INTO t VALUES (1, 'a')")
		none(t, l.together(4, func(i int, c *pgx.Conn) error {
			for n := range 10 {
				if err := run(c, "BEGIN", "SELECT now()", fmt.Sprintf("UPDATE t SET name = '%d %d'", i, n), "COMMIT"); err != nil {
					return err
				}
			}
			return nil
		}))
		l.versions("t", 41)
		l.sound("t", "id")
	})

	t.Run("temporal-84 parallel deletes of different rows", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, name text)", "SELECT yore.track('t')", "INSERT INTO t SELECT n, 'a' FROM generate_series(0, 99) AS n")
		none(t, l.together(10, func(i int, c *pgx.Conn) error {
			for n := range 10 {
				if err := run(c, fmt.Sprintf("DELETE FROM t WHERE id = %d", n*10+i)); err != nil {
					return err
				}
			}
			return nil
		}))
		l.want("SELECT count(*) FILTER (WHERE deleted_at IS NULL), count(deleted_at) FROM history.t", "100|100")
		l.present("t", "id, name")
		l.sound("t", "id")
	})

	t.Run("temporal-85 10 clients insert children that a column of the parent counts", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE p (id int PRIMARY KEY, name text, children int NOT NULL DEFAULT 0)",
			"CREATE TABLE c (id serial PRIMARY KEY, p int NOT NULL REFERENCES p)",
			"SELECT yore.track('p', no_journal => '{children}'), yore.track('c')", "INSERT INTO p VALUES (1, 'a')")
		none(t, l.together(10, func(_ int, c *pgx.Conn) error {
			for range 5 {
				if err := run(c, "BEGIN", "INSERT INTO c (p) VALUES (1)", "UPDATE p SET children = children + 1 WHERE id = 1", "COMMIT"); err != nil {
					return err
				}
			}
			return nil
		}))
		l.history("p", "id, name, children", "1|a|50|v1 open")
		l.versions("c", 50)
		l.sound("p", "id")
		l.sound("c", "id")
	})

	t.Run("temporal-86 8 clients each count to 500", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL)", "SELECT yore.track('t')", "INSERT INTO t VALUES (1, 0)")
		none(t, l.together(8, func(_ int, c *pgx.Conn) error {
			for range 500 {
				if tag, err := c.Exec(ctx, "UPDATE t SET n = n + 1 WHERE id = 1"); err != nil || tag.RowsAffected() != 1 {
					return fmt.Errorf("%s, %w", tag, err)
				}
			}
			return nil
		}))
		l.want("SELECT n FROM t", "4000")
		l.want("SELECT count(*), min(n), max(n), count(*) FILTER (WHERE n = version - 1) FROM history.t", "4001|0|4000|4001")
		l.sound("t", "id")
	})

	for _, isolation := range []string{"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"} {
		t.Run("temporal-91 updates against delete and insert of one key: "+isolation, func(t *testing.T) {
			l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, name text)", "SELECT yore.track('t')", "INSERT INTO t VALUES (1, 'a')")
			begin := "BEGIN ISOLATION LEVEL " + isolation
			// Refusals that a plain table gives as well; a deadlock is none.
			allowed := func(err error) bool {
				var pg *pgconn.PgError
				return errors.As(err, &pg) && (pg.Code == "23505" && pg.ConstraintName == "t_pkey" || pg.Code == "40001" && isolation != "READ COMMITTED")
			}
			var committed atomic.Int64
			none(t, l.together(8, func(i int, c *pgx.Conn) error {
				for n := range 40 {
					value := fmt.Sprintf("'%d %d'", i, n)
					var err error
					switch i % 4 {
					case 0:
						err = run(c, begin, "DELETE FROM t WHERE id = 1", "INSERT INTO t VALUES (1, "+value+")", "COMMIT")
					case 1:
						err = run(c, begin, "DELETE FROM t WHERE id = 1", "COMMIT", begin, "SELECT now()", "INSERT INTO t VALUES (1, "+value+") ON CONFLICT (id) DO UPDATE SET name = "+value, "COMMIT")
					case 2:
						err = run(c, begin, "UPDATE t SET name = "+value, "COMMIT")
					case 3:
						err = run(c, begin, "SELECT now()", "UPDATE t SET id = 2 WHERE id = 1", "UPDATE t SET id = 1, name = "+value+" WHERE id = 2", "COMMIT")
					}
					if err == nil {
						committed.Add(1)
					} else if !allowed(err) {
						return err
					}
				}
				return nil
			}))
			if committed.Load() < 40 {
				t.Errorf("only %d of %d transactions committed", committed.Load(), 8*40)
			}
			l.sound("t", "id")
		})
	}

	t.Run("temporal-93 an answer as of a time that no transaction is older than never changes", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, name text)", "SELECT yore.track('t')", "INSERT INTO t SELECT n, 'a' FROM generate_series(1, 4) AS n")
		const answer = "SELECT coalesce(string_agg(concat(id, ' ', name), ', ' ORDER BY id), '') FROM t"
		answers := map[string]string{} // by time
		none(t, l.together(7, func(i int, c *pgx.Conn) error {
			if i == 0 {
				for range 25 {
					var at, then string
					if err := c.QueryRow(ctx, "SELECT yore.stable_time()::text FROM pg_sleep(0.02)").Scan(&at); err != nil {
						return err
					}
					if err := run(c, "BEGIN", "SELECT yore.as_of('"+at+"')"); err != nil {
						return err
					}
					if err := c.QueryRow(ctx, answer).Scan(&then); err != nil {
						return err
					}
					answers[at] = then
					if err := run(c, "COMMIT"); err != nil {
						return err
					}
				}
				return nil
			}
			random := rand.New(rand.NewPCG(uint64(i), 93))
			for n := range 60 {
				id, value := random.IntN(4)+1, fmt.Sprintf("'%d %d'", i, n)
				change := []string{
					fmt.Sprintf("UPDATE t SET name = %s WHERE id = %d", value, id),
					fmt.Sprintf("DELETE FROM t WHERE id = %d", id),
					fmt.Sprintf("INSERT INTO t VALUES (%d, %s) ON CONFLICT (id) DO UPDATE SET name = %[2]s", id, value),
				}
				pause := fmt.Sprintf("SELECT pg_sleep(%.4f)", random.Float64()/100)
				first, second := change[random.IntN(3)], change[random.IntN(3)]
				err := run(c, "BEGIN", pause, first, pause, second, "COMMIT")
				// Two keys in two orders may well deadlock, as on a plain table.
				if code := sqlState(err); code != "" && code != "40P01" {
					return err
				}
			}
			return nil
		}))
		different := map[string]bool{}
		for at, then := range answers {
			l.wantAsOf(at, answer, then)
			different[then] = true
		}
		if len(different) < 5 {
			t.Errorf("only %d different answers: nothing was going on", len(different))
		}
		l.sound("t", "id")
	})
}
