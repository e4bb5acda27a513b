package sql_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// immutable-N1, immutable-38, immutable-232: writers of one entity never make two rows of
// one version; each change that was committed is one.
func TestImmutableWritersOfOneEntity(t *testing.T) {
	const clients, times = 12, 25
	for _, isolation := range isolations {
		t.Run("immutable-N1 "+isolation, func(t *testing.T) {
			l := newEntities(t, "", "UPDATE t SET n = 0")
			ctx := context.Background()
			errs := l.together(clients, func(_ int, conn *pgx.Conn) error {
				c := &client{conn: conn}
				for range times {
					if err := c.try(ctx, isolation, func(tx pgx.Tx) error {
						tag, err := tx.Exec(ctx, "UPDATE t SET n = n + 1 WHERE entity_id = $1", one)
						if err == nil && tag.RowsAffected() != 1 {
							err = fmt.Errorf("%s", tag)
						}
						return err
					}); err != nil {
						return err
					}
				}
				return nil
			})
			for _, err := range errs {
				t.Error(err)
			}
			l.want("SELECT n, version FROM t", fmt.Sprintf("%d|%d", clients*times, clients*times+2))
			l.want("SELECT count(*), count(DISTINCT version), count(DISTINCT id), count(DISTINCT valid_from) FROM history.t", fmt.Sprintf("%d|%[1]d|%[1]d|%[1]d", clients*times+2))
			l.sound("t", "entity_id")
		})
	}
}

// The same with everything that can be done to an entity: immutable-233 under load.
func TestImmutableWritersOfAllKinds(t *testing.T) {
	const clients, times = 8, 40
	for _, isolation := range isolations {
		t.Run(isolation, func(t *testing.T) {
			l := newEntities(t, "")
			ctx := context.Background()
			errs := l.together(clients, func(i int, conn *pgx.Conn) error {
				c := &client{conn: conn}
				for n := range times {
					statement := []string{"UPDATE t SET n = coalesce(n, 0) + 1", "DELETE FROM t", undelete(one, "{}"), undelete(one, fmt.Sprintf(`{"n": %d}`, n))}[(n+i)%4]
					err := c.try(ctx, isolation, func(tx pgx.Tx) error { _, err := tx.Exec(ctx, statement); return err })
					if code := sqlState(err); err != nil && code != "YO021" && code != "23505" {
						return fmt.Errorf("%s: %w", statement, err)
					}
				}
				return nil
			})
			for _, err := range errs {
				t.Error(err)
			}
			if n := l.value("SELECT count(*) > 20 AND count(deleted_at) > 5 FROM history.t"); n != "t" {
				t.Error("hardly anything was done")
			}
			l.sound("t", "entity_id")
		})
	}
}

// immutable-N2: two that read the same version and add 10 to it.
func TestImmutableExpectedVersion(t *testing.T) {
	const update = "UPDATE t SET n = %d WHERE entity_id = '" + one + "' AND version = %d"
	for _, isolation := range isolations {
		t.Run("immutable-N2 "+isolation, func(t *testing.T) {
			l := newEntities(t, "")
			first, second := l.session(), l.session()
			for _, s := range []*lab{first, second} {
				s.exec("BEGIN ISOLATION LEVEL " + isolation)
				s.want("SELECT n, version FROM t", "1|1")
			}
			if n := first.affected(fmt.Sprintf(update, 11, 1)); n != 1 {
				t.Errorf("first: %d rows", n)
			}
			late := second.start(fmt.Sprintf(update, 11, 1)).blocked()
			first.exec("COMMIT")
			<-late.done
			switch isolation {
			case "read committed":
				if late.wait() != 0 {
					t.Error("a stale version was updated")
				}
			default:
				if sqlState(late.err) != "40001" {
					t.Errorf("a stale version: %v", late.err)
				}
			}
			second.exec("ROLLBACK", "BEGIN")
			if n := second.affected(fmt.Sprintf(update, 99, 1)); n != 0 { // no longer in a race, and stale all the same
				t.Errorf("stale: %d rows", n)
			}
			second.want("SELECT n, version FROM t", "11|2")
			if n := second.affected(fmt.Sprintf(update, 21, 2)); n != 1 {
				t.Errorf("again: %d rows", n)
			}
			second.exec("COMMIT")
			l.chain(one, "n", "1|1|past", "2|11|past", "3|21|open")
			if n := l.affected("DELETE FROM t WHERE entity_id = '" + one + "' AND version = 2"); n != 0 {
				t.Errorf("DELETE of a stale version: %d rows", n)
			}
			l.sound("t", "entity_id")
		})
	}
}

// immutable-N15: an older transaction that writes later, and later again.
func TestImmutableOlderTransactionWritesLater(t *testing.T) {
	l := newEntities(t, "")
	old, older := l.session(), l.session()
	older.exec("BEGIN", "SELECT 1")
	old.exec("BEGIN", "SELECT 1")
	l.exec("UPDATE t SET n = 2")
	old.exec("UPDATE t SET n = 3", "COMMIT")
	older.exec("DELETE FROM t", undelete(one, `{"n": 5}`), "COMMIT")
	l.want("SELECT version, n, valid_from - lag(valid_from) OVER (ORDER BY version) FROM history.t ORDER BY version OFFSET 2", "3|3|00:00:00.000001", "4|3|00:00:00.000001", "5|5|00:00:00.000001")
	l.chain(one, "n", "1|1|past", "2|2|past", "3|3|past", "4|3|tombstone", "5|5|open")
	l.sound("t", "entity_id")
}

// immutable-N9: as of a time below the stable time nothing changes any more,
// whatever is committed later, and no tombstone shows.
func TestImmutableStableTime(t *testing.T) {
	l := newEntities(t, "", "INSERT INTO t (entity_id, name) VALUES ('"+two+"', 'b')", "DELETE FROM t WHERE name = 'b'", "SELECT pg_sleep(0.15)")
	open := l.session()
	open.exec("BEGIN", "UPDATE t SET n = 2")
	stable := l.value("SELECT yore.stable_time()")
	if l.value("SELECT '"+stable+"' < valid_from FROM temporal.t AS t, LATERAL (SELECT xact_start AS valid_from FROM pg_stat_activity WHERE pid = "+fmt.Sprint(open.pid)+") AS a") != "t" {
		t.Errorf("the stable time %s is not before the open transaction's", stable)
	}
	const query = "SELECT entity_id, version, n, deleted_at FROM t ORDER BY 1"
	l.wantAsOf(stable, query, one+"|1|1|∅")
	l.exec("INSERT INTO t (name) VALUES ('late')")
	open.exec("DELETE FROM t WHERE name = 'a'", "COMMIT")
	l.wantAsOf(stable, query, one+"|1|1|∅")
	l.wantAsOf(l.now(), "SELECT name, deleted_at FROM t", "late|∅")
	l.want("SELECT count(*) FROM asof.t(now()) WHERE deleted_at IS NOT NULL", "0")
	// The very times of transitions, one of them a tombstone's.
	for _, at := range l.rows("SELECT valid_from FROM history.t WHERE deleted_at IS NOT NULL") {
		l.want("SELECT count(*) FROM asof.t('"+at+"') AS t JOIN history.t AS h USING (entity_id) WHERE h.deleted_at = '"+at+"'", "0")
	}
	l.sound("t", "entity_id")
}

// immutable-96..99: the lock of an entity is that of its row.
func TestImmutableLock(t *testing.T) {
	l := newEntities(t, "", "INSERT INTO t (entity_id, name) VALUES ('"+two+"', 'b')")
	holder, same, other := l.session(), l.session(), l.session()
	holder.exec("BEGIN")
	holder.want("SELECT name FROM t WHERE entity_id = '"+one+"' FOR UPDATE", "a")
	other.exec("SET lock_timeout = '5s'", "BEGIN")
	other.want("SELECT name FROM t WHERE entity_id = '"+two+"' FOR UPDATE", "b")
	other.refused("55P03", "SELECT name FROM t WHERE entity_id = '"+one+"' FOR UPDATE NOWAIT")
	other.exec("ROLLBACK", "UPDATE t SET n = 8 WHERE entity_id = '"+two+"'", "INSERT INTO t (name) VALUES ('c')")
	other.want("SELECT name FROM t WHERE entity_id = '"+one+"'", "a")
	late := same.start("UPDATE t SET n = n + 10 WHERE entity_id = '" + one + "'").blocked()
	holder.exec("UPDATE t SET n = 5 WHERE entity_id = '"+one+"'", "COMMIT")
	if n := late.wait(); n != 1 {
		t.Errorf("%d rows", n)
	}
	l.chain(one, "n", "1|1|past", "2|5|past", "3|15|open")
	// Held by a transaction that deletes it: there is nothing left to update.
	holder.exec("BEGIN", "SELECT FROM t WHERE entity_id = '"+one+"' FOR UPDATE")
	late = same.start("UPDATE t SET n = n + 10 WHERE entity_id = '" + one + "'").blocked()
	holder.exec("DELETE FROM t WHERE entity_id = '"+one+"'", "COMMIT")
	if n := late.wait(); n != 0 {
		t.Errorf("%d rows of a deleted entity", n)
	}
	l.sound("t", "entity_id")
}

// Undeletes at the same time: one is carried out.
func TestImmutableUndeletesMeet(t *testing.T) {
	l := newEntities(t, "", "DELETE FROM t")
	first, second := l.session(), l.session()
	first.exec("BEGIN", undelete(one, `{"n": 3}`))
	late := second.start(undelete(one, `{"n": 4}`)).blocked()
	first.exec("COMMIT")
	<-late.done
	if sqlState(late.err) != "YO021" {
		t.Errorf("the second undelete: %v", late.err)
	}
	l.chain(one, "n", "1|1|past", "2|1|tombstone", "3|3|open")
	l.sound("t", "entity_id")
}

// immutable-N16: batches in opposite orders. A deadlock is PostgreSQL's to break;
// what is left is sound, and both come through when repeated. In one order there
// is none.
func TestImmutableBatches(t *testing.T) {
	const times = 40
	for name, orders := range map[string][2][2]string{
		"immutable-N16 Opposite": {{one, two}, {two, one}},
		"immutable-N16 Ordered":  {{one, two}, {one, two}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newEntities(t, "", "INSERT INTO t (entity_id, name, n) VALUES ('"+two+"', 'b', 1)")
			ctx := context.Background()
			errs := l.together(2, func(i int, conn *pgx.Conn) error {
				if _, err := conn.Exec(ctx, "SET deadlock_timeout = '10ms'"); err != nil {
					return err
				}
				for range times {
					for {
						err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
							for _, id := range orders[i] {
								var tag pgconn.CommandTag
								tag, err := tx.Exec(ctx, "UPDATE t SET n = n + 1 WHERE entity_id = $1", id)
								if err != nil || tag.RowsAffected() != 1 {
									return fmt.Errorf("%s: %w", tag, err)
								}
							}
							return nil
						})
						if err == nil {
							break
						}
						if sqlState(err) != "40P01" || orders[0] == orders[1] {
							return err
						}
					}
				}
				return nil
			})
			for _, err := range errs {
				t.Error(err)
			}
			l.present("t", "name, n, version", fmt.Sprintf("a|%d|%[1]d", 2*times+1), fmt.Sprintf("b|%d|%[1]d", 2*times+1))
			l.sound("t", "entity_id")
		})
	}
	t.Run("immutable-N16 ForCertain", func(t *testing.T) {
		l := newEntities(t, "", "INSERT INTO t (entity_id, name, n) VALUES ('"+two+"', 'b', 1)")
		ab, ba := l.session(), l.session()
		ab.exec("SET deadlock_timeout = '30s'", "BEGIN", "UPDATE t SET n = n + 1 WHERE entity_id = '"+one+"'")
		ba.exec("SET deadlock_timeout = '10ms'", "BEGIN", "UPDATE t SET n = n + 1 WHERE entity_id = '"+two+"'")
		waits := ab.start("UPDATE t SET n = n + 1 WHERE entity_id = '" + two + "'").blocked()
		ba.refused("40P01", "UPDATE t SET n = n + 1 WHERE entity_id = '"+one+"'")
		waits.wait()
		ab.exec("COMMIT")
		ba.exec("ROLLBACK", "BEGIN", "UPDATE t SET n = n + 1 WHERE entity_id = '"+two+"'", "UPDATE t SET n = n + 1 WHERE entity_id = '"+one+"'", "COMMIT")
		l.present("t", "name, n, version", "a|3|3", "b|3|3")
		l.sound("t", "entity_id")
	})
}
