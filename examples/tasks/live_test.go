package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestLiveDeleted: whoever looks at a record that somebody deletes is told so, and
// the list of the deleted ones has it at once.
func TestLiveDeleted(t *testing.T) {
	t.Parallel()
	a := start(t)
	task := a.task("Get a card reader")
	record, bin := a.tab(), a.tab()
	record.open(at(task, ""))
	bin.open("/tasks/deleted")
	was := bin.titles()

	a.remove("Boris", "The bank gives us one", task)
	record.shows("“Get a card reader” is deleted")
	record.shows("The bank gives us one")
	if record.has("Edit") || record.has("Delete") || !record.has("Restore it") {
		t.Error("the page of what is deleted offers to change it, or not to restore it")
	}
	bin.wait("document.querySelectorAll('.list tbody tr').length === %s", len(was)+1)
	if got := bin.titles(); !slices.Equal(got, append([]string{"Get a card reader"}, was...)) {
		t.Errorf("deleted: %q", got)
	}
	record.click("Restore it")
	record.shows("Restored.")
	bin.wait("document.querySelectorAll('.list tbody tr').length === %s", len(was))

	// As somebody sees it who opened it while it was deleted.
	a.remove("Boris", "Really", task)
	record.open(at(task, ""))
	if _, err := tasks.Undelete(t.Context(), a.pool, task.EntityID); err != nil {
		t.Fatal(err)
	}
	record.wait("control('Edit')")
	record.shows("Version 7")
	if title, crumbs := js[string](record, "document.title"), record.text(".crumbs"); title != "Get a card reader · Tasks" || crumbs != "Tasks" {
		t.Errorf("under %q, at %q", title, crumbs)
	}
}

// TestLiveReturns: what happens while the stream of events is broken is shown when
// it is back, and news of before are not.
func TestLiveReturns(t *testing.T) {
	t.Parallel()
	a := start(t)
	task := a.task("Build the counter")
	b := a.tab()
	b.forgive("[object Event]") // the stream that broke
	b.open("/tasks")
	a.change("Boris", "", task, func(t *Task) { t.Title = "One" })
	b.wait("document.querySelector('.list [scope=row]').innerText.trim() === 'One'")
	for _, title := range []string{"Two", "Three"} {
		js[bool](b, "(htmx.on('htmx:sseError', () => window.broken = true), true)")
		a.srv.CloseClientConnections()
		b.wait("window.broken")
		a.change("Boris", "", task, func(t *Task) { t.Title = title })
		b.wait("document.querySelector('.list [scope=row]').innerText.trim() === %s", title)
		b.wait("document.querySelector('#news').innerText.includes(%s)", title)
		if got := b.text("#news"); strings.Contains(got, "One") {
			t.Errorf("told once more: %s", got)
		}
		js[bool](b, "(window.broken = false, true)")
	}
}

// TestLiveInThePast: a page of the past stays as it is; one that goes to the
// present by the slider is live, wherever it came from.
func TestLiveInThePast(t *testing.T) {
	t.Parallel()
	a := start(t)
	task := a.task("Build the counter")
	moment := "/at/" + stamp(task.ValidFrom) + "/tasks"
	b, present := a.tab(), a.tab()
	b.open(moment)
	present.open("/tasks")
	was := b.titles()
	a.change("Boris", "", task, func(t *Task) { t.Title = "Oil the counter" })
	present.wait("document.querySelector('.list [scope=row]').innerText.trim() === 'Oil the counter'")
	if got := b.titles(); !slices.Equal(got, was) {
		t.Errorf("the past has changed: %q", got)
	}
	for _, tab := range []*tab{b, present} { // the second goes there and comes back
		tab.do(chromedp.Focus(chromedp.CSS("#moment")), chromedp.KeyEvent(kb.Home))
		tab.wait("document.querySelector('.banner') && location.pathname.startsWith('/at/') && location.pathname !== %s", moment)
		tab.do(chromedp.KeyEvent(kb.End))
		tab.wait("!document.querySelector('.banner') && location.pathname === '/tasks'")
		tab.shows("Oil the counter")
	}
	a.change("Boris", "", task, func(t *Task) { t.Title = "Sell the counter" })
	for _, tab := range []*tab{present, b} {
		tab.wait("document.querySelector('.list [scope=row]').innerText.trim() === 'Sell the counter'")
	}
}

// TestLiveKeeps: an update takes nothing away that somebody is doing in the page.
func TestLiveKeeps(t *testing.T) {
	t.Parallel()
	a := start(t)
	sign := a.task("Order the sign")
	history, list := a.tab(), a.tab()
	history.open(at(sign, "/history"))
	history.fill("Compare version", "2")
	history.fill("with version", "4")
	js[bool](history, "(labelled('with version').focus(), true)")
	list.open("/tasks")
	js[bool](list, "(control('Choose the oven').focus(), true)")

	a.change("Boris", "", sign, func(t *Task) { t.Title = "Paint the sign" })
	history.wait("document.querySelector('.timeline h2').innerText.startsWith('Version 6')")
	if from, to := history.value("Compare version"), history.value("with version"); from != "2" || to != "4" {
		t.Errorf("chosen were versions 2 and 4, now they are %s and %s", from, to)
	}
	if got := js[string](history, "document.activeElement.id"); got != "to" {
		t.Errorf("the focus is on %q", got)
	}
	history.fill("with version", "6") // the new one can be chosen
	if got := history.value("with version"); got != "6" {
		t.Errorf("version 6 is not among those to compare: %q", got)
	}
	list.wait("document.querySelector('.list [scope=row]').innerText.trim() === 'Paint the sign'")
	if got := js[string](list, "name(document.activeElement)"); got != "Choose the oven" {
		t.Errorf("the focus is on %q", got)
	}

	// A server that cannot answer for a moment leaves the page as it is.
	was := list.titles()
	for _, tab := range []*tab{list, history} {
		tab.forgive("Response Status Error Code 500")
	}
	js[bool](list, "(htmx.on('htmx:responseError', () => window.failed = true), true)")
	if _, err := a.pool.Exec(t.Context(), "ALTER TABLE person RENAME TO persons"); err != nil {
		t.Fatal(err)
	}
	a.change("Boris", "", sign, func(t *Task) { t.Title = "Hang the sign" })
	list.wait("window.failed")
	if got := list.titles(); !slices.Equal(got, was) {
		t.Errorf("after a failure the list is %q", got)
	}
	if _, err := a.pool.Exec(t.Context(), "ALTER TABLE persons RENAME TO person"); err != nil {
		t.Fatal(err)
	}
	a.change("Boris", "", sign, func(t *Task) { t.Title = "Light the sign" })
	list.wait("document.querySelector('.list [scope=row]').innerText.trim() === 'Light the sign'")
}

// TestLiveRace: an answer that was made before a change, and comes after the news of
// it, does not hide the change.
func TestLiveRace(t *testing.T) {
	t.Parallel()
	a := start(t)
	task := a.task("Build the counter")
	b := a.tab()
	b.open("/tasks")
	asked := "/tasks?q=count&status=any&priority=any&assignee_id=any&sort=changed"
	search := a.hold(asked)
	b.do(chromedp.SendKeys(chromedp.CSS("#q"), "count"))
	search.wait(t) // without the change
	a.change("Boris", "", task, func(t *Task) { t.Title = "Oil the counter" })
	b.wait("document.querySelector('#news').innerText.includes('Oil the counter')")
	search.open(a)
	b.wait("location.search.includes('q=count') && document.querySelectorAll('.list tbody tr').length < 5")
	b.wait("document.querySelector('.list [scope=row]').innerText.trim() === 'Oil the counter'")

	// Two changes, the second of which comes while the first is asked for.
	update := a.hold(asked)
	a.change("Boris", "", task, func(t *Task) { t.Title = "Count the chairs" })
	update.wait(t)
	a.change("Boris", "", task, func(t *Task) { t.Title = "Count the cups" })
	b.wait("document.querySelector('#news').innerText.includes('Count the cups')")
	update.open(a)
	b.wait("document.querySelector('.list [scope=row]').innerText.trim() === 'Count the cups'")
}
