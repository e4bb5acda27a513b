package yore_test

import (
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"yore.example/yore"
)

// immutable-82..87: version data in a change does nothing.
func TestForgedUpdate(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	forged, now := yore.NewUUID(), time.Now()
	for name, change := range map[string]any{
		"EntityID":       yore.Changes{"entity_id": forged, "name": "X"},            // immutable-82
		"EntityIDAsText": map[string]any{"entity_id": forged.String(), "name": "X"}, // immutable-83
		"DeletedAt":      yore.Changes{"deleted_at": now, "name": "X"},              // immutable-84
		"Version":        yore.Changes{"version": 999, "name": "X"},                 // immutable-85
		"ValidFrom":      yore.Changes{"valid_from": now.AddDate(-9, 0, 0), "name": "X"},
		"RowID":          yore.Changes{"id": forged, "name": "X"},
		"RowEntityID":    func(a *account) { a.EntityID, a.ID, a.Name = forged, forged, "X" },  // immutable-86
		"RowDeletedAt":   func(a *account) { a.DeletedAt, a.Version, a.Name = &now, 999, "X" }, // immutable-87
	} {
		t.Run(name, func(t *testing.T) {
			v1 := do(accounts.Insert(ctx, db, account{Name: name})).ok(t)
			v2 := do(accounts.Update(ctx, db, v1, change)).ok(t)
			if v2.EntityID != v1.EntityID || v2.Version != 2 || v2.DeletedAt != nil || v2.ID == forged || v2.ValidFrom.Before(v1.ValidFrom) || v2.Name != "X" {
				t.Errorf("%+v", v2)
			}
			do(accounts.Get(ctx, db, forged)).fails(t, yore.ErrNotFound)
		})
	}
}

// immutable-88..91
func TestForgedUndelete(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	forged := yore.NewUUID()
	for name, change := range map[string]yore.Changes{
		"EntityID":       {"entity_id": forged, "name": "X"},          // immutable-88
		"DeletedAt":      {"deleted_at": time.Now(), "name": "X"},     // immutable-89
		"Version":        {"version": 999, "name": "X"},               // immutable-90
		"EntityIDAsText": {"entity_id": forged.String(), "name": "X"}, // immutable-91
	} {
		t.Run(name, func(t *testing.T) {
			v1 := do(accounts.Insert(ctx, db, account{Name: name})).ok(t)
			do(accounts.Delete(ctx, db, v1)).ok(t)
			v3 := do(accounts.Undelete(ctx, db, v1.EntityID, change)).ok(t)
			if v3.EntityID != v1.EntityID || v3.Version != 3 || v3.DeletedAt != nil || v3.Name != "X" {
				t.Errorf("%+v", v3)
			}
		})
	}
}

// immutable-92..95: of what a browser sends, what is known applies.
func TestUnknownKeys(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	form := url.Values{"name": {"X"}, "_csrf_token": {"abc"}, "foo": {"1"}, "extra_field": {"2"}, "version": {"999"}}
	v1 := do(users.Insert(ctx, db, newUser("a@x"))).ok(t)
	v2 := do(users.Update(ctx, db, v1, do(users.Cast(v1, form)).ok(t))).ok(t) // immutable-92
	if v2.Version != 2 || v2.Name != "X" || v2.Email != "a@x" {
		t.Errorf("%+v", v2)
	}
	seen := do(users.Cast(v2, form)).ok(t)
	equal(t, "immutable-93: tombstone", do(users.Delete(ctx, db, seen)).ok(t).Version, int64(3))

	// immutable-94: changes for an undelete, cast from the same form.
	cast := do(users.Cast(user{}, form, "name")).ok(t)
	back := do(users.Undelete(ctx, db, v1.EntityID, yore.Changes{"name": cast.Name + "!"})).ok(t)
	if back.Version != 4 || back.Name != "X!" {
		t.Errorf("%+v", back)
	}
	// immutable-95: keys and values of several types, from JSON.
	var decoded map[string]any
	if err := json.Unmarshal([]byte(`{"age": 41, "name": "J", "tags": ["a", "b"], "last_login_at": "2020-01-02T03:04:05Z", "_csrf_token": "x", "nested": {"a": 1}}`), &decoded); err != nil {
		t.Fatal(err)
	}
	v5 := do(users.Update(ctx, db, back, do(users.Cast(back, decoded)).ok(t))).ok(t)
	if *v5.Age != 41 || v5.Name != "J" || len(v5.Tags) != 2 || !v5.LastLoginAt.Equal(time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("%+v", v5)
	}
	// Changes are the program's own: what is unknown there is a mistake.
	do(users.Update(ctx, db, v5, yore.Changes{"name": "Z", "_csrf_token": "x", "foo": 1})).refused(t, "_csrf_token is unknown", "foo is unknown")
	equal(t, "current", do(users.Get(ctx, db, v5.EntityID)).ok(t), v5)
}

// immutable-7, immutable-8: a version that is given counts where the table allows it.
func TestVersionWrite(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	if err := yore.CreateImmutable(ctx, db, "notes", "name text", yore.TrackOptions{AllowVersionWrite: new(true)}); err != nil {
		t.Fatal(err)
	}
	type note struct {
		yore.Meta
		Name *string
	}
	writes := yore.Immutable[note]("notes", yore.AllowVersionWrite())
	cast := do(users.Cast(newUser("a@x"), map[string]any{"version": 99, "name": "X"}, "version", "name")).ok(t)
	if cast.Version != 0 || cast.Name != "X" {
		t.Errorf("immutable-7: %+v", cast)
	}
	n := do(writes.Cast(note{}, map[string]any{"version": 99}, "version")).ok(t)
	equal(t, "immutable-8: version", n.Version, int64(99))
	equal(t, "not permitted", do(writes.Cast(note{}, map[string]any{"version": 99})).ok(t).Version, int64(0))

	n = do(writes.Insert(ctx, db, n)).ok(t)
	equal(t, "inserted", n.Version, int64(99))
	n = do(writes.Update(ctx, db, n, yore.Changes{"version": 105, "name": "x"})).ok(t)
	equal(t, "updated", n.Version, int64(105))
	n = do(writes.Update(ctx, db, n, func(n *note) { n.Name = nil })).ok(t)
	equal(t, "not given", n.Version, int64(106))
	do(writes.Update(ctx, db, n, yore.Changes{"version": 7, "name": "y"})).fails(t, yore.ErrImmutable)
	equal(t, "tombstone", do(writes.Delete(ctx, db, n)).ok(t).Version, int64(107))
	many := do(writes.InsertMany(ctx, db, []note{{}, {Meta: yore.Meta{Version: 5}}})).ok(t)
	equal(t, "many", []int64{many[0].Version, many[1].Version}, []int64{1, 5})
}
