package sql_test

import (
	"testing"

	"yore.example/yore/internal/pgtest"
)

// immuTable makes a table as the Elixir library's migration does, and id(n), a
// UUID that ends in n.
func immuTable(l *lab, timestamps string) {
	l.Helper()
	l.exec("CREATE FUNCTION id(n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT lpad(n::text, 32, '0')::uuid $$",
		"CREATE TABLE tasks (id uuid PRIMARY KEY, entity_id uuid NOT NULL, version integer NOT NULL DEFAULT 1, valid_from "+timestamps+" NOT NULL, deleted_at "+timestamps+`,
			title varchar(255) NOT NULL, priority int DEFAULT 0 CHECK (priority >= 0))`,
		"CREATE INDEX tasks_entity_id_index ON tasks (entity_id)", "CREATE INDEX tasks_entity_id_version_index ON tasks (entity_id, version)",
		"CREATE INDEX tasks_valid_from_index ON tasks (valid_from)", "CREATE INDEX tasks_title_index ON tasks (title)",
		"COMMENT ON COLUMN tasks.title IS 'what to do'")
}

func TestAdoptImmuTable(t *testing.T) {
	for _, timestamps := range []string{"timestamp", "timestamptz"} {
		t.Run("ids, numbers and tombstones of a table with "+timestamps, func(t *testing.T) {
			l := newLab(t)
			role := newRole(t, l.pool.Config().ConnString())
			immuTable(l, timestamps)
			l.exec(`SET timezone = 'UTC'`, "GRANT SELECT, INSERT ON tasks TO "+role, `INSERT INTO tasks (id, entity_id, version, valid_from, deleted_at, title) VALUES
				(id(11), id(1), 1, '2001-01-01Z', NULL, 'a'), (id(12), id(1), 2, '2002-01-01Z', NULL, 'a2'), (id(13), id(1), 3, '2003-01-01Z', NULL, 'a3'),
				(id(21), id(2), 1, '2001-01-01Z', NULL, 'b'), (id(22), id(2), 2, '2002-01-01Z', '2002-01-01Z', 'b'), (id(23), id(2), 3, '2003-01-01Z', NULL, 'b back'),
				(id(31), id(3), 1, '2001-01-01Z', NULL, 'c'), (id(32), id(3), 2, '2002-01-01Z', '2002-01-01 00:00:01Z', 'c')`)
			a := l.watch("tasks", "entity_id, version, title", "SELECT valid_from AT TIME ZONE 'UTC' AT TIME ZONE 'UTC' FROM tasks",
				`SELECT entity_id, version, title FROM (SELECT DISTINCT ON (entity_id) * FROM tasks WHERE valid_from <= %s ORDER BY entity_id, version DESC) AS last WHERE deleted_at IS NULL`)
			report := l.adopts("yore.adopt('tasks')")
			says(t, report, "source system ImmuTable", "figure versions 6", "figure keys 3", "figure current rows 2", "figure deleted keys 1", "figure deletions 2", "figure problems 0",
				`note deletion time {"version": 2, "entity_id": "00000000-0000-0000-0000-000000000003"} deleted_at was 2002-01-01 00:00:01+00`,
				"note goes PRIMARY KEY (id)", "note goes CREATE INDEX tasks_entity_id_version_index", "note goes CREATE INDEX tasks_valid_from_index")
			a.same("asof.tasks")
			l.want("SELECT right(id::text, 2), right(entity_id::text, 1), version, date(valid_from AT TIME ZONE 'UTC'), date(valid_to AT TIME ZONE 'UTC'), deleted_at IS NOT NULL, title, priority FROM history.tasks ORDER BY 1",
				"11|1|1|2001-01-01|2002-01-01|f|a|0", "12|1|2|2002-01-01|2003-01-01|f|a2|0", "13|1|3|2003-01-01|∅|f|a3|0",
				"21|2|1|2001-01-01|2002-01-01|f|b|0", "22|2|2|2002-01-01|2002-01-01|t|b|0", "23|2|3|2003-01-01|∅|f|b back|0",
				"31|3|1|2001-01-01|2002-01-01|f|c|0", "32|3|2|2002-01-01|2002-01-01|t|c|0")
			l.want("SELECT indexname FROM pg_indexes WHERE (schemaname, tablename) = ('temporal', 'tasks') ORDER BY 1", "tasks_entity_id_index", "tasks_pkey", "tasks_title_index")
			l.want("SELECT privilege_type FROM information_schema.role_table_grants WHERE grantee = '"+role+"' AND (table_schema, table_name) = ('public', 'tasks') ORDER BY 1", "INSERT", "SELECT")
			l.want("SELECT description FROM pg_description WHERE objoid = 'tasks'::regclass AND objsubid > 0", "what to do")
			l.want("SELECT immutable, key_columns, version_gaps, since AT TIME ZONE 'UTC' FROM yore.tracked", "t|{entity_id}|f|2001-01-01 00:00:00")

			if n := l.affected("UPDATE tasks SET title = 'a4' WHERE entity_id = id(1) AND version = 3"); n != 1 {
				t.Errorf("%d rows", n)
			}
			l.want("SELECT yore.undelete('tasks', id(3))", "3")
			l.exec("DELETE FROM tasks WHERE entity_id = id(2)", "INSERT INTO tasks (title) VALUES ('new')")
			l.want("SELECT right(entity_id::text, 1), max(version) FROM history.tasks WHERE entity_id < id(9) GROUP BY 1 ORDER BY 1", "1|4", "2|4", "3|3")
			a.same("asof.tasks")
			pgtest.Clean(t, l.db)
		})
	}

	t.Run("numbers missing or double, times that go back", func(t *testing.T) {
		l := newLab(t)
		immuTable(l, "timestamptz")
		l.exec(`INSERT INTO tasks (id, entity_id, version, valid_from, deleted_at, title) VALUES
			(id(11), id(1), 1, '2001-01-01Z', NULL, 'double'), (id(12), id(1), 1, '2001-02-01Z', NULL, 'the later'), (id(13), id(1), 2, '2002-01-01Z', NULL, 'x'),
			(id(21), id(2), 1, '2001-01-01Z', NULL, 'x'), (id(22), id(2), 3, '2002-01-01Z', NULL, 'after a gap'),
			(id(31), id(3), 1, '2003-01-01Z', NULL, 'x'), (id(32), id(3), 2, '2002-01-01Z', NULL, 'back in time'), (id(33), id(3), 3, '2004-01-01Z', NULL, 'x'),
			(id(41), id(4), 1, '2003-01-01Z', NULL, 'later than the last'), (id(42), id(4), 2, '2002-01-01Z', NULL, 'the last'),
			(id(51), id(5), 1, '2002-01-01Z', NULL, 'as early as its deletion'), (id(52), id(5), 2, '2002-01-01Z', '2002-01-01Z', 'x'),
			(id(61), id(6), 2, '2002-01-01Z', NULL, 'no first')`)
		refuses(t, l.db, "SELECT yore.adopt('tasks')", "YO025", "for 6 reasons", "duplicate", "number gap", "time order")
		report := l.adopts("yore.adopt('tasks', on_problem => 'leave_out')")
		says(t, report, "figure left out 4", "figure versions 12")
		l.want("SELECT sys_problem, title, version FROM temporal.tasks_left_out ORDER BY 1, 2",
			"duplicate|double|1", "time order|as early as its deletion|1", "time order|back in time|2", "time order|later than the last|1")
		l.want("SELECT right(entity_id::text, 1), string_agg(version::text, ' ' ORDER BY version) FROM history.tasks GROUP BY 1 ORDER BY 1", "1|1 2", "2|1 3", "3|1 3", "4|2", "5|2", "6|2")
		l.want("SELECT version_gaps FROM yore.tracked", "t")
		l.exec("UPDATE tasks SET title = 'next'")
		l.want("SELECT yore.undelete('tasks', id(5))", "3")
		pgtest.Clean(t, l.db)
	})

	t.Run("what refers to a version is named", func(t *testing.T) {
		l := newLab(t)
		immuTable(l, "timestamptz")
		l.exec("ALTER TABLE tasks ADD replaces uuid REFERENCES tasks (id)", "CREATE TABLE notes (task uuid REFERENCES tasks ON DELETE CASCADE)", "CREATE VIEW live AS SELECT title FROM tasks WHERE deleted_at IS NULL",
			"INSERT INTO tasks (id, entity_id, valid_from, title) VALUES (id(11), id(1), '2001-01-01', 'a')", "INSERT INTO notes VALUES (id(11))")
		refuses(t, l.db, "SELECT yore.adopt('tasks', on_problem => 'leave_out')", "YO025", "view live", "constraint notes_task_fkey on table notes", "constraint tasks_replaces_fkey")
		l.want("SELECT count(*) FROM notes", "1")
	})

	t.Run("nothing in it", func(t *testing.T) {
		l := newLab(t)
		immuTable(l, "timestamp")
		l.adopts("yore.adopt('tasks')")
		l.exec("INSERT INTO tasks (title) VALUES ('first')")
		l.want("SELECT version, title FROM tasks", "1|first")
	})
}
