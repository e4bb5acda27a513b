package yore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// immutable-17..28
func TestInsert(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	var before, after time.Time
	note := "n"
	clock := func(at *time.Time) {
		if err := db.QueryRow(ctx, "SELECT clock_timestamp()").Scan(at); err != nil {
			t.Fatal(err)
		}
	}
	clock(&before)
	made := do(accounts.Insert(ctx, db, account{Name: "a", Balance: 5, Note: &note})).ok(t) // immutable-23
	clock(&after)
	if made.ID.IsZero() || made.EntityID.IsZero() || made.ID == made.EntityID { // immutable-17, immutable-18
		t.Errorf("ids %s, %s", made.ID, made.EntityID)
	}
	equal(t, "immutable-19: version", made.Version, int64(1))
	if made.ValidFrom.Before(before) || made.ValidFrom.After(after) || made.ValidFrom.Location() != time.UTC {
		t.Errorf("immutable-20: valid_from %v is not between %v and %v", made.ValidFrom, before, after)
	}
	if made.DeletedAt != nil {
		t.Error("immutable-21: deleted_at", made.DeletedAt)
	}
	if made.Name != "a" || made.Balance != 5 || *made.Note != "n" {
		t.Errorf("immutable-22: %+v", made)
	}
	equal(t, "immutable-26: read by row id", do(accounts.Where("id = $1", made.ID).One(ctx, db)).ok(t), made)

	t.Run("Cast", func(t *testing.T) { // immutable-24
		row := do(users.Cast(user{Status: "active"}, map[string]any{"email": "c@x", "name": "C", "age": 7})).ok(t)
		u := do(users.Insert(ctx, db, row)).ok(t)
		if u.Email != "c@x" || u.Name != "C" || *u.Age != 7 || u.Version != 1 {
			t.Errorf("%+v", u)
		}
	})
	t.Run("ErrInvalid", func(t *testing.T) { // immutable-25
		e := do(users.Insert(ctx, db, user{Name: "N", Status: "active"})).refused(t, "email can't be blank")
		equal(t, "row", e.Row, user{Name: "N", Status: "active"})
		equal(t, "rows", do(users.Where("email = ''").Count(ctx, db)).ok(t), int64(0))
	})
	t.Run("Must", func(t *testing.T) { // immutable-27, immutable-28
		equal(t, "version", users.MustInsert(ctx, db, newUser("m@x")).Version, int64(1))
		defer func() {
			if _, ok := recover().(*yore.InvalidError); !ok {
				t.Error("no *InvalidError")
			}
		}()
		users.MustInsert(ctx, db, user{})
	})
	t.Run("VersionDataIsPassedOver", func(t *testing.T) {
		deleted := time.Now()
		forged := yore.Meta{EntityID: yore.NewUUID(), Version: 99, ValidFrom: deleted.AddDate(-9, 0, 0), DeletedAt: &deleted}
		made := do(accounts.Insert(ctx, db, account{Meta: forged, ID: yore.NewUUID(), Name: "f"})).ok(t)
		if made.EntityID == forged.EntityID || made.Version != 1 || made.DeletedAt != nil || made.ValidFrom.Before(before) {
			t.Errorf("%+v", made)
		}
	})
}

// immutable-14..16: a row id is seen where the table shows it and the row type
// has a field, and stands in history always.
func TestRowID(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	u := do(users.Insert(ctx, db, newUser("a@x"))).ok(t)
	id := pgtest.Rows(t, db, "SELECT id FROM history.users")[0]
	if said := fmt.Sprintf("%+v", u); strings.Contains(said, id) || !strings.Contains(said, u.EntityID.String()) {
		t.Errorf("immutable-14: %s has the row id %s or not the entity's", said, id)
	}
	type shown struct {
		yore.Meta
		ID   yore.UUID
		Name string
	}
	if err := do(yore.Immutable[shown]("users").Get(ctx, db, u.EntityID)).err; err == nil {
		t.Error("immutable-14: the face shows the row id")
	}
	a := do(accounts.Insert(ctx, db, account{Name: "x"})).ok(t)
	if said := fmt.Sprintf("%+v", a); !strings.Contains(said, a.ID.String()) || a.ID.IsZero() {
		t.Errorf("immutable-15: %s has no row id", said)
	}
	equal(t, "immutable-16: readable", do(yore.Immutable[shown]("users").History(u.EntityID).One(ctx, db)).ok(t).ID.String(), id)
}

func TestInsertMany(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	many := func(prefix string, n int) (rows []user) {
		for i := range n {
			u := newUser(fmt.Sprintf("%s%d@x", prefix, i))
			u.Name = fmt.Sprint(i)
			rows = append(rows, u)
		}
		return rows
	}
	inOrder := func(rows []user) {
		t.Helper()
		seen := map[yore.UUID]bool{}
		for i, u := range rows {
			if u.Name != fmt.Sprint(i) || u.Version != 1 || seen[u.EntityID] {
				t.Fatalf("row %d: %+v", i, u)
			}
			seen[u.EntityID] = true
		}
	}
	equal(t, "none", do(users.InsertMany(ctx, db, nil)).ok(t), []user{})
	inOrder(do(users.InsertMany(ctx, db, many("few", 3))).ok(t))
	const most = 65535 / 7
	large := do(users.InsertMany(ctx, db, many("large", most+2))).ok(t)
	if len(large) != most+2 {
		t.Fatal(len(large))
	}
	inOrder(large)
	if !large[0].ValidFrom.Equal(large[most+1].ValidFrom) {
		t.Error("more than one transaction")
	}

	count := do(users.Current().Count(ctx, db)).ok(t)
	t.Run("Validate", func(t *testing.T) {
		rows := many("v", 3)
		rows[1].Name = ""
		equal(t, "row", do(users.InsertMany(ctx, db, rows)).refused(t, "name can't be blank").Row, rows[1])
	})
	t.Run("Constraint", func(t *testing.T) {
		rows := many("c", 3)
		rows[2].Email = "few0@x"
		do(users.InsertMany(ctx, db, rows)).refused(t, "email has already been taken")
	})
	t.Run("ConstraintInTheLastPart", func(t *testing.T) {
		rows := many("p", most+2)
		rows[most+1].Email = "few0@x"
		do(users.InsertMany(ctx, db, rows)).refused(t, "email has already been taken")
	})
	equal(t, "rows after the failures", do(users.Current().Count(ctx, db)).ok(t), count)
}
