package yore_test

import (
	"errors"
	"sync"
	"testing"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// immutable-67..74, immutable-77..79
func TestUndelete(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	note := "n"
	v1 := do(accounts.Insert(ctx, db, account{Name: "a", Balance: 4, Note: &note})).ok(t)
	gone := do(accounts.Delete(ctx, db, v1)).ok(t)
	const before = "SELECT id, version, name, balance, note, valid_from, deleted_at FROM history.accounts WHERE version < 3 ORDER BY version"
	stored := pgtest.Rows(t, db, before)
	back := accounts.MustUndelete(ctx, db, v1.EntityID) // immutable-79
	if back.DeletedAt != nil {
		t.Error("immutable-67: deleted_at", back.DeletedAt)
	}
	equal(t, "immutable-68: version", back.Version, int64(3))
	if back.Name != "a" || back.Balance != 4 || *back.Note != "n" {
		t.Errorf("immutable-69: %+v", back)
	}
	equal(t, "immutable-70: entity_id", back.EntityID, v1.EntityID)
	if back.ID == v1.ID || back.ID == gone.ID || back.ID.IsZero() {
		t.Errorf("immutable-71: row ids %s, %s, %s", v1.ID, gone.ID, back.ID)
	}
	if !back.ValidFrom.After(gone.ValidFrom) {
		t.Errorf("immutable-72: %v is not after %v", back.ValidFrom, gone.ValidFrom)
	}
	equal(t, "immutable-73: the rows before", pgtest.Rows(t, db, before), stored)
	equal(t, "immutable-74: stored", do(accounts.Get(ctx, db, v1.EntityID)).ok(t), back)

	t.Run("TwiceWithoutChanges", func(t *testing.T) { // immutable-78
		v4 := do(accounts.Delete(ctx, db, back)).ok(t)
		v5 := do(accounts.Undelete(ctx, db, v1.EntityID)).ok(t)
		if v4.Version != 4 || v5.Version != 5 || v5.Balance != 4 || *v5.Note != "n" || v5.DeletedAt != nil {
			t.Errorf("%+v", v5)
		}
	})
	t.Run("Changes", func(t *testing.T) { // immutable-77
		u := newUser("c@x")
		u.Tags = []string{"t"}
		u = do(users.Insert(ctx, db, u)).ok(t)
		do(users.Delete(ctx, db, u)).ok(t)
		back := do(users.Undelete(ctx, db, u.EntityID, yore.Changes{"name": "one", "age": 3}, yore.Changes{"name": "two"})).ok(t)
		if back.Version != 3 || back.Name != "two" || *back.Age != 3 || back.Email != "c@x" || back.Tags[0] != "t" {
			t.Errorf("%+v", back)
		}
		do(users.Delete(ctx, db, back)).ok(t)
		back = do(users.Undelete(ctx, db, u.EntityID, yore.Changes{"age": nil, "tags": nil})).ok(t)
		if back.Age != nil || back.Tags != nil || back.Name != "two" {
			t.Errorf("%+v", back)
		}
	})
	t.Run("HiddenColumn", func(t *testing.T) { // N6
		u := do(users.Insert(ctx, db, newUser("h@x"))).ok(t)
		pgtest.Exec(t, db, "UPDATE users SET hidden = 'secret' WHERE email = 'h@x'")
		do(users.DeleteAny(ctx, db, u.EntityID)).ok(t)
		do(users.Undelete(ctx, db, u.EntityID, yore.Changes{"name": "two"})).ok(t)
		equal(t, "hidden", pgtest.Rows(t, db, "SELECT name, hidden FROM users WHERE email = 'h@x'"), []string{"two|secret"})
	})
}

// immutable-75, immutable-76, immutable-80, immutable-81; unique values; Validate.
func TestUndeleteErrors(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	live := do(users.Insert(ctx, db, newUser("a@x"))).ok(t)
	do(users.Undelete(ctx, db, yore.NewUUID())).fails(t, yore.ErrNotFound) // immutable-75
	do(users.Undelete(ctx, db, yore.UUID{})).fails(t, yore.ErrNotFound)
	do(users.Undelete(ctx, db, live.EntityID)).fails(t, yore.ErrNotDeleted) // immutable-76
	for name, id := range map[string]yore.UUID{"immutable-80": yore.NewUUID(), "immutable-81": live.EntityID} {
		func() {
			defer func() {
				if err, ok := recover().(error); !ok || !errors.Is(err, yore.ErrNotFound) && !errors.Is(err, yore.ErrNotDeleted) {
					t.Errorf("%s: %v", name, err)
				}
			}()
			users.MustUndelete(ctx, db, id)
		}()
	}
	gone := do(users.Delete(ctx, db, live)).ok(t)
	again := do(users.Insert(ctx, db, newUser("a@x"))).ok(t) // N7: the value was freed
	do(users.Undelete(ctx, db, gone.EntityID)).refused(t, "email has already been taken")
	do(users.Get(ctx, db, gone.EntityID)).fails(t, yore.ErrDeleted)
	back := do(users.Undelete(ctx, db, gone.EntityID, yore.Changes{"email": "b@x"})).ok(t)
	equal(t, "version", back.Version, int64(3))
	equal(t, "the other", do(users.Get(ctx, db, again.EntityID)).ok(t), again)

	do(users.Delete(ctx, db, back)).ok(t)
	bad := do(users.Undelete(ctx, db, gone.EntityID, yore.Changes{"status": "odd"})).refused(t, "status is invalid")
	if row := bad.Row.(user); row.Status != "odd" || row.Email != "b@x" {
		t.Errorf("row %+v is not as it came back", row)
	}
	do(users.Undelete(ctx, db, gone.EntityID, yore.Changes{"nonsense": 1})).refused(t, "nonsense is unknown")
	do(users.Undelete(ctx, db, gone.EntityID, yore.Changes{"age": "x"})).refused(t, "age is invalid")
	do(users.Get(ctx, db, gone.EntityID)).fails(t, yore.ErrDeleted)
	equal(t, "versions", do(users.History(gone.EntityID).Count(ctx, db)).ok(t), int64(4))
}

// Of several who undelete at once, one does; the others hear that it is live.
func TestUndeleteAtOnce(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	a := do(accounts.Insert(ctx, db, account{Name: "a"})).ok(t)
	for round := range 5 {
		do(accounts.DeleteAny(ctx, db, a.EntityID)).ok(t)
		const n = 6
		errs := make([]error, n)
		var wait sync.WaitGroup
		for i := range n {
			wait.Go(func() { _, errs[i] = accounts.Undelete(ctx, db, a.EntityID, yore.Changes{"balance": i}) })
		}
		wait.Wait()
		ok := 0
		for _, err := range errs {
			if err == nil {
				ok++
			} else if !errors.Is(err, yore.ErrNotDeleted) {
				t.Errorf("round %d: %v", round, err)
			}
		}
		equal(t, "who did", ok, 1)
		equal(t, "version", do(accounts.Get(ctx, db, a.EntityID)).ok(t).Version, int64(3+2*round))
	}
}
