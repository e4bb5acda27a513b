package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestArrows: the slider moves by an hour with each press of an arrow key, and
// however quickly they come, the page ends at the moment that the slider shows.
func TestArrows(t *testing.T) {
	t.Parallel()
	a := start(t)
	b := a.tab()
	b.open("/tasks")
	const here = "document.getElementById('moment').value"
	arrived := "Math.floor(Date.parse(location.pathname.split('/')[2]) / 1000) === +" + here + " && document.querySelector('.banner time')?.dateTime === location.pathname.split('/')[2]"
	b.do(chromedp.Focus(chromedp.CSS("#moment")), chromedp.KeyEvent(kb.PageDown))
	b.wait(arrived)
	from := js[string](b, here)
	for range 24 {
		b.do(chromedp.KeyEvent(kb.ArrowLeft))
	}
	for range 4 {
		b.do(chromedp.KeyEvent(kb.ArrowRight))
	}
	b.wait("%s - "+here+" === 20 * 3600", from)
	b.wait(arrived)
	moment, err := time.Parse(time.RFC3339Nano, strings.Split(b.path(), "/")[2])
	if err != nil {
		t.Fatal(err)
	}
	if got, want := b.text("#moment-text"), moment.Format("2 Jan 2006, 15:04")+" UTC"; got != want {
		t.Errorf("the dock says %s, want %s", got, want)
	}
	if n, err := tasks.AsOf(moment).Count(t.Context(), a.pool); err != nil || n != int64(len(b.titles())) {
		t.Errorf("%d tasks are shown, there were %d: %v", len(b.titles()), n, err)
	}
	if focus := js[string](b, "document.activeElement.id"); focus != "moment" {
		t.Errorf("the focus is on %q", focus)
	}
	for _, name := range []string{"New task", "Edit", "Delete", "Restore"} {
		if b.has(name) {
			t.Errorf("the past offers %q", name)
		}
	}
	b.wait("document.title.endsWith(%s)", "as of "+moment.Format("2 Jan 2006, 15:04"))
}

// TestBack: the browser's button goes through moments, searches and forms, and
// controls show what the page shows.
func TestBack(t *testing.T) {
	t.Parallel()
	a := start(t)
	b := a.tab()
	b.open("/tasks")
	now := b.titles()
	back := func(path string) {
		t.Helper()
		b.leave(func() { js[bool](b, "(history.back(), true)") })
		b.wait("location.pathname + location.search === %s", path)
	}
	b.do(chromedp.Focus(chromedp.CSS("#moment")), chromedp.KeyEvent(kb.PageDown))
	b.wait("document.querySelector('.banner')")
	first := b.path()
	b.wait("document.querySelector('.banner time').dateTime === location.pathname.split('/')[2]")
	titles := b.titles()
	b.do(chromedp.KeyEvent(kb.PageDown))
	b.wait("location.pathname !== %s && document.querySelector('.banner time').dateTime === location.pathname.split('/')[2]", first)
	b.click("Choose the oven")
	b.leave(func() { js[bool](b, "(history.back(), true)") })
	b.wait("document.querySelectorAll('.list tbody tr').length > 0")
	if shown, slid := js[int64](b, "Math.floor(Date.parse(document.querySelector('.banner time').dateTime) / 1000)"), js[int64](b, "+document.getElementById('moment').value"); shown-slid > 3600 || slid-shown > 3600 {
		t.Errorf("the page is of %d, the slider of %d", shown, slid)
	}
	back(first)
	if got := b.titles(); !slices.Equal(got, titles) {
		t.Errorf("%s shows %q, want %q", first, got, titles)
	}
	back("/tasks")
	if got := b.titles(); !slices.Equal(got, now) || js[bool](b, "!!document.querySelector('.banner')") {
		t.Errorf("the present shows %q, want %q", got, now)
	}

	// A search, and what leads away from it and back.
	b.do(chromedp.SendKeys(chromedp.CSS("#q"), "oven"))
	b.wait("location.search.includes('q=oven') && document.querySelectorAll('.list tbody tr').length === 2")
	search := b.path()
	b.leave(func() { b.fill("You are", "3") }) // another person: the same page
	if b.path() != search || b.value("Search") != "oven" || b.value("You are") != "3" {
		t.Errorf("%q as %s on %s, want %s", b.value("Search"), b.value("You are"), b.path(), search)
	}
	b.click("Choose the oven")
	b.click("Edit")
	b.fill("Description", "Seen")
	b.click("Save")
	oven := a.task("Choose the oven")
	if oven.Version != 5 || oven.Description != "Seen" {
		t.Errorf("%+v", oven)
	}
	back(at(oven, "/edit")) // the form is of the version that there is now
	b.shows("You edit version 5; it becomes version 6.")
	if got := b.value("Description"); got != "Seen" {
		t.Errorf("the form has %q", got)
	}
	b.fill("Description", "Seen again")
	b.click("Save")
	b.shows("Saved.")
	if now := a.now(oven); now.Version != 6 || now.Description != "Seen again" {
		t.Errorf("%+v", now)
	}
}

// TestReadOnly: nothing below /at can be changed from the browser, on any page.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	a := start(t)
	b := a.tab()
	sign := a.task("Order the sign")
	before := a.fingerprint()
	moment := "/at/" + stamp(sign.ValidFrom.Add(time.Hour))
	for _, path := range []string{"/", "/tasks", "/notes", "/changes", "/tasks/deleted", at(sign, ""), at(sign, "/history"), at(sign, "/compare?from=1&to=5")} {
		b.open(moment + path)
		b.shows("Nothing can be changed here")
		if n := js[int](b, "[...document.querySelectorAll('form')].filter(f => f.method === 'post' && seen(f)).length"); n != 0 {
			t.Errorf("%s has %d forms that change something", path, n)
		}
		if bad := js[[]string](b, "[...document.querySelectorAll('main a[href]')].map(a => a.getAttribute('href')).filter(h => /\\/(edit|delete|new)$/.test(h))"); len(bad) > 0 {
			t.Errorf("%s leads to %q", path, bad)
		}
	}
	for _, path := range []string{"/tasks", at(sign, ""), at(sign, "/delete"), at(sign, "/restore"), at(sign, "/undelete"), "/person"} {
		if status := b.fetch("POST", moment+path, "title=x&version=5&reason=x&seen=5&person=2&back=/"); status != 405 {
			t.Errorf("POST %s: %d", path, status)
		}
	}
	for _, path := range []string{at(sign, "/edit"), at(sign, "/delete"), "/tasks/new", "/notes/new"} {
		b.open(moment + path)
		b.shows("The past cannot be changed")
	}
	if a.fingerprint() != before {
		t.Error("something has changed")
	}
}

// fetch sends a form as a script of the page would.
func (b *tab) fetch(method, path, form string) int {
	b.t.Helper()
	b.wait(`(() => {
		const asked = %s
		if (window.asked === asked) return window.status_
		window.asked = asked; window.status_ = 0
		fetch(%s, {method: %s, body: %s, headers: {'Content-Type': 'application/x-www-form-urlencoded'}}).then(r => { window.status_ = r.status })
	})()`, method+path, path, method, form)
	return js[int](b, "window.status_")
}
