package sql_test

import (
	"fmt"
	"testing"

	"yore.example/yore/internal/pgtest"
)

// Foreign keys act on the storage: what they cascade is recorded, and as-of
// sees parents and children of one instant (trap-17, temporal-72).
func TestZooForeignKeys(t *testing.T) {
	t.Parallel()
	for _, inPlace := range []bool{false, true} {
		t.Run(fmt.Sprintf("trap-17 temporal-72 in_place=%t", inPlace), func(t *testing.T) {
			t.Parallel()
			db, _ := session(t)
			option := fmt.Sprintf(", in_place => %t)", inPlace)
			pgtest.Exec(t, db,
				"CREATE TABLE country (code text PRIMARY KEY)",
				"CREATE TABLE city (id int PRIMARY KEY, country text REFERENCES country ON UPDATE CASCADE ON DELETE CASCADE, twin int REFERENCES city ON DELETE SET NULL ON UPDATE CASCADE)",
				"CREATE TABLE mayor (id int PRIMARY KEY, city int NOT NULL DEFAULT 0 REFERENCES city ON DELETE SET DEFAULT ON UPDATE CASCADE)",
				"CREATE TABLE plain (id int PRIMARY KEY, city int REFERENCES city)")
			tables := []string{"country", "city", "mayor"}
			before := map[string][]string{}
			for _, name := range append(tables, "plain") {
				before[name] = catalogOf(t, db, name)
			}
			for _, name := range tables {
				pgtest.Exec(t, db, "SELECT yore.track('"+name+"'"+option)
			}
			pgtest.Exec(t, db, "INSERT INTO country VALUES ('YU'), ('IT')", "INSERT INTO city VALUES (0, 'IT', NULL), (1, 'YU', NULL), (2, 'IT', 1), (3, 'YU', 2)",
				"INSERT INTO mayor VALUES (7, 1), (8, 2)")
			refuses(t, db, "INSERT INTO city VALUES (9, 'XX', NULL)", "23503")
			refuses(t, db, "INSERT INTO plain VALUES (1, 99)", "23503")
			full := instant(t, db)
			pgtest.Exec(t, db, "UPDATE country SET code = 'CS' WHERE code = 'YU'")
			renamed := instant(t, db)
			pgtest.Exec(t, db, "UPDATE city SET id = 20 WHERE id = 2")
			pgtest.Exec(t, db, "DELETE FROM country WHERE code = 'CS'")
			rowsAre(t, db, "SELECT id, country, twin FROM city ORDER BY id", "0|IT|∅", "20|IT|∅")
			rowsAre(t, db, "SELECT id, city FROM mayor ORDER BY id", "7|0", "8|20")
			rowsAre(t, db, "SELECT id, country, twin, version, deleted_at IS NOT NULL FROM history.city ORDER BY id, version",
				"0|IT|∅|1|f", "1|YU|∅|1|f", "1|CS|∅|2|f", "1|CS|∅|3|t", "2|IT|1|1|f", "2|IT|1|2|t", "3|YU|2|1|f", "3|CS|2|2|f", "3|CS|20|3|f", "3|CS|20|4|t", "20|IT|1|1|f", "20|IT|∅|2|f")
			rowsAre(t, db, "SELECT id, city, version FROM history.mayor ORDER BY id, version", "7|1|1", "7|0|2", "8|2|1", "8|20|2")
			join := "SELECT m.id, c.id, k.code FROM mayor m JOIN city c ON c.id = m.city JOIN country k ON k.code = c.country ORDER BY m.id"
			for at, want := range map[string][]string{full: {"7|1|YU", "8|2|IT"}, renamed: {"7|1|CS", "8|2|IT"}, instant(t, db): {"7|0|IT", "8|20|IT"}} {
				pgtest.Exec(t, db, "BEGIN", "SELECT yore.as_of('"+at+"')")
				rowsAre(t, db, join, want...)
				// No child without its parent at any instant.
				rowsAre(t, db, "SELECT c.id FROM city c LEFT JOIN country k ON k.code = c.country WHERE k.code IS NULL AND c.country IS NOT NULL")
				pgtest.Exec(t, db, "ROLLBACK")
			}
			pgtest.Clean(t, db)
			for _, name := range tables {
				pgtest.Exec(t, db, "SELECT yore.untrack('"+name+"')")
			}
			for name, was := range before {
				if diff := difference(was, catalogOf(t, db, name)); diff != "" {
					t.Errorf("untrack did not give %s back:\n%s", name, diff)
				}
			}
			refuses(t, db, "INSERT INTO city VALUES (9, 'XX', NULL)", "23503")
		})
	}
}

// Tables with triggers of their own.
func TestZooTriggers(t *testing.T) {
	stamp := "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.stamp := coalesce(NEW.stamp, 0) + 1; RETURN NEW; END $$"
	tally := "CREATE FUNCTION tally() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO counted VALUES (TG_OP, TG_LEVEL); RETURN NULL; END $$"
	create := []string{"CREATE TABLE counted (op text, level text)", "CREATE TABLE t (id int PRIMARY KEY, v text, stamp int)", stamp, tally}
	steps := []string{"INSERT INTO t VALUES (1, 'a'), (2, 'b')", "UPDATE t SET v = 'c' WHERE id = 1", "INSERT INTO t VALUES (1, '') ON CONFLICT (id) DO UPDATE SET v = 'd'", "DELETE FROM t WHERE id = 2"}
	with := func(more ...string) []string { return append(create[:len(create):len(create)], more...) }
	runZoo(t, []specimen{
		{name: "before row", create: with("CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION stamp()", "COMMENT ON TRIGGER stamp ON t IS 'stamps'"), steps: steps, versions: 4},
		{name: "after row and statement", create: with(
			"CREATE TRIGGER a AFTER INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION tally()",
			"CREATE TRIGGER b BEFORE INSERT OR UPDATE OR DELETE ON t FOR EACH STATEMENT EXECUTE FUNCTION tally()",
			"CREATE TRIGGER z AFTER INSERT OR UPDATE OR DELETE ON t FOR EACH STATEMENT EXECUTE FUNCTION tally()",
			"ALTER TABLE t DISABLE TRIGGER z"), steps: steps, versions: 4},
		{name: "suppresses no-ops", create: with("CREATE TRIGGER still BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"), steps: append(steps, "UPDATE t SET v = v"), versions: 4},
		{name: "vetoes", create: with("CREATE FUNCTION veto() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF TG_OP = 'DELETE' OR NEW.v = 'no' THEN RETURN NULL; END IF; RETURN NEW; END $$",
			"CREATE TRIGGER veto BEFORE INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION veto()"), steps: append(steps, "UPDATE t SET v = 'no'", "INSERT INTO t VALUES (3, 'no')"), versions: 4},
		{name: "changes the key", create: with("CREATE FUNCTION rekey() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.v = 'move' THEN NEW.id := NEW.id + 100; END IF; RETURN NEW; END $$",
			"CREATE TRIGGER rekey BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION rekey()"), steps: append(steps, "UPDATE t SET v = 'move' WHERE id = 1", "INSERT INTO t VALUES (1, 'new')", "DELETE FROM t WHERE id = 101"), versions: 6},
		{name: "deferred constraint trigger", create: with("CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tally()"), steps: steps, versions: 4},
		{name: "writes itself again", create: with("CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE t SET stamp = 9 WHERE id = NEW.id AND stamp IS NULL; RETURN NULL; END $$",
			"CREATE TRIGGER again AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION again()"), steps: steps, versions: 4},
	})
}

// A trigger that changes the key, made after tracking, does not get past yore.
func TestZooTriggerMadeLater(t *testing.T) {
	t.Parallel()
	db, _ := session(t)
	pgtest.Exec(t, db, "CREATE TABLE t (id int PRIMARY KEY, v text)", "SELECT yore.track('t')",
		"INSERT INTO t VALUES (1, 'a'), (101, 'b')", "DELETE FROM t WHERE id = 101",
		"CREATE FUNCTION rekey() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.v = 'move' THEN NEW.id := NEW.id + 100; END IF; RETURN NEW; END $$",
		"CREATE TRIGGER rekey BEFORE UPDATE ON temporal.t FOR EACH ROW EXECUTE FUNCTION rekey()",
		"BEGIN", "UPDATE t SET v = 'move'", "UPDATE t SET v = 'moved'", "COMMIT", "BEGIN", "DELETE FROM t", "INSERT INTO t VALUES (101, 'c')", "COMMIT")
	rowsAre(t, db, "SELECT id, version, v, deleted_at IS NOT NULL FROM history.t ORDER BY id, version",
		"1|1|a|f", "1|2|a|t", "101|1|b|f", "101|2|b|t", "101|3|moved|f", "101|4|c|f")
	rowsAre(t, db, "SELECT problem, detail LIKE 'trigger rekey %yore.sync%' FROM yore.verify()", "trigger order|t")
	pgtest.Exec(t, db, "SELECT yore.sync('t')")
	pgtest.Clean(t, db)

	// One that fires after yore's could change a row unseen.
	pgtest.Exec(t, db, `CREATE TRIGGER "~~late" BEFORE UPDATE ON temporal.t FOR EACH ROW EXECUTE FUNCTION rekey()`)
	rowsAre(t, db, "SELECT DISTINCT problem FROM yore.verify() WHERE detail LIKE '%~~late%'", "trigger order")
}

// What others made over a table stays with it, there and back.
func TestZooDependents(t *testing.T) {
	life := []string{"INSERT INTO t VALUES (1, 'a')", "UPDATE t SET v = 'b'", "REFRESH MATERIALIZED VIEW m", "DELETE FROM t"}
	runZoo(t, []specimen{{name: "views and a rule", versions: 2, steps: life, create: []string{
		"CREATE TABLE t (id int PRIMARY KEY, v text)", "CREATE VIEW v AS SELECT v FROM t WHERE id > 0 WITH CHECK OPTION", "CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM t",
		"CREATE TABLE log (id int)", "CREATE RULE noted AS ON DELETE TO t DO ALSO INSERT INTO log VALUES (OLD.id)"}}})
}
