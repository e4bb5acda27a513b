package demo

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/cli/past"
	"yore.example/yore/internal/cli/pg"
	"yore.example/yore/internal/cli/show"
)

// A tour is the demo on a database of its own.
type tour struct {
	conn *pgx.Conn
	out  *show.Screen
	in   *show.Screen // out, indented
	data Data
	now  time.Time
}

// run shows everything, one part after the other.
func (t *tour) run(ctx context.Context) error {
	for _, part := range []func(context.Context) error{t.setUp, t.asOf, t.atOnce, t.oneLife, t.oneYear, t.reused, t.check} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (t *tour) setUp(ctx context.Context) error {
	t.out.Heading("1  Two ordinary tables, tracked")
	t.in.Code(tables + "\n" + tracking)
	if err := create(ctx, t.conn); err != nil {
		return err
	}
	start := time.Now()
	l, err := load(ctx, t.conn, t.data)
	if err != nil {
		return err
	}
	t.now = l.now
	seconds := time.Since(start).Seconds()
	t.out.Printf(`From here on any client writes to them as before, and every change is kept.
We load what happened to some fifty countries since 1970: plain INSERT, UPDATE
and DELETE, each event in a transaction at its own date. The last but one:

`)
	t.in.Code(oneEvent)
	t.out.Good("%d events loaded in %.1f seconds", l.done, seconds)
	if l.later > 0 {
		t.out.Note("note", "%d events are still in the future by this computer's clock", l.later)
	}
	return nil
}

const germanies = `SELECT c.code, c.name, k.name AS currency, c.eu
  FROM countries c JOIN currencies k ON k.code = c.currency
 WHERE c.name LIKE '%German%' ORDER BY c.code`

func (t *tour) asOf(ctx context.Context) error {
	t.out.Heading("2  One query, as of any day")
	t.out.Printf("An ordinary join. Nothing in it says that the tables have a past:\n\n")
	t.in.Code(germanies)
	t.out.Printf("Run inside yore.AsOf (Go), SELECT yore.as_of('…') (SQL) or yore as-of (shell),\nboth tables are as they were:\n")
	for _, day := range []string{"1989-11-09", "1990-10-03", "1999-01-01"} {
		t.out.Printf("\n")
		t.in.Code("$ yore as-of " + day + ` -c "SELECT …"`)
		at, err := time.Parse(time.DateOnly, day)
		if err != nil {
			return err
		}
		err = yore.AsOf(ctx, t.conn, at, func(tx pgx.Tx) error { return t.query(ctx, germanies) })
		if err != nil {
			return err
		}
	}
	return nil
}

const years = `SELECT to_char(day, 'YYYY-MM-DD') AS day, count(*) AS countries,
       count(*) FILTER (WHERE eu) AS "in the EU",
       count(*) FILTER (WHERE currency = 'EUR') AS "using the euro"
  FROM unnest('{1973-01-01, 1990-10-03, 1999-01-01, 2010-01-01, 2023-01-01}'::timestamptz[])
       AS day, asof.countries(day)
 GROUP BY day ORDER BY day`

func (t *tour) atOnce(ctx context.Context) error {
	t.out.Heading("3  Several days in one query")
	t.out.Printf("Every tracked table also has a function of time:\n\n")
	return t.queryShown(ctx, years)
}

func (t *tour) oneLife(ctx context.Context) error {
	t.out.Heading("4  The life of one row")
	t.out.Printf("Croatia has paid in four currencies. Who and why is what each transaction said\nwith yore.set_context:\n\n")
	t.in.Code("$ yore log countries HR")
	return t.log(ctx, "HR")
}

const year = `SELECT to_char(h.valid_from, 'Mon DD') AS day, h.code, h.name,
       CASE WHEN h.deleted_at IS NOT NULL THEN 'gone'
            WHEN h.version = 1 THEN 'new' ELSE 'changed' END AS what, x.reason
  FROM history.countries h LEFT JOIN LATERAL yore.transaction_of(h.xid, h.valid_from) x ON true
 WHERE h.valid_from >= '1993-01-01' AND h.valid_from < '1994-01-01'
 ORDER BY h.valid_from, h.code`

func (t *tour) oneYear(ctx context.Context) error {
	t.out.Heading("5  What happened in 1993?")
	t.out.Printf("history.countries has every version, so this is a query like any other:\n\n")
	return t.queryShown(ctx, year)
}

func (t *tour) reused(ctx context.Context) error {
	t.out.Heading("6  A key that was used twice")
	t.out.Printf(`CS was Czechoslovakia and, ten years later, Serbia and Montenegro. Deleting a
row ends it with a tombstone; versions go on counting when the key comes back:

`)
	t.in.Code("$ yore log countries CS")
	return t.log(ctx, "CS")
}

func (t *tour) check(ctx context.Context) error {
	t.out.Heading("7  Is it all true?")
	t.out.Printf("The same events were replayed without any database. For each date:\n\n")
	t.in.Code(checkQuery)
	agreed, dates, later, err := check(ctx, t.conn, t.data, t.now)
	if err != nil {
		return err
	}
	t.out.Good("%d of %d dates agree with what was expected", agreed, dates)
	if later > 0 {
		t.out.Note("note", "%d more are still in the future by this computer's clock", later)
	}
	problems, err := pg.Query(ctx, t.conn, "SELECT * FROM yore.verify()")
	if err != nil {
		return yore.Explain(err)
	}
	if len(problems.Rows) > 0 {
		t.in.Table(problems)
		return &DifferentError{Lines: []string{"yore verify found problems"}, Dates: agreed}
	}
	t.out.Good("yore verify finds no gap, no overlap and nothing missing in any version")
	return nil
}

func (t *tour) queryShown(ctx context.Context, sql string) error {
	t.in.Code(sql)
	return t.query(ctx, sql)
}

func (t *tour) query(ctx context.Context, sql string) error {
	r, err := pg.Query(ctx, t.conn, strings.TrimSpace(sql))
	if err != nil {
		return yore.Explain(err)
	}
	t.in.Table(r)
	return nil
}

func (t *tour) log(ctx context.Context, code string) error {
	table, err := past.Find(ctx, t.conn, "countries")
	if err != nil {
		return err
	}
	l, err := past.Read(ctx, t.conn, table, []string{code}, 0)
	if err != nil {
		return err
	}
	t.in.Log(l)
	return nil
}
