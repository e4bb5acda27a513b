package sql_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// isolations are the levels that writers of one key are tested under. Above
// READ COMMITTED a client repeats what fails with 40001.
var isolations = []string{"read committed", "repeatable read"}

// A client repeats transactions until PostgreSQL can order them.
type client struct {
	conn    *pgx.Conn
	repeats atomic.Int64
}

// try runs f in a transaction and returns its error; 40001 only after a hundred
// attempts, with longer and longer waits between them.
func (c *client) try(ctx context.Context, isolation string, f func(tx pgx.Tx) error) error {
	for attempt := 0; ; attempt++ {
		err := pgx.BeginTxFunc(ctx, c.conn, pgx.TxOptions{IsoLevel: pgx.TxIsoLevel(isolation)}, f)
		if sqlState(err) != "40001" || attempt == 100 {
			return err
		}
		c.repeats.Add(1)
		time.Sleep(rand.N(time.Duration(attempt+1) * time.Millisecond)) // or the same ones always come first
	}
}

// Clients that count, each in transactions of two updates: two of them are one
// version.
func TestCountingInTransactions(t *testing.T) {
	t.Parallel()
	const clients, times = 8, 100
	for _, isolation := range isolations {
		t.Run(isolation, func(t *testing.T) {
			l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL)", "SELECT yore.track('t')", "INSERT INTO t VALUES (1, 0)")
			ctx := context.Background()
			errs := l.together(clients, func(_ int, conn *pgx.Conn) error {
				c := &client{conn: conn}
				for range times {
					err := c.try(ctx, isolation, func(tx pgx.Tx) error {
						for range 2 {
							if tag, err := tx.Exec(ctx, "UPDATE t SET n = n + 1 WHERE id = 1"); err != nil || tag.RowsAffected() != 1 {
								return fmt.Errorf("%s: %w", tag, err)
							}
						}
						return nil
					})
					if err != nil {
						return err
					}
				}
				return nil
			})
			for _, err := range errs {
				t.Error(err)
			}
			l.want("SELECT n FROM t", fmt.Sprint(2*clients*times))
			l.want("SELECT count(*), count(*) FILTER (WHERE n = 2 * (version - 1)), count(DISTINCT xid) FROM history.t",
				fmt.Sprintf("%d|%[1]d|%[1]d", clients*times+1))
			l.sound("t", "id")
		})
	}
}

// temporal-88 under load: of those that read a version, one may replace it.
func TestCompareAndSet(t *testing.T) {
	t.Parallel()
	const clients, times = 8, 60
	for _, isolation := range isolations {
		t.Run("temporal-88 "+isolation, func(t *testing.T) {
			l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL, lock int NOT NULL)", "SELECT yore.track('t')", "INSERT INTO t VALUES (1, 0, 0)")
			ctx := context.Background()
			var lost atomic.Int64
			errs := l.together(clients, func(_ int, conn *pgx.Conn) error {
				c := &client{conn: conn}
				for done := 0; done < times; {
					var n, lock int
					if err := conn.QueryRow(ctx, "SELECT n, lock FROM t WHERE id = 1").Scan(&n, &lock); err != nil {
						return err
					}
					var tag pgconn.CommandTag
					err := c.try(ctx, isolation, func(tx pgx.Tx) (err error) {
						tag, err = tx.Exec(ctx, "UPDATE t SET n = $1, lock = lock + 1 WHERE id = 1 AND lock = $2", n+1, lock)
						return err
					})
					if err != nil {
						return err
					}
					if tag.RowsAffected() == 1 {
						done++
					} else {
						lost.Add(1)
					}
				}
				return nil
			})
			for _, err := range errs {
				t.Error(err)
			}
			t.Logf("%d of %d came too late", lost.Load(), lost.Load()+clients*times)
			l.want("SELECT n, lock FROM t", fmt.Sprintf("%d|%[1]d", clients*times))
			l.want("SELECT count(*), count(*) FILTER (WHERE lock = version - 1 AND n = lock) FROM history.t", fmt.Sprintf("%d|%[1]d", clients*times+1))
			l.sound("t", "id")
		})
	}
}

// TestFewKeys lets 12 clients update, delete and make again three rows
// (temporal-91). What they do leads to no deadlock on a plain table: one
// statement a transaction, or two on keys in ascending order.
func TestFewKeys(t *testing.T) {
	t.Parallel()
	const clients, times, keys = 12, 250, 3
	for _, isolation := range isolations {
		for _, statements := range []int{1, 2} {
			t.Run(fmt.Sprintf("temporal-91 %d a transaction, %s", statements, isolation), func(t *testing.T) {
				l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL)", "SELECT yore.track('t')")
				ctx := context.Background()
				var changes, repeats, refused atomic.Int64
				errs := l.together(clients, func(i int, conn *pgx.Conn) error {
					c := &client{conn: conn}
					defer func() { repeats.Add(c.repeats.Load()) }()
					random := rand.New(rand.NewPCG(uint64(i), 91))
					for n := range times {
						first := 1 + random.IntN(keys+1-statements)
						ids := []int{first}
						if statements == 2 {
							ids = append(ids, first+1+random.IntN(keys-first))
						}
						var todo []string
						for _, id := range ids {
							todo = append(todo, fewKeysStatement(random, id, 1000*i+n+1, statements == 1 && id < keys))
						}
						var made int64
						run := func(tx interface {
							Exec(context.Context, string, ...any) (pgconn.CommandTag, error)
						}) error {
							made = 0
							for _, sql := range todo {
								tag, err := tx.Exec(ctx, sql)
								if err != nil {
									return fmt.Errorf("%s: %w", sql, err)
								}
								made += tag.RowsAffected()
								if strings.Contains(sql, "SET id") {
									made += tag.RowsAffected() // one key ends, another begins
								}
							}
							return nil
						}
						var err error
						if statements == 1 && isolation == "read committed" {
							err = run(conn) // as most clients do it
						} else {
							err = c.try(ctx, isolation, func(tx pgx.Tx) error { return run(tx) })
						}
						switch sqlState(err) {
						case "23505":
							refused.Add(1)
						case "":
							changes.Add(made)
							if err != nil {
								return err
							}
						default:
							return err
						}
					}
					return nil
				})
				for _, err := range errs {
					t.Error(err)
				}
				t.Logf("%d changes, %d duplicate keys, %d repeated", changes.Load(), refused.Load(), repeats.Load())
				// Every change that was committed is one version or tombstone.
				l.want("SELECT count(*) FROM history.t", fmt.Sprint(changes.Load()))
				l.sound("t", "id")
			})
		}
	}
}

func fewKeysStatement(random *rand.Rand, id, n int, mayMove bool) string {
	kinds := 10
	if mayMove {
		kinds++
	}
	switch random.IntN(kinds) {
	case 0, 1:
		return fmt.Sprintf("INSERT INTO t VALUES (%d, %d)", id, n)
	case 2:
		return fmt.Sprintf("INSERT INTO t VALUES (%d, %d) ON CONFLICT DO NOTHING", id, n)
	case 3, 4:
		return fmt.Sprintf("INSERT INTO t VALUES (%d, %d) ON CONFLICT (id) DO UPDATE SET n = excluded.n", id, n)
	case 5, 6:
		return fmt.Sprintf("UPDATE t SET n = %d WHERE id = %d", n, id)
	case 7, 8, 9:
		return fmt.Sprintf("DELETE FROM t WHERE id = %d", id)
	default:
		return fmt.Sprintf("UPDATE t SET id = id + 1, n = %d WHERE id = %d", n, id) // upwards only
	}
}

// A guarded race is one that a trigger after the write decides: a BEFORE trigger
// has given a row its number, and before the row's key is its own other
// transactions end the key's former row.
type guardedRace struct {
	name  string
	guard string // the trigger
	run   func(l *lab)
	// history of key 1 as it should be; the race without the guard breaks it.
	history []string
	also    func(l *lab) // looks at more, with the guard
}

// TestRacesForAKey brings about what makes two versions of one number (trap-27),
// each race with and without the trigger that guards against it.
func TestRacesForAKey(t *testing.T) {
	t.Parallel()
	const settleInsert, settleKey = "~yore_settle_insert", "~yore_settle_key"
	// A row with n = 99 waits in its CHECK, after the BEFORE triggers and before
	// the index, for whoever holds the lock.
	setup := []string{
		`CREATE FUNCTION gate(n int) RETURNS boolean LANGUAGE plpgsql AS
		 $$ BEGIN IF n = 99 THEN PERFORM pg_advisory_xact_lock(1); END IF; RETURN true; END $$`,
		"CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL CHECK (gate(n)))",
		"SELECT yore.track('t')",
	}
	// gated runs a statement that is held at the gate while two transactions
	// make key 1 and delete it.
	gated := func(statement string) func(l *lab) {
		return func(l *lab) {
			l.exec("INSERT INTO t VALUES (7, 0)")
			keeper, late, other := l.session(), l.session(), l.session()
			keeper.exec("SELECT pg_advisory_lock(1)")
			held := late.start(statement).blocked()
			other.exec("INSERT INTO t VALUES (1, 1)", "DELETE FROM t WHERE id = 1")
			keeper.exec("SELECT pg_advisory_unlock(1)")
			if n := held.wait(); n == 0 {
				l.Errorf("%s: no row", statement)
			}
		}
	}
	// unseen runs a statement in a transaction whose snapshot is older than the
	// former row of key 1. Its error, if it has one, must be 40001.
	unseen := func(statement string) func(l *lab) {
		return func(l *lab) {
			l.exec("INSERT INTO t VALUES (7, 0)")
			late, other := l.session(), l.session()
			late.exec("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM t")
			other.exec("INSERT INTO t VALUES (1, 1)", "DELETE FROM t WHERE id = 1")
			if _, err := late.db.Exec(context.Background(), statement); err != nil && sqlState(err) != "40001" {
				l.Errorf("%s: %v", statement, err)
			}
			late.exec("COMMIT") // or, after an error, ROLLBACK
		}
	}
	afterGate := []string{"1|1|v1 past", "1|1|v2 tombstone", "1|99|v3 open"}
	onlyOthers := []string{"1|1|v1 past", "1|1|v2 tombstone"}

	for _, race := range []guardedRace{
		{
			name: "InsertWaitsForDelete", guard: settleInsert,
			run: func(l *lab) {
				l.exec("INSERT INTO t VALUES (1, 1)")
				first, late := l.session(), l.session()
				first.exec("BEGIN", "DELETE FROM t WHERE id = 1")
				insert := late.start("INSERT INTO t VALUES (1, 2)").blocked()
				first.exec("COMMIT")
				insert.wait()
			},
			history: []string{"1|1|v1 past", "1|1|v2 tombstone", "1|2|v3 open"},
		},
		{
			name: "OlderInsertWaitsForDelete", guard: settleInsert,
			run: func(l *lab) {
				l.exec("INSERT INTO t VALUES (1, 1)")
				first, late := l.session(), l.session()
				late.exec("BEGIN", "SELECT now()")
				first.exec("BEGIN", "UPDATE t SET n = 3 WHERE id = 1", "DELETE FROM t WHERE id = 1")
				insert := late.start("INSERT INTO t VALUES (1, 2)").blocked()
				first.exec("COMMIT")
				insert.wait()
				late.exec("UPDATE t SET n = 4 WHERE id = 1", "COMMIT")
			},
			also: func(l *lab) {
				l.want("SELECT n.valid_from - d.deleted_at FROM history.t AS n, history.t AS d WHERE n.version = 3 AND d.version = 2", "00:00:00.000001")
			},
			history: []string{"1|1|v1 past", "1|3|v2 tombstone", "1|4|v3 open"},
		},
		{
			name: "RepeatableReadInsertWaitsForDelete", guard: settleInsert,
			run: func(l *lab) {
				l.exec("INSERT INTO t VALUES (1, 1)")
				first, late := l.session(), l.session()
				late.exec("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM t")
				first.exec("BEGIN", "DELETE FROM t WHERE id = 1")
				insert := late.start("INSERT INTO t VALUES (1, 2)").blocked()
				first.exec("COMMIT")
				<-insert.done
				if insert.err != nil && sqlState(insert.err) != "40001" {
					l.Error(insert.err)
				}
				late.exec("COMMIT")
			},
			history: onlyOthers,
		},
		{name: "RepeatableReadInsert", guard: settleInsert, run: unseen("INSERT INTO t VALUES (1, 2)"), history: onlyOthers},
		{
			name: "RepeatableReadUpsert", guard: settleInsert,
			run: unseen("INSERT INTO t VALUES (3, 3), (1, 2) ON CONFLICT (id) DO UPDATE SET n = excluded.n"), history: onlyOthers,
		},
		{name: "RepeatableReadKeyChange", guard: settleKey, run: unseen("UPDATE t SET id = 1 WHERE id = 7"), history: onlyOthers},
		{name: "InsertHeldByCheck", guard: settleInsert, run: gated("INSERT INTO t VALUES (1, 99)"), history: afterGate},
		{name: "ManyInsertedOneHeldByCheck", guard: settleInsert, run: gated("INSERT INTO t SELECT n, 99 FROM generate_series(1, 3) AS n"), history: afterGate},
		{name: "UpsertHeldByCheck", guard: settleInsert, run: gated("INSERT INTO t VALUES (1, 99) ON CONFLICT (id) DO UPDATE SET n = excluded.n"), history: afterGate},
		{name: "InsertOnConflictDoNothingHeldByCheck", guard: settleInsert, run: gated("INSERT INTO t VALUES (1, 99) ON CONFLICT DO NOTHING"), history: afterGate},
		{name: "KeyChangeHeldByCheck", guard: settleKey, run: gated("UPDATE t SET id = 1, n = 99 WHERE id = 7"), history: afterGate},
	} {
		t.Run(race.name, func(t *testing.T) {
			l := newLab(t, setup...)
			race.run(l)
			l.sound("t", "id")
			l.want(`SELECT id, n, concat('v', version, CASE WHEN deleted_at IS NOT NULL THEN ' tombstone' WHEN valid_to IS NULL THEN ' open' ELSE ' past' END)
				FROM history.t WHERE id = 1 ORDER BY version`, race.history...)
			if race.also != nil {
				race.also(l)
			}
		})
		t.Run(race.name+"WithoutTheGuard", func(t *testing.T) {
			l := newLab(t, setup...)
			l.exec(fmt.Sprintf("DROP TRIGGER %q ON temporal.t", race.guard))
			race.run(l)
			if found := l.rows("SELECT problem FROM yore.verify() WHERE problem <> 'trigger' AND key = '{\"id\": 1}'"); len(found) == 0 {
				t.Errorf("yore.verify finds nothing, so %s is not needed here:\n%s", race.guard,
					strings.Join(l.rows("SELECT * FROM history.t ORDER BY id, version"), "\n"))
			}
		})
	}

	t.Run("RepeatableReadInsertOfAKeyThatLeftNothing", func(t *testing.T) {
		l := newLab(t, setup...)
		late, other := l.session(), l.session()
		late.exec("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM t")
		other.exec("BEGIN", "INSERT INTO t VALUES (1, 1)", "DELETE FROM t WHERE id = 1", "COMMIT")
		late.exec("INSERT INTO t VALUES (1, 2)", "COMMIT")
		l.history("t", "id, n", "1|2|v1 open")
		l.sound("t", "id")
	})
}
