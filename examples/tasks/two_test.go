package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestConflict: two people save what they began with the same version.
func TestConflict(t *testing.T) {
	t.Parallel()
	a := start(t)
	task := a.task("Put up a page with the opening hours")
	ada, boris := a.tab(), a.tab()
	boris.open("/")
	boris.leave(func() { boris.fill("You are", "2") })
	for _, b := range []*tab{ada, boris} {
		b.open(at(task, "/edit"))
	}
	boris.fill("Description", "With a photo.")
	boris.fill("Status", "completed")
	boris.fill("Why", "The photo is there")
	boris.click("Save")

	// Ada is told, and what she typed stays.
	ada.fill("Description", "Menu on a second page.")
	ada.wait("document.querySelector('#fresh')?.innerText.includes('by Boris')")
	if got := ada.value("Description"); got != "Menu on a second page." {
		t.Errorf("typed: %q", got)
	}
	ada.fill("Priority", "5")
	ada.fill("Why", "Guests ask")
	ada.click("Save")
	ada.shows("Somebody else saved first")
	choices := func(b *tab) []string {
		return js[[]string](b, `[...document.querySelectorAll('fieldset')].map(f => f.querySelector('legend').innerText.trim().replace(/\s+/g, ' ') + ': ' + [...f.querySelectorAll('label')].map(l => (l.querySelector(':checked') ? '*' : '') + l.innerText.trim().replace(/\s+/g, ' ')).join(' | '))`)
	}
	if got, want := choices(ada), []string{
		"Description both changed it: Theirs With a photo. | Yours Menu on a second page. | Version 2 One page is enough. Photo of the counter when it is there.",
		"Status only Boris changed it: *Theirs Completed | Yours In progress | Version 2 In progress",
		"Priority only you changed it: Theirs 3 – raised | *Yours 5 – urgent | Version 2 3 – raised",
	}; !slices.Equal(got, want) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	// Nothing is saved before the open field is chosen …
	js[bool](ada, "(control('Save as version 4').click(), true)")
	if v := js[bool](ada, "document.querySelector('form.conflict').checkValidity()"); v || a.now(task).Version != 3 {
		t.Error("saved without a choice")
	}
	// … and meanwhile Boris saves once more.
	a.change("Boris", "", task, func(t *Task) { t.Priority = 1 })
	ada.do(chromedp.Click(chromedp.CSS("fieldset:first-of-type label:nth-child(2) input")))
	ada.click("Save as version 4")
	ada.shows("You began with version 3. Meanwhile it is version 4")
	ada.do(chromedp.Click(chromedp.CSS("fieldset:nth-of-type(2) label:nth-child(2) input")))
	ada.click("Save as version 5")
	ada.shows("Saved.")
	if now := a.now(task); now.Description != "Menu on a second page." || now.Status != "completed" || now.Priority != 5 {
		t.Errorf("%+v", now)
	}

	// Boris deletes what Ada edits.
	ada.click("Edit")
	a.remove("Boris", "Not needed", task)
	ada.wait("document.querySelector('#fresh')?.innerText.includes('deleted by Boris')")
	ada.fill("Title", "A better page")
	ada.click("Save")
	ada.shows("You were editing version 5")
	if ada.value("Title") != "A better page" {
		t.Errorf("typed: %q", ada.value("Title"))
	}
	ada.click("Restore it, and save this")
	ada.shows("Saved.")
	if now := a.now(task); now.DeletedAt != nil || now.Title != "A better page" || now.Description != "Menu on a second page." {
		t.Errorf("%+v", now)
	}
	ada.click("Delete")
	a.change("Boris", "", task, func(t *Task) { t.Title = "The best page" })
	ada.fill("Why", "Too late")
	ada.click("Delete")
	ada.shows("It was changed meanwhile")
	if a.now(task).DeletedAt != nil {
		t.Error("deleted unseen")
	}
	ada.click("Delete")
	ada.shows("Deleted.")
}

// TestLive: a page changes when another tab, or any other client, changes something.
func TestLive(t *testing.T) {
	t.Parallel()
	a := start(t)
	task := a.task("Build the counter")
	list, history, home := a.tab(), a.tab(), a.tab()
	list.open("/tasks")
	history.open(at(task, "/history"))
	home.open("/")

	a.change("Boris", "Second coat", task, func(t *Task) { t.Title = "Oil the counter" })
	list.wait("document.querySelector('.list [scope=row]').innerText.trim() === 'Oil the counter'")
	history.wait("document.querySelector('.timeline h2').innerText.startsWith('Version 5')")
	home.wait("document.querySelector('[aria-labelledby=h-changes] li').innerText.includes('Oil the counter')")
	list.wait("document.querySelector('#news').innerText.includes('Oil the counter') && document.querySelector('#news').innerText.includes('Boris')")

	// Anything that writes to the database, not only this program.
	if _, err := a.pool.Exec(t.Context(), "UPDATE tasks SET title = 'Polish the counter' WHERE entity_id = $1", task.EntityID); err != nil {
		t.Fatal(err)
	}
	list.wait("document.querySelector('.list [scope=row]').innerText.trim() === 'Polish the counter'")

	// A transaction that began before the page was made, and commits after it.
	tx, err := a.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	if _, err := tx.Exec(t.Context(), "UPDATE tasks SET title = 'Sell the counter' WHERE entity_id = $1", task.EntityID); err != nil {
		t.Fatal(err)
	}
	home.open("/changes")
	home.wait("document.readyState === 'complete'")
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	home.wait("document.querySelector('.timeline li').innerText.includes('Sell the counter')")

	// One that makes a record, and what is typed into the search stays.
	list.do(chromedp.SendKeys(chromedp.CSS("#q"), "counter"))
	list.wait("location.search.includes('q=counter')")
	if _, err := tasks.Insert(t.Context(), a.pool, Task{Title: "Another counter", Status: "pending"}); err != nil {
		t.Fatal(err)
	}
	list.wait("[...document.querySelectorAll('.list [scope=row]')].some(e => e.innerText.trim() === 'Another counter')")
	if v := list.value("Search"); v != "counter" {
		t.Errorf("search: %q", v)
	}
	if focus := js[string](list, "document.activeElement.id"); focus != "q" {
		t.Errorf("the focus is on %q", focus)
	}
}
