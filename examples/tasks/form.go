package main

import (
	"errors"
	"net/http"
	"slices"
	"unicode/utf8"

	"yore.example/yore"
)

// reasonSize is how many characters a reason may have.
const reasonSize = 500

// create makes a record.
func (k *kind[T]) create(p *page) error {
	row, err := k.cast(p, k.blank)
	if err == nil {
		row, err = k.table.Insert(p.writing(""), p.pool, row)
	}
	if err != nil {
		return k.refused(p, "", k.blank, row, err)
	}
	return p.redirect("/", k.Plural, "/", k.meta(row).EntityID, "?did=created")
}

// save makes the next version. What the form has is compared with the version
// that it was made from; if that is not the current one any more, the reader
// decides what becomes of both changes.
func (k *kind[T]) save(p *page, seen T) error {
	edited, err := k.cast(p, seen)
	if err != nil {
		return k.refused(p, "", seen, edited, err)
	}
	return k.write(p, "", seen, edited)
}

// write makes edited the version after the one seen. back is the reason where
// that is an old version's data again, and none is typed.
func (k *kind[T]) write(p *page, back string, seen, edited T) error {
	if _, err := k.table.Update(p.writing(back), p.pool, seen, edited); err != nil {
		return k.refused(p, back, seen, edited, err)
	}
	did := map[bool]string{true: "saved", false: "restored"}[back == ""]
	return p.redirect("/", k.Plural, "/", k.meta(seen).EntityID, "?did=", did)
}

// refused answers why something was not written.
func (k *kind[T]) refused(p *page, back string, seen, edited T, err error) error {
	var invalid *yore.InvalidError
	switch {
	case errors.As(err, &invalid):
		return k.again(p, seen, invalid)
	case errors.Is(err, yore.ErrDeleted) && back == "":
		return k.gone(p, edited)
	case errors.Is(err, yore.ErrConflict):
		return k.conflict(p, back, seen, edited)
	}
	return err
}

// cast reads the form into a row. Only the fields are taken: whatever else it
// has, ids, versions or times, never gets in.
func (k *kind[T]) cast(p *page, row T) (T, error) {
	edited, err := k.table.Cast(row, p.r.Form, k.columns()...)
	if err == nil && utf8.RuneCountInString(p.r.Form.Get("reason")) > reasonSize {
		err = &yore.InvalidError{Fields: []yore.FieldError{{Message: "The reason is too long."}}, Row: edited}
	}
	return edited, err
}

// again shows the form once more, with what was typed and what is wrong with it.
func (k *kind[T]) again(p *page, row T, invalid *yore.InvalidError) error {
	return k.show(p, http.StatusUnprocessableEntity, "form.html", row, func(v *view) {
		for i := range v.Cells {
			c := &v.Cells[i]
			if p.r.Form.Has(c.Column) {
				c.Value = p.r.Form.Get(c.Column)
			}
			c.Errors = invalid.Field(c.Column)
		}
		for _, e := range invalid.Fields {
			if !slices.Contains(k.columns(), e.Field) {
				v.Wrong = append(v.Wrong, e.Error())
			}
		}
	})
}

// A clash is a field of a conflict: as both began with it, as somebody else saved
// it, and as it was to be saved.
type clash struct {
	Base, Theirs, Mine Cell
	Keep               string // whose is chosen: theirs, mine, or nobody's yet
}

// conflict shows what somebody else saved first beside what is to be saved, and
// the version that both began with. Where only one changed a field, that one's
// value is chosen already.
func (k *kind[T]) conflict(p *page, back string, base, mine T) error {
	theirs, err := k.get(p)
	if err != nil {
		return err
	}
	b, t, m := k.cells(p, base), k.cells(p, theirs), k.cells(p, mine)
	split, same := make([]clash, len(b)), true
	for i := range b {
		split[i] = clash{Base: b[i], Theirs: t[i], Mine: m[i]}
		switch {
		case t[i].Value == m[i].Value, m[i].Value == b[i].Value:
			split[i].Keep = "theirs"
		case t[i].Value == b[i].Value:
			split[i].Keep = "mine"
		}
		same = same && t[i].Value == b[i].Value
	}
	if same { // deleted and brought back, or changed and changed back: nothing is lost
		return k.write(p, back, theirs, mine)
	}
	return k.show(p, http.StatusConflict, "conflict.html", theirs, func(v *view) {
		v.Base, v.Split = k.meta(base).Version, split
	})
}
