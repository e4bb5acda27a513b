package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestSlider: the whole application goes to another time, and says so.
func TestSlider(t *testing.T) {
	t.Parallel()
	a := start(t)
	b := a.tab()
	b.open("/tasks?sort=title")
	now := b.titles()
	b.do(chromedp.Focus(chromedp.CSS("#moment")))
	for range 3 { // PageDown goes back by a tenth
		url := b.path()
		b.do(chromedp.KeyEvent(kb.PageDown))
		b.wait("location.pathname + location.search !== %s && document.querySelector('.banner')", url)
	}
	moment, err := time.Parse(time.RFC3339Nano, strings.Split(b.path(), "/")[2])
	if err != nil || !strings.HasSuffix(b.path(), "/tasks?sort=title") {
		t.Fatal(b.path(), err)
	}
	then, err := tasks.AsOf(moment).OrderBy("title").All(t.Context(), a.pool)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, task := range then {
		want = append(want, task.Title)
	}
	if got := b.titles(); !slices.Equal(got, want) || slices.Equal(got, now) {
		t.Errorf("as of %s: %q, want %q", moment, got, want)
	}
	if focus := js[string](b, "document.activeElement.id"); focus != "moment" {
		t.Errorf("the focus is on %q", focus)
	}
	when := moment.Format("2 Jan 2006, 15:04") + " UTC"
	if got := b.text(".banner"); !strings.Contains(got, "As of "+when) || !strings.Contains(got, "Nothing can be changed here") {
		t.Errorf("the banner says %q", got)
	}
	if got := js[string](b, "document.getElementById('moment').getAttribute('aria-valuetext')"); got != when {
		t.Errorf("a screen reader hears %q, want %q", got, when)
	}
	if b.has("New task") || !b.has("Deleted") {
		t.Error("the past offers to change something, or not to look")
	}
	address := b.path()

	other := a.tab() // somebody who was given the address
	other.open(address)
	if got := other.titles(); !slices.Equal(got, want) {
		t.Errorf("shared: %q", got)
	}
	other.click("Choose the oven")
	if other.has("Edit") || other.has("Delete") || !other.has("As it is now") {
		t.Error("a record of the past offers to change it")
	}
	other.click("History")
	versions, err := tasks.History(a.task("Choose the oven").EntityID).Where("valid_from <= $1", moment).Count(t.Context(), a.pool)
	if n := js[int64](other, "document.querySelectorAll('.timeline > li').length"); err != nil || n != versions || other.has("Restore version 1") {
		t.Errorf("the history shows %d versions of %d, or offers to restore one: %v", n, versions, err)
	}
	for _, link := range js[[]string](other, "[...document.querySelectorAll('main a[href]')].map(a => a.getAttribute('href'))") {
		if !strings.HasPrefix(link, "/at/") && !strings.HasPrefix(link, "#") {
			t.Errorf("a link leads out of the past: %s", link)
		}
	}
	other.click("To the change before")
	if !strings.HasPrefix(other.path(), "/at/") || !strings.HasSuffix(other.path(), "/history") || other.path() == address {
		t.Errorf("stepped to %s", other.path())
	}
	before := other.path()
	other.click("To the next change")
	other.click("To the change before")
	if other.path() != before {
		t.Errorf("on and back: %s, not %s", other.path(), before)
	}
	other.fill("Moment, UTC", "2026-11-25T00:00:00")
	js[bool](other, "(labelled('Moment, UTC').min = '', labelled('Moment, UTC').value = %s, true)", a.task("Order the sign").ValidFrom.Format("2006-01-02T15:04:05"))
	other.click("Go")
	other.open(strings.Split(other.path(), "/tasks/")[0] + at(a.task("Order the sign"), ""))
	other.shows("Hangs")

	b.leave(func() { js[bool](b, "(history.back(), true)") })
	b.wait("document.querySelectorAll('.list tbody tr').length > 0")
	b.open(address)
	b.click("Back to the present")
	if got := b.titles(); !slices.Equal(got, now) || b.path() != "/tasks?sort=title" {
		t.Errorf("back at %s: %q", b.path(), got)
	}
	b.open("/")
	b.wait("document.querySelector('svg.columns')")
	b.leave(func() {
		js[bool](b, "(document.querySelectorAll('svg.columns a')[%s - 10].dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true})), true)", chartDays)
	})
	b.shows("As of")
	b.shows("23:59 UTC")
}
