package main

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore/yoretest"
)

// fill makes 50,000 tasks of 10 versions each, which came in random order, 5,000 of
// them deleted, and 5,000 notes.
const fill = `
INSERT INTO tasks (title, description, status, priority, due_on, assignee_id)
SELECT (ARRAY['Write','Review','Plan','Order','Call','Ship','Paint'])[1 + i % 7] || ' the ' || (ARRAY['north','south','east','west','upper','lower'])[1 + i % 6] || ' ' || (ARRAY['wall','door','shelf','report','menu'])[1 + i % 5] || ' ' || substr(md5(i::text), 1, 6),
       'Longer words about it, as people write them: ' || md5(i::text || 'x') || repeat(' and so on', 5),
       (ARRAY['pending','in_progress','completed','completed','completed','cancelled'])[1 + i % 6], i % 6, date '2026-11-01' + i % 400, nullif(i % 4, 0)
  FROM generate_series(1, 50000) AS i;
INSERT INTO notes (title, content, category)
SELECT 'Note ' || i || ' ' || substr(md5(i::text), 1, 6), repeat('text ', 20), (ARRAY['idea','meeting','decision','reference'])[1 + i % 4] FROM generate_series(1, 5000) AS i;
CREATE TEMPORARY TABLE turn AS SELECT entity_id, row_number() OVER (ORDER BY random()) AS n FROM tasks, generate_series(1, 9);
CREATE INDEX ON turn (n);
ANALYZE turn`

const turn = `UPDATE tasks SET priority = (priority + 1) % 6, description = description || '.',
       status = (ARRAY['pending','in_progress','completed','completed','completed','cancelled'])[1 + (priority + $1) % 6]
 WHERE entity_id IN (SELECT entity_id FROM turn WHERE n BETWEEN $1 * 1000 + 1 AND $1 * 1000 + 1000)`

// TestScale prints what pages take in a large database, in the server: medians of 12
// requests. It runs where YORE_SCALE is 1, for some minutes.
func TestScale(t *testing.T) {
	if os.Getenv("YORE_SCALE") != "1" {
		t.Skip("YORE_SCALE is not 1")
	}
	ctx := t.Context()
	dsn := yoretest.DSN(t)
	pool, err := open(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := conn.Exec(ctx, sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(fill)
	began := time.Now()
	for i := range 450 {
		exec(turn, i)
	}
	ended := time.Now()
	for range 5 {
		exec("DELETE FROM tasks WHERE entity_id IN (SELECT entity_id FROM tasks ORDER BY md5(title) LIMIT 1000)")
	}
	exec("VACUUM ANALYZE")
	handler, err := newServer(ctx, pool)
	if err != nil {
		t.Fatal(err)
	}
	var oven, fresh Task
	if oven, err = tasks.Where("title = $1", "Choose the oven").One(ctx, pool); err == nil {
		fresh, err = tasks.Current().OrderBy("valid_from DESC").Limit(1).One(ctx, pool)
	}
	if err != nil {
		t.Fatal(err)
	}

	pages := []string{"/", "/overview", "/changes", "/notes", "/tasks/deleted", at(fresh, ""), at(fresh, "/history"), at(fresh, "/compare?from=1&to=5"), at(oven, "/edit"),
		"/tasks", "/tasks?sort=priority", "/tasks?sort=due", "/tasks?sort=title",
		"/tasks?q=paint", "/tasks?q=paint+wall", "/tasks?q=p", "/tasks?q=oven", "/tasks?q=nowhere", "/tasks?q=" + fresh.Title[strings.LastIndex(fresh.Title, " ")+1:], "/tasks?q=paint&sort=title&status=cancelled",
		"/tasks?status=pending", "/tasks?status=cancelled&sort=due", "/tasks?assignee_id=2&priority=5&sort=title", "/tasks?assignee_id=&sort=due", "/tasks?status=pending&priority=3&assignee_id=1&sort=priority"}
	for _, by := range []string{"changed", "priority", "due", "title"} { // the 40th page
		q := tasks.Current().OrderBy(taskKind.Orders[slices.IndexFunc(taskKind.Orders, func(o order) bool { return o.Name == by })].by)
		next := ""
		for range 39 {
			p, err := q.Page(ctx, pool, pageSize, next)
			if err != nil {
				t.Fatal(err)
			}
			next = p.Next
		}
		pages = append(pages, "/tasks?sort="+by+"&after="+next)
	}
	for _, share := range []float64{.01, .25, .5, .75, .99, 1} {
		prefix := ""
		if share < 1 {
			m := began.Add(time.Duration(share * float64(ended.Sub(began))))
			prefix = "/at/" + stamp(m)
		}
		for _, page := range pages {
			if prefix != "" && (strings.Contains(page, "/edit") || strings.Contains(page, "compare") || strings.Contains(page, "after=")) {
				continue
			}
			var took []time.Duration
			status := 0
			for i := range 14 {
				w := httptest.NewRecorder()
				from := time.Now()
				handler.ServeHTTP(w, httptest.NewRequest("GET", prefix+page, nil))
				if i > 1 {
					took = append(took, time.Since(from))
				}
				status = w.Code
			}
			slices.Sort(took)
			over := ""
			if took[len(took)/2] > 50*time.Millisecond {
				over = " OVER"
			}
			if len(page) > 70 {
				page = page[:70]
			}
			fmt.Printf("%4.0f %% %d %7.1f ms %7.1f ms %s%s\n", 100*share, status, took[len(took)/2].Seconds()*1e3, took[len(took)*95/100].Seconds()*1e3, page, over)
		}
	}
	step := func(way string) {
		from := time.Now()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/at?path=/tasks&step="+way+"&t="+stamp(began.Add(ended.Sub(began)/2)), nil))
		fmt.Printf("step %s: %d %.1f ms\n", way, w.Code, time.Since(from).Seconds()*1e3)
	}
	for range 2 {
		step("back")
		step("on")
	}
}
