package yore_test

import (
	"slices"
	"testing"
	"time"

	"yore.example/yore"
)

// immutable-100..105
func TestCurrent(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	all := func() []user { return do(users.Current().OrderBy("email").All(ctx, db)).ok(t) }
	v1 := do(users.Insert(ctx, db, newUser("a@x"))).ok(t)
	v2 := do(users.Update(ctx, db, v1, rename("two"))).ok(t)
	v3 := do(users.Update(ctx, db, v2, rename("three"))).ok(t)
	equal(t, "immutable-100", all(), []user{v3})
	gone := do(users.Delete(ctx, db, v3)).ok(t)
	equal(t, "immutable-101", all(), []user{})
	back := do(users.Undelete(ctx, db, gone.EntityID)).ok(t)
	equal(t, "immutable-102", all(), []user{back})
	b := do(users.Insert(ctx, db, newUser("b@x"))).ok(t)
	b = do(users.Update(ctx, db, b, rename("B"))).ok(t)
	equal(t, "immutable-103", userNames(all()), []string{"three", "B"})
	b = do(users.Update(ctx, db, b, yore.Changes{"status": "suspended"})).ok(t)
	equal(t, "immutable-104", do(users.Current().Where("status = $1", "suspended").All(ctx, db)).ok(t), []user{b})
	// N4: no filter finds a version that is superseded.
	equal(t, "N4", do(users.Current().Where("name = $1", "two").All(ctx, db)).ok(t), []user{})
	do(users.InsertMany(ctx, db, []user{newUser("c@x"), newUser("d@x")})).ok(t)
	equal(t, "immutable-105", do(users.Current().OrderBy("name DESC", "email").Limit(2).All(ctx, db)).ok(t), []user{back, do(users.Where("email = 'c@x'").One(ctx, db)).ok(t)})
}

// immutable-106..109, immutable-119, immutable-120
func TestHistoryScope(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	v1 := do(users.Insert(ctx, db, newUser("a@x"))).ok(t)
	v2 := do(users.Update(ctx, db, v1, rename("two"))).ok(t)
	v3 := do(users.Update(ctx, db, v2, rename("three"))).ok(t)
	equal(t, "immutable-106", do(users.History(v1.EntityID).All(ctx, db)).ok(t), []user{v1, v2, v3})
	b := do(users.Insert(ctx, db, newUser("b@x"))).ok(t)
	do(users.Update(ctx, db, b, rename("B"))).ok(t)
	equal(t, "immutable-119", do(users.AllVersions().Count(ctx, db)).ok(t), int64(5))
	equal(t, "immutable-120", do(users.AllVersions().Where("entity_id = $1", b.EntityID).Count(ctx, db)).ok(t), int64(2))
	ids := []string{}
	for _, u := range do(users.AllVersions().All(ctx, db)).ok(t) {
		ids = append(ids, u.EntityID.String())
	}
	if !slices.IsSorted(ids) {
		t.Errorf("AllVersions is not in the order of entities: %v", ids)
	}
	v4 := do(users.Delete(ctx, db, v3)).ok(t)
	equal(t, "immutable-107", do(users.History(v1.EntityID).All(ctx, db)).ok(t), []user{v1, v2, v3, v4})
	equal(t, "immutable-108", do(users.History(yore.NewUUID()).All(ctx, db)).ok(t), []user{})
	v5 := do(users.Undelete(ctx, db, v1.EntityID)).ok(t)
	last := do(users.History(v1.EntityID).OrderBy("version DESC").Limit(3).All(ctx, db)).ok(t)
	equal(t, "immutable-109", last, []user{v5, v4, v3})
}

// immutable-110..118
func TestImmutableAsOf(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	v1 := do(users.Insert(ctx, db, newUser("a@x"))).ok(t)
	b1 := do(users.Insert(ctx, db, newUser("b@x"))).ok(t)
	v2 := do(users.Update(ctx, db, v1, rename("two"))).ok(t)
	do(users.Update(ctx, db, b1, rename("B"))).ok(t)
	v3 := do(users.Update(ctx, db, v2, rename("three"))).ok(t)
	at := func(what string, when time.Time, want ...user) {
		t.Helper()
		got := do(users.AsOf(when).Where("email = $1", "a@x").All(ctx, db)).ok(t)
		equal(t, what, got, append([]user{}, want...))
	}
	at("immutable-110: before", v1.ValidFrom.Add(-time.Second))
	at("immutable-113", v1.ValidFrom, v1)
	at("immutable-114", v1.ValidFrom.Add(-time.Microsecond))
	at("immutable-115", v2.ValidFrom, v2)
	at("immutable-115: µs before", v2.ValidFrom.Add(-time.Microsecond), v1)
	at("immutable-115: third", v3.ValidFrom, v3)
	at("immutable-116", v1.ValidFrom.Add(v2.ValidFrom.Sub(v1.ValidFrom)/2), v1)
	at("immutable-117", time.Now().AddDate(100, 0, 0), v3)
	at("immutable-118", time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
	at("nanoseconds are cut", v2.ValidFrom.Add(-1), v1)
	at("another zone", v2.ValidFrom.In(time.FixedZone("west", -9*3600)), v2)
	at("the present", time.Time{}, v3)
	equal(t, "immutable-112", do(users.AsOf(b1.ValidFrom).OrderBy("email").All(ctx, db)).ok(t), []user{v1, b1})
	gone := do(users.Delete(ctx, db, v3)).ok(t)
	at("immutable-111", gone.ValidFrom.Add(-time.Microsecond), v3)
	at("deleted", gone.ValidFrom)
	at("N9: without tombstones", time.Now().AddDate(1, 0, 0))
}

// immutable-121..123; tombstones as of a time.
func TestIncludeDeleted(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	a := do(users.Insert(ctx, db, newUser("a@x"))).ok(t)
	b := do(users.Insert(ctx, db, newUser("b@x"))).ok(t)
	gone := do(users.Delete(ctx, db, a)).ok(t)
	latest := users.IncludeDeleted().OrderBy("email")
	equal(t, "immutable-121", do(latest.All(ctx, db)).ok(t), []user{gone, b})
	equal(t, "immutable-123", do(latest.Where("name = $1 AND deleted_at IS NOT NULL", "N").All(ctx, db)).ok(t), []user{gone})
	c := do(users.Insert(ctx, db, newUser("c@x"))).ok(t)
	c2 := do(users.Update(ctx, db, c, rename("two"))).ok(t)
	c3 := do(users.Delete(ctx, db, c2)).ok(t)
	c4 := do(users.Undelete(ctx, db, c.EntityID)).ok(t)
	equal(t, "immutable-122", do(latest.Where("email = 'c@x'").All(ctx, db)).ok(t), []user{c4})
	then := func(what string, at time.Time, want ...user) {
		t.Helper()
		got := do(users.AsOf(at).IncludeDeleted().Where("email = 'c@x'").All(ctx, db)).ok(t)
		equal(t, what, got, append([]user{}, want...))
	}
	then("before", c.ValidFrom.Add(-time.Microsecond))
	then("live", c2.ValidFrom, c2)
	then("deleted", c3.ValidFrom, c3)
	then("deleted still", c4.ValidFrom.Add(-time.Microsecond), c3)
	then("back", c4.ValidFrom, c4)
}

// immutable-124..139: Get is fetch and get!, Lookup is get. All of them are
// methods of the one handle (129, 134, 139).
func TestGet(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	a := do(users.Insert(ctx, db, newUser("a@x"))).ok(t)
	a = do(users.Update(ctx, db, a, rename("two"))).ok(t)
	gone := do(users.Delete(ctx, db, do(users.Insert(ctx, db, newUser("b@x"))).ok(t))).ok(t)
	unknown := yore.NewUUID()
	do(users.DeleteAny(ctx, db, do(users.Insert(ctx, db, newUser("c@x"))).ok(t).EntityID)).ok(t)
	tomb := do(users.IncludeDeleted().Where("email = 'c@x'").One(ctx, db)).ok(t)
	back := do(users.Undelete(ctx, db, tomb.EntityID, yore.Changes{"name": "back"})).ok(t)

	equal(t, "immutable-124, 135", users.MustGet(ctx, db, a.EntityID), a)
	if a.Version != 2 || back.Version != 3 {
		t.Errorf("%+v, %+v", a, back)
	}
	do(users.Get(ctx, db, gone.EntityID)).fails(t, yore.ErrDeleted) // immutable-125
	do(users.Get(ctx, db, unknown)).fails(t, yore.ErrNotFound)      // immutable-126
	do(users.Get(ctx, db, yore.UUID{})).fails(t, yore.ErrNotFound)
	equal(t, "immutable-127, 138", do(users.Get(ctx, db, back.EntityID)).ok(t), back)
	panics := func(id yore.UUID) (caught bool) { // immutable-136, immutable-137
		defer func() { _, caught = recover().(error) }()
		users.MustGet(ctx, db, id)
		return false
	}
	if !panics(gone.EntityID) || !panics(unknown) {
		t.Error("MustGet did not panic")
	}
	for what, test := range map[string]struct {
		id   yore.UUID
		want user
		ok   bool
	}{
		"immutable-130": {a.EntityID, a, true}, "immutable-131": {gone.EntityID, user{}, false},
		"immutable-132": {unknown, user{}, false}, "immutable-133": {back.EntityID, back, true},
	} {
		got, ok, err := users.Lookup(ctx, db, test.id)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, what, ok, test.ok)
		equal(t, what, got, test.want)
	}
}
