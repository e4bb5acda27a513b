package yore_test

import (
	"errors"
	"testing"

	"yore.example/yore"
)

func TestImmutableSmoke(t *testing.T) {
	ctx, pool := withImmutable(t)
	u := users.MustInsert(ctx, pool, newUser("a@x"))
	t.Logf("%+v", u)
	u2 := users.MustUpdate(ctx, pool, u, func(u *user) { u.Tags = append(u.Tags, "x"); u.Name = "M" })
	_, err := users.Update(ctx, pool, u, yore.Changes{"name": "Z"})
	t.Log(err, errors.Is(err, yore.ErrConflict))
	_, err = users.Insert(ctx, pool, newUser("a@x"))
	t.Logf("%v %#v", err, err)
	tx, _ := pool.Begin(ctx)
	_, err = users.Insert(ctx, tx, newUser("a@x"))
	t.Logf("%v", err)
	_, err = users.Get(ctx, tx, yore.NewUUID())
	t.Logf("%v", err)
	u3 := users.MustUpdate(ctx, tx, u2, yore.Changes{"age": 30.0, "version": 99})
	d := users.MustDelete(ctx, tx, u3)
	t.Logf("%+v", d)
	_, err = users.Get(ctx, tx, u.EntityID)
	t.Log(err)
	_, err = users.Update(ctx, tx, u3, yore.Changes{"name": "Q"})
	t.Log(err)
	r := users.MustUndelete(ctx, tx, u.EntityID, yore.Changes{"name": "Z"})
	t.Logf("%+v", r)
	_, err = users.Undelete(ctx, tx, u.EntityID)
	t.Log(err)
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	for _, h := range users.History(u.EntityID).MustAll(ctx, pool) {
		t.Logf("%+v", h)
	}
	a := accounts.MustInsert(ctx, pool, account{Name: "x"})
	a2 := accounts.MustDelete(ctx, pool, a)
	t.Log(a, a2)
	m, err := users.Mutate(ctx, pool, u.EntityID, func(u *user) error { u.Tags[0] = "y"; return nil })
	t.Log(m, err)
	t.Log(users.AtTime(u2.ValidFrom).IncludeDeleted().MustAll(ctx, pool))
	t.Log(accounts.IncludeDeleted().MustAll(ctx, pool))
	n, err := users.Where("name = $1", "Z").Count(ctx, pool)
	t.Log(n, err)
	up, err := users.Upsert(ctx, pool, newUser("a@x"), "email")
	t.Log(up, err)
}
