package main

import (
	"context"
	"embed"
	"net/http"
	"strconv"
	"strings"
	"time"

	"yore.example/yore"
)

//go:embed static
var static embed.FS

// A server answers the application's requests.
type server struct {
	pool  *yore.Pool
	Since time.Time // when the first record was made
}

func newServer(ctx context.Context, pool *yore.Pool) (http.Handler, error) {
	s := &server{pool, time.Now()}
	moments, err := yore.Timeline(ctx, pool, yore.TimelineOptions{Limit: 1}, both...)
	if len(moments) > 0 {
		s.Since = moments[0]
	}
	mux := http.NewServeMux()
	mux.Handle("GET /static/", http.FileServerFS(static))
	mux.HandleFunc("GET /events", s.live)
	mux.HandleFunc("GET /{$}", s.page(home))
	mux.HandleFunc("GET /overview", s.page(overview))
	mux.HandleFunc("GET /changes", s.page(recent))
	mux.HandleFunc("GET /at", s.page(travel))
	mux.HandleFunc("POST /person", s.page(become))
	routes(s, mux, taskKind)
	routes(s, mux, noteKind)
	mux.HandleFunc("/", s.page(func(*page) error {
		return &failure{http.StatusNotFound, "Not found", "There is no page at this address."}
	}))
	return secure(http.NewCrossOriginProtection().Handler(inThePast(mux))), err
}

// both are the tables whose changes make the moments to go to.
var both = []yore.TimelineOf{{Table: "tasks"}, {Table: "notes"}}

func routes[T any](s *server, mux *http.ServeMux, k *kind[T]) {
	for pattern, answer := range map[string]func(*page) error{
		"GET ":                k.list,
		"GET /deleted":        k.deleted,
		"GET /new":            present(func(p *page) error { return k.show(p, http.StatusOK, "form.html", k.blank) }),
		"POST ":               k.create,
		"GET /{id}":           k.current("record.html"),
		"GET /{id}/edit":      present(k.current("form.html")),
		"POST /{id}":          k.from(k.save),
		"GET /{id}/delete":    present(k.current("delete.html")),
		"POST /{id}/delete":   k.from(k.delete),
		"POST /{id}/undelete": k.undelete,
		"GET /{id}/history":   k.history,
		"GET /{id}/compare":   k.compare,
		"POST /{id}/restore":  k.from(k.restore),
	} {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" /"+k.Plural+path, s.page(k.orGone(answer)))
	}
}

// present answers only in the present.
func present(answer func(*page) error) func(*page) error {
	return func(p *page) error {
		if p.Past() {
			return &failure{http.StatusForbidden, "The past cannot be changed", "Go back to the present; there an old version can be restored."}
		}
		return answer(p)
	}
}

// secure says what browsers may do with the pages: load nothing from elsewhere,
// run nothing that stands in them, show them in nobody's frame.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{
			"Content-Security-Policy":      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "same-origin",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Cache-Control":                "no-store",
		} {
			w.Header().Set(name, value)
		}
		next.ServeHTTP(w, r)
	})
}

// become says who uses this browser. A real application has a login.
func become(p *page) error {
	person, ok := p.person(p.r.Form.Get("person"))
	if !ok {
		return bad("There is nobody of that id.")
	}
	back := p.r.Form.Get("back")
	if !local(back) {
		back = "/"
	}
	http.SetCookie(p.w, &http.Cookie{Name: "person", Value: strconv.FormatInt(person.ID, 10), Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	return p.redirect(back)
}

// local says whether a path leads to a page of this application. Browsers drop
// tabs and line ends: of "/\t/host" they would make the address of a host.
func local(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && !strings.ContainsAny(path, "\\\t\n")
}
