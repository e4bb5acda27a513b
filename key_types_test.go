package yore_test

import (
	"database/sql/driver"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// A shout is a text that knows databases.
type shout string

func (s shout) Value() (driver.Value, error) { return string(s), nil }

type keyed[K any] struct {
	K    K `db:"k,key"`
	Note string
}

type child[K any] struct {
	ID int `db:"id,key"`
	K  *K  `db:"parent_k"`
}

// keyOf reads a table whose key is of a type in every way that a key is sent.
func keyOf[K any](typ string, literals ...string) func(t *testing.T, dsn string) {
	return func(t *testing.T, dsn string) {
		setup := pgtest.Connect(t, dsn)
		pgtest.Exec(t, setup, "CREATE EXTENSION citext",
			"CREATE TYPE colour AS ENUM ('red', 'it''s')", "CREATE DOMAIN code AS text CHECK (value <> '')",
			"CREATE TABLE parents (k "+typ+" PRIMARY KEY, note text NOT NULL)", "CREATE TABLE children (id int PRIMARY KEY, parent_k "+typ+")",
			"SELECT yore.track('parents')", "SELECT yore.track('children')")
		for i, l := range literals {
			pgtest.Exec(t, setup, fmt.Sprintf("INSERT INTO parents VALUES (%s, 'one')", l), fmt.Sprintf("INSERT INTO children VALUES (%d, %s)", i, l))
		}
		pgtest.Exec(t, setup, "INSERT INTO children VALUES (100, NULL)", "UPDATE parents SET note = 'two'")
		parents, children, maps := yore.Temporal[keyed[K]]("parents"), yore.Temporal[child[K]]("children"), yore.Temporal[yore.Row]("parents", yore.Key("k"))
		mapChildren := yore.Temporal[yore.Row]("children", yore.Key("id"))
		ctx := t.Context()
		for handle, db := range twoHandles(t, dsn) {
			rows := do(parents.Current().OrderBy("k").All(ctx, db)).ok(t)
			equal(t, handle+" rows", len(rows), len(literals))
			for _, row := range rows {
				history := do(parents.History(row.K).All(ctx, db)).ok(t)
				if len(history) != 2 {
					t.Fatalf("%s: %d versions of %v", handle, len(history), row.K)
				}
				equal(t, handle+" history by pointer", numbers(do(parents.History(&row.K).All(ctx, db)).ok(t)), []int64{1, 2})
				equal(t, handle+" Get", do(parents.Get(ctx, db, row.K)).ok(t), row)
				equal(t, handle+" Prev", do(history[1].Prev(ctx, db)).ok(t).Number, int64(1))
				equal(t, handle+" Next", do(history[0].Next(ctx, db)).ok(t).Number, int64(2))
				equal(t, handle+" CurrentVersion", do(history[0].CurrentVersion(ctx, db)).ok(t).Row, row)
				equal(t, handle+" Timeline", len(do(parents.Timeline(ctx, db, yore.TimelineOptions{}, row.K)).ok(t)), 2)
				equal(t, handle+" Timeline by pointer", len(do(parents.Timeline(ctx, db, yore.TimelineOptions{}, &row.K)).ok(t)), 2)
				n := 0
				for c, err := range parents.Changes(ctx, db, yore.ChangesOptions{Matching: yore.Row{"k": row.K}}) {
					if err != nil {
						t.Fatal(handle, err)
					}
					equal(t, handle+" change", c.New.K, row.K)
					n++
				}
				equal(t, handle+" changes", n, 2)
				equal(t, handle+" Many", len(do(yore.Related(children.Current(), yore.HasMany, "parent_k").Many(ctx, db, row)).ok(t)), 1)
			}
			found := do(yore.Related(children.Current(), yore.HasMany, "parent_k").Load(ctx, db, rows)).ok(t)
			for _, row := range rows {
				equal(t, handle+fmt.Sprintf(" children of %v", row.K), len(found.Many(row)), 1)
			}
			all := do(children.Current().OrderBy("id").All(ctx, db)).ok(t)
			back := do(yore.Related(parents.Current(), yore.BelongsTo, "parent_k").Load(ctx, db, all)).ok(t)
			for _, c := range all {
				equal(t, handle+fmt.Sprintf(" parent of %v", c.ID), back.One(c) != nil, c.K != nil)
			}
			var paged []keyed[K]
			for batch, err := range parents.Current().OrderBy("k").Batches(ctx, db, 1) {
				if err != nil {
					t.Fatal(handle, err)
				}
				paged = append(paged, batch...)
			}
			equal(t, handle+" pages", paged, rows)
			for _, v := range do(maps.AllVersions().All(ctx, db)).ok(t) {
				first := do(v.First(ctx, db)).ok(t)
				equal(t, handle+" First of a Row", first.Number, int64(1))
				equal(t, handle+" Timeline of a Row", len(do(maps.Timeline(ctx, db, yore.TimelineOptions{}, v.Row["k"])).ok(t)), 2)
				equal(t, handle+" Rows of a Row", len(do(yore.Related(mapChildren.Current(), yore.HasMany, "parent_k").Many(ctx, db, v)).ok(t)), 1)
			}
		}
	}
}

// A key of every type finds its row: by History and Get, from version to version,
// in what Changes and Timeline match, and between tables.
func TestKeyOfEveryType(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T, string){
		"text":        keyOf[string]("text", `'a'`, `'a,b'`, `'"'`, `'\'`, `'it''s'`, `'NULL'`, `'{}'`, `''`, `'ä '`, `' a'`, `E'\n'`),
		"valuer":      keyOf[shout]("text", `'a'`, `'"\'`),
		"char":        keyOf[string]("char(5)", `'a'`, `'ab '`, `'NULL'`),
		"citext":      keyOf[string]("citext", `'Ab'`, `'b'`),
		"uuid":        keyOf[yore.UUID]("uuid", `'11111111-1111-1111-1111-111111111111'`, `'21111111-1111-1111-1111-111111111111'`),
		"foreign":     keyOf[foreignUUID]("uuid", `'11111111-1111-1111-1111-111111111111'`, `'21111111-1111-1111-1111-111111111111'`),
		"uuid string": keyOf[string]("uuid", `'11111111-1111-1111-1111-111111111111'`, `'21111111-1111-1111-1111-111111111111'`),
		"numeric":     keyOf[string]("numeric", "1.50", "2", "-3"),
		"Numeric":     keyOf[pgtype.Numeric]("numeric", "1.50", "2", "-3", "'NaN'"),
		"date":        keyOf[time.Time]("date", "'2024-02-29'", "'1900-01-01'"),
		"timestamptz": keyOf[time.Time]("timestamptz", "'2024-02-29 12:00:00.123456+05'", "'1900-01-01 UTC'"),
		"timestamp":   keyOf[time.Time]("timestamp", "'2024-02-29 12:00:00.123456'", "'1900-01-01'"),
		"bytea":       keyOf[[]byte]("bytea", `'\x00ff'`, `'\x22'`, `'\x5c'`),
		"enum":        keyOf[string]("colour", `'red'`, `'it''s'`),
		"domain":      keyOf[string]("code", `'red'`, `'it''s'`),
		"bool":        keyOf[bool]("bool", "true", "false"),
		"bigint":      keyOf[int64]("bigint", "9223372036854775807", "-9223372036854775808"),
		"smallint":    keyOf[uint8]("smallint", "0", "255"),
		"float":       keyOf[float64]("float8", "0.1", "1e300", "-0.0"),
		"inet":        keyOf[netip.Prefix]("inet", "'10.0.0.1'", "'10.0.0.0/8'"),
		"interval":    keyOf[pgtype.Interval]("interval", "'1 mon'", "'1 day 02:03:04.5'"),
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); test(t, pgtest.DSN(t)) })
	}
}

// twoHandles are one that sends values in binary and one that sends text.
func twoHandles(t testing.TB, dsn string) map[string]yore.DB {
	return map[string]yore.DB{"binary": connect(t, dsn, pgx.QueryExecModeCacheStatement), "SQL": yore.Wrap(openSQL(t, dsn, pgx.QueryExecModeSimpleProtocol))}
}
