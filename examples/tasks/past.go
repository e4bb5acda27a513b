package main

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"yore.example/yore"
)

type atKey struct{}

// atOf is the time that a request asks for, zero for the present.
func atOf(ctx context.Context) time.Time {
	at, _ := ctx.Value(atKey{}).(time.Time)
	return at
}

// stamp is a time as addresses have it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// inThePast serves every page a second time below /at/{time}, read-only.
func (s *server) inThePast(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, ok := strings.CutPrefix(r.URL.Path, "/at/")
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		when, path, _ := strings.Cut(rest, "/")
		at, err := time.Parse(time.RFC3339Nano, when)
		refuse := func(f *failure) { s.page(func(*page) error { return f }).ServeHTTP(w, r) }
		switch {
		case err != nil || at.Year() < 1 || at.Year() > 9999:
			refuse(&failure{http.StatusBadRequest, "That is no moment", "A moment in an address looks like 2026-11-02T09:30:00Z."})
		case at.After(time.Now()):
			refuse(&failure{http.StatusBadRequest, "Not yet", "That moment is still to come."})
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			refuse(&failure{http.StatusMethodNotAllowed, "The past cannot be changed", "Go back to the present to change something."})
		default:
			past := r.WithContext(context.WithValue(r.Context(), atKey{}, at.UTC().Truncate(time.Microsecond)))
			past.URL = &url.URL{Path: "/" + path, RawQuery: r.URL.RawQuery}
			next.ServeHTTP(w, past)
		}
	})
}

// travel goes to a page at another time: that of the form, or the next or the
// last one at which something changed.
func travel(p *page) error {
	form := p.r.Form
	path := form.Get("path")
	if !local(path) {
		return bad("The path has to be one of this application.")
	}
	from := p.Now
	if text := form.Get("t"); text != "" {
		var err error
		if from, err = moment(text); err != nil {
			return bad("A moment looks like 2026-11-02T09:30.")
		}
	}
	to, err := p.step(from, form.Get("step"))
	if err != nil {
		return err
	}
	if to.IsZero() || !to.Before(p.Now.Add(-time.Second)) {
		return p.redirect(path)
	}
	return p.redirect("/at/", stamp(to), path)
}

// moment reads what a field for a date and time sends, or a slider: UTC.
func moment(text string) (time.Time, error) {
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Unix(min(max(seconds, 0), 1<<33), 0).UTC(), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, bad("")
}

// step is the moment of the next or the last change, zero for the present.
func (p *page) step(from time.Time, way string) (time.Time, error) {
	o := yore.TimelineOptions{Limit: 1}
	switch way {
	case "":
		return from, nil
	case "back":
		o.Before, o.Reverse = from, true
	case "on":
		o.After = from
	default:
		return from, bad("A step goes back or on.")
	}
	moments, err := yore.Timeline(p.r.Context(), p.db, o, yore.TimelineOf{Table: "tasks"}, yore.TimelineOf{Table: "notes"})
	if len(moments) == 0 {
		if way == "back" {
			return p.Since, err
		}
		return time.Time{}, err
	}
	return moments[0], err
}
