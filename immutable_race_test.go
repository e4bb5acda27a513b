package yore_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// atOnce runs fn n times at the same moment and returns the errors.
func atOnce(n int, fn func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan bool)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			<-start
			errs[i] = fn(i)
		})
	}
	close(start)
	wait.Wait()
	return errs
}

// immutable-38: of two writers who hold version 1, Update lets one through, and
// UpdateAny both, as versions 2 and 3.
func TestTwoWriters(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	for round := range 10 {
		v1 := do(users.Insert(ctx, db, newUser(fmt.Sprintf("u%d@x", round)))).ok(t)
		errs := atOnce(2, func(i int) error {
			_, err := users.Update(ctx, db, v1, rename(fmt.Sprint(i)))
			return err
		})
		if errs[0] != nil {
			slices.Reverse(errs)
		}
		var e *yore.ConflictError
		if errs[0] != nil || !errors.As(errs[1], &e) || e.Expected != 1 || e.Actual != 2 {
			t.Fatalf("Update: %v", errs)
		}
		equal(t, "Update", userVersions(do(users.History(v1.EntityID).All(ctx, db)).ok(t)), []int64{1, 2})

		v1 = do(users.Insert(ctx, db, newUser(fmt.Sprintf("any%d@x", round)))).ok(t)
		made := make([]user, 2)
		errs = atOnce(2, func(i int) (err error) {
			made[i], err = users.UpdateAny(ctx, db, v1, rename(fmt.Sprint(i)))
			return err
		})
		if err := errors.Join(errs...); err != nil {
			t.Fatalf("UpdateAny: %v", err)
		}
		got := userVersions(made)
		slices.Sort(got)
		equal(t, "UpdateAny", got, []int64{2, 3})
	}
}

// immutable-232, immutable-233
func TestConcurrentWrites(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	for round := range 5 {
		u := do(users.Insert(ctx, db, newUser(fmt.Sprintf("u%d@x", round)))).ok(t)
		errs := atOnce(3, func(i int) error {
			_, err := users.UpdateAny(ctx, db, u, rename(fmt.Sprint("w", i)))
			return err
		})
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		equal(t, "immutable-232", userVersions(do(users.History(u.EntityID).All(ctx, db)).ok(t)), []int64{1, 2, 3, 4})

		errs = atOnce(2, func(i int) (err error) {
			if i == 0 {
				_, err = users.DeleteAny(ctx, db, u.EntityID)
			} else {
				_, err = users.UpdateAny(ctx, db, u, rename("late"))
			}
			return err
		})
		if errs[0] != nil || errs[1] != nil && !errors.Is(errs[1], yore.ErrDeleted) {
			t.Fatalf("immutable-233: %v", errs)
		}
		history := do(users.History(u.EntityID).All(ctx, db)).ok(t)
		for i, v := range history {
			if v.Version != int64(i+1) || (v.DeletedAt != nil) != (i == len(history)-1) || i > 0 && !v.ValidFrom.After(history[i-1].ValidFrom) {
				t.Fatalf("immutable-233: %+v", history)
			}
		}
	}
	pgtest.Clean(t, db)
}

// immutable-N1: 12 writers under REPEATABLE READ; no number is given twice, and those who
// come too late are told.
func TestRepeatableReadWriters(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	a := do(accounts.Insert(ctx, db, account{Name: "a"})).ok(t)
	errs := atOnce(12, func(i int) error {
		tx, err := db.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback(ctx) }()
		for range 3 {
			if _, err = accounts.UpdateAny(ctx, tx, a, func(a *account) { a.Balance = int64(i + 1) }); err != nil {
				// The transaction goes on after a conflict: it can still read.
				if _, e := accounts.Get(ctx, tx, a.EntityID); e != nil {
					return e
				}
				return err
			}
		}
		return tx.Commit(ctx)
	})
	ok := 0
	for _, err := range errs {
		var e *yore.ConflictError
		if err == nil {
			ok++
		} else if !errors.As(err, &e) || e.Actual != 0 || e.EntityID != a.EntityID {
			t.Errorf("got %v", err)
		}
	}
	history := do(accounts.History(a.EntityID).All(ctx, db)).ok(t)
	for i, v := range history {
		if v.Version != int64(i+1) {
			t.Fatalf("%+v", history)
		}
	}
	// A second and third update of the same writer change nothing.
	if ok == 0 || len(history) != 1+ok {
		t.Errorf("%d writers made %d versions", ok, len(history)-1)
	}
	pgtest.Clean(t, db)
}

// Read, add 10, write: nothing is lost with the expected version and a retry,
// nor with Mutate; with UpdateAny the last writer wins.
func TestReadModifyWrite(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	add := func(a *account) { a.Balance += 10 }
	const writers, each = 4, 5
	run := func(t *testing.T, write func(id yore.UUID) error) int64 {
		t.Helper()
		a := do(accounts.Insert(ctx, db, account{Name: "a"})).ok(t)
		errs := atOnce(writers, func(int) (err error) {
			for range each {
				err = errors.Join(err, write(a.EntityID))
			}
			return err
		})
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		return do(accounts.Get(ctx, db, a.EntityID)).ok(t).Balance
	}
	t.Run("Retry", func(t *testing.T) {
		got := run(t, func(id yore.UUID) error {
			for {
				a, err := accounts.Get(ctx, db, id)
				if err != nil {
					return err
				}
				if _, err = accounts.Update(ctx, db, a, add); !errors.Is(err, yore.ErrConflict) {
					return err
				}
			}
		})
		equal(t, "balance", got, int64(writers*each*10))
	})
	t.Run("Mutate", func(t *testing.T) {
		got := run(t, func(id yore.UUID) error {
			_, err := accounts.Mutate(ctx, db, id, func(a *account) error { add(a); return nil })
			return err
		})
		equal(t, "balance", got, int64(writers*each*10))
	})
	t.Run("UpdateAny", func(t *testing.T) {
		a := do(accounts.Insert(ctx, db, account{Name: "a"})).ok(t)
		do(accounts.UpdateAny(ctx, db, a, add)).ok(t)
		// The second read before the first wrote: 10 is what it writes, too.
		again := do(accounts.UpdateAny(ctx, db, a, add)).ok(t)
		if again.Balance != 10 || again.Version != 2 {
			t.Errorf("%+v", again)
		}
	})
}
