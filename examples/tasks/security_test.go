package main

import (
	"bufio"
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"yore.example/yore/yoretest"
)

// forms are all that changes something, with a form that would.
func forms(a *app) map[string]url.Values {
	oven, flyer, sign, lease := a.task("Choose the oven"), a.task("Hand out flyers at the market"), a.task("Order the sign"), a.task("Sign the lease for Mill Street 4")
	return map[string]url.Values{
		"/person":              {"person": {"3"}},
		"/tasks":               {"title": {"Forged"}},
		"/notes":               {"title": {"Forged"}},
		at(oven, ""):           taskForm(oven, "title", "Forged"),
		at(sign, "/delete"):    {"version": {"5"}, "reason": {"Forged"}},
		at(lease, "/restore"):  {"version": {"1"}, "seen": {"3"}},
		at(flyer, "/undelete"): {},
	}
}

// TestOtherSites: a form on another site changes nothing here.
func TestOtherSites(t *testing.T) {
	t.Parallel()
	a := start(t)
	c := a.client()
	before := a.fingerprint()
	for path, form := range forms(a) {
		for _, headers := range [][]string{
			{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
			{"Sec-Fetch-Site", "same-site"},
			{"Origin", "https://evil.example"}, // an old browser
		} {
			if got := c.send("POST", path, form, headers...); got.StatusCode != http.StatusForbidden || len(got.Cookies()) > 0 {
				t.Errorf("%s with %q: %d", path, headers, got.StatusCode)
			}
		}
	}
	if a.fingerprint() != before {
		t.Error("something was changed")
	}
	for path, form := range forms(a) { // that they would have, from here
		c.want(http.StatusSeeOther, c.send("POST", path, form, "Sec-Fetch-Site", "same-origin", "Origin", a.URL))
	}
}

// TestHeaders: every answer tells the browser what it may do with it.
func TestHeaders(t *testing.T) {
	t.Parallel()
	a := start(t)
	c := a.client()
	for _, path := range []string{"/", "/tasks", "/nothing", "/tasks/abc", "/at/x/", "/static/app.css", "/static/none.css", "/at?path=/&t=2026-11-01", "/events"} {
		got := c.send("GET", path, nil)
		policy := got.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; script-src 'self'") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") ||
			got.Header.Get("X-Content-Type-Options") != "nosniff" || got.Header.Get("Referrer-Policy") != "same-origin" {
			t.Errorf("%s: %v", path, got.Header)
		}
		for _, n := range got.nodes("script") {
			if attr(n, "src") == "" {
				t.Errorf("%s: a script stands in the page", path)
			}
		}
		if len(got.nodes("style")) > 0 {
			t.Errorf("%s: a style stands in the page", path)
		}
	}
	for _, cookie := range c.post(303, "/person", url.Values{"person": {"3"}}).Cookies() {
		if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode {
			t.Errorf("%v", cookie)
		}
	}
	c.get(200, "/tasks/new").says(t, "You are")
	jar := a.client()
	jar.want(200, jar.send("GET", "/", nil, "Cookie", "person=1 OR 1=1"))
}

const markup = `<script>evil()</script>"'><img src=x onerror=evil()>{{.Now}}</textarea></title>javascript:evil()`

// TestMarkup: text is text, wherever it is shown.
func TestMarkup(t *testing.T) {
	t.Parallel()
	a := start(t)
	c := a.client()
	evil := func(where string, doc *html.Node) {
		t.Helper()
		for n := range doc.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			if n.Data == "script" && attr(n, "src") == "" || n.Data == "img" {
				t.Errorf("%s: an element %s came out of the text", where, n.Data)
			}
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || strings.HasPrefix(strings.TrimSpace(a.Val), "javascript:") && a.Key != "value" {
					t.Errorf("%s: an attribute %s=%q came out of the text", where, a.Key, a.Val)
				}
			}
		}
	}
	all := func(where string, got answer) {
		t.Helper()
		evil(where, got.Doc)
		if !strings.Contains(got.Text, "evil()") {
			t.Errorf("%s does not show it", where)
		}
		if strings.Contains(got.Text, "{{") && !strings.Contains(got.Text, "{{.Now}}") {
			t.Errorf("%s: the text was run as a template", where)
		}
	}
	c.post(303, "/tasks", url.Values{"title": {markup}, "description": {markup}, "status": {"pending"}, "priority": {"0"}, "reason": {markup}})
	task := a.task(markup)
	c.post(303, at(task, ""), taskForm(task, "description", markup+markup, "reason", markup))
	c.post(303, "/notes", url.Values{"title": {markup}, "content": {markup}, "category": {"idea"}, "reason": {markup}})
	now := url.PathEscape(stamp(time.Now()))
	for _, path := range []string{"/", "/tasks?q=evil", "/notes", "/changes", "/tasks?q=" + url.QueryEscape(markup),
		at(task, ""), at(task, "/edit"), at(task, "/history"), at(task, "/compare?from=1&to=2"), at(task, "/delete"), "/at/" + now + at(task, "")} {
		all(path, c.get(200, path))
	}
	all("invalid", c.post(422, at(task, ""), taskForm(task, "priority", markup)))
	all("conflict", c.post(409, at(task, ""), taskForm(task, "description", markup+"mine", "reason", markup)))
	all("address", c.send("GET", "/tasks?sort="+url.QueryEscape(markup), nil))

	// A title with lines cannot make an event of its own.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	since := time.Now()
	req, err := http.NewRequestWithContext(ctx, "GET", a.URL+"/events?since="+stamp(since), nil)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	if _, err := a.pool.Exec(t.Context(), "UPDATE tasks SET title = left(E'x\\n\\nevent: evil\\ndata: evil()\\revent: evil\\r' || title, 120) WHERE entity_id = $1", task.EntityID); err != nil {
		t.Fatal(err)
	}
	before := c.send("HEAD", "/events?since="+stamp(since), nil) // which has an end
	if before.StatusCode != http.StatusOK {
		t.Errorf("HEAD: %s", before.Status)
	}
	for lines := bufio.NewScanner(stream.Body); lines.Scan(); {
		line := lines.Text()
		if strings.Contains(line, "\r") { // which ends a line, too
			t.Errorf("a line within a line: %q", line)
		}
		if strings.HasPrefix(line, "event:") && line != "event: change" {
			t.Errorf("the text made an event: %s", line)
		}
		if data, ok := strings.CutPrefix(line, "data:"); ok {
			doc, err := html.Parse(strings.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			evil("event", doc)
			if !strings.Contains(data, "evil()") {
				t.Errorf("the event does not show it: %s", data)
			}
			break
		}
	}
	c.post(303, at(task, "/delete"), url.Values{"version": {"3"}, "reason": {markup}})
	all("deleted", c.get(200, "/tasks/deleted"))
	all("gone", c.get(410, at(task, "")))
}

// TestForgedFields: what a form says of ids, versions and times gets nowhere.
func TestForgedFields(t *testing.T) {
	t.Parallel()
	a := start(t)
	c := a.client()
	other := a.task("Build the counter")
	forged := func(form url.Values) url.Values {
		for _, name := range []string{"entity_id", "EntityID", "id", "ID", "row_id"} {
			form.Set(name, other.EntityID.String())
		}
		for _, name := range []string{"valid_from", "ValidFrom", "deleted_at", "DeletedAt", "valid_to", "sys_from", "sys_to", "at_time"} {
			form.Set(name, "1999-01-01T00:00:00Z")
		}
		for _, name := range []string{"Version", "sys_version", "xid", "sys_xid", "Meta", "actor"} {
			form.Set(name, "42")
		}
		return form
	}
	began := time.Now().Add(-time.Minute)
	c.post(303, "/tasks", forged(url.Values{"title": {"Mine"}, "status": {"pending"}, "priority": {"0"}}))
	mine := a.task("Mine")
	c.post(303, at(mine, ""), forged(taskForm(mine, "title", "Mine 2")))
	c.post(303, at(mine, "/restore"), forged(url.Values{"version": {"1"}, "seen": {"2"}}))
	c.post(303, at(mine, "/delete"), forged(url.Values{"version": {"3"}, "reason": {"x"}}))
	c.post(303, at(mine, "/undelete"), forged(url.Values{}))
	versions, err := tasks.History(mine.EntityID).OrderBy("version").All(t.Context(), a.pool)
	if err != nil || len(versions) != 5 {
		t.Fatal(len(versions), err)
	}
	for i, v := range versions {
		if v.Version != int64(i+1) || v.ValidFrom.Before(began) || (v.DeletedAt != nil) != (i == 3) {
			t.Errorf("version %d: %+v", i+1, v)
		}
	}
	if now := a.now(other); now != other && (now.Version != other.Version || !now.ValidFrom.Equal(other.ValidFrom)) {
		t.Errorf("another task was changed: %+v", now)
	}
	yoretest.Verify(t, a.pool)
}
