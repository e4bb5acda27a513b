package yore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// Tables of every make are read by every reader.
func TestReadersOfEveryTable(t *testing.T) {
	t.Parallel()
	type row struct {
		ID   int `db:"id,key"`
		Note string
	}
	for name, track := range map[string][]string{
		"prefix":    {"CREATE TABLE things (id int PRIMARY KEY, note text, version int DEFAULT 7)", "SELECT yore.track('things', prefix => 'sys_')"},
		"in place":  {"CREATE TABLE things (id int PRIMARY KEY, note text)", "SELECT yore.track('things', in_place => true)"},
		"schema":    {`CREATE SCHEMA "Od'd"`, `CREATE TABLE "Od'd"."my things" (id int PRIMARY KEY, note text)`, `SELECT yore.track('"Od''d"."my things"')`},
		"dropped":   {"CREATE TABLE things (id int PRIMARY KEY, gone int, note text)", "SELECT yore.track('things')", "INSERT INTO things VALUES (9, 1, 'nine')", "DELETE FROM things", "SELECT yore.alter_table('things', 'DROP COLUMN gone')"},
		"generated": {"CREATE TABLE things (id int PRIMARY KEY, note text, \"Gross\" int GENERATED ALWAYS AS (id * 2) STORED)", "SELECT yore.track('things')"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, db := t.Context(), pgtest.Pool(t)
			pgtest.Exec(t, db, track...)
			table, opts := "things", []yore.TableOption{}
			switch name {
			case "prefix":
				opts = append(opts, yore.Prefix("sys_"))
			case "schema":
				table = `"Od'd"."my things"`
			}
			pgtest.Exec(t, db, "INSERT INTO "+table+" (id, note) VALUES (1, 'a'), (2, 'b')", "UPDATE "+table+" SET note = 'c' WHERE id = 1", "DELETE FROM "+table+" WHERE id = 2")
			things, maps := yore.Temporal[row](table, opts...), yore.Temporal[yore.Row](table, append(opts, yore.Key("id"))...)
			if err := things.Check(ctx, db); err != nil {
				t.Fatal(err)
			}
			equal(t, "current", do(things.Current().All(ctx, db)).ok(t), []row{{1, "c"}})
			equal(t, "as of now", do(things.AsOf(time.Now().Add(time.Hour)).All(ctx, db)).ok(t), []row{{1, "c"}})
			history := do(things.History(2).All(ctx, db)).ok(t)
			equal(t, "history", numbers(history), []int64{1, 2})
			equal(t, "back", do(things.AsOf(history[0].AsOf()).Key(2).One(ctx, db)).ok(t), row{2, "b"})
			deleted := do(things.IncludeDeleted().Key(2).One(ctx, db)).ok(t)
			equal(t, "tombstone", deleted.Deleted, true)
			pages := do(things.AllVersions().OrderBy("note DESC").Page(ctx, db, 2, "")).ok(t)
			do(things.AllVersions().OrderBy("note DESC").Page(ctx, db, 2, pages.Next)).ok(t)
			equal(t, "timeline", len(do(things.Timeline(ctx, db, yore.TimelineOptions{}, 1)).ok(t)), 2)
			for _, v := range do(maps.AllVersions().All(ctx, db)).ok(t) {
				if _, ok := v.Row["note"]; !ok || v.Row["sys_version"] != nil || v.Row["valid_from"] != nil {
					t.Errorf("%v", v.Row)
				}
			}
			var kinds []yore.ChangeKind
			for c, err := range things.Changes(ctx, db, yore.ChangesOptions{}) {
				if err != nil {
					t.Fatal(err)
				}
				if id, _ := c.Key["id"].(int64); id < 9 {
					kinds = append(kinds, c.Kind)
				}
			}
			equal(t, "changes", kinds, []yore.ChangeKind{yore.Inserted, yore.Inserted, yore.Updated, yore.Deleted})
			for c, err := range maps.Changes(ctx, db, yore.ChangesOptions{Matching: yore.Row{"id": 1, "note": "c"}}) {
				if err != nil || (*c.New)["note"] != "c" {
					t.Fatal(c, err)
				}
			}
			for d, err := range things.Diff(ctx, db, *history[0].From, time.Time{}, yore.DiffOptions{}) {
				if err != nil {
					t.Fatal(d, err)
				}
			}
			records := do(things.AllVersions().Records(ctx, db)).ok(t)
			if len(records.Rows) < 4 {
				t.Error(records)
			}
		})
	}
}

type tenfold int

func (l *tenfold) Scan(src any) error { *l = tenfold(src.(int64)) * 10; return nil }

type base struct {
	ID   int `db:"id,key"`
	Note *string
}

// Rows of every Go type.
func TestTemporalRowTypes(t *testing.T) {
	t.Parallel()
	ctx, db := t.Context(), pgtest.Pool(t)
	pgtest.Exec(t, db, `CREATE TABLE things (id int PRIMARY KEY, note text, "row" int, l int8, tags text[], doc jsonb)`, "SELECT yore.track('things')",
		`INSERT INTO things VALUES (1, NULL, 5, 4, '{a,NULL}', '{"a": 1}'), (2, 'x', NULL, 3, NULL, NULL)`, "UPDATE things SET note = 'y'")
	type row struct {
		base
		Row  *int
		L    tenfold
		Tags []*string
		Doc  json.RawMessage
	}
	things := yore.Temporal[row]("things")
	all := do(things.AllVersions().All(ctx, db)).ok(t)
	equal(t, "versions", numbers(all), []int64{1, 2, 1, 2})
	if all[0].Row.Note != nil || *all[1].Row.Note != "y" || *all[2].Row.Note != "x" || *all[0].Row.Row != 5 || all[2].Row.Row != nil || all[0].Row.L != 40 || all[2].Row.Tags != nil || *all[0].Row.Tags[0] != "a" || all[0].Row.Tags[1] != nil || all[2].Row.Doc != nil || string(all[1].Row.Doc) != `{"a": 1}` {
		t.Errorf("%+v", all)
	}
	changed := all[1].ChangesFrom(all[0])
	equal(t, "changed", fmt.Sprint(changed), "[{note <nil> y}]")
	equal(t, "key", do(all[1].Prev(ctx, db)).ok(t).Number, int64(1))
	for c, err := range things.Changes(ctx, db, yore.ChangesOptions{}) {
		if err != nil || c.New.L < 30 {
			t.Fatal(c, err)
		}
	}
}

// No connection is kept by what is broken off, cancelled or fails in the middle.
func TestStreamsGiveBack(t *testing.T) {
	t.Parallel()
	dsn := withItems(t)
	ctx := t.Context()
	config := do(pgxpool.ParseConfig(dsn)).ok(t)
	config.MaxConns = 2
	pool := do(pgxpool.NewWithConfig(ctx, config)).ok(t)
	t.Cleanup(pool.Close)
	sqlDB := openSQL(t, dsn, pgx.QueryExecModeCacheStatement)
	sqlDB.SetMaxOpenConns(2)
	for range 5 {
		for _, db := range []yore.DB{pool, yore.Wrap(sqlDB), yore.NewPool(pool)} {
			for range items.AllVersions().Each(ctx, db) {
				break
			}
			for range items.Changes(ctx, db, yore.ChangesOptions{}) {
				break
			}
			for range items.AllVersions().Batches(ctx, db, 3) {
				break
			}
			func() {
				defer func() { _ = recover() }()
				for range items.AllVersions().Each(ctx, db) {
					panic("in the middle")
				}
			}()
			var failed error
			n := 0
			for _, err := range items.AllVersions().Where("1 / (line - 35) < 2").Each(ctx, db) {
				if failed = err; err == nil {
					n++
				}
			}
			if failed == nil {
				t.Error("no error in the middle")
			}
			cancelled, cancel := context.WithCancel(ctx)
			failed = nil
			for _, err := range yore.Temporal[item]("items").AllVersions().Join("o", items, "true").Join("p", items, "true").Each(cancelled, db) {
				cancel()
				failed = err
			}
			cancel()
			if failed == nil {
				t.Error("no error of a context that is cancelled")
			}
		}
	}
	// Both connections are to be had at once.
	for range 2 {
		conn := do(pool.Acquire(ctx)).ok(t)
		defer conn.Release()
	}
	equal(t, "taken of database/sql", sqlDB.Stats().InUse, 0)
	tx := do(sqlDB.BeginTx(ctx, nil)).ok(t)
	for range 3 {
		for range items.AllVersions().Each(ctx, yore.Wrap(tx)) {
			break
		}
	}
	if err := tx.Commit(); err != nil {
		t.Error(err)
	}
}

// One query is the beginning of several, at once.
func TestQueriesAreValues(t *testing.T) {
	t.Parallel()
	ctx, db := t.Context(), pgtest.Connect(t, withItems(t))
	from := items.Current().Where("line > 0").Where("line < 100").Where("true").OrderBy("line")
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			rows, err := from.Where("line = $1", i+1).All(ctx, db)
			if want := map[bool]int{true: 0, false: 1}[(i+1)%10 == 0]; err != nil || len(rows) != want || want == 1 && rows[0].Line != i+1 {
				t.Errorf("%d: %v, %v", i+1, rows, err)
			}
		})
	}
	all.Wait()
}
