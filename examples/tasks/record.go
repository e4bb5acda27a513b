package main

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"yore.example/yore"
)

// A view is a record on a page of its own.
type view struct {
	*page
	Record
	Event Event    // which made it so
	Next  int64    // the version that it becomes
	Typed []Cell   // what somebody typed into another version, Base
	Base  int64    // the version that a conflict began with
	Split []clash  // the fields of a conflict
	Why   string   // what was typed as the reason
	Wrong []string // what is wrong, but for single fields
}

// Fresh is the event of a version that is newer than the one seen elsewhere.
func (v *view) Fresh() *Event {
	seen := v.r.Form.Get("seen")
	if seen == "" || seen == strconv.FormatInt(v.Version, 10) {
		return nil
	}
	return &v.Event
}

// show answers with a record; with adds to the view.
func (k *kind[T]) show(p *page, status int, template string, row T, with ...func(*view)) (err error) {
	v := &view{page: p, Record: k.record(p, row), Next: k.meta(row).Version + 1, Why: p.r.Form.Get("reason")}
	if v.Version > 0 {
		if v.Event, err = k.made(p, row); err != nil {
			return err
		}
	}
	for _, add := range with {
		add(v)
	}
	return p.show(status, template, v)
}

// current answers with the current version of the record in the path.
func (k *kind[T]) current(template string) func(*page) error {
	return func(p *page) error {
		row, err := k.get(p)
		if err != nil {
			return err
		}
		return k.show(p, http.StatusOK, template, row)
	}
}

// get is the current version of the record in the path.
func (k *kind[T]) get(p *page) (row T, err error) {
	id, err := p.id()
	if err == nil {
		row, err = k.table.Get(p.r.Context(), p.db, id)
	}
	return row, err
}

// last is the newest version of it, which may be a tombstone.
func (k *kind[T]) last(p *page) (row T, err error) {
	id, err := p.id()
	if err == nil {
		row, err = k.table.IncludeDeleted().Key(id).One(p.r.Context(), p.db)
	}
	return row, err
}

// version is the one of it that a form or a query names.
func (k *kind[T]) version(p *page, name string) (row T, err error) {
	id, err := p.id()
	if err != nil {
		return row, err
	}
	n, err := strconv.ParseInt(p.r.Form.Get(name), 10, 64)
	if err != nil {
		return row, bad("The number of a version is missing.")
	}
	q := k.table.History(id).Where("version = $1", n)
	if p.Past() { // a history is a whole one, at any time
		q = q.Where("valid_from <= $1", p.At)
	}
	row, err = q.One(p.r.Context(), p.db)
	if errors.Is(err, yore.ErrNotFound) {
		err = &failure{http.StatusNotFound, "Not found", "There is no such version."}
	}
	return row, err
}

// from answers a form with the version that it says it was made from.
func (k *kind[T]) from(answer func(*page, T) error) func(*page) error {
	return func(p *page) error {
		seen, err := k.version(p, "version")
		if err != nil {
			return err
		}
		return answer(p, seen)
	}
}

// orGone answers for a record that is deleted: who did it, and why.
func (k *kind[T]) orGone(answer func(*page) error) func(*page) error {
	return func(p *page) error {
		err := answer(p)
		if errors.Is(err, yore.ErrDeleted) {
			return k.gone(p)
		}
		return err
	}
}

// gone says that the record is deleted. Somebody who was editing it keeps what
// was typed.
func (k *kind[T]) gone(p *page, typed ...T) error {
	tombstone, err := k.last(p)
	if err != nil {
		return err
	}
	return k.show(p, http.StatusGone, "gone.html", tombstone, func(v *view) {
		for _, row := range typed {
			v.Typed, v.Base = k.cells(p, row), k.meta(row).Version
		}
	})
}

// delete ends a record; its versions stay. Like a save it expects the version
// that the form showed.
func (k *kind[T]) delete(p *page, seen T) error {
	status, row, wrong := http.StatusUnprocessableEntity, seen, "Say why, in 500 characters at most."
	if n := utf8.RuneCountInString(strings.TrimSpace(p.r.Form.Get("reason"))); n > 0 && n <= reasonSize {
		_, err := k.table.Delete(p.writing(""), p.pool, seen)
		switch {
		case err == nil:
			return p.redirect("/", k.Plural, "/deleted?did=deleted")
		case !errors.Is(err, yore.ErrConflict):
			return err
		}
		status, wrong = http.StatusConflict, "It was changed meanwhile. This is how it is now; look again before you delete it."
		if row, err = k.get(p); err != nil {
			return err
		}
	}
	return k.show(p, status, "delete.html", row, func(v *view) { v.Wrong = []string{wrong} })
}

// undelete brings a deleted record back. If the form has fields too, those of
// somebody who was editing it, they are saved as by any other edit.
func (k *kind[T]) undelete(p *page) error {
	var seen T
	id, err := p.id()
	if err == nil && p.r.Form.Has("version") { // a form that cannot be saved restores nothing
		seen, err = k.version(p, "version")
	}
	if err == nil {
		_, err = k.table.Undelete(p.writing("Restored from the deleted ones"), p.pool, id)
	}
	switch {
	case err != nil && !errors.Is(err, yore.ErrNotDeleted): // else somebody did it first
		return err
	case p.r.Form.Has("version"):
		return k.save(p, seen)
	}
	return p.redirect("/", k.Plural, "/", id, "?did=restored")
}
