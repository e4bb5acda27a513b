package yore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// Every function of the package works in all five query exec modes of pgx, and
// through database/sql.
func TestEveryFunctionInEveryMode(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		for _, wrapped := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/wrapped=%t", mode, wrapped), func(t *testing.T) {
				t.Parallel()
				dsn := pgtest.DSN(t)
				var db yore.DB = connect(t, dsn, mode)
				if wrapped {
					db = yore.Wrap(openSQL(t, dsn, mode))
				}
				everyFunction(t, db)
			})
		}
	}
}

func everyFunction(t *testing.T, db yore.DB) {
	ctx := context.Background()
	ok := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	is := func(query string, want ...string) {
		t.Helper()
		rows, err := db.Query(ctx, query)
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		defer rows.Close()
		var got []string
		for rows.Next() {
			var s *string
			if err := rows.Scan(&s); err != nil {
				t.Fatal(err)
			}
			got = append(got, *s)
		}
		if !slices.Equal(got, want) || rows.Err() != nil {
			t.Errorf("%s: %q, not %q (%v)", query, got, want, rows.Err())
		}
	}
	pgtest.Exec(t, db, "DROP SCHEMA yore CASCADE")
	if err := yore.Track(ctx, db, "a", yore.TrackOptions{}); !errors.Is(err, yore.ErrNotInstalled) {
		t.Errorf("Track without yore: %v", err)
	}
	ok("Install", yore.Install(ctx, db))
	pgtest.Exec(t, db, `CREATE TABLE "it's ""a""" (id int NOT NULL UNIQUE, x int, y int, z text)`, `INSERT INTO "it's ""a""" VALUES (1, 1, 1, 'z')`)
	name := `"it's ""a"""`
	yes, no := true, false
	since := time.Date(2020, 2, 29, 13, 14, 15, 123456789, time.FixedZone("", -3600))
	ok("Track", yore.Track(ctx, db, name, yore.TrackOptions{
		Journal: []string{"x", "y"}, Squash: &no, Since: since, OnTruncate: "archive", Key: []string{"id"}, Prefix: "sys_", PastName: "past, of 'a'",
	}))
	is("SELECT concat_ws(' ', key_columns, journal, no_journal, full_journal, squash, on_truncate, in_place, prefix, past_name) FROM yore.tracked",
		`{id} {x,y} f f archive f sys_ past, of 'a'`)
	at, err := yore.TrackedSince(ctx, db, name)
	if want := since.UTC().Truncate(time.Microsecond); err != nil || !at.Equal(want) {
		t.Errorf("TrackedSince: %v, not %v (%v)", at, want, err)
	}
	if err := yore.Track(ctx, db, name, yore.TrackOptions{}); !errors.Is(err, yore.ErrTracked) {
		t.Errorf("Track again: %v", err)
	}
	ok("Track with options", yore.Track(ctx, db, name, yore.TrackOptions{Journal: []string{}, FullJournal: &yes, Squash: &yes, OnTruncate: "refuse"}))
	is("SELECT concat_ws(' ', coalesce(journal::text, '-'), full_journal, squash, on_truncate) FROM yore.tracked", "- t t refuse")
	pgtest.Exec(t, db, `UPDATE "it's ""a""" SET z = 'zz'`, `ALTER TABLE temporal."it's ""a""" ADD COLUMN w int`)
	_, err = db.Exec(ctx, `UPDATE "it's ""a""" SET x = 2`)
	if err := yore.Explain(err); !errors.Is(err, yore.ErrNeedsSync) {
		t.Errorf("altered by hand: %v", err)
	}
	ok("Sync", yore.Sync(ctx, db, name))
	pgtest.Exec(t, db, `UPDATE "it's ""a""" SET w = 2`)
	is(`SELECT concat(sys_version, z, w) FROM history."it's ""a""" ORDER BY sys_version`, "1z", "2zz", "3zz2")
	ok("AlterTable", yore.AlterTable(ctx, db, name, "ADD v int, ALTER w TYPE bigint", yore.AlterOptions{InBatches: true}))
	ok("ConvertPast", yore.ConvertPast(ctx, db, name, nil))
	ok("AlterTable", yore.AlterTable(ctx, db, name, "DROP v", yore.AlterOptions{DropPast: true}))
	ok("RenameTable", yore.RenameTable(ctx, db, name, "b"))
	is("SELECT concat(sys_version, z, w) FROM history.b ORDER BY sys_version", "1z", "2zz", "3zz2")
	ok("RenameTable back", yore.RenameTable(ctx, db, "b", `it's "a"`))
	stable, err := yore.StableTime(ctx, db)
	if err != nil || time.Since(stable) > time.Minute || stable.Location() != time.UTC {
		t.Errorf("StableTime: %v, %v", stable, err)
	}
	ok("Untrack", yore.Untrack(ctx, db, name, yore.DropHistory))
	if err := yore.Untrack(ctx, db, name, yore.KeepHistory); !errors.Is(err, yore.ErrNotTracked) {
		t.Errorf("Untrack again: %v", err)
	}
	is(`SELECT z FROM "it's ""a"""`, "zz")
	ok("Track in place, forever", yore.Track(ctx, db, name, yore.TrackOptions{Key: []string{"id"}, InPlace: true, SinceForever: true, NoJournal: []string{"x"}}))
	if at, err := yore.TrackedSince(ctx, db, name); err != nil || !at.IsZero() {
		t.Errorf("TrackedSince: %v, %v", at, err)
	}
	is("SELECT concat_ws(' ', no_journal, in_place, since) FROM yore.tracked", "{x} t -infinity")
	ok("Untrack", yore.Untrack(ctx, db, name, yore.KeepHistory))
	ok("Install again", yore.Install(ctx, db))
}

// In a transaction of the caller's, nothing is committed by yore.
func TestTrackInTransaction(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := pgtest.Pool(t)
	tx, err := db.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, tx, "CREATE TABLE a (id int PRIMARY KEY)")
	if err := yore.Track(ctx, tx, "a", yore.TrackOptions{}); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, tx, "INSERT INTO a VALUES (1)", "UPDATE a SET id = 2")
	if err := yore.Sync(ctx, tx, "a"); err != nil {
		t.Fatal(err)
	}
	if err := yore.Untrack(ctx, tx, "a", yore.DropHistory); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	if got := pgtest.Rows(t, db, "SELECT count(*) FROM pg_class WHERE relname ~ '^a(_past)?$'"); got[0] != "0" {
		t.Errorf("%s relations were left", got[0])
	}
}
