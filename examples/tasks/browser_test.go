package main

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
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
	srv := httptest.NewUnstartedServer(handler)
	srv.Start()
	t.Cleanup(func() {
		stop()
		srv.CloseClientConnections()
		srv.Close()
		pool.Close()
	})
	return &app{t, srv.URL, pool}
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
}

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
			a.t.Error("the browser's console: ", text)
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
