package yore_test

import (
	"context"
	stdsql "database/sql"
	"testing"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// inTransactions runs fn in a transaction of pgx's and one of database/sql's,
// each on a database of its own, and commits unless fn returns false.
func inTransactions(t *testing.T, fn func(t *testing.T, tx yore.DB) bool, then func(t *testing.T, db yore.DB)) {
	t.Run("pgx", func(t *testing.T) {
		ctx, db := withImmutable(t)
		tx := do(db.Begin(ctx)).ok(t)
		defer func() { _ = tx.Rollback(ctx) }()
		end := tx.Rollback
		if fn(t, tx) {
			end = tx.Commit
		}
		if err := end(ctx); err != nil {
			t.Fatal(err)
		}
		then(t, db)
		pgtest.Clean(t, db)
	})
	t.Run("sql", func(t *testing.T) {
		ctx, dsn := immutableDSN(t)
		db := openSQL(t, dsn, pgx.QueryExecModeCacheStatement)
		tx := do(db.BeginTx(ctx, &stdsql.TxOptions{})).ok(t)
		defer func() { _ = tx.Rollback() }()
		end := tx.Rollback
		if fn(t, yore.Wrap(tx)) {
			end = tx.Commit
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		then(t, yore.Wrap(db))
	})
}

// immutable-193, immutable-194, immutable-196..204, immutable-207: what one operation returns goes into the
// next, and each makes a version of its own.
func TestSeveralOperations(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	var id, other yore.UUID
	inTransactions(t, func(t *testing.T, tx yore.DB) bool {
		u := do(users.Insert(ctx, tx, newUser("a@x"))).ok(t) // immutable-193
		id = u.EntityID
		second := newUser("b@x")
		second.Name = u.EntityID.String() // immutable-194
		b := do(users.Insert(ctx, tx, second)).ok(t)
		other = b.EntityID
		c := do(users.Insert(ctx, tx, newUser("c@x"))).ok(t) // immutable-201
		equal(t, "immutable-201", do(users.History(c.EntityID).All(ctx, tx)).ok(t), []user{c})
		d := do(users.Delete(ctx, tx, c)).ok(t)
		equal(t, "immutable-201", do(users.History(c.EntityID).All(ctx, tx)).ok(t), []user{c, d})
		u2 := do(users.Update(ctx, tx, u, rename("two"))).ok(t)                                       // immutable-196
		u3 := do(users.Update(ctx, tx, u2, func(u *user) { u.Name = u2.Name + " three" })).ok(t)      // immutable-197, immutable-198
		u4 := do(users.Delete(ctx, tx, u3)).ok(t)                                                     // immutable-199, immutable-200, immutable-201
		u5 := do(users.Undelete(ctx, tx, u4.EntityID, yore.Changes{"name": u4.Name + " five"})).ok(t) // immutable-202, immutable-203
		u6 := do(users.Delete(ctx, tx, u5)).ok(t)                                                     // immutable-204
		u7 := do(users.Undelete(ctx, tx, u6.EntityID)).ok(t)
		if u6.DeletedAt == nil || u7.DeletedAt != nil {
			t.Errorf("%+v, %+v", u6, u7)
		}
		equal(t, "inside", do(users.Get(ctx, tx, id)).ok(t), u7)
		return true
	}, func(t *testing.T, db yore.DB) {
		history := do(users.History(id).All(ctx, db)).ok(t) // immutable-207
		equal(t, "versions", userVersions(history), []int64{1, 2, 3, 4, 5, 6, 7})
		equal(t, "last", history[6].Name, "two three five")
		for i, v := range history[1:] {
			if v.ValidFrom.Sub(history[i].ValidFrom).Microseconds() != 1 {
				t.Errorf("version %d is not 1 µs after the one before", v.Version)
			}
		}
		equal(t, "the other", do(users.Get(ctx, db, other)).ok(t).Name, id.String())
	})
}

// immutable-195: a step that is refused is named by its error; whoever rolls
// back then leaves nothing.
func TestRefusedStep(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	inTransactions(t, func(t *testing.T, tx yore.DB) bool {
		do(users.Insert(ctx, tx, newUser("a@x"))).ok(t)
		e := do(users.Insert(ctx, tx, user{Email: "b@x", Status: "active"})).refused(t, "name can't be blank")
		equal(t, "step", e.Row.(user).Email, "b@x")
		return false
	}, func(t *testing.T, db yore.DB) {
		equal(t, "rows", do(users.AllVersions().Count(ctx, db)).ok(t), int64(0))
	})
}

// immutable-205, immutable-206
func TestSeveralTables(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, commit := range []bool{true, false} {
		var account1 account
		inTransactions(t, func(t *testing.T, tx yore.DB) bool {
			account1 = do(accounts.Insert(ctx, tx, account{Name: "a"})).ok(t)
			u := do(users.Insert(ctx, tx, newUser("a@x"))).ok(t)
			a := do(accounts.Update(ctx, tx, account1, yore.Changes{"note": u.EntityID.String()})).ok(t)
			equal(t, "version", a.Version, int64(2))
			return commit
		}, func(t *testing.T, db yore.DB) {
			want := map[bool][2]int64{true: {2, 1}, false: {0, 0}}[commit]
			equal(t, "versions", [2]int64{do(accounts.AllVersions().Count(ctx, db)).ok(t), do(users.AllVersions().Count(ctx, db)).ok(t)}, want)
		})
	}
	t.Run("UpdateUndone", func(t *testing.T) { // immutable-206: still version 1
		ctx, db := withImmutable(t)
		u := do(users.Insert(ctx, db, newUser("a@x"))).ok(t)
		tx := do(db.Begin(ctx)).ok(t)
		do(users.Update(ctx, tx, u, rename("two"))).ok(t)
		if err := tx.Rollback(ctx); err != nil {
			t.Fatal(err)
		}
		equal(t, "current", do(users.Get(ctx, db, u.EntityID)).ok(t), u)
	})
}
