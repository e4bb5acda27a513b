package yore_test

import (
	"fmt"
	"strings"
	"testing"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

type sortRow struct {
	ID int `db:"id,key"`
}

var sorts = yore.Temporal[sortRow]("sorts")

// Pages by values of every type that has an order, NULLs and ties among them, are
// the whole in its order; what cannot be a bound is an error, never a row less.
func TestPageOfEveryType(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	db := pgtest.Connect(t, dsn)
	ctx := t.Context()
	pgtest.Exec(t, db, "CREATE EXTENSION citext", "CREATE TYPE colour AS ENUM ('red', 'it''s', 'NULL')", "CREATE DOMAIN code AS text", "CREATE TYPE pair AS (a int, b text)",
		`CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`,
		`CREATE TABLE sorts (id int PRIMARY KEY, txt text, ci citext, folded text COLLATE folded, c char(5), num numeric, f float8, r real, d date, ts timestamp, tz timestamptz,
		  b bytea, j jsonb, js json, e colour, dom code, bo bool, iv interval, u uuid, arr int[], rng int4range, p pair, m money, inet inet, tarr text[], x bit(3))`,
		"SELECT yore.track('sorts')")
	values := [][]string{
		{"NULL"},
		{`'a'`, `'a'`, `'A'`, `'ab '`, "1.50", "'NaN'", "'NaN'", "'infinity'", "'infinity'", "'infinity'", `'\x00'`, `'{"a": "b,\""}'`, "'1'", "'red'", "'x'", "true", "'1 mon'", "'11111111-1111-1111-1111-111111111111'", "'{1,NULL}'", "'[1,3)'", "'(1,\"a,\")'", "'1.5'", "'10.0.0.1'", `'{"a,b",NULL,"\""}'`, "'101'"},
		{`'A'`, `'A'`, `'a'`, `'ab'`, "1.5", "0.1", "0.1", "'-infinity'", "'-infinity'", "'-infinity'", `'\x22'`, `'null'`, "'2'", "'NULL'", "'NULL'", "false", "'30 days'", "'21111111-1111-1111-1111-111111111111'", "'{1,2}'", "'empty'", "'(2,)'", "'2'", "'10.0.0.0/8'", "'{}'", "'001'"},
		{`'it''s "q" \'`, `'ä'`, `'Ä'`, `''`, "'NaN'", "'-infinity'", "1e-30", "'2024-02-03'", "'0001-01-01 BC'", "'2024-02-03 10:00:00.123456+05'", `'\x5c'`, `'"x"'`, "'3'", "'it''s'", "''", "true", "'-1 day 02:03:04'", "'31111111-1111-1111-1111-111111111111'", "'{}'", "'[,5)'", "'(,)'", "'-3'", "'::1'", `'{NULL}'`, "'111'"},
	}
	n := 0
	for range 3 {
		for _, v := range values {
			n++
			if len(v) == 1 {
				pgtest.Exec(t, db, fmt.Sprintf("INSERT INTO sorts VALUES (%d)", n))
				continue
			}
			pgtest.Exec(t, db, fmt.Sprintf("INSERT INTO sorts VALUES (%d, %s)", n, strings.Join(v, ", ")))
		}
	}
	columns := []string{"txt", "ci", "folded", "c", "num", "f", "r", "d", "ts", "tz", "b", "j", "e", "dom", "bo", "iv", "u", "arr", "rng", "m", "inet", "tarr", "x",
		`txt COLLATE "C"`, "coalesce(txt, 'a,b')", "id % 2, txt", "txt DESC, id % 2", "lower(txt), upper('a, (')"}
	for _, c := range columns {
		for _, dir := range []string{"", " DESC", " NULLS FIRST", " DESC NULLS LAST"} {
			q := sorts.Current().OrderBy(c + dir)
			want := do(sorts.Current().OrderBy(c+dir, "id").All(ctx, db)).ok(t)
			for _, size := range []int{1, 5} {
				var got []sortRow
				for batch, err := range q.Batches(ctx, db, size) {
					if err != nil {
						t.Fatal(c+dir, err)
					}
					got = append(got, batch...)
				}
				equal(t, fmt.Sprintf("by %s%s, pages of %d", c, dir, size), got, want)
			}
		}
	}
	for _, c := range []string{"1", "(1) DESC", "id % 2, 1"} {
		do(sorts.Current().OrderBy(c).Page(ctx, db, 5, "")).fails(t, yore.ErrOption)
	}
	for _, c := range []string{"p", "row(txt, id % 3)"} {
		q := sorts.Current().OrderBy(c)
		do(q.Page(ctx, db, 5, do(q.Page(ctx, db, 5, "")).ok(t).Next)).fails(t, yore.ErrOption)
	}
}
