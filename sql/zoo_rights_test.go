package sql_test

import (
	"fmt"
	"testing"

	"yore.example/yore/internal/pgtest"
)

// Row-level security: a reader sees only their rows, now, ever and then
// (trap-16).
func TestZooRowSecurity(t *testing.T) {
	t.Parallel()
	for _, inPlace := range []bool{false, true} {
		t.Run(fmt.Sprintf("trap-16 in_place=%t", inPlace), func(t *testing.T) {
			t.Parallel()
			rowSecurity(t, inPlace)
		})
	}
}

func rowSecurity(t *testing.T, inPlace bool) {
	db, dsn := session(t)
	ana, bo, owner := newRole(t, dsn), newRole(t, dsn), newRole(t, dsn) // the owner goes first, with the grants that it made
	pgtest.Exec(t, db, "GRANT CREATE ON SCHEMA public TO "+owner, "CREATE TABLE notes (id int PRIMARY KEY, who name DEFAULT current_user, body text)", "ALTER TABLE notes OWNER TO "+owner,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO "+ana+", "+bo,
		"ALTER TABLE notes ENABLE ROW LEVEL SECURITY", "CREATE POLICY own ON notes USING (who = current_user)",
		"CREATE POLICY no_secrets ON notes AS RESTRICTIVE FOR SELECT TO "+ana+" USING (body <> 'secret')")
	pgtest.Exec(t, db, "ALTER TABLE notes FORCE ROW LEVEL SECURITY")
	if pgtest.Server(t).Major() >= 15 || inPlace {
		refuses(t, db, fmt.Sprintf("SELECT yore.track('notes', in_place => %t)", inPlace), "YO005", "notes", "NO FORCE")
	}
	pgtest.Exec(t, db, "ALTER TABLE notes NO FORCE ROW LEVEL SECURITY")
	before := catalogOf(t, db, "notes")
	if pgtest.Server(t).Major() < 15 && !inPlace {
		refuses(t, db, "SELECT yore.track('notes')", "YO005", "row-level security", "in_place => true")
		return
	}
	pgtest.Exec(t, db, fmt.Sprintf("SELECT yore.track('notes', in_place => %t)", inPlace))
	asAna, asBo, asOwner := dial(t, as(t, dsn, ana)), dial(t, as(t, dsn, bo)), dial(t, as(t, dsn, owner))
	pgtest.Exec(t, asAna, "INSERT INTO notes (id, body) VALUES (1, 'a1'), (3, 'x')", "UPDATE notes SET body = 'a2' WHERE id = 1", "DELETE FROM notes WHERE id = 3")
	pgtest.Exec(t, asBo, "INSERT INTO notes (id, body) VALUES (2, 'b1')")
	at := instant(t, db)
	pgtest.Exec(t, asBo, "UPDATE notes SET body = 'b2'", "INSERT INTO notes VALUES (2, current_user, 'x') ON CONFLICT (id) DO UPDATE SET body = 'b3'")
	pgtest.Exec(t, asAna, "BEGIN", "UPDATE notes SET body = 'a3'", "DELETE FROM notes", "INSERT INTO notes (id, body) VALUES (1, 'a4')", "COMMIT")
	refuses(t, asAna, "INSERT INTO notes VALUES (9, '"+bo+"', 'forged')", "42501")
	rowsAre(t, asAna, "SELECT id, body FROM notes ORDER BY id", "1|a4")
	rowsAre(t, asBo, "SELECT id, body FROM notes ORDER BY id", "2|b3")
	refuses(t, asAna, "SELECT * FROM history.notes", "42501")

	pgtest.Exec(t, asOwner, "SELECT yore.grant_history('notes', '"+ana+"')")
	rowsAre(t, asAna, "SELECT id, body FROM asof.notes('"+at+"') ORDER BY id", "1|a2")
	rowsAre(t, asAna, "SELECT id, body FROM temporal.notes_past WHERE who <> current_user")
	versions := "SELECT id, version, body FROM history.notes ORDER BY id, version"
	if pgtest.Server(t).Major() >= 15 {
		rowsAre(t, asAna, versions, "1|1|a1", "1|2|a2", "1|3|a4", "3|1|x", "3|2|x")
		pgtest.Exec(t, asAna, "BEGIN", "SELECT yore.as_of('"+at+"')")
		rowsAre(t, asAna, "SELECT id, body FROM notes ORDER BY id", "1|a2")
		pgtest.Exec(t, asAna, "ROLLBACK")
	} else { // views cannot: rather no rows than too many
		refuses(t, asAna, versions, "YO008", "history.notes", "row-level security")
		refuses(t, asAna, "SELECT * FROM asof.notes", "YO008", "asof.notes")
		rowsAre(t, db, "SELECT count(*) FROM history.notes", "8")
	}
	pgtest.Exec(t, asAna, "UPDATE notes SET body = 'secret'")
	rowsAre(t, asAna, "SELECT id, body FROM notes")
	rowsAre(t, db, "SELECT id, body FROM notes ORDER BY id", "1|secret", "2|b3")
	pgtest.Clean(t, db)
	pgtest.Exec(t, asOwner, "ALTER TABLE "+map[bool]string{true: "", false: "temporal."}[inPlace]+"notes FORCE ROW LEVEL SECURITY")
	rowsAre(t, db, "SELECT problem FROM yore.verify()", "row security")
	pgtest.Exec(t, asOwner, "ALTER TABLE "+map[bool]string{true: "", false: "temporal."}[inPlace]+"notes NO FORCE ROW LEVEL SECURITY")
	pgtest.Exec(t, db, "SELECT yore.untrack('notes')", "GRANT SELECT ON history.notes TO "+bo, "GRANT USAGE ON SCHEMA temporal TO "+bo, "GRANT SELECT ON temporal.notes_past TO "+bo)
	if pgtest.Server(t).Major() >= 15 {
		rowsAre(t, asBo, "SELECT DISTINCT id FROM history.notes", "2") // the kept past, too
	} else {
		refuses(t, asBo, "SELECT * FROM history.notes", "YO008", "history.notes")
	}
	if diff := difference(before, catalogOf(t, db, "notes")); diff != "" {
		t.Errorf("untrack did not give the table back:\n%s", diff)
	}
	rowsAre(t, asBo, "SELECT id, body FROM notes ORDER BY id", "2|b3")
}

// Row-level security turned on while the table is tracked: verify says so, and
// sync takes it, and later grants, to all faces.
func TestZooRowSecurityLater(t *testing.T) {
	t.Parallel()
	db, dsn := session(t)
	role := newRole(t, dsn)
	app := dial(t, as(t, dsn, role))
	pgtest.Exec(t, db, "CREATE TABLE notes (id int PRIMARY KEY, who name)", "SELECT yore.track('notes')", "INSERT INTO notes VALUES (1, 'x'), (2, '"+role+"')", "UPDATE notes SET id = id + 10",
		"GRANT SELECT, UPDATE ON notes TO "+role, "GRANT SELECT ON history.notes TO "+role,
		"ALTER TABLE temporal.notes ENABLE ROW LEVEL SECURITY", "CREATE POLICY own ON temporal.notes USING (who = current_user)")
	rowsAre(t, db, "SELECT problem, detail LIKE '%yore.sync%' FROM yore.verify()", "row security|t")
	if pgtest.Server(t).Major() < 15 {
		refuses(t, db, "SELECT yore.sync('notes')", "YO005", "row-level security")
		return
	}
	pgtest.Exec(t, db, "SELECT yore.sync('notes')", "SELECT yore.grant_history('notes', '"+role+"')")
	pgtest.Clean(t, db)
	rowsAre(t, app, "SELECT id FROM notes", "12")
	rowsAre(t, app, "SELECT id, version FROM history.notes ORDER BY id, version", "2|1", "2|2", "12|1")
	pgtest.Exec(t, app, "UPDATE notes SET id = 13")
	pgtest.Exec(t, db, "ALTER TABLE temporal.notes DISABLE ROW LEVEL SECURITY", "SELECT yore.sync('notes')")
	rowsAre(t, app, "SELECT id FROM notes ORDER BY id", "11", "13")
	pgtest.Clean(t, db)
}

// Grants per column hold for the face, and come back from it.
func TestZooColumnGrants(t *testing.T) {
	t.Parallel()
	db, dsn := session(t)
	role, second := newRole(t, dsn), newRole(t, dsn)
	pgtest.Exec(t, db, "CREATE TABLE t (id int PRIMARY KEY, a text, b text)",
		"GRANT SELECT (id, a), UPDATE (a), INSERT (id, a) ON t TO "+role, "GRANT SELECT ON t TO "+second+" WITH GRANT OPTION", "GRANT REFERENCES, TRIGGER ON t TO "+second, "GRANT SELECT (id) ON t TO PUBLIC")
	before := catalogOf(t, db, "t")
	pgtest.Exec(t, db, "SELECT yore.track('t')")
	app := dial(t, as(t, dsn, role))
	pgtest.Exec(t, app, "INSERT INTO t (id, a) VALUES (1, 'x')", "UPDATE t SET a = 'y' WHERE id = 1")
	rowsAre(t, app, "SELECT id, a FROM t", "1|y")
	for _, statement := range []string{"SELECT b FROM t", "SELECT * FROM t", "UPDATE t SET b = 'z'", "DELETE FROM t", "INSERT INTO t VALUES (2, 'x', 'y')", "INSERT INTO t (id) VALUES (2) ON CONFLICT (id) DO UPDATE SET b = ''"} {
		refuses(t, app, statement, "42501")
	}
	granter := dial(t, as(t, dsn, second))
	rowsAre(t, granter, "SELECT * FROM t", "1|y|∅")
	pgtest.Clean(t, db)
	pgtest.Exec(t, db, "SELECT yore.untrack('t', 'drop')")
	if diff := difference(before, catalogOf(t, db, "t")); diff != "" {
		t.Errorf("untrack did not give the table back:\n%s", diff)
	}
	pgtest.Exec(t, db, "SELECT yore.track('t')", "REVOKE ALL ON t FROM "+role, "REVOKE SELECT (id) ON t FROM PUBLIC", "GRANT DELETE ON t TO "+role, "SELECT yore.untrack('t', 'drop')")
	refuses(t, app, "SELECT id, a FROM t", "42501")
	rowsAre(t, db, "SELECT has_table_privilege('"+role+"', 't', 'DELETE'), has_any_column_privilege('"+role+"', 't', 'SELECT')", "t|f")
}
