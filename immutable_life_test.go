package yore_test

import (
	"errors"
	"testing"
	"time"

	"yore.example/yore"
)

// immutable-208..213
func TestUserCreate(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	login := time.Now().Truncate(time.Microsecond).UTC()
	full := user{Email: "a@x", Name: "A", Status: "active", Age: new(30), Tags: []string{"t"}, LastLoginAt: &login}
	u := do(users.Insert(ctx, db, full)).ok(t)
	want := full
	want.Meta = u.Meta
	equal(t, "immutable-208", u, want)
	if u.Version != 1 || u.DeletedAt != nil {
		t.Errorf("immutable-208: %+v", u.Meta)
	}
	if other := do(users.Insert(ctx, db, newUser("b@x"))).ok(t); other.EntityID == u.EntityID {
		t.Error("immutable-209: one id for two")
	}
	for _, test := range []struct {
		number string
		change func(*user)
		want   []string
	}{
		{"210", func(u *user) { *u = user{Status: "active"} }, []string{"email can't be blank", "name can't be blank"}},
		{"211", func(u *user) { u.Email = "no mail" }, []string{"email has invalid format"}},
		{"212", func(u *user) { u.Status = "odd" }, []string{"status is invalid"}},
		{"213 low", func(u *user) { u.Age = new(-1) }, []string{"age must be greater than 0"}},
		{"213 high", func(u *user) { u.Age = new(200) }, []string{"age must be less than 150"}},
	} {
		t.Run("immutable-"+test.number, func(t *testing.T) {
			bad := newUser("c@x")
			test.change(&bad)
			do(users.Insert(ctx, db, bad)).refused(t, test.want...)
		})
	}
}

// immutable-214..220
func TestUserUpdate(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	v1 := do(users.Insert(ctx, db, user{Email: "a@x", Name: "A", Status: "active", Tags: []string{"t"}})).ok(t)
	v2 := do(users.Update(ctx, db, v1, yore.Changes{"age": 31})).ok(t)
	if v2.Version != 2 || *v2.Age != 31 || !v2.ValidFrom.After(v1.ValidFrom) { // immutable-214
		t.Errorf("immutable-214: %+v", v2)
	}
	want := v1
	want.Age, want.Meta = v2.Age, v2.Meta
	equal(t, "immutable-215", v2, want)
	equal(t, "immutable-216", do(users.History(v1.EntityID).One(ctx, db)).ok(t), v1)
	v3 := do(users.Update(ctx, db, v2, rename("B"))).ok(t)
	v4 := do(users.Update(ctx, db, v3, yore.Changes{"status": "suspended"})).ok(t)
	if v4.Version != 4 || *v4.Age != 31 || v4.Name != "B" || v4.Status != "suspended" || v4.Email != "a@x" {
		t.Errorf("immutable-217: %+v", v4)
	}
	do(users.Update(ctx, db, v4, yore.Changes{"email": "odd"})).refused(t, "email has invalid format") // immutable-218
	unknown := v4
	unknown.EntityID = yore.NewUUID()
	do(users.Update(ctx, db, unknown, rename("C"))).fails(t, yore.ErrNotFound) // immutable-219
	gone := do(users.Delete(ctx, db, v4)).ok(t)
	do(users.Update(ctx, db, v4, rename("C"))).fails(t, yore.ErrDeleted) // immutable-220
	equal(t, "immutable-225: version", gone.Version, int64(5))
}

// immutable-221..231
func TestUserDeleteUndelete(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	login := time.Now().Truncate(time.Microsecond).UTC()
	v1 := do(users.Insert(ctx, db, user{Email: "a@x", Name: "A", Status: "active", Age: new(30), Tags: []string{"t"}, LastLoginAt: &login})).ok(t)
	v2 := do(users.Delete(ctx, db, v1)).ok(t)
	want := v1
	want.Meta = v2.Meta
	equal(t, "immutable-221, 222", v2, want)
	equal(t, "immutable-223", do(users.History(v1.EntityID).One(ctx, db)).ok(t), v1)
	do(users.Delete(ctx, db, v1)).fails(t, yore.ErrDeleted) // immutable-224
	v3 := do(users.Undelete(ctx, db, v1.EntityID)).ok(t)
	want.Meta = v3.Meta
	equal(t, "immutable-226, 227", v3, want)
	if v3.Version != 3 || v3.DeletedAt != nil {
		t.Errorf("immutable-226: %+v", v3.Meta)
	}
	equal(t, "immutable-231", do(users.History(v1.EntityID).Where("version = 2").One(ctx, db)).ok(t), v2)
	do(users.Undelete(ctx, db, v1.EntityID)).fails(t, yore.ErrNotDeleted) // immutable-230

	other := do(users.Insert(ctx, db, newUser("b@x"))).ok(t)
	two := do(users.Update(ctx, db, other, rename("two"))).ok(t)
	three := do(users.Update(ctx, db, two, yore.Changes{"age": 5})).ok(t)
	four := do(users.Delete(ctx, db, three)).ok(t)
	if four.Version != 4 || four.Name != "two" || *four.Age != 5 {
		t.Errorf("immutable-225: %+v", four)
	}
	five := do(users.Undelete(ctx, db, other.EntityID, yore.Changes{"status": "suspended"})).ok(t)
	if five.Version != 5 || five.Status != "suspended" || five.Name != "two" {
		t.Errorf("immutable-228: %+v", five)
	}

	cycle := do(users.Insert(ctx, db, newUser("c@x"))).ok(t)
	for range 3 {
		do(users.DeleteAny(ctx, db, cycle.EntityID)).ok(t)
		do(users.Undelete(ctx, db, cycle.EntityID)).ok(t)
	}
	do(users.DeleteAny(ctx, db, cycle.EntityID)).ok(t)
	for i, v := range do(users.History(cycle.EntityID).All(ctx, db)).ok(t) {
		if v.Version != int64(i+1) || (v.DeletedAt != nil) != (i%2 == 1) {
			t.Errorf("immutable-229: %+v", v.Meta)
		}
	}
}

// immutable-234: eight versions, tombstones exactly at 5 and 8.
func TestFullLife(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	u := do(users.Insert(ctx, db, newUser("a@x"))).ok(t)
	id := u.EntityID
	for _, name := range []string{"2", "3", "4"} {
		u = do(users.Update(ctx, db, u, rename(name))).ok(t)
	}
	do(users.Delete(ctx, db, u)).ok(t)
	do(users.Update(ctx, db, u, rename("no"))).fails(t, yore.ErrDeleted)
	u = do(users.Undelete(ctx, db, id, yore.Changes{"name": "6"})).ok(t)
	u = do(users.Update(ctx, db, u, rename("7"))).ok(t)
	do(users.Delete(ctx, db, u)).ok(t)
	history := do(users.History(id).All(ctx, db)).ok(t)
	equal(t, "versions", userVersions(history), []int64{1, 2, 3, 4, 5, 6, 7, 8})
	equal(t, "names", userNames(history), []string{"N", "2", "3", "4", "4", "6", "7", "7"})
	for i, v := range history {
		if (v.DeletedAt != nil) != (v.Version == 5 || v.Version == 8) {
			t.Errorf("version %d: deleted_at %v", v.Version, v.DeletedAt)
		}
		at, err := users.AsOf(v.ValidFrom).One(ctx, db)
		if v.DeletedAt != nil && !errors.Is(err, yore.ErrNotFound) || v.DeletedAt == nil && (err != nil || at.Version != v.Version) {
			t.Errorf("as of version %d: %+v, %v", i+1, at, err)
		}
	}
	do(users.Get(ctx, db, id)).fails(t, yore.ErrDeleted)
}
