package yore_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

type task struct {
	yore.Meta
	Title string
	Mixed *string `db:"Mixed Case"`
}

// The whole of a handle's life, for tables with names of all sorts.
func TestNames(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	pgtest.Exec(t, db, "CREATE SCHEMA sales", `CREATE SCHEMA "Odd ""Schema"`, "CREATE SCHEMA past")
	for created, written := range map[string][]string{
		"tasks":                         {"tasks", "TASKS", "public.tasks", `"public"."tasks"`},
		"sales.tasks":                   {"sales.tasks", "Sales.Tasks", `sales."tasks"`},
		`"Tasks"`:                       {`"Tasks"`, `public."Tasks"`},
		`"Odd ""Schema"."My.Ta""sks $"`: {`"Odd ""Schema"."My.Ta""sks $"`},
		`"select"`:                      {`"select"`, "select"},
	} {
		if err := yore.CreateImmutable(ctx, db, created, `title text NOT NULL, "Mixed Case" text CHECK ("Mixed Case" <> 'bad')`, yore.TrackOptions{}); err != nil {
			t.Fatal(err)
		}
		for _, name := range written {
			t.Run(name, func(t *testing.T) {
				tasks := yore.Immutable[task](name)
				v1 := do(tasks.Insert(ctx, db, task{Title: "one"})).ok(t)
				v2 := do(tasks.Update(ctx, db, v1, yore.Changes{"Mixed Case": "m"})).ok(t)
				do(tasks.Update(ctx, db, v1, yore.Changes{"Mixed Case": "m"})).fails(t, yore.ErrConflict)
				v3 := do(tasks.Delete(ctx, db, v2)).ok(t)
				do(tasks.Get(ctx, db, v1.EntityID)).fails(t, yore.ErrDeleted)
				v4 := do(tasks.Undelete(ctx, db, v1.EntityID, yore.Changes{"title": "back"})).ok(t)
				v5 := do(tasks.Mutate(ctx, db, v1.EntityID, func(t *task) error { t.Title = "five"; return nil })).ok(t)
				equal(t, "History", do(tasks.History(v1.EntityID).All(ctx, db)).ok(t), []task{v1, v2, v3, v4, v5})
				equal(t, "Get", do(tasks.Get(ctx, db, v1.EntityID)).ok(t), v5)
				equal(t, "AsOf", do(tasks.AsOf(v2.ValidFrom).Where(`"Mixed Case" = $1`, "m").One(ctx, db)).ok(t), v2)
				equal(t, "IncludeDeleted", do(tasks.AsOf(v3.ValidFrom).IncludeDeleted().Where("entity_id = $1", v1.EntityID).One(ctx, db)).ok(t), v3)
				if n := do(tasks.AllVersions().Count(ctx, db)).ok(t); n < 5 {
					t.Error(n)
				}
				equal(t, "Join", do(tasks.Where(`entity_id = $1`, v1.EntityID).Where("true").Count(ctx, db)).ok(t), int64(1))
				do(tasks.Update(ctx, db, v5, yore.Changes{"Mixed Case": "bad"})).fails(t, yore.ErrInvalid)
				back := do(tasks.Upsert(ctx, db, v5, "entity_id")).ok(t)
				equal(t, "Upsert", back, v5)
				do(tasks.DeleteAny(ctx, db, v1.EntityID)).ok(t)
			})
		}
	}
}

// A table tracked with a prefix has its own version and deleted_at beside.
func TestPrefix(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	if err := yore.CreateImmutable(ctx, db, "docs", "version text, valid_from date, id text", yore.TrackOptions{Prefix: "sys_", ShowRowID: new(true)}); err != nil {
		t.Fatal(err)
	}
	type doc struct {
		EntityID  yore.UUID
		N         int32      `db:"sys_version"`
		Since     time.Time  `db:"sys_valid_from"`
		Gone      *time.Time `db:"sys_deleted_at"`
		RowID     yore.UUID  `db:"sys_id"`
		Version   string
		ValidFrom *time.Time
		ID        string `db:"id"`
	}
	docs := yore.Immutable[doc]("docs", yore.Prefix("sys_"))
	v1 := do(docs.Insert(ctx, db, doc{Version: "alpha", ID: "mine", N: 9, RowID: yore.NewUUID()})).ok(t)
	if v1.N != 1 || v1.Version != "alpha" || v1.ID != "mine" || v1.RowID.IsZero() {
		t.Errorf("%+v", v1)
	}
	v2 := do(docs.Update(ctx, db, v1, yore.Changes{"version": "beta", "sys_version": 77, "id": "yours"})).ok(t)
	v3 := do(docs.Delete(ctx, db, v2)).ok(t)
	v4 := do(docs.Undelete(ctx, db, v1.EntityID, yore.Changes{"version": "gamma"})).ok(t)
	if v2.N != 2 || v2.Version != "beta" || v2.ID != "yours" || v3.N != 3 || v3.Gone == nil || v3.RowID == v2.RowID || v4.N != 4 || v4.Version != "gamma" {
		t.Errorf("%+v\n%+v\n%+v", v2, v3, v4)
	}
	equal(t, "History", do(docs.History(v1.EntityID).All(ctx, db)).ok(t), []doc{v1, v2, v3, v4})
	equal(t, "IncludeDeleted", do(docs.AsOf(v3.Since).IncludeDeleted().One(ctx, db)).ok(t), v3)
	// Without the option, it is said what is wrong.
	type bare struct{ yore.Meta }
	do(yore.Immutable[bare]("docs").Insert(ctx, db, bare{})).fails(t, yore.ErrOption)
}

func TestSchemas(t *testing.T) {
	t.Parallel()
	q := yore.Immutable[task]("tasks", yore.Schemas("past", "then"))
	for want, query := range map[string]yore.Query[task]{`"past"."tasks"`: q.AllVersions(), `"then"."tasks"(`: q.AsOf(time.Now())} {
		if sql, _, err := query.SQL(); err != nil || !strings.Contains(sql, want) {
			t.Errorf("%s, %v", sql, err)
		}
	}
	sql, _, _ := yore.Immutable[task]("sales.tasks", yore.Schemas("past", "then")).AllVersions().SQL()
	if !strings.Contains(sql, `"past_sales"."tasks"`) {
		t.Error(sql)
	}
}

// What a program gets wrong at its start is a panic that says what.
func TestImmutablePanics(t *testing.T) {
	t.Parallel()
	type noVersion struct{ EntityID yore.UUID }
	type textID struct {
		EntityID string
		Version  int64
	}
	type textVersion struct {
		EntityID yore.UUID
		Version  string
	}
	type oddDeleted struct {
		EntityID  yore.UUID
		Version   int64
		DeletedAt time.Time
	}
	for want, make := range map[string]func(){
		"no struct":             func() { yore.Immutable[int]("x") },
		"embed yore.Meta":       func() { yore.Immutable[struct{ A int }]("x") },
		"a UUID":                func() { yore.Immutable[textID]("x") },
		"version with an int":   func() { yore.Immutable[noVersion]("x") },
		"with an integer":       func() { yore.Immutable[textVersion]("x") },
		"deleted_at needs":      func() { yore.Immutable[oddDeleted]("x") },
		"sys_version":           func() { yore.Immutable[task]("x", yore.Prefix("sys_")) },
		"double quotes":         func() { yore.Immutable[task]("a b") },
		"is no name of a table": func() { yore.Immutable[task]("a.b.c") },
		"no name of a table":    func() { yore.Immutable[task]("") },
		"is not closed":         func() { yore.Immutable[task](`"a`) },
		"is none of default": func() {
			yore.Immutable[struct {
				yore.Meta
				A int `db:"a,x"`
			}]("x")
		},
	} {
		func() {
			defer func() {
				if said, ok := recover().(string); !ok || !strings.Contains(said, want) || !strings.Contains(said, "yore.Immutable: ") {
					t.Errorf("want %q, got %q", want, said)
				}
			}()
			make()
		}()
	}
}

// A handle on what is no immutable table says so, for every method.
func TestWrongTables(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	pgtest.Exec(t, db, "CREATE TABLE plain (title text, \"Mixed Case\" text)", "CREATE TABLE temporal_one (id int PRIMARY KEY, title text, \"Mixed Case\" text)", "SELECT yore.track('temporal_one')")
	row := task{Title: "x"}
	row.EntityID, row.Version = yore.NewUUID(), 1
	for name, kind := range map[string]error{"missing": yore.ErrNotTracked, "nowhere.missing": yore.ErrNotTracked, "plain": yore.ErrOption, "temporal_one": yore.ErrOption} {
		h := yore.Immutable[task](name)
		for method, err := range map[string]error{
			"Insert": do(h.Insert(ctx, db, row)).err, "Update": do(h.Update(ctx, db, row, yore.Changes{"title": "y"})).err, "Delete": do(h.Delete(ctx, db, row)).err,
			"Undelete": do(h.Undelete(ctx, db, row.EntityID)).err, "Upsert": do(h.Upsert(ctx, db, row, "title")).err, "Get": do(h.Get(ctx, db, row.EntityID)).err,
			"Mutate": do(h.Mutate(ctx, db, row.EntityID, func(*task) error { return nil })).err, "All": do(h.Current().All(ctx, db)).err,
			"InsertMany": do(h.InsertMany(ctx, db, []task{row})).err,
		} {
			var known *yore.Error
			var pg *pgconn.PgError
			if !errors.Is(err, kind) || !errors.As(err, &known) || !strings.Contains(known.Message, name) || known.Hint == "" || !errors.As(err, &pg) {
				t.Errorf("%s of %s: %v", method, name, err)
			}
		}
	}
	for method, err := range map[string]error{"History": do(yore.Immutable[task]("plain").History(row.EntityID).All(ctx, db)).err, "AsOf": do(yore.Immutable[task]("plain").AsOf(time.Now()).All(ctx, db)).err} {
		if !errors.Is(err, yore.ErrNotTracked) {
			t.Errorf("%s of plain: %v", method, err)
		}
	}
	// A database without yore.
	empty := do(pgx.Connect(ctx, pgtest.Server(t).DSN("postgres"))).ok(t)
	defer func() { _ = empty.Close(ctx) }()
	pgtest.Exec(t, empty, "CREATE TEMP TABLE tasks (entity_id uuid, version int, valid_from timestamptz, deleted_at timestamptz, title text, \"Mixed Case\" text)")
	do(yore.Immutable[task]("tasks").Get(ctx, empty, row.EntityID)).fails(t, yore.ErrNotInstalled)
	// A row type with a field that the table does not have.
	type more struct {
		yore.Meta
		Name  string
		Extra int
	}
	var pg *pgconn.PgError
	if err := do(yore.Immutable[more]("orgs").Current().All(ctx, db)).err; !errors.As(err, &pg) || pg.Code != "42703" || !strings.Contains(err.Error(), "extra") {
		t.Errorf("got %v", err)
	}
}

// Changes that are none.
func TestWrongChanges(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	o := do(orgs.Insert(ctx, db, org{Name: "o"})).ok(t)
	var nilRow *org
	var nilFunc func(*org)
	var nilFuncError func(*org) error
	for _, change := range []any{nil, nilRow, nilFunc, nilFuncError, 3, "x", user{}, func(org) {}, func(*user) {}, []yore.Changes{}} {
		do(orgs.Update(ctx, db, o, change)).fails(t, yore.ErrOption)
		do(orgs.UpdateAny(ctx, db, o, change)).fails(t, yore.ErrOption)
	}
	var nilFn func(*org) error
	do(orgs.Mutate(ctx, db, o.EntityID, nilFn)).fails(t, yore.ErrOption)
	equal(t, "no change", do(orgs.Update(ctx, db, o, yore.Changes(nil))).ok(t), o)
	do(orgs.Update(ctx, db, o, yore.Changes{"nonsense": 1, "name": "x"})).refused(t, "nonsense is unknown")
	// Rows tampered with: a version that never was.
	o.Version = 77
	do(orgs.Update(ctx, db, o, yore.Changes{"name": "x"})).fails(t, yore.ErrConflict)
	do(orgs.Delete(ctx, db, o)).fails(t, yore.ErrConflict)
	o.Version = -1
	do(orgs.Update(ctx, db, o, yore.Changes{"name": "x"})).fails(t, yore.ErrConflict)
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := orgs.Insert(canceled, db, o); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
