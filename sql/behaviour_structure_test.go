package sql_test

import (
	"strings"
	"testing"
)

// What there is of a table, in all schemas but the system's and yore's.
const everything = `
	SELECT concat_ws(' ', CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' END, c.oid::regclass) FROM pg_class AS c
	 WHERE c.relkind IN ('r', 'v') AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema|yore$)'
	UNION ALL
	SELECT 'function ' || p.oid::regprocedure FROM pg_proc AS p
	 WHERE p.pronamespace::regnamespace::text !~ '^(pg_|information_schema|yore$)'
	 ORDER BY 1`

func TestBehaviourStructure(t *testing.T) {
	t.Parallel()
	const create = "CREATE TABLE t (id serial PRIMARY KEY, name varchar(20) NOT NULL DEFAULT 'x', price numeric(10,2), tags text[], at timestamptz)"
	tracked := []string{
		"function asof.t(timestamp with time zone)",
		"function temporal.t_delete()",
		"function temporal.t_insert()",
		"function temporal.t_settle()",
		"function temporal.t_settle_all()",
		"function temporal.t_update()",
		"table temporal.t",
		"table temporal.t_past",
		"view asof.t",
		"view history.t",
		"view t",
	}

	t.Run("temporal-1 face, storage, history and asof are there", func(t *testing.T) {
		l := newLab(t, create, "SELECT yore.track('t')")
		l.want(everything, tracked...)
		l.want("SELECT table_name, state, storage, past FROM yore.status()", "public.t|ok|temporal.t|temporal.t_past")
	})

	t.Run("temporal-7 the same columns and types in all of them", func(t *testing.T) {
		l := newLab(t, create)
		const columns = `SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum) FROM pg_attribute
			WHERE attrelid = to_regclass('%') AND attnum > 0 AND NOT attisdropped AND attname = ANY ('{id,name,price,tags,at}')`
		before := l.value(strings.Replace(columns, "%", "t", 1))
		l.exec("SELECT yore.track('t')")
		for _, relation := range []string{"public.t", "temporal.t", "temporal.t_past", "history.t", "asof.t"} {
			l.want(strings.Replace(columns, "%", relation, 1), before)
		}
		l.want("SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'public.t'::regclass AND attnum > 0", "id name price tags at")
		l.want("SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'history.t'::regclass AND attnum > 0",
			"id name price tags at version valid_from valid_to deleted_at xid")
	})

	t.Run("temporal-8 a table that is not tracked is a table alone", func(t *testing.T) {
		l := newLab(t, create)
		l.want(everything, "table t")
		l.want("SELECT count(*) FROM yore.status()", "0")
	})

	t.Run("temporal-16 untracked it is the plain table again", func(t *testing.T) {
		l := newLab(t, create, "CREATE INDEX by_name ON t (name)")
		const shape = `SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns
			WHERE table_schema = 'public' AND table_name = 't' ORDER BY ordinal_position`
		before := l.rows(shape)
		l.exec("SELECT yore.track('t')", "INSERT INTO t (name) VALUES ('a'), ('b')", "UPDATE t SET name = 'c' WHERE id = 1",
			"SELECT yore.untrack('t', 'drop')")
		l.want(everything, "table t")
		l.want(shape, before...)
		l.want("SELECT indexname FROM pg_indexes WHERE tablename = 't' ORDER BY 1", "by_name", "t_pkey")
		l.want("SELECT count(*) FROM pg_trigger WHERE tgrelid = 't'::regclass", "0")
		l.want("SELECT count(*) FROM yore.tracked", "0")
		l.exec("INSERT INTO t (name) VALUES ('d')")
		l.present("t", "id, name", "1|c", "2|b", "3|d")
	})

	t.Run("temporal-19 a table with rows becomes tracked", func(t *testing.T) {
		l := newLab(t, create, "INSERT INTO t (name) VALUES ('a'), ('b')", "SELECT yore.track('t')")
		l.want(everything, tracked...)
		l.present("t", "id, name", "1|a", "2|b")
		l.history("t", "id, name", "1|a|v1 open", "2|b|v1 open")
		l.exec("UPDATE t SET name = 'c' WHERE id = 2", "INSERT INTO t (name) VALUES ('d')")
		l.history("t", "id, name", "1|a|v1 open", "2|b|v1 past", "2|c|v2 open", "3|d|v1 open")
		l.sound("t", "id")
	})
}
