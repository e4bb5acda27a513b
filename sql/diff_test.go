package sql_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"testing"

	"yore.example/yore/internal/pgtest"
)

// years is a table of which, as of the beginning of each year, is known what it had.
func years(t *testing.T) *lab {
	t.Helper()
	l := newLab(t, "CREATE TABLE t (id int PRIMARY KEY, a text, n int)", "SELECT yore.track('t', since => '2001-01-01')")
	s := l.session()
	for i, step := range []string{
		"INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)",
		"UPDATE t SET a = 'A' WHERE id = 1; DELETE FROM t WHERE id = 2",
		"UPDATE t SET a = 'a' WHERE id = 1; INSERT INTO t VALUES (4, NULL, 4)",
		"INSERT INTO t VALUES (2, 'b', 2); DELETE FROM t WHERE id = 4; UPDATE t SET a = 'x', n = NULL WHERE id = 3",
	} {
		s.exec("BEGIN", fmt.Sprintf("SELECT yore.at_time('%d-01-01')", 2001+i), step, "COMMIT")
	}
	return l
}

func TestDiff(t *testing.T) {
	l := years(t)
	diff := func(from, to string, want ...string) {
		t.Helper()
		l.want(fmt.Sprintf("SELECT key ->> 'id', kind, columns, old - 'id', new - 'id' FROM yore.diff('t', %s, %s)", from, to), want...)
	}
	diff("'2001-06-01'", "'2002-06-01'", `1|changed|{a}|{"a": "a", "n": 1}|{"a": "A", "n": 1}`, `2|removed|{id,a,n}|{"a": "b", "n": 2}|∅`)
	// Backwards.
	diff("'2002-06-01'", "'2001-06-01'", `1|changed|{a}|{"a": "A", "n": 1}|{"a": "a", "n": 1}`, `2|added|{id,a,n}|∅|{"a": "b", "n": 2}`)
	// What changed and changed back is not listed, nor what went and came back.
	diff("'2001-06-01'", "NULL", `3|changed|{a,n}|{"a": "c", "n": 3}|{"a": "x", "n": null}`)
	diff("NULL", "'2001-06-01'", `3|changed|{a,n}|{"a": "x", "n": null}|{"a": "c", "n": 3}`)
	diff("'2002-06-01'", "'2003-06-01'", `1|changed|{a}|{"a": "A", "n": 1}|{"a": "a", "n": 1}`, `4|added|{id,n}|∅|{"a": null, "n": 4}`)
	// A period has its first instant.
	diff("'2001-01-01'", "'2001-12-31 23:59:59.999999'")
	diff("'2001-12-31 23:59:59.999999'", "'2002-01-01'", `1|changed|{a}|{"a": "a", "n": 1}|{"a": "A", "n": 1}`, `2|removed|{id,a,n}|{"a": "b", "n": 2}|∅`)
	// No time at all, and times to come, which have the rows of now.
	diff("'2002-06-01'", "'2002-06-01'")
	diff("NULL", "NULL")
	diff("'infinity'", "now() + interval '1 year'")
	diff("'2001-06-01'", "'infinity'", `3|changed|{a,n}|{"a": "c", "n": 3}|{"a": "x", "n": null}`)
	// matching: the row of either time.
	diff("'2001-06-01'", `'2002-06-01', '{"a": "A"}'`, `1|changed|{a}|{"a": "a", "n": 1}|{"a": "A", "n": 1}`)
	diff("'2001-06-01'", `'2002-06-01', '{"a": "a"}'`, `1|changed|{a}|{"a": "a", "n": 1}|{"a": "A", "n": 1}`)
	diff("'2001-06-01'", `'2002-06-01', '{"id": 2}'`, `2|removed|{id,a,n}|{"a": "b", "n": 2}|∅`)
	diff("'2002-06-01'", `'2003-06-01', '{"a": null}'`, `4|added|{id,n}|∅|{"a": null, "n": 4}`)
	diff("'2002-06-01'", `'2003-06-01', '{"id": 4, "n": 5}'`)
}

// Before a table is tracked, nothing is known: that is no answer.
func TestDiffBeforeTracking(t *testing.T) {
	l := years(t)
	for _, times := range []string{"'2000-12-31 23:59:59.999999+00', NULL", "NULL, '2000-01-01'", "'-infinity', '2002-01-01'"} {
		refuses(t, l.db, "SELECT * FROM yore.diff('t', "+times+")", "YO014", "table t", "tracked since 2001-01-01", "yore.tracked_since('t')")
	}
	l.want("SELECT count(*) FROM yore.diff('t', '2001-01-01 00:00:00+00', NULL)", "1")
	// With all of the past known, even of the beginning there is an answer.
	l.exec("CREATE TABLE ever (id int PRIMARY KEY, a text)", "INSERT INTO ever VALUES (1, 'x'), (2, 'y')", "SELECT yore.track('ever', since => '-infinity')", "UPDATE ever SET a = 'z' WHERE id = 1", "INSERT INTO ever VALUES (3)", "DELETE FROM ever WHERE id = 2")
	l.want("SELECT key, kind FROM yore.diff('ever', '-infinity', NULL)", `{"id": 1}|changed`, `{"id": 2}|removed`, `{"id": 3}|added`)
	l.want("SELECT key, kind FROM yore.diff('ever', '-infinity', '1900-01-01')")
}

// Of an immutable table, another version of the same values is no difference.
func TestDiffOfImmutable(t *testing.T) {
	l := newLab(t, "SELECT yore.create_immutable_table('i', 'name text')", "INSERT INTO i (name) VALUES ('a'), ('b')")
	at := l.now()
	l.exec("UPDATE i SET name = 'x' WHERE name = 'a'", "UPDATE i SET name = 'a' WHERE name = 'x'", "DELETE FROM i WHERE name = 'b'", "INSERT INTO i (name) VALUES ('c')")
	l.want("SELECT kind, columns, old ->> 'name', old ->> 'version', new ->> 'name', new ->> 'version' FROM yore.diff('i', '"+at+"', NULL) ORDER BY 1",
		"added|{entity_id,name}|∅|∅|c|1", "removed|{entity_id,name}|b|1|∅|∅")
}

// A random life of a table: the changes between any two times lead from the rows of
// the one to those of the other, and the difference is theirs.
func TestDiffOfRandomLives(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			randomLife(t, rand.New(rand.NewPCG(seed, 1)), seed)
		})
	}
}

func randomLife(t *testing.T, random *rand.Rand, seed uint64) {
	options := []string{"", ", squash => false", ", since => '-infinity'", ", prefix => 'p_'", ", in_place => true", ", full_journal => true"}[seed%6]
	db, _ := session(t)
	pgtest.Exec(t, db, "SET timezone = 'UTC'", "CREATE TABLE t (id int, part text, a int, updated_at int, PRIMARY KEY (part, id))", "INSERT INTO t VALUES (1, 'x', 0)", "SELECT yore.track('t'"+options+")")
	key := func() string { return fmt.Sprintf("id = %d AND part = '%c'", random.IntN(3), 'x'+rune(random.IntN(2))) }
	times := []string{"'" + instant(t, db) + "'"}
	for range 60 {
		pgtest.Exec(t, db, "BEGIN")
		for range 1 + random.IntN(4) {
			switch random.IntN(6) {
			case 0, 1:
				pgtest.Exec(t, db, fmt.Sprintf("INSERT INTO t VALUES (%d, '%c', %d) ON CONFLICT (part, id) DO UPDATE SET a = excluded.a", random.IntN(3), 'x'+rune(random.IntN(2)), random.IntN(3)))
			case 2:
				pgtest.Exec(t, db, fmt.Sprintf("UPDATE t SET a = %d WHERE %s", random.IntN(3), key()))
			case 3:
				pgtest.Exec(t, db, "DELETE FROM t WHERE "+key())
			case 4:
				pgtest.Exec(t, db, fmt.Sprintf("UPDATE t SET id = %d WHERE %s AND NOT EXISTS (SELECT FROM t AS o WHERE o.part = t.part AND o.id = %[1]d)", 3+random.IntN(3), key()))
			case 5:
				pgtest.Exec(t, db, fmt.Sprintf("UPDATE t SET updated_at = %d WHERE %s", random.IntN(3), key()))
			}
		}
		pgtest.Exec(t, db, []string{"COMMIT", "COMMIT", "COMMIT", "ROLLBACK"}[random.IntN(4)])
		if random.IntN(3) == 0 {
			times = append(times, "'"+instant(t, db)+"'")
		}
	}
	pgtest.Clean(t, db)
	times = append(times, "NULL")
	keys := []string{"part", "id"}
	shots := make([]replica, len(times))
	for i, at := range times {
		shots[i] = snapshot(t, db, "asof.t", keys, at)
	}
	for i, from := range times[:len(times)-1] {
		for j := i; j < len(times); j++ {
			to := times[j]
			// No change is on one of these moments, they lie between transactions.
			at := maps.Clone(shots[i])
			at.replay(t, from+" to "+to, changesOf(t, db, fmt.Sprintf("yore.changes('t', %s, %s)", from, to)))
			if !reflect.DeepEqual(at, shots[j]) {
				t.Fatalf("from %s to %s\nreplayed %v\nis       %v", from, to, at, shots[j])
			}
			for _, reversed := range []bool{false, true} {
				a, b, x, y := from, to, i, j
				if reversed {
					a, b, x, y = to, from, j, i
				}
				got := map[string]string{}
				for _, line := range pgtest.Rows(t, db, fmt.Sprintf("SELECT jsonb_build_array(key::text, kind, old, new) FROM yore.diff('t', %s, %s)", a, b)) {
					var key, kind string
					var was, is map[string]any
					unmarshal(t, line, &[]any{&key, &kind, &was, &is})
					got[key] = kind
					if !reflect.DeepEqual(was, shots[x][key]) || !reflect.DeepEqual(is, shots[y][key]) {
						t.Errorf("%s from %s to %s: %v to %v, not %v to %v", key, a, b, was, is, shots[x][key], shots[y][key])
					}
				}
				if want := differences(t, shots[x], shots[y], nil); !reflect.DeepEqual(got, want) {
					t.Errorf("from %s to %s\ngot  %v\nwant %v", a, b, got, want)
				}
			}
		}
	}
}
