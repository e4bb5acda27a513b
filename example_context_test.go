package yore_test

import (
	"context"
	stdsql "database/sql"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"yore.example/yore"
	"yore.example/yore/pgdev"
)

// withActor tells everything below who is at work, and why.
func withActor(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := yore.WithActor(r.Context(), r.Header.Get("X-User")) // your own check of who it is
		ctx = yore.WithReason(ctx, r.Method+" "+r.URL.Path)
		ctx = yore.WithMeta(ctx, "request_id", r.Header.Get("X-Request-Id"))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// A web server whose every write says which user made it, and with which
// request. Nothing below the middleware knows of it.
func Example_context() {
	ctx := context.Background()
	server, err := pgdev.Start(ctx, pgdev.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = server.Stop() }()
	plain, err := pgxpool.New(ctx, server.DSN("postgres"))
	if err != nil {
		log.Fatal(err)
	}
	pool := yore.NewPool(plain)
	defer pool.Close()
	if err := yore.Install(ctx, pool); err != nil {
		log.Fatal(err)
	}
	if _, err := pool.Exec(ctx, "CREATE TABLE countries (code text PRIMARY KEY, name text NOT NULL)"); err != nil {
		log.Fatal(err)
	}
	if err := yore.Track(ctx, pool, "countries", yore.TrackOptions{}); err != nil {
		log.Fatal(err)
	}

	mux := http.NewServeMux()
	mux.HandleFunc("PUT /countries/{code}", func(w http.ResponseWriter, r *http.Request) {
		_, err := pool.Exec(r.Context(), "INSERT INTO countries VALUES ($1, $2) ON CONFLICT (code) DO UPDATE SET name = excluded.name",
			r.PathValue("code"), r.FormValue("name"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("DELETE /countries/{code}", func(w http.ResponseWriter, r *http.Request) {
		err := pgx.BeginFunc(r.Context(), pool, func(tx pgx.Tx) error {
			_, err := tx.Exec(r.Context(), "DELETE FROM countries WHERE code = $1", r.PathValue("code"))
			return err
		})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	site := withActor(mux)
	for i, request := range [][3]string{{"ana", "PUT", "/countries/TR?name=Turkey"}, {"bo", "PUT", "/countries/TR?name=Türkiye"}, {"ana", "DELETE", "/countries/TR"}} {
		r := httptest.NewRequest(request[1], request[2], nil)
		r.Header.Set("X-User", request[0])
		r.Header.Set("X-Request-Id", fmt.Sprint(i))
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			log.Fatal(w.Body.String())
		}
	}

	rows, err := pool.Query(ctx, `SELECT h.version, h.name, h.deleted_at IS NOT NULL, t.actor, t.reason, t.meta ->> 'request_id'
		FROM history.countries AS h LEFT JOIN LATERAL yore.transaction_of(h.xid, h.valid_from) AS t ON true ORDER BY h.version`)
	if err != nil {
		log.Fatal(err)
	}
	var version int
	var name, actor, reason, request string
	var deleted bool
	_, err = pgx.ForEachRow(rows, []any{&version, &name, &deleted, &actor, &reason, &request}, func() error {
		fmt.Println(version, name, deleted, "|", actor, "|", reason, "|", request)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// 1 Turkey false | ana | PUT /countries/TR | 0
	// 2 Türkiye false | bo | PUT /countries/TR | 1
	// 3 Türkiye true | ana | DELETE /countries/TR | 2
}

// With database/sql, and so with GORM, bun, ent and sqlx on top of it.
func ExampleNewConnector() {
	ctx := context.Background()
	server, err := pgdev.Start(ctx, pgdev.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = server.Stop() }()
	config, err := pgx.ParseConfig(server.DSN("postgres"))
	if err != nil {
		log.Fatal(err)
	}
	db := stdsql.OpenDB(yore.NewConnector(stdlib.GetConnector(*config)))
	defer func() { _ = db.Close() }()
	if err := yore.Install(ctx, yore.Wrap(db)); err != nil {
		log.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE countries (code text PRIMARY KEY, name text NOT NULL)"); err != nil {
		log.Fatal(err)
	}
	if err := yore.Track(ctx, yore.Wrap(db), "countries", yore.TrackOptions{}); err != nil {
		log.Fatal(err)
	}

	who := yore.WithReason(yore.WithActor(ctx, "ana"), "ticket 4711")
	if _, err := db.ExecContext(who, "INSERT INTO countries VALUES ($1, $2)", "TR", "Türkiye"); err != nil {
		log.Fatal(err)
	}

	var xid uint64
	var from time.Time
	if err := db.QueryRow("SELECT xid::text, valid_from FROM history.countries").Scan(&xid, &from); err != nil {
		log.Fatal(err)
	}
	t, err := yore.TransactionOf(ctx, yore.Wrap(db), xid, from)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*t.Actor, *t.Reason, t.Role)
	// Output:
	// ana ticket 4711 postgres
}
