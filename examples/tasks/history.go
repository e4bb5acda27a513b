package main

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"yore.example/yore"
)

// An Event is a change as pages tell it.
type Event struct {
	sort
	ID       yore.UUID
	Version  int64
	At       time.Time
	What     string // created, updated, deleted or restored
	Title    string
	Who, Why string
	Diffs    []Diff
	Current  bool
}

// A Diff is a field that differs.
type Diff struct{ Label, Old, New string }

const historySize = 50

// A timeline is a page of events, the newest first.
type timeline struct {
	*page
	sort
	Title  string
	ID     yore.UUID
	Events []Event
	Chart  lifeline
	Older  string // the address of those before
}

// history shows all versions of a record.
func (k *kind[T]) history(p *page) error {
	id, err := p.id()
	if err != nil {
		return err
	}
	o, err := p.newest(yore.Row{"entity_id": id})
	if err != nil {
		return err
	}
	events, err := k.events(p, o)
	if err != nil {
		return err
	}
	if len(events) == 0 {
		return yore.ErrNotFound
	}
	events[0].Current = !p.r.Form.Has("before")
	t := timeline{page: p, sort: k.sort, Title: events[0].Title, ID: id}
	t.cut(events)
	t.Chart = drawLife(t.Events, p.Moment())
	return p.show(http.StatusOK, "history.html", t)
}

// recent shows the last changes of all records.
func recent(p *page) error {
	o, err := p.newest(nil)
	if err != nil {
		return err
	}
	events, err := everything(p, o)
	if err != nil {
		return err
	}
	t := timeline{page: p}
	t.cut(events)
	return p.show(http.StatusOK, "changes.html", t)
}

// newest asks for one change more than a page has, so that it is known whether
// there is another.
func (p *page) newest(of yore.Row) (yore.ChangesOptions, error) {
	o := yore.ChangesOptions{Matching: of, NewestFirst: true, Limit: historySize + 1, To: p.until()}
	if before := p.r.Form.Get("before"); before != "" {
		t, err := moment(before)
		if err != nil {
			return o, bad("A moment looks like 2026-11-02T09:30:00Z.")
		}
		if o.To.IsZero() || t.Before(o.To) {
			o.To = t
		}
	}
	return o, nil
}

func (t *timeline) cut(events []Event) {
	t.Events = events
	if len(events) > historySize {
		t.Events = events[:historySize]
		t.Older = t.URL(t.r.URL.Path, "?before=", stamp(events[historySize-1].At))
	}
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
	for change, err := range k.table.Changes(p.r.Context(), p.db, o) {
		if err != nil {
			return nil, err
		}
		events = append(events, k.event(p, change))
	}
	return events, nil
}

// event is a change of this kind as pages tell it.
func (k *kind[T]) event(p *page, c yore.Change[T]) Event {
	e := Event{sort: k.sort, Version: c.Version, At: c.At, Who: deref(c.Actor), Why: deref(c.Reason)}
	switch {
	case c.Kind == yore.Deleted:
		e.What = "deleted"
	case c.Kind == yore.Updated:
		e.What = "updated"
	case c.Version > 1:
		e.What = "restored"
	default:
		e.What = "created"
	}
	var old, now Record
	if c.Old != nil {
		old = k.record(p, *c.Old)
		e.ID, e.Title = old.EntityID, old.Title
	}
	if c.New != nil {
		now = k.record(p, *c.New)
		e.ID, e.Title = now.EntityID, now.Title
	}
	for _, f := range k.fields {
		d := Diff{f.Label, old.Cell(f.Column).Text, now.Cell(f.Column).Text}
		if d.Old != d.New && e.What != "deleted" {
			e.Diffs = append(e.Diffs, d)
		}
	}
	return e
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// made is how a version came to be.
func (k *kind[T]) made(p *page, row T) (Event, error) {
	m := k.meta(row)
	o := yore.ChangesOptions{Matching: yore.Row{"entity_id": m.EntityID}, From: m.ValidFrom, To: m.ValidFrom.Add(time.Microsecond)}
	events, err := k.events(p, o)
	if err != nil {
		return Event{}, err
	}
	for _, e := range events {
		if e.Version == m.Version {
			return e, nil
		}
	}
	return Event{}, fmt.Errorf("%s %s: nothing made version %d", k.Name, m.EntityID, m.Version)
}

// compare sets two versions side by side.
func (k *kind[T]) compare(p *page) error {
	from, err := k.seen(p, "from")
	if err != nil {
		return err
	}
	to, err := k.seen(p, "to")
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
func (k *kind[T]) restore(p *page) error {
	old, err := k.seen(p, "version")
	if err != nil {
		return err
	}
	seen, err := k.seen(p, "seen")
	if err != nil {
		return err
	}
	ctx := p.writing(fmt.Sprintf("Back to version %d", k.meta(old).Version))
	if k.meta(seen).DeletedAt != nil {
		changes := yore.Changes{}
		for _, c := range k.cells(p, old) {
			changes[c.Column] = c.Value
		}
		_, err = k.table.Undelete(ctx, p.pool, k.meta(old).EntityID, changes)
	} else {
		_, err = k.table.Update(ctx, p.pool, seen, old)
	}
	switch {
	case errors.Is(err, yore.ErrConflict), errors.Is(err, yore.ErrNotDeleted):
		return k.conflict(p, seen, old)
	case errors.Is(err, yore.ErrDeleted):
		return k.gone(p)
	case err != nil:
		return err
	}
	return p.redirect("/", k.Plural, "/", k.meta(old).EntityID, "?did=restored")
}
