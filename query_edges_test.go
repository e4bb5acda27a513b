package yore_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

func TestQueryEdges(t *testing.T) {
	t.Parallel()
	ctx, db := t.Context(), pgtest.Connect(t, withItems(t))
	equal(t, "Exists of none", do(items.Current().Limit(0).Exists(ctx, db)).ok(t), false)
	equal(t, "Exists of some", do(items.Current().Limit(2).Exists(ctx, db)).ok(t), true)

	// A half-open period of no length has no moment.
	later := do(items.AllVersions().Where("version > 1").One(ctx, db)).ok(t)
	before := later.From.Add(-time.Microsecond)
	equal(t, "FromTo", do(items.FromTo(before, before.Add(300*time.Nanosecond)).IncludeDeleted().Count(ctx, db)).ok(t), int64(0))
	equal(t, "Between", do(items.Between(before, before).Count(ctx, db)).ok(t), do(items.AsOf(before).Count(ctx, db)).ok(t))

	// A query is a value: what it was made of may change.
	args, key := []any{"a"}, []any{"a", 5}
	where, history := items.Current().Where("code = $1", args...), items.History(key...)
	n, m := do(where.Count(ctx, db)).ok(t), do(history.Count(ctx, db)).ok(t)
	args[0], key[1] = "none", 99
	equal(t, "Where", do(where.Count(ctx, db)).ok(t), n)
	equal(t, "History", do(history.Count(ctx, db)).ok(t), m)

	var none *string
	do(items.History(none, 1).All(ctx, db)).fails(t, yore.ErrOption)
	// Version data that the present does not show is no matter of the prefix alone.
	if err := do(items.Where("version = 1").All(ctx, db)).fails(t, yore.ErrOption); !strings.Contains(err.Error(), "no such version data") {
		t.Error(err)
	}
	// Two columns of a join under one name.
	type named struct{ Code string }
	joined := items.Current().Join("o", items, "o.code <> items.code")
	do(yore.Select[named](joined, "items.code", "o.code").All(ctx, db)).fails(t, yore.ErrOption)
	do(yore.Select[yore.Row](joined, "items.code", "o.code").All(ctx, db)).fails(t, yore.ErrOption)
	// Pages of a join: a row's matches are told apart, or it is an error.
	do(joined.Page(ctx, db, 5, "")).fails(t, yore.ErrOption)
	pages := int64(0)
	for batch, err := range joined.OrderBy("o.code, o.line DESC").Batches(ctx, db, 50) {
		if err != nil {
			t.Fatal(err)
		}
		pages += int64(len(batch))
	}
	equal(t, "rows of all pages", pages, do(joined.Count(ctx, db)).ok(t))
}

// A time is PostgreSQL's, or the error says why not.
func TestTimesFarAway(t *testing.T) {
	t.Parallel()
	ctx, db := t.Context(), pgtest.Connect(t, withItems(t))
	now := do(items.Current().Count(ctx, db)).ok(t)
	day := func(year int, m time.Month, d int) time.Time { return time.Date(year, m, d, 0, 0, 0, 0, time.UTC) }
	for at, want := range map[time.Time]int64{day(-4000, 1, 1): 0, day(0, 2, 29): 0, day(-4, 2, 29): 0, day(9999, 1, 1): now, day(10000, 1, 1): now, day(294276, 12, 31): now} {
		equal(t, at.String(), do(items.AsOf(at).Count(ctx, db)).ok(t), want)
		equal(t, at.String(), do(items.Between(at, at).Count(ctx, db)).ok(t), want)
	}
	equal(t, "a leap day BC", pgtest.Rows(t, db, "SELECT $1::timestamptz AT TIME ZONE 'UTC'", do(argsOf(items.AsOf(day(-4, 2, 29)))).ok(t)[0]), []string{"0005-02-29 00:00:00 BC"})
	for _, at := range []time.Time{day(-5000, 1, 1), day(294277, 1, 2), time.Unix(1<<60, 0)} {
		_, err := items.AsOf(at).All(ctx, db)
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || !strings.Contains(err.Error(), "out of range") {
			t.Errorf("%v: %v", at, err)
		}
	}
}

func argsOf[T any](q yore.Query[T]) ([]any, error) {
	_, args, err := q.SQL()
	return args, err
}

// Who may not read the past is told of the right, and who may not in the words of
// the server.
func TestReadingTakesRights(t *testing.T) {
	t.Parallel()
	dsn := withItems(t)
	ctx, db := t.Context(), connect(t, dsn, pgx.QueryExecModeCacheStatement)
	role := "reader_" + strings.ReplaceAll(yore.NewUUID().String(), "-", "")
	pgtest.Exec(t, db, "CREATE ROLE "+role, "GRANT SELECT ON items TO "+role)
	t.Cleanup(func() {
		clean := connect(t, dsn, pgx.QueryExecModeCacheStatement)
		pgtest.Exec(t, clean, "DROP OWNED BY "+role, "DROP ROLE "+role)
	})
	pgtest.Exec(t, db, "SET ROLE "+role)
	do(items.Current().All(ctx, db)).ok(t)
	for what, read := range map[string]func() error{
		"history":  func() error { _, err := items.AllVersions().Count(ctx, db); return err },
		"asof":     func() error { _, err := items.AsOf(time.Now()).All(ctx, db); return err },
		"timeline": func() error { _, err := items.Timeline(ctx, db, yore.TimelineOptions{}); return err },
		"changes": func() error {
			for _, err := range items.Changes(ctx, db, yore.ChangesOptions{}) {
				return err
			}
			return nil
		},
	} {
		err := read()
		var known *yore.Error
		if !errors.Is(err, yore.ErrRights) || !errors.As(err, &known) || !strings.Contains(known.Hint, "grant_history") || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A reference that equals a key in the database alone is no row less.
func TestRelatedOfTextsThatAreEqual(t *testing.T) {
	t.Parallel()
	ctx, db := t.Context(), pgtest.Pool(t)
	pgtest.Exec(t, db, "CREATE EXTENSION citext", "CREATE TABLE parents (k citext PRIMARY KEY, note text)", "CREATE TABLE children (id int PRIMARY KEY, parent_k citext)",
		"SELECT yore.track('parents')", "SELECT yore.track('children')", "INSERT INTO parents VALUES ('Ab', 'x')", "INSERT INTO children VALUES (1, 'aB')")
	children := yore.Related(yore.Temporal[child[string]]("children").Current(), yore.HasMany, "parent_k")
	do(children.Many(ctx, db, keyed[string]{K: "Ab"})).fails(t, yore.ErrOption)
	equal(t, "written alike", len(do(children.Many(ctx, db, keyed[string]{K: "aB"})).ok(t)), 1)
}
