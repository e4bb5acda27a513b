package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/net/html"

	"yore.example/yore"
)

func at(task Task, path string) string { return "/tasks/" + task.EntityID.String() + path }

// TestAnswers: each wrong thing has its own right answer.
func TestAnswers(t *testing.T) {
	t.Parallel()
	a := start(t)
	c := a.client()
	oven, flyer := a.task("Choose the oven"), a.task("Hand out flyers at the market")
	const nobody = "/tasks/018f3c2e-7d4a-7c31-9b1a-5f2e8c0d6a47"
	for _, x := range []struct {
		status int
		path   string
		says   string
	}{
		{200, "/", "Everything, at any time"},
		{200, "/overview", "Six weeks of versions"},
		{200, "/tasks?q=ov&status=completed&sort=due&assignee_id=2", "Choose the oven"},
		{200, "/tasks?q=no-such-word", "Nothing that fits."},
		{200, "/notes", "Names for the place"},
		{200, "/tasks/deleted", "Hand out flyers at the market"},
		{200, "/tasks/new", "New task"},
		{200, "/changes", "We have enough guests as it is"},
		{200, at(oven, ""), "Ordered, comes in three weeks"},
		{200, at(oven, "/history"), "Lena sold hers to somebody else"},
		{200, at(oven, "/compare?from=1&to=4"), "Version 1 and version 4"},
		{200, at(flyer, "/history"), "We have enough guests as it is"},
		{404, "/nothing", "There is no page at this address."},
		{404, nobody, "there never was"},
		{404, nobody + "/history", "there never was"},
		{404, at(oven, "/compare?from=1&to=99"), "There is no such version."},
		{400, "/tasks/abc", "An id looks like"},
		{400, "/tasks/abc/history", "An id looks like"},
		{400, at(oven, "/compare?from=1"), "The number of a version is missing."},
		{400, at(oven, "/compare?from=x&to=1"), "The number of a version is missing."},
		{400, "/tasks?sort=salary", "There is no order by salary."},
		{400, "/tasks?status=odd", "Status has no odd."},
		{400, "/tasks?q=" + strings.Repeat("a+", 150), "200 letters at most"},
		{400, "/tasks?after=nonsense", "This is no page of this list."},
		{400, at(oven, "/history?before=yesterday&skip=0"), "A moment looks like"},
		{400, at(oven, "/history?before=2026-11-01&skip=-1"), "no page of this timeline"},
		{400, "/at/then/tasks", "A moment in an address looks like"},
		{400, "/at/2999-01-01T00:00:00Z/tasks", "still to come"},
		{403, "/at/2026-11-01T00:00:00Z/tasks/new", "The past cannot be changed"},
		{410, at(flyer, ""), "deleted by Chen"},
		{410, at(flyer, "/edit"), "Restore it"},
		{410, at(flyer, "/delete"), "Restore it"},
	} {
		if got := c.send("GET", x.path, nil); got.StatusCode != x.status || !strings.Contains(got.words("body"), x.says) {
			t.Errorf("%s: %d, want %d; %q in\n%s", x.path, got.StatusCode, x.status, x.says, got.words("main"))
		}
		if got := c.send("HEAD", x.path, nil); got.StatusCode != x.status || got.Text != "" {
			t.Errorf("HEAD %s: %d, want %d", x.path, got.StatusCode, x.status)
		}
	}
	if odd := c.send("POST", "/%C7p", nil); odd.StatusCode != 404 || !utf8.ValidString(odd.Text) {
		t.Errorf("an odd address: %d %q", odd.StatusCode, odd.words("main"))
	}
	c.get(200, "/at/"+stamp(oven.ValidFrom)+"//tasks").says(t, "As of")
	before := a.fingerprint()
	for name, x := range map[string]struct {
		status int
		path   string
		form   url.Values
		says   string
	}{
		"blank":        {422, at(oven, ""), taskForm(oven, "title", " \r\n"), "Title can't be blank"},
		"long":         {422, at(oven, ""), taskForm(oven, "title", strings.Repeat("é", 121)), "Title is too long"},
		"number":       {422, at(oven, ""), taskForm(oven, "priority", "high"), "Priority is invalid"},
		"range":        {422, at(oven, ""), taskForm(oven, "priority", "9"), "Priority goes from 0 to 5"},
		"choice":       {422, at(oven, ""), taskForm(oven, "status", "odd"), "Status is none of the four"},
		"date":         {422, at(oven, ""), taskForm(oven, "due_on", "soon"), "Due is invalid"},
		"year":         {422, at(oven, ""), taskForm(oven, "due_on", "9999-01-01"), "Due is between 2000 and 2100"},
		"person":       {422, at(oven, ""), taskForm(oven, "assignee_id", "77"), "Assigned to is nobody we know"},
		"reason":       {422, at(oven, ""), taskForm(oven, "reason", strings.Repeat("x", 501)), "The reason is too long."},
		"new":          {422, "/tasks", url.Values{"title": {""}, "description": {"kept"}}, "Title can't be blank"},
		"no version":   {400, at(oven, ""), url.Values{"title": {"x"}}, "The number of a version is missing."},
		"false":        {404, at(oven, ""), taskForm(oven, "version", "99"), "There is no such version."},
		"another's":    {404, nobody, taskForm(oven), "There is no such version."},
		"no id":        {400, "/tasks/abc", taskForm(oven), "An id looks like"},
		"why":          {422, at(oven, "/delete"), url.Values{"version": {"4"}, "reason": {" "}}, "Say why"},
		"gone":         {410, at(flyer, ""), taskForm(flyer, "version", "1", "title", "Flyers!"), "You were editing version 1"},
		"gone twice":   {410, at(flyer, "/delete"), url.Values{"version": {"1"}, "reason": {"x"}}, "deleted by Chen"},
		"no restoring": {404, at(flyer, "/undelete"), taskForm(flyer, "version", "99"), "There is no such version."},
		"nobody":       {404, nobody + "/undelete", url.Values{}, "there never was"},
		"past":         {405, "/at/2026-11-01T00:00:00Z" + at(oven, ""), taskForm(oven, "title", "x"), "The past cannot be changed"},
		"not a person": {400, "/person", url.Values{"person": {"9"}}, "There is nobody of that id."},
		"large":        {413, at(oven, ""), taskForm(oven, "description", strings.Repeat("x", 1<<20)), "That is too much"},
	} {
		got := c.post(x.status, x.path, x.form)
		if !strings.Contains(got.words("body"), x.says) {
			t.Errorf("%s: %q is not in\n%s", name, x.says, got.words("main"))
		}
		if x.status == 422 && x.form.Has("description") && got.words("textarea") == "" {
			t.Errorf("%s: the input is lost", name)
		}
	}
	if a.fingerprint() != before {
		t.Error("something was changed")
	}
}

// TestWritesOverHTTP: what forms do, and what they say of who and why.
func TestWritesOverHTTP(t *testing.T) {
	t.Parallel()
	a := start(t)
	c := a.client()
	c.post(303, "/person", url.Values{"person": {"2"}, "back": {"//evil.example"}})
	made := c.post(303, "/tasks", url.Values{"title": {"New"}, "description": {"a\r\nb"}, "status": {"pending"}, "priority": {"1"}, "reason": {"Because"}})
	task := a.task("New")
	if want := at(task, "?did=created"); made.Header.Get("Location") != want || task.Description != "a\nb" || task.DueOn != nil || task.AssigneeID != nil {
		t.Errorf("%s, %+v", made.Header.Get("Location"), task)
	}
	c.get(200, at(task, "?did=created")).says(t, "Created.", "created by Boris", "Because")
	c.post(303, at(task, ""), taskForm(task, "description", "a\r\nb")) // as browsers send it
	if now := a.now(task); now.Version != 1 {
		t.Errorf("an edit that changes nothing made version %d", now.Version)
	}
	c.post(303, at(task, ""), taskForm(task, "title", "Newer", "reason", "Better"))
	c.post(303, at(task, ""), taskForm(a.now(task), "priority", "5", "due_on", "2026-12-24", "assignee_id", "3"))
	c.post(303, at(task, "/restore"), url.Values{"version": {"1"}, "seen": {"3"}})
	now := a.now(task)
	if now.Version != 4 || now.Title != "New" || now.Priority != 1 || now.DueOn != nil {
		t.Errorf("restored: %+v", now)
	}
	c.post(409, at(task, "/restore"), url.Values{"version": {"2"}, "seen": {"3"}}).says(t, "Somebody else saved first")
	c.post(409, at(task, "/delete"), url.Values{"version": {"3"}, "reason": {"x"}}).says(t, "It was changed meanwhile")
	c.post(303, at(task, "/delete"), url.Values{"version": {"4"}, "reason": {"Done with"}})
	c.post(303, at(task, "/restore"), url.Values{"version": {"2"}, "seen": {"5"}}) // out of the deleted ones
	if now = a.now(task); now.DeletedAt != nil || now.Title != "Newer" {
		t.Errorf("restored from the deleted ones: %+v", now)
	}
	c.post(303, at(task, "/undelete"), url.Values{}) // somebody did it already
	history := c.get(200, at(task, "/history"))
	history.says(t, "Done with", "Back to version 1", "Better")
	for change, err := range tasks.Changes(t.Context(), a.pool, yore.ChangesOptions{Matching: yore.Row{"entity_id": task.EntityID}}) {
		if err != nil || change.Actor == nil || *change.Actor != "Boris" {
			t.Errorf("version %d: %v, %v", change.Version, change.Actor, err)
		}
	}
}

// TestNothingIsLost: of two who edit at once neither loses, whatever the other does.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	a := start(t)
	c := a.client()
	task := a.task("Bake a test day")
	mine := taskForm(task, "title", "Bake two test days", "priority", "1")

	a.change("Boris", "Colder", task, func(t *Task) { t.Description, t.Priority = "Colder", 4 })
	conflict := c.post(409, at(task, ""), mine)
	conflict.says(t, "You began with version 3. Meanwhile it is version 4", "updated by Boris", "Colder", "only you changed it", "only Boris changed it", "both changed it")
	if v := attr(conflict.nodes("[name=version]")[0], "value"); v != "4" {
		t.Errorf("the conflict's form carries version %s", v)
	}
	checked := map[string]string{}
	for _, n := range conflict.nodes("[type=radio]") {
		if slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "checked" }) {
			checked[attr(n, "name")] = attr(n, "value")
		}
	}
	if fmt.Sprint(checked) != "map[description:Colder title:Bake two test days]" {
		t.Errorf("chosen already: %v", checked)
	}
	if now := a.now(task); now.Version != 4 {
		t.Errorf("something was saved: %+v", now)
	}
	mine = taskForm(a.now(task), "title", "Bake two test days", "priority", "1")
	c.post(303, at(task, ""), mine)
	if now := a.now(task); now.Version != 5 || now.Description != "Colder" || now.Title != "Bake two test days" || now.Priority != 1 {
		t.Errorf("merged: %+v", now)
	}

	// Changed, and then deleted, while somebody edits version 5.
	seen := a.now(task)
	a.change("Boris", "", task, func(t *Task) { t.Title = "Bake" })
	a.remove("Boris", "Enough", task)
	gone := c.post(410, at(task, ""), taskForm(seen, "description", "Hotter"))
	gone.says(t, "deleted by Boris", "You were editing version 5")
	if gone.words("textarea") != "Hotter" {
		t.Errorf("typed: %q", gone.words("textarea"))
	}
	c.post(409, at(task, "/undelete"), taskForm(seen, "description", "Hotter")).says(t, "Somebody else saved first", "Bake")
	if now := a.now(task); now.DeletedAt != nil || now.Title != "Bake" {
		t.Errorf("restored: %+v", now)
	}

	// Deleted and brought back, and not right: the form again, as ever.
	seen = a.now(task)
	a.remove("Boris", "Oops", task)
	c.post(422, at(task, "/undelete"), taskForm(seen, "status", "odd", "description", "Warm")).says(t, "Status is none of the four")

	// Deleted and brought back: nothing of the data changed, so it is simply saved.
	seen = a.now(task)
	a.remove("Boris", "Oops", task)
	c.post(303, at(task, "/undelete"), taskForm(seen, "description", "Hottest"))
	if now := a.now(task); now.Description != "Hottest" || now.Title != "Bake" {
		t.Errorf("restored and saved: %+v", now)
	}
}

// TestEveryMoment: every page shows what there was, as yore's own handles say.
func TestEveryMoment(t *testing.T) {
	t.Parallel()
	a := start(t)
	c := a.client()
	moments, err := yore.Timeline(t.Context(), a.pool, yore.TimelineOptions{}, both...)
	if err != nil || len(moments) < 50 {
		t.Fatal(len(moments), err)
	}
	path := "/"
	for i, m := range moments {
		then, err := tasks.AsOf(m).OrderBy("title").All(t.Context(), a.pool)
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for _, task := range then {
			want = append(want, task.Title)
			c.get(200, "/at/"+stamp(m)+at(task, ""))
		}
		for _, n := range c.get(200, "/at/"+stamp(m)+"/tasks?sort=title").nodes("[scope=row]") {
			got = append(got, words(n))
		}
		if !slices.Equal(got, want) {
			t.Errorf("as of %s: %q, want %q", m, got, want)
		}
		if i%10 == 0 {
			for _, page := range []string{"/", "/overview", "/notes", "/changes", "/tasks/deleted", "/notes/deleted"} {
				c.get(200, "/at/"+stamp(m)+page).says(t, "As of "+m.Format("2 Jan 2006, 15:04")+" UTC")
			}
			if list := c.get(200, "/at/"+stamp(m)+"/changes").nodes("time"); len(list) > 1 && attr(list[1], "datetime") > stamp(m) {
				t.Errorf("as of %s a change is shown of %s", m, attr(list[1], "datetime"))
			}
		}
		// A step leads from each moment to the next, and back.
		if to := c.get(303, "/at?"+url.Values{"t": {stamp(m)}, "step": {"on"}, "path": {path}}.Encode()).Header.Get("Location"); i+1 < len(moments) && to != "/at/"+stamp(moments[i+1])+path || i+1 == len(moments) && to != path {
			t.Errorf("on from %s to %s", m, to)
		}
		if to := c.get(303, "/at?"+url.Values{"t": {stamp(m)}, "step": {"back"}, "path": {path}}.Encode()).Header.Get("Location"); to != "/at/"+stamp(moments[max(i-1, 0)])+path {
			t.Errorf("back from %s to %s", m, to)
		}
	}
	sign := a.task("Order the sign")
	versions, err := tasks.History(sign.EntityID).All(t.Context(), a.pool)
	if err != nil {
		t.Fatal(err)
	}
	early := "/at/" + stamp(versions[0].ValidFrom.Add(-time.Microsecond)) + at(sign, "")
	c.get(404, early).says(t, "At that moment this did not exist.")
	c.get(404, early+"/history").says(t, "At that moment this did not exist.")
	c.get(410, "/at/"+stamp(versions[1].ValidFrom)+at(sign, "")).says(t, "deleted by Chen", "Too dear")
	c.get(404, "/at/"+stamp(versions[2].ValidFrom)+at(sign, "/compare?from=1&to=4")).says(t, "There is no such version.")
	for _, path := range []string{"//evil.example", `/\evil.example`, "/\t/evil.example", "/\n/evil.example", "https://evil.example", ""} {
		c.get(400, "/at?"+url.Values{"t": {"2026-11-01"}, "path": {path}}.Encode())
	}
	c.get(400, "/at?t=soon&path=/")
	c.get(400, "/at?step=sideways&path=/")
	if to := c.get(303, "/at?t=4102444800&path=/notes").Header.Get("Location"); to != "/notes" {
		t.Errorf("a moment to come leads to %s", to)
	}
}

// TestPages: the pages of lists and timelines have every row once, now and then.
func TestPages(t *testing.T) {
	t.Parallel()
	a := start(t)
	c := a.client()
	var many []Task
	for i := range 120 {
		many = append(many, Task{Title: fmt.Sprintf("Task %03d", i%40), Status: "pending", Priority: i % 6})
	}
	made, err := tasks.InsertMany(t.Context(), a.pool, many) // at one moment
	if err != nil {
		t.Fatal(err)
	}
	then := made[0].ValidFrom
	if _, err := a.pool.Exec(t.Context(), "DELETE FROM tasks WHERE title LIKE 'Task %' AND priority = 3"); err != nil {
		t.Fatal(err)
	}
	count := func(q yore.Query[Task]) int {
		n, err := q.Count(t.Context(), a.pool)
		if err != nil {
			t.Fatal(err)
		}
		return int(n)
	}
	walk := func(path string) (pages int, ids []string) {
		for path != "" {
			page := c.get(200, path)
			pages++
			for _, n := range append(page.nodes("tr"), page.nodes("li")...) {
				if id := attr(n, "id"); id != "" {
					ids = append(ids, id)
				}
			}
			path = ""
			for _, n := range page.nodes("[rel=next]") {
				path = attr(n, "href")
			}
		}
		return pages, ids
	}
	for _, by := range []string{"changed", "priority", "due", "title"} {
		for prefix, want := range map[string]int{"": count(tasks.Current()), "/at/" + stamp(then): count(tasks.AsOf(then))} {
			pages, ids := walk(prefix + "/tasks?sort=" + by)
			slices.Sort(ids)
			if len(slices.Compact(slices.Clone(ids))) != want || len(ids) != want || pages != (want+pageSize-1)/pageSize {
				t.Errorf("%s by %s: %d rows on %d pages, want %d", prefix, by, len(ids), pages, want)
			}
		}
	}
	_, ids := walk("/changes")
	if n := len(slices.Compact(slices.Sorted(slices.Values(ids)))); n != len(ids) || n < 59+120+20 {
		t.Errorf("%d changes, of them %d different", len(ids), n)
	}
	a.change("Ada", "", made[0], func(t *Task) { t.Title = "Many" })
	for i := range 70 {
		a.change("Ada", "", made[0], func(t *Task) { t.Description = fmt.Sprint(i) })
	}
	if pages, ids := walk(at(made[0], "/history")); pages != 2 || len(ids) != 72 {
		t.Errorf("%d versions on %d pages", len(ids), pages)
	}
}
