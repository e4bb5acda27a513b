package yore_test

import (
	"errors"
	"testing"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// immutable-29..35, immutable-40, immutable-43, immutable-44, immutable-48, immutable-49: each form of a change.
func TestUpdate(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	full := func(a account) account { a.Balance = 7; return a }
	changed := full(account{})
	for name, change := range map[string]func(account) any{
		"Func":       func(account) any { return func(a *account) { a.Balance = 7 } },
		"FuncError":  func(account) any { return func(a *account) error { a.Balance = 7; return nil } },
		"Row":        func(a account) any { return full(a) },
		"RowPointer": func(a account) any { a = full(a); return &a },
		"Changes":    func(account) any { return yore.Changes{"balance": 7} }, // immutable-34: built on nothing
		"Map":        func(account) any { return map[string]any{"balance": 7} },
		"Cast": func(a account) any {
			return do(accounts.Cast(a, map[string]string{"balance": "7"})).ok(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			note := "kept"
			v1 := do(accounts.Insert(ctx, db, account{Name: name, Balance: 1, Note: &note})).ok(t)
			const first = "SELECT id, entity_id, version, name, balance, note, valid_from FROM history.accounts WHERE entity_id = $1 AND version = 1"
			stored := pgtest.Rows(t, db, first, v1.EntityID)
			v2 := do(accounts.Update(ctx, db, v1, change(v1))).ok(t)
			if v2.Version != 2 || v2.ID == v1.ID || v2.ID.IsZero() || v2.EntityID != v1.EntityID { // immutable-29, immutable-30, immutable-44
				t.Errorf("%+v", v2)
			}
			if v2.Balance != changed.Balance || v2.Name != name || *v2.Note != "kept" { // immutable-31, immutable-34, immutable-35, immutable-43
				t.Errorf("%+v", v2)
			}
			if !v2.ValidFrom.After(v1.ValidFrom) { // immutable-32
				t.Errorf("%v is not after %v", v2.ValidFrom, v1.ValidFrom)
			}
			// immutable-33, immutable-49: all of v1 is as it was, but that it has ended.
			equal(t, "version 1", do(accounts.History(v1.EntityID).One(ctx, db)).ok(t), v1)
			equal(t, "its row", pgtest.Rows(t, db, first, v1.EntityID), stored)
			equal(t, "stored", do(accounts.Get(ctx, db, v1.EntityID)).ok(t), v2)
		})
	}
	t.Run("UpdateAny", func(t *testing.T) { // immutable-48
		v1 := do(accounts.Insert(ctx, db, account{Name: "any"})).ok(t)
		equal(t, "version", do(accounts.UpdateAny(ctx, db, v1, yore.Changes{"balance": 3})).ok(t).Version, int64(2))
	})
	t.Run("Must", func(t *testing.T) { // immutable-40, immutable-50
		v1 := do(accounts.Insert(ctx, db, account{Name: "must"})).ok(t)
		equal(t, "version", accounts.MustUpdate(ctx, db, v1, yore.Changes{"balance": 3}).Version, int64(2))
	})
}

// immutable-36, immutable-37, immutable-39, immutable-41, immutable-42, immutable-45, immutable-46, immutable-47, immutable-51, immutable-52
func TestUpdateErrors(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	v1 := do(users.Insert(ctx, db, newUser("a@x"))).ok(t)
	gone := do(users.Insert(ctx, db, newUser("gone@x"))).ok(t)
	tombstone := do(users.Delete(ctx, db, gone)).ok(t)
	fabricated := newUser("f@x") // immutable-46: a row that never was
	fabricated.EntityID, fabricated.Version = yore.NewUUID(), 1
	for name, update := range map[string]func(u user, change any) (user, error){
		"Update":    func(u user, change any) (user, error) { return users.Update(ctx, db, u, change) },
		"UpdateAny": func(u user, change any) (user, error) { return users.UpdateAny(ctx, db, u, change) },
	} {
		t.Run(name, func(t *testing.T) {
			do(update(fabricated, rename("X"))).fails(t, yore.ErrNotFound)     // immutable-36
			do(update(newUser("z@x"), rename("X"))).fails(t, yore.ErrNotFound) // the zero id
			do(update(tombstone, rename("X"))).fails(t, yore.ErrDeleted)       // immutable-37
			do(update(gone, rename("X"))).fails(t, yore.ErrDeleted)            // immutable-47
			bad := do(update(v1, func(u *user) { u.Email, u.Name = "nothing", "kept" })).refused(t, "email has invalid format")
			if row := bad.Row.(user); row.Name != "kept" || row.EntityID != v1.EntityID { // immutable-39, immutable-45
				t.Errorf("input is lost: %+v", row)
			}
			mine := errors.New("mine")
			if _, err := update(v1, func(*user) error { return mine }); err != mine {
				t.Errorf("fn's error: %v", err)
			}
		})
	}
	equal(t, "versions", userVersions(do(users.AllVersions().OrderBy("email, version").All(ctx, db)).ok(t)), []int64{1, 1, 2})
	panics := func(name string, kind error, u user, change any) {
		defer func() {
			if err, ok := recover().(error); !ok || !errors.Is(err, kind) {
				t.Errorf("%s: %v", name, err)
			}
		}()
		users.MustUpdate(ctx, db, u, change)
	}
	panics("immutable-41, 51", yore.ErrNotFound, fabricated, rename("X"))
	panics("immutable-42, 52", yore.ErrInvalid, v1, rename(""))
}

// immutable-N2, and the deliberate difference of immutable-38: a stale version is a
// conflict for Update and none for UpdateAny.
func TestUpdateConflict(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	v1 := do(users.Insert(ctx, db, newUser("a@x"))).ok(t)
	v2 := do(users.Update(ctx, db, v1, rename("two"))).ok(t)
	v3 := do(users.Update(ctx, db, v2, rename("three"))).ok(t)
	conflict := func(err error, actual int64) {
		t.Helper()
		var e *yore.ConflictError
		if !errors.As(err, &e) || e.EntityID != v1.EntityID || e.Expected != 1 || e.Actual != actual {
			t.Errorf("%+v", e)
		}
	}
	conflict(do(users.Update(ctx, db, v1, rename("lost"))).fails(t, yore.ErrConflict), 3)
	conflict(do(users.Update(ctx, db, v1, rename("N"))).fails(t, yore.ErrConflict), 3) // nothing to change is no excuse
	conflict(do(users.Delete(ctx, db, v1)).fails(t, yore.ErrConflict), 3)
	equal(t, "current", do(users.Get(ctx, db, v1.EntityID)).ok(t), v3)
	v4 := do(users.UpdateAny(ctx, db, v1, rename("any"))).ok(t)
	if v4.Version != 4 || v4.Name != "any" {
		t.Errorf("%+v", v4)
	}
	do(users.DeleteAny(ctx, db, v1.EntityID)).ok(t)
	back := do(users.Undelete(ctx, db, v1.EntityID)).ok(t)
	conflict(do(users.Update(ctx, db, v1, rename("lost"))).fails(t, yore.ErrConflict), back.Version)
}

// immutable-N10: what changes nothing makes no version, and is no error.
func TestUpdateOfNothing(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	u := newUser("a@x")
	u.Tags = []string{"a"}
	v1 := do(users.Insert(ctx, db, u)).ok(t)
	for name, change := range map[string]any{
		"Func": func(*user) {}, "Row": v1, "Changes": yore.Changes{}, "SameValue": yore.Changes{"name": "N"}, "NewSlice": func(u *user) { u.Tags = []string{"a"} },
		"VersionData": yore.Changes{"version": 7, "entity_id": yore.NewUUID().String()},
	} {
		equal(t, name, do(users.Update(ctx, db, v1, change)).ok(t), v1)
		equal(t, name+", any", do(users.UpdateAny(ctx, db, v1, change)).ok(t), v1)
	}
	equal(t, "versions", do(users.History(v1.EntityID).Count(ctx, db)).ok(t), int64(1))
}
