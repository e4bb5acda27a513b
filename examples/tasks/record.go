package main

import (
	"errors"
	"net/http"
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

// show answers with a record; with adds to the view.
func (k *kind[T]) show(p *page, status int, template string, row T, with ...func(*view)) (err error) {
	v := &view{page: p, Record: k.record(p, row), Next: k.meta(row).Version + 1, Why: p.r.PostForm.Get("reason")}
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

// get is the current version of the record in the path. One that is deleted is
// an answer of its own.
func (k *kind[T]) get(p *page) (row T, err error) {
	id, err := p.id()
	if err == nil {
		row, err = k.table.Get(p.r.Context(), p.db, id)
	}
	if errors.Is(err, yore.ErrDeleted) {
		err = k.gone(p)
	}
	return row, err
}

// last is the newest version of the record in the path, which may be a tombstone.
func (k *kind[T]) last(p *page) (row T, err error) {
	id, err := p.id()
	if err == nil {
		row, err = k.table.IncludeDeleted().Where("entity_id = $1", id).One(p.r.Context(), p.db)
	}
	return row, err
}

// seen is the version that a form says it was made from.
func (k *kind[T]) seen(p *page, name string) (row T, err error) {
	id, err := p.id()
	if err != nil {
		return row, err
	}
	n, err := p.number(name)
	if err != nil {
		return row, err
	}
	row, err = k.table.History(id).Where("version = $1 AND valid_from <= $2", n, p.Moment()).One(p.r.Context(), p.db)
	if errors.Is(err, yore.ErrNotFound) {
		err = &failure{http.StatusNotFound, "Not found", "There is no such version."}
	}
	return row, err
}

// A deletion is the error that a record is deleted; it brings its page.
type deletion struct{ show func() error }

func (d *deletion) Error() string { return "deleted" }

// gone says who deleted the record and why. Somebody who was editing it keeps
// what was typed.
func (k *kind[T]) gone(p *page, typed ...T) error {
	return &deletion{func() error {
		tombstone, err := k.last(p)
		if err != nil {
			return err
		}
		return k.show(p, http.StatusGone, "gone.html", tombstone, func(v *view) {
			for _, row := range typed {
				v.Typed, v.Base = k.cells(p, row), k.meta(row).Version
			}
		})
	}}
}

// fresh tells those who edit a version what the current one is.
func (k *kind[T]) fresh(p *page) error {
	row, err := k.last(p)
	if err != nil {
		return err
	}
	return k.show(p, http.StatusOK, "fresh.html", row)
}

// delete ends a record; its versions stay. Like a save it expects the version
// that the form showed.
func (k *kind[T]) delete(p *page) error {
	seen, err := k.seen(p, "version")
	if err != nil {
		return err
	}
	if n := utf8.RuneCountInString(strings.TrimSpace(p.r.PostForm.Get("reason"))); n == 0 || n > reasonSize {
		return k.show(p, http.StatusUnprocessableEntity, "delete.html", seen, func(v *view) {
			v.Wrong = []string{"Say why, in 500 characters at most."}
		})
	}
	_, err = k.table.Delete(p.writing(""), p.pool, seen)
	switch {
	case errors.Is(err, yore.ErrDeleted):
		return k.gone(p)
	case errors.Is(err, yore.ErrConflict):
		row, err := k.get(p)
		if err != nil {
			return err
		}
		return k.show(p, http.StatusConflict, "delete.html", row, func(v *view) {
			v.Wrong = []string{"It was changed meanwhile. This is how it is now; look again before you delete it."}
		})
	case err != nil:
		return err
	}
	return p.redirect("/", k.Plural, "/deleted?did=deleted")
}

// undelete brings a deleted record back. If the form has fields too, those of
// somebody who was editing it, they are saved as by any other edit.
func (k *kind[T]) undelete(p *page) error {
	id, err := p.id()
	if err == nil && p.r.PostForm.Has("version") { // a form that cannot be saved restores nothing
		_, err = k.seen(p, "version")
	}
	if err != nil {
		return err
	}
	_, err = k.table.Undelete(p.writing("Restored from the deleted ones"), p.pool, id)
	switch {
	case err != nil && !errors.Is(err, yore.ErrNotDeleted): // else somebody did it first
		return err
	case p.r.PostForm.Has("version"):
		return k.save(p)
	}
	return p.redirect("/", k.Plural, "/", id, "?did=restored")
}
