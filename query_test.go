package yore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"yore.example/yore"
)

// Each scope with each method.
func TestScopesAndMethods(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	a := do(users.Insert(ctx, db, newUser("a@x"))).ok(t)
	b := do(users.Insert(ctx, db, newUser("b@x"))).ok(t)
	c := do(users.Insert(ctx, db, newUser("c@x"))).ok(t)
	c2 := do(users.Delete(ctx, db, c)).ok(t)
	b2 := do(users.Update(ctx, db, b, rename("B"))).ok(t)
	do(orgs.Insert(ctx, db, org{Name: "B"})).ok(t)
	do(orgs.Insert(ctx, db, org{Name: "N"})).ok(t)
	type line struct{ Email, Name, Org string }
	for name, test := range map[string]struct {
		scope yore.Query[user]
		want  []user
	}{
		"Current":               {users.Current(), []user{a, b2}},
		"IncludeDeleted":        {users.IncludeDeleted(), []user{a, b2, c2}},
		"AsOf":                  {users.AsOf(c.ValidFrom), []user{a, b, c}},
		"AsOfIncludeDeleted":    {users.AsOf(c2.ValidFrom).IncludeDeleted(), []user{a, b, c2}},
		"AtTimeZero":            {users.AsOf(time.Time{}), []user{a, b2}},
		"History":               {users.History(b.EntityID), []user{b, b2}},
		"HistoryIncludeDeleted": {users.History(c.EntityID).IncludeDeleted(), []user{c, c2}},
		"AllVersions":           {users.AllVersions(), []user{a, b, b2, c, c2}},
	} {
		t.Run(name, func(t *testing.T) {
			q := test.scope.OrderBy("users.email", "users.version")
			n := len(test.want)
			equal(t, "All", do(q.All(ctx, db)).ok(t), test.want)
			equal(t, "One", do(q.One(ctx, db)).ok(t), test.want[0])
			equal(t, "Count", do(q.Count(ctx, db)).ok(t), int64(n))
			equal(t, "Exists", do(q.Exists(ctx, db)).ok(t), true)
			equal(t, "Exists not", do(q.Where("false").Exists(ctx, db)).ok(t), false)
			do(q.Where("email = $1", "z@x").One(ctx, db)).fails(t, yore.ErrNotFound)
			equal(t, "Limit", do(q.Limit(1).All(ctx, db)).ok(t), test.want[:1])
			equal(t, "Offset", do(q.Offset(1).All(ctx, db)).ok(t), test.want[1:])
			equal(t, "Limit and Count", do(q.Limit(1).Offset(1).Count(ctx, db)).ok(t), int64(1))
			equal(t, "Limit 0", do(q.Limit(0).All(ctx, db)).ok(t), []user{})
			equal(t, "Where", do(q.Where("email > $1", "a@x").Where("name = $1 OR name = $2", "N", "B").Where("email <> $1", "z@x").Count(ctx, db)).ok(t),
				do(q.Where("email > 'a@x'").Count(ctx, db)).ok(t))
			var each []user
			for u, err := range q.Each(ctx, db) {
				each = append(each, do(u, err).ok(t))
			}
			equal(t, "Each", each, test.want)
			// As the source of another query's join, with what it leaves out.
			others := test.scope.Where("email < $1", "c@x")
			joined := do(orgs.Where("orgs.name = ANY ($1)", []string{"N", "B"}).Join("u", others, "u.name = orgs.name AND u.email <> $1", "z@x").All(ctx, db)).ok(t)
			equal(t, "Join", len(joined), int(do(others.Count(ctx, db)).ok(t)))
			lines := do(yore.Select[line](q.Join("o", orgs.Current(), "o.name = users.name"), "email", "users.name", "o.name AS org").All(ctx, db)).ok(t)
			if len(lines) != n || lines[0] != (line{"a@x", "N", "N"}) && name != "History" && name != "HistoryIncludeDeleted" {
				t.Errorf("Select: %+v", lines)
			}
		})
	}
}

// What a condition says cannot widen the scope.
func TestConditionsStayInside(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	v1 := do(users.Insert(ctx, db, newUser("a@x"))).ok(t)
	v2 := do(users.Update(ctx, db, v1, rename("two"))).ok(t)
	gone := do(users.Delete(ctx, db, do(users.Insert(ctx, db, newUser("b@x"))).ok(t))).ok(t)
	for _, condition := range []string{"1=1 OR version = 1", "true OR deleted_at IS NOT NULL", "true -- to the end", "true /* ) */ OR /* /* ( */ */ true"} {
		equal(t, condition, do(users.Where(condition).All(ctx, db)).ok(t), []user{v2})
		equal(t, "second "+condition, do(users.Where(condition).Where("name = 'none'").All(ctx, db)).ok(t), []user{})
		on := do(users.Current().Join("o", users.Where("true"), condition2(condition)).Where("users.name = 'none'").All(ctx, db)).ok(t)
		equal(t, "join "+condition, on, []user{})
		equal(t, "count "+condition, do(users.Where(condition).Count(ctx, db)).ok(t), int64(1))
	}
	for _, condition := range []string{") --", "true) OR (true", "true) UNION SELECT * FROM history.users WHERE (true", "'", `"`, "/*", "/* /* */", "$tag$ ", "E'\\'", "(", "true)", "((true)"} {
		e := do(users.Where(condition).All(ctx, db)).fails(t, yore.ErrOption)
		if !strings.Contains(e.Error(), "users") {
			t.Errorf("%v does not name the table", e)
		}
		do(users.Where(condition).Count(ctx, db)).fails(t, yore.ErrOption)
		do(users.Current().OrderBy(condition).All(ctx, db)).fails(t, yore.ErrOption)
		do(users.Current().Join("o", orgs.Current(), condition).All(ctx, db)).fails(t, yore.ErrOption)
		do(yore.Select[struct{ A int }](users.Current(), condition).All(ctx, db)).fails(t, yore.ErrOption)
	}
	equal(t, "as of then", do(users.AsOf(v1.ValidFrom).Where("true OR version = 2").All(ctx, db)).ok(t), []user{v1})
	equal(t, "history", do(users.History(gone.EntityID).Where("true OR true").Count(ctx, db)).ok(t), int64(2))
}

// condition2 names the table where a join would make names ambiguous.
func condition2(c string) string {
	return strings.NewReplacer("version", "users.version", "deleted_at", "users.deleted_at").Replace(c)
}

func TestParameters(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	a := do(users.Insert(ctx, db, newUser("$1@x"))).ok(t)
	q := users.AsOf(time.Now().Add(time.Hour)).
		Join("o", users.Where("email = $1", "$1@x"), "o.entity_id = users.entity_id AND $2::text = $1::text", "s", "s").
		Where("users.email = '$1@x' AND users.name = $1 /* $9 */ AND $tag$ $8 $tag$ <> ''", "N").
		Where("users.status = $2 AND users.email LIKE $1", "%@x", "active").Limit(5).Offset(0)
	sql, args, err := q.SQL()
	if err != nil || len(args) != 8 || !strings.Contains(sql, "$8") || strings.Contains(sql, "$9::") {
		t.Fatalf("%s\n%v, %v", sql, args, err)
	}
	equal(t, "rows", do(q.All(ctx, db)).ok(t), []user{a})
	// One query is the beginning of several.
	base := users.Where("name = $1", "N")
	one, none := base.Where("email = $1", "$1@x"), base.Where("email = $1", "z@x")
	equal(t, "one", do(one.Count(ctx, db)).ok(t), int64(1))
	equal(t, "none", do(none.Count(ctx, db)).ok(t), int64(0))
	equal(t, "base", do(base.Count(ctx, db)).ok(t), int64(1))
	base = users.Where("true").Where("true").Where("true") // room for a fourth
	one, none = base.Where("email = $1", "$1@x"), base.Where("false")
	equal(t, "one of four", do(one.Count(ctx, db)).ok(t), int64(1))
	equal(t, "none of four", do(none.Count(ctx, db)).ok(t), int64(0))
	joined := users.Current().Join("a", orgs.Current(), "true").Join("b", orgs.Current(), "true").Join("c", orgs.Current(), "true")
	with, without := joined.Join("d", projects.Current(), "true"), joined.Join("e", developers.Current(), "true")
	if sql, _, err := with.SQL(); err != nil || !strings.Contains(sql, `"d"`) || strings.Contains(sql, `"e"`) {
		t.Errorf("%s, %v", sql, err)
	}
	do(without.Exists(ctx, db)).ok(t)

	for name, q := range map[string]yore.Query[user]{
		"TooFew":     users.Where("name = $1 AND email = $2", "N"),
		"TooMany":    users.Where("name = $1", "N", "M"),
		"None":       users.Where("name = $1"),
		"Zero":       users.Where("name = $0", "N"),
		"Huge":       users.Where("name = $99999999999999999999", "N"),
		"NotUsed":    users.Where("name = 'x'", 1),
		"InJoin":     users.Current().Join("o", orgs.Current(), "o.name = $1"),
		"InOrder":    users.Current().OrderBy("$1"),
		"Negative":   users.Current().Limit(-1),
		"NegativeBy": users.Current().Offset(-1),
		"OfSource":   users.Current().Join("o", orgs.Where("name = $1"), "true"),
		"OfTable":    users.Current().Join("o", yore.Table("a b"), "true"),
	} {
		t.Run(name, func(t *testing.T) {
			do(q.All(ctx, db)).fails(t, yore.ErrOption)
			do(q.One(ctx, db)).fails(t, yore.ErrOption)
			if name != "InOrder" { // which a count does not have
				do(q.Exists(ctx, db)).fails(t, yore.ErrOption)
				do(q.Count(ctx, db)).fails(t, yore.ErrOption)
			}
			if _, _, err := q.SQL(); !errors.Is(err, yore.ErrOption) {
				t.Errorf("SQL: %v", err)
			}
		})
	}
	do(yore.Select[user](users.Current()).All(ctx, db)).fails(t, yore.ErrOption)
	do(yore.Select[user](users.Current(), "1 AS nonsense").All(ctx, db)).fails(t, yore.ErrOption)
	do(yore.Select[int](users.Current(), "1 AS nonsense").All(ctx, db)).fails(t, yore.ErrOption)
	var pg *pgconn.PgError
	if _, err := users.Where("nonsense = 1").All(ctx, db); !errors.As(err, &pg) || pg.Code != "42703" {
		t.Errorf("a column that is not there: %v", err)
	}
}

// Breaking off, and an error in the middle, leave the connection free.
func TestEach(t *testing.T) {
	t.Parallel()
	ctx, dsn := immutableDSN(t)
	one := openSQL(t, dsn, pgx.QueryExecModeCacheStatement)
	one.SetMaxOpenConns(1)
	for name, db := range map[string]yore.DB{"Conn": connect(t, dsn, pgx.QueryExecModeCacheStatement), "SQL": yore.Wrap(one)} {
		t.Run(name, func(t *testing.T) {
			rows := make([]user, 200)
			for i := range rows {
				rows[i] = newUser(fmt.Sprintf("%s%03d@x", name, i))
				rows[i].Age = new(i%149 + 1)
			}
			do(users.InsertMany(ctx, db, rows)).ok(t)
			seen := 0
			for _, err := range users.Current().Each(ctx, db) {
				if seen++; err != nil || seen == 3 {
					break
				}
			}
			equal(t, "seen", seen, 3)
			if n := do(users.Current().Count(ctx, db)).ok(t); n < 200 {
				t.Error(n)
			}
			seen = 0
			var last error
			for _, err := range users.Current().Where("1 / (age - 100) IS NOT NULL").OrderBy("email").Each(ctx, db) {
				if last != nil {
					t.Error("a row after an error")
				}
				if last = err; err == nil {
					seen++
				}
			}
			var pg *pgconn.PgError
			if !errors.As(last, &pg) || pg.Code != "22012" {
				t.Errorf("%d rows, then %v", seen, last)
			}
			if rows, err := users.Current().Where("1 / (age - 100) IS NOT NULL").All(ctx, db); err == nil || rows != nil {
				t.Errorf("All: %d rows, %v", len(rows), err)
			}
			do(users.Current().Exists(ctx, db)).ok(t)
			// A row that does not fit its type is an error of that row.
			type bad struct {
				yore.Meta
				Age  int
				Name int
			}
			if _, err := yore.Immutable[bad]("users").Current().One(ctx, db); err == nil {
				t.Error("a name was read as a number")
			}
			do(users.Current().Exists(ctx, db)).ok(t)
			canceled, cancel := context.WithCancel(ctx)
			cancel()
			if _, err := users.Current().All(canceled, yore.Wrap(one)); !errors.Is(err, context.Canceled) {
				t.Errorf("canceled: %v", err)
			}
		})
	}
}
