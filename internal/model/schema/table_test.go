package schema

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

const open = int64(1) << 62

// keys is how many keys a table has.
const keys = 5

// A kind of table.
type kind struct {
	composite, inPlace, immutable bool
}

// A column of the present, or one that the past alone has kept.
type column struct {
	id       int
	name     string
	typ      string
	key      bool
	notNull  bool
	def      *value // the default
	identity bool
	from     int  // generated from another column: its id
	virtual  bool // and stored nowhere
	suffix   string
	unique   string // the name of a unique constraint
	check    string // the name of a check
	refers   string // the name of a foreign key
}

func (c *column) writable() bool { return !c.key && c.from == 0 && !c.identity }

// A waiting column's past is still to be converted.
type waiting struct {
	id   int
	kept *column // its former values
	keep bool    // they stay when it is done
}

type version struct {
	number   int64
	values   map[int]value // by id of the column; missing: NULL
	from, to int64
	by       int           // the transaction that made it
	was      map[int]value // before the statement that changes the table
}

func (v version) tombstone() bool { return v.from == v.to }

// An index that is no constraint's.
type index struct {
	name    string
	columns []int
}

// A view of the user's.
type view struct {
	name    string
	over    string // "now", "history", "asof"
	columns []viewColumn
}

type viewColumn struct {
	id    int
	as    string
	upper bool // upper(column)
}

// A table is all that the model knows of one.
type table struct {
	kind         kind
	schema, name string
	owner        string
	columns      []*column
	kept         []*column
	waits        []*waiting
	rows         map[int][]version
	journal      []int
	noJournal    []int
	full         bool
	squash       bool
	prefix       string
	indexes      []index
	views        []view
	granted      map[int]bool // columns that a role may read
	ids          int          // columns, so far
	constraints  int          // names given, so far
	kids         map[int]*int // the keys, or NULL, that the rows of another table refer to; nil: no such table
}

func (tb *table) clone() *table {
	c := *tb
	of := func(columns []*column) []*column {
		var all []*column
		for _, x := range columns {
			y := *x
			all = append(all, &y)
		}
		return all
	}
	c.columns, c.kept = of(tb.columns), of(tb.kept)
	c.waits = nil
	for _, w := range tb.waits {
		c.waits = append(c.waits, &waiting{w.id, of([]*column{w.kept})[0], w.keep})
	}
	c.rows = map[int][]version{}
	for k, versions := range tb.rows {
		for _, v := range versions {
			v.values = maps.Clone(v.values)
			c.rows[k] = append(c.rows[k], v)
		}
	}
	c.journal, c.noJournal = slices.Clone(tb.journal), slices.Clone(tb.noJournal)
	c.indexes, c.views = slices.Clone(tb.indexes), slices.Clone(tb.views)
	c.granted, c.kids = maps.Clone(tb.granted), maps.Clone(tb.kids)
	return &c
}

func (tb *table) column(id int) *column {
	for _, c := range tb.columns {
		if c.id == id {
			return c
		}
	}
	return nil
}

func (tb *table) named(name string) *column {
	for _, c := range tb.columns {
		if c.name == name {
			return c
		}
	}
	return nil
}

func (tb *table) keyColumns() []*column {
	return slices.DeleteFunc(slices.Clone(tb.columns), func(c *column) bool { return !c.key })
}

// get is the value of a column in a version.
func (v version) get(id int) value {
	if x, ok := v.values[id]; ok {
		return x
	}
	return null
}

// old is the value before the statement.
func (v version) old(id int) value {
	if v.was != nil {
		return version{values: v.was}.get(id)
	}
	return v.get(id)
}

// Names, quoted.

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func (tb *table) face() string { return quote(tb.schema) + "." + quote(tb.name) }

func (tb *table) of(kind string) string {
	if tb.schema != "public" {
		kind += "_" + tb.schema
	}
	return quote(kind) + "." + quote(tb.name)
}

func (tb *table) storage() string {
	if tb.kind.inPlace {
		return tb.face()
	}
	return tb.of("temporal")
}

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func (tb *table) quoted() string { return literal(tb.face()) }

// shown is how a column of yore's is called.
func (tb *table) shown(name string) string { return tb.prefix + name }

// derived is a name with a suffix, within 63 bytes.
func derived(base, suffix string) string {
	if len(base+suffix) <= 63 {
		return base + suffix
	}
	sum := md5.Sum([]byte(base))
	runes := []rune(base)
	for len(string(runes))+7+len(suffix) > 63 {
		runes = runes[:len(runes)-1]
	}
	return string(runes) + "_" + hex.EncodeToString(sum[:])[:6] + suffix
}

// taken are the names that the past's columns have.
func (tb *table) taken() map[string]bool {
	names := map[string]bool{}
	for _, c := range tb.columns {
		names[c.name] = true
	}
	for _, c := range tb.kept {
		names[c.name] = true
	}
	for _, w := range tb.waits {
		names[w.kept.name] = true
	}
	return names
}

func (tb *table) aside(name string) string {
	taken := tb.taken()
	for n := 1; ; n++ {
		if free := derived(name, fmt.Sprintf("_until_%d", n)); !taken[free] {
			return free
		}
	}
}

// free makes the past give up a name that a kept column has.
func (tb *table) free(name string) {
	for _, c := range tb.kept {
		if c.name == name {
			c.name = tb.aside(name)
			return
		}
	}
}

// Keys.

func (tb *table) keyValues(k int) map[int]value {
	of := tb.keyColumns()
	switch {
	case tb.kind.immutable:
		return map[int]value{of[0].id: val(fmt.Sprintf("01a1fc60-aa83-733b-ab9a-%012d", k))}
	case tb.kind.composite: // (g, k) in this order, whatever they are called
		return map[int]value{of[0].id: val(string(rune('x' + k%2))), of[1].id: val(fmt.Sprint(k / 2))}
	}
	return map[int]value{of[0].id: val(fmt.Sprint(k))}
}

// keyOf is the key that a row's values say.
func (tb *table) keyOf(get func(name string) value) int {
	of := tb.keyColumns()
	for k := range keys {
		fits := true
		for id, v := range tb.keyValues(k) {
			fits = fits && get(tb.column(id).name) == v
		}
		if fits {
			return k
		}
	}
	panic(fmt.Sprint("no such key: ", get(of[0].name)))
}

func (tb *table) last(k int) *version {
	if n := len(tb.rows[k]); n > 0 {
		return &tb.rows[k][n-1]
	}
	return nil
}

func (tb *table) live(k int) *version {
	if v := tb.last(k); v != nil && v.to == open {
		return v
	}
	return nil
}

func (tb *table) liveKeys() []int {
	return slices.DeleteFunc([]int{0, 1, 2, 3, 4}, func(k int) bool { return tb.live(k) == nil })
}

// past calls f with each version of the past.
func (tb *table) past(f func(v *version)) {
	for k := range keys {
		for i := range tb.rows[k] {
			if v := &tb.rows[k][i]; v.to != open {
				f(v)
			}
		}
	}
}

func (tb *table) all(f func(v *version)) {
	tb.past(f)
	tb.current(f)
}

func (tb *table) current(f func(v *version)) {
	for k := range keys {
		if v := tb.live(k); v != nil {
			f(v)
		}
	}
}

// Writing, as in package model; here transactions do not meet.

type transaction struct {
	id  int
	now int64
}

func (tb *table) journaled(c *column) bool {
	switch {
	case c.key || tb.full:
		return true
	case tb.journal != nil:
		return slices.Contains(tb.journal, c.id)
	}
	return !slices.Contains(tb.noJournal, c.id) && c.name != "updated_at"
}

// generate computes a row's generated columns.
func (tb *table) generate(values map[int]value) {
	for _, c := range tb.columns {
		if c.from != 0 {
			values[c.id] = c.generated(values)
		}
	}
}

// generated is coalesce(from::text, ”) || suffix, without the cast for text.
func (c *column) generated(values map[int]value) value {
	return val(valueOf(values, c.from).text + c.suffix)
}

func (tx *transaction) insert(tb *table, k int, values map[int]value) {
	made := version{number: 1, values: values, from: tx.now, to: open, by: tx.id}
	tb.generate(made.values)
	if last := tb.last(k); last != nil {
		if tb.squash && last.by == tx.id { // deleted by this transaction
			made.number, made.from = last.number, last.from
			tb.rows[k] = tb.rows[k][:len(tb.rows[k])-1]
		} else {
			made.number, made.from = last.number+1, max(tx.now, last.from+1)
		}
	}
	tb.rows[k] = append(tb.rows[k], made)
}

func (tx *transaction) update(tb *table, k int, values map[int]value) (made bool) {
	last := tb.live(k)
	tb.generate(values)
	changed := slices.ContainsFunc(tb.columns, func(c *column) bool {
		return c.from == 0 && tb.journaled(c) && last.get(c.id) != valueOf(values, c.id)
	})
	if !changed || tb.squash && last.by == tx.id {
		last.values = values
		return false
	}
	end := max(tx.now, last.from+1)
	last.to = end
	tb.rows[k] = append(tb.rows[k], version{number: last.number + 1, values: values, from: end, to: open, by: tx.id})
	return true
}

// valueOf is NULL for a column that the values lack.
func valueOf(values map[int]value, id int) value { return version{values: values}.get(id) }

func (tx *transaction) remove(tb *table, k int) {
	versions := tb.rows[k]
	n := len(versions)
	last := versions[n-1]
	if tb.squash && last.by == tx.id {
		versions = versions[:n-1]
		if n > 1 && !versions[n-2].tombstone() && versions[n-2].to == last.from { // others saw what it replaced
			last.to = last.from
			versions = append(versions, last)
		}
	} else {
		end := max(tx.now, last.from+1)
		versions[n-1].to = end
		versions = append(versions, version{number: last.number + 1, values: maps.Clone(last.values), from: end, to: end, by: tx.id})
	}
	if len(versions) == 0 {
		delete(tb.rows, k)
		return
	}
	tb.rows[k] = versions
}

// What schema changes do.

func (tb *table) add(c *column) *column {
	tb.ids++
	c.id = tb.ids
	tb.free(c.name)
	tb.columns = append(tb.columns, c)
	tb.current(func(v *version) {
		switch {
		case c.from != 0:
			v.values[c.id] = c.generated(v.values)
		case c.def != nil:
			v.values[c.id] = *c.def
		}
	})
	if c.virtual {
		tb.past(func(v *version) { v.values[c.id] = c.generated(v.values) })
	}
	return c
}

func (tb *table) drop(c *column, keepPast bool) {
	tb.columns = slices.DeleteFunc(tb.columns, func(x *column) bool { return x.id == c.id })
	without := func(ids []int) []int {
		if ids = slices.DeleteFunc(slices.Clone(ids), func(id int) bool { return id == c.id }); len(ids) == 0 {
			return nil
		}
		return ids
	}
	tb.journal, tb.noJournal = without(tb.journal), without(tb.noJournal)
	tb.indexes = slices.DeleteFunc(tb.indexes, func(i index) bool { return slices.Contains(i.columns, c.id) })
	delete(tb.granted, c.id)
	tb.current(func(v *version) { delete(v.values, c.id) })
	if c.virtual || !keepPast {
		tb.past(func(v *version) { delete(v.values, c.id) })
		return
	}
	tb.kept = append(tb.kept, &column{id: c.id, name: c.name, typ: c.typ})
}

func (tb *table) rename(c *column, name string) {
	c.name = ""
	tb.free(name)
	c.name = name
}

// verdict is what a conversion does to the past: exact, lossy or fails.
func (tb *table) verdict(id int, con conversion, other int) string {
	verdict := "exact"
	tb.past(func(v *version) {
		was := v.get(id)
		converted, code := con.ofPast(was, v.old(other))
		switch {
		case code != "":
			verdict = "fails"
		case verdict == "exact" && !con.returns(was, converted):
			verdict = "lossy"
		}
	})
	return verdict
}

// retype gives a column another type; the present must convert.
func (tb *table) retype(c *column, con conversion, other int, inBatches bool) {
	verdict := tb.verdict(c.id, con, other)
	tb.current(func(v *version) { v.values[c.id], _ = con.ofPresent(v.get(c.id), v.old(other)) })
	was := c.typ
	c.typ = con.to
	if con.using == "" && !con.rewrites {
		return
	}
	if verdict == "exact" && !inBatches {
		tb.past(func(v *version) { v.values[c.id], _ = con.ofPast(v.get(c.id), v.old(other)) })
		return
	}
	tb.ids++
	kept := &column{id: tb.ids, name: tb.aside(c.name), typ: was}
	tb.past(func(v *version) {
		before := v.get(c.id)
		v.values[kept.id] = before
		if verdict == "fails" {
			delete(v.values, c.id)
			return
		}
		v.values[c.id], _ = con.ofPast(before, v.old(other))
	})
	if inBatches && verdict != "fails" {
		tb.waits = append(tb.waits, &waiting{c.id, kept, verdict == "lossy"})
		return
	}
	tb.kept = append(tb.kept, kept)
}

// converted ends the conversions of the past that were waiting.
func (tb *table) converted() {
	for _, w := range tb.waits {
		if w.keep {
			tb.kept = append(tb.kept, w.kept)
		}
	}
	tb.waits = nil
}

// Reading.

// line is a version or a row as the tests compare it.
func line(k int, fields []string) string {
	return fmt.Sprintf("key %d: %s", k, strings.Join(fields, " "))
}

func stamp(at int64) string {
	return time.UnixMicro(at).UTC().Format("2006-01-02 15:04:05.999999") + "+00"
}

// inHistory are the columns that history shows.
func (tb *table) inHistory() []*column { return append(slices.Clone(tb.columns), tb.kept...) }

func (tb *table) history() []string {
	var lines []string
	of := tb.inHistory()
	slices.SortFunc(of, func(a, b *column) int { return strings.Compare(a.name, b.name) })
	for k := range keys {
		for _, v := range tb.rows[k] {
			to, deleted := "∅", "∅"
			if v.to != open {
				to = stamp(v.to)
			}
			if v.tombstone() {
				deleted = to
			}
			fields := []string{fmt.Sprintf("v%d [%s, %s) %s", v.number, stamp(v.from), to, deleted)}
			for _, c := range of {
				fields = append(fields, fmt.Sprintf("%s=%s", c.name, v.get(c.id)))
			}
			lines = append(lines, line(k, fields))
		}
	}
	return lines
}

// asOf is the rows as of a time, with the columns of the present.
func (tb *table) asOf(at int64) []string {
	var lines []string
	for k := range keys {
		for _, v := range tb.rows[k] {
			if v.from <= at && at < v.to {
				var fields []string
				if tb.kind.immutable {
					fields = append(fields, fmt.Sprintf("v%d %s", v.number, stamp(v.from)))
				}
				for _, c := range tb.columns {
					fields = append(fields, fmt.Sprintf("%s=%s", c.name, v.get(c.id)))
				}
				lines = append(lines, line(k, fields))
			}
		}
	}
	return lines
}

// seen is what a view shows, in order.
func (tb *table) seen(w view) []string {
	var lines []string
	for k := range keys {
		for _, v := range tb.rows[k] {
			if w.over != "history" && v.to != open {
				continue
			}
			var fields []string
			for _, c := range w.columns {
				x := v.get(c.id)
				if c.upper && !x.null {
					x.text = strings.ToUpper(x.text)
				}
				fields = append(fields, x.String())
			}
			lines = append(lines, strings.Join(fields, "|"))
		}
	}
	slices.Sort(lines)
	return lines
}

// boundaries are the moments at which a version begins or ends, and the
// microsecond before each.
func (tb *table) boundaries() []int64 {
	at := map[int64]bool{}
	for _, versions := range tb.rows {
		for _, v := range versions {
			for _, b := range []int64{v.from, v.to} {
				if b != open {
					at[b-1], at[b] = true, true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(at))
}
