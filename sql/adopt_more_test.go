package sql_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"yore.example/yore/internal/pgtest"
)

// Tables of every kind keep what is theirs.
func TestAdoptKindsOfTables(t *testing.T) {
	t.Run("identity, generated, domain, array, json and citext columns", func(t *testing.T) {
		l := newLab(t, "CREATE EXTENSION citext", "CREATE DOMAIN positive AS int CHECK (VALUE > 0)", "CREATE TYPE mood AS ENUM ('fine', 'not')",
			`CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, code citext, PRIMARY KEY (id, code), n positive, twice int GENERATED ALWAYS AS (n * 2) STORED,
				tags text[], doc json, m mood, p point, c text COLLATE "C", sys_period tstzrange NOT NULL DEFAULT tstzrange(now(), NULL))`,
			"CREATE TABLE t_history (LIKE t)")
		l.temporalTables("t", "t_history")
		l.exec("INSERT INTO t (code, n, tags, doc, m, p, c) VALUES ('Aa', 1, '{x,NULL}', '{\"a\": 1}', 'fine', '(1,2)', 'c')",
			"INSERT INTO t_history (id, code, n, twice, tags, doc, m, p, c, sys_period) SELECT id, code, 7, 14, tags, '{\"a\": 0}', 'not', p, 'b', tstzrange('2001-01-01', lower(sys_period)) FROM t")
		says(t, l.adopts("yore.adopt('t')"), "figure versions 2", "figure problems 0")
		l.want("SELECT id, code, n, twice, tags, doc, m, p, c, version FROM history.t ORDER BY version", `1|Aa|7|14|{x,NULL}|{"a": 0}|not|(1,2)|b|1`, `1|Aa|1|2|{x,NULL}|{"a": 1}|fine|(1,2)|c|2`)
		l.exec("INSERT INTO t (code, n) VALUES ('b', 5)", "UPDATE t SET n = 2 WHERE code = 'aA'")
		l.present("t", "id, code, twice", "1|Aa|4", "2|b|10")
		l.sound("t", "id")
	})

	t.Run("in place, and partitioned", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int, part int, a text, sys_period tstzrange, PRIMARY KEY (id, part)) PARTITION BY LIST (part)",
			"CREATE TABLE t_1 PARTITION OF t FOR VALUES IN (1)", "CREATE TABLE t_2 PARTITION OF t FOR VALUES IN (2)",
			"CREATE TABLE t_history (id int, part int, a text, sys_period tstzrange) PARTITION BY LIST (part)", "CREATE TABLE h_1 PARTITION OF t_history FOR VALUES IN (1)", "CREATE TABLE h_2 PARTITION OF t_history DEFAULT",
			"INSERT INTO t VALUES (1, 1, 'b', '[2002-01-01,)'), (1, 2, 'y', '[2003-01-01,)')",
			"INSERT INTO t_history VALUES (1, 1, 'a', '[2001-01-01,2002-01-01)'), (1, 2, 'x', '[2001-01-01,2003-01-01)')")
		refuses(t, l.db, "SELECT yore.adopt('t', history_table => 't_history', period => '{sys_period}')", "YO005", "partitioned")
		l.adopts("yore.adopt('t', history_table => 't_history', period => '{sys_period}', in_place => true)")
		l.want("SELECT id, part, a, version, date(valid_from) FROM history.t ORDER BY 2, 4", "1|1|a|1|2001-01-01", "1|1|b|2|2002-01-01", "1|2|x|1|2001-01-01", "1|2|y|2|2003-01-01")
		l.exec("UPDATE t SET a = 'c'", "UPDATE t_1 SET a = 'd'")
		l.want("SELECT part, max(version) FROM history.t GROUP BY 1 ORDER BY 1", "1|4", "2|3")
		pgtest.Clean(t, l.db)
	})

	t.Run("row-level security", func(t *testing.T) {
		l := newLab(t)
		l.needs(15, "a face over a table with row-level security")
		role := newRole(t, l.pool.Config().ConnString())
		l.exec("CREATE TABLE t (id int PRIMARY KEY, owner name, sys_period tstzrange DEFAULT tstzrange(now(), NULL))", "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
			"CREATE POLICY own ON t USING (owner = current_user)", "GRANT ALL ON t TO "+role, "INSERT INTO t VALUES (1, '"+role+"'), (2, 'other')")
		l.temporalTables("t", "t_history")
		l.exec("INSERT INTO t_history VALUES (1, 'other', '[2001-01-01,2002-01-01)'), (3, '" + role + "', '[2001-01-01,2002-01-01)')")
		l.adopts("yore.adopt('t')")
		l.exec("SELECT yore.grant_history('t', '" + role + "')")
		s := dial(t, as(t, l.pool.Config().ConnString(), role))
		rowsAre(t, s, "SELECT id FROM t", "1")
		rowsAre(t, s, "SELECT id, version FROM history.t ORDER BY 1, 2", "1|3", "3|1", "3|2")
	})

	t.Run("by its owner, who is no superuser", func(t *testing.T) {
		l := newLab(t)
		dsn := l.pool.Config().ConnString()
		role := newRole(t, dsn)
		l.exec("GRANT CREATE ON DATABASE "+l.value("SELECT quote_ident(current_database())")+" TO "+role, "GRANT CREATE ON SCHEMA public TO "+role, "GRANT ALL ON yore.tracked TO "+role)
		s := &lab{TB: t, db: dial(t, as(t, dsn, role)), pool: l.pool}
		s.chronoModel("states", "id", "id int, name text", `{"temporal":true}`)
		s.exec("INSERT INTO states VALUES (1, 'a')", "UPDATE states SET name = 'b'", "INSERT INTO history.states (id, name, validity) VALUES (1, 'over', '[2001-01-01,)')",
			"CREATE TABLE t (id int PRIMARY KEY, sys_period tstzrange)")
		s.exec("SELECT yore.adopt('states', on_problem => 'leave_out')")
		s.history("states", "id, name", "1|a|v1 past", "1|b|v2 open")
		s.temporalTables("t", "t_history")
		s.exec("INSERT INTO t VALUES (1)", "SELECT yore.adopt('t')", "UPDATE t SET id = 2")
		s.want("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'temporal'", role)
		s.want("SELECT DISTINCT viewowner FROM pg_views WHERE schemaname IN ('public', 'history', 'asof')", role)
		pgtest.Clean(t, l.db)
	})

	t.Run("with triggers that nearform's generator wrote", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, a int, sys_period tstzrange)", "CREATE TABLE t_history (LIKE t)", "CREATE TABLE unrelated (sys_period tstzrange)",
			`CREATE FUNCTION t_versioning() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
				IF TG_OP <> 'INSERT' THEN INSERT INTO public.t_history (id, a, sys_period) VALUES (OLD.id, OLD.a, tstzrange(lower(OLD.sys_period), now())); END IF;
				IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; NEW.sys_period := tstzrange(now(), NULL); RETURN NEW; END $$`,
			"CREATE TRIGGER t_versioning_trigger BEFORE INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION t_versioning()",
			"INSERT INTO t VALUES (1, 1)", "UPDATE t SET a = 2", "CREATE TRIGGER guard BEFORE UPDATE ON t_history FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()")
		says(t, l.adopts("yore.adopt('t')"), "source goes trigger t_versioning_trigger", "note goes trigger guard on t_history", "source goes function t_versioning()", "figure versions 2")
		l.exec("UPDATE t SET a = 3")
		l.history("t", "id, a", "1|1|v1 past", "1|2|v2 past", "1|3|v3 open")
	})
}

// A dry run needs no more than the right to read, and an adoption sees what was
// written while it waited.
func TestAdoptBesideOthers(t *testing.T) {
	setup := func(t *testing.T) *lab {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, a int, sys_period tstzrange)", "CREATE TABLE t_history (LIKE t)")
		l.temporalTables("t", "t_history")
		l.exec("INSERT INTO t VALUES (1, 1), (2, 1)")
		return l
	}
	t.Run("dry run", func(t *testing.T) {
		l := setup(t)
		s := l.session()
		s.exec("BEGIN READ ONLY", "SELECT yore.adopt('t', dry_run => true)")
		s.want("SELECT DISTINCT mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation IN ('t'::regclass, 't_history'::regclass)", "AccessShareLock")
		s.exec("COMMIT")
	})
	t.Run("a writer before it", func(t *testing.T) {
		l := setup(t)
		writer, adopter := l.session(), l.session()
		writer.exec("BEGIN", "UPDATE t SET a = 2 WHERE id = 1", "DELETE FROM t WHERE id = 2", "INSERT INTO t VALUES (3, 1)")
		p := adopter.start("SELECT yore.adopt('t')").blocked()
		writer.exec("COMMIT")
		p.wait()
		l.history("t", "id, a", "1|1|v1 past", "1|2|v2 open", "2|1|v1 past", "2|1|v2 tombstone", "3|1|v1 open")
		l.sound("t", "id")
	})
	t.Run("a writer behind it", func(t *testing.T) {
		l := setup(t)
		writer, adopter := l.session(), l.session()
		adopter.exec("BEGIN", "SELECT yore.adopt('t')")
		p := writer.start("UPDATE t SET a = a + 1").blocked()
		adopter.exec("COMMIT")
		<-p.done
		if p.err != nil { // it had the table's name resolved before it was a view's
			l.exec("UPDATE t SET a = a + 1")
		}
		l.history("t", "id, a", "1|1|v1 past", "1|2|v2 open", "2|1|v1 past", "2|2|v2 open")
		l.sound("t", "id")
	})
	for name, make := range map[string]func(*testing.T) *lab{"of temporal_tables": setup, "of ChronoModel": func(t *testing.T) *lab {
		l := newLab(t)
		l.chronoModel("t", "id", "id int, a int", "")
		l.exec("INSERT INTO t VALUES (1, 1)", "UPDATE t SET a = 2")
		return l
	}} {
		t.Run("two at once "+name, func(t *testing.T) { twoAtOnce(make(t)) })
	}
}

func twoAtOnce(l *lab) {
	l.Helper()
	errs := l.together(3, func(_ int, c *pgx.Conn) error {
		_, err := c.Exec(context.Background(), "SELECT yore.adopt('t')")
		return err
	})
	if len(errs) != 2 {
		l.Errorf("%d errors: %v", len(errs), errs)
	}
	for _, err := range errs {
		if !strings.Contains(err.Error(), "YO004") {
			l.Error(err)
		}
	}
	l.sound("t", "id")
}

// Whatever is in a history, every version of it is in the past, in the present or
// beside them, and what is sound is not left out.
func TestAdoptLosesNothing(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, a int, sys_period tstzrange)", "CREATE TABLE t_history (id int, a int, sys_period tstzrange)")
			r := rand.New(rand.NewPCG(seed, 1))
			dirty := seed%2 == 1
			day := func(n int) string { return fmt.Sprintf("'2001-01-01'::timestamptz + interval '%d days'", n) }
			n := 0
			for id := 1; id <= 20; id++ {
				at := r.IntN(5)
				for range r.IntN(6) {
					from, to := at, at+1+r.IntN(4)
					at = to + r.IntN(2)*r.IntN(3)
					if dirty && r.IntN(4) == 0 {
						from -= r.IntN(4) // overlaps, or is twice there
					}
					if dirty && r.IntN(9) == 0 {
						to = from
					}
					n++
					l.exec(fmt.Sprintf("INSERT INTO t_history VALUES (%d, %d, tstzrange(%s, %s))", id, n, day(from), day(to)))
				}
				if r.IntN(2) == 0 {
					n++
					l.exec(fmt.Sprintf("INSERT INTO t VALUES (%d, %d, tstzrange(%s, NULL))", id, n, day(at)))
				}
			}
			query := "SELECT * FROM (SELECT * FROM t UNION ALL SELECT * FROM t_history) AS u WHERE sys_period @> %s::timestamptz"
			a := l.watch("t", "id, a", "SELECT unnest(ARRAY[lower(sys_period), upper(sys_period)]) FROM (SELECT * FROM t UNION ALL SELECT * FROM t_history) AS u", query)
			l.adopts("yore.adopt('t', history_table => 't_history', period => '{sys_period}', on_problem => 'leave_out')")
			left := "0"
			if l.value("SELECT to_regclass('temporal.t_left_out') IS NOT NULL") == "t" {
				left = l.value("SELECT count(*) FROM temporal.t_left_out")
			}
			l.want("SELECT count(*) + "+left+", count(DISTINCT a) + "+left+" FROM history.t WHERE deleted_at IS NULL", fmt.Sprintf("%d|%[1]d", n))
			if !dirty {
				l.want("SELECT "+left, "0")
				a.same("asof.t")
			}
			l.sound("t", "id")
			l.exec("UPDATE t SET a = -a", "DELETE FROM t WHERE id % 2 = 0", "INSERT INTO t SELECT n FROM generate_series(1, 20) AS n ON CONFLICT DO NOTHING")
			l.sound("t", "id")
		})
	}
}

// What ChronoModel did when it converted a table, yore does when it tracks one.
func TestTrackWhatIsThere(t *testing.T) {
	t.Run("temporal-46 the rows found are open from the time given", func(t *testing.T) {
		for _, since := range []string{"1977-01-01", "0001-01-01"} {
			l := &lab{TB: t, db: pgtest.Pool(t)}
			l.exec("CREATE TABLE t (id int PRIMARY KEY, a int)", "INSERT INTO t VALUES (1, 1), (2, 2)", "SELECT yore.track('t', since => '"+since+"')")
			l.want("SELECT id, version, valid_from = '"+since+"', valid_to FROM history.t ORDER BY 1", "1|1|t|∅", "2|1|t|∅")
		}
	})
	t.Run("temporal-47 what a row was before its first change is kept", func(t *testing.T) {
		for _, options := range []string{"", ", since => '1977-01-01'", ", since => '-infinity'"} {
			l := &lab{TB: t, db: pgtest.Pool(t)}
			l.exec("CREATE TABLE t (id int PRIMARY KEY, a int)", "INSERT INTO t VALUES (1, 1), (2, 2)", "SELECT yore.track('t'"+options+")", "UPDATE t SET a = 3 WHERE id = 1", "DELETE FROM t WHERE id = 2")
			l.history("t", "id, a", "1|1|v1 past", "1|3|v2 open", "2|2|v1 past", "2|2|v2 tombstone")
		}
	})
}
