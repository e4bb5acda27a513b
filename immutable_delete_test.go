package yore_test

import (
	"errors"
	"testing"
	"time"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// immutable-53..60, immutable-63, immutable-64
func TestDelete(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	note := "n"
	v1 := do(accounts.Insert(ctx, db, account{Name: "a", Balance: 4, Note: &note})).ok(t)
	const first = "SELECT id, version, name, balance, note, valid_from, deleted_at FROM history.accounts WHERE version = 1"
	stored := pgtest.Rows(t, db, first)
	gone := accounts.MustDelete(ctx, db, v1) // immutable-64
	if gone.DeletedAt == nil || time.Since(*gone.DeletedAt) > 10*time.Second || gone.DeletedAt.Location() != time.UTC {
		t.Errorf("immutable-53: deleted_at %v", gone.DeletedAt)
	}
	equal(t, "immutable-54: version", gone.Version, int64(2))
	if gone.Name != "a" || gone.Balance != 4 || *gone.Note != "n" {
		t.Errorf("immutable-55: %+v", gone)
	}
	equal(t, "immutable-56: entity_id", gone.EntityID, v1.EntityID)
	if gone.ID == v1.ID || gone.ID.IsZero() {
		t.Errorf("immutable-57: row id %s", gone.ID)
	}
	if !gone.ValidFrom.After(v1.ValidFrom) || !gone.ValidFrom.Equal(*gone.DeletedAt) {
		t.Errorf("immutable-58: valid_from %v", gone.ValidFrom)
	}
	equal(t, "immutable-59: the row of version 1", pgtest.Rows(t, db, first), stored)
	equal(t, "immutable-60: stored", do(accounts.History(v1.EntityID).All(ctx, db)).ok(t), []account{v1, gone})

	u := do(users.Insert(ctx, db, newUser("a@x"))).ok(t)
	u = do(users.Update(ctx, db, u, rename("two"))).ok(t)
	tomb := do(users.Delete(ctx, db, u)).ok(t)
	if tomb.Version != 3 || tomb.Name != "two" {
		t.Errorf("immutable-63: %+v", tomb)
	}
	equal(t, "stored", do(users.IncludeDeleted().All(ctx, db)).ok(t), []user{tomb})
	t.Run("Any", func(t *testing.T) {
		u := do(users.Insert(ctx, db, newUser("any@x"))).ok(t)
		do(users.Update(ctx, db, u, rename("two"))).ok(t)
		if gone := do(users.DeleteAny(ctx, db, u.EntityID)).ok(t); gone.Version != 3 || gone.Name != "two" {
			t.Errorf("%+v", gone)
		}
	})
	// What the tombstone is said to be is what it is, in a transaction that has
	// changed the row before as well: then its time is no transaction's begin.
	t.Run("InTransaction", func(t *testing.T) {
		tx := do(db.Begin(ctx)).ok(t)
		defer func() { _ = tx.Rollback(ctx) }()
		u := do(users.Insert(ctx, tx, newUser("tx@x"))).ok(t)
		u = do(users.Update(ctx, tx, u, rename("two"))).ok(t)
		gone := do(users.Delete(ctx, tx, u)).ok(t)
		equal(t, "tombstone", do(users.History(u.EntityID).Where("version = 3").One(ctx, tx)).ok(t), gone)
	})
}

// immutable-61, immutable-62, immutable-65, immutable-66
func TestDeleteErrors(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	v1 := do(users.Insert(ctx, db, newUser("a@x"))).ok(t)
	unknown := newUser("u@x")
	unknown.EntityID, unknown.Version = yore.NewUUID(), 1
	do(users.Delete(ctx, db, unknown)).fails(t, yore.ErrNotFound) // immutable-61
	do(users.DeleteAny(ctx, db, unknown.EntityID)).fails(t, yore.ErrNotFound)
	do(users.DeleteAny(ctx, db, yore.UUID{})).fails(t, yore.ErrNotFound)
	tomb := do(users.Delete(ctx, db, v1)).ok(t)
	do(users.Delete(ctx, db, v1)).fails(t, yore.ErrDeleted) // immutable-62
	do(users.Delete(ctx, db, tomb)).fails(t, yore.ErrDeleted)
	do(users.DeleteAny(ctx, db, v1.EntityID)).fails(t, yore.ErrDeleted)
	for name, test := range map[string]struct {
		row  user
		kind error
	}{"immutable-65": {unknown, yore.ErrNotFound}, "immutable-66": {v1, yore.ErrDeleted}} {
		func() {
			defer func() {
				if err, ok := recover().(error); !ok || !errors.Is(err, test.kind) {
					t.Errorf("%s: %v", name, err)
				}
			}()
			users.MustDelete(ctx, db, test.row)
		}()
	}
	equal(t, "versions", userVersions(do(users.AllVersions().All(ctx, db)).ok(t)), []int64{1, 2})
}

// Who may not read history can delete all the same, and is told what the face
// shows: the tombstone's row id is not.
func TestDeleteWithoutHistory(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	pgtest.Exec(t, db, "CREATE ROLE clerk_"+db.Config().ConnConfig.Database, "GRANT SELECT, INSERT, UPDATE, DELETE ON users, accounts TO clerk_"+db.Config().ConnConfig.Database)
	t.Cleanup(func() { // roles are the server's, not the database's
		_, _ = db.Exec(ctx, "DROP OWNED BY clerk_"+db.Config().ConnConfig.Database)
		_, _ = db.Exec(ctx, "DROP ROLE clerk_"+db.Config().ConnConfig.Database)
	})
	tx := do(db.Begin(ctx)).ok(t)
	pgtest.Exec(t, tx, "SET LOCAL ROLE clerk_"+db.Config().ConnConfig.Database)
	a := do(accounts.Insert(ctx, tx, account{Name: "a"})).ok(t)
	a = do(accounts.Update(ctx, tx, a, yore.Changes{"balance": 3})).ok(t)
	gone := do(accounts.Delete(ctx, tx, a)).ok(t)
	if gone.Version != 3 || gone.DeletedAt == nil || !gone.ID.IsZero() {
		t.Errorf("%+v", gone)
	}
	do(accounts.Get(ctx, tx, a.EntityID)).fails(t, yore.ErrNotFound) // not known to be deleted
	back := do(accounts.Undelete(ctx, tx, a.EntityID, yore.Changes{"balance": 4})).ok(t)
	if back.Version != 4 || back.Balance != 4 || back.Name != "a" {
		t.Errorf("%+v", back)
	}
	u := do(users.Insert(ctx, tx, newUser("a@x"))).ok(t)
	u = do(users.Mutate(ctx, tx, u.EntityID, func(u *user) error { u.Name = "M"; return nil })).ok(t)
	do(users.Upsert(ctx, tx, u, "email")).ok(t)
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	equal(t, "versions", do(accounts.History(a.EntityID).Count(ctx, db)).ok(t), int64(4))
}
