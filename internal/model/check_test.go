package model

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"
)

// check compares everything that is committed with the model.
func (m *machine) check(t *rapid.T) {
	t.Helper()
	m.checkHistory(t)
	if d := different(m.present(t, m.watch, m.table.name), m.world.committed.asOf(open-1)); d != "" {
		t.Fatalf("the present: %s", d)
	}
	at := m.world.committed.boundaries()
	m.checkFunction(t, at)
	m.checkSession(t, at)
	m.tally.add("as-of answer compared", 2*len(at))

	rows, _ := m.watch.Query(context.Background(), "SELECT concat_ws(' ', problem, key, version, detail) FROM yore.verify($1)", m.table.name)
	problems, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(problems) > 0 {
		t.Fatalf("yore.verify: %q, %v", problems, err)
	}
}

// checkHistory compares every version, and whether the versions of a
// transaction, and they alone, carry its xid.
func (m *machine) checkHistory(t *rapid.T) {
	t.Helper()
	query := fmt.Sprintf(`
		SELECT %[1]s, a, coalesce(b, ''), updated_at, version, valid_from, coalesce(deleted_at, valid_to), h.xid::text,
		       coalesce((SELECT p.sys_xid_to::text FROM temporal.%[2]s_past AS p WHERE (%[3]s, sys_version) = (%[4]s, h.version)), '')
		  FROM history.%[2]s AS h ORDER BY 1, version`,
		m.table.number(), m.table.name, prefixed("p", m.table), prefixed("h", m.table))
	rows, err := m.watch.Query(context.Background(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	got := map[int][]string{}
	xids, transactions := map[int]string{}, map[string]int{}
	same := func(id int, xid string) {
		if id == 0 && xid == "" {
			return // current: nobody has ended it
		}
		if xids[id] == "" && transactions[xid] == 0 {
			xids[id], transactions[xid] = xid, id
		}
		if xids[id] != xid {
			t.Fatalf("xid %s is that of transaction %d; want %d's", xid, transactions[xid], id)
		}
	}
	for rows.Next() {
		var k int
		var v version
		var from time.Time
		var to *time.Time
		var xid, xidTo string
		if err := rows.Scan(&k, &v.values.a, &v.values.b, &v.values.updated, &v.number, &from, &to, &xid, &xidTo); err != nil {
			t.Fatal(err)
		}
		v.from, v.to = from.UnixMicro(), open
		if to != nil {
			v.to = to.UnixMicro()
		}
		got[k] = append(got[k], v.String())
		if have := m.world.committed[k]; have != nil && v.number <= len(have.versions) {
			want := have.versions[v.number-1]
			same(want.by, xid)
			same(want.endedBy, xidTo)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for k := range keys {
		m.tally.add("version compared", len(got[k]))
		var want []string
		if have := m.world.committed[k]; have != nil {
			for _, v := range have.versions {
				want = append(want, v.String())
			}
		}
		if !slices.Equal(got[k], want) {
			t.Fatalf("history of key %d:\n got %q\nwant %q", k, got[k], want)
		}
	}
}

func prefixed(alias string, tb table) string {
	if tb.composite {
		return alias + ".g, " + alias + ".k"
	}
	if tb.immutable {
		return alias + ".entity_id"
	}
	return alias + ".k"
}

func (v version) String() string {
	end := "…"
	if v.to != open {
		end = time.UnixMicro(v.to).UTC().Format("05.000000")
	}
	s := fmt.Sprintf("%d [%s, %s) %d/%s/%d", v.number, time.UnixMicro(v.from).UTC().Format("05.000000"), end, v.values.a, v.values.b, v.values.updated)
	if v.tombstone() {
		s += " deleted"
	}
	return s
}

// checkFunction asks asof.t(time) at all the times.
func (m *machine) checkFunction(t *rapid.T, at []int64) {
	t.Helper()
	times := make([]time.Time, len(at))
	for i, a := range at {
		times[i] = time.UnixMicro(a)
	}
	rows, err := m.watch.Query(context.Background(), fmt.Sprintf(
		"SELECT at, %s, a, coalesce(b, ''), updated_at FROM unnest($1::timestamptz[]) AS at, asof.%s(at)", m.table.number(), m.table.name), times)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	got := map[int64]map[int]values{}
	for rows.Next() {
		var when time.Time
		var k int
		var v values
		if err := rows.Scan(&when, &k, &v.a, &v.b, &v.updated); err != nil {
			t.Fatal(err)
		}
		a := when.UnixMicro()
		if got[a] == nil {
			got[a] = map[int]values{}
		}
		if _, twice := got[a][k]; twice {
			t.Fatalf("asof.%s(%s) has key %d twice", m.table.name, when.UTC(), k)
		}
		got[a][k] = v
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, a := range at {
		if d := different(got[a], m.world.committed.asOf(a)); d != "" {
			t.Fatalf("asof.%s(%s): %s", m.table.name, time.UnixMicro(a).UTC(), d)
		}
	}
}

// checkSession asks the same of a session that yore.as_of has set back.
func (m *machine) checkSession(t *rapid.T, at []int64) {
	t.Helper()
	ctx := context.Background()
	tx, err := m.watch.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	batch := &pgx.Batch{}
	for _, a := range at {
		batch.Queue("SELECT yore.as_of($1)", time.UnixMicro(a))
		batch.Queue(m.presentQuery(m.table.name)).Query(func(rows pgx.Rows) error {
			if d := different(collect(t, rows), m.world.committed.asOf(a)); d != "" {
				return fmt.Errorf("session as of %s: %s", time.UnixMicro(a).UTC(), d)
			}
			return nil
		})
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) presentQuery(from string) string {
	return fmt.Sprintf("SELECT %s, a, coalesce(b, ''), updated_at FROM %s", m.table.number(), from)
}

// present is the rows of a relation.
func (m *machine) present(t *rapid.T, conn *pgx.Conn, from string) map[int]values {
	t.Helper()
	rows, err := conn.Query(context.Background(), m.presentQuery(from))
	if err != nil {
		t.Fatal(err)
	}
	return collect(t, rows)
}

func collect(t *rapid.T, rows pgx.Rows) map[int]values {
	t.Helper()
	defer rows.Close()
	got := map[int]values{}
	for rows.Next() {
		var k int
		var v values
		if err := rows.Scan(&k, &v.a, &v.b, &v.updated); err != nil {
			t.Fatal(err)
		}
		if _, twice := got[k]; twice {
			t.Fatalf("key %d twice", k)
		}
		got[k] = v
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return got
}

func different(got, want map[int]values) string {
	if maps.Equal(got, want) {
		return ""
	}
	return fmt.Sprintf("got %v, want %v", got, want)
}
