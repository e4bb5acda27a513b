package schema

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// run executes a statement by way of a prepared one, which the session may have
// had since before the table changed. types are those of its columns, without
// which the same text would not be the same statement.
func (m *machine) run(t *rapid.T, s *session, types, sql string, args ...any) {
	t.Helper()
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(types + sql))
	name := fmt.Sprintf("s%x", hash.Sum64())
	ctx := context.Background()
	if !s.prepared[name] {
		if _, err := s.Prepare(ctx, name, sql); err != nil {
			t.Fatalf("%s\n%s", sql, explain(err))
		}
		s.prepared[name] = true
	} else {
		m.tally.add("prepared before", 1)
	}
	m.log(t, s, fmt.Sprint(sql, " ", args))
	tag, err := s.Exec(ctx, name, args...)
	if err != nil {
		t.Fatalf("%s\n%s", sql, explain(err))
	}
	if tag.RowsAffected() != 1 {
		t.Fatalf("%s: %d rows, not one", sql, tag.RowsAffected())
	}
}

// where names a row: the condition, from the parameter on, and its arguments.
func (tb *table) where(k, parameter int) (string, []any) {
	var conditions []string
	var args []any
	values := tb.keyValues(k)
	for _, c := range tb.keyColumns() {
		conditions = append(conditions, fmt.Sprintf("%s = $%d", quote(c.name), parameter+len(args)))
		args = append(args, values[c.id].arg())
	}
	return strings.Join(conditions, " AND "), args
}

// types are those of the whole table, for run.
func (tb *table) types() string {
	var all []string
	for _, c := range tb.columns {
		all = append(all, c.name+" "+c.typ)
	}
	return strings.Join(all, ",")
}

// target is where to write: the face, or sometimes the table beneath.
func (m *machine) target(t *rapid.T) string {
	if number(t, 0, 5, "beneath") == 0 {
		return m.tb.storage()
	}
	return m.tb.face()
}

// draw is a value that the column can have in that row.
func (m *machine) draw(t *rapid.T, k int, c *column) (value, bool) {
	var fitting []value
	if !c.notNull {
		fitting = append(fitting, null)
	}
	of := samples[c.typ]
	if c.refers != "" {
		of = []string{"0", "1", "2"}
	}
	for _, text := range of {
		if v := val(text); c.unique == "" || m.unused(k, c.id, v) {
			fitting = append(fitting, v)
		}
	}
	if len(fitting) == 0 {
		return null, false
	}
	return choose(t, fitting, c.typ), true
}

// unused says whether no other row has the value.
func (m *machine) unused(k, id int, v value) bool {
	typ := m.tb.column(id).typ
	for other := range keys {
		if row := m.tb.live(other); other != k && row != nil && unique(typ, row.get(id)) == unique(typ, v) && !v.null {
			return false
		}
	}
	return true
}

// writes are some statements of a transaction.
func (m *machine) writes(t *rapid.T, s *session, tx *transaction) {
	for range number(t, 1, 4, "statements") {
		m.write(t, s, tx)
	}
}

var statements = []string{"insert", "insert", "insert", "update", "update", "update", "update", "touch", "no-op", "delete", "delete", "upsert", "rekey", "undelete", "read"}

func (m *machine) write(t *rapid.T, s *session, tx *transaction) {
	tb := m.tb
	var live, gone, deleted []int
	for k := range keys {
		switch {
		case tb.live(k) != nil:
			live = append(live, k)
		default:
			gone = append(gone, k)
			if tb.last(k) != nil {
				deleted = append(deleted, k)
			}
		}
	}
	kind := choose(t, statements, "statement")
	var k int
	switch kind {
	case "insert":
		live = gone
	case "undelete":
		if live = deleted; !tb.kind.immutable {
			return
		}
	case "read":
		m.readPrepared(t, s)
		return
	case "rekey":
		if tb.kind.immutable || len(gone) == 0 {
			return
		}
	}
	if len(live) == 0 {
		return
	}
	k = choose(t, live, "key")
	m.tally.add(kind, 1)
	switch kind {
	case "insert":
		m.insert(t, s, tx, k)
	case "undelete":
		m.undelete(t, s, tx, k)
	case "delete":
		where, args := tb.where(k, 1)
		m.run(t, s, tb.types(), fmt.Sprintf("DELETE FROM %s WHERE %s", m.target(t), where), args...)
		tx.remove(tb, k)
		tb.lostParent(k)
	case "rekey":
		into := choose(t, gone, "into")
		m.rekey(t, s, tx, k, into)
	case "no-op":
		var set []string
		for _, c := range tb.columns {
			if c.key || c.writable() {
				set = append(set, quote(c.name)+" = "+quote(c.name))
			}
		}
		where, args := tb.where(k, 1)
		m.run(t, s, tb.types(), fmt.Sprintf("UPDATE %s SET %s WHERE %s", m.target(t), strings.Join(set, ", "), where), args...)
	default:
		m.update(t, s, tx, k, kind)
	}
}

// insert gives some columns a value and leaves the others to their defaults.
func (m *machine) insert(t *rapid.T, s *session, tx *transaction, k int) {
	tb := m.tb
	values := tb.keyValues(k)
	var identity []*column
	for _, c := range tb.columns {
		switch {
		case c.identity:
			identity = append(identity, c)
		case !c.writable():
		case c.def != nil && (c.unique == "" || m.unused(k, c.id, *c.def)) && rapid.Bool().Draw(t, "default"):
			values[c.id] = *c.def
			m.tally.add("default taken", 1)
		case !c.notNull && c.def == nil && rapid.Bool().Draw(t, "left out"):
		default:
			v, ok := m.draw(t, k, c)
			if !ok {
				return
			}
			values[c.id] = v
		}
	}
	var names, places []string
	var args []any
	for _, c := range tb.columns {
		v, given := values[c.id]
		if given && c.def != nil && v == *c.def || !given && c.def == nil {
			continue // defaults
		}
		names, places = append(names, quote(c.name)), append(places, fmt.Sprintf("$%d", len(args)+1))
		args = append(args, v.arg())
	}
	m.run(t, s, tb.types(), fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", m.target(t), strings.Join(names, ", "), strings.Join(places, ", ")), args...)
	for _, c := range identity {
		values[c.id] = m.look(t, s, k, c)
		if !m.unused(k, c.id, values[c.id]) {
			t.Fatalf("identity %s has %s twice", c.name, values[c.id])
		}
	}
	tx.insert(tb, k, values)
}

// look reads one value of a row: a number that a sequence gave.
func (m *machine) look(t *rapid.T, s *session, k int, c *column) value {
	where, args := m.tb.where(k, 1)
	var text string
	err := s.QueryRow(context.Background(), fmt.Sprintf("SELECT %s::text FROM %s WHERE %s", quote(c.name), m.tb.face(), where), args...).Scan(&text)
	if err != nil {
		t.Fatal(explain(err))
	}
	return val(text)
}

// update changes one or two columns, by UPDATE or by INSERT … ON CONFLICT; a
// touch, those whose change is not journaled.
func (m *machine) update(t *rapid.T, s *session, tx *transaction, k int, kind string) {
	tb := m.tb
	fitting := slices.DeleteFunc(slices.Clone(tb.columns), func(c *column) bool {
		return !c.writable() || kind == "touch" && tb.journaled(c)
	})
	if len(fitting) == 0 {
		return
	}
	values := maps.Clone(tb.live(k).values)
	var changed []*column
	for range number(t, 1, 2, "columns") {
		c := choose(t, fitting, "column")
		v, ok := m.draw(t, k, c)
		if !ok || slices.Contains(changed, c) {
			continue
		}
		values[c.id] = v
		changed = append(changed, c)
	}
	if len(changed) == 0 {
		return
	}
	if kind == "upsert" {
		for _, c := range tb.columns {
			if c.notNull && c.writable() && c.def == nil && !slices.Contains(changed, c) {
				return // it would have to be given
			}
			if c.unique != "" && c.def != nil && !m.unused(k, c.id, *c.def) {
				return
			}
		}
		m.upsert(t, s, k, values, changed)
	} else {
		var set []string
		var args []any
		for _, c := range changed {
			args = append(args, values[c.id].arg())
			set = append(set, fmt.Sprintf("%s = $%d", quote(c.name), len(args)))
		}
		where, key := tb.where(k, len(args)+1)
		m.run(t, s, tb.types(), fmt.Sprintf("UPDATE %s SET %s WHERE %s", m.target(t), strings.Join(set, ", "), where), append(args, key...)...)
	}
	if !tx.update(tb, k, values) {
		m.tally.add("changed in place", 1)
	}
}

func (m *machine) upsert(t *rapid.T, s *session, k int, values map[int]value, changed []*column) {
	var names, places, set, key []string
	var args []any
	for _, c := range m.tb.columns {
		if !c.key && !slices.Contains(changed, c) {
			continue
		}
		args = append(args, values[c.id].arg())
		names, places = append(names, quote(c.name)), append(places, fmt.Sprintf("$%d", len(args)))
		if c.key {
			key = append(key, quote(c.name))
		} else {
			set = append(set, fmt.Sprintf("%s = excluded.%[1]s", quote(c.name)))
		}
	}
	m.run(t, s, m.tb.types(), fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s) ON CONFLICT (%s) DO UPDATE SET %s", m.target(t),
		strings.Join(names, ", "), strings.Join(places, ", "), strings.Join(key, ", "), strings.Join(set, ", ")), args...)
}

func (m *machine) rekey(t *rapid.T, s *session, tx *transaction, k, into int) {
	tb := m.tb
	var set []string
	var args []any
	values := maps.Clone(tb.live(k).values)
	key := tb.keyValues(into)
	for _, c := range tb.keyColumns() {
		args = append(args, key[c.id].arg())
		set = append(set, fmt.Sprintf("%s = $%d", quote(c.name), len(args)))
		values[c.id] = key[c.id]
	}
	where, old := tb.where(k, len(args)+1)
	m.run(t, s, tb.types(), fmt.Sprintf("UPDATE %s SET %s WHERE %s", m.target(t), strings.Join(set, ", "), where), append(args, old...)...)
	tx.remove(tb, k)
	tx.insert(tb, into, values)
	for id, ref := range tb.kids {
		if ref != nil && *ref == k {
			tb.kids[id] = &into
		}
	}
}

func (tb *table) lostParent(k int) {
	for id, ref := range tb.kids {
		if ref != nil && *ref == k {
			tb.kids[id] = nil
		}
	}
}

// undelete brings a row back as it was, but for columns that the tombstone
// cannot know.
func (m *machine) undelete(t *rapid.T, s *session, tx *transaction, k int) {
	tb := m.tb
	values := maps.Clone(tb.last(k).values)
	for _, c := range tb.columns {
		switch v := valueOf(values, c.id); {
		case c.from != 0:
		case c.identity && (v.null || m.unused(k, c.id, v)):
		case c.notNull && v.null && c.def != nil && (c.unique == "" || m.unused(k, c.id, *c.def)):
			values[c.id] = *c.def
		case c.notNull && v.null, !m.admits(k, c, v):
			return
		}
	}
	for id := range values {
		if tb.column(id) == nil {
			delete(values, id) // of columns that the past alone has
		}
	}
	m.log(t, s, "undelete")
	sql := fmt.Sprintf("SELECT yore.undelete(%s, '%s')", tb.quoted(), tb.keyValues(k)[tb.columns[0].id].text)
	m.exec(t, s, sql)
	for _, c := range tb.columns {
		if c.identity && valueOf(values, c.id).null {
			values[c.id] = m.look(t, s, k, c)
		}
	}
	tx.insert(tb, k, values)
	m.tally.add("undeleted", 1)
}

// admits says whether a value of the past can be one of the present.
func (m *machine) admits(k int, c *column, v value) bool {
	if v.null {
		return true
	}
	if c.refers != "" && !slices.Contains([]string{"0", "1", "2"}, v.text) {
		return false
	}
	return c.unique == "" || m.unused(k, c.id, v)
}

// readPrepared reads the present with a statement that names its columns.
func (m *machine) readPrepared(t *rapid.T, s *session) {
	var names []string
	for _, c := range m.tb.columns {
		names = append(names, quote(c.name))
	}
	of := m.tb.types()
	hash := fnv.New64a()
	sql := fmt.Sprintf("SELECT %s FROM %s", strings.Join(names, ", "), m.tb.face())
	_, _ = hash.Write([]byte(of + sql))
	name := fmt.Sprintf("r%x", hash.Sum64())
	ctx := context.Background()
	if !s.prepared[name] {
		if _, err := s.Prepare(ctx, name, sql); err != nil {
			t.Fatal(explain(err))
		}
		s.prepared[name] = true
	} else {
		m.tally.add("read prepared before", 1)
	}
	rows, err := s.Query(ctx, name)
	if err != nil {
		t.Fatal(explain(err))
	}
	n := 0
	for rows.Next() {
		n++
	}
	if err := rows.Err(); err != nil {
		t.Fatal(explain(err))
	}
	if want := len(m.tb.liveKeys()); n != want {
		t.Fatalf("%s: %d rows, want %d", sql, n, want)
	}
}
