-- The tables of the tasks application. Whether yore is installed by a migration or
-- by yore.Install, what a table needs is said in SQL like everything else of it.

-- Whom a task can be given to. Not tracked: an ordinary table beside the others.
CREATE TABLE person (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE
);
INSERT INTO person (name) VALUES ('Ada'), ('Boris'), ('Chen');

SELECT yore.create_immutable_table('tasks', $$
    title       varchar(120) NOT NULL,
    description text NOT NULL DEFAULT '',
    status      varchar(20) NOT NULL CHECK (status IN ('pending', 'in_progress', 'completed', 'cancelled')),
    priority    integer NOT NULL CHECK (priority BETWEEN 0 AND 5),
    due_on      date,
    assignee_id bigint REFERENCES person
$$);

SELECT yore.create_immutable_table('notes', $$
    title    varchar(120) NOT NULL,
    content  text NOT NULL DEFAULT '',
    category varchar(20) NOT NULL CHECK (category IN ('idea', 'meeting', 'decision', 'reference'))
$$);

-- Searches are for parts of words; of the contrib modules that come with PostgreSQL.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- One for each way in which lists are sorted, with what they are narrowed by: what is
-- not in the list is then passed over without being read. The past gets them too, with
-- the periods of the versions behind, so a list as of a time is as quick as one of the
-- present; for early times sys_from stands in them, since little of what is there now
-- was there then.
SELECT yore.create_index('tasks', '(sys_from DESC, entity_id, status, priority, assignee_id)');
SELECT yore.create_index('tasks', '(priority DESC, entity_id, status, assignee_id, sys_from)');
SELECT yore.create_index('tasks', '(due_on, entity_id, status, priority, assignee_id, sys_from)');
SELECT yore.create_index('tasks', '(title, entity_id, status, priority, assignee_id, sys_from)');
SELECT yore.create_index('tasks', '(status, priority, assignee_id, sys_from)');
SELECT yore.create_index('tasks', $$USING gin ((title || ' ' || description) gin_trgm_ops)$$);
SELECT yore.create_index('notes', '(sys_from DESC, entity_id, category)');
SELECT yore.create_index('notes', '(title, entity_id, category, sys_from)');
SELECT yore.create_index('notes', $$USING gin ((title || ' ' || content) gin_trgm_ops)$$);

-- For what only the past has: when versions ended, for the steps in time; and what is
-- deleted, of which the version ends when it begins.
CREATE INDEX ON temporal.tasks_past (sys_to);
CREATE INDEX ON temporal.notes_past (sys_to);
CREATE INDEX ON temporal.tasks_past (sys_from DESC, entity_id) WHERE sys_from = sys_to;
CREATE INDEX ON temporal.notes_past (sys_from DESC, entity_id) WHERE sys_from = sys_to;
