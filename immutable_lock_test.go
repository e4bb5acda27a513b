package yore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// waits reports whether a channel is still silent after a while.
func waits[V any](c <-chan V) bool {
	select {
	case <-c:
		return false
	case <-time.After(150 * time.Millisecond):
		return true
	}
}

// within waits for a channel, and fails the test if nothing comes.
func within[V any](t testing.TB, what string, c <-chan V) (v V) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came: " + what)
	}
	return v
}

// immutable-96..99
func TestWithLock(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	a := do(users.Insert(ctx, db, newUser("a@x"))).ok(t)
	b := do(users.Insert(ctx, db, newUser("b@x"))).ok(t)
	t.Run("Result", func(t *testing.T) { // immutable-96, immutable-97
		mine := errors.New("mine")
		var seen user
		if err := users.WithLock(ctx, db, a.EntityID, func(_ yore.DB, u user) error { seen = u; return nil }); err != nil {
			t.Fatal(err)
		}
		equal(t, "row", seen, a)
		err := users.WithLock(ctx, db, a.EntityID, func(tx yore.DB, u user) error {
			do(users.Update(ctx, tx, u, rename("undone"))).ok(t)
			return mine
		})
		if err != mine {
			t.Errorf("got %v", err)
		}
		equal(t, "rolled back", do(users.Get(ctx, db, a.EntityID)).ok(t), a)
	})
	t.Run("OneAfterTheOther", func(t *testing.T) {
		inside, leave := make(chan bool), make(chan bool)
		first, second, other := make(chan error, 1), make(chan error, 1), make(chan error, 1)
		go func() {
			first <- users.WithLock(ctx, db, a.EntityID, func(tx yore.DB, u user) error {
				close(inside)
				<-leave
				_, err := users.Update(ctx, tx, u, rename("first"))
				return err
			})
		}()
		within(t, "the first", inside)
		var found user
		go func() {
			second <- users.WithLock(ctx, db, a.EntityID, func(_ yore.DB, u user) error { found = u; return nil })
		}()
		go func() { // immutable-99: another entity does not wait
			other <- users.WithLock(ctx, db, b.EntityID, func(tx yore.DB, u user) error {
				_, err := users.Update(ctx, tx, u, rename("other"))
				return err
			})
		}()
		if err := within(t, "another entity", other); err != nil {
			t.Fatal(err)
		}
		if do(users.Get(ctx, db, a.EntityID)).ok(t).Name != "N" { // readers do not wait
			t.Error("the first has written already")
		}
		if !waits(second) {
			t.Error("immutable-98: the second entered while the first was inside")
		}
		close(leave)
		if err := errors.Join(within(t, "the first's end", first), within(t, "the second", second)); err != nil {
			t.Fatal(err)
		}
		equal(t, "immutable-98: what the second found", found.Name, "first")
	})
	t.Run("Errors", func(t *testing.T) {
		gone := do(users.Insert(ctx, db, newUser("gone@x"))).ok(t)
		do(users.Delete(ctx, db, gone)).ok(t)
		never := func(yore.DB, user) error { t.Error("fn was called"); return nil }
		do(0, users.WithLock(ctx, db, gone.EntityID, never)).fails(t, yore.ErrDeleted)
		do(0, users.WithLock(ctx, db, yore.NewUUID(), never)).fails(t, yore.ErrNotFound)
		// No transaction, no lock.
		do(users.Lock(ctx, db, a.EntityID)).fails(t, yore.ErrOption)
		do(users.Lock(ctx, connect(t, db.Config().ConnString(), pgx.QueryExecModeExec), a.EntityID)).fails(t, yore.ErrOption)
		do(users.Lock(ctx, yore.Wrap(openSQL(t, db.Config().ConnString(), pgx.QueryExecModeExec)), a.EntityID)).fails(t, yore.ErrOption)
	})
}

// A writer waits for a lock, and a lock for a deletion.
func TestLockWaits(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	a := do(users.Insert(ctx, db, newUser("a@x"))).ok(t)
	tx := do(db.Begin(ctx)).ok(t)
	defer func() { _ = tx.Rollback(ctx) }()
	equal(t, "locked", do(users.Lock(ctx, tx, a.EntityID)).ok(t), a)
	deleted := make(chan error, 1)
	go func() { _, err := users.Delete(ctx, db, a); deleted <- err }()
	if !waits(deleted) {
		t.Fatal("deleted under the lock")
	}
	if err := tx.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	if err := within(t, "the deletion", deleted); err != nil {
		t.Fatal(err)
	}

	b := do(users.Insert(ctx, db, newUser("b@x"))).ok(t)
	tx = do(db.Begin(ctx)).ok(t)
	do(users.Delete(ctx, tx, b)).ok(t)
	locked := make(chan error, 1)
	go func() {
		_, err := users.Mutate(ctx, db, b.EntityID, func(*user) error { return nil })
		locked <- err
	}()
	if !waits(locked) {
		t.Fatal("locked while it is being deleted")
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := within(t, "the lock", locked); !errors.Is(err, yore.ErrDeleted) {
		t.Errorf("got %v", err)
	}
}

// Without an expected version, waiting for somebody who deletes an entity and
// brings it back ends well.
func TestDeletedAndBackMeanwhile(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	for name, write := range map[string]func(ctx context.Context, a account) (int64, error){
		"UpdateAny": func(ctx context.Context, a account) (int64, error) {
			a, err := accounts.UpdateAny(ctx, db, a, yore.Changes{"balance": 9})
			return a.Version, err
		},
		"DeleteAny": func(ctx context.Context, a account) (int64, error) {
			a, err := accounts.DeleteAny(ctx, db, a.EntityID)
			return a.Version, err
		},
		"Mutate": func(ctx context.Context, a account) (int64, error) {
			a, err := accounts.Mutate(ctx, db, a.EntityID, func(a *account) error { a.Balance = 9; return nil })
			return a.Version, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := do(accounts.Insert(ctx, db, account{Name: name})).ok(t)
			tx := do(db.Begin(ctx)).ok(t)
			defer func() { _ = tx.Rollback(ctx) }()
			do(accounts.DeleteAny(ctx, tx, a.EntityID)).ok(t)
			do(accounts.Undelete(ctx, tx, a.EntityID)).ok(t)
			done := make(chan result[int64], 1)
			go func() { done <- do(write(ctx, a)) }()
			if !waits(done) {
				t.Fatal("did not wait")
			}
			if err := tx.Commit(ctx); err != nil {
				t.Fatal(err)
			}
			equal(t, "version", within(t, name, done).ok(t), int64(4))
		})
	}
	pgtest.Clean(t, db)
}
