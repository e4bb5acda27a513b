package yore_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

type item struct {
	Code  string  `db:"code,key"`
	Line  int     `db:"line,key"`
	Group *string `db:"grp"`
	Rank  *int
}

var items = yore.Temporal[item]("items")

// withItems has rows with values that are equal, and NULLs.
func withItems(t testing.TB) string {
	t.Helper()
	dsn := pgtest.DSN(t)
	pgtest.Exec(t, pgtest.Connect(t, dsn),
		"CREATE TABLE items (code text, line int, grp text, rank int, PRIMARY KEY (code, line))", "SELECT yore.track('items')",
		`INSERT INTO items SELECT chr(97 + i % 5), i, CASE i % 4 WHEN 0 THEN NULL ELSE chr(120 - i % 4) END, nullif(i % 7, 3) FROM generate_series(1, 60) AS i`,
		"UPDATE items SET rank = rank + 1 WHERE line % 3 = 0", "DELETE FROM items WHERE line % 10 = 0")
	return dsn
}

// Pages of every size put together are the whole, in its order, whatever that is.
func TestPage(t *testing.T) {
	t.Parallel()
	dsn := withItems(t)
	ctx := t.Context()
	orders := [][]string{
		nil, {"code"}, {"line"}, {"code DESC", "line DESC"}, {"code DESC", "line"}, {"grp"}, {"grp DESC"}, {"grp NULLS FIRST"}, {"grp DESC NULLS LAST", "rank"},
		{"grp", "rank DESC NULLS LAST", "code"}, {"rank", "grp"}, {"rank NULLS FIRST", "grp DESC", "line desc"}, {"lower(grp || code)", "items.line"}, {"rank IS NULL", "rank"},
		{"grp -- a comment"},
	}
	handles := everyHandle(t, dsn)
	db := handles["Pool"]
	for _, order := range orders {
		scopes := map[string]yore.Query[yore.Version[item]]{
			"Current": yore.Versions(items.Current()), "AllVersions": items.AllVersions(), "IncludeDeleted": items.IncludeDeleted(),
			"Where": items.AllVersions().Where("line > $1", 20),
		}
		for scope, q := range scopes {
			if order != nil {
				q = q.OrderBy(order...)
			}
			var whole []yore.Version[item]
			for batch, err := range q.Batches(ctx, db, 1000) {
				if err != nil {
					t.Fatal(err)
				}
				whole = append(whole, batch...)
			}
			if n := do(q.Count(ctx, db)).ok(t); int64(len(whole)) != n || n == 0 {
				t.Fatalf("%v: %d of %d rows", order, len(whole), n)
			}
			for _, size := range []int{1, 3, 7, len(whole) - 1, len(whole), len(whole) + 1} {
				var all []yore.Version[item]
				next := ""
				for pages := 0; pages == 0 || next != ""; pages++ {
					p := do(q.Page(ctx, db, size, next)).ok(t)
					if len(p.Rows) > size || len(p.Rows) < size && p.Next != "" {
						t.Fatalf("%d rows on a page of %d", len(p.Rows), size)
					}
					all, next = append(all, p.Rows...), p.Next
				}
				equal(t, fmt.Sprintf("%s by %v, pages of %d", scope, order, size), all, whole)
			}
		}
		if order == nil {
			continue
		}
		// The order is the server's.
		sorted := do(items.Current().OrderBy(append(slices.Clone(order), "code", "line")...).All(ctx, db)).ok(t)
		for handle, db := range handles {
			first := do(items.Current().OrderBy(order...).Page(ctx, db, 20, "")).ok(t)
			second := do(items.Current().OrderBy(order...).Page(ctx, db, 100, first.Next)).ok(t)
			equal(t, fmt.Sprintf("%s by %v", handle, order), append(first.Rows, second.Rows...), sorted)
		}
	}
}

// Immutable tables have pages as well.
func TestPageOfEntities(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	a := do(orgs.Insert(ctx, db, org{Name: "a"})).ok(t)
	b := do(orgs.Insert(ctx, db, org{Name: "b"})).ok(t)
	a = do(orgs.Update(ctx, db, a, yore.Changes{"name": "c"})).ok(t)
	p := do(orgs.Current().OrderBy("name DESC").Page(ctx, db, 1, "")).ok(t)
	equal(t, "first", p.Rows, []org{a})
	p = do(orgs.Current().OrderBy("name DESC").Page(ctx, db, 1, p.Next)).ok(t)
	equal(t, "second", p, yore.Page[org]{Rows: []org{b}})
	p = do(orgs.AllVersions().OrderBy("name").Page(ctx, db, 2, "")).ok(t)
	equal(t, "versions", do(orgs.AllVersions().OrderBy("name").Page(ctx, db, 2, p.Next)).ok(t).Rows, []org{a})
}

func TestPageRefuses(t *testing.T) {
	t.Parallel()
	dsn := withItems(t)
	ctx, db := t.Context(), pgtest.Connect(t, dsn)
	q := items.Current().OrderBy("rank")
	next := do(q.Page(ctx, db, 5, "")).ok(t).Next
	do(q.Page(ctx, db, 0, "")).fails(t, yore.ErrOption)
	do(q.Limit(3).Page(ctx, db, 5, "")).fails(t, yore.ErrOption)
	do(q.Offset(3).Page(ctx, db, 5, "")).fails(t, yore.ErrOption)
	do(items.Current().OrderBy("rank DESC").Page(ctx, db, 5, next)).fails(t, yore.ErrOption)
	do(items.AllVersions().OrderBy("rank").Page(ctx, db, 5, next)).fails(t, yore.ErrOption)
	for _, forged := range []string{"nonsense", next[:8], next + "x", strings.ToUpper(next), "eyJvIjoiIiwidiI6W119"} {
		do(q.Page(ctx, db, 5, forged)).fails(t, yore.ErrOption)
	}
	// A key has no NULL, whatever a Next says that no page made.
	for _, order := range []string{"code", "grp", "line DESC"} {
		byKey := items.Current().OrderBy(order)
		made := do(base64.RawURLEncoding.DecodeString(do(byKey.Page(ctx, db, 5, "")).ok(t).Next)).ok(t)
		for _, value := range regexp.MustCompile(`"[^"]*"`).FindAllIndex(made[bytes.Index(made, []byte(`"v"`))+3:], -1) {
			at := bytes.Index(made, []byte(`"v"`)) + 3
			null := slices.Concat(made[:at+value[0]], []byte("null"), made[at+value[1]:])
			page := do(byKey.Page(ctx, db, 5, base64.RawURLEncoding.EncodeToString(null)))
			if order == "grp" && value[0] < 3 { // which has NULLs
				page.ok(t)
				continue
			}
			page.fails(t, yore.ErrOption)
		}
	}
	do(yore.Temporal[yore.Row]("items", yore.Key()).Current().Page(ctx, db, 5, "")).fails(t, yore.ErrOption)
	do(yore.Temporal[struct{ Code string }]("items").Current().Page(ctx, db, 5, "")).fails(t, yore.ErrOption)
}

// A recorder is a DB that keeps the last query.
type recorder struct {
	yore.DB
	sql  string
	args []any
}

func (r *recorder) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	r.sql, r.args = sql, args
	return r.DB.Query(ctx, sql, args...)
}

// explained is the plan of the last query, where an index is to be had.
func (r *recorder) explained(t testing.TB) string {
	t.Helper()
	pgtest.Exec(t, r.DB, "SET enable_seqscan = off", "SET enable_bitmapscan = off")
	return strings.Join(pgtest.Rows(t, r.DB, "EXPLAIN "+r.sql, r.args...), "\n")
}

// A page deep down is found by the index that its order has, not read up to.
func TestPageUsesTheIndex(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	db := &recorder{DB: connect(t, dsn, pgx.QueryExecModeCacheStatement)}
	pgtest.Exec(t, db, "CREATE TABLE items (code text, line int, grp text, rank int, PRIMARY KEY (code, line))", "CREATE INDEX ON items (rank, code, line)", "SELECT yore.track('items')",
		"INSERT INTO items SELECT (i % 10)::text, i, NULL, i / 3 FROM generate_series(1, 20000) AS i", "ANALYZE temporal.items")
	for bound, order := range map[string][]string{
		`Index Cond: (ROW(code, line) > ROW('`:      {"code"},
		`Index Cond: (ROW(code, line) < ROW('`:      {"code DESC", "line DESC"},
		`Index Cond: (ROW(rank, code, line) > ROW(`: {"rank"},
		`Index Cond: (rank >= `:                     {"rank", "code DESC", "line"},
	} {
		q := items.Current().OrderBy(order...)
		next := do(q.Page(t.Context(), db, 500, "")).ok(t).Next
		do(q.Page(t.Context(), db, 10, next)).ok(t)
		if plan := db.explained(t); !strings.Contains(plan, bound) {
			t.Errorf("by %v: no %q in\n%s\n%s", order, bound, db.sql, plan)
		}
	}
}
