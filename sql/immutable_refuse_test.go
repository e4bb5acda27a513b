package sql_test

import (
	"fmt"
	"strings"
	"testing"

	"yore.example/yore/internal/pgtest"
)

// What an immutable table cannot be or have, refused before anything has changed.
func TestImmutableRefusals(t *testing.T) {
	t.Parallel()
	const (
		plain     = "CREATE TABLE t (id int PRIMARY KEY, name text)"
		temporal  = "SELECT yore.track('t')"
		immutable = "SELECT yore.create_immutable_table('t', 'name text')"
	)
	for _, r := range []struct {
		name      string
		setup     []string
		statement string
		code      string
		parts     []string
		noHint    bool
	}{
		// Options.
		{name: "InPlace", setup: []string{plain}, statement: "SELECT yore.track('t', immutable => true, in_place => true)", code: "YO007", parts: []string{"t", "immutable and in_place"}},
		{name: "Squash", setup: []string{plain}, statement: "SELECT yore.track('t', immutable => true, squash => true)", code: "YO007", parts: []string{"t", "every change of a transaction", "squash"}},
		{name: "SquashLater", setup: []string{immutable}, statement: "SELECT yore.track('t', squash => true)", code: "YO007", parts: []string{"squash"}},
		{name: "Key", setup: []string{plain}, statement: "SELECT yore.track('t', immutable => true, key => '{id}')", code: "YO007", parts: []string{"t", "entity_id", "Leave key out"}},
		{name: "SinceMinusInfinity", setup: []string{plain}, statement: "SELECT yore.track('t', immutable => true, since => '-infinity')", code: "YO007", parts: []string{"t", "since"}, noHint: true},
		{name: "ImmutableTracked", setup: []string{plain, temporal}, statement: "SELECT yore.track('t', immutable => true)", code: "YO004", parts: []string{"already tracked", "immutable"}},
		{name: "ImmutableTrackedAndAnOption", setup: []string{plain, temporal}, statement: "SELECT yore.track('t', immutable => true, prefix => 'x_')", code: "YO007", parts: []string{"immutable", "Untrack it first"}},
		{name: "TemporalAgain", setup: []string{immutable}, statement: "SELECT yore.track('t', immutable => false, prefix => 'x_')", code: "YO007", parts: []string{"immutable", "Untrack it first"}},
		{name: "OfATemporalAtFirst", setup: []string{plain}, statement: "SELECT yore.track('t', allow_updates => true)", code: "YO007", parts: []string{"t is no immutable table", "immutable => true"}},
		{name: "AllowUpdates", setup: []string{plain, temporal}, statement: "SELECT yore.track('t', allow_updates => true)", code: "YO007", parts: []string{"t is no immutable table"}},
		{name: "AllowDeletes", setup: []string{plain, temporal}, statement: "SELECT yore.track('t', allow_deletes => true)", code: "YO007", parts: []string{"t is no immutable table"}},
		{name: "AllowVersionWrite", setup: []string{plain, temporal}, statement: "SELECT yore.track('t', allow_version_write => true)", code: "YO007", parts: []string{"t is no immutable table"}},
		{name: "ShowRowID", setup: []string{plain, temporal}, statement: "SELECT yore.track('t', show_row_id => true)", code: "YO007", parts: []string{"t is no immutable table"}},
		{name: "Partitioned", setup: []string{"CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id)"}, statement: "SELECT yore.track('t', immutable => true)", code: "YO005", parts: []string{"t is partitioned"}},
		{name: "Journal", setup: []string{plain}, statement: "SELECT yore.track('t', immutable => true, journal => '{nome}')", code: "YO007", parts: []string{"no column nome"}, noHint: true},

		// Columns.
		{name: "RowIDTaken", setup: []string{plain}, statement: "SELECT yore.track('t', immutable => true, show_row_id => true)", code: "YO006", parts: []string{"column id of", "prefix"}},
		{name: "RowIDTakenLater", setup: []string{plain, "SELECT yore.track('t', immutable => true)"}, statement: "SELECT yore.track('t', show_row_id => true)", code: "YO006", parts: []string{"column id of", "prefix"}},
		{name: "EntityIDOfAnotherType", setup: []string{"CREATE TABLE t (entity_id int PRIMARY KEY)"}, statement: "SELECT yore.track('t', immutable => true)", code: "YO006", parts: []string{"entity_id", "integer, not uuid"}},
		{name: "EntityIDOfADomain", setup: []string{"CREATE DOMAIN d AS uuid", "CREATE TABLE t (entity_id d PRIMARY KEY)"}, statement: "SELECT yore.track('t', immutable => true)", code: "YO006", parts: []string{"entity_id", "not uuid"}},
		{name: "EntityIDNullable", setup: []string{"CREATE TABLE t (id int PRIMARY KEY, entity_id uuid UNIQUE)"}, statement: "SELECT yore.track('t', immutable => true)", code: "YO005", parts: []string{"column entity_id may be NULL", "SET NOT NULL"}},
		{name: "EntityIDNotUnique", setup: []string{"CREATE TABLE t (id int PRIMARY KEY, entity_id uuid NOT NULL)"}, statement: "SELECT yore.track('t', immutable => true)", code: "YO005", parts: []string{"(entity_id)", "unique"}},
		{name: "EntityIDPartlyUnique", setup: []string{"CREATE TABLE t (id int PRIMARY KEY, entity_id uuid NOT NULL)", "CREATE UNIQUE INDEX ON t (entity_id) WHERE id > 0"}, statement: "SELECT yore.track('t', immutable => true)", code: "YO005", parts: []string{"(entity_id)", "partial"}},
		{name: "EntityIDGenerated", setup: []string{"CREATE TABLE t (id uuid, entity_id uuid GENERATED ALWAYS AS (id) STORED PRIMARY KEY)"}, statement: "SELECT yore.track('t', immutable => true)", code: "YO005", parts: []string{"entity_id is generated"}},

		// create_immutable_table.
		{name: "CreateNoName", statement: "SELECT yore.create_immutable_table('a b', 'x int')", code: "YO007", parts: []string{"'a b' is no name", "double quotes"}},
		{name: "CreateThreeParts", statement: "SELECT yore.create_immutable_table('a.b.c', 'x int')", code: "YO007", parts: []string{"'a.b.c'"}},
		{name: "CreateNullName", statement: "SELECT yore.create_immutable_table(NULL, 'x int')", code: "YO007"},
		{name: "CreateEmptyName", statement: "SELECT yore.create_immutable_table('', 'x int')", code: "YO007"},
		{name: "CreateNoSchema", statement: "SELECT yore.create_immutable_table('nowhere.t', 'x int')", code: "YO007", parts: []string{"no schema", "nowhere.t", "CREATE SCHEMA"}},
		{name: "CreateEmptyPath", setup: []string{"SET search_path = ''"}, statement: "SELECT yore.create_immutable_table('t', 'x int')", code: "YO007", parts: []string{"no schema", "search_path"}},
		{name: "CreateExisting", setup: []string{plain}, statement: "SELECT yore.create_immutable_table('t', 'x int')", code: "YO006", parts: []string{"t is already there", "yore.track('t', immutable => true)"}},
		{name: "CreateOverAView", setup: []string{"CREATE VIEW t AS SELECT 1 AS a"}, statement: "SELECT yore.create_immutable_table('t', 'x int')", code: "YO006", parts: []string{"t is already there"}},
		{name: "CreateTwice", setup: []string{immutable}, statement: "SELECT yore.create_immutable_table('t', 'x int')", code: "YO006", parts: []string{"t is already there"}},
		{name: "CreateInYoresSchema", setup: []string{immutable}, statement: "SELECT yore.create_immutable_table('temporal.u', 'x int')", code: "YO005", parts: []string{"temporal"}, noHint: true},
		{name: "CreateSyntax", statement: "SELECT yore.create_immutable_table('t', 'x int,, y int')", code: "42601", noHint: true},
		{name: "CreateUnknownType", statement: "SELECT yore.create_immutable_table('t', 'x nothing')", code: "42704", parts: []string{"nothing"}, noHint: true},
		{name: "CreateSecondKey", statement: "SELECT yore.create_immutable_table('t', 'id int PRIMARY KEY')", code: "42P16", parts: []string{"primary key"}, noHint: true},
		{name: "CreateEntityID", statement: "SELECT yore.create_immutable_table('t', 'entity_id uuid')", code: "42701", parts: []string{"entity_id"}, noHint: true},
		{name: "CreateReferenceToNothing", statement: "SELECT yore.create_immutable_table('t', 'x uuid REFERENCES nothing')", code: "42P01", parts: []string{"nothing"}, noHint: true},
		{name: "CreateInPlace", statement: "SELECT yore.create_immutable_table('t', 'x int', in_place => true)", code: "42883", parts: []string{"in_place"}},
		{name: "CreateTooLong", statement: "SELECT yore.create_immutable_table('" + strings.Repeat("a", 59) + "', 'x int')", code: "YO006", parts: []string{"no room for _past", "past_name"}},
		{name: "CreateJournalNoColumn", statement: "SELECT yore.create_immutable_table('t', 'x int', no_journal => '{y}')", code: "YO007", parts: []string{"no column y"}, noHint: true},
		{name: "CreateWithColumnID", statement: "SELECT yore.create_immutable_table('t', 'id int', show_row_id => true)", code: "YO006", parts: []string{"column id of"}},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			db, _ := session(t)
			pgtest.Exec(t, db, r.setup...)
			unchanged(t, db, func() {
				e := refuses(t, db, r.statement, r.code, r.parts...)
				if e.Hint == "" && !r.noHint && strings.HasPrefix(r.code, "YO") {
					t.Errorf("no hint: %s", e.Message)
				}
			})
		})
	}
}

// Columns with names that the faces show: refused, with the way out.
func TestImmutableRefusesTakenColumnNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"version", "valid_from", "valid_to", "deleted_at", "xid"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, _ := session(t)
			pgtest.Exec(t, db, "CREATE TABLE u (id int PRIMARY KEY, "+name+" text)")
			unchanged(t, db, func() {
				for _, statement := range []string{"SELECT yore.track('u', immutable => true)", "SELECT yore.create_immutable_table('t', '" + name + " text')"} {
					refuses(t, db, statement, "YO006", "column "+name+" of", "prefix => 'sys_'")
				}
			})
			pgtest.Exec(t, db, "SELECT yore.create_immutable_table('t', '"+name+" text', prefix => 'sys_')", "INSERT INTO t (entity_id, "+name+") VALUES ('"+one+"', 'mine')", "UPDATE t SET "+name+" = 'still mine'", "DELETE FROM t",
				"SELECT yore.undelete('t', '"+one+"', '{\""+name+"\": \"given\", \"sys_version\": 99}')")
			rowsAre(t, db, "SELECT "+name+", sys_version, sys_deleted_at IS NULL FROM history.t ORDER BY sys_version", "mine|1|t", "still mine|2|t", "still mine|3|f", "given|4|t")
			refuses(t, db, "UPDATE t SET sys_deleted_at = now()", "YO018")
			pgtest.Clean(t, db)
		})
	}
	for _, name := range []string{"sys_id", "sys_deleted_at", "sys_version", "sys_to"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, _ := session(t)
			unchanged(t, db, func() {
				refuses(t, db, "SELECT yore.create_immutable_table('t', '"+name+" text')", "YO006", name)
			})
		})
	}
}

// What create_immutable_table takes: no columns at all, constraints of the table,
// generated and identity columns, options, any search_path.
func TestImmutableCreate(t *testing.T) {
	for name, columns := range map[string]string{"Empty": "''", "Blank": "E' \\n\\t'", "Null": "NULL"} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "SELECT yore.create_immutable_table('t', "+columns+", show_row_id => true)", "INSERT INTO t DEFAULT VALUES", "UPDATE t SET version = 5", "DELETE FROM t",
				"SELECT yore.undelete('t', entity_id) FROM history.t WHERE deleted_at IS NOT NULL")
			l.want("SELECT version, deleted_at IS NULL FROM history.t ORDER BY 1", "1|t", "2|f", "3|t")
			l.sound("t", "entity_id")
		})
	}
	t.Run("ConstraintsGeneratedIdentityJournal", func(t *testing.T) {
		l := newLab(t, "CREATE EXTENSION IF NOT EXISTS btree_gist", "CREATE SCHEMA s", "SET search_path = s, public",
			`SELECT yore.create_immutable_table('s.t', $$
				number bigint GENERATED BY DEFAULT AS IDENTITY UNIQUE, a int NOT NULL, b int, seen int DEFAULT 0, sum int GENERATED ALWAYS AS (a + b) STORED, updated_at timestamptz DEFAULT now(),
				CONSTRAINT positive CHECK (a > 0), UNIQUE (a, b), EXCLUDE USING gist (b WITH =) WHERE (b > 100)
			$$, no_journal => '{seen}', exclusion => true, on_truncate => 'archive')`)
		s := l.session()
		s.exec("SET search_path = s", "INSERT INTO t (entity_id, a, b) VALUES ('"+one+"', 1, 2)", "UPDATE t SET seen = 1", "UPDATE t SET b = 3")
		s.refused("23514", "UPDATE t SET a = 0")
		s.want("SELECT number, version, a, b, seen, sum FROM history_s.t ORDER BY 2", "1|1|1|2|1|3", "1|2|1|3|1|4")
		s.want("INSERT INTO t (a) VALUES (5) RETURNING number, version", "2|1")
		s.exec("DELETE FROM t WHERE a = 1")
		s.want("SELECT yore.undelete('t', '"+one+"', '{\"b\": 9}')", "4")
		s.want("SELECT number, b, sum FROM t WHERE a = 1", "1|9|10")
		s.want("SELECT current_setting('search_path')", "s")
		l.want("SELECT options FROM yore.status()", `{"exclusion": true, "immutable": true, "no_journal": ["seen"], "on_truncate": "archive"}`)
		pgtest.Clean(t, l.db)
	})
	t.Run("InATransactionOfItsOwnPath", func(t *testing.T) {
		l := newLab(t, "CREATE SCHEMA s")
		s := l.session()
		s.exec("BEGIN", "SET LOCAL search_path = s, public")
		for i := range 3 {
			s.exec(fmt.Sprintf("SELECT yore.create_immutable_table('t%d', 'up uuid%s')", i, map[bool]string{true: fmt.Sprintf(" REFERENCES t%d", i-1)}[i > 0]))
		}
		s.want("SELECT current_setting('search_path')", "s, public")
		s.exec("COMMIT")
		s.want("SELECT current_setting('search_path')", `"$user", public`)
		l.want("SELECT conrelid::regclass, confrelid::regclass FROM pg_constraint WHERE contype = 'f' ORDER BY 1::text", "temporal_s.t1|temporal_s.t0", "temporal_s.t2|temporal_s.t1")
		pgtest.Clean(t, l.db)
	})
}
