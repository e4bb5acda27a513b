package sql_test

import (
	"strings"
	"testing"

	"yore.example/yore/internal/pgtest"
)

func TestAdoptChronoModel(t *testing.T) {
	t.Run("every version, and every answer as of then", func(t *testing.T) {
		l := newLab(t)
		l.chronoModel(`"Land Area"`, `"Id No"`, `"Id No" int, name text, pop int, updated_at timestamp`, `{"temporal":true,"chronomodel":"3.0.1","no_journal":["pop"]}`)
		l.exec(`INSERT INTO "Land Area" VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)`, `UPDATE "Land Area" SET name = 'a2' WHERE "Id No" = 1`,
			`DELETE FROM "Land Area" WHERE "Id No" = 2`, `INSERT INTO "Land Area" VALUES (2, 'b again', 4)`, `DELETE FROM "Land Area" WHERE "Id No" = 3`,
			// What is not journaled is changed in the table alone.
			`UPDATE temporal."Land Area" SET pop = 9 WHERE "Id No" = 1 AND tableoid = 'temporal."Land Area"'::regclass`)
		a := l.watch(`"Land Area"`, `"Id No", name`, `SELECT unnest(ARRAY[lower(validity), upper(validity)]) AT TIME ZONE 'UTC' FROM history."Land Area"`,
			`SELECT * FROM history."Land Area" WHERE validity @> %s::timestamptz AT TIME ZONE 'UTC'`)
		versions := l.value(`SELECT count(*) FROM history."Land Area"`)
		report := l.adopts(`yore.adopt('"Land Area"')`)
		says(t, report, "source system ChronoModel 3.0.1", "source goes function", "figure versions "+versions, "figure keys 3", "figure current rows 2",
			"figure deleted keys 1", "figure deletions 2", "figure problems 0", `note gap {"Id No": 2} absent until`)
		a.same(`asof."Land Area"`)
		l.want(`SELECT count(*) FROM history."Land Area" WHERE deleted_at IS NULL`, versions)
		l.want(`SELECT no_journal, squash, since = (SELECT min(valid_from) FROM history."Land Area") FROM yore.tracked`, "{pop}|t|t")
		l.want(`SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '"Land Area"'::regclass`, "Id No name pop updated_at")
		l.history(`"Land Area"`, `"Id No", name, pop`, "1|a|1|v1 past", "1|a2|9|v2 open", "2|b|2|v1 past", "2|b|2|v2 tombstone", "2|b again|4|v3 open", "3|c|3|v1 past", "3|c|3|v2 tombstone")
		l.want(`SELECT count(*) FROM pg_proc WHERE proname LIKE 'chronomodel%'`, "0")
		l.want(`SELECT count(*) FROM pg_class WHERE relname LIKE 'yore_adopt%'`, "0")

		// It goes on as any table of yore's.
		l.exec(`UPDATE "Land Area" SET name = 'a3' WHERE "Id No" = 1`, `UPDATE "Land Area" SET pop = 10 WHERE "Id No" = 1`, `DELETE FROM "Land Area" WHERE "Id No" = 2`, `INSERT INTO "Land Area" VALUES (3, 'c again', 1), (4, 'd', 1)`)
		l.history(`"Land Area"`, `"Id No", name, pop`, "1|a|1|v1 past", "1|a2|9|v2 past", "1|a3|10|v3 open", "2|b|2|v1 past", "2|b|2|v2 tombstone", "2|b again|4|v3 past", "2|b again|4|v4 tombstone",
			"3|c|3|v1 past", "3|c|3|v2 tombstone", "3|c again|1|v3 open", "4|d|1|v1 open")
		l.sound(`"Land Area"`, `"Id No"`)
		a.same(`asof."Land Area"`)
	})

	t.Run("what belongs to the table stays, and its neighbours go on", func(t *testing.T) {
		l := newLab(t)
		role := newRole(t, l.pool.Config().ConnString())
		l.chronoModel("states", "id", "id bigserial, code text UNIQUE CHECK (code <> ''), note text", `{"temporal":true,"chronomodel":"1.2.2"}`)
		l.chronoModel("towns", "id", "id int, state bigint", `{"temporal":true,"chronomodel":"1.2.2"}`)
		l.exec("ALTER TABLE temporal.towns ADD FOREIGN KEY (state) REFERENCES temporal.states ON DELETE CASCADE",
			"CREATE INDEX states_note ON temporal.states (note)", "CREATE INDEX states_note ON history.states (note)",
			"COMMENT ON COLUMN temporal.states.code IS 'two letters'", "COMMENT ON COLUMN states.note IS 'of the view'",
			"GRANT SELECT, UPDATE (note) ON states TO "+role, "GRANT ALL ON temporal.states TO "+role, "GRANT SELECT ON history.states TO "+role,
			"INSERT INTO states (id, code) VALUES (nextval('temporal.states_id_seq'), 'HR')", "INSERT INTO towns VALUES (1, 1)")
		report := l.adopts("yore.adopt('states')")
		says(t, report, "note note sequence temporal.states_id_seq moves to schema public", "note grants "+role+" may read history.states")
		l.want("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'temporal.states'::regclass AND contype <> 'n' ORDER BY 1", "CHECK ((code <> ''::text))", "PRIMARY KEY (id)", "UNIQUE (code)")
		l.want("SELECT count(*) FROM pg_indexes WHERE (schemaname, indexname) = ('temporal', 'states_note')", "1")
		l.want("SELECT col_description('states'::regclass, 2), col_description('states'::regclass, 3)", "two letters|of the view")
		l.want("SELECT privilege_type FROM information_schema.role_table_grants WHERE grantee = '"+role+"' AND (table_schema, table_name) = ('public', 'states')", "SELECT")
		l.want("SELECT column_name FROM information_schema.role_column_grants WHERE grantee = '"+role+"' AND (table_schema, table_name, privilege_type) = ('public', 'states', 'UPDATE')", "note")
		l.exec("INSERT INTO states (code) VALUES ('SI')")
		l.present("states", "id, code", "1|HR", "2|SI")
		// The other table is ChronoModel's still, in the same schemas.
		l.exec("INSERT INTO towns VALUES (2, 2)", "UPDATE towns SET state = 2 WHERE id = 1", "DELETE FROM towns WHERE id = 2")
		l.want("SELECT count(*), count(*) FILTER (WHERE upper_inf(validity)) FROM history.towns", "3|1")
		l.adopts("yore.adopt('towns')")
		l.versions("towns", 3)
		// The foreign key is the table's, and what it does is now recorded.
		l.exec("DELETE FROM states WHERE id = 2")
		l.want("SELECT count(*) FROM history.towns WHERE deleted_at IS NOT NULL", "2")
		l.sound("towns", "id")
	})

	t.Run("journal options, as they were", func(t *testing.T) {
		for options, want := range map[string]string{
			`{"temporal":true,"journal":["b","gone"]}`:  "{b}|∅|f",
			`{"temporal":true,"journal":["gone"]}`:      "{id}|∅|f",
			`{"temporal":true,"no_journal":["a","b"]}`:  "∅|{a,b}|f",
			`{"temporal":true,"no_journal":["gone"]}`:   "∅|∅|f",
			`{"temporal":true,"full_journal":true}`:     "∅|∅|t",
			`{"temporal":true,"journal":null,"id":"x"}`: "∅|∅|f",
			`somebody's remark`:                         "∅|∅|f",
			``:                                          "∅|∅|f",
		} {
			t.Run(options, func(t *testing.T) {
				l := newLab(t)
				l.chronoModel("t", "id", "id int, a int, b int, updated_at timestamp", options)
				l.exec("INSERT INTO t VALUES (1, 1, 1)")
				l.adopts("yore.adopt('t')")
				l.want("SELECT journal, no_journal, full_journal FROM yore.tracked", want)
			})
		}
	})

	t.Run("a column computed from one that is not journaled", func(t *testing.T) {
		l := newLab(t)
		l.chronoModel("t", "id", "id int, a int, hits int, twice int GENERATED ALWAYS AS (hits * 2) STORED", `{"temporal":true,"no_journal":["hits"]}`)
		l.exec("INSERT INTO temporal.t VALUES (1, 1, 5)", "INSERT INTO history.t (id, a, hits, validity) VALUES (1, 1, 0, '[2001-01-01,)')")
		says(t, l.adopts("yore.adopt('t')"), "figure problems 0")
		l.want("SELECT hits, twice FROM t", "5|10")
	})

	t.Run("a view of the user's is named, and nothing has changed", func(t *testing.T) {
		l := newLab(t)
		l.chronoModel("t", "id", "id int, a int", `{"temporal":true}`)
		l.exec("INSERT INTO t VALUES (1, 1)", "CREATE VIEW mine AS SELECT a FROM t", "CREATE FUNCTION his() RETURNS SETOF history.t LANGUAGE sql AS 'TABLE history.t'")
		before := l.catalogs()
		refuses(t, l.db, "SELECT yore.adopt('t', on_problem => 'leave_out')", "YO025", "view mine depends", "function his() depends")
		if diff := difference(before, l.catalogs()); diff != "" {
			t.Errorf("something changed:\n%s", diff)
		}
		l.exec("DROP VIEW mine", "DROP FUNCTION his()")
		l.adopts("yore.adopt('t')")
	})

	t.Run("validity '1977-01-01' and 0001-01-01, as copy_data leaves it", func(t *testing.T) {
		for _, from := range []string{"1977-01-01", "0001-01-01"} {
			t.Run(from, func(t *testing.T) {
				l := newLab(t)
				l.chronoModel("t", "id", "id int, a int", "")
				l.exec("INSERT INTO temporal.t VALUES (1, 1), (2, 2)", "INSERT INTO history.t (id, a, validity) SELECT id, a, tsrange('"+from+" 00:00:00', NULL) FROM ONLY temporal.t")
				l.adopts("yore.adopt('t')")
				l.want("SELECT id, valid_from AT TIME ZONE 'UTC', valid_to FROM history.t ORDER BY id", "1|"+from+" 00:00:00|∅", "2|"+from+" 00:00:00|∅")
				l.want("SELECT yore.tracked_since('t') AT TIME ZONE 'UTC'", from+" 00:00:00")
			})
		}
	})
}

// What the row says and what its open version says may differ, in ChronoModel:
// its two tables are written one after the other.
func TestAdoptWhereTableAndHistoryDisagree(t *testing.T) {
	l := newLab(t)
	l.chronoModel("t", "id", "id int, a text", `{"temporal":true}`)
	l.exec("INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three')",
		"UPDATE ONLY temporal.t SET a = 'one, by hand' WHERE id = 1",
		"DELETE FROM ONLY temporal.t WHERE id = 2",
		// Converted without copy_data: no version says that it is there.
		"INSERT INTO temporal.t VALUES (4, 'four')",
		"INSERT INTO temporal.t VALUES (5, 'five')", "INSERT INTO history.t (id, a, validity) VALUES (5, 'five once', '[2001-01-01,2002-01-01)')")
	before := l.value("SELECT clock_timestamp()")
	refuses(t, l.db, "SELECT yore.adopt('t')", "YO025", `values differ {"id": 1}`, `version without row {"id": 2}`, `row without version {"id": 4}`, `row without version {"id": 5}`)
	report := l.adopts("yore.adopt('t', on_problem => 'leave_out')")
	says(t, report, `problem values differ {"id": 1}`, `problem version without row {"id": 2}`, `problem row without version {"id": 4}`, "figure left out 0", "figure problems 4", "figure versions 7")
	// Up to the adoption what the history said, from then on what the table says.
	l.history("t", "id, a", "1|one|v1 past", "1|one, by hand|v2 open", "2|two|v1 past", "2|two|v2 tombstone", "3|three|v1 open", "4|four|v1 open",
		"5|five once|v1 past", "5|five once|v2 tombstone", "5|five|v3 open")
	l.sound("t", "id")
	l.want("SELECT id, a FROM asof.t('"+before+"') ORDER BY id", "1|one", "2|two", "3|three")
	// What the adoption made began with its transaction; of the rest nobody knows.
	l.want("SELECT id, version FROM history.t WHERE xid <> '2' ORDER BY 1, 2", "1|2", "2|2", "4|1", "5|3")
	l.want("SELECT to_regclass('temporal.t_left_out')", "∅")
}

func TestAdoptTemporalTables(t *testing.T) {
	t.Run("composite and mixed-case names, columns that came and went", func(t *testing.T) {
		l := newLab(t, "CREATE SCHEMA app", "SET search_path = public",
			`CREATE TABLE app."Order Line" ("Order" int, line text, "Qty" int, stamp timestamptz, doc json, sys_period tstzrange NOT NULL DEFAULT tstzrange(now(), NULL), PRIMARY KEY ("Order", line))`,
			`CREATE TABLE app."Order Line_history" (LIKE app."Order Line", dropped text, sys_xid int)`, `ALTER TABLE app."Order Line_history" DROP COLUMN stamp`,
			`CREATE INDEX "by period" ON app."Order Line" USING gist (sys_period)`, `CREATE INDEX "by qty" ON app."Order Line" ("Qty")`,
			`ALTER TABLE app."Order Line" ENABLE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY`,
			`CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.stamp := now(); RETURN NEW; END $$`,
			`CREATE TRIGGER a_touch BEFORE UPDATE ON app."Order Line" FOR EACH ROW EXECUTE FUNCTION touch()`)
		l.temporalTables(`app."Order Line"`, `app."Order Line_history"`)
		l.exec(`CREATE OR REPLACE FUNCTION versioning() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
				IF TG_OP <> 'INSERT' THEN
					INSERT INTO app."Order Line_history" ("Order", line, "Qty", doc, sys_period) VALUES (OLD."Order", OLD.line, OLD."Qty", OLD.doc, tstzrange(lower(OLD.sys_period), now()));
				END IF;
				IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
				NEW.sys_period := tstzrange(now(), NULL); RETURN NEW; END $$`,
			`INSERT INTO app."Order Line" ("Order", line, "Qty", doc, stamp) VALUES (1, 'a', 1, '{}', '2001-01-01'), (1, 'b', 2, NULL, '2001-01-01'), (2, 'a', 3, NULL, '2001-01-01')`,
			`UPDATE app."Order Line" SET "Qty" = 5 WHERE line = 'a'`, `DELETE FROM app."Order Line" WHERE line = 'b'`,
			`INSERT INTO app."Order Line_history" VALUES (1, 'a', 0, NULL, '[2001-01-01,2002-01-01)', 'gone', 7)`)
		a := l.watch(`app."Order Line"`, `"Order", line, "Qty"`, `SELECT unnest(ARRAY[lower(sys_period), upper(sys_period)]) FROM (SELECT sys_period FROM app."Order Line" UNION ALL SELECT sys_period FROM app."Order Line_history") AS u`,
			`SELECT "Order", line, "Qty" FROM (SELECT "Order", line, "Qty", sys_period FROM app."Order Line" UNION ALL SELECT "Order", line, "Qty", sys_period FROM app."Order Line_history") AS u WHERE sys_period @> %s::timestamptz`)
		stamps := l.rows(`SELECT stamp FROM app."Order Line" ORDER BY 1`)
		report := l.adopts(`yore.adopt('app."Order Line"')`)
		says(t, report, `source key "Order", line`, "figure versions 6", "figure current rows 2", "figure deleted keys 1", "note column stamp is not in the history",
			"note column dropped is in the history alone", `note goes CREATE INDEX "by period"`, `note gap {"line": "a", "Order": 1}`)
		a.same(`asof_app."Order Line"`)
		l.want(`SELECT attname FROM pg_attribute WHERE attrelid = 'app."Order Line"'::regclass AND attnum > 0 ORDER BY attnum`, "Order", "line", "Qty", "stamp", "doc")
		l.want(`SELECT DISTINCT dropped, sys_xid_until_1 FROM temporal_app."Order Line_past" WHERE "Qty" = 0`, "gone|7")
		l.want(`SELECT stamp FROM app."Order Line" ORDER BY 1`, stamps...) // no trigger of the user's fired
		l.want(`SELECT indexname FROM pg_indexes WHERE schemaname = 'temporal_app' AND tablename = 'Order Line' ORDER BY 1`, "Order Line_pkey", "by qty")
		l.exec(`UPDATE app."Order Line" SET "Qty" = 6 WHERE "Order" = 2`, `INSERT INTO app."Order Line" ("Order", line) VALUES (1, 'b')`, `DELETE FROM app."Order Line" WHERE "Order" = 1`)
		l.want(`SELECT "Order", line, max(version) FROM history_app."Order Line" GROUP BY 1, 2 ORDER BY 1, 2`, "1|a|5", "1|b|4", "2|a|3")
		l.want(`SELECT count(*) FROM app."Order Line" WHERE stamp > now() - interval '1 hour'`, "1") // and now it does again
		pgtest.Clean(t, l.db)
		a.same(`asof_app."Order Line"`)
		l.exec(`SELECT yore.sync('app."Order Line"')`, `SELECT yore.untrack('app."Order Line"')`)
		l.want(`SELECT DISTINCT dropped FROM temporal_app."Order Line_past" WHERE "Qty" = 0`, "gone")
		l.want(`SELECT count(*) FROM app."Order Line"`, "1")
	})

	t.Run("a function for all tables goes with the last", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE a (id int PRIMARY KEY, sys_period tstzrange)", "CREATE TABLE b (id int PRIMARY KEY, sys_period tstzrange)")
		l.temporalTables("a", "a_history")
		l.temporalTables("b", "public.b_history")
		l.exec("INSERT INTO a VALUES (1)", "INSERT INTO b VALUES (1)")
		l.adopts("yore.adopt('a')")
		l.exec("UPDATE b SET id = 2", "UPDATE b SET id = 1")
		l.want("SELECT count(*) FROM b_history", "2")
		says(t, l.adopts("yore.adopt('b')"), "source goes function versioning()")
		l.want("SELECT count(*) FROM pg_proc WHERE proname = 'versioning'", "0")
	})

	t.Run("the current version in the history as well", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, a int, sys_period tstzrange)", "CREATE TABLE t_history (LIKE t)",
			"INSERT INTO t VALUES (1, 2, '[2002-01-01,)'), (2, 1, '[2001-01-01,)'), (3, 9, '[2003-01-01,)')",
			"INSERT INTO t_history VALUES (1, 1, '[2001-01-01,2002-01-01)'), (1, 2, '[2002-01-01,)'), (3, 8, '[2003-01-01,)'), (4, 1, '[2001-01-01,)')")
		l.temporalTables("t", "t_history")
		refuses(t, l.db, "SELECT yore.adopt('t')", "YO025", `values differ {"id": 3}`, `version without row {"id": 4}`)
		l.exec("DELETE FROM t_history WHERE id = 4", "UPDATE t_history SET a = 9 WHERE id = 3")
		says(t, l.adopts("yore.adopt('t')"), "figure versions 4", "figure problems 0", "figure current rows 3")
		l.history("t", "id, a", "1|1|v1 past", "1|2|v2 open", "2|1|v1 open", "3|9|v1 open")
	})

	t.Run("without primary key, with a version column that the trigger counted", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (name text NOT NULL UNIQUE, version int NOT NULL DEFAULT 1, sys_period tstzrange)")
		l.temporalTables("t", "t_history")
		l.exec("DROP TRIGGER versioning_trigger ON t", "CREATE TRIGGER v BEFORE INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION versioning('sys_period', 't_history', 'true', 'false', 'false', 'false', 'true', 'version')",
			"INSERT INTO t VALUES ('a')", "UPDATE t SET version = 2")
		refuses(t, l.db, "SELECT yore.adopt('t')", "YO005", "no primary key")
		refuses(t, l.db, "SELECT yore.adopt('t', key => '{name}')", "YO025", "column version has the name of one that history shows: prefix")
		says(t, l.adopts("yore.adopt('t', key => '{name}', prefix => 'sys_')"), "note note column version was counted up by the trigger")
		l.want("SELECT name, version, sys_version FROM history.t ORDER BY sys_version", "a|1|1", "a|2|2")
	})

	t.Run("two tables that nobody knows, named by hand", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, a int)", "CREATE TABLE t_log (id int, a int, was tsrange)",
			"INSERT INTO t VALUES (1, 2)", "INSERT INTO t_log VALUES (1, 1, '(2001-01-01,2002-01-01]'), (1, 2, '(2002-01-01,infinity]'), (2, 1, '(,2001-01-01)')")
		refuses(t, l.db, "SELECT yore.adopt('t')", "YO025", "no history that yore knows")
		refuses(t, l.db, "SELECT yore.adopt('t', history_table => 't_log')", "YO007", "takes both")
		refuses(t, l.db, "SELECT yore.adopt('t', history_table => 'nowhere', period => '{was}')", "YO003")
		refuses(t, l.db, "SELECT yore.adopt('t', history_table => 't_log', period => '{a}')", "YO007", "no period of timestamps")
		refuses(t, l.db, "SELECT yore.adopt('t', history_table => 't', period => '{was}')", "YO007", "no history table")
		refuses(t, l.db, "SELECT yore.adopt('t', history_table => 't_log', period => '{a,b,c}')", "YO007", "one column of a range type")
		refuses(t, l.db, "SELECT yore.adopt('t', on_problem => 'mend')", "YO007", "'refuse' or 'leave_out'")
		l.adopts("yore.adopt('t', history_table => 't_log', period => '{was}')")
		// Half-open, to the microsecond.
		l.want("SELECT id, version, valid_from AT TIME ZONE 'UTC', valid_to AT TIME ZONE 'UTC' FROM history.t ORDER BY 1, 2",
			"1|1|2001-01-01 00:00:00.000001|2002-01-01 00:00:00.000001", "1|2|2002-01-01 00:00:00.000001|∅", "2|1|∅|2001-01-01 00:00:00", "2|2|2001-01-01 00:00:00|2001-01-01 00:00:00")
		l.want("SELECT yore.tracked_since('t')", "-infinity")
		refuses(t, l.db, "SELECT yore.adopt('t')", "YO004", "already tracked")
	})
}

// A version that cannot be taken as it is is refused, reported, or kept beside.
func TestAdoptProblems(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, a text, sys_period tstzrange)", "CREATE TABLE t_history (id int, a text, sys_period tstzrange)",
		"INSERT INTO t VALUES (1, 'now', '[2005-01-01,)'), (2, 'now', '[2005-01-01,)'), (3, 'no time', NULL)",
		`INSERT INTO t_history VALUES
			(1, 'a', '[2001-01-01,2002-01-01)'), (1, 'b', '[2002-01-01,2005-01-01)'),
			(1, 'over b', '[2001-06-01,2003-01-01)'), (1, 'over now', '[2004-01-01,2006-01-01)'),
			(2, 'a', '[2001-01-01,2002-01-01)'), (2, 'a again', '[2001-01-01,2002-01-01)'), (2, 'empty', 'empty'), (2, 'none', NULL),
			(NULL, 'nobody', '[2001-01-01,2002-01-01)'),
			(4, 'a', '[2001-01-01,2002-01-01)'), (4, 'c', '[2003-01-01,2004-01-01)')`)
	l.temporalTables("t", "t_history")
	before := l.catalogs()
	e := refuses(t, l.db, "SELECT yore.adopt('t')", "YO025", "not adopted, for 7 reasons", "overlap", "duplicate", "leave_out")
	if n := strings.Count(e.Detail, "\n"); n != 6 {
		t.Errorf("the error names %d problems, not 7:\n%s", n+1, e.Detail)
	}
	if diff := difference(before, l.catalogs()); diff != "" {
		t.Errorf("refused, and yet something changed:\n%s", diff)
	}
	l.want("SELECT count(*) FROM t_history", "11")

	report := l.adopts("yore.adopt('t', on_problem => 'leave_out')")
	says(t, report, `problem overlap {"id": 1} the version before it ended 2002-01-01`, `problem overlap {"id": 1} the current row began 2005-01-01`,
		`problem duplicate {"id": 2}`, `problem empty period {"id": 2}`, `problem NULL key {"id": null}`, `problem row without version {"id": 3}`,
		`note gap {"id": 4} absent until 2003-01-01 00:00:00+00: recorded as deleted`, "figure left out 6", "figure problems 7", "figure versions 14")
	l.history("t", "id, a", "1|a|v1 past", "1|b|v2 past", "1|now|v3 open", "2|a|v1 past", "2|a|v2 tombstone", "2|now|v3 open", "3|no time|v1 open",
		"4|a|v1 past", "4|a|v2 tombstone", "4|c|v3 past", "4|c|v4 tombstone")
	// Nothing is lost.
	l.want("SELECT sys_problem, id, a, sys_period IS NULL FROM temporal.t_left_out ORDER BY 1, 2, 3",
		"NULL key|∅|nobody|f", "duplicate|2|a again|f", "empty period|2|empty|f", "empty period|2|none|t", "overlap|1|over b|f", "overlap|1|over now|f")
	l.sound("t", "id")

	t.Run("a period that ends before it begins", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, a int)", "CREATE TABLE t_log (id int, a int, begins timestamptz, ends timestamptz)",
			"INSERT INTO t_log VALUES (1, 1, '2002-01-01', '2001-01-01'), (1, 2, '2001-06-01', '2001-07-01'), (1, 3, NULL, '2001-07-01')")
		refuses(t, l.db, "SELECT yore.adopt('t', history_table => 't_log', period => '{begins,ends}')", "YO025", "inverted period", "empty period")
		l.adopts("yore.adopt('t', history_table => 't_log', period => '{begins,ends}', on_problem => 'leave_out')")
		l.history("t", "id, a", "1|2|v1 past", "1|2|v2 tombstone")
	})
	t.Run("a time that has not come, by a clock that was wrong", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, a int, sys_period tstzrange)", "INSERT INTO t VALUES (1, 2, '[2999-01-01,)')")
		l.temporalTables("t", "t_history")
		l.exec("INSERT INTO t_history VALUES (1, 1, '[2998-01-01,2999-01-01)')")
		l.adopts("yore.adopt('t')")
		l.want("SELECT yore.tracked_since('t') <= now()", "t")
		l.exec("UPDATE t SET a = 3")
		l.history("t", "id, a", "1|1|v1 past", "1|2|v2 past", "1|3|v3 open")
		l.sound("t", "id")
	})
	t.Run("columns of other types", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, a int, sys_period tstzrange)", "CREATE TABLE t_history (id int, a text, sys_period tstzrange)")
		l.temporalTables("t", "t_history")
		refuses(t, l.db, "SELECT yore.adopt('t', on_problem => 'leave_out')", "YO025", "column a is integer in the table and text in its history", "Obstacles")
	})
	t.Run("a name that is taken", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, sys_period tstzrange)", "CREATE SCHEMA temporal", "CREATE TABLE temporal.t_past (id int)")
		l.temporalTables("t", "t_history")
		refuses(t, l.db, "SELECT yore.adopt('t')", "YO025", "temporal.t_past is already there")
		l.adopts("yore.adopt('t', past_name => 't_before')")
	})
	t.Run("an old snapshot, another's table, row-level security", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, sys_period tstzrange)")
		l.temporalTables("t", "t_history")
		s := l.session()
		s.exec("BEGIN ISOLATION LEVEL REPEATABLE READ")
		s.refused("YO013", "SELECT yore.adopt('t')")
		s.exec("ROLLBACK")
		dsn := l.pool.Config().ConnString()
		role := newRole(t, dsn)
		refuses(t, dial(t, as(t, dsn, role)), "SELECT yore.adopt('t')", "YO008", "does not own")
	})
}
