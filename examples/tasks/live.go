package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"yore.example/yore"
)

// live streams what changes, as server-sent events, from when the page was made
// that listens. It asks the database what is new, so that writes of any program
// count, and only up to the time as of which nothing can change any more, so that
// a transaction that begins early and commits late is not missed. (With more
// listeners than a few, one should ask for all of them.)
func (s *server) live(w http.ResponseWriter, r *http.Request) {
	since, err := moment(r.Header.Get("Last-Event-ID")) // a browser that comes back
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
	p := &page{server: s, r: r, db: s.pool}
	for out := http.NewResponseController(w); ; {
		news, until, err := p.news(since)
		if err != nil {
			if r.Context().Err() == nil {
				slog.Warn("live updates", "err", err)
			}
			return
		}
		since = until
		if _, err := fmt.Fprint(w, news, ":\n\n"); err != nil || out.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(400 * time.Millisecond):
		}
	}
}

// oneLine keeps a title from ending the line of an event, as a lone CR does too.
var oneLine = strings.NewReplacer("\n", " ", "\r", " ")

// news is the event that tells what happened since a time, empty if nothing did.
func (p *page) news(since time.Time) (event string, until time.Time, err error) {
	until, err = yore.StableTime(p.r.Context(), p.db)
	if err != nil || !until.After(since) {
		return "", since, err
	}
	events, err := everything(p, yore.ChangesOptions{From: since, To: until, NewestFirst: true, Limit: 20})
	if err != nil || len(events) == 0 {
		return "", until, err
	}
	var html strings.Builder
	err = templates["news.html"].ExecuteTemplate(&html, "news.html", events)
	return fmt.Sprintf("event: change\nid: %s\ndata: %s\n\n", stamp(until), oneLine.Replace(html.String())), until, err
}
