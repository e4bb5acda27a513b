package main

import (
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
	live  *live
	Since time.Time // when the first record was made
}

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /static/", cached(http.FileServerFS(static)))
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("GET /{$}", s.page(home))
	mux.HandleFunc("GET /changes", s.page(recent))
	mux.HandleFunc("GET /at", s.page(travel))
	mux.HandleFunc("POST /person", s.page(become))
	routes(s, mux, taskKind)
	routes(s, mux, noteKind)
	mux.HandleFunc("/", s.page(func(*page) error {
		return &failure{http.StatusNotFound, "Not found", "There is no page at this address."}
	}))
	return secure(http.NewCrossOriginProtection().Handler(s.inThePast(mux)))
}

func routes[T any](s *server, mux *http.ServeMux, k *kind[T]) {
	for pattern, answer := range map[string]func(*page) error{
		"GET ":                k.list,
		"GET /deleted":        k.deleted,
		"GET /new":            present(k.new),
		"POST ":               k.create,
		"GET /{id}":           k.current("record.html"),
		"GET /{id}/edit":      present(k.current("form.html")),
		"GET /{id}/fresh":     present(k.fresh),
		"POST /{id}":          k.save,
		"GET /{id}/delete":    present(k.current("delete.html")),
		"POST /{id}/delete":   k.delete,
		"POST /{id}/undelete": k.undelete,
		"GET /{id}/history":   k.history,
		"GET /{id}/compare":   k.compare,
		"POST /{id}/restore":  k.restore,
	} {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" /"+k.Plural+path, s.page(answer))
	}
}

// present answers only in the present.
func present(answer func(*page) error) func(*page) error {
	return func(p *page) error {
		if p.At.IsZero() {
			return answer(p)
		}
		return &failure{http.StatusForbidden, "The past cannot be changed", "Go back to the present; there an old version can be restored."}
	}
}

// secure says what browsers may do with the pages: load nothing from elsewhere,
// run nothing that stands in them, be in nobody's frame.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func cached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=300")
		next.ServeHTTP(w, r)
	})
}

// become says who uses this browser. A real application has a login.
func become(p *page) error {
	person, ok := p.person(p.r.PostForm.Get("person"))
	if !ok {
		return bad("There is nobody of that id.")
	}
	http.SetCookie(p.w, &http.Cookie{Name: "person", Value: strconv.FormatInt(person.ID, 10), Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: 30 * 24 * 3600})
	back := p.r.PostForm.Get("back")
	if !local(back) {
		back = "/"
	}
	return p.redirect(back)
}

// local says whether a path leads to a page of this application. Browsers drop
// tabs and line ends: of "/\t/host" they would make the address of a host.
func local(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && !strings.ContainsAny(path, "\\\t\n")
}
