package yore_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// immutable-N11: whatever ordinary error a method returns inside a transaction, that goes
// on, keeps what it did before, and commits.
func TestErrorsInsideTransactions(t *testing.T) {
	t.Parallel()
	ctx, dsn := immutableDSN(t)
	pool := pgtest.Connect(t, dsn)
	taken := do(users.Insert(ctx, pool, newUser("taken@x"))).ok(t)
	gone := do(users.Delete(ctx, pool, do(users.Insert(ctx, pool, newUser("gone@x"))).ok(t))).ok(t)
	clash := do(users.Delete(ctx, pool, do(users.Insert(ctx, pool, newUser("clash@x"))).ok(t))).ok(t)
	do(users.Insert(ctx, pool, newUser("clash@x"))).ok(t)
	old := do(users.Insert(ctx, pool, newUser("old@x"))).ok(t)
	do(users.Update(ctx, pool, old, rename("new"))).ok(t)
	unknown := taken
	unknown.EntityID = yore.NewUUID()
	mine := errors.New("mine")
	many := make([]user, 65535/7+1)
	for i := range many {
		many[i] = newUser("taken@x")
	}
	never := func(yore.DB, user) error { return errors.New("fn was called") }
	failing := map[string]struct {
		do   func(db yore.DB) error
		want error
	}{
		"Insert/taken":    {func(db yore.DB) error { _, err := users.Insert(ctx, db, newUser("taken@x")); return err }, yore.ErrInvalid},
		"Insert/Validate": {func(db yore.DB) error { _, err := users.Insert(ctx, db, user{}); return err }, yore.ErrInvalid},
		"InsertMany/taken": {func(db yore.DB) error {
			_, err := users.InsertMany(ctx, db, []user{newUser("f@x"), newUser("taken@x")})
			return err
		}, yore.ErrInvalid},
		"InsertMany/large": {func(db yore.DB) error { _, err := users.InsertMany(ctx, db, many); return err }, yore.ErrInvalid},
		"Upsert/Validate":  {func(db yore.DB) error { _, err := users.Upsert(ctx, db, user{}, "email"); return err }, yore.ErrInvalid},
		"Upsert/option":    {func(db yore.DB) error { _, err := users.Upsert(ctx, db, taken); return err }, yore.ErrOption},
		"Update/taken": {func(db yore.DB) error {
			_, err := users.Update(ctx, db, taken, yore.Changes{"email": "old@x"})
			return err
		}, yore.ErrInvalid},
		"Update/conflict":  {func(db yore.DB) error { _, err := users.Update(ctx, db, old, rename("x")); return err }, yore.ErrConflict},
		"Update/deleted":   {func(db yore.DB) error { _, err := users.Update(ctx, db, gone, rename("x")); return err }, yore.ErrDeleted},
		"Update/not found": {func(db yore.DB) error { _, err := users.Update(ctx, db, unknown, rename("x")); return err }, yore.ErrNotFound},
		"Update/func": {func(db yore.DB) error {
			_, err := users.Update(ctx, db, taken, func(*user) error { return mine })
			return err
		}, mine},
		"UpdateAny/deleted": {func(db yore.DB) error { _, err := users.UpdateAny(ctx, db, gone, rename("x")); return err }, yore.ErrDeleted},
		"Delete/conflict":   {func(db yore.DB) error { _, err := users.Delete(ctx, db, old); return err }, yore.ErrConflict},
		"Delete/deleted":    {func(db yore.DB) error { _, err := users.Delete(ctx, db, gone); return err }, yore.ErrDeleted},
		"DeleteAny/unknown": {func(db yore.DB) error { _, err := users.DeleteAny(ctx, db, unknown.EntityID); return err }, yore.ErrNotFound},
		"Undelete/live":     {func(db yore.DB) error { _, err := users.Undelete(ctx, db, taken.EntityID); return err }, yore.ErrNotDeleted},
		"Undelete/unknown":  {func(db yore.DB) error { _, err := users.Undelete(ctx, db, unknown.EntityID); return err }, yore.ErrNotFound},
		"Undelete/taken":    {func(db yore.DB) error { _, err := users.Undelete(ctx, db, clash.EntityID); return err }, yore.ErrInvalid},
		"Undelete/Validate": {func(db yore.DB) error {
			_, err := users.Undelete(ctx, db, gone.EntityID, yore.Changes{"name": ""})
			return err
		}, yore.ErrInvalid},
		"Get/deleted":      {func(db yore.DB) error { _, err := users.Get(ctx, db, gone.EntityID); return err }, yore.ErrDeleted},
		"Get/unknown":      {func(db yore.DB) error { _, err := users.Get(ctx, db, unknown.EntityID); return err }, yore.ErrNotFound},
		"One/none":         {func(db yore.DB) error { _, err := users.Where("false").One(ctx, db); return err }, yore.ErrNotFound},
		"All/option":       {func(db yore.DB) error { _, err := users.Where("$1").All(ctx, db); return err }, yore.ErrOption},
		"Lock/deleted":     {func(db yore.DB) error { _, err := users.Lock(ctx, db, gone.EntityID); return err }, yore.ErrDeleted},
		"WithLock/unknown": {func(db yore.DB) error { return users.WithLock(ctx, db, unknown.EntityID, never) }, yore.ErrNotFound},
		"WithLock/func": {func(db yore.DB) error {
			return users.WithLock(ctx, db, taken.EntityID, func(yore.DB, user) error { return mine })
		}, mine},
		"Mutate/func": {func(db yore.DB) error {
			_, err := users.Mutate(ctx, db, taken.EntityID, func(*user) error { return mine })
			return err
		}, mine},
		"Mutate/Validate": {func(db yore.DB) error {
			_, err := users.Mutate(ctx, db, taken.EntityID, func(u *user) error { u.Name = ""; return nil })
			return err
		}, yore.ErrInvalid},
		"Mutate/taken": {func(db yore.DB) error {
			_, err := users.Mutate(ctx, db, taken.EntityID, func(u *user) error { u.Email = "old@x"; return nil })
			return err
		}, yore.ErrInvalid},
		"Related/option": {func(db yore.DB) error { _, err := orgOf.One(ctx, db, taken); return err }, yore.ErrOption},
	}
	for _, mode := range modes {
		for _, kind := range []string{"Tx", "Savepoint", "Begun", "PoolConn", "SQL"} {
			t.Run(kind+"/"+mode.String(), func(t *testing.T) {
				db, commit := begin(t, dsn, kind, mode)
				a := do(users.Insert(ctx, db, newUser(strings.ReplaceAll(kind+mode.String(), " ", "-")+"@x"))).ok(t)
				for name, test := range failing {
					if name == "InsertMany/large" && mode != modes[0] { // it takes its time
						continue
					}
					if err := test.do(db); !errors.Is(err, test.want) {
						t.Fatalf("%s: got %v, want %v", name, err, test.want)
					}
					if _, err := users.Get(ctx, db, a.EntityID); err != nil {
						t.Fatalf("after %s: %v", name, err)
					}
				}
				a = do(users.Update(ctx, db, a, rename("after"))).ok(t)
				if err := commit(); err != nil {
					t.Fatal(err)
				}
				equal(t, "committed", do(users.Get(ctx, pool, a.EntityID)).ok(t), a)
			})
		}
	}
	equal(t, "the rest is as it was", do(users.Get(ctx, pool, taken.EntityID)).ok(t), taken)
	do(users.Get(ctx, pool, gone.EntityID)).fails(t, yore.ErrDeleted)
}

// begin begins a transaction of a kind, and returns how to commit it.
func begin(t testing.TB, dsn, kind string, mode pgx.QueryExecMode) (yore.DB, func() error) {
	t.Helper()
	ctx := context.Background()
	switch kind {
	case "Tx":
		tx := do(connect(t, dsn, mode).Begin(ctx)).ok(t)
		return tx, func() error { return tx.Commit(ctx) }
	case "Savepoint":
		tx := do(connect(t, dsn, mode).Begin(ctx)).ok(t)
		inner := do(tx.Begin(ctx)).ok(t)
		return inner, func() error { return errors.Join(inner.Commit(ctx), tx.Commit(ctx)) }
	case "Begun":
		conn := connect(t, dsn, mode)
		pgtest.Exec(t, conn, "BEGIN")
		return conn, func() error { _, err := conn.Exec(ctx, "COMMIT"); return err }
	case "PoolConn":
		conn := do(pgtest.Connect(t, dsn).Acquire(ctx)).ok(t)
		t.Cleanup(conn.Release)
		pgtest.Exec(t, conn, "BEGIN")
		return conn, func() error { _, err := conn.Exec(ctx, "COMMIT"); return err }
	default:
		tx := do(openSQL(t, dsn, mode).BeginTx(ctx, nil)).ok(t)
		return yore.Wrap(tx), tx.Commit
	}
}

// Under REPEATABLE READ, a change that the transaction cannot see is a conflict
// for every method, and the transaction goes on.
func TestConflictsOfSnapshots(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	u := do(users.Insert(ctx, db, newUser("a@x"))).ok(t)
	mine := do(users.Insert(ctx, db, newUser("b@x"))).ok(t)
	tx := do(db.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead})).ok(t)
	defer func() { _ = tx.Rollback(ctx) }()
	equal(t, "snapshot", do(users.Get(ctx, tx, u.EntityID)).ok(t), u)
	do(users.Update(ctx, db, u, rename("other"))).ok(t)
	for name, err := range map[string]error{
		"Update":    do(users.Update(ctx, tx, u, rename("x"))).err,
		"UpdateAny": do(users.UpdateAny(ctx, tx, u, rename("x"))).err,
		"Delete":    do(users.Delete(ctx, tx, u)).err,
		"DeleteAny": do(users.DeleteAny(ctx, tx, u.EntityID)).err,
		"Lock":      do(users.Lock(ctx, tx, u.EntityID)).err,
		"Mutate":    do(users.Mutate(ctx, tx, u.EntityID, func(*user) error { return nil })).err,
		"WithLock":  users.WithLock(ctx, tx, u.EntityID, func(yore.DB, user) error { return nil }),
	} {
		var e *yore.ConflictError
		if !errors.Is(err, yore.ErrConflict) || !errors.As(err, &e) || e.Actual != 0 || e.EntityID != u.EntityID {
			t.Errorf("%s: %v", name, err)
		}
	}
	mine = do(users.Update(ctx, tx, mine, rename("mine"))).ok(t)
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	equal(t, "committed", do(users.Get(ctx, db, mine.EntityID)).ok(t), mine)
}
