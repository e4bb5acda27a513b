package sql_test

import (
	"strings"
	"testing"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// What there is: if it is the same after a refusal, nothing was changed.
const whatThereIs = `
	SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_proc), (SELECT count(*) FROM pg_trigger), (SELECT count(*) FROM pg_namespace),
	       (SELECT count(*) FROM pg_attribute WHERE NOT attisdropped), (SELECT count(*) FROM pg_constraint), (SELECT count(*) FROM pg_description),
	       (SELECT string_agg(oid::text || relnamespace || relname || relacl::text, '' ORDER BY oid) FROM pg_class WHERE oid > 16384 AND relacl IS NOT NULL),
	       (SELECT jsonb_agg(m ORDER BY m) FROM yore.tracked AS m)`

func unchanged(t *testing.T, db yore.DB, do func()) {
	t.Helper()
	before := pgtest.Rows(t, db, whatThereIs)
	do()
	if after := pgtest.Rows(t, db, whatThereIs); after[0] != before[0] {
		t.Errorf("something has changed:\nbefore %s\nafter  %s", before[0], after[0])
	}
}

var refusals = []struct {
	name      string
	setup     []string
	statement string
	code      string
	parts     []string // what the error names
	noHint    bool
}{
	// What cannot be tracked.
	{name: "NoPrimaryKey", setup: []string{"CREATE TABLE t (id int)"}, statement: "SELECT yore.track('t')", code: "YO005", parts: []string{"table t", "no primary key", "key =>"}},
	{name: "UnknownTable", statement: "SELECT yore.track('nothing')", code: "YO003", parts: []string{"no table nothing"}},
	{name: "UnknownSchema", statement: "SELECT yore.track('nowhere.nothing')", code: "YO003", parts: []string{"nowhere.nothing"}},
	{name: "UnknownByCase", setup: []string{`CREATE TABLE "Orders" (id int PRIMARY KEY)`}, statement: "SELECT yore.track('Orders')", code: "YO003", parts: []string{"Orders", `Did you mean "Orders"?`, "double quotes"}},
	{name: "NotAName", statement: `SELECT yore.track('a b"c')`, code: "YO003", parts: []string{`a b"c`}},
	{name: "Null", statement: "SELECT yore.track(NULL)", code: "YO003"},
	{name: "View", setup: []string{"CREATE VIEW v AS SELECT 1 AS id"}, statement: "SELECT yore.track('v')", code: "YO005", parts: []string{"v is a view", "Track the tables"}},
	{name: "MaterializedView", setup: []string{"CREATE MATERIALIZED VIEW v AS SELECT 1 AS id"}, statement: "SELECT yore.track('v')", code: "YO005", parts: []string{"v is a materialized view"}},
	{name: "Sequence", setup: []string{"CREATE SEQUENCE s"}, statement: "SELECT yore.track('s')", code: "YO005", parts: []string{"s is a sequence"}},
	{name: "Index", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)"}, statement: "SELECT yore.track('t_pkey')", code: "YO005", parts: []string{"t_pkey is an index"}},
	{name: "CompositeType", setup: []string{"CREATE TYPE c AS (id int)"}, statement: "SELECT yore.track('c')", code: "YO005", parts: []string{"c is a type"}},
	{name: "TemporaryTable", setup: []string{"CREATE TEMPORARY TABLE t (id int PRIMARY KEY)"}, statement: "SELECT yore.track('t')", code: "YO005", parts: []string{"t is a temporary table"}},
	{name: "UnloggedTable", setup: []string{"CREATE UNLOGGED TABLE t (id int PRIMARY KEY)"}, statement: "SELECT yore.track('t')", code: "YO005", parts: []string{"t is unlogged", "SET LOGGED"}},
	{name: "TypedTable", setup: []string{"CREATE TYPE c AS (id int)", "CREATE TABLE t OF c (PRIMARY KEY (id))"}, statement: "SELECT yore.track('t')", code: "YO005", parts: []string{"t is a table OF type c", "NOT OF"}},
	{name: "Partition", setup: []string{"CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id)", "CREATE TABLE t1 PARTITION OF t DEFAULT"}, statement: "SELECT yore.track('t1', in_place => true)", code: "YO005", parts: []string{"t1 is a partition", "track('t', in_place => true)"}},
	{name: "Partitioned", setup: []string{"CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id)"}, statement: "SELECT yore.track('t')", code: "YO005", parts: []string{"t is partitioned", "in_place => true"}},
	{name: "PartitionedArchive", setup: []string{"CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id)"}, statement: "SELECT yore.track('t', in_place => true, on_truncate => 'archive')", code: "YO007", parts: []string{"partitioned", "t"}},
	{name: "InheritanceParent", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE c () INHERITS (t)"}, statement: "SELECT yore.track('t')", code: "YO005", parts: []string{"t takes part in table inheritance"}},
	{name: "InheritanceChild", setup: []string{"CREATE TABLE t (id int)", "CREATE TABLE c (PRIMARY KEY (id)) INHERITS (t)"}, statement: "SELECT yore.track('c', in_place => true)", code: "YO005", parts: []string{"c takes part in table inheritance", "NO INHERIT"}},
	{name: "SystemTable", statement: "SELECT yore.track('pg_catalog.pg_class')", code: "YO005", parts: []string{"pg_class"}, noHint: true},
	{name: "YoresOwnTable", statement: "SELECT yore.track('yore.tracked')", code: "YO005", parts: []string{"yore.tracked"}, noHint: true},
	{name: "ThePast", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)", "SELECT yore.track('t')"}, statement: "SELECT yore.track('temporal.t_past')", code: "YO005", parts: []string{"temporal"}, noHint: true},
	{name: "History", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)", "SELECT yore.track('t')"}, statement: "SELECT yore.track('history.t')", code: "YO005", parts: []string{"history.t is a view"}},
	{name: "LateTrigger", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)", `CREATE TRIGGER "~~late" BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`},
		statement: "SELECT yore.track('t')", code: "YO006", parts: []string{"~~late", "RENAME TO"}},
	{name: "RowTypeInUse", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)", "CREATE FUNCTION first() RETURNS t LANGUAGE sql AS 'SELECT * FROM t LIMIT 1'"}, statement: "SELECT yore.track('t')", code: "YO005", parts: []string{"row type of t", "function first()", "in_place => true"}},
	{name: "RowTypeInUseByAColumn", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE u (all_of_it t[])"}, statement: "SELECT yore.track('t')", code: "YO005", parts: []string{"row type of t", "column all_of_it"}},
	{name: "AlreadyTracked", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)", "SELECT yore.track('t')"}, statement: "SELECT yore.track('t')", code: "YO004", parts: []string{"table t is already tracked"}},
	{name: "AlreadyTrackedInPlace", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)", "SELECT yore.track('t', in_place => true)"}, statement: "SELECT yore.track('public.t')", code: "YO004", parts: []string{"t is already tracked"}},

	// Keys.
	{name: "DeferrableKey", setup: []string{"CREATE TABLE t (id int PRIMARY KEY DEFERRABLE)"}, statement: "SELECT yore.track('t')", code: "YO005", parts: []string{"key of t", "(id)", "deferrable"}},
	{name: "NullableKey", setup: []string{"CREATE TABLE t (id int UNIQUE)"}, statement: "SELECT yore.track('t', key => '{id}')", code: "YO005", parts: []string{"column id may be NULL", "SET NOT NULL"}},
	{name: "KeyNotUnique", setup: []string{"CREATE TABLE t (id int NOT NULL)"}, statement: "SELECT yore.track('t', key => '{id}')", code: "YO005", parts: []string{"no index makes (id) unique"}},
	{name: "KeyPartlyUnique", setup: []string{"CREATE TABLE t (id int NOT NULL, b int)", "CREATE UNIQUE INDEX ON t (id) WHERE b > 0"}, statement: "SELECT yore.track('t', key => '{id}')", code: "YO005", parts: []string{"(id)", "partial"}},
	{name: "KeyExpression", setup: []string{"CREATE TABLE t (id text NOT NULL)", "CREATE UNIQUE INDEX ON t (lower(id))"}, statement: "SELECT yore.track('t', key => '{id}')", code: "YO005", parts: []string{"expressions"}},
	{name: "KeyOfWiderIndex", setup: []string{"CREATE TABLE t (a int NOT NULL, b int NOT NULL, UNIQUE (a, b))"}, statement: "SELECT yore.track('t', key => '{a}')", code: "YO005", parts: []string{"(a)"}},
	{name: "GeneratedKey", setup: []string{"CREATE TABLE t (a int, id int GENERATED ALWAYS AS (a + 1) STORED PRIMARY KEY)"}, statement: "SELECT yore.track('t')", code: "YO005", parts: []string{"column id is generated", "key =>"}},
	{name: "KeyNoColumn", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)"}, statement: "SELECT yore.track('t', key => '{ident}')", code: "YO007", parts: []string{"key of t", "no column ident"}, noHint: true},
	{name: "KeyTwice", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)"}, statement: "SELECT yore.track('t', key => '{id,id}')", code: "YO005", parts: []string{"(id, id)"}},
	{name: "KeyEmpty", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)"}, statement: "SELECT yore.track('t', key => '{}')", code: "YO007", parts: []string{"key of t"}, noHint: true},

	// Names.
	{name: "LongName", setup: []string{"CREATE TABLE " + strings.Repeat("a", 59) + " (id int PRIMARY KEY)"}, statement: "SELECT yore.track('" + strings.Repeat("a", 59) + "')", code: "YO006", parts: []string{"no room for _past", "past_name"}},
	{name: "PastNameTooLong", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)"}, statement: "SELECT yore.track('t', past_name => '" + strings.Repeat("p", 64) + "')", code: "YO006", parts: []string{"63 bytes"}},
	{name: "PastNameEmpty", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)"}, statement: "SELECT yore.track('t', past_name => '')", code: "YO007", parts: []string{"past_name"}},
	{name: "PastNameIsTheTables", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)"}, statement: "SELECT yore.track('t', past_name => 't')", code: "YO006", parts: []string{"temporal.t"}},
	{name: "PastNameTaken", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE u (id int PRIMARY KEY)", "SELECT yore.track('u')"}, statement: "SELECT yore.track('t', past_name => 'u')", code: "YO006", parts: []string{"temporal.u is already there"}},
	{name: "PastKept", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)", "SELECT yore.track('t')", "SELECT yore.untrack('t')"}, statement: "SELECT yore.track('t')", code: "YO006", parts: []string{"temporal.t_past is already there", "untrack"}},
	{name: "PastKeptAndRenamed", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)", "SELECT yore.track('t')", "SELECT yore.untrack('t')", "DROP VIEW history.t", "ALTER TABLE temporal.t_past RENAME TO t_old"},
		statement: "SELECT yore.track('t')", code: "YO006", parts: []string{"temporal.t_past_pkey is already there", "another schema"}},
	{name: "PrefixTooLong", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)"}, statement: "SELECT yore.track('t', prefix => '" + strings.Repeat("p", 54) + "')", code: "YO007", parts: []string{"prefix", "63 bytes"}, noHint: true},
	{name: "LongSchema", setup: []string{"CREATE SCHEMA " + strings.Repeat("s", 60), "CREATE TABLE " + strings.Repeat("s", 60) + ".t (id int PRIMARY KEY)"}, statement: "SELECT yore.track('" + strings.Repeat("s", 60) + ".t')", code: "YO006", parts: []string{"too long"}},

	// Options.
	{name: "JournalNoColumn", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)"}, statement: "SELECT yore.track('t', journal => '{foo}')", code: "YO007", parts: []string{"t", "no column foo"}, noHint: true},
	{name: "NoJournalNoColumn", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)"}, statement: "SELECT yore.track('t', no_journal => '{id,bar}')", code: "YO007", parts: []string{"no column bar"}, noHint: true},
	{name: "JournalAndNoJournal", setup: []string{"CREATE TABLE t (id int PRIMARY KEY, a int, b int)"}, statement: "SELECT yore.track('t', journal => '{a}', no_journal => '{b}')", code: "YO007", parts: []string{"journal, no_journal", "exclude"}},
	{name: "JournalAndFull", setup: []string{"CREATE TABLE t (id int PRIMARY KEY, a int, b int)"}, statement: "SELECT yore.track('t', journal => '{a}', full_journal => true)", code: "YO007", parts: []string{"full_journal"}},
	{name: "JournalAfterNoJournal", setup: []string{"CREATE TABLE t (id int PRIMARY KEY, a int, b int)", "SELECT yore.track('t', no_journal => '{a}')"}, statement: "SELECT yore.track('t', journal => '{a}')", code: "YO007", parts: []string{"'{}'"}},
	{name: "OnTruncate", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)"}, statement: "SELECT yore.track('t', on_truncate => 'archiv')", code: "YO007", parts: []string{"'refuse' or 'archive'", "'archiv'"}, noHint: true},
	{name: "SinceInTheFuture", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)"}, statement: "SELECT yore.track('t', since => '2999-01-01Z')", code: "YO007", parts: []string{"future", "2999-01-01"}, noHint: true},
	{name: "SinceInfinity", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)"}, statement: "SELECT yore.track('t', since => 'infinity')", code: "YO007", parts: []string{"future"}, noHint: true},
	{name: "ExclusionWithoutExtension", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)"}, statement: "SELECT yore.track('t', exclusion => true)", code: "YO005", parts: []string{"btree_gist", "CREATE EXTENSION"}},
	{name: "MistypedOption", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)"}, statement: "SELECT yore.track('t', jornal => '{a}')", code: "42883", parts: []string{"jornal"}},
	{name: "MistypedTime", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)"}, statement: "SELECT yore.track('t', since => 'yesteryear')", code: "22007", parts: []string{"yesteryear"}, noHint: true},
	{name: "FixedOptionOfTracked", setup: []string{"CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL UNIQUE)", "SELECT yore.track('t')"}, statement: "SELECT yore.track('t', squash => false, in_place => true)", code: "YO007", parts: []string{"in_place", "Untrack it first"}},
	{name: "FixedOptionAlone", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)", "SELECT yore.track('t')"}, statement: "SELECT yore.track('t', since => '2000-01-01')", code: "YO004", parts: []string{"since"}},
	{name: "RetrackNoColumn", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)", "SELECT yore.track('t')"}, statement: "SELECT yore.track('t', no_journal => '{foo}')", code: "YO007", parts: []string{"no column foo"}, noHint: true},
	{name: "RetrackAlteredByHand", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)", "SELECT yore.track('t')", "ALTER TABLE temporal.t ADD COLUMN x int"}, statement: "SELECT yore.track('t', squash => false)", code: "YO009", parts: []string{"yore.sync('public.t')"}},

	// The other functions.
	{name: "UntrackUnknown", statement: "SELECT yore.untrack('nothing')", code: "YO003", parts: []string{"nothing"}},
	{name: "UntrackUntracked", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)"}, statement: "SELECT yore.untrack('t')", code: "YO003", parts: []string{"table t is not tracked", "yore.track('t')"}},
	{name: "UntrackHistory", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)", "SELECT yore.track('t')"}, statement: "SELECT yore.untrack('t', history => 'kep')", code: "YO007", parts: []string{"'keep' or 'drop'", "'kep'"}, noHint: true},
	{name: "UntrackHistoryNull", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)", "SELECT yore.track('t')"}, statement: "SELECT yore.untrack('t', history => NULL)", code: "YO007", parts: []string{"NULL"}, noHint: true},
	{name: "UntrackKeepAltered", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)", "SELECT yore.track('t')", "ALTER TABLE temporal.t ADD COLUMN x int"}, statement: "SELECT yore.untrack('t')", code: "YO009", parts: []string{"yore.sync('public.t')"}},
	{name: "UntrackWithAView", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)", "SELECT yore.track('t')", "CREATE VIEW v AS SELECT * FROM t"}, statement: "SELECT yore.untrack('t')", code: "2BP01", parts: []string{"view v"}},
	{name: "SyncUntracked", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)"}, statement: "SELECT yore.sync('t')", code: "YO003", parts: []string{"not tracked"}},
	{name: "VerifyUntracked", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)"}, statement: "SELECT * FROM yore.verify('t')", code: "YO003", parts: []string{"not tracked"}},
	{name: "SinceUntracked", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)"}, statement: "SELECT yore.tracked_since('t')", code: "YO003", parts: []string{"not tracked"}},
	{name: "SyncLostKey", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)", "SELECT yore.track('t')", "ALTER TABLE temporal.t DROP CONSTRAINT t_pkey"}, statement: "SELECT yore.sync('t')", code: "YO005", parts: []string{"(id)", "unique"}},
	{name: "SyncTakenName", setup: []string{"CREATE TABLE t (id int PRIMARY KEY)", "SELECT yore.track('t')", "ALTER TABLE temporal.t ADD COLUMN valid_to date"}, statement: "SELECT yore.sync('t')", code: "YO006", parts: []string{"valid_to"}},
	{name: "AtTimeNull", statement: "SELECT yore.at_time(NULL)", code: "YO007", parts: []string{"NULL"}, noHint: true},
	{name: "AtTimeInfinity", statement: "SELECT yore.at_time('infinity')", code: "YO007", parts: []string{"future", "infinity"}, noHint: true},
	{name: "AtTimeMinusInfinity", statement: "SELECT yore.at_time('-infinity')", code: "YO007", parts: []string{"-infinity"}, noHint: true},
	{name: "AtTimeFuture", statement: "SELECT yore.at_time(now() + '1 s')", code: "YO007", parts: []string{"future"}, noHint: true},
	{name: "AsOfMistyped", statement: "SELECT yore.as_of('last moon')", code: "22007", parts: []string{"last moon"}, noHint: true},
}

// Bad input is refused before anything has changed, naming the thing and the mend.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			db, _ := session(t)
			pgtest.Exec(t, db, r.setup...)
			unchanged(t, db, func() {
				e := refuses(t, db, r.statement, r.code, r.parts...)
				if e.Hint == "" && !r.noHint && r.code != "" {
					t.Errorf("no hint: %s", e.Message)
				}
				if strings.HasPrefix(r.code, "YO") && !strings.HasPrefix(e.Message, "yore: ") {
					t.Errorf("whose error is it? %s", e.Message)
				}
			})
		})
	}
}

// Columns with the names of yore's, refused with the way out.
func TestRefusesTakenColumnNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sys_version", "sys_from", "sys_xid", "sys_to", "sys_xid_to", "sys_id"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, _ := session(t)
			pgtest.Exec(t, db, "CREATE TABLE t (id int PRIMARY KEY, "+name+" text)")
			unchanged(t, db, func() {
				for _, options := range []string{"", ", in_place => true", ", prefix => 'sys_'"} {
					refuses(t, db, "SELECT yore.track('t'"+options+")", "YO006", "column "+name+" of", "t", "RENAME COLUMN")
				}
			})
		})
	}
	for _, name := range []string{"version", "valid_from", "valid_to", "deleted_at", "xid"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, _ := session(t)
			pgtest.Exec(t, db, "CREATE TABLE t (id int PRIMARY KEY, "+name+" text)")
			unchanged(t, db, func() {
				refuses(t, db, "SELECT yore.track('t')", "YO006", "column "+name+" of", "t", "prefix => 'sys_'")
			})
			pgtest.Exec(t, db, "SELECT yore.track('t', prefix => 'sys_')", "INSERT INTO t VALUES (1, 'mine')", "UPDATE t SET "+name+" = 'still mine'")
			rowsAre(t, db, "SELECT "+name+", sys_version, sys_deleted_at FROM history.t ORDER BY sys_version", "mine|1|∅", "still mine|2|∅")
			pgtest.Clean(t, db)
		})
	}
}

func TestRefusesForeignTable(t *testing.T) {
	t.Parallel()
	db, _ := session(t)
	if pgtest.Rows(t, db, "SELECT count(*) FROM pg_available_extensions WHERE name = 'file_fdw'")[0] == "0" {
		t.Skip("file_fdw is not there")
	}
	pgtest.Exec(t, db, "CREATE EXTENSION file_fdw", "CREATE SERVER s FOREIGN DATA WRAPPER file_fdw", "CREATE FOREIGN TABLE f (id int) SERVER s OPTIONS (filename '/dev/null')")
	unchanged(t, db, func() {
		refuses(t, db, "SELECT yore.track('f')", "YO005", "f is a foreign table", "on the server that has it")
	})
}
