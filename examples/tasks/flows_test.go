package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestStart: the start page leads to all.
func TestStart(t *testing.T) {
	t.Parallel()
	a := start(t)
	b := a.tab()
	b.open("/")
	b.wait("document.querySelector('svg.columns')") // which comes behind the rest
	links := js[[]string](b, "[...new Set([...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href') || a.href.baseVal))]")
	c := a.client()
	for _, link := range links {
		if link = strings.SplitN(link, "#", 2)[0]; link != "" {
			if got := c.send("GET", link, nil); got.StatusCode != 200 && got.StatusCode != 303 && got.StatusCode != 410 {
				t.Errorf("%s: %d", link, got.StatusCode)
			}
		}
	}
	for _, page := range []string{"/tasks", "/notes", "/changes", "/tasks/new", "/notes/new", "/tasks/deleted", "/notes/deleted"} {
		if !slices.Contains(links, page) {
			t.Errorf("the start page does not lead to %s", page)
		}
	}
	if n := js[int](b, "document.querySelectorAll('svg.columns a').length"); n != chartDays {
		t.Errorf("the chart has %d days", n)
	}
}

// TestList: search as one types, filters, order and pages.
func TestList(t *testing.T) {
	t.Parallel()
	a := start(t)
	var many []Task
	for i := range 30 {
		many = append(many, Task{Title: fmt.Sprintf("Wash window %02d", i), Status: "cancelled", Priority: 1})
	}
	if _, err := tasks.InsertMany(t.Context(), a.pool, many); err != nil {
		t.Fatal(err)
	}
	b := a.tab()
	b.open("/tasks")
	b.do(chromedp.SendKeys(chromedp.CSS("#q"), "count oa"))
	b.wait("document.querySelectorAll('.list tbody tr').length === 1")
	if got := b.titles(); !slices.Equal(got, []string{"Build the counter"}) || !strings.Contains(b.path(), "q=count+oa") && !strings.Contains(b.path(), "q=count%20oa") {
		t.Errorf("%q at %s", got, b.path())
	}
	if focus := js[string](b, "document.activeElement.id"); focus != "q" {
		t.Errorf("the focus is on %q", focus)
	}
	b.fill("Search", "")
	b.fill("Status", "in_progress")
	b.wait("document.querySelectorAll('.list tbody tr').length === 3")
	b.fill("Assigned to", "2")
	b.wait("document.querySelectorAll('.list tbody tr').length === 1")
	b.fill("Assigned to", "any")
	b.fill("Sorted by", "title")
	b.wait("location.search.includes('sort=title') && document.querySelectorAll('.list tbody tr').length === 3")
	if got, want := b.titles(), []string{"Bake a test day", "Hire two people for the counter", "Put up a page with the opening hours"}; !slices.Equal(got, want) {
		t.Errorf("by title: %q", got)
	}
	b.open("/tasks?sort=title")
	first := b.titles()
	b.click("Next page")
	second := b.titles()
	if len(first) != pageSize || len(second) == 0 || first[pageSize-1] >= second[0] {
		t.Errorf("pages:\n%q\n%q", first, second)
	}
	b.click("First page")
	if !slices.Equal(b.titles(), first) {
		t.Error("the first page is another")
	}
	b.open("/tasks?q=nothing+like+it")
	b.shows("Nothing that fits.")
}

// TestRecord: new, wrong, edited, deleted, restored; of both kinds.
func TestRecord(t *testing.T) {
	t.Parallel()
	a := start(t)
	b := a.tab()
	b.open("/")
	b.leave(func() { b.fill("You are", "2") })
	b.click("New task")
	b.fill("Title", "   ")
	b.fill("Description", "Kept")
	b.fill("Why", "Trying")
	b.click("Create")
	if got := b.text(".error"); got != "Title can't be blank" || b.value("Description") != "Kept" || b.value("Why") != "Trying" {
		t.Errorf("%q, %q", got, b.value("Description"))
	}
	if id := js[string](b, "labelled('Title').getAttribute('aria-describedby')"); b.text("#"+id) != "Title can't be blank" {
		t.Errorf("the field is described by %q", id)
	}
	b.fill("Title", "Buy cups")
	b.fill("Priority", "4")
	b.fill("Due", "2026-12-24")
	b.fill("Assigned to", "3")
	b.click("Create")
	b.shows("Created.")
	task := a.task("Buy cups")
	if got := b.text(".side"); !strings.HasPrefix(got, "Version 1 created by Boris, ") || !strings.Contains(got, task.EntityID.String()) || !strings.Contains(got, "Trying") {
		t.Errorf("version data: %s", got)
	}
	if got := b.text("dl"); got != "Status Pending Priority 4 – high Due 24 Dec 2026 Assigned to Chen" {
		t.Errorf("fields: %s", got)
	}
	b.click("Edit")
	b.shows("You edit version 1; it becomes version 2.")
	b.fill("Status", "completed")
	b.fill("Why", "They were cheap")
	b.click("Save")
	b.shows("Saved.")
	if got := b.text(".side"); !strings.HasPrefix(got, "Version 2 updated by Boris, ") || !strings.HasSuffix(got, "Field Before After Status Pending Completed") {
		t.Errorf("version data: %s", got)
	}
	b.click("Delete")
	b.shows("Its 2 versions stay")
	js[bool](b, "(document.querySelector('#f-reason').required = false, true)")
	b.click("Delete")
	b.shows("Say why")
	b.fill("Why", "Broken")
	b.click("Delete")
	b.shows("Deleted.")
	if got := b.titles(); got[0] != "Buy cups" {
		t.Errorf("deleted: %q", got)
	}
	b.open(at(task, ""))
	b.shows("deleted by Boris")
	b.shows("Broken")
	b.open("/tasks/deleted")
	b.click("Restore Buy cups")
	b.shows("Restored.")
	if now := a.now(task); now.Version != 4 || now.DeletedAt != nil {
		t.Errorf("restored: %+v", now)
	}
	b.open("/notes/new")
	b.fill("Title", "Cups")
	b.fill("Content", "White ones\nand blue ones")
	b.fill("Category", "reference")
	b.click("Create")
	b.click("Edit")
	b.fill("Content", "White ones")
	b.click("Save")
	b.click("History")
	if got := b.text("#v2 table"); got != "Field Before After Content White ones and blue ones White ones" {
		t.Errorf("the note's history: %s", got)
	}
}

// TestTimeline: the history of a record, its chart, comparing and restoring.
func TestTimeline(t *testing.T) {
	t.Parallel()
	a := start(t)
	b := a.tab()
	sign := a.task("Order the sign")
	b.open(at(sign, "/history"))
	if got := js[[]string](b, "[...document.querySelectorAll('.timeline h2')].map(e => e.innerText.replace(/\\s+/g, ' '))"); !slices.Equal(got, []string{
		"Version 5 updated current", "Version 4 updated", "Version 3 restored", "Version 2 deleted", "Version 1 created",
	}) {
		t.Errorf("%q", got)
	}
	if got := b.text("#v4"); !strings.Contains(got, "Chen, ") || !strings.Contains(got, "Cheaper without light") || !strings.HasSuffix(got,
		"Field Before After Description SECOND BREAKFAST, white on green, 2 m. SECOND BREAKFAST, white on green, 1.5 m, no light. Status Pending In progress") {
		t.Errorf("%s", got)
	}
	if got := js[[]string](b, "[...document.querySelectorAll('#v4 del, #v4 ins')].map(e => e.innerText)"); !slices.Equal(got, []string{"2 m", "1.5 m, no light", "Pending", "In progress"}) {
		t.Errorf("marked: %q", got)
	}
	if got := js[[]string](b, "[...document.querySelectorAll('svg.lifeline a')].map(e => e.getAttribute('href') + ' ' + e.querySelector('.mark').getAttribute('class'))"); !slices.Equal(got, []string{
		"#v5 mark updated", "#v4 mark updated", "#v3 mark restored", "#v2 mark deleted", "#v1 mark created",
	}) {
		t.Errorf("the chart: %q", got)
	}
	b.click("Compare with 3")
	if !strings.HasSuffix(b.path(), "/compare?from=3&to=4") {
		t.Errorf("compared at %s", b.path())
	}
	b.fill("Version", "1")
	b.fill("with version", "5")
	b.click("Compare")
	if got := js[[]string](b, "[...document.querySelectorAll('.differs')].map(e => e.cells[0].innerText.split('\\n')[0].trim().replace(/ differs$/, ''))"); !slices.Equal(got, []string{"Description", "Status"}) {
		t.Errorf("differs: %q", got)
	}
	b.click("Swap")
	if got := b.text(".compare thead"); !strings.HasPrefix(got, "Field Version 5") {
		t.Errorf("swapped: %s", got)
	}
	b.click("Restore version 5") // as it is: no new version
	b.click("History")
	b.click("Restore version 1")
	b.shows("Restored.")
	b.shows("Back to version 1")
	if now := a.now(sign); now.Version != 6 || now.Status != "pending" || !strings.HasSuffix(now.Description, "2 m.") {
		t.Errorf("%+v", now)
	}
	b.open("/changes")
	if got := b.text(".timeline"); !strings.HasPrefix(got, "updated Order the sign task, version 6 Ada, ") {
		t.Errorf("%s", got[:100])
	}
}

// TestKeyboard: a task is made without a mouse.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	a := start(t)
	b := a.tab()
	b.open("/tasks")
	press := func(keys ...string) {
		for _, k := range keys {
			b.do(chromedp.KeyEvent(k))
		}
	}
	focused := func() string {
		return js[string](b, "name(document.activeElement) || document.activeElement.name || ''")
	}
	reach := func(what string) {
		t.Helper()
		for range 40 {
			if focused() == what {
				return
			}
			press(kb.Tab)
		}
		t.Fatalf("Tab does not reach %q", what)
	}
	reach("Skip to the content")
	if top := js[float64](b, "document.activeElement.getBoundingClientRect().top"); top < 0 {
		t.Error("the link that skips is not seen when it has the focus")
	}
	press(kb.Enter)
	b.wait("location.hash === '#main'")
	reach("New task")
	if outline := js[string](b, "getComputedStyle(document.activeElement).outlineStyle"); outline == "none" {
		t.Error("the focus is not seen")
	}
	b.leave(func() { press(kb.Enter) })
	reach("title")
	press("T", "y", "p", "e", "d")
	reach("Create")
	b.leave(func() { press(kb.Enter) })
	b.shows("Created.")
	a.task("Typed")
}
