package sql_test

import (
	"fmt"
	"strings"
	"testing"
)

// What there is of all tables, their triggers, views and functions, and what is
// in them: the same before and after what is refused.
const all = `
	SELECT concat_ws(' ', 'relation', c.oid, c.oid::regclass, c.relkind, c.relowner, c.relacl, c.reloptions, c.relpersistence, c.relrowsecurity, pg_relation_filenode(c.oid), obj_description(c.oid, 'pg_class'),
	                 CASE c.relkind WHEN 'v' THEN pg_get_viewdef(c.oid) END) FROM pg_class AS c WHERE c.relnamespace::regnamespace::text !~ '^(pg_|information_schema|yore$)'
	UNION ALL
	SELECT concat_ws(' ', 'column', attrelid::regclass, attnum, attname, format_type(atttypid, atttypmod), attnotnull, attacl, pg_get_expr(adbin, adrelid))
	  FROM pg_attribute LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum) JOIN pg_class AS c ON c.oid = attrelid
	 WHERE c.relnamespace::regnamespace::text !~ '^(pg_|information_schema|yore$)' AND NOT attisdropped
	UNION ALL
	SELECT concat_ws(' ', 'function', oid, oid::regprocedure, proacl, prosrc) FROM pg_proc WHERE pronamespace::regnamespace::text !~ '^(pg_|information_schema|yore$)'
	UNION ALL
	SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace::regnamespace::text !~ '^(pg_|information_schema|yore$)'
	UNION ALL
	SELECT concat_ws(' ', 'trigger', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger
	UNION ALL
	SELECT concat_ws(' ', 'policy', polrelid::regclass, polname) FROM pg_policy
	UNION ALL
	SELECT concat('tracked ', t) FROM yore.tracked AS t
	ORDER BY 1`

// unchanged fails the test unless the statement is refused, with a message that
// says all parts, and leaves everything as it was.
func (l *lab) unchanged(statement, code string, parts ...string) {
	l.Helper()
	before := l.rows(all)
	e := refuses(l, l.db, statement, code, parts...)
	if strings.HasPrefix(code, "YO") && e.Hint == "" {
		l.Errorf("%s\nno hint with %s", statement, e.Message)
	}
	if diff := difference(before, l.rows(all)); diff != "" {
		l.Errorf("%s\nwas refused and changed\n%s", statement, diff)
	}
}

func TestMigrationsRefuse(t *testing.T) {
	l := newLab(t,
		"CREATE TABLE t (id int PRIMARY KEY, a text, b int UNIQUE, kept int)", "CREATE TABLE other (id int PRIMARY KEY, t_b int REFERENCES t (b), t_id int REFERENCES t)", "CREATE TABLE plain (id int)",
		"CREATE TABLE unkeyed (id int NOT NULL UNIQUE, a int)", "CREATE TABLE taken (id int)", "CREATE SCHEMA empty", "SELECT yore.track('t')", "SELECT yore.track('other')", "SELECT yore.track('unkeyed', key => '{id}')",
		"CREATE VIEW of_t AS SELECT a FROM t", "INSERT INTO t VALUES (1, 'one', 1)", "UPDATE t SET a = 'uno'", "SELECT yore.drop_column('t', 'kept')")
	long := strings.Repeat("x", 64)
	for _, c := range []struct {
		action, code string
		parts        []string
	}{
		// no action
		{"", "YO024", []string{"empty"}},
		{"  -- nothing", "YO024", []string{"empty"}},
		{"ADD COLUMN x int; DROP TABLE t", "YO024", []string{"semicolon"}},
		{"ADD COLUMN x int;", "YO024", []string{"semicolon"}},
		{"ADD COLUMN x text DEFAULT 'open", "YO024", []string{"quote"}},
		{`ADD COLUMN "x int`, "YO024", []string{"quote"}},
		{"ADD COLUMN x text DEFAULT $q$open$", "YO024", []string{"quote"}},
		{"ADD CHECK (b > 0", "YO024", []string{"parenthesis"}},
		{"ADD CHECK b > 0)", "YO024", []string{"parenthesis"}},
		{"ADD COLUMN x int /* open", "YO024", []string{"comment"}},
		{"ADD COLUMN x int /* a /* b */ */", "YO024", []string{"comment"}},
		{"DELETE FROM t", "YO024", []string{"no action of ALTER TABLE"}},
		{"ADD COLUMN x int,", "YO024", []string{"no action of ALTER TABLE"}},
		{"TRUNCATE", "YO024", []string{"no action of ALTER TABLE"}},
		{"ADD COLUMN x int, RENAME TO u", "YO024", []string{"RENAME TO"}},
		{"RENAME TO u, ADD COLUMN x int", "YO024", []string{"RENAME TO"}},
		{"RENAME TO u v", "YO024", []string{"RENAME TO"}},
		{"RENAME TO", "YO024", []string{"RENAME TO"}},
		{"SET SCHEMA", "YO024", []string{"SET SCHEMA"}},
		{"ADD COLUMN x int, SET SCHEMA empty", "YO024", []string{"SET SCHEMA"}},
		// the key
		{"DROP COLUMN id", "YO024", []string{"id", "public.t", "key"}},
		{"DROP IF EXISTS id CASCADE", "YO024", []string{"id", "key"}},
		{"ALTER id TYPE bigint", "YO024", []string{"id", "key"}},
		{"ADD COLUMN x int, ALTER COLUMN id SET DATA TYPE bigint", "YO024", []string{"id", "key"}},
		{"DROP CONSTRAINT t_pkey CASCADE", "YO005", []string{"temporal.t", "unique"}},
		// names
		{"ADD COLUMN a int", "42701", []string{`"a"`}},
		{"RENAME a TO b", "42701", []string{`"b"`}},
		{"RENAME COLUMN nothing TO x", "42703", []string{"nothing"}},
		{"DROP COLUMN nothing", "42703", []string{"nothing"}},
		{"ALTER nothing TYPE int", "42703", []string{"nothing"}},
		{"ALTER a TYPE nothing", "42704", []string{"nothing"}},
		{"RENAME TO taken", "YO006", []string{"public.taken"}},
		{"RENAME TO other", "YO006", []string{"public.other"}},
		{"RENAME TO t", "YO006", []string{"public.t"}},
		{"RENAME TO " + long, "YO006", []string{"63 bytes"}},
		{"SET SCHEMA nowhere", "YO007", []string{"nowhere"}},
		{"ADD COLUMN sys_version int", "YO024", []string{"sys_version"}},
		{"ADD COLUMN sys_to int", "YO024", []string{"sys_to"}},
		{"RENAME a TO sys_to", "YO006", []string{"sys_to"}},
		{"RENAME a TO sys_from", "42701", []string{"sys_from"}},
		{"RENAME a TO sys_id", "YO006", []string{"sys_id"}},
		{"ADD version int", "YO006", []string{"version", "prefix"}},
		{"RENAME a TO valid_from", "YO006", []string{"valid_from", "prefix"}},
		{"RENAME COLUMN sys_xid TO x", "YO024", []string{"sys_xid"}},
		{"DROP COLUMN sys_from", "YO024", []string{"sys_from"}},
		{"ALTER sys_version SET DEFAULT 1", "YO024", []string{"sys_version"}},
		{"ALTER COLUMN sys_version TYPE int", "YO024", []string{"sys_version"}},
		// triggers
		{"DISABLE TRIGGER ALL", "YO024", []string{"triggers", "public.t"}},
		{"DISABLE TRIGGER USER", "YO024", []string{"triggers", "public.t"}},
		{`DISABLE TRIGGER "~yore_update"`, "YO024", []string{"triggers", "public.t"}},
		{`DISABLE TRIGGER U&"\007Eyore_update"`, "YO024", []string{"triggers", "public.t"}},
		{`ENABLE REPLICA TRIGGER "~yore_delete"`, "YO024", []string{"triggers", "public.t"}},
		// what cannot be tracked
		{"INHERIT plain", "YO005", []string{"inheritance"}},
		// what needs the column
		{"DROP COLUMN b", "2BP01", []string{"other_t_b_fkey"}},
		{"DROP COLUMN a", "2BP01", []string{"public.of_t", "a"}},
		{"ALTER a TYPE int USING length(a), ADD CHECK (a > 5)", "23514", nil},
		{"ALTER b SET NOT NULL, ADD COLUMN x int NOT NULL", "23502", nil},
	} {
		l.unchanged("SELECT yore.alter_table('t', "+literal(c.action)+")", c.code, c.parts...)
	}
	for _, c := range []struct {
		call, code string
		parts      []string
	}{
		{"alter_table('t', NULL)", "YO024", []string{"NULL"}},
		{"alter_table(NULL, 'ADD x int')", "YO003", nil},
		{"alter_table('', 'ADD x int')", "YO003", nil},
		{"alter_table('nothing', 'ADD x int')", "YO003", []string{"nothing"}},
		{"alter_table('no.such.thing.at.all', 'ADD x int')", "YO003", nil},
		{`alter_table('"T"', 'ADD x int')`, "YO003", []string{"Did you mean", "t"}},
		{"alter_table('history.t', 'ADD x int')", "YO024", []string{"history.t", "public.t"}},
		{"alter_table('asof.t', 'ADD x int')", "YO024", []string{"asof.t", "public.t"}},
		{"alter_table('temporal.t_past', 'ADD x int')", "YO024", []string{"temporal.t_past", "public.t"}},
		{"create_index('temporal.t_past', '(a)')", "YO024", []string{"temporal.t_past", "public.t"}},
		{"drop_table('temporal.t_past')", "YO024", []string{"temporal.t_past", "public.t"}},
		{"drop_table('history.t')", "YO024", []string{"history.t", "public.t"}},
		{"rename_table('history.t', 'u')", "YO024", []string{"history.t", "public.t"}},
		{"alter_table('unkeyed', 'ALTER id DROP NOT NULL')", "YO005", []string{"id", "NULL"}},
		{"alter_table('unkeyed', 'SET UNLOGGED')", "YO005", []string{"unlogged"}},
		{"alter_table('unkeyed', 'DROP CONSTRAINT unkeyed_id_key')", "YO005", []string{"id", "unique"}},
		{"rename_table('t', NULL)", "YO007", []string{"NULL"}},
		{"rename_table('t', '')", "YO007", nil},
		{"rename_table('t', '" + long + "')", "YO006", []string{"63 bytes"}},
		{"rename_table('t', '" + long[:60] + "')", "YO006", []string{"58 bytes"}},
		{"rename_table('t', 'taken')", "YO006", []string{"public.taken"}},
		{"rename_table('nothing', 'x')", "YO003", []string{"nothing"}},
		{"drop_table('t', NULL)", "YO007", []string{"keep", "drop"}},
		{"drop_table('t', 'all')", "YO007", []string{"keep", "drop", "all"}},
		{"drop_table('t')", "2BP01", []string{"of_t"}},
		{"drop_table('nothing')", "YO003", []string{"nothing"}},
		{"add_column('t', NULL, 'int')", "YO007", nil},
		{"add_column('t', '', 'int')", "YO007", nil},
		{"add_column('t', 'x', NULL)", "YO007", nil},
		{"add_column('t', '" + long + "', 'int')", "YO006", []string{"63 bytes"}},
		{"add_column('t', 'x', 'int, DROP COLUMN b')", "YO024", []string{"more than one action"}},
		{"rename_column('t', NULL, 'x')", "YO007", nil},
		{"rename_column('t', 'a', NULL)", "YO007", nil},
		{"rename_column('t', 'a', '" + long + "')", "YO006", []string{"63 bytes"}},
		{"rename_column('t', 'a', 'b')", "42701", nil},
		{"drop_column('t', NULL)", "YO007", nil},
		{"drop_column('t', 'id')", "YO024", []string{"key"}},
		{"create_index('t', NULL)", "YO024", []string{"NULL"}},
		{"create_index('t', '')", "YO024", []string{"empty"}},
		{"create_index('t', '(a); DROP TABLE plain')", "YO024", []string{"semicolon"}},
		{"create_index('t', '(nothing)')", "42703", nil},
		{"create_index('t', 'a')", "YO024", []string{"definition of an index"}},
		{"create_index('t', '(a)', 't_pkey')", "42P07", nil},
		{"drop_index('t')", "YO007", nil},
		{"drop_index('t', 'nothing')", "YO007", []string{"nothing"}},
		{"drop_index('t', 't_pkey')", "2BP01", nil},
		{"drop_index('t', columns => '{a,b}')", "YO007", []string{"(a, b)"}},
		{"add_foreign_key('t', NULL, 'plain')", "YO007", nil},
		{"add_foreign_key('t', '{}', 'plain')", "YO007", nil},
		{"add_foreign_key('t', '{b}', 'nothing')", "YO003", []string{"nothing"}},
		{"add_foreign_key('t', '{b}', 'other', on_delete => 'EXPLODE')", "YO007", []string{"EXPLODE"}},
		{"add_foreign_key('t', '{b}', 'history.other')", "YO024", []string{"history.other"}},
		{"convert_past('t', 0)", "YO007", nil},
		{"convert_past('t', NULL)", "YO007", nil},
		{"convert_past('plain')", "YO003", []string{"plain"}},
	} {
		l.unchanged("SELECT yore."+c.call, c.code, c.parts...)
	}
	l.exec("ALTER TABLE temporal.t ADD COLUMN by_hand int")
	for _, action := range []string{"ADD COLUMN x int", "ADD CHECK (b > 0)", "RENAME TO u", "RENAME by_hand TO z"} {
		l.unchanged(fmt.Sprintf("SELECT yore.alter_table('t', '%s')", action), "YO009", "public.t", "yore.sync")
	}
	l.exec("SELECT yore.sync('t')")
	l.ok()
}

// What looks like it and is none: semicolons, commas, quotes and words of ALTER
// TABLE within strings, names and comments.
func TestMigrationsTakesWhatIsQuoted(t *testing.T) {
	l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, type int, \"using\" text)", "SELECT yore.track('t')", "INSERT INTO t (id) VALUES (1)", "UPDATE t SET type = 7")
	for _, action := range []string{
		`ADD COLUMN a text DEFAULT ';'`, `ADD COLUMN b text DEFAULT $$;,'$$`, `ADD COLUMN c text DEFAULT $q$;$$'$q$ -- ; and ' and (`, `ADD COLUMN "d;,(" int /* ; ' ( */`,
		`ADD COLUMN e text DEFAULT E'\';,'`, `ADD COLUMN f text DEFAULT 'it''s;'`, `ADD COLUMN "g""," int`, "ADD COLUMN h\ttext\n DEFAULT U&'\\003B'", `ADD COLUMN "DROP" int, ADD COLUMN "RENAME TO" int`,
		`ADD COLUMN i numeric(10,2)[] DEFAULT ARRAY[1,2.5]`, `ADD COLUMN "add" text DEFAULT ',DROP COLUMN id'`, `ADD CHECK (a <> ''';' AND (b <> ','))`, `ALTER type TYPE text USING $x$;$x$ || (type, 1)::text`,
		`ALTER COLUMN "using" TYPE varchar(10) COLLATE "C" USING upper("using")`, `DROP COLUMN "DROP"`, `RENAME "RENAME TO" TO "drop; column"`,
	} {
		l.exec("SELECT yore.alter_table('t', " + literal(action) + ")")
	}
	l.want("SELECT version, type FROM history.t ORDER BY version", "1|;(,1)", "2|;(7,1)")
	l.want(`SELECT a, b, c, e, f, h, "add" FROM t`, `;|;,'|;$$'|';,|it's;|;|,DROP COLUMN id`)
	l.exec("SELECT yore.alter_table('t', 'ALTER type TYPE varchar(10) USING left(type, 2)', in_batches => true)", "SELECT yore.convert_past('t')", "SELECT yore.convert_past('t')", "UPDATE t SET type = 'z'")
	l.want("SELECT version, type FROM history.t ORDER BY version", "1|;(", "2|;(", "3|z")
	l.ok()
}
