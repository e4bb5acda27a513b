package yore_test

import (
	stdsql "database/sql"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// Inside AsOf the present is that of then.
func TestImmutableInsideAsOf(t *testing.T) {
	t.Parallel()
	ctx, dsn := immutableDSN(t)
	pool := connect(t, dsn, pgx.QueryExecModeCacheStatement)
	a1 := do(users.Insert(ctx, pool, newUser("a@x"))).ok(t)
	b1 := do(users.Insert(ctx, pool, newUser("b@x"))).ok(t)
	c1 := do(users.Insert(ctx, pool, newUser("c@x"))).ok(t)
	c2 := do(users.Delete(ctx, pool, c1)).ok(t)
	at := c2.ValidFrom
	a2 := do(users.Update(ctx, pool, a1, rename("two"))).ok(t)
	do(users.Delete(ctx, pool, b1)).ok(t)
	do(users.Undelete(ctx, pool, c1.EntityID)).ok(t)
	late := do(users.Insert(ctx, pool, newUser("late@x"))).ok(t)
	o := do(orgs.Insert(ctx, pool, org{Name: "late"})).ok(t)

	look := func(tx yore.DB) error {
		equal(t, "Current", do(users.Current().OrderBy("email").All(ctx, tx)).ok(t), []user{a1, b1})
		equal(t, "Get", do(users.Get(ctx, tx, a1.EntityID)).ok(t), a1)
		equal(t, "Get of what is deleted now", do(users.Get(ctx, tx, b1.EntityID)).ok(t), b1)
		do(users.Get(ctx, tx, c1.EntityID)).fails(t, yore.ErrDeleted)
		do(users.Get(ctx, tx, late.EntityID)).fails(t, yore.ErrNotFound)
		equal(t, "IncludeDeleted", do(users.IncludeDeleted().OrderBy("email").All(ctx, tx)).ok(t), []user{a1, b1, c2})
		equal(t, "AsOf", do(users.AsOf(a2.ValidFrom).Where("email = 'a@x'").One(ctx, tx)).ok(t), a2)
		equal(t, "AsOf before", do(users.AsOf(a1.ValidFrom).Count(ctx, tx)).ok(t), int64(1))
		equal(t, "History", do(users.History(a1.EntityID).All(ctx, tx)).ok(t), []user{a1, a2})
		equal(t, "Related", do(yore.Related(orgs.Current(), yore.BelongsTo, "org_entity_id").One(ctx, tx, project{OrgEntityID: &o.EntityID})).ok(t), (*org)(nil))
		equal(t, "Join", do(users.Current().Join("o", orgs.Current(), "true").Count(ctx, tx)).ok(t), int64(0))
		_, err := users.Update(ctx, tx, a1, rename("never"))
		if err == nil {
			t.Error("wrote into the past")
		}
		return nil
	}
	if err := yore.AsOf(ctx, pool, at, func(tx pgx.Tx) error { return look(tx) }); err != nil {
		t.Fatal(err)
	}
	db := openSQL(t, dsn, pgx.QueryExecModeExec)
	if err := yore.AsOfSQL(ctx, db, at, func(tx *stdsql.Tx) error { return look(yore.Wrap(tx)) }); err != nil {
		t.Fatal(err)
	}
	equal(t, "afterwards", do(users.Get(ctx, pool, a1.EntityID)).ok(t), a2)
	// A handle that names its schema names the present, which is refused there.
	named := yore.Immutable[user]("public.users")
	equal(t, "named", do(named.Get(ctx, pool, a1.EntityID)).ok(t), a2)
	err := yore.AsOf(ctx, pool, at, func(tx pgx.Tx) error { _, err := named.Get(ctx, tx, a1.EntityID); return err })
	do(0, err).fails(t, yore.ErrPresent)
	err = yore.AsOf(ctx, pool, at, func(tx pgx.Tx) error {
		equal(t, "named, at a time", do(named.AsOf(at.Add(time.Microsecond)).Where("email = 'a@x'").One(ctx, tx)).ok(t), a1)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	// A transaction that was begun behind pgx's back is not ended.
	begun := connect(t, dsn, pgx.QueryExecModeCacheStatement)
	pgtest.Exec(t, begun, "BEGIN")
	a3 := do(users.Update(ctx, begun, a2, rename("three"))).ok(t)
	do(0, yore.AsOf(ctx, begun, at, func(pgx.Tx) error { t.Error("fn was called"); return nil })).fails(t, yore.ErrOption)
	pgtest.Exec(t, begun, "COMMIT")
	equal(t, "committed", do(users.Get(ctx, pool, a1.EntityID)).ok(t), a3)
}
