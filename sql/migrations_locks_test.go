package sql_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Readers of every face, writers, those who come to the table by a foreign key
// and go on to the face, and views over views: none of them meets a deadlock, and
// no writer any error, while the table is altered again and again.
func TestMigrationsLocks(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"", ", in_place => true", ", immutable => true"} {
		t.Run("thirty alterations among readers and writers"+way, func(t *testing.T) {
			key, reference := "PRIMARY KEY", "t"
			if strings.Contains(way, "immutable") {
				key = "UNIQUE NOT NULL"
			}
			l := newLab(t, "CREATE TABLE t (id int "+key+", a text, n int)", "SELECT yore.track('t'"+way+")", "INSERT INTO t (id, n) SELECT i, 0 FROM generate_series(1, 50) AS i",
				"CREATE VIEW v AS SELECT id, n FROM t", "CREATE VIEW vv AS SELECT v.id FROM v JOIN history.t AS h USING (id)", "CREATE TABLE child (id int)")
			l.exec("SELECT yore.add_foreign_key('child', '{id}', '"+reference+"', '{id}')", "INSERT INTO child SELECT id FROM t WHERE id < 50")
			var done atomic.Bool
			var writes atomic.Int64
			errs := l.together(7, func(i int, c *pgx.Conn) error {
				ctx := context.Background()
				for n := 0; !done.Load(); n++ {
					id := 1 + rand.IntN(50)
					var statements []string
					switch i {
					case 0:
						if n == 30 {
							done.Store(true)
							return nil
						}
						statements = []string{[]string{
							"SELECT yore.alter_table('t', 'ADD COLUMN IF NOT EXISTS x int DEFAULT 5')", "SELECT yore.alter_table('t', 'DROP COLUMN IF EXISTS x CASCADE')", "SELECT yore.alter_table('t', 'ALTER a TYPE varchar(20)')",
							"SELECT yore.alter_table('t', 'ALTER a TYPE text')", "SELECT yore.alter_table('t', 'ALTER n SET NOT NULL')", "SELECT yore.alter_table('t', 'ADD CHECK (n >= 0)')", "SELECT yore.create_index('t', '(a)')",
							"SELECT yore.sync('t')", "SELECT yore.alter_table('t', 'ALTER n TYPE bigint')", "SELECT yore.alter_table('t', 'ALTER n TYPE int')", "SELECT yore.rename_column('t', 'a', 'aa')", "SELECT yore.rename_column('t', 'aa', 'a')",
						}[[]int{0, 1, 2, 3, 10, 11, 4, 5, 6, 7, 8, 9, rand.IntN(10), rand.IntN(10)}[n%14]]}
					case 1, 2:
						statements = []string{"BEGIN", fmt.Sprintf("UPDATE t SET n = n + 1 WHERE id = %d", id), "SELECT 1 FROM history.t LIMIT 1", "COMMIT", "SELECT pg_sleep(0.01)"}
					case 3: // by the foreign key first
						statements = []string{"BEGIN", fmt.Sprintf("UPDATE child SET id = %d WHERE id = %d", id, 1+rand.IntN(50)), "SELECT pg_sleep(0.005)", fmt.Sprintf("UPDATE t SET n = n + 1 WHERE id = %d", id), "COMMIT"}
					case 4:
						statements = []string{fmt.Sprintf("INSERT INTO t (id, n) VALUES (%d, 0) ON CONFLICT (id) DO UPDATE SET n = t.n + 1", id), fmt.Sprintf("UPDATE v SET n = n + 1 WHERE id = %d", id)}
					case 5:
						statements = []string{fmt.Sprintf("SELECT count(*) FROM vv WHERE id = %d", id), fmt.Sprintf("SELECT count(id) FROM history.t WHERE id = %d", id), "SELECT count(id) FROM asof.t"}
					case 6:
						statements = []string{"BEGIN", "SELECT yore.as_of(now())", "SELECT count(id) FROM t", "COMMIT", "SELECT count(id) FROM asof.t(now())"}
					}
					for _, s := range statements {
						if _, err := c.Exec(ctx, s, pgx.QueryExecModeSimpleProtocol); err != nil {
							// A reader of the function may have found it as it was.
							if i >= 5 && sqlState(err) != "40P01" {
								_, _ = c.Exec(ctx, "ROLLBACK")
								break
							}
							done.Store(true)
							return fmt.Errorf("%s: %w", s, err)
						}
						if i > 0 && i < 5 {
							writes.Add(1)
						}
					}
				}
				return nil
			})
			for _, err := range errs {
				t.Error(err)
			}
			if writes.Load() < 50 {
				t.Errorf("only %d writes went on", writes.Load())
			}
			l.sound("t", "id")
			l.ok()
		})
	}

	t.Run("lock_timeout ends the wait", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, a text)", "SELECT yore.track('t')", "INSERT INTO t VALUES (1, 'a')")
		for _, held := range []string{"SELECT 1 FROM t", "SELECT 1 FROM temporal.t", "SELECT 1 FROM temporal.t_past"} {
			busy, s := l.session(), l.session()
			busy.exec("BEGIN", held)
			s.exec("SET lock_timeout = '700ms'")
			s.refused("55P03", "SELECT yore.add_column('t', 'x', 'int')")
			s.want("SHOW lock_timeout", "700ms")
			// Meanwhile others go on.
			l.exec("INSERT INTO t VALUES (2, 'b')", "DELETE FROM t WHERE id = 2")
			s.exec("SET lock_timeout = 0")
			waits := s.start("SELECT yore.alter_table('t', 'ADD COLUMN IF NOT EXISTS x int')").blocked()
			busy.exec("COMMIT")
			waits.wait()
			s.want("SHOW lock_timeout", "0")
		}
		l.ok()
	})

	t.Run("two migrations wait for each other", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, a text)", "SELECT yore.track('t')", "INSERT INTO t VALUES (1, '1')", "UPDATE t SET a = '2'")
		one, two := l.session(), l.session()
		one.exec("BEGIN", "SELECT yore.add_column('t', 'x', 'int')")
		waits := two.start("SELECT yore.alter_table('t', 'ALTER a TYPE int USING a::int', in_batches => true)").blocked()
		one.exec("COMMIT")
		waits.wait()
		one.exec("BEGIN", "SELECT yore.rename_table('t', 'u')")
		waits = two.start("SELECT yore.convert_past('t')").blocked()
		one.exec("COMMIT")
		<-waits.done
		if sqlState(waits.err) != "YO003" {
			t.Error(waits.err)
		}
		l.convertAll("u", 5, nil)
		l.want("SELECT version, a, x FROM history.u ORDER BY 1", "1|1|∅", "2|2|∅")
		l.ok()
	})

	t.Run("what PostgreSQL does without stopping readers, yore does so too", func(t *testing.T) {
		for _, way := range []string{"", ", in_place => true", ", immutable => true"} {
			l := &lab{TB: t}
			db, _ := session(t)
			l.db = db
			l.exec("CREATE TABLE t (id int PRIMARY KEY, a text, n int)", "SELECT yore.track('t'"+way+")", "SELECT yore.alter_table('t', 'ADD CONSTRAINT c CHECK (n > 0) NOT VALID')")
			for _, action := range []string{"VALIDATE CONSTRAINT c", "ALTER a SET STATISTICS 300", "SET (autovacuum_vacuum_scale_factor = 0.1)", "ALTER COLUMN n SET (n_distinct = 7)"} {
				l.exec("BEGIN", "SELECT yore.alter_table('t', '"+action+"')")
				l.want("SELECT relation::regclass FROM pg_locks JOIN pg_class AS c ON c.oid = relation WHERE pid = pg_backend_pid() AND mode = 'AccessExclusiveLock' AND c.relname ~ '^t(_past)?$'")
				l.exec("COMMIT")
			}
			l.ok()
		}
	})
}

// Triggers of the user's fire as before, and see what changed.
func TestMigrationsOwnTriggers(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"temporal", "in place", "immutable", "composite key"} {
		t.Run(way, func(t *testing.T) {
			k := keep(t, way, "CREATE TABLE log (row text)")
			k.do("CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.b := upper(NEW.b); RETURN NEW; END $$",
				"CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.log SELECT string_agg(key || '=' || value, ' ' ORDER BY key) FROM jsonb_each_text(to_jsonb(NEW)) WHERE key IN ('k', 'b', 'x', 'n'); RETURN NULL; END $$",
				"CREATE TRIGGER shout BEFORE INSERT OR UPDATE ON {s} FOR EACH ROW EXECUTE FUNCTION shout()", "CREATE TRIGGER note AFTER INSERT OR UPDATE ON {s} FOR EACH ROW WHEN (NEW.k = 1) EXECUTE FUNCTION note()")
			k.alter("ADD COLUMN x int DEFAULT 5")
			k.do("UPDATE {t} SET b = 'low' WHERE k = 1")
			k.alter("ALTER x TYPE text, DROP COLUMN n")
			k.do("UPDATE {t} SET x = 'six' WHERE k = 1")
			k.alter("DISABLE TRIGGER shout")
			k.do("UPDATE {t} SET b = 'low' WHERE k = 1")
			k.alter("ENABLE ALWAYS TRIGGER shout")
			k.do("UPDATE {t} SET b = 'more' WHERE k = 1")
			k.want("SELECT row FROM log", "b=LOW k=1 n=11 x=5", "b=LOW k=1 x=six", "b=low k=1 x=six", "b=MORE k=1 x=six")
			k.versionsAre("b, x", "x|∅", "x|5", "LOW|5", "LOW|six", "low|six", "MORE|six")
			k.want(k.names.Replace("SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = '{s}'::regclass AND tgname IN ('shout', 'note') ORDER BY 1"), "note|O", "shout|A")
			k.fine("k")
		})
	}
}
