package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
)

// A page is the answering of one request. Templates get it as part of what they
// show, for what all pages have.
type page struct {
	*server
	w  http.ResponseWriter
	r  *http.Request
	db yore.DB // sees the tables as of At

	Now    time.Time
	Stable time.Time // what happened before, the page knows; zero: that is not known
	At     time.Time // zero: the present
	People []Person
	Me     Person // who uses this browser

	status int
	body   bytes.Buffer
}

// page makes a handler of what answers a page. In the past that is done inside
// yore.AsOf: nothing that reads the tables has to know of it.
func (s *server) page(answer func(*page) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p := &page{server: s, w: w, r: r, db: s.pool, Now: time.Now().UTC(), status: http.StatusOK}
		err := p.begin()
		switch {
		case err != nil:
			err = p.fail(err)
		case p.Past():
			err = yore.AsOf(r.Context(), s.pool, p.At, func(tx pgx.Tx) error {
				p.db = tx
				return p.fail(answer(p))
			})
		default:
			err = p.fail(answer(p))
		}
		if err != nil {
			slog.Error("page", "method", r.Method, "url", r.URL, "err", err)
			http.Error(w, "Something went wrong.", http.StatusInternalServerError)
		} else if p.body.Len() > 0 {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(p.status)
			_, _ = w.Write(p.body.Bytes())
		}
	}
}

// begin reads what all pages need, and cleans what the browser sent.
func (p *page) begin() error {
	var err error
	p.Stable, err = yore.StableTime(p.r.Context(), p.pool)
	if err != nil && !errors.Is(err, yore.ErrStableTime) { // not known on a standby: then nothing is live
		return err
	}
	rows, err := p.pool.Query(p.r.Context(), "SELECT id, name FROM person ORDER BY id")
	if err != nil {
		return err
	}
	if p.People, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Person]); err != nil {
		return err
	}
	p.Me = p.People[0]
	if cookie, err := p.r.Cookie("person"); err == nil {
		if person, ok := p.person(cookie.Value); ok {
			p.Me = person
		}
	}
	p.r.Body = http.MaxBytesReader(p.w, p.r.Body, 1<<20)
	err = p.r.ParseForm()
	if large := new(http.MaxBytesError); errors.As(err, &large) {
		return &failure{http.StatusRequestEntityTooLarge, "That is too much", "A form may have a megabyte at most."}
	} else if err != nil {
		return bad("The form cannot be read.")
	}
	for _, values := range p.r.Form {
		for i := range values {
			values[i] = clean(values[i])
		}
	}
	p.At, err = p.at()
	return err
}

// clean is text as it is kept: lines end as in Go, not as in forms, and there is
// nothing in it that no keyboard writes.
func clean(s string) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\r\n", "\n"), "")
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
}

func (p *page) person(id string) (Person, bool) {
	for _, person := range p.People {
		if strconv.FormatInt(person.ID, 10) == id {
			return person, true
		}
	}
	return Person{}, false
}

// Past says whether the page shows another time than the present.
func (p *page) Past() bool { return !p.At.IsZero() }

// Moment is the time that the page shows.
func (p *page) Moment() time.Time {
	if p.Past() {
		return p.At
	}
	return p.Now
}

// URL is the address of a page at the time that this one shows.
func (p *page) URL(parts ...any) string {
	if p.Past() {
		parts = append([]any{"/at/" + stamp(p.At)}, parts...)
	}
	return fmt.Sprint(parts...)
}

// Path is the address of this page in the present; of an answer to a form, that
// of the record.
func (p *page) Path() string {
	if parts := strings.Split(p.r.URL.EscapedPath(), "/"); p.r.Method == http.MethodPost {
		return strings.Join(parts[:min(len(parts), 3)], "/")
	}
	return p.r.URL.RequestURI()
}

// In says whether the page is one of those below a path.
func (p *page) In(path string) bool { return strings.HasPrefix(p.r.URL.Path, path) }

// Did says what a form has just done.
func (p *page) Did() string {
	return map[string]string{"created": "Created.", "saved": "Saved.", "deleted": "Deleted.", "restored": "Restored."}[p.r.Form.Get("did")]
}

// writing is the context of what the form asks for: it says who and why.
func (p *page) writing(fallback string) context.Context {
	ctx := yore.WithActor(p.r.Context(), p.Me.Name)
	if reason := cmp.Or(strings.TrimSpace(p.r.Form.Get("reason")), fallback); reason != "" {
		ctx = yore.WithReason(ctx, reason)
	}
	return ctx
}

// id is the one in the path.
func (p *page) id() (yore.UUID, error) {
	id, err := yore.ParseUUID(p.r.PathValue("id"))
	if err != nil {
		return id, bad("An id looks like 018f3c2e-7d4a-7c31-9b1a-5f2e8c0d6a47; this address has another form.")
	}
	return id, nil
}

func (p *page) show(status int, template string, data any) error {
	p.status = status
	p.body.Reset()
	return templates[template].ExecuteTemplate(&p.body, "layout.html", data)
}

// redirect sends the browser on after a form.
func (p *page) redirect(parts ...any) error {
	http.Redirect(p.w, p.r, fmt.Sprint(parts...), http.StatusSeeOther)
	return nil
}

// A failure is an error to be shown with a status.
type failure struct {
	status      int
	Title, Text string
}

func (f *failure) Error() string { return f.Title }

func bad(text string) error {
	return &failure{http.StatusBadRequest, "That address or form is not right", text}
}

// fail answers with an error that has an answer.
func (p *page) fail(err error) error {
	var f *failure
	switch {
	case err == nil || errors.As(err, &f):
	case errors.Is(err, yore.ErrNotFound) && p.Past():
		f = &failure{http.StatusNotFound, "Not yet", "At that moment this did not exist. Go on in time, or back to the present."}
	case errors.Is(err, yore.ErrNotFound):
		f = &failure{http.StatusNotFound, "Not found", "There is nothing of that id, and there never was."}
	case p.r.Context().Err() != nil:
		f = &failure{http.StatusServiceUnavailable, "Too late", "The browser did not wait."}
	}
	if f == nil {
		return err
	}
	return p.show(f.status, "failure.html", struct {
		*page
		*failure
	}{p, f})
}
