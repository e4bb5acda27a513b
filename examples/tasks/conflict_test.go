package main

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// note is the last version of the note of a title.
func (a *app) note(title string) Note {
	a.t.Helper()
	note, err := notes.IncludeDeleted().Where("title = $1", title).One(a.t.Context(), a.pool)
	if err != nil {
		a.t.Fatalf("%s: %v", title, err)
	}
	return note
}

// choose picks a side of a field of a conflict: Theirs, Yours or a version.
func (b *tab) choose(field, side string) {
	b.t.Helper()
	b.wait(`(() => {
		const f = [...document.querySelectorAll('fieldset')].find(f => f.querySelector('legend').innerText.trim().startsWith(%s))
		const l = [...f?.querySelectorAll('label') ?? []].find(l => l.querySelector('b').innerText.trim() === %s)
		l?.click()
		return l?.control.checked
	})()`, field, side)
}

// TestConflictOfNotes: the choice of each side, that of the version both began with
// included, and what both changed alike.
func TestConflictOfNotes(t *testing.T) {
	t.Parallel()
	a := start(t)
	path := "/notes/" + a.note("Cleaning plan").EntityID.String()
	ada, boris := a.tab(), a.tab()
	ada.open(path + "/edit")
	boris.open("/notes")
	boris.leave(func() { boris.fill("You are", "2") })
	boris.open(path + "/edit")
	for _, b := range []*tab{ada, boris} {
		b.fill("Category", "decision")
	}
	ada.fill("Title", "Cleaning by Ada")
	boris.fill("Title", "Cleaning by Boris")
	ada.fill("Content", "Daily: all of it.")
	boris.click("Save")
	boris.shows("Saved.")
	ada.click("Save")
	ada.shows("You began with version 2. Meanwhile it is version 3: updated by Boris")
	ada.shows("Category both the same")
	if n := js[int](ada, "document.querySelectorAll('fieldset').length"); n != 3 {
		t.Errorf("%d fields are asked for", n)
	}
	ada.choose("Title", "Version 2")
	ada.fill("Why", "We agreed")
	ada.click("Save as version 4")
	ada.shows("Saved.")
	now := a.note("Cleaning plan")
	if now.Version != 4 || now.Category != "decision" || now.Content != "Daily: all of it." {
		t.Errorf("%+v", now)
	}
	ada.click("History")
	if got := ada.text("#v4"); !strings.Contains(got, "Ada, ") || !strings.Contains(got, "We agreed") || !strings.Contains(got, "Title Cleaning by Boris Cleaning plan") {
		t.Errorf("the history: %s", got)
	}
	if got := ada.text("#v3"); !strings.Contains(got, "Title Cleaning plan Cleaning by Boris") {
		t.Errorf("Boris's version: %s", got)
	}

	// Leaving it as it is saves nothing.
	ada.open(path + "/edit")
	ada.fill("Title", "Mine")
	boris.open(path + "/edit")
	boris.fill("Title", "His")
	boris.click("Save")
	ada.click("Save")
	ada.click("Leave it as it is")
	ada.shows("Version 5")
	if now := a.note("His"); now.Version != 5 {
		t.Errorf("%+v", now)
	}
}

// TestConflictComesBack: what was deleted and brought back while somebody edited it
// is the same as before, and is saved; so it is if another restores it first.
func TestConflictComesBack(t *testing.T) {
	t.Parallel()
	a := start(t)
	task := a.task("Plan the opening party")
	b := a.tab()
	b.open(at(task, "/edit"))
	b.fill("Title", "Plan a small party")
	a.remove("Boris", "No money", task)
	b.click("Save")
	b.shows("nothing of it is saved yet")
	if status := js[int](b, "performance.getEntriesByType('navigation')[0].responseStatus"); status != 410 {
		t.Errorf("status %d", status)
	}
	if _, err := tasks.Undelete(t.Context(), a.pool, task.EntityID); err != nil {
		t.Fatal(err)
	}
	b.click("Restore it, and save this")
	b.shows("Saved.")
	if now := a.now(task); now.Version != 5 || now.Title != "Plan a small party" || now.Description != task.Description {
		t.Errorf("%+v", now)
	}

	// It came back, but another.
	b.click("Edit")
	b.fill("Title", "Plan a big party")
	a.remove("Boris", "Still none", task)
	b.click("Save")
	if _, err := tasks.Undelete(t.Context(), a.pool, task.EntityID); err != nil {
		t.Fatal(err)
	}
	a.change("Boris", "", task, func(t *Task) { t.Title, t.Priority = "Plan no party", 0 })
	b.click("Restore it, and save this")
	b.shows("Somebody else saved first")
	b.shows("only Boris changed it")
	b.choose("Title", "Yours")
	b.click("Save as version 9")
	if now := a.now(task); now.Version != 9 || now.Title != "Plan a big party" || now.Priority != 0 {
		t.Errorf("%+v", now)
	}
}

// TestConflictOfRestoring: an old version is not restored over what nobody has seen;
// of what is deleted it is.
func TestConflictOfRestoring(t *testing.T) {
	t.Parallel()
	a := start(t)
	sign := a.task("Order the sign")
	b := a.tab()
	b.open(at(sign, "/compare?from=4&to=5"))
	a.change("Boris", "Stolen", sign, func(t *Task) { t.Status = "pending" })
	b.click("Restore version 4")
	b.shows("Somebody else saved first")
	if now := a.now(sign); now.Version != 6 {
		t.Errorf("restored over what nobody saw: %+v", now)
	}
	b.choose("Status", "Yours")
	b.click("Save as version 7")
	b.shows("Saved.")
	if now := a.now(sign); now.Status != "in_progress" {
		t.Errorf("%+v", now)
	}
	b.open(at(sign, "/compare?from=1&to=7"))
	b.click("Restore version 1")
	b.shows("Restored.")
	b.shows("Back to version 1")
	if now := a.now(sign); now.Version != 8 || now.Status != "pending" || !strings.HasSuffix(now.Description, "2 m.") {
		t.Errorf("%+v", now)
	}
	b.click("Delete")
	b.fill("Why", "Enough")
	b.click("Delete")
	b.open(at(sign, "/history"))
	b.click("Restore version 3") // of what is deleted
	b.shows("Restored.")
	if now := a.now(sign); now.DeletedAt != nil || now.Status != "pending" {
		t.Errorf("%+v", now)
	}
}

// TestConflictWithoutScripts: a conflict is resolved without JavaScript too.
func TestConflictWithoutScripts(t *testing.T) {
	t.Parallel()
	a := start(t)
	task := a.task("Plan the opening party")
	b := a.tab()
	b.withoutScripts()
	css := func(s string) chromedp.CSS { return chromedp.CSS(s) }
	b.open(at(task, "/edit"))
	a.change("Boris", "", task, func(t *Task) { t.Title = "Plan no party" })
	b.do(chromedp.Clear(css("#f-title")), chromedp.SendKeys(css("#f-title"), "Plan two parties"), chromedp.Click(css(".form button")))
	b.do(chromedp.Click(css(".conflict label:nth-child(2) input")), chromedp.Click(css(".conflict .primary")), chromedp.WaitVisible(css(".did")))
	if now := a.now(task); now.Version != 4 || now.Title != "Plan two parties" {
		t.Errorf("%+v", now)
	}
	note := a.note("Cleaning plan")
	path := "/notes/" + note.EntityID.String()
	b.open(path + "/delete")
	b.do(chromedp.SendKeys(css("#f-reason"), "x"), chromedp.Click(css(".form button")), chromedp.WaitVisible(css(".did")))
	b.open(path)
	b.do(chromedp.Click(css("main form .primary")), chromedp.WaitVisible(css(".did")))
	if now := a.note("Cleaning plan"); now.Version != 4 || now.DeletedAt != nil {
		t.Errorf("%+v", now)
	}
}

// withoutScripts lets no page of the tab run scripts.
func (b *tab) withoutScripts() {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
}
