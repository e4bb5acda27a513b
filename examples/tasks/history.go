package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"yore.example/yore"
)

// An Event is a change as pages tell it.
type Event struct {
	Record          // as it was then; of a deletion, as it was last
	What     string // created, updated, deleted or restored
	At       time.Time
	Who, Why *string // nil if it was not said
	Diffs    []Diff
	Current  bool
}

// A Diff is a field in two versions.
type Diff struct {
	Label, Old, New string
	Words           bool // it is written, not chosen
}

func between(old, now Cell) Diff {
	return Diff{now.Label, old.Text, now.Text, now.Input == "line" || now.Input == "text"}
}

// A timeline is a page of events, the newest first.
type timeline struct {
	*page
	Events []Event
	Chart  lifeline
	Older  string // the address of those before
}

const timelineSize = 50

// history shows all versions of a record.
func (k *kind[T]) history(p *page) error {
	id, err := p.id()
	if err != nil {
		return err
	}
	t, err := p.timeline(func(o yore.ChangesOptions) ([]Event, error) {
		o.Matching = yore.Row{"entity_id": id}
		return k.events(p, o)
	})
	if err == nil && len(t.Events) == 0 {
		err = yore.ErrNotFound
	}
	if err != nil {
		return err
	}
	t.Events[0].Current = !p.r.Form.Has("before")
	t.Chart = drawLife(t.Events, p.Moment())
	return p.show(http.StatusOK, "history.html", t)
}

// recent shows the last changes of all records.
func recent(p *page) error {
	t, err := p.timeline(func(o yore.ChangesOptions) ([]Event, error) { return everything(p, o) })
	if err != nil {
		return err
	}
	return p.show(http.StatusOK, "changes.html", t)
}

// timeline reads a page of events: those before a moment, but for so many of the
// ones at that moment, which are on the page before.
func (p *page) timeline(read func(yore.ChangesOptions) ([]Event, error)) (t timeline, err error) {
	to, skip := p.until(), 0
	if before := p.r.Form.Get("before"); before != "" {
		if to, err = moment(before); err != nil {
			return t, err
		}
		to = to.Add(time.Microsecond)
		if skip, err = strconv.Atoi(p.r.Form.Get("skip")); err != nil || skip < 0 || skip > 100_000 || p.Past() && to.After(p.until()) {
			return t, bad("This is no page of this timeline.")
		}
	}
	all, err := read(yore.ChangesOptions{NewestFirst: true, To: to, Limit: skip + timelineSize + 1})
	t = timeline{page: p, Events: all[min(skip, len(all)):]}
	if len(t.Events) > timelineSize {
		t.Events = t.Events[:timelineSize]
		last, n := t.Events[timelineSize-1].At, 0
		for _, e := range all[:skip+timelineSize] {
			if e.At.Equal(last) {
				n++
			}
		}
		t.Older = p.URL(p.r.URL.Path, "?before=", stamp(last), "&skip=", n)
	}
	return t, err
}

// until ends what of a history the page shows; the zero time ends nothing.
func (p *page) until() time.Time {
	if p.Past() {
		return p.At.Add(time.Microsecond)
	}
	return time.Time{}
}

// everything is what happened to records of both kinds.
func everything(p *page, o yore.ChangesOptions) ([]Event, error) {
	events, err := taskKind.events(p, o)
	if err != nil {
		return nil, err
	}
	more, err := noteKind.events(p, o)
	events = append(events, more...)
	slices.SortStableFunc(events, func(a, b Event) int { return b.At.Compare(a.At) })
	if o.Limit > 0 && len(events) > o.Limit {
		events = events[:o.Limit]
	}
	return events, err
}

func (k *kind[T]) events(p *page, o yore.ChangesOptions) (events []Event, err error) {
	for c, err := range k.table.Changes(p.r.Context(), p.db, o) {
		if err != nil {
			return nil, err
		}
		events = append(events, k.event(p, c))
	}
	for i := range events[:max(len(events)-1, 0)] {
		if e, before := &events[i], events[i+1]; e.What == "restored" && before.EntityID == e.EntityID {
			e.Diffs = diff(before.Record, e.Record)
		}
	}
	return events, nil
}

// event is a change of this kind as pages tell it.
func (k *kind[T]) event(p *page, c yore.Change[T]) Event {
	e := Event{At: c.At, Who: c.Actor, Why: c.Reason}
	switch {
	case c.Kind == yore.Deleted:
		e.What, e.Record = "deleted", k.record(p, *c.Old)
	case c.Kind == yore.Updated:
		e.What, e.Record = "updated", k.record(p, *c.New)
		e.Diffs = diff(k.record(p, *c.Old), e.Record)
	case c.Version > 1:
		e.What, e.Record = "restored", k.record(p, *c.New)
	default:
		e.What, e.Record = "created", k.record(p, *c.New)
		e.Diffs = diff(Record{Cells: make([]Cell, len(e.Cells))}, e.Record)
	}
	e.Version = c.Version
	return e
}

// diff has the fields in which two versions differ.
func diff(old, now Record) (diffs []Diff) {
	for i, c := range now.Cells {
		if old.Cells[i].Text != c.Text {
			diffs = append(diffs, between(old.Cells[i], c))
		}
	}
	return diffs
}

// made is how a version came to be.
func (k *kind[T]) made(p *page, row T) (Event, error) {
	m := k.meta(row)
	o := yore.ChangesOptions{Matching: yore.Row{"entity_id": m.EntityID}, From: m.ValidFrom, To: m.ValidFrom.Add(time.Microsecond)}
	events, err := k.events(p, o)
	for _, e := range events {
		if e.Version == m.Version {
			return e, nil
		}
	}
	return Event{}, cmp.Or(err, fmt.Errorf("%s %s: nothing made version %d", k.Name, m.EntityID, m.Version))
}

// compare sets two versions side by side.
func (k *kind[T]) compare(p *page) error {
	from, err := k.version(p, "from")
	if err != nil {
		return err
	}
	to, err := k.version(p, "to")
	if err != nil {
		return err
	}
	last, err := k.last(p)
	if err != nil {
		return err
	}
	return p.show(http.StatusOK, "compare.html", struct {
		*page
		From, To Record
		Last     int64
	}{p, k.record(p, from), k.record(p, to), k.meta(last).Version})
}

// restore makes an old version's data the newest version, of a deleted record too.
func (k *kind[T]) restore(p *page, old T) error {
	seen, err := k.version(p, "seen")
	if err != nil {
		return err
	}
	back := fmt.Sprintf("Back to version %d", k.meta(old).Version)
	if k.meta(seen).DeletedAt != nil {
		row, err := k.table.Undelete(p.writing(back), p.pool, k.meta(old).EntityID)
		switch {
		case err == nil:
			seen = row
		case !errors.Is(err, yore.ErrNotDeleted): // else somebody did it first, and the write is a conflict
			return err
		}
	}
	return k.write(p, back, seen, old)
}
