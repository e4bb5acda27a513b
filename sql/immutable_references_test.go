package sql_test

import (
	"testing"

	"yore.example/yore/internal/pgtest"
)

// immutable-N7: what is unique is so among the live.
func TestImmutableUnique(t *testing.T) {
	l := newLab(t, "SELECT yore.create_immutable_table('t', 'email text UNIQUE, n int')",
		"INSERT INTO t (entity_id, email, n) VALUES ('"+one+"', 'a@x', 1), ('"+two+"', 'b@x', 2)", "UPDATE t SET n = n + 1", "UPDATE t SET n = n + 1")
	l.refused("23505", "INSERT INTO t (email) VALUES ('a@x')")
	l.refused("23505", "UPDATE t SET email = 'a@x' WHERE email = 'b@x'")
	l.exec("UPDATE t SET email = 'c@x' WHERE email = 'b@x'", "INSERT INTO t (email) VALUES ('b@x')", // freed by the update
		"DELETE FROM t WHERE email = 'a@x'", "INSERT INTO t (email) VALUES ('a@x')") // and by a delete
	refuses(t, l.db, undelete(one, "{}"), "23505", "t_email_key", "a@x")
	l.want(undelete(one, `{"email": "d@x"}`), "5")
	l.exec("INSERT INTO t (email, n) VALUES ('d@x', 50) ON CONFLICT (email) DO UPDATE SET n = excluded.n", "INSERT INTO t (email, n) VALUES ('d@x', 60) ON CONFLICT DO NOTHING")
	l.chain(one, "email, n", "1|a@x|1|past", "2|a@x|2|past", "3|a@x|3|past", "4|a@x|3|tombstone", "5|d@x|3|past", "6|d@x|50|open")
	l.refused("YO018", "INSERT INTO t (email, n) VALUES ('d@x', 60) ON CONFLICT (email) DO UPDATE SET entity_id = excluded.entity_id")
	l.sound("t", "entity_id")
}

// immutable-N8, immutable-153..157 as SQL has them: foreign keys hold an
// entity_id, of another immutable table or of their own, or point to a plain one.
func TestImmutableReferences(t *testing.T) {
	l := newLab(t, "CREATE TABLE kinds (code text PRIMARY KEY)", "INSERT INTO kinds VALUES ('k')",
		"SELECT yore.create_immutable_table('orgs', 'name text NOT NULL')",
		"SELECT yore.create_immutable_table('projects', 'org_entity_id uuid NOT NULL REFERENCES orgs, kind text REFERENCES kinds, parent uuid REFERENCES projects (entity_id), title text')",
		"INSERT INTO orgs (entity_id, name) VALUES ('"+one+"', 'o')", "UPDATE orgs SET name = 'O'")
	l.want("SELECT conname, confrelid::regclass FROM pg_constraint WHERE contype = 'f' ORDER BY 1",
		"projects_kind_fkey|kinds", "projects_org_entity_id_fkey|temporal.orgs", "projects_parent_fkey|temporal.projects")
	l.exec("INSERT INTO projects (entity_id, org_entity_id, kind, title) VALUES ('" + two + "', '" + one + "', 'k', 'p')")
	l.refused("23503", "INSERT INTO projects (org_entity_id) VALUES ('"+none+"')")
	l.refused("23503", "INSERT INTO projects (org_entity_id, kind) VALUES ('"+one+"', 'no')")
	l.refused("23503", "INSERT INTO projects (org_entity_id, parent) VALUES ('"+one+"', '"+one+"')")
	l.refused("23503", "UPDATE projects SET parent = '"+none+"'")
	l.refused("23503", "DELETE FROM orgs")
	l.want("SELECT version FROM orgs", "2") // the refused delete left nothing
	l.want("SELECT p.title, o.name, o.version FROM projects AS p JOIN orgs AS o ON o.entity_id = p.org_entity_id", "p|O|2")
	// Child first, then the parent; and back in the other order.
	l.exec("DELETE FROM projects", "DELETE FROM orgs")
	l.refused("23503", "SELECT yore.undelete('projects', '"+two+"')")
	l.refused("23503", "INSERT INTO projects (org_entity_id) VALUES ('"+one+"')")
	l.want("SELECT yore.undelete('orgs', '"+one+"')", "4")
	l.want("SELECT yore.undelete('projects', '"+two+"')", "3")
	l.exec("UPDATE projects SET parent = entity_id", "UPDATE orgs SET name = 'o2'")
	l.want("SELECT title, org_entity_id, parent, version FROM projects", "p|"+one+"|"+two+"|4")
	l.sound("orgs", "entity_id")
	l.sound("projects", "entity_id")
}

// What a foreign key does to the referencing rows is versions and tombstones of
// theirs, in the same transaction.
func TestImmutableReferentialActions(t *testing.T) {
	for action, c := range map[string]struct {
		code string
		want []string
	}{
		"NO ACTION":   {"23503", nil},
		"RESTRICT":    {"23503", nil},
		"CASCADE":     {"", []string{"1|" + one + "|past", "2|" + one + "|past", "3|" + one + "|tombstone"}},
		"SET NULL":    {"", []string{"1|" + one + "|past", "2|" + one + "|past", "3|∅|open"}},
		"SET DEFAULT": {"", []string{"1|" + one + "|past", "2|" + one + "|past", "3|" + none + "|open"}},
	} {
		t.Run(action, func(t *testing.T) {
			l := newLab(t, "SELECT yore.create_immutable_table('p', 'name text')",
				"SELECT yore.create_immutable_table('t', $$ p uuid DEFAULT '"+none+"' REFERENCES p ON DELETE "+action+", name text $$)",
				"INSERT INTO p (entity_id, name) VALUES ('"+one+"', 'a'), ('"+none+"', 'default')", "INSERT INTO t (entity_id, p) VALUES ('"+two+"', '"+one+"')",
				"UPDATE t SET name = 'x'", "UPDATE p SET name = 'b' WHERE entity_id = '"+one+"'")
			if action == "RESTRICT" && pgtest.Server(t).Major() >= 18 {
				c.code = "23001"
			}
			del := "DELETE FROM p WHERE entity_id = '" + one + "'"
			if c.code != "" {
				l.refused(c.code, del)
				l.chain(two, "p", "1|"+one+"|past", "2|"+one+"|open")
				l.want("SELECT count(*) FROM history.p WHERE deleted_at IS NOT NULL", "0")
			} else {
				l.exec(del)
				l.chain(two, "p", c.want...)
				l.want("SELECT name FROM history.t ORDER BY version DESC LIMIT 1", "x")
				l.want("SELECT count(DISTINCT xid), count(DISTINCT valid_from) FROM (SELECT xid, valid_from FROM history.t WHERE version = 3 UNION ALL SELECT xid, valid_from FROM history.p WHERE version = 3) AS h", "1|1")
			}
			l.sound("p", "entity_id")
			l.sound("t", "entity_id")
		})
	}
}

// A child may be inserted while its parent is updated: no key of the parent's
// changes. Two children at once do not wait for each other.
func TestImmutableReferencesDoNotWait(t *testing.T) {
	l := newLab(t, "SELECT yore.create_immutable_table('p', 'name text')", "SELECT yore.create_immutable_table('t', 'p uuid REFERENCES p')",
		"INSERT INTO p (entity_id, name) VALUES ('"+one+"', 'a')")
	parent, child := l.session(), l.session()
	child.exec("SET lock_timeout = '5s'")
	parent.exec("BEGIN", "UPDATE p SET name = 'b'")
	child.exec("INSERT INTO t (p) VALUES ('" + one + "')")
	parent.exec("COMMIT", "BEGIN", "DELETE FROM t", "DELETE FROM p")
	late := child.start("INSERT INTO t (p) VALUES ('" + one + "')").blocked()
	parent.exec("COMMIT")
	<-late.done
	if sqlState(late.err) != "23503" {
		t.Errorf("a child of an entity that was deleted meanwhile: %v", late.err)
	}
	l.sound("p", "entity_id")
	l.sound("t", "entity_id")
}
