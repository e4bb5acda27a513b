package sql_test

import (
	"strings"
	"testing"

	"yore.example/yore/internal/pgtest"
)

// chequered is a table with an entity of five versions, the third a tombstone.
func chequered(t *testing.T, options string) *lab {
	t.Helper()
	return newEntities(t, options, "UPDATE t SET n = 2", "DELETE FROM t", undelete(one, `{"n": 3}`), "UPDATE t SET n = 4")
}

var chequeredVersions = []string{"1|a|1|past", "2|a|2|past", "3|a|2|tombstone", "4|a|3|past", "5|a|4|open"}

// The three ways into a stored version, of the past and of the present.
var amendments = map[string][]string{
	"UPDATE": {"UPDATE history.t SET n = 9 WHERE version = 2", "UPDATE history.t SET n = 9 WHERE valid_to IS NULL", "UPDATE history.t SET deleted_at = NULL"},
	"DELETE": {"DELETE FROM history.t WHERE version = 2", "DELETE FROM history.t WHERE valid_to IS NULL", "DELETE FROM history.t"},
	"INSERT": {"INSERT INTO history.t (entity_id, version, name) VALUES ('" + one + "', 6, 'x')", "INSERT INTO history.t SELECT * FROM history.t"},
}

// immutable-140, immutable-141, immutable-143, immutable-144, immutable-146..149, immutable-151, immutable-152, immutable-235..238: refused with the statement
// that is meant, unless allowed.
func TestImmutableAmendmentsRefused(t *testing.T) {
	hints := map[string][]string{
		"UPDATE": {"UPDATE public.t makes the next version", "yore.track('public.t', allow_updates => true)"},
		"DELETE": {"DELETE FROM public.t makes a tombstone", "yore.track('public.t', allow_deletes => true)"},
		"INSERT": {"INSERT INTO public.t", "UPDATE"},
	}
	for name, c := range map[string]struct {
		options string
		refused []string
	}{
		"Defaults":     {"", []string{"UPDATE", "DELETE", "INSERT"}},
		"OnlyUpdates":  {", allow_updates => true", []string{"DELETE", "INSERT"}},
		"OnlyDeletes":  {", allow_deletes => true", []string{"UPDATE", "INSERT"}},
		"Both":         {", allow_updates => true, allow_deletes => true", []string{"INSERT"}},
		"VersionWrite": {", allow_version_write => true, show_row_id => true", []string{"UPDATE", "DELETE", "INSERT"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := chequered(t, c.options)
			stored := l.rows("SELECT * FROM history.t ORDER BY version")
			for _, operation := range c.refused {
				for _, statement := range amendments[operation] {
					refuses(t, l.db, statement, "YO018", append(hints[operation], operation+" of a stored version of public.t", "immutable")...)
				}
			}
			l.want("SELECT * FROM history.t ORDER BY version", stored...)
			l.chain(one, "name, n", chequeredVersions...)
			l.sound("t", "entity_id")
		})
	}
}

// immutable-142, immutable-145, immutable-151, immutable-152: what is allowed is carried out, and kept.
func TestImmutableAmendments(t *testing.T) {
	t.Run("immutable-142 Updates", func(t *testing.T) {
		l := chequered(t, ", allow_updates => true")
		stored := l.rows("SELECT id, version, valid_from, valid_to, deleted_at, xid FROM history.t ORDER BY version")
		s := l.session()
		s.exec("BEGIN")
		if n := s.affected("UPDATE history.t SET name = 'b' WHERE version IN (1, 3, 5)"); n != 3 {
			t.Errorf("%d rows amended", n)
		}
		began, user := s.value("SELECT now()"), s.value("SELECT session_user")
		s.exec("COMMIT")
		l.chain(one, "name, n", "1|b|1|past", "2|a|2|past", "3|b|2|tombstone", "4|a|3|past", "5|b|4|open")
		l.want("SELECT id, version, valid_from, valid_to, deleted_at, xid FROM history.t ORDER BY version", stored...)
		l.want("SELECT name, version FROM t", "b|5")
		l.want("SELECT version, operation, before, after, amended_at = '"+began+"', role = '"+user+"', entity_id FROM temporal.t_amendments ORDER BY version",
			`1|UPDATE|{"n": 1, "name": "a", "note": null}|{"n": 1, "name": "b", "note": null}|t|t|`+one,
			`3|UPDATE|{"n": 2, "name": "a", "note": null}|{"n": 2, "name": "b", "note": null}|t|t|`+one,
			`5|UPDATE|{"n": 4, "name": "a", "note": null}|{"n": 4, "name": "b", "note": null}|t|t|`+one)
		l.refused("23502", "UPDATE history.t SET name = NULL WHERE valid_to IS NULL")
		for _, column := range []string{"version = 7", "entity_id = '" + two + "'", "valid_from = '2001-01-01'", "valid_to = now()", "deleted_at = now()", "xid = '3'"} {
			refuses(t, l.db, "UPDATE history.t SET n = 1, "+column+" WHERE version = 4", "YO018", "version data", one)
		}
		// The next change goes on from what was amended.
		l.exec("UPDATE t SET n = 6")
		l.chain(one, "name, n", "1|b|1|past", "2|a|2|past", "3|b|2|tombstone", "4|a|3|past", "5|b|4|past", "6|b|6|open")
		l.sound("t", "entity_id")
	})
	t.Run("immutable-145 Deletes", func(t *testing.T) {
		l := chequered(t, ", allow_deletes => true")
		refuses(t, l.db, "DELETE FROM history.t WHERE version = 5", "YO018", "is the present", "DELETE FROM public.t")
		for _, version := range []string{"2", "1", "3", "4"} { // a middle one, the first, the tombstone, the last but one
			if n := l.affected("DELETE FROM history.t WHERE version = " + version); n != 1 {
				t.Errorf("version %s: %d rows", version, n)
			}
			pgtest.Clean(t, l.db)
		}
		l.chain(one, "name, n", "5|a|4|open")
		l.want("SELECT version, operation, before ->> 'n', after FROM temporal.t_amendments ORDER BY version", "1|DELETE|1|∅", "2|DELETE|2|∅", "3|DELETE|2|∅", "4|DELETE|3|∅")
		l.exec("UPDATE t SET n = 5", "DELETE FROM t", "DELETE FROM history.t WHERE version = 7")
		l.chain(one, "n", "5|4|past", "6|5|past")
		pgtest.Clean(t, l.db)
		l.want("SELECT state FROM yore.entity_state('t', '"+one+"')", "deleted")
		l.exec("DELETE FROM history.t")
		l.want("SELECT state, version FROM yore.entity_state('t', '"+one+"')", "unknown|∅")
		refuses(t, l.db, undelete(one, "{}"), "YO019")
		pgtest.Clean(t, l.db)
	})
	t.Run("OptionsTakenBack", func(t *testing.T) {
		l := chequered(t, ", allow_updates => true, allow_deletes => true")
		l.exec("UPDATE history.t SET note = 'x' WHERE version = 4", "DELETE FROM history.t WHERE version = 1",
			"SELECT yore.track('t', allow_updates => false, allow_deletes => false)")
		for _, operation := range []string{"UPDATE", "DELETE", "INSERT"} {
			for _, statement := range amendments[operation] {
				refuses(t, l.db, statement, "YO018")
			}
		}
		refuses(t, l.db, "UPDATE temporal.t_past SET n = 0", "YO001")
		l.want("SELECT count(*) FROM temporal.t_amendments", "2")
		l.want("SELECT count(*) FROM pg_proc WHERE proname IN ('t_amend', 't_amend_past')", "0")
		pgtest.Clean(t, l.db) // the version that was taken out is still accounted for
		l.exec("SELECT yore.track('t', allow_updates => true)", "UPDATE history.t SET note = 'y' WHERE version = 4")
		l.want("SELECT count(*) FROM temporal.t_amendments", "3")
		pgtest.Clean(t, l.db)
	})
}

// Beside what amends, the past is as append-only as ever, for its owner too; and
// the mark of an amendment, forged, makes a version.
func TestImmutableAmendmentsForged(t *testing.T) {
	l := chequered(t, ", allow_updates => true, allow_deletes => true")
	forged := []string{
		"UPDATE temporal.t_past SET n = 9 WHERE sys_version = 2", "UPDATE temporal.t_past SET sys_to = sys_to", "DELETE FROM temporal.t_past WHERE sys_version = 2",
		"DELETE FROM temporal.t_past WHERE sys_version = 3", "TRUNCATE temporal.t_past",
		"UPDATE temporal.t_amendments SET role = 'nobody'", "DELETE FROM temporal.t_amendments", "TRUNCATE temporal.t_amendments",
	}
	s := l.session()
	s.exec("BEGIN", "UPDATE history.t SET n = 20 WHERE version = 2", "UPDATE history.t SET n = 21 WHERE version = 2", "UPDATE history.t SET n = 40 WHERE version = 5")
	for _, statement := range append(forged, "UPDATE temporal.t_past SET n = 20 WHERE sys_version = 2") { // n was 20 by an amendment of this transaction
		s.exec("SAVEPOINT s")
		refuses(t, s.db, statement, "YO001")
		s.exec("ROLLBACK TO s")
	}
	s.exec("UPDATE temporal.t SET sys_xid = '0', n = 40", "UPDATE temporal.t SET sys_xid = '0', n = 41", "UPDATE temporal.t SET sys_xid = '0', n = 40", "COMMIT",
		"UPDATE temporal.t SET sys_xid = '0', n = 42, sys_version = 5, sys_from = '2001-01-01'")
	l.chain(one, "n", "1|1|past", "2|21|past", "3|2|tombstone", "4|3|past", "5|40|past", "6|41|past", "7|40|past", "8|42|open")
	l.want("SELECT sys_xid::text = xmin::text FROM temporal.t", "t")
	l.sound("t", "entity_id")

	t.Run("WithoutAnyAmendment", func(t *testing.T) {
		l := chequered(t, "")
		l.exec("UPDATE temporal.t SET sys_xid = '0', n = 5")
		l.chain(one, "name, n", append(chequeredVersions[:4:4], "5|a|4|past", "6|a|5|open")...)
		l.sound("t", "entity_id")
	})
}

// A table's own triggers have their say in an amendment of the current version,
// which stays one; what they did is kept as well.
func TestImmutableAmendmentMeetsTriggers(t *testing.T) {
	l := chequered(t, ", allow_updates => true")
	l.exec(`CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.note = 'never' THEN RETURN NULL; END IF; NEW.note := 'touched'; RETURN NEW; END $$`,
		"CREATE TRIGGER touch BEFORE UPDATE ON temporal.t FOR EACH ROW EXECUTE FUNCTION touch()", "SELECT yore.sync('t')",
		"UPDATE history.t SET n = 40 WHERE version IN (4, 5)")
	if n := l.affected("UPDATE history.t SET note = 'never' WHERE valid_to IS NULL"); n != 0 {
		t.Errorf("%d rows where the trigger let none through", n)
	}
	l.chain(one, "name, n, note", "1|a|1|∅|past", "2|a|2|∅|past", "3|a|2|∅|tombstone", "4|a|40|∅|past", "5|a|40|touched|open")
	l.want("SELECT version, before ->> 'n', before ->> 'note', after ->> 'n', after ->> 'note' FROM temporal.t_amendments ORDER BY version, ctid",
		"4|3|∅|40|∅", "5|4|∅|40|∅", "5|40|∅|40|touched", "5|40|touched|40|never", "5|40|never|40|touched")
	l.sound("t", "entity_id")
}

// Columns that nobody writes, and columns that the past alone has still, are not
// in the way.
func TestImmutableAmendmentsOfOddColumns(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, c int, twice int GENERATED ALWAYS AS (c * 2) STORED, gone text DEFAULT 'g', j json)",
		"SELECT yore.track('t', immutable => true, allow_updates => true, allow_deletes => true)",
		`INSERT INTO t (c, j) VALUES (1, '{ "a":  1}')`, "UPDATE t SET c = 2")
	l.exec("ALTER TABLE temporal.t DROP COLUMN gone CASCADE", "SELECT yore.sync('t')", "UPDATE t SET c = 3",
		"UPDATE history.t SET c = c + 10")
	l.want("SELECT version, id, c, j FROM history.t ORDER BY 1", `1|1|11|{ "a":  1}`, `2|1|12|{ "a":  1}`, `3|1|13|{ "a":  1}`)
	l.want("SELECT c, twice FROM t", "13|26")
	l.want("SELECT version, before ->> 'c', after ->> 'c', after ? 'twice', after ? 'gone' FROM temporal.t_amendments ORDER BY 1", "1|1|11|f|f", "2|2|12|f|f", "3|3|13|f|f")
	l.exec("DELETE FROM history.t WHERE version = 1")
	pgtest.Clean(t, l.db)
}

// An amendment that had to wait logs what it then found, and one whose version is
// no longer the present amends nothing and leaves no trace.
func TestImmutableAmendmentsMeet(t *testing.T) {
	l := newEntities(t, ", allow_updates => true", "UPDATE t SET n = 2")
	first, second := l.session(), l.session()
	for _, version := range []string{"1", "2"} {
		first.exec("BEGIN", "UPDATE history.t SET name = 'first' WHERE version = "+version)
		late := second.start("UPDATE history.t SET note = 'second' WHERE version = " + version).blocked()
		first.exec("COMMIT")
		if n := late.wait(); n != 1 {
			t.Errorf("%d rows", n)
		}
	}
	first.exec("BEGIN", "UPDATE t SET n = 3")
	late := second.start("UPDATE history.t SET note = 'late' WHERE valid_to IS NULL").blocked()
	first.exec("COMMIT")
	if n := late.wait(); n != 0 {
		t.Errorf("%d rows of a version that had ended", n)
	}
	l.want("SELECT version, before ->> 'name', before ->> 'note', after ->> 'name', after ->> 'note' FROM temporal.t_amendments ORDER BY amended_at",
		"1|a|∅|first|∅", "1|first|∅|a|second", "2|a|∅|first|∅", "2|first|∅|a|second")
	l.chain(one, "n, note", "1|1|second|past", "2|2|second|past", "3|3|second|open")
	l.sound("t", "entity_id")
}

// To amend takes the right to write history, and no other.
func TestImmutableAmendmentsNeedRights(t *testing.T) {
	l := chequered(t, ", allow_updates => true, allow_deletes => true")
	dsn := l.pool.Config().ConnString()
	role := newRole(t, dsn)
	l.exec("GRANT ALL ON t TO "+role, "GRANT SELECT ON history.t TO "+role)
	app := &lab{TB: t, db: dial(t, as(t, dsn, role)), pool: l.pool}
	for _, statement := range append(amendments["UPDATE"], amendments["DELETE"]...) {
		app.refused("42501", statement)
	}
	app.refused("42501", "SELECT * FROM temporal.t_amendments")
	l.exec("GRANT UPDATE (name) ON history.t TO " + role)
	app.exec("UPDATE history.t SET name = 'b' WHERE version = 1")
	app.refused("42501", "UPDATE history.t SET n = 0 WHERE version = 1")
	app.refused("42501", "DELETE FROM history.t WHERE version = 1")
	l.exec("GRANT DELETE ON history.t TO " + role)
	app.exec("DELETE FROM history.t WHERE version = 2")
	l.want("SELECT version, operation, role FROM temporal.t_amendments ORDER BY 1", "1|UPDATE|"+role, "2|DELETE|"+role)
	l.chain(one, "name, n", append([]string{"1|b|1|past"}, chequeredVersions[2:]...)...)
	if got := strings.Join(l.rows("SELECT problem FROM yore.verify()"), " "); got != "" {
		t.Error(got)
	}
}
