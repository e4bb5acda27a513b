package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"yore.example/yore/yoretest"
)

// nasty is what forms and addresses have that nobody expects.
var nasty = []string{"", " ", "0", "1", "2", "-1", "9223372036854775807", "9223372036854775808", "1e9", "NaN", "null", "\x00", "a\x00b", "\xff\xfe",
	"'", "\"", "\\", "' OR 1=1 --", "'; DROP TABLE tasks; --", "$1", "%s%n", "%", "%00", "../../etc/passwd", "<script>", "{{.}}", "🦆", "é\u0301", "\u202e", "\u2028",
	"2026-11-01", "0000-01-01", "10000-01-01", "-infinity", "infinity", "2026-02-30", "2026-11-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z",
	"0000-00-00T00:00:00Z", "2026-11-01T25:00:00Z", "2026-11-01T00:00:00+23:59", "18446744073709551616", "018f3c2e-7d4a-7c31-9b1a-5f2e8c0d6a47", "00000000-0000-0000-0000-000000000000",
	"any", "pending", "odd", "priority", "changed", "back", "on", "&", "!", "a:*", "a & b", "()", "''", ":*", "<->", strings.Repeat("x", 5000), strings.Repeat("🦆", 3000), "\r\n", "a\r\nb"}

var names = []string{"q", "status", "priority", "assignee_id", "category", "sort", "after", "title", "description", "content", "due_on", "version", "seen", "reason",
	"from", "to", "before", "skip", "t", "step", "path", "person", "back", "did", "since", "entity_id", "valid_from", "deleted_at", "[]", "a[b]", "\x00"}

// TestFuzz: whatever is asked, nothing breaks: no answer is a 500, what the history
// had it still has, and it is without a gap.
func TestFuzz(t *testing.T) {
	t.Parallel()
	a := start(t)
	seed := rand.Uint64()
	if s := os.Getenv("YORE_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("YORE_SEED=%d", seed)
	if _, err := a.pool.Exec(t.Context(), "INSERT INTO tasks (title, status, priority) SELECT 'Task ' || n, 'pending', n % 6 FROM generate_series(1, 40) AS n"); err != nil {
		t.Fatal(err)
	}
	before := yoretest.History(t, a.pool, "tasks")
	var ids []string
	for _, title := range []string{"Choose the oven", "Order the sign", "Hand out flyers at the market", "Build the counter"} {
		ids = append(ids, a.task(title).EntityID.String())
	}
	var pages []string // real ones, to be mangled
	for _, by := range []string{"changed", "priority", "due", "title"} {
		for _, n := range a.client().get(200, "/tasks?sort="+by).nodes("[rel=next]") {
			next, err := url.Parse(attr(n, "href"))
			if err != nil {
				t.Fatal(err)
			}
			pages = append(pages, next.Query().Get("after"))
		}
	}
	if len(pages) != 4 {
		t.Fatalf("%d lists have a second page", len(pages))
	}

	const workers, requests = 4, 10_000
	var wg sync.WaitGroup
	seen := [workers]map[int]int{}
	for w := range workers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(w)))
			c := a.client()
			seen[w] = map[int]int{}
			for range requests / workers {
				req := random(r, a.URL, ids, pages)
				resp, err := c.http.Do(req)
				if err != nil {
					t.Errorf("%s %q: %v", req.Method, req.URL, err)
					continue
				}
				text, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				seen[w][resp.StatusCode]++
				if err != nil || !utf8.Valid(text) || resp.StatusCode >= 500 || resp.Header.Get("Content-Security-Policy") == "" {
					t.Errorf("%s %q: %s", req.Method, req.URL, resp.Status)
				}
			}
		})
	}
	wg.Wait()
	statuses := map[int]int{}
	for _, s := range seen {
		for status, n := range s {
			statuses[status] += n
		}
	}
	t.Logf("answers by status: %v", statuses)
	for _, status := range []int{200, 303, 400, 404, 409, 410, 422} { // else nothing was tried
		if statuses[status] == 0 {
			t.Errorf("no answer was a %d", status)
		}
	}
	after := strings.Split(yoretest.History(t, a.pool, "tasks"), "\n")
	for line := range strings.Lines(before) {
		line = strings.TrimSpace(line)
		if closed := strings.Contains(line, ",)"); !closed && line != "" && !slices.ContainsFunc(after, func(l string) bool { return sameVersion(l, line) }) {
			t.Errorf("the history lacks %s", line)
		}
	}
	yoretest.Verify(t, a.pool)
	a.client().get(200, "/")
}

// sameVersion compares lines of yoretest.History but for the entity's name, which
// counts those that there are.
func sameVersion(a, b string) bool {
	_, a, _ = strings.Cut(a, " ")
	_, b, _ = strings.Cut(b, " ")
	return a == b
}

// random makes a request: of a real route mostly, with values of any kind.
func random(r *rand.Rand, base string, ids, pages []string) *http.Request {
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	value := func() string {
		switch r.IntN(6) {
		case 0:
			return pick(ids)
		case 1:
			return strconv.Itoa(r.IntN(8))
		case 2:
			return pick([]string{"pending", "in_progress", "completed", "idea", "decision", "title", "changed", "A title", "2026-12-01"})
		}
		return pick(nasty)
	}
	id := pick(ids)
	if r.IntN(8) == 0 {
		id = url.PathEscape(pick(nasty))
	}
	path := pick([]string{"/", "/changes", "/at", "/person", "/static/app.css", "/" + url.PathEscape(pick(nasty)), "/tasks", "/tasks/new", "/tasks/deleted", "/notes", "/notes/deleted",
		"/tasks/" + id, "/tasks/" + id, "/tasks/" + id + "/edit", "/tasks/" + id + "/delete", "/tasks/" + id + "/history", "/tasks/" + id + "/compare", "/tasks/" + id + "/restore", "/tasks/" + id + "/undelete", "/notes/" + id + "/history"})
	if r.IntN(4) == 0 {
		when := fmt.Sprintf("2026-%02d-%02dT%02d:00:00Z", 1+r.IntN(12), 1+r.IntN(28), r.IntN(24))
		if r.IntN(4) == 0 {
			when = url.PathEscape(pick(nasty))
		}
		path = "/at/" + when + path
	}
	values := url.Values{}
	if r.IntN(3) > 0 { // a whole form, of which some is wrong
		for name, list := range map[string][]string{"title": {"Fuzz"}, "description": {"d"}, "status": {"pending"}, "priority": {"3"}, "category": {"idea"},
			"version": {strconv.Itoa(1 + r.IntN(6))}, "seen": {strconv.Itoa(1 + r.IntN(6))}, "from": {"1"}, "to": {"2"}, "path": {"/tasks"}} {
			values[name] = list
		}
	}
	for range r.IntN(4) {
		values.Add(pick(names), value())
	}
	if r.IntN(8) == 0 { // a page that nobody made
		after := pick(pages)
		if text, err := base64.RawURLEncoding.DecodeString(after); err == nil && r.IntN(2) == 0 { // one that can be read
			after = base64.RawURLEncoding.EncodeToString([]byte(word.ReplaceAllStringFunc(string(text), func(w string) string {
				if r.IntN(12) == 0 {
					return pick([]string{"null", "0", "x", "2026", "\"", "[", "\\u0000"})
				}
				return w
			})))
		}
		values.Set("after", after)
		path = "/tasks"
	}
	method := pick([]string{"GET", "GET", "GET", "POST", "POST", "HEAD", "PUT", "DELETE"})
	var body *strings.Reader
	if method == "POST" {
		body = strings.NewReader(values.Encode())
		if r.IntN(20) == 0 {
			body = strings.NewReader(pick(nasty))
		}
	} else {
		path += "?" + values.Encode()
		if r.IntN(20) == 0 {
			path += "&" + url.PathEscape(pick(nasty))
		}
		body = strings.NewReader("")
	}
	req, err := http.NewRequest(method, base+path, body)
	if err != nil { // an address that no client can send
		req, _ = http.NewRequest("GET", base+"/", nil)
	}
	if method == "POST" {
		req.Header.Set("Content-Type", pick([]string{"application/x-www-form-urlencoded", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}))
	}
	if r.IntN(3) == 0 {
		req.Header.Set("Cookie", "person="+url.QueryEscape(value()))
	}
	return req
}
