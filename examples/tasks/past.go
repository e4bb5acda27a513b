package main

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"yore.example/yore"
)

type atKey struct{}

// inThePast serves every page a second time below /at/{time}.
func inThePast(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, ok := strings.CutPrefix(r.URL.Path, "/at/"); ok {
			when, path, _ := strings.Cut(rest, "/")
			r = r.WithContext(context.WithValue(r.Context(), atKey{}, when))
			r.URL = &url.URL{Path: "/" + strings.TrimLeft(path, "/"), RawQuery: r.URL.RawQuery}
		}
		next.ServeHTTP(w, r)
	})
}

// at is the time that the address asks for, zero for the present.
func (p *page) at() (time.Time, error) {
	when, ok := p.r.Context().Value(atKey{}).(string)
	if !ok {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, when)
	switch {
	case err != nil || at.UTC().Year() < 1:
		return time.Time{}, bad("A moment in an address looks like 2026-11-02T09:30:00Z.")
	case at.After(p.Now):
		return time.Time{}, bad("That moment is still to come.")
	case p.r.Method != http.MethodGet && p.r.Method != http.MethodHead:
		p.w.Header().Set("Allow", "GET, HEAD")
		return time.Time{}, &failure{http.StatusMethodNotAllowed, "The past cannot be changed", "Go back to the present to change something."}
	}
	return at.UTC().Truncate(time.Microsecond), nil
}

// stamp is a time as addresses have it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// travel goes to a page at another time: that of the form, or the next or the
// last one at which something changed.
func travel(p *page) error {
	form := p.r.Form
	path := form.Get("path")
	if !local(path) {
		return bad("The path has to be one of this application.")
	}
	from, err := moment(cmp.Or(form.Get("t"), stamp(p.Now)))
	if err != nil {
		return err
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
	return time.Time{}, bad("A moment looks like 2026-11-02T09:30.")
}

// step is the moment of the next or the last change, zero for the present.
func (p *page) step(from time.Time, way string) (time.Time, error) {
	o, end := yore.TimelineOptions{Limit: 1}, time.Time{}
	switch way {
	case "":
		return from, nil
	case "back":
		o.Before, o.Reverse, end = from, true, p.Since
	case "on":
		o.After = from
	default:
		return from, bad("A step goes back or on.")
	}
	moments, err := yore.Timeline(p.r.Context(), p.db, o, both...)
	return append(moments, end)[0], err
}
