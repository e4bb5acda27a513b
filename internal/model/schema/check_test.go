package schema

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"
)

// read gives a query's rows as text, with the names of the columns.
func (m *machine) read(t *rapid.T, s *session, query string) ([]string, [][]value) {
	t.Helper()
	rows, err := s.Query(context.Background(), query, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		t.Fatalf("%s\n%s", query, explain(err))
	}
	defer rows.Close()
	var names []string
	for _, f := range rows.FieldDescriptions() {
		names = append(names, f.Name)
	}
	var got [][]value
	for rows.Next() {
		row := make([]value, len(names))
		for i, raw := range rows.RawValues() {
			row[i] = null
			if raw != nil {
				row[i] = val(string(raw))
			}
		}
		got = append(got, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s\n%s", query, explain(err))
	}
	return names, got
}

// rows are those of a query, their values by the names of the columns.
func (m *machine) rows(t *rapid.T, s *session, query string) (all []map[string]value) {
	t.Helper()
	names, got := m.read(t, s, query)
	for _, fields := range got {
		row := map[string]value{}
		for i, v := range fields {
			row[names[i]] = v
		}
		all = append(all, row)
	}
	return all
}

// texts are the rows of a query, one text each.
func (m *machine) texts(t *rapid.T, s *session, query string) (all []string) {
	t.Helper()
	_, got := m.read(t, s, query)
	for _, fields := range got {
		var texts []string
		for _, v := range fields {
			texts = append(texts, v.String())
		}
		all = append(all, strings.Join(texts, "|"))
	}
	return all
}

// agree fails the test where lines differ.
func agree(t *rapid.T, what string, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	differ := func(of, from []string) string {
		only := slices.DeleteFunc(slices.Clone(of), func(s string) bool { return slices.Contains(from, s) })
		return strings.Join(only, "\n     ")
	}
	if d, e := differ(got, want), differ(want, got); d != "" || e != "" {
		t.Fatalf("%s:\n got %s\nwant %s", what, d, e)
	}
	t.Fatalf("%s, in another order:\n got %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
}

// check compares all that is there with the model.
func (m *machine) check(t *rapid.T) {
	t.Helper()
	s := m.session(t)
	m.checkColumns(t, s)
	m.checkHistory(t, s)
	m.checkAsOf(t, s)
	m.checkPresent(t)
	m.checkViews(t, s)
	m.checkCatalog(t, s)
	m.checkKids(t, s)
	agree(t, "yore.verify", m.texts(t, s, "SELECT concat_ws(' ', table_name, problem, key, version, detail) FROM yore.verify()"), nil)
}

// checkColumns compares names, types and, of the faces, the order.
func (m *machine) checkColumns(t *rapid.T, s *session) {
	t.Helper()
	describe := func(columns []*column) (all []string) {
		for _, c := range columns {
			all = append(all, c.name+" "+shownType(c.typ))
		}
		return all
	}
	listed := func(rel string) []string {
		return m.texts(t, s, fmt.Sprintf(`SELECT a.attname || ' ' || format_type(a.atttypid, a.atttypmod) FROM pg_attribute AS a
			WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attname NOT IN ('sys_version', 'sys_from', 'sys_xid') ORDER BY a.attnum`, literal(rel)))
	}
	want := describe(m.tb.columns)
	if m.kind.immutable {
		want = slices.Insert(want, 1, m.tb.shown("version")+" bigint", m.tb.shown("valid_from")+" timestamp with time zone", m.tb.shown("deleted_at")+" timestamp with time zone")
		want = slices.DeleteFunc(want, func(s string) bool { return s == "sys_version bigint" })
	}
	agree(t, "columns of the face", listed(m.tb.face()), want)
	agree(t, "columns of asof", listed(m.tb.of("asof")), want)
	want = describe(m.tb.inHistory())
	slices.Sort(want)
	own := []string{"version bigint", "valid_from timestamp with time zone", "valid_to timestamp with time zone", "deleted_at timestamp with time zone", "xid xid8"}
	if m.kind.immutable && !slices.ContainsFunc(m.tb.inHistory(), func(c *column) bool { return c.name == m.tb.shown("id") }) {
		own = append(own, "id uuid")
	}
	got := listed(m.tb.of("history"))
	for _, o := range own {
		got = slices.DeleteFunc(got, func(s string) bool { return s == m.tb.shown(o) })
	}
	slices.Sort(got)
	agree(t, "columns of history", got, want)
}

func (m *machine) checkHistory(t *rapid.T, s *session) {
	t.Helper()
	tb := m.tb
	got := m.rows(t, s, fmt.Sprintf("SELECT * FROM %s ORDER BY %s", tb.of("history"), quote(tb.shown("version"))))
	columns := tb.inHistory()
	slices.SortFunc(columns, func(a, b *column) int { return strings.Compare(a.name, b.name) })
	byKey := map[int][]string{}
	for _, row := range got {
		k := tb.keyOf(func(name string) value { return row[name] })
		to := row[tb.shown("valid_to")]
		fields := []string{fmt.Sprintf("v%s [%s, %s) %s", row[tb.shown("version")], row[tb.shown("valid_from")], to, row[tb.shown("deleted_at")])}
		for _, c := range columns {
			fields = append(fields, fmt.Sprintf("%s=%s", c.name, row[c.name]))
		}
		byKey[k] = append(byKey[k], line(k, fields))
	}
	var lines []string
	for k := range keys {
		lines = append(lines, byKey[k]...)
	}
	m.tally.add("version compared", len(lines))
	agree(t, "history", lines, tb.history())
}

// rowLines are rows of a face or of asof, in the order of the keys.
func (m *machine) rowLines(got []map[string]value) []string {
	tb := m.tb
	var lines []string
	for k := range keys {
		for _, row := range got {
			if tb.keyOf(func(name string) value { return row[name] }) != k {
				continue
			}
			var fields []string
			if tb.kind.immutable {
				fields = append(fields, fmt.Sprintf("v%s %s", row[tb.shown("version")], row[tb.shown("valid_from")]))
			}
			for _, c := range tb.columns {
				fields = append(fields, fmt.Sprintf("%s=%s", c.name, row[c.name]))
			}
			lines = append(lines, line(k, fields))
		}
	}
	return lines
}

// checkAsOf asks asof.t(time) at all boundaries, and the session's view at one.
func (m *machine) checkAsOf(t *rapid.T, s *session) {
	t.Helper()
	at := m.tb.boundaries()
	if len(at) == 0 {
		return
	}
	var times []string
	for _, a := range at {
		times = append(times, literal(stamp(a)))
	}
	got := m.rows(t, s, fmt.Sprintf(`SELECT "at", r.* FROM unnest(ARRAY[%s]::timestamptz[]) AS "at", %s("at") AS r`,
		strings.Join(times, ", "), m.tb.of("asof")))
	byTime := map[string][]map[string]value{}
	for _, row := range got {
		byTime[row["at"].text] = append(byTime[row["at"].text], row)
	}
	for _, a := range at {
		agree(t, fmt.Sprintf("asof(%s)", stamp(a)), m.rowLines(byTime[stamp(a)]), m.tb.asOf(a))
	}
	m.tally.add("as-of answer compared", len(at)+1)
	a := choose(t, at, "as of")
	m.exec(t, s, "BEGIN")
	m.exec(t, s, "SET LOCAL search_path = "+quote(m.tb.schema))
	m.exec(t, s, fmt.Sprintf("SELECT yore.as_of(%s)", literal(stamp(a))))
	got = m.rows(t, s, "SELECT * FROM "+quote(m.tb.name))
	agree(t, "session as of "+stamp(a), m.rowLines(got), m.tb.asOf(a))
	m.exec(t, s, "ROLLBACK")
}

func (m *machine) checkPresent(t *rapid.T) {
	t.Helper()
	for _, s := range m.sessions {
		got := m.rows(t, s, "SELECT * FROM "+m.tb.face())
		agree(t, "the present", m.rowLines(got), m.tb.asOf(open-1))
	}
}

func (m *machine) checkViews(t *rapid.T, s *session) {
	t.Helper()
	for _, w := range m.tb.views {
		got := m.texts(t, s, "SELECT * FROM "+w.name)
		slices.Sort(got)
		agree(t, w.name+" over "+w.over, got, m.tb.seen(w))
		agree(t, w.name, m.texts(t, s, fmt.Sprintf("SELECT has_table_privilege('schema_reader', '%s', 'SELECT'), obj_description('%[1]s'::regclass, 'pg_class')", w.name)), []string{"t|mine"})
	}
}

// checkCatalog compares options, owners, grants and indexes.
func (m *machine) checkCatalog(t *rapid.T, s *session) {
	t.Helper()
	tb := m.tb
	list := func(ids []int) string {
		var all []string
		for _, id := range ids {
			all = append(all, tb.column(id).name)
		}
		slices.Sort(all)
		return strings.Join(all, ",")
	}
	var key []string
	for _, c := range tb.keyColumns() {
		key = append(key, c.name)
	}
	slices.Sort(key)
	agree(t, "yore.status", m.texts(t, s, fmt.Sprintf(`
		SELECT state, replace(storage, '"', ''), (SELECT string_agg(k, ',' ORDER BY k COLLATE "C") FROM unnest(key_columns) AS k),
		       (SELECT string_agg(j, ',' ORDER BY j COLLATE "C") FROM jsonb_array_elements_text(options -> 'journal') AS j),
		       (SELECT string_agg(j, ',' ORDER BY j COLLATE "C") FROM jsonb_array_elements_text(options -> 'no_journal') AS j),
		       options ->> 'full_journal', options ->> 'squash', options ->> 'prefix'
		  FROM yore.status() WHERE table_name = (SELECT format('%%I.%%I', %s::text, %s::text))`, literal(tb.schema), literal(tb.name))),
		[]string{strings.Join([]string{"ok", shownName(tb), strings.Join(key, ","), orNull(list(tb.journal)), orNull(list(tb.noJournal)),
			orNull(map[bool]string{true: "true"}[tb.full]), orNull(map[bool]string{true: map[bool]string{true: "true", false: "false"}[tb.squash]}[tb.squash == tb.kind.immutable]), orNull(tb.prefix)}, "|")})
	past := strings.TrimSuffix(tb.of("temporal"), `"`) + `_past"`
	owners := m.texts(t, s, fmt.Sprintf(`SELECT DISTINCT pg_get_userbyid(c.relowner) FROM unnest(ARRAY[%s, %s, %s, %s, %s]::regclass[]) AS r JOIN pg_class AS c ON c.oid = r`,
		literal(tb.face()), literal(tb.storage()), literal(past), literal(tb.of("history")), literal(tb.of("asof"))))
	agree(t, "owners", owners, []string{tb.owner})
	if !tb.kind.inPlace {
		m.checkGrants(t, s)
	}
	for _, x := range tb.indexes {
		var of []string
		for _, id := range x.columns {
			of = append(of, tb.column(id).name)
		}
		for _, rel := range []string{tb.storage(), past} {
			name := x.name
			if rel == past {
				name += "_past"
			}
			got := m.texts(t, s, fmt.Sprintf(`SELECT (SELECT string_agg(a.attname, ',' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = i.indexrelid)
				FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid WHERE i.indrelid = %s::regclass AND c.relname = %s`, literal(rel), literal(name)))
			if rel == past && len(tb.waits) > 0 {
				continue
			}
			if len(got) != 1 {
				t.Fatalf("index %s on %s is not there", name, rel)
			}
			defs := m.texts(t, s, fmt.Sprintf(`SELECT string_agg(a.attname, ',' ORDER BY k.place)
				FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid, unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place), pg_attribute AS a
				WHERE i.indrelid = %s::regclass AND c.relname = %s AND a.attrelid = i.indrelid AND a.attnum = k.attnum`, literal(rel), literal(name)))
			if rel == past { // with the period, if the columns were small when the copy was made
				defs[0] = strings.TrimSuffix(defs[0], ",sys_to,sys_from")
			}
			agree(t, "index "+name, defs, []string{strings.Join(of, ",")})
		}
	}
}

func shownName(tb *table) string {
	return strings.ReplaceAll(tb.storage(), `"`, "")
}

func orNull(s string) string {
	if s == "" {
		return "∅"
	}
	return s
}

func (m *machine) checkGrants(t *rapid.T, s *session) {
	t.Helper()
	tb := m.tb
	var want, names []string
	for _, c := range tb.columns {
		names = append(names, literal(c.name))
		if tb.granted[c.id] {
			want = append(want, c.name)
		}
	}
	agree(t, "grants on columns", m.texts(t, s, fmt.Sprintf(`SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND attname IN (%s)
		AND has_column_privilege('schema_reader', attrelid, attnum, 'SELECT') ORDER BY attnum`, literal(tb.face()), strings.Join(names, ", "))), want)
	agree(t, "grants on history", m.texts(t, s, fmt.Sprintf(`SELECT has_table_privilege('schema_reader', %s, 'SELECT'), has_table_privilege('schema_reader', %s, 'SELECT')`,
		literal(tb.of("history")), literal(tb.of("asof")))), []string{"t|t"})
}

func (m *machine) checkKids(t *rapid.T, s *session) {
	t.Helper()
	if m.tb.kids == nil {
		return
	}
	var want []string
	for id := range len(m.tb.kids) {
		ref := "∅"
		if r := m.tb.kids[id]; r != nil {
			ref = fmt.Sprint(*r)
		}
		want = append(want, fmt.Sprintf("%d|%s", id, ref))
	}
	agree(t, "the table that refers to it", m.texts(t, s, fmt.Sprintf("SELECT id, ref FROM kids%d ORDER BY id", m.tables)), want)
}
