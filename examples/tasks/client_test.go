package main

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"yore.example/yore"
)

// A client is a browser without a screen: it keeps cookies, and follows nothing.
type client struct {
	*app
	http *http.Client
}

// An answer is what came back, as text and as a document.
type answer struct {
	*http.Response
	Text string
	Doc  *html.Node
}

func (a *app) client() *client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		a.t.Fatal(err)
	}
	return &client{a, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (c *client) send(method, path string, form url.Values, headers ...string) answer {
	c.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.URL+path, body)
	if err != nil {
		c.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return c.receive(req)
}

func (c *client) receive(req *http.Request) answer {
	c.t.Helper()
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	doc, err := html.Parse(strings.NewReader(string(text)))
	if err != nil {
		c.t.Fatal(err)
	}
	return answer{resp, string(text), doc}
}

// get reads a page, which has to have a status.
func (c *client) get(status int, path string) answer {
	c.t.Helper()
	return c.want(status, c.send("GET", path, nil))
}

// post sends a form, whose answer has to have a status.
func (c *client) post(status int, path string, form url.Values) answer {
	c.t.Helper()
	return c.want(status, c.send("POST", path, form))
}

func (c *client) want(status int, a answer) answer {
	c.t.Helper()
	if a.StatusCode != status {
		c.t.Fatalf("%s %s: %d %q, want %d", a.Request.Method, a.Request.URL, a.StatusCode, a.words("main"), status)
	}
	return a
}

// nodes are the elements of a name, or with an attribute: "h1", "[name=version]".
func (a answer) nodes(selector string) (found []*html.Node) {
	key, value, isAttr := strings.Cut(strings.Trim(selector, "[]"), "=")
	for n := range a.Doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if !isAttr && n.Data == selector || isAttr && attr(n, key) == value {
			found = append(found, n)
		}
	}
	return found
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// words is the text of the first element that a selector finds, with single spaces.
func (a answer) words(selector string) string {
	for _, n := range a.nodes(selector) {
		return words(n)
	}
	return ""
}

func words(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// says fails the test if an answer lacks a text.
func (a answer) says(t *testing.T, texts ...string) {
	t.Helper()
	all := a.words("body")
	for _, text := range texts {
		if !strings.Contains(all, text) {
			t.Errorf("%s %s does not say %q:\n%s", a.Request.Method, a.Request.URL, text, all)
		}
	}
}

// form is the form of a task as the edit page sends it.
func taskForm(task Task, changes ...string) url.Values {
	form := url.Values{"version": {strconv.FormatInt(task.Version, 10)}}
	for _, f := range taskKind.fields {
		form.Set(f.Column, f.value(task))
	}
	for i := 0; i < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
	}
	return form
}

// task is the last version of the task of a title.
func (a *app) task(title string) Task {
	a.t.Helper()
	task, err := tasks.IncludeDeleted().Where("title = $1", title).One(a.t.Context(), a.pool)
	if err != nil {
		a.t.Fatalf("%s: %v", title, err)
	}
	return task
}

// now is the last version of a record, which may be deleted.
func (a *app) now(task Task) Task {
	a.t.Helper()
	task, err := tasks.IncludeDeleted().Key(task.EntityID).One(a.t.Context(), a.pool)
	if err != nil {
		a.t.Fatal(err)
	}
	return task
}

// change is what somebody else does to a task, by any client.
func (a *app) change(who, why string, task Task, change func(*Task)) Task {
	a.t.Helper()
	ctx := yore.WithReason(yore.WithActor(a.t.Context(), who), why)
	task, err := tasks.UpdateAny(ctx, a.pool, a.now(task), change)
	if err != nil {
		a.t.Fatal(err)
	}
	return task
}

func (a *app) remove(who, why string, task Task) {
	a.t.Helper()
	if _, err := tasks.DeleteAny(yore.WithReason(yore.WithActor(a.t.Context(), who), why), a.pool, task.EntityID); err != nil {
		a.t.Fatal(err)
	}
}

// fingerprint is all of the history, to be compared with another.
func (a *app) fingerprint() (sum string) {
	a.t.Helper()
	err := a.pool.QueryRow(context.WithoutCancel(a.t.Context()), `
		SELECT md5(coalesce(string_agg(v::text, E'\n' ORDER BY v::text), ''))
		  FROM (SELECT t::text FROM history.tasks AS t UNION ALL SELECT n::text FROM history.notes AS n) AS h (v)`).Scan(&sum)
	if err != nil {
		a.t.Fatal(err)
	}
	return sum
}
