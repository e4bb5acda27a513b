package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"yore.example/yore"
)

// A live tells browsers that something has changed, whoever changed it: it asks
// the database what is new, so writes of other programs count too.
type live struct {
	pool *yore.Pool

	mu      sync.Mutex
	waiting map[chan time.Time]bool
}

// run wakes the waiting until the context ends. It asks once for all of them, and
// only up to the time as of which nothing can change any more, so that a
// transaction that began early and commits late is not missed.
func (l *live) run(ctx context.Context) {
	var since time.Time
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(400 * time.Millisecond):
		}
		if l.idle() {
			since = time.Time{}
			continue
		}
		stable, err := yore.StableTime(ctx, l.pool)
		for _, e := range yore.EachChange(ctx, l.pool, yore.ChangesOptions{From: since, To: stable, Limit: 1}) {
			if err = e; e == nil {
				l.wake(stable)
			}
		}
		if err != nil && ctx.Err() == nil {
			slog.Warn("live updates", "err", err)
			continue
		}
		since = stable
	}
}

func (l *live) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting) == 0
}

// wake tells all who wait that there is something new up to a time.
func (l *live) wake(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.waiting {
		select {
		case <-c: // not read yet; what comes now has all of it
		default:
		}
		c <- until
	}
}

func (l *live) listen() (wake chan time.Time, leave func()) {
	wake = make(chan time.Time, 1)
	l.mu.Lock()
	l.waiting[wake] = true
	l.mu.Unlock()
	return wake, func() {
		l.mu.Lock()
		delete(l.waiting, wake)
		l.mu.Unlock()
	}
}

// oneLine keeps a title from ending the line of an event, as a lone CR does too.
var oneLine = strings.NewReplacer("\n", " ", "\r", " ")

// events streams what changes, as server-sent events, from when the page was made
// that listens.
func (s *server) events(w http.ResponseWriter, r *http.Request) {
	since, err := moment(r.Header.Get("Last-Event-ID"))
	if err != nil {
		since, err = moment(r.URL.Query().Get("since"))
	}
	if err != nil {
		http.Error(w, "since has to be a moment", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	if r.Method == http.MethodHead { // there is no end to wait for
		return
	}
	wake, leave := s.live.listen()
	defer leave()
	p := &page{server: s, r: r, db: s.pool}
	for out := http.NewResponseController(w); ; {
		if _, err := fmt.Fprint(w, ":\n\n"); err != nil || out.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(15 * time.Second): // a sign of life
		case until := <-wake:
			events, err := everything(p, yore.ChangesOptions{From: since, To: until, NewestFirst: true, Limit: 20})
			if err != nil {
				slog.Warn("live updates", "err", err)
				return
			}
			since = until
			if len(events) == 0 {
				continue
			}
			var news strings.Builder
			if err := templates["news.html"].ExecuteTemplate(&news, "news.html", events); err != nil {
				slog.Error("live updates", "err", err)
				return
			}
			fmt.Fprintf(w, "event: change\nid: %s\ndata: %s\n\n", stamp(until), oneLine.Replace(news.String()))
		}
	}
}
