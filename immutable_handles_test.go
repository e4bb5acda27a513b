package yore_test

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// bouncerHandles returns handles through PgBouncer, where there is one.
var bouncerHandles = func(testing.TB, string) map[string]yore.DB { return nil }

// everyHandle returns a DB of each kind, in each of pgx's modes, and through a
// PgBouncer that gives each transaction another session. Those that are
// transactions end with the test, committed.
func everyHandle(t testing.TB, dsn string) map[string]yore.DB {
	t.Helper()
	ctx := context.Background()
	handles := map[string]yore.DB{"Pool": pgtest.Connect(t, dsn), "yore.Pool": yore.NewPool(pgtest.Connect(t, dsn))}
	maps.Copy(handles, bouncerHandles(t, dsn))
	commits := func(name string, commit func() error) {
		t.Cleanup(func() {
			if err := commit(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	for _, mode := range modes {
		m := mode.String()
		handles["Conn/"+m] = connect(t, dsn, mode)
		tx := do(connect(t, dsn, mode).Begin(ctx)).ok(t)
		handles["Tx/"+m] = tx
		commits("Tx/"+m, func() error { return tx.Commit(ctx) })
		begun := connect(t, dsn, mode)
		pgtest.Exec(t, begun, "BEGIN")
		handles["Begun/"+m] = begun
		commits("Begun/"+m, func() error {
			if begun.PgConn().TxStatus() != 'T' {
				return errors.New("not in the transaction any more")
			}
			_, err := begun.Exec(ctx, "COMMIT")
			return err
		})
		db := openSQL(t, dsn, mode)
		handles["SQL/DB/"+m] = yore.Wrap(db)
		conn := do(db.Conn(ctx)).ok(t)
		t.Cleanup(func() { _ = conn.Close() })
		handles["SQL/Conn/"+m] = yore.Wrap(conn)
		sqlTx := do(db.BeginTx(ctx, nil)).ok(t)
		handles["SQL/Tx/"+m] = yore.Wrap(sqlTx)
		commits("SQL/Tx/"+m, sqlTx.Commit)
	}
	return handles
}

// Every method, through every handle.
func TestEveryHandle(t *testing.T) {
	t.Parallel()
	ctx, dsn := immutableDSN(t)
	type line struct {
		Title string
		Org   string
		N     int64
	}
	for name, db := range everyHandle(t, dsn) {
		t.Run(name, func(t *testing.T) {
			name := strings.NewReplacer(" ", "-", "/", ".").Replace(name)
			mail := func(s string) string { return s + "@" + name }
			u := newUser(mail("a"))
			u.Tags, u.Age = []string{"x", "y"}, new(33)
			u = do(users.Insert(ctx, db, u)).ok(t)
			equal(t, "Get", do(users.Get(ctx, db, u.EntityID)).ok(t), u)
			many := do(users.InsertMany(ctx, db, []user{newUser(mail("b")), newUser(mail("c"))})).ok(t)
			many2 := do(users.Upsert(ctx, db, newUser(mail("b")), "email")).ok(t)
			equal(t, "Upsert", many2, many[0])
			u2 := do(users.Update(ctx, db, u, rename("two"))).ok(t)
			do(users.Update(ctx, db, u, rename("no"))).fails(t, yore.ErrConflict)
			u3 := do(users.UpdateAny(ctx, db, u, yore.Changes{"tags": []string{"z"}})).ok(t)
			u4 := do(users.Mutate(ctx, db, u.EntityID, func(u *user) error { *u.Age = 34; return nil })).ok(t)
			if u4.Version != 4 || *u4.Age != 34 || u4.Tags[0] != "z" || u4.Name != "two" || *u.Age != 33 {
				t.Errorf("%+v", u4)
			}
			err := users.WithLock(ctx, db, u.EntityID, func(tx yore.DB, held user) error {
				equal(t, "WithLock", held, u4)
				equal(t, "Lock", do(users.Lock(ctx, tx, u.EntityID)).ok(t), u4)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			u5 := do(users.Delete(ctx, db, u4)).ok(t)
			do(users.Get(ctx, db, u.EntityID)).fails(t, yore.ErrDeleted)
			u6 := do(users.Undelete(ctx, db, u.EntityID, yore.Changes{"name": "six", "tags": []string{"q", "\"'{,"}})).ok(t)
			do(users.DeleteAny(ctx, db, many[1].EntityID)).ok(t)
			if _, found, err := users.Lookup(ctx, db, many[1].EntityID); found || err != nil {
				t.Errorf("Lookup: %t, %v", found, err)
			}

			equal(t, "History", do(users.History(u.EntityID).All(ctx, db)).ok(t), []user{u, u2, u3, u4, u5, u6})
			equal(t, "AsOf", do(users.AsOf(u3.ValidFrom).Where("email = $1", u.Email).All(ctx, db)).ok(t), []user{u3})
			equal(t, "AsOf and tombstones", do(users.AsOf(u5.ValidFrom).IncludeDeleted().Where("email = $1", u.Email).One(ctx, db)).ok(t), u5)
			equal(t, "IncludeDeleted", do(users.IncludeDeleted().Where("email LIKE $1", "%@"+name).Count(ctx, db)).ok(t), int64(3))
			page := users.Where("email LIKE $1 AND cardinality(tags) = $2", "%@"+name, 2).Where("age > $1", 1).OrderBy("name DESC").Limit(2).Offset(0)
			equal(t, "Query", do(page.All(ctx, db)).ok(t), []user{u6})
			equal(t, "Exists", do(page.Exists(ctx, db)).ok(t), true)
			equal(t, "AllVersions", do(users.AllVersions().Where("entity_id = $1", u.EntityID).Count(ctx, db)).ok(t), int64(6))

			o := do(orgs.Insert(ctx, db, org{Name: name})).ok(t)
			p := do(projects.Insert(ctx, db, project{Title: "p", OrgEntityID: &o.EntityID})).ok(t)
			of := yore.Related(orgs.Current(), yore.BelongsTo, "org_entity_id")
			equal(t, "Related", do(of.One(ctx, db, p)).ok(t), &o)
			q := projects.Where("projects.entity_id = $1", p.EntityID).Join("o", orgs.AsOf(o.ValidFrom), "o.entity_id = projects.org_entity_id AND o.name = $1", name)
			lines := do(yore.Select[line](q, "title", "o.name AS org", "3 AS n").All(ctx, db)).ok(t)
			equal(t, "Select", lines, []line{{"p", name, 3}})

			// N11: none of these ends a transaction.
			do(users.Insert(ctx, db, newUser(u.Email))).refused(t, "email has already been taken")
			do(users.Undelete(ctx, db, u.EntityID)).fails(t, yore.ErrNotDeleted)
			do(users.Mutate(ctx, db, yore.NewUUID(), func(*user) error { return nil })).fails(t, yore.ErrNotFound)
			equal(t, "afterwards", do(users.Get(ctx, db, u.EntityID)).ok(t), u6)
		})
	}
}

// What transactions wrote is there once they are committed, and gone if not.
func TestHandlesCommit(t *testing.T) {
	t.Parallel()
	ctx, dsn := immutableDSN(t)
	pool := pgtest.Connect(t, dsn)
	sqlDB := openSQL(t, dsn, pgx.QueryExecModeCacheStatement)
	for _, commit := range []bool{true, false} {
		for _, kind := range []string{"pgx", "begun", "sql"} {
			t.Run(fmt.Sprintf("%s/commit=%t", kind, commit), func(t *testing.T) {
				var db yore.DB
				var end func() error
				switch kind {
				case "pgx":
					tx := do(pool.Begin(ctx)).ok(t)
					db, end = tx, func() error { return tx.Rollback(ctx) }
					if commit {
						end = func() error { return tx.Commit(ctx) }
					}
				case "begun":
					conn := connect(t, dsn, pgx.QueryExecModeExec)
					pgtest.Exec(t, conn, "BEGIN")
					db, end = conn, func() error {
						_, err := conn.Exec(ctx, map[bool]string{true: "COMMIT", false: "ROLLBACK"}[commit])
						return err
					}
				case "sql":
					tx := do(sqlDB.BeginTx(ctx, &stdsql.TxOptions{})).ok(t)
					db, end = yore.Wrap(tx), tx.Rollback
					if commit {
						end = tx.Commit
					}
				}
				u := do(users.Insert(ctx, db, newUser(t.Name()[20:]+"@x"))).ok(t)
				// Each of these begins a savepoint where it can begin nothing else.
				do(users.Mutate(ctx, db, u.EntityID, func(u *user) error { u.Name = "M"; return nil })).ok(t)
				do(users.DeleteAny(ctx, db, u.EntityID)).ok(t)
				do(users.Undelete(ctx, db, u.EntityID)).ok(t)
				do(users.Mutate(ctx, db, u.EntityID, func(u *user) error { u.Name = ""; return nil })).refused(t, "name can't be blank")
				if _, found, err := users.Lookup(ctx, pool, u.EntityID); found || err != nil {
					t.Fatalf("seen before the end: %t, %v", found, err)
				}
				if err := end(); err != nil {
					t.Fatal(err)
				}
				want := map[bool]int64{true: 4, false: 0}[commit]
				equal(t, "versions", do(users.History(u.EntityID).Count(ctx, pool)).ok(t), want)
			})
		}
	}
}
