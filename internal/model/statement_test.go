package model

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// keys is how many keys a table has: few, so that transactions meet.
const keys = 6

var every = []int{0, 1, 2, 3, 4, 5}

// A table is how a tracked table is written in SQL.
type table struct {
	name        string
	composite   bool // (g, k) instead of k
	inPlace     bool
	partitioned bool // by g
	byTrigger   bool // an application's trigger changes the key
	immutable   bool // entity_id instead of k
}

func (tb table) definition() []string {
	key, primary := "k int", "k"
	if tb.composite {
		key, primary = "g text, k int", "k, g" // not the order of the columns
	}
	if tb.immutable {
		key, primary = "entity_id uuid", "entity_id"
	}
	create := fmt.Sprintf("CREATE TABLE %s (%s, a int NOT NULL, b text, updated_at int, PRIMARY KEY (%s))", tb.name, key, primary)
	if tb.byTrigger {
		return []string{
			create,
			`CREATE OR REPLACE FUNCTION change_key() RETURNS trigger LANGUAGE plpgsql AS
			 $$ BEGIN IF NEW.a >= 1000 THEN NEW.k := NEW.a / 100 - 10; NEW.a := NEW.a % 100; END IF; RETURN NEW; END $$`,
			fmt.Sprintf("CREATE TRIGGER change_key BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION change_key()", tb.name),
		}
	}
	if !tb.partitioned {
		return []string{create}
	}
	return []string{
		create + " PARTITION BY LIST (g)",
		fmt.Sprintf("CREATE TABLE %s_x PARTITION OF %[1]s FOR VALUES IN ('x')", tb.name),
		fmt.Sprintf("CREATE TABLE %s_y PARTITION OF %[1]s FOR VALUES IN ('y')", tb.name),
	}
}

// storage is where the current rows are.
func (tb table) storage() string {
	if tb.inPlace {
		return tb.name
	}
	return "temporal." + tb.name
}

func (tb table) columns() string {
	if tb.immutable {
		return "entity_id"
	}
	if tb.composite {
		return "g, k"
	}
	return "k"
}

// number is the expression that gives a row's key as the model's number.
func (tb table) number() string {
	if tb.immutable {
		return "right(entity_id::text, 1)::int"
	}
	if tb.composite {
		return fmt.Sprintf("CASE g WHEN 'x' THEN k ELSE k + %d END", keys/2)
	}
	return "k"
}

func (tb table) key(k int) string {
	if tb.immutable {
		return fmt.Sprintf("'01a1fc60-aa83-733b-ab9a-%012d'", k)
	}
	if !tb.composite {
		return strconv.Itoa(k)
	}
	if k < keys/2 {
		return fmt.Sprintf("'x', %d", k)
	}
	return fmt.Sprintf("'y', %d", k-keys/2)
}

func (tb table) is(k int) string { return fmt.Sprintf("(%s) = (%s)", tb.columns(), tb.key(k)) }

// into is where an INSERT writes.
func (tb table) into() string { return fmt.Sprintf("%s (%s, a, b, updated_at)", tb.name, tb.columns()) }

func (tb table) set(k int) string { return fmt.Sprintf("(%s) = ROW(%s)", tb.columns(), tb.key(k)) }

func literal(v values) string {
	b := "NULL"
	if v.b != "" {
		b = "'" + v.b + "'"
	}
	return fmt.Sprintf("%d, %s, %d", v.a, b, v.updated)
}

// A statement is one that the machine can run, and what the model makes of it.
type statement struct {
	kind string
	k    int
	into int // of a key change
	v    values
}

// kinds are the statements, the commoner ones more than once.
var kinds = []string{
	"insert", "insert", "insert", "update", "update", "update", "update", "save", "no-op", "no-op save", "touch", "delete", "delete", "delete",
	"upsert", "upsert", "upsert nothing", "upsert many", "rekey", "rekey", "move", "update all", "shift", "merge",
}

// ofEntities are the statements on an immutable table: its key does not change.
func ofEntities() []string {
	fitting := slices.DeleteFunc(slices.Clone(kinds), func(k string) bool { return k == "rekey" || k == "shift" })
	return append(fitting, "undelete", "undelete")
}

// waiting are those that may be made to wait for another transaction.
var waiting = []string{"insert", "insert", "update", "no-op", "touch", "delete", "upsert", "upsert nothing", "rekey", "rekey"}

func (s statement) sql(tb table) string {
	switch s.kind {
	case "insert":
		return fmt.Sprintf("INSERT INTO %s VALUES (%s, %s)", tb.into(), tb.key(s.k), literal(s.v))
	case "update":
		return fmt.Sprintf("UPDATE %s SET a = %d WHERE %s", tb.name, s.v.a, tb.is(s.k))
	case "save": // every column, as many programs do
		return fmt.Sprintf("UPDATE %s SET (%s, a, b, updated_at) = ROW(%s, %s) WHERE %s", tb.name, tb.columns(), tb.key(s.k), literal(s.v), tb.is(s.k))
	case "no-op save":
		return fmt.Sprintf("UPDATE %s SET %s, a = a, updated_at = updated_at WHERE %s", tb.name, tb.set(s.k), tb.is(s.k))
	case "no-op":
		return fmt.Sprintf("UPDATE %s SET a = a, b = b WHERE %s", tb.name, tb.is(s.k))
	case "touch":
		return fmt.Sprintf("UPDATE %s SET updated_at = %d WHERE %s", tb.name, s.v.updated, tb.is(s.k))
	case "delete":
		return fmt.Sprintf("DELETE FROM %s WHERE %s", tb.name, tb.is(s.k))
	case "upsert":
		return fmt.Sprintf("INSERT INTO %s VALUES (%s, %s) ON CONFLICT (%s) DO UPDATE SET a = excluded.a", tb.into(), tb.key(s.k), literal(s.v), tb.columns())
	case "upsert nothing":
		return fmt.Sprintf("INSERT INTO %s VALUES (%s, %s) ON CONFLICT DO NOTHING", tb.into(), tb.key(s.k), literal(s.v))
	case "upsert many":
		var rows []string
		for k := range keys {
			rows = append(rows, fmt.Sprintf("(%s, %s)", tb.key(k), literal(s.v)))
		}
		return fmt.Sprintf("INSERT INTO %s AS t (%[3]s, a, b, updated_at) VALUES %[2]s ON CONFLICT (%[3]s) DO UPDATE SET a = t.a + 1", tb.name, strings.Join(rows, ", "), tb.columns())
	case "rekey":
		if tb.byTrigger {
			return fmt.Sprintf("UPDATE %s SET a = %d WHERE %s", tb.name, 1000+100*s.into+s.v.a, tb.is(s.k))
		}
		return fmt.Sprintf("UPDATE %s SET %s, a = %d WHERE %s", tb.name, tb.set(s.into), s.v.a, tb.is(s.k))
	case "move":
		return fmt.Sprintf("WITH gone AS (DELETE FROM %s WHERE %s RETURNING *) INSERT INTO %[4]s SELECT %[3]s, a + 1, b, updated_at FROM gone", tb.name, tb.is(s.k), tb.columns(), tb.into())
	case "update all":
		return fmt.Sprintf("UPDATE %s SET a = a + 1", tb.name)
	case "shift":
		set := fmt.Sprintf("k = (k + %d) %% %d", keys/2, keys)
		if tb.composite {
			set = "g = CASE g WHEN 'x' THEN 'y' ELSE 'x' END"
		}
		return fmt.Sprintf("UPDATE %s SET %s", tb.name, set)
	case "merge":
		// Not every version can MERGE into a view.
		return fmt.Sprintf(`MERGE INTO %s AS t USING (VALUES (1)) AS s (one) ON %s
			WHEN MATCHED AND t.a %% 2 = 0 THEN DELETE
			WHEN MATCHED THEN UPDATE SET a = %d
			WHEN NOT MATCHED THEN INSERT (%s, a, b, updated_at) VALUES (%s, %s)`,
			tb.storage(), tb.is(s.k), s.v.a, tb.columns(), tb.key(s.k), literal(s.v))
	case "truncate":
		return "TRUNCATE " + tb.storage()
	case "undelete":
		return fmt.Sprintf("SELECT yore.undelete('%s', %s, '{\"a\": %d}')", tb.name, tb.key(s.k), s.v.a)
	}
	panic(s.kind)
}

// sound says whether the outcome does not hang on the order in which the
// statement meets the rows.
func (s statement) sound(t *transaction) bool {
	if t.loading && slices.ContainsFunc(s.writes(), func(k int) bool { return t.found(k).live() }) {
		// A trigger before INSERT may find the time too early where there is
		// nothing to insert.
		return s.kind == "merge"
	}
	if s.kind == "undelete" {
		return !t.invisible(s.k) // what it says then is about the snapshot
	}
	if s.kind != "shift" {
		return s.k != s.into || s.kind != "rekey"
	}
	for k := range keys {
		if t.found(k).live() && t.found((k+keys/2)%keys).live() || t.stale(k, t.found(k)) || t.invisible(k) {
			return false
		}
	}
	return true
}

// works says whether the statement would find something to do, and not fail.
func (s statement) works(t *transaction) bool {
	try, world := *t, *t.world
	world.tally = &tally{times: map[string]int{}}
	try.world, try.own, try.lockOnly = &world, maps.Clone(t.own), map[int]bool{}
	rows, code := s.apply(&try, t.sees())
	return rows > 0 && code == fine
}

// reads are the keys whose row the statement must find unlocked if there is
// one; writes are those it makes, there or not.
func (s statement) reads() []int {
	switch s.kind {
	case "update all", "shift", "upsert many":
		return every
	}
	return []int{s.k}
}

func (s statement) writes() []int {
	switch s.kind {
	case "insert", "upsert", "upsert nothing", "merge", "undelete":
		return []int{s.k}
	case "rekey":
		return []int{s.into}
	case "upsert many", "shift":
		return s.reads()
	}
	return nil
}

// blockers are the transactions that the statement would have to wait for.
func (s statement) blockers(t *transaction) map[*transaction]bool {
	found := map[*transaction]bool{}
	for _, k := range s.reads() {
		if o := t.holder(k); o != nil && t.seen(k).live() {
			found[o] = true
		}
	}
	if s.kind == "rekey" && !t.seen(s.k).live() {
		return found // nothing to rekey
	}
	for _, k := range s.writes() {
		if o := t.holder(k); o != nil {
			found[o] = true
		}
	}
	return found
}

// apply runs the statement in the model; seen is what the transaction saw when
// it began. It returns the number of rows, or the SQLSTATE it fails with.
func (s statement) apply(t *transaction, seen state) (int, string) {
	code := fine
	find := func(k int) *key {
		if code != fine {
			return nil
		}
		var row *key
		row, code = t.target(k, seen[k])
		return row
	}
	set := func(change func(v *values)) (int, string) {
		row := find(s.k)
		if row == nil {
			return 0, code
		}
		v := row.last().values
		change(&v)
		return 1, t.update(s.k, row, v)
	}

	switch s.kind {
	case "insert":
		return 1, t.insert(s.k, s.v)
	case "update":
		return set(func(v *values) { v.a = s.v.a })
	case "save":
		return set(func(v *values) { *v = s.v })
	case "no-op", "no-op save":
		return set(func(*values) {})
	case "touch":
		return set(func(v *values) { v.updated = s.v.updated })
	case "delete":
		row := find(s.k)
		if row == nil {
			return 0, code
		}
		return 1, t.remove(s.k, row)
	case "upsert", "upsert nothing":
		found := t.found(s.k)
		if !found.live() {
			return 1, t.insert(s.k, s.v)
		}
		if t.stale(s.k, found) {
			return 0, t.fail(notSerial)
		}
		if s.kind == "upsert nothing" {
			return 0, fine
		}
		v := found.last().values
		v.a = s.v.a
		return 1, t.update(s.k, found, v)
	case "upsert many":
		for k := range keys {
			found := t.found(k)
			if !found.live() {
				if code := t.insert(k, s.v); code != fine {
					return 0, code
				}
				continue
			}
			if t.stale(k, found) {
				return 0, t.fail(notSerial)
			}
			v := found.last().values
			v.a++
			if code := t.update(k, found, v); code != fine {
				return 0, code
			}
		}
		return keys, fine
	case "rekey":
		row := find(s.k)
		if row == nil {
			return 0, code
		}
		v := row.last().values
		v.a = s.v.a
		return 1, t.rekey(s.k, s.into, row, v)
	case "undelete":
		found := t.found(s.k)
		switch {
		case found.live():
			return 0, t.fail(notDeleted)
		case found == nil || len(found.versions) == 0:
			return 0, t.fail(unknown)
		}
		v := found.last().values
		v.a = s.v.a
		t.world.tally.add("undeleted", 1)
		return 1, t.insert(s.k, v)
	case "move":
		row := find(s.k)
		if row == nil {
			return 0, code
		}
		v := row.last().values
		v.a++
		if code := t.remove(s.k, row); code != fine {
			return 0, code
		}
		return 1, t.insert(s.k, v)
	case "update all":
		n := 0
		for k := range keys {
			if row := find(k); row != nil {
				v := row.last().values
				v.a++
				if code := t.update(k, row, v); code != fine {
					return 0, code
				}
				n++
			}
		}
		return n, code
	case "truncate":
		for k := range keys {
			if row := find(k); row != nil {
				if code := t.remove(k, row); code != fine {
					return 0, code
				}
			}
		}
		return 0, fine
	case "shift":
		moving := map[int]*key{}
		for k := range keys {
			if row := find(k); row != nil {
				moving[k] = row
			}
		}
		for k, row := range moving {
			if code := t.rekey(k, (k+keys/2)%keys, row, row.last().values); code != fine {
				return 0, code
			}
		}
		return len(moving), code
	case "merge":
		row := find(s.k)
		if code != fine {
			return 0, code
		}
		if row == nil {
			return 1, t.insert(s.k, s.v)
		}
		v := row.last().values
		if v.a%2 == 0 {
			return 1, t.remove(s.k, row)
		}
		v.a = s.v.a
		return 1, t.update(s.k, row, v)
	}
	panic(s.kind)
}
