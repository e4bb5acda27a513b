package model

import (
	"maps"
	"math"
	"slices"
	"sync"
)

// open is the end of a current version.
const open = math.MaxInt64

// A values is what a row has beside its key. A change of updated alone is not
// journaled.
type values struct {
	a       int
	b       string
	updated int
}

// A version is one entry of a key's history. Times are microseconds.
type version struct {
	number   int
	values   values
	from, to int64
	by       int // the transaction that made it
	endedBy  int // the one that ended it
}

func (v version) tombstone() bool { return v.from == v.to }

// A key is all that was ever true of one key. It is never changed in place:
// every write makes another, so that old states stay for savepoints and
// snapshots.
type key struct {
	versions []version
	row      int // which row it is to PostgreSQL: updates keep it, an insert makes another
	written  int // another number after each write, no-op updates included
}

func (k *key) live() bool {
	return k != nil && len(k.versions) > 0 && k.versions[len(k.versions)-1].to == open
}

func (k *key) last() version { return k.versions[len(k.versions)-1] }

// sameVersions says whether the two have the same versions, values aside.
func sameVersions(a, b *key) bool {
	var x, y []version
	if a != nil {
		x = a.versions
	}
	if b != nil {
		y = b.versions
	}
	return slices.EqualFunc(x, y, func(v, w version) bool { return v.number == w.number && v.from == w.from && v.to == w.to })
}

// A state is the keys as somebody sees them.
type state map[int]*key

// A tally counts what has come up, so that a test can tell that it tests.
type tally struct {
	mu    sync.Mutex
	times map[string]int
}

func (c *tally) add(what string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times[what] += n
}

// A world is a tracked table: what is committed, and the transactions at work.
type world struct {
	squash    bool
	elsewhere func(k, into int) bool // whether a change of the key moves the row to another partition
	tally     *tally
	committed state
	open      []*transaction
	began     int // transactions so far
	writes    int
	rows      int
}

// A moment is when a transaction's versions begin; loading says that it was
// given the time to load known history.
type moment struct {
	now     int64
	loading bool
}

// A savepoint is what a transaction goes back to.
type savepoint struct {
	moment
	own state
}

// A transaction sees its own changes over what is committed (READ COMMITTED) or
// was when it began (REPEATABLE READ).
type transaction struct {
	world *world
	id    int
	moment
	snapshot   state // of REPEATABLE READ; else nil
	own        state
	savepoints []savepoint
	failed     bool
	released   bool         // a savepoint, ever
	lockOnly   map[int]bool // keys whose row it may hold without having written it
}

func (w *world) begin(now int64, repeatable bool) *transaction {
	w.began++
	t := &transaction{world: w, id: w.began, moment: moment{now: now}, own: state{}, lockOnly: map[int]bool{}}
	if repeatable {
		t.snapshot = maps.Clone(w.committed)
	}
	w.open = append(w.open, t)
	return t
}

func (t *transaction) end(commit bool) {
	if commit && !t.failed {
		maps.Copy(t.world.committed, t.own)
	}
	t.world.open = slices.DeleteFunc(t.world.open, func(o *transaction) bool { return o == t })
}

func (t *transaction) savepoint() {
	t.savepoints = append(t.savepoints, savepoint{t.moment, maps.Clone(t.own)})
}

func (t *transaction) rollbackTo(i int) {
	t.moment, t.own = t.savepoints[i].moment, maps.Clone(t.savepoints[i].own)
	t.savepoints = t.savepoints[:i+1]
	t.failed = false
}

func (t *transaction) release(i int) {
	t.savepoints = t.savepoints[:i]
	t.released = true
}

// holder is the other transaction that has written the key, and so keeps
// everybody else from it.
func (t *transaction) holder(k int) *transaction {
	for _, o := range t.world.open {
		if o != t && o.own[k] != nil {
			return o
		}
	}
	return nil
}

// seen is the key as a query of the transaction shows it.
func (t *transaction) seen(k int) *key {
	if own := t.own[k]; own != nil {
		return own
	}
	if t.snapshot != nil {
		return t.snapshot[k]
	}
	return t.world.committed[k]
}

// found is the key as a write finds it, once nobody else holds it.
func (t *transaction) found(k int) *key {
	if own := t.own[k]; own != nil {
		return own
	}
	return t.world.committed[k]
}

// Errors, as SQLSTATE. A write that meets one fails its transaction.
const (
	fine      = ""
	duplicate = "23505"
	notSerial = "40001"
	tooEarly  = "YO011"

	unknown    = "YO019"
	notDeleted = "YO021"
)

// target is the row that WHERE key = k finds for a write, or nil. seen is the
// key as the statement first saw it: while it waited for another transaction
// the row may have changed, which READ COMMITTED follows and REPEATABLE READ
// refuses.
func (t *transaction) target(k int, seen *key) (*key, string) {
	if own := t.own[k]; own != nil {
		if !own.live() {
			return nil, fine
		}
		return own, fine
	}
	if !seen.live() {
		return nil, fine
	}
	found := t.world.committed[k]
	if t.snapshot != nil && found.written != seen.written {
		return nil, t.fail(notSerial)
	}
	if !found.live() || found.row != seen.row {
		if t.world.committed[-1-seen.row] != nil {
			return nil, t.fail(notSerial) // PostgreSQL does not follow rows to other partitions
		}
		// The row may have got another key. PostgreSQL has locked it by the time
		// that it sees that.
		for other, have := range t.world.committed {
			if have.live() && have.row == seen.row {
				t.world.tally.add("waited for a row that got another key", 1)
				t.own[other], t.lockOnly[other] = have, true
			}
		}
		return nil, fine
	}
	return found, fine
}

// invisible says whether the key has had versions that the transaction's
// snapshot does not show.
func (t *transaction) invisible(k int) bool {
	return t.snapshot != nil && t.own[k] == nil && !sameVersions(t.snapshot[k], t.world.committed[k])
}

// stale says whether the row, as it is, is not the one that the transaction's
// snapshot shows.
func (t *transaction) stale(k int, found *key) bool {
	if t.snapshot == nil || t.own[k] != nil || found == nil {
		return false
	}
	seen := t.snapshot[k]
	return seen == nil || seen.written != found.written
}

// put makes another state of the key in this transaction.
func (t *transaction) put(k, row int, versions []version) {
	t.world.writes++
	t.own[k] = &key{versions: versions, row: row, written: t.world.writes}
}

func (t *transaction) fail(code string) string {
	t.world.tally.add("failed with "+code, 1)
	t.failed = true
	return code
}

// after is when a version begins that follows this one: at the transaction's
// time, but later than the one before. Known history must be loaded in order.
func (t *transaction) after(v version) (int64, string) {
	at := max(t.now, v.from+1)
	if v.by == t.id || at == t.now {
		return at, fine
	}
	if t.loading {
		if v.tombstone() && t.now == v.from {
			return t.now, fine
		}
		return 0, t.fail(tooEarly)
	}
	t.world.tally.add("written by an older transaction", 1)
	return at, fine
}

func (t *transaction) insert(k int, v values) string {
	found := t.found(k)
	if found.live() {
		return t.fail(duplicate)
	}
	if t.invisible(k) {
		t.world.tally.add("inserted a key with versions that the snapshot does not show", 1)
		return t.fail(notSerial)
	}
	var past []version
	if found != nil {
		past = slices.Clone(found.versions)
	}
	made := version{number: 1, values: v, from: t.now, to: open, by: t.id}
	if n := len(past); n > 0 {
		last := past[n-1] // a tombstone
		if t.world.squash && last.by == t.id {
			// Deleted by this transaction: closed and open touch, nothing between.
			t.world.tally.add("deleted and made again by one transaction", 1)
			made.number, made.from = last.number, last.from
			past = past[:n-1]
		} else {
			var code string
			if made.from, code = t.after(last); code != fine {
				return code
			}
			made.number = last.number + 1
			t.world.tally.add("made again", 1)
		}
	}
	t.world.rows++
	t.put(k, t.world.rows, append(past, made))
	return fine
}

func (t *transaction) update(k int, of *key, v values) string {
	versions := slices.Clone(of.versions)
	last := &versions[len(versions)-1]
	journaled := v.a != last.values.a || v.b != last.values.b
	if !journaled || (t.world.squash && last.by == t.id) {
		t.world.tally.add("changed in place", 1)
		last.values = v
	} else {
		end, code := t.after(*last)
		if code != fine {
			return code
		}
		t.world.tally.add("superseded", 1)
		made := version{number: last.number + 1, values: v, from: end, to: open, by: t.id}
		last.to, last.endedBy = end, t.id
		versions = append(versions, made)
	}
	t.put(k, of.row, versions)
	return fine
}

func (t *transaction) remove(k int, of *key) string {
	versions := slices.Clone(of.versions)
	n := len(versions)
	last := versions[n-1]
	if t.world.squash && last.by == t.id {
		// Nobody ever saw it; but if it took the place of a version that others
		// did see, they must find when that ended, and by whom.
		t.world.tally.add("deleted what it made", 1)
		versions = versions[:n-1]
		if n > 1 && !versions[n-2].tombstone() && versions[n-2].endedBy == t.id {
			t.world.tally.add("updated and deleted by one transaction", 1)
			last.to, last.endedBy = last.from, t.id
			versions = append(versions, last)
		}
	} else {
		t.world.tally.add("deleted", 1)
		end, code := t.after(last)
		if code != fine {
			return code
		}
		versions[n-1].to, versions[n-1].endedBy = end, t.id
		versions = append(versions, version{number: last.number + 1, values: last.values, from: end, to: end, by: t.id, endedBy: t.id})
	}
	t.put(k, of.row, versions)
	return fine
}

// rekey ends k and begins into: a deletion and an insertion, to history.
func (t *transaction) rekey(k, into int, of *key, v values) string {
	if t.found(into).live() {
		return t.fail(duplicate)
	}
	if t.invisible(into) {
		return t.fail(notSerial)
	}
	t.world.tally.add("key changed", 1)
	if code := t.remove(k, of); code != fine {
		return code
	}
	if code := t.insert(into, v); code != fine {
		return code
	}
	if t.world.elsewhere != nil && t.world.elsewhere(k, into) {
		t.own[-1-of.row] = &key{} // to PostgreSQL another row; the old one is marked
	} else {
		t.own[into].row = of.row
	}
	return fine
}

// asOf is the rows as of a time.
func (s state) asOf(at int64) map[int]values {
	rows := map[int]values{}
	for k, have := range s {
		for _, v := range have.versions {
			if v.from <= at && at < v.to {
				rows[k] = v.values
			}
		}
	}
	return rows
}

// boundaries are the moments at which a version begins or ends, in order, each
// with the microseconds before and after it.
func (s state) boundaries() []int64 {
	at := map[int64]bool{}
	for _, have := range s {
		for _, v := range have.versions {
			for _, b := range []int64{v.from, v.to} {
				if b != open {
					at[b-1], at[b], at[b+1] = true, true, true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(at))
}
