package main

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"yore.example/yore"
	"yore.example/yore/yoretest"
)

// An app is the application with a database of its own, and a browser to look at
// it.
type app struct {
	t    *testing.T
	URL  string
	pool *yore.Pool
	srv  *httptest.Server
	gate atomic.Pointer[gate]
}

// A gate holds back the answers to a path, once they are made.
type gate struct {
	path          string
	made, release chan struct{}
}

// hold closes a gate before the answers to a path.
func (a *app) hold(path string) *gate {
	g := &gate{path, make(chan struct{}, 100), make(chan struct{})}
	a.gate.Store(g)
	return g
}

// wait waits for an answer that is held back.
func (g *gate) wait(t *testing.T) {
	t.Helper()
	select {
	case <-g.made:
	case <-time.After(20 * time.Second):
		t.Fatalf("in vain waited for a request of %s", g.path)
	}
}

// open lets the answers out that were held back, and all others.
func (g *gate) open(a *app) {
	a.gate.Store(nil)
	close(g.release)
}

func (a *app) gated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g := a.gate.Load()
		if g == nil || g.path != r.URL.RequestURI() {
			next.ServeHTTP(w, r)
			return
		}
		made := httptest.NewRecorder()
		next.ServeHTTP(made, r)
		g.made <- struct{}{}
		select {
		case <-g.release:
		case <-r.Context().Done():
		}
		maps.Copy(w.Header(), made.Header())
		w.WriteHeader(made.Code)
		_, _ = w.Write(made.Body.Bytes())
	})
}

// start starts the application with the seeded story.
func start(t *testing.T) *app {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	pool, err := open(ctx, yoretest.DSN(t))
	if err != nil {
		t.Fatal(err)
	}
	handler, err := newServer(ctx, pool)
	if err != nil {
		t.Fatal(err)
	}
	a := &app{t: t, pool: pool}
	srv := httptest.NewServer(a.gated(handler))
	a.srv, a.URL = srv, srv.URL
	t.Cleanup(func() {
		stop()
		srv.CloseClientConnections()
		srv.Close()
		pool.Close()
	})
	return a
}

// chromium is the browser that all tests share; each has tabs of its own in it.
var chromium = sync.OnceValues(func() (context.Context, error) {
	ran = true
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		return nil, errors.New("no Chromium")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.WindowSize(1200, 1000))
	ctx, _ := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, _ = chromedp.NewContext(ctx)
	return ctx, chromedp.Do(ctx)
})

var ran bool // a test has asked for the browser

func TestMain(m *testing.M) {
	code := m.Run()
	if ran {
		if ctx, err := chromium(); err == nil {
			_ = chromedp.Cancel(ctx)
		}
	}
	os.Exit(code)
}

// A tab is a tab of the browser. A step that fails ends its test.
type tab struct {
	*app
	ctx        context.Context
	complaints []string
	forgiven   []string
}

// forgive has parts of what the console may say without failing the test.
func (b *tab) forgive(texts ...string) { b.forgiven = append(b.forgiven, texts...) }

// tab opens a tab, in a browser context of its own: cookies are nobody else's.
// What its console says of errors fails the test.
func (a *app) tab() *tab {
	a.t.Helper()
	browser, err := chromium()
	if err != nil {
		if os.Getenv("YORE_REQUIRE_CHROMIUM") == "1" {
			a.t.Fatal(err)
		}
		a.t.Skip(err)
	}
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	messages := chromedp.Console(ctx)
	b := &tab{app: a, ctx: ctx}
	b.forgive("htmx:sendAbort", "htmx:afterRequest") // a request that another replaced
	done := make(chan struct{})
	go func() {
		defer close(done)
		for m, err := range messages {
			if err == nil && (m.IsException() || m.Type == "error" && m.Source != "network") { // network: a page that is 404 is an error too
				b.complaints = append(b.complaints, m.String())
			}
		}
	}()
	a.t.Cleanup(func() {
		cancel()
		<-done
		for _, text := range b.complaints {
			if !slices.ContainsFunc(b.forgiven, func(part string) bool { return strings.Contains(text, part) }) {
				a.t.Error("the browser's console: ", text)
			}
		}
	})
	return b
}

// do runs actions one after another, within a minute.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// open goes to a page.
func (b *tab) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.URL+path), chromedp.WaitReady(chromedp.CSS("main")))
}
