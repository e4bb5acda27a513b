package yore_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"yore.example/yore"
)

func TestUpsert(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	v1 := do(users.Upsert(ctx, db, newUser("a@x"), "email")).ok(t)
	equal(t, "inserted", v1.Version, int64(1))
	equal(t, "no-op", do(users.Upsert(ctx, db, newUser("a@x"), "email")).ok(t), v1)
	other := newUser("a@x")
	other.Name, other.Tags = "O", []string{"t"}
	v2 := do(users.Upsert(ctx, db, other, "email")).ok(t)
	if v2.EntityID != v1.EntityID || v2.Version != 2 || v2.Name != "O" || v2.Tags[0] != "t" {
		t.Errorf("%+v", v2)
	}
	t.Run("DeletedValueIsFree", func(t *testing.T) {
		gone := do(users.Delete(ctx, db, v2)).ok(t)
		fresh := do(users.Upsert(ctx, db, newUser("a@x"), "email")).ok(t)
		if fresh.EntityID == gone.EntityID || fresh.Version != 1 {
			t.Errorf("%+v", fresh)
		}
	})
	t.Run("EntityID", func(t *testing.T) {
		u := newUser("e@x")
		u.EntityID = yore.NewUUID()
		one := do(users.Upsert(ctx, db, u, "entity_id")).ok(t) // new, with the id that was given
		if one.EntityID != u.EntityID || one.Version != 1 {
			t.Errorf("%+v", one)
		}
		u.Name = "live"
		two := do(users.Upsert(ctx, db, u, "entity_id")).ok(t)
		if two.EntityID != u.EntityID || two.Version != 2 || two.Name != "live" {
			t.Errorf("%+v", two)
		}
		do(users.Delete(ctx, db, two)).ok(t)
		u.Name = "back"
		four := do(users.Upsert(ctx, db, u, "entity_id")).ok(t) // deleted
		if four.EntityID != u.EntityID || four.Version != 4 || four.Name != "back" || four.DeletedAt != nil {
			t.Errorf("%+v", four)
		}
		u.EntityID = yore.UUID{}
		do(users.Upsert(ctx, db, u, "entity_id")).refused(t, "entity_id can't be blank")
	})
	t.Run("Default", func(t *testing.T) { // a zero field with a default is not updated
		type row struct {
			yore.Meta
			Email  string
			Name   string
			Status string
			Hidden string `db:",default"`
		}
		rows := yore.Immutable[row]("users")
		do(rows.Insert(ctx, db, row{Email: "d@x", Name: "N", Status: "active", Hidden: "own"})).ok(t)
		r := do(rows.Upsert(ctx, db, row{Email: "d@x", Name: "M", Status: "active"}, "email")).ok(t)
		if r.Hidden != "own" || r.Name != "M" || r.Version != 2 {
			t.Errorf("%+v", r)
		}
	})
	t.Run("Errors", func(t *testing.T) {
		for _, columns := range [][]string{nil, {"nonsense"}, {"version"}, {"email", "valid_from"}} {
			do(users.Upsert(ctx, db, newUser("z@x"), columns...)).fails(t, yore.ErrOption)
		}
		do(users.Upsert(ctx, db, user{Email: "z@x"}, "email")).refused(t, "name can't be blank", "status is invalid")
		// No unique index on the column: PostgreSQL has an error for it.
		var pg *pgconn.PgError
		if _, err := users.Upsert(ctx, db, newUser("z@x"), "name"); !errors.As(err, &pg) || pg.Code != "42P10" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("AtOnce", func(t *testing.T) {
		errs := atOnce(8, func(i int) error {
			u := newUser("race@x")
			u.Name = fmt.Sprint(i)
			_, err := users.Upsert(ctx, db, u, "email")
			return err
		})
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
		u := do(users.Where("email = 'race@x'").One(ctx, db)).ok(t)
		equal(t, "versions", u.Version, int64(8))
	})
}
