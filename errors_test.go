package yore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// Every sentinel is reached by what really causes it; beneath it lies the error
// of the database, where it came from there.
func TestErrors(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	exec := func(statement string) func(yore.DB) error {
		return func(db yore.DB) error { _, err := db.Exec(ctx, statement); return yore.Explain(err) }
	}
	track := func(table string, o yore.TrackOptions) func(yore.DB) error {
		return func(db yore.DB) error { return yore.Track(ctx, db, table, o) }
	}
	tests := []struct {
		name  string
		setup []string
		do    func(yore.DB) error
		want  error
		code  string
		says  string
		local bool // made by the package, not by the database
	}{
		{name: "ErrAppendOnly", do: exec("UPDATE temporal.a_past SET v = ''"), setup: []string{"UPDATE a SET v = 'new'"}, want: yore.ErrAppendOnly, code: "YO001", says: "a_past"},
		{name: "ErrTruncate", do: exec("TRUNCATE temporal.a"), want: yore.ErrTruncate, code: "YO002", says: "TRUNCATE"},
		{name: "ErrNotTracked/Unknown", do: track("nothing", yore.TrackOptions{}), want: yore.ErrNotTracked, code: "YO003", says: "nothing"},
		{name: "ErrNotTracked/Untrack", do: func(db yore.DB) error { return yore.Untrack(ctx, db, "plain", yore.KeepHistory) }, want: yore.ErrNotTracked, code: "YO003", says: "plain"},
		{name: "ErrNotTracked/Sync", do: func(db yore.DB) error { return yore.Sync(ctx, db, "plain") }, want: yore.ErrNotTracked, code: "YO003", says: "plain"},
		{name: "ErrNotTracked/TrackedSince", do: func(db yore.DB) error { _, err := yore.TrackedSince(ctx, db, "plain"); return err }, want: yore.ErrNotTracked, code: "YO003", says: "plain"},
		{name: "ErrTracked", do: track("a", yore.TrackOptions{}), want: yore.ErrTracked, code: "YO004", says: "already tracked"},
		{name: "ErrUnsuitable", do: track("plain", yore.TrackOptions{}), want: yore.ErrUnsuitable, code: "YO005", says: "no primary key"},
		{name: "ErrName", setup: []string{"ALTER TABLE plain ADD PRIMARY KEY (id), ADD version int"}, do: track("plain", yore.TrackOptions{}), want: yore.ErrName, code: "YO006", says: "version"},
		{name: "ErrOption", do: track("a", yore.TrackOptions{OnTruncate: "archiv"}), want: yore.ErrOption, code: "YO007", says: "archiv"},
		{name: "ErrOption/History", do: func(db yore.DB) error { return yore.Untrack(ctx, db, "a", "kep") }, want: yore.ErrOption, code: "YO007", says: "kep"},
		{name: "ErrOption/HistoryEmpty", do: func(db yore.DB) error { return yore.Untrack(ctx, db, "a", "") }, want: yore.ErrOption, code: "YO007", says: "keep"},
		{name: "ErrAlter", do: func(db yore.DB) error {
			return yore.AlterTable(ctx, db, "a", "ADD x int; SELECT 1", yore.AlterOptions{})
		}, want: yore.ErrAlter, code: "YO024", says: "semicolon"},
		{name: "ErrNeedsSync", setup: []string{"ALTER TABLE temporal.a ADD x int"}, do: exec("DELETE FROM a"), want: yore.ErrNeedsSync, code: "YO009", says: "has changed"},
		{name: "ErrPresent", do: exec("DO $$ BEGIN PERFORM yore.as_of(now()); PERFORM * FROM public.a; END $$"), want: yore.ErrPresent, code: "YO010", says: "public.a"},
		{name: "ErrTimeOrder", do: exec("DO $$ BEGIN PERFORM yore.at_time('2001-01-01Z'); DELETE FROM a; END $$"), want: yore.ErrTimeOrder, code: "YO011", says: "public.a"},
		{name: "ErrBeforeTracking", do: func(db yore.DB) error {
			return yore.AsOf(ctx, db.(yore.Beginner), time.Unix(0, 0), func(pgx.Tx) error { return nil }, yore.RequireTracked("a"))
		}, want: yore.ErrBeforeTracking, code: "YO014", says: "1970-01-01", local: true},
		{name: "ErrNewer", setup: []string{"UPDATE yore.installation SET version = 99"}, do: func(db yore.DB) error { return yore.Install(ctx, db) }, want: yore.ErrNewer, code: "YO015", says: "99"},
		{name: "ErrTooOld", do: exec("DO $$ BEGIN RAISE EXCEPTION 'yore: PostgreSQL 12 is too old' USING ERRCODE = 'YO016', HINT = 'newer'; END $$"), want: yore.ErrTooOld, code: "YO016", says: "too old"},
		{name: "ErrRestore", setup: []string{"DELETE FROM yore.tracked"}, do: exec("DELETE FROM a"), want: yore.ErrRestore, code: "YO026", says: "yore.tracked"},
		{name: "ErrNotInstalled/Track", setup: []string{"DROP SCHEMA yore CASCADE"}, do: track("plain", yore.TrackOptions{}), want: yore.ErrNotInstalled, code: "YO017", says: "not installed"},
		{name: "ErrNotInstalled/AsOf", setup: []string{"DROP SCHEMA yore CASCADE"}, do: func(db yore.DB) error {
			return yore.AsOf(ctx, db.(yore.Beginner), time.Now(), func(pgx.Tx) error { return nil })
		}, want: yore.ErrNotInstalled, code: "YO017", says: "not installed"},
		{name: "ErrNotInstalled/StableTime", setup: []string{"DROP SCHEMA yore CASCADE"}, do: func(db yore.DB) error { _, err := yore.StableTime(ctx, db); return err }, want: yore.ErrNotInstalled, code: "YO017", says: "not installed"},
		{name: "ErrNotInstalled/Untrack", setup: []string{"DROP SCHEMA yore CASCADE"}, do: func(db yore.DB) error { return yore.Untrack(ctx, db, "a", yore.KeepHistory) }, want: yore.ErrNotInstalled, code: "YO017", says: "not installed"},
		{name: "ErrNotInstalled/Sync", setup: []string{"DROP SCHEMA yore CASCADE"}, do: func(db yore.DB) error { return yore.Sync(ctx, db, "a") }, want: yore.ErrNotInstalled, code: "YO017", says: "not installed"},
		{name: "ErrNotInstalled/Query", setup: []string{"DROP SCHEMA yore CASCADE"}, do: exec("SELECT * FROM yore.tracked"), want: yore.ErrNotInstalled, code: "YO017", says: "not installed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.Pool(t)
			pgtest.Exec(t, db, "CREATE TABLE a (id int PRIMARY KEY, v text)", "INSERT INTO a VALUES (1, 'old')", "SELECT yore.track('a')", "CREATE TABLE plain (id int)")
			pgtest.Exec(t, db, test.setup...)
			check(t, test.do(db), test.want, test.code, test.says, test.local)
		})
	}
}

// What needs another role than the superuser of the tests.
func TestErrorsOfRights(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dsn := pgtest.DSN(t)
	db := pgtest.Connect(t, dsn)
	role := fmt.Sprintf("yore_errors_%d", os.Getpid())
	pgtest.Exec(t, db, "CREATE ROLE "+role+" LOGIN", "CREATE TABLE a (id int PRIMARY KEY)")
	t.Cleanup(func() { pgtest.Exec(t, db, "DROP OWNED BY "+role, "DROP ROLE "+role) })
	tx, err := db.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	pgtest.Exec(t, tx, "SET LOCAL ROLE "+role)
	check(t, yore.Track(ctx, tx, "a", yore.TrackOptions{}), yore.ErrRights, "YO008", "does not own", false)
}

func check(t *testing.T, err, want error, code, says string, local bool) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%v is not %v", err, want)
	}
	var known *yore.Error
	if !errors.As(err, &known) {
		t.Fatalf("%v is no *yore.Error", err)
	}
	if known.Code != code || known.SQLState() != code || !strings.Contains(err.Error(), says) || !strings.HasPrefix(known.Message, "yore: ") {
		t.Errorf("code %s, not %s: %q, which should say %q", known.Code, code, err, says)
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) == local {
		t.Errorf("PgError beneath: %v", pg)
	}
	if pg != nil && code != "YO017" && (pg.Code != code || pg.Hint != known.Hint) {
		t.Errorf("PgError %s %q, Error %s %q", pg.Code, pg.Hint, known.Code, known.Hint)
	}
	if again := yore.Explain(err); again != err { //nolint:errorlint // the very same
		t.Errorf("explained again it is %v", again)
	}
}

func TestExplainLeavesOthers(t *testing.T) {
	t.Parallel()
	if yore.Explain(nil) != nil {
		t.Error("nil became an error")
	}
	for _, err := range []error{errors.New("mine"), context.Canceled, &pgconn.PgError{Code: "23505"}, &pgconn.PgError{Code: "3F000", Message: `schema "your" does not exist`}, &pgconn.PgError{Code: "3F000", Message: `schema "yore_own" does not exist`},
		&pgconn.PgError{Code: "42P01", Message: `relation "public.yore" does not exist`}, &pgconn.PgError{Code: "YO999"}} {
		if got := yore.Explain(err); got != err { //nolint:errorlint // the very same
			t.Errorf("%v became %v", err, got)
		}
	}
	if err := yore.Explain(&pgconn.PgError{Code: "3F000", Message: `Schema »yore« existiert nicht`}); !errors.Is(err, yore.ErrNotInstalled) {
		t.Errorf("got %v", err)
	}
	wrapped := fmt.Errorf("saving: %w", &pgconn.PgError{Code: "YO009", Message: "yore: table a has changed", Hint: "sync"})
	if got := yore.Explain(wrapped); !errors.Is(got, yore.ErrNeedsSync) || !errors.Is(got, wrapped) {
		t.Errorf("wrapped: %v", got)
	}
}

// A driver that is not pgx shares one method with it.
type otherDriver struct{ code string }

func (e otherDriver) Error() string    { return "pq: yore: refused" }
func (e otherDriver) SQLState() string { return e.code }

func TestExplainOtherDrivers(t *testing.T) {
	t.Parallel()
	if err := yore.Explain(otherDriver{"YO001"}); !errors.Is(err, yore.ErrAppendOnly) || !errors.Is(err, otherDriver{"YO001"}) {
		t.Errorf("got %v", err)
	}
	if err := yore.Explain(otherDriver{"23505"}); err != (otherDriver{"23505"}) { //nolint:errorlint // the very same
		t.Errorf("got %v", err)
	}
}
