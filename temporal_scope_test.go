package yore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

type country struct {
	Code     string `db:"code,key"`
	Currency string
}

var countries = yore.Temporal[country]("countries")

func year(y int) time.Time { return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC) }

// withCountries loads known history: HR dinar 1990, kuna 1994, euro 2023; SI
// tolar 1991, deleted 2007; DE mark, always, euro 2002.
func withCountries(t testing.TB) string {
	t.Helper()
	dsn := pgtest.DSN(t)
	db := pgtest.Connect(t, dsn)
	pgtest.Exec(t, db, "CREATE TABLE countries (code text PRIMARY KEY, currency text NOT NULL)", "INSERT INTO countries VALUES ('DE', 'mark')",
		"SELECT yore.track('countries', since => '-infinity')")
	for _, step := range []struct {
		year int
		sql  string
	}{
		{1990, "INSERT INTO countries VALUES ('HR', 'dinar')"}, {1991, "INSERT INTO countries VALUES ('SI', 'tolar')"},
		{1994, "UPDATE countries SET currency = 'kuna' WHERE code = 'HR'"}, {2002, "UPDATE countries SET currency = 'euro' WHERE code = 'DE'"},
		{2007, "DELETE FROM countries WHERE code = 'SI'"}, {2023, "UPDATE countries SET currency = 'euro' WHERE code = 'HR'"},
	} {
		tx := do(db.Begin(t.Context())).ok(t)
		pgtest.Exec(t, tx, fmt.Sprintf("SELECT yore.at_time('%d-01-01Z')", step.year), step.sql)
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return dsn
}

// The scopes of periods, at their edges, and what IncludeDeleted adds.
func TestPeriodScopes(t *testing.T) {
	t.Parallel()
	dsn := withCountries(t)
	var none time.Time
	µs := time.Microsecond
	handles := everyHandle(t, dsn)
	const dinar, kuna, hrEuro, tolar, mark, deEuro, gone = "HR 1", "HR 2", "HR 3", "SI 1", "DE 1", "DE 2", "SI 2†"
	for what, test := range map[string]struct {
		q    yore.Query[yore.Version[country]]
		want []string
	}{
		"Between, an instant":         {countries.Between(year(1994), year(1994)), []string{mark, kuna, tolar}},
		"Between, its end included":   {countries.Between(year(1993), year(1994)), []string{mark, dinar, kuna, tolar}},
		"FromTo, its end left out":    {countries.FromTo(year(1993), year(1994)), []string{mark, dinar, tolar}},
		"FromTo, a µs later":          {countries.FromTo(year(1993), year(1994).Add(µs)), []string{mark, dinar, kuna, tolar}},
		"FromTo, no length":           {countries.FromTo(year(1994), year(1994)), []string{}},
		"Between, a version's end":    {countries.Between(year(2007), year(2007)), []string{deEuro, kuna}},
		"Between, a µs before":        {countries.Between(year(2007).Add(-µs), year(2007)), []string{deEuro, kuna, tolar}},
		"Between, with the deletion":  {countries.Between(year(2007), year(2007)).IncludeDeleted(), []string{deEuro, kuna, gone}},
		"FromTo, without":             {countries.FromTo(year(2006), year(2007)).IncludeDeleted(), []string{deEuro, kuna, tolar}},
		"Between, open beginning":     {countries.Between(none, year(1990)), []string{mark, dinar}},
		"Between, open end":           {countries.Between(year(2010), none), []string{deEuro, kuna, hrEuro}},
		"Between, open":               {countries.Between(none, none), []string{mark, deEuro, dinar, kuna, hrEuro, tolar}},
		"Between, open, with deleted": {countries.Between(none, none).IncludeDeleted(), []string{mark, deEuro, dinar, kuna, hrEuro, tolar, gone}},
		"ContainedIn":                 {countries.ContainedIn(year(1990), year(2007)), []string{dinar, tolar}},
		"ContainedIn, to the edge":    {countries.ContainedIn(year(1990).Add(µs), year(2007)), []string{tolar}},
		"ContainedIn, before the end": {countries.ContainedIn(year(1990), year(2007).Add(-µs)), []string{dinar}},
		"ContainedIn, open beginning": {countries.ContainedIn(none, year(2002)), []string{mark, dinar}},
		"ContainedIn, open end":       {countries.ContainedIn(year(2002), none), []string{deEuro, hrEuro}},
		"ContainedIn, with deleted":   {countries.ContainedIn(year(2003), year(2007)).IncludeDeleted(), []string{gone}},
		"IncludeDeleted":              {countries.IncludeDeleted(), []string{deEuro, hrEuro, gone}},
		"IncludeDeleted, then":        {yore.Versions(countries.AsOf(year(2010))).IncludeDeleted(), []string{deEuro, kuna, gone}},
		"IncludeDeleted, before":      {yore.Versions(countries.AsOf(year(2006))).IncludeDeleted(), []string{deEuro, kuna, tolar}},
		"Versions of then":            {yore.Versions(countries.AsOf(year(1992))), []string{mark, dinar, tolar}},
		"Versions of now":             {yore.Versions(countries.Current()), []string{deEuro, hrEuro}},
		"History":                     {countries.History("SI"), []string{tolar, gone}},
		"AllVersions":                 {countries.AllVersions(), []string{mark, deEuro, dinar, kuna, hrEuro, tolar, gone}},
		// A filter cannot let in what the scope leaves out.
		"a filter":        {yore.Versions(countries.Where("currency = 'kuna' OR true")), []string{deEuro, hrEuro}},
		"a filter, then":  {yore.Versions(countries.AsOf(year(1992))).Where("true) OR (true"), nil},
		"a filter by key": {countries.History("SI").Where("code = 'HR' OR true"), []string{tolar, gone}},
	} {
		for handle, db := range handles {
			versions, err := test.q.OrderBy("code", "version").All(t.Context(), db)
			if what == "a filter, then" {
				do(versions, err).fails(t, yore.ErrOption)
				continue
			}
			got := valuesOf(do(versions, err).ok(t), func(v yore.Version[country]) string {
				return fmt.Sprintf("%s %d%s", v.Row.Code, v.Number, map[bool]string{true: "†"}[v.Deleted])
			})
			slices.Sort(got)
			slices.Sort(test.want)
			equal(t, what+", "+handle, got, test.want)
			n := do(test.q.Count(t.Context(), db)).ok(t)
			equal(t, what+", rows alone", len(do(yore.Rows(test.q).All(t.Context(), db)).ok(t)), int(n))
		}
	}
	do(countries.Between(year(2000), year(1999)).All(t.Context(), pgtest.Connect(t, dsn))).fails(t, yore.ErrOption)

	// since => '-infinity' and what is current are open: nil.
	v := do(countries.History("DE").All(t.Context(), pgtest.Connect(t, dsn))).ok(t)
	if v[0].From != nil || !v[0].To.Equal(year(2002)) || v[1].To != nil || v[0].To.Location() != time.UTC {
		t.Errorf("%+v", v)
	}
}

// The same scopes of an immutable table, whose rows have their version data.
func TestPeriodScopesOfEntities(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	a1 := do(orgs.Insert(ctx, db, org{Name: "one"})).ok(t)
	a2 := do(orgs.Update(ctx, db, a1, yore.Changes{"name": "two"})).ok(t)
	gone := do(orgs.Delete(ctx, db, a2)).ok(t)
	equal(t, "Between", do(orgs.Between(a2.ValidFrom, time.Now()).All(ctx, db)).ok(t), []org{a2})
	equal(t, "FromTo", do(orgs.FromTo(a1.ValidFrom, a2.ValidFrom).All(ctx, db)).ok(t), []org{a1})
	equal(t, "ContainedIn", do(orgs.ContainedIn(a1.ValidFrom, a2.ValidFrom).All(ctx, db)).ok(t), []org{a1})
	equal(t, "IncludeDeleted", do(orgs.Between(a1.ValidFrom, time.Time{}).IncludeDeleted().All(ctx, db)).ok(t), []org{a1, a2, gone})
	// Versions walk as a temporal table's do.
	v := do(yore.Versions(orgs.History(a1.EntityID)).OrderBy("version DESC").One(ctx, db)).ok(t)
	equal(t, "tombstone", v.Row, gone)
	equal(t, "Prev", do(v.Prev(ctx, db)).ok(t).Row, a2)
	equal(t, "changes", do(do(v.Prev(ctx, db)).ok(t).LastChanges(ctx, db)).ok(t), []yore.ColumnChange{{Column: "name", Old: "one", New: "two"}})
	equal(t, "CurrentVersion", do(v.CurrentVersion(ctx, db)).ok(t), (*yore.Version[org])(nil))
	// Joined by the handle, at the query's instant.
	p := do(projects.Insert(ctx, db, project{Title: "p", OrgEntityID: &a1.EntityID})).ok(t)
	_ = p
	equal(t, "joined", do(projects.Current().Join("o", orgs, "o.entity_id = org_entity_id").Count(ctx, db)).ok(t), int64(0))
}

// Row for T: the same handle, without a struct.
func TestUntyped(t *testing.T) {
	t.Parallel()
	dsn := withCountries(t)
	rows := yore.Temporal[yore.Row]("countries", yore.Key("code"))
	for handle, db := range everyHandle(t, dsn) {
		ctx := t.Context()
		equal(t, handle, do(rows.Current().OrderBy("code").All(ctx, db)).ok(t), []yore.Row{{"code": "DE", "currency": "euro"}, {"code": "HR", "currency": "euro"}})
		equal(t, handle, do(rows.AsOf(year(1992)).Key("HR").One(ctx, db)).ok(t), yore.Row{"code": "HR", "currency": "dinar"})
		v := do(rows.History("HR").All(ctx, db)).ok(t)
		equal(t, handle, numbers(v), []int64{1, 2, 3})
		equal(t, handle, v[1].Row, yore.Row{"code": "HR", "currency": "kuna"})
		equal(t, handle, *v[1].From, year(1994))
		equal(t, handle, do(v[1].LastChanges(ctx, db)).ok(t), []yore.ColumnChange{{Column: "currency", Old: "dinar", New: "kuna"}})
		equal(t, handle, do(v[0].Last(ctx, db)).ok(t).Row["currency"], any("euro"))
		grid := do(countries.History("SI").Records(ctx, db)).ok(t)
		equal(t, handle, grid.Columns, []string{"code", "currency", "version", "valid_from", "valid_to", "deleted_at", "xid"})
		equal(t, handle, len(grid.Rows), 2)
		equal(t, handle, grid.Rows[0][1], any("tolar"))
		equal(t, handle, grid.Rows[1][5].(time.Time), year(2007))
		counted := yore.Select[yore.Row](countries.AllVersions(), "code", "count(*) AS n").GroupBy("code")
		equal(t, handle, len(do(counted.All(ctx, db)).ok(t)), 3)
		p := do(rows.AllVersions().Page(ctx, db, 2, "")).ok(t)
		equal(t, handle, len(do(rows.AllVersions().Page(ctx, db, 99, p.Next)).ok(t).Rows), 5)
	}
	db := pgtest.Connect(t, dsn)
	pgtest.Exec(t, db, "SELECT yore.create_immutable_table('tasks', 'title text', show_row_id => true)", "INSERT INTO tasks (title) VALUES ('a')", "UPDATE tasks SET title = 'b'")
	tasks := yore.Temporal[yore.Row]("tasks", yore.Key("entity_id"))
	row := do(tasks.Current().One(t.Context(), db)).ok(t)
	equal(t, "columns", slices.Sorted(maps.Keys(row)), []string{"deleted_at", "entity_id", "id", "title", "valid_from", "version"})
	equal(t, "history", numbers(do(tasks.History(row["entity_id"]).All(t.Context(), db)).ok(t)), []int64{1, 2})
}

// SELECT * fits a struct, for each face; open ends are nil.
func TestSelectStarIntoStruct(t *testing.T) {
	t.Parallel()
	dsn := withCountries(t)
	type version struct {
		Code, Currency string
		Version        int64
		ValidFrom      *time.Time
		ValidTo        *time.Time
		DeletedAt      *time.Time
		XID            uint64 `db:"xid"`
	}
	for _, mode := range modes {
		db := connect(t, dsn, mode)
		collect := func(sql string, args ...any) []country {
			return do(pgx.CollectRows(do(db.Query(context.Background(), sql, args...)).ok(t), pgx.RowToStructByName[country])).ok(t)
		}
		equal(t, "now", collect("SELECT * FROM countries ORDER BY code"), []country{{"DE", "euro"}, {"HR", "euro"}})
		equal(t, "then", collect("SELECT * FROM asof.countries($1) WHERE code = 'HR'", year(2000)), []country{{"HR", "kuna"}})
		equal(t, "a session's", collect("SELECT * FROM asof.countries ORDER BY code"), []country{{"DE", "euro"}, {"HR", "euro"}})
		rows := do(db.Query(context.Background(), "SELECT * FROM history.countries WHERE code = 'DE' ORDER BY version")).ok(t)
		versions := do(pgx.CollectRows(rows, pgx.RowToStructByName[version])).ok(t)
		if len(versions) != 2 || versions[0].ValidFrom != nil || versions[1].ValidTo != nil || versions[0].DeletedAt != nil || !versions[0].ValidTo.Equal(year(2002)) {
			t.Errorf("%v: %+v", mode, versions)
		}
	}
}

// Check finds what only the database can tell.
func TestCheck(t *testing.T) {
	t.Parallel()
	dsn := withCountries(t)
	db := pgtest.Connect(t, dsn)
	pgtest.Exec(t, db, "CREATE TABLE plain (id int PRIMARY KEY)", "CREATE TABLE own (id int PRIMARY KEY, version int)", "SELECT yore.track('own', prefix => 'sys_')",
		"SELECT yore.create_immutable_table('tasks', 'title text')")
	type task struct {
		yore.Meta
		Title string
	}
	type own struct {
		ID      int
		Version int
	}
	handles := everyHandle(t, dsn)
	for what, check := range map[string]func(context.Context, yore.DB) error{
		"struct": countries.Check, "row": yore.Temporal[yore.Row]("public.countries", yore.Key("code")).Check,
		"prefix": yore.Temporal[own]("own", yore.Prefix("sys_")).Check, "immutable": yore.Immutable[task]("tasks").Check,
	} {
		for handle, db := range handles {
			if err := check(t.Context(), db); err != nil {
				t.Errorf("%s, %s: %v", what, handle, err)
			}
		}
	}
	for what, test := range map[string]struct {
		check func(context.Context, yore.DB) error
		kind  error
	}{
		"key":         {yore.Temporal[struct{ Code string }]("countries").Check, yore.ErrOption},
		"another key": {yore.Temporal[yore.Row]("countries", yore.Key("currency")).Check, yore.ErrOption},
		"column": {yore.Temporal[struct {
			Code string `db:"code,key"`
			Name string
		}]("countries").Check, yore.ErrOption},
		"prefix":      {yore.Temporal[own]("own").Check, yore.ErrOption},
		"not tracked": {yore.Temporal[foo]("plain").Check, yore.ErrNotTracked},
		"no table":    {yore.Temporal[foo]("nonsense").Check, yore.ErrNotTracked},
	} {
		t.Run(what, func(t *testing.T) { do(0, test.check(t.Context(), db)).fails(t, test.kind) })
	}
	// Without Check, the query itself says so.
	do(yore.Temporal[foo]("plain").History(1).All(t.Context(), db)).fails(t, yore.ErrNotTracked)
	do(yore.Temporal[own]("own").History(1).All(t.Context(), db)).fails(t, yore.ErrOption)
	do(yore.Temporal[foo]("countries").History(1).All(t.Context(), db)).fails(t, yore.ErrOption)
	do(countries.History().All(t.Context(), db)).fails(t, yore.ErrOption)
	do(countries.History("HR", 1).All(t.Context(), db)).fails(t, yore.ErrOption)
	do(countries.History(nil).All(t.Context(), db)).fails(t, yore.ErrOption)
	do(countries.Get(t.Context(), db)).fails(t, yore.ErrOption)
}

func TestTemporalPanics(t *testing.T) {
	t.Parallel()
	for what, f := range map[string]func(){
		"no struct": func() { yore.Temporal[int]("countries") }, "no name": func() { yore.Temporal[country]("a b") }, "two dots": func() { yore.Temporal[country]("a.b.c") },
		"untyped immutable": func() { yore.Immutable[yore.Row]("tasks") },
	} {
		t.Run(what, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

// A handle that is joined is read in line, not as a function's result: its rows,
// present and past, are found by their key.
func TestJoinedHandlesAreInlined(t *testing.T) {
	t.Parallel()
	_, dsn, story := withStory(t)
	db := &recorder{DB: connect(t, dsn, pgx.QueryExecModeCacheStatement)}
	for what, q := range map[string]yore.Query[bar]{
		"versions": yore.Rows(bars.History(1).Join("f", foos, "f.id = bars.foo_id")), "then": bars.AsOf(story.At["b1"]).Key(1).Join("f", foos, "f.id = bars.foo_id"),
	} {
		do(q.All(t.Context(), db)).ok(t)
		if plan := db.explained(t); strings.Contains(plan, "Function Scan") || strings.Count(plan, "(id = bars") < 2 {
			t.Errorf("%s:\n%s", what, plan)
		}
	}
}

// Tables of other schemas have their past in schemas of that name.
func TestTemporalInOtherSchemas(t *testing.T) {
	t.Parallel()
	db := pgtest.Pool(t)
	pgtest.Exec(t, db, "CREATE SCHEMA sales", `CREATE TABLE sales."Orders" (id bigint PRIMARY KEY, name text)`, `SELECT yore.track('sales."Orders"')`,
		`INSERT INTO sales."Orders" VALUES (1, 'one')`, `UPDATE sales."Orders" SET name = 'two'`, `DELETE FROM sales."Orders"`)
	orders := yore.Temporal[named](`sales."Orders"`)
	if err := orders.Check(t.Context(), db); err != nil {
		t.Error(err)
	}
	v := do(orders.History(1).All(t.Context(), db)).ok(t)
	equal(t, "versions", versionNames(v, namedName), []string{"one", "two", "two"})
	equal(t, "then", do(orders.AsOf(v[0].AsOf()).All(t.Context(), db)).ok(t), []named{{1, "one"}})
	equal(t, "now", do(orders.Current().All(t.Context(), db)).ok(t), []named{})
	equal(t, "deleted", do(orders.IncludeDeleted().Count(t.Context(), db)).ok(t), int64(1))
}

// A version as JSON: what tools show.
func TestVersionJSON(t *testing.T) {
	t.Parallel()
	dsn := withCountries(t)
	rows := yore.Temporal[yore.Row]("countries", yore.Key("code"))
	v := do(rows.History("DE").All(t.Context(), pgtest.Connect(t, dsn))).ok(t)
	v[0].XID = 1<<63 + 1
	text := string(do(json.Marshal(v[0])).ok(t))
	equal(t, "JSON", text, `{"row":{"code":"DE","currency":"mark"},"version":1,"valid_from":null,"valid_to":"2002-01-01T00:00:00Z","deleted":false,"xid":"9223372036854775809"}`)
}
