package yore_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// booking meets a constraint of every kind.
type booking struct {
	yore.Meta
	Room     *string
	Day      int64
	Seat     int64
	Code     string
	Owner    yore.UUID
	Span     *string `db:"span,readonly"`
	FromDay  int64
	UntilDay int64
	Parent   *string
	A        int64
}

var bookings = yore.Immutable[booking]("bookings",
	yore.ConstraintMessage("even_seat", "seat", "must be even"),
	yore.ConstraintMessage("bookings_room_key", "room", "is booked"))

const createBookings = `SELECT yore.create_immutable_table('bookings', $$
	room text NOT NULL UNIQUE, day int NOT NULL CHECK (day > 0), seat int NOT NULL CONSTRAINT even_seat CHECK (seat % 2 = 0),
	code varchar(4) NOT NULL, owner uuid REFERENCES orgs (entity_id), a int NOT NULL CONSTRAINT lucky CHECK (a <> 13),
	from_day int NOT NULL, until_day int NOT NULL, span text GENERATED ALWAYS AS ('x') STORED,
	parent text REFERENCES bookings (room),
	CHECK (until_day >= from_day), UNIQUE (day, seat), EXCLUDE USING gist (int4range(from_day, until_day) WITH &&) $$)`

// immutable-N7, immutable-N8, immutable-N14: what a constraint refuses is an error of the field that it
// concerns, with the row as it was to be; the transaction goes on.
func TestConstraints(t *testing.T) {
	t.Parallel()
	ctx, dsn := immutableDSN(t)
	pool := pgtest.Connect(t, dsn)
	pgtest.Exec(t, pool, createBookings, "CREATE UNIQUE INDEX bookings_code_idx ON temporal.bookings (lower(code))",
		"CREATE TABLE badges (of_room text CONSTRAINT worn REFERENCES temporal.bookings (room))")
	o := do(orgs.Insert(ctx, pool, org{Name: "o"})).ok(t)
	valid := func(n int64) booking {
		room := "room " + string(rune('a'+n))
		return booking{Room: &room, Day: n + 1, Seat: 2, Code: string(rune('A' + n)), Owner: o.EntityID, FromDay: 10 * n, UntilDay: 10*n + 5}
	}
	first := do(bookings.Insert(ctx, pool, valid(0))).ok(t)
	second := do(bookings.Insert(ctx, pool, valid(1))).ok(t)
	unknown := yore.NewUUID()
	tests := []struct {
		name       string
		change     func(*booking)
		want       string
		constraint string
		code       string
	}{
		{"NotNull", func(b *booking) { b.Room = nil }, "room can't be blank", "", "23502"},
		{"Unique", func(b *booking) { b.Room = new("room a") }, "room is booked", "bookings_room_key", "23505"},
		{"UniqueOfTwo", func(b *booking) { b.Day = 1 }, "day has already been taken", "bookings_day_seat_key", "23505"},
		{"UniqueExpression", func(b *booking) { b.Code = "a" }, "code has already been taken", "bookings_code_idx", "23505"},
		{"Reference", func(b *booking) { b.Owner = unknown }, "owner does not exist", "bookings_owner_fkey", "23503"},
		{"Check", func(b *booking) { b.Day = -1 }, "day is invalid", "bookings_day_check", "23514"},
		{"CheckNamed", func(b *booking) { b.A = 13 }, "violates lucky", "lucky", "23514"},
		{"CheckWithMessage", func(b *booking) { b.Seat = 3 }, "seat must be even", "even_seat", "23514"},
		{"CheckOfTwo", func(b *booking) { b.UntilDay = b.FromDay - 1 }, "violates bookings_check", "bookings_check", "23514"},
		{"Exclusion", func(b *booking) { b.FromDay, b.UntilDay = 2, 3 }, "from_day conflicts with another", "bookings_int4range_excl", "23P01"},
		{"TooLong", func(b *booking) { b.Code = "abcde" }, "a value is too long", "", "22001"},
		{"NulByte", func(b *booking) { b.Code = "\x00" }, "a value is malformed", "", ""},
		{"OutOfRange", func(b *booking) { b.A = 1 << 40 }, "a number is out of range", "", "22003"},
	}
	for _, mode := range modes {
		for handle, db := range map[string]yore.DB{
			"Tx":  do(connect(t, dsn, mode).Begin(ctx)).ok(t),
			"SQL": yore.Wrap(do(openSQL(t, dsn, mode).BeginTx(ctx, nil)).ok(t)),
		} {
			for _, test := range tests {
				t.Run(handle+"/"+mode.String()+"/"+test.name, func(t *testing.T) {
					check := func(row booking, err error) {
						t.Helper()
						e := do(row, err).refused(t, test.want)
						equal(t, "constraint", e.Fields[0].Constraint, test.constraint)
						var pg *pgconn.PgError
						if found := errors.As(err, &pg); found != (test.code != "") || found && pg.Code != test.code {
							t.Errorf("cause: %v", pg)
						}
						if field, _, found := strings.Cut(test.want, " "); found && len(e.Field(field)) == 0 && e.Fields[0].Field != "" {
							t.Errorf("Field(%q) is empty", field)
						}
					}
					row := valid(2)
					test.change(&row)
					_, err := bookings.Insert(ctx, db, row)
					check(row, err)
					equal(t, "input", err.(*yore.InvalidError).Row, row)

					wrong := second
					test.change(&wrong)
					_, err = bookings.Update(ctx, db, second, test.change)
					check(second, err)
					equal(t, "input", err.(*yore.InvalidError).Row, wrong)
					equal(t, "unharmed", do(bookings.Get(ctx, db, second.EntityID)).ok(t), second)
				})
			}
			t.Run(handle+"/"+mode.String()+"/StillReferenced", func(t *testing.T) {
				do(orgs.Delete(ctx, db, o)).refused(t, "entity_id is still referenced")
				do(orgs.DeleteAny(ctx, db, o.EntityID)).refused(t, "entity_id is still referenced")
				equal(t, "unharmed", do(orgs.Get(ctx, db, o.EntityID)).ok(t), o)
			})
		}
	}
	t.Run("SelfReference", func(t *testing.T) {
		child := valid(3)
		child.Parent = new("room z")
		do(bookings.Insert(ctx, pool, child)).refused(t, "parent does not exist")
		child.Parent = first.Room
		child = do(bookings.Insert(ctx, pool, child)).ok(t)
		do(bookings.Update(ctx, pool, first, yore.Changes{"room": "room y"})).refused(t, "room is still referenced")
		do(bookings.Delete(ctx, pool, child)).ok(t)
	})
	t.Run("ReferencedByAnother", func(t *testing.T) {
		pgtest.Exec(t, pool, "INSERT INTO badges VALUES ('room b')")
		do(bookings.Update(ctx, pool, second, yore.Changes{"room": "room y"})).refused(t, "room is still referenced")
		do(bookings.Delete(ctx, pool, second)).refused(t, "room is still referenced")
	})
	t.Run("OtherField", func(t *testing.T) { // N7: a change of something else meets nothing
		equal(t, "version", do(bookings.Update(ctx, pool, first, yore.Changes{"a": 5})).ok(t).Version, int64(2))
	})
	t.Run("Freed", func(t *testing.T) { // N7: deletion frees the value
		do(bookings.DeleteAny(ctx, pool, first.EntityID)).ok(t)
		row := valid(2)
		row.Room = new("room a")
		do(bookings.Insert(ctx, pool, row)).ok(t)
	})
}

// What Validate returns is an InvalidError in whatever form it came.
type picky struct {
	yore.Meta
	Name string
	err  error
}

func (p *picky) Validate() error { return p.err }

func TestValidate(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	rows := yore.Immutable[picky]("orgs")
	mine := errors.New("is odd")
	for want, err := range map[string]error{
		"is odd":        mine,
		"name is short": yore.FieldErrors{{Field: "name", Message: "is short"}},
	} {
		e := do(rows.Insert(ctx, db, picky{Name: "x", err: err})).refused(t, want)
		if e.Row.(picky).Name != "x" || err == mine && !errors.Is(e, mine) {
			t.Errorf("%+v", e)
		}
	}
	if err := (yore.FieldErrors{}).Err(); err != nil {
		t.Error(err)
	}
	e := do(users.Insert(ctx, db, user{})).refused(t, "email can't be blank", "name can't be blank", "status is invalid")
	equal(t, "message", e.Error(), "yore: invalid: email can't be blank; name can't be blank; status is invalid")
	equal(t, "no field", e.Field("age"), []string(nil))
	// A row's Validate may ask another's.
	e2 := do(rows.Insert(ctx, db, picky{Name: "y", err: e})).refused(t, "email can't be blank", "name can't be blank", "status is invalid")
	if _, mine := e2.Row.(picky); !mine {
		t.Errorf("row %T", e2.Row)
	}
}

// A mistake inside a transaction is the caller's to mend: it is told as such.
func TestValueOfNoColumn(t *testing.T) {
	t.Parallel()
	ctx, dsn := immutableDSN(t)
	type odd struct {
		yore.Meta
		Name chan int
	}
	rows := yore.Immutable[odd]("orgs")
	for _, mode := range modes {
		tx := do(connect(t, dsn, mode).Begin(ctx)).ok(t)
		if _, err := rows.Insert(ctx, tx, odd{Name: make(chan int)}); err == nil || errors.Is(err, yore.ErrInvalid) {
			t.Errorf("%s: %v", mode, err)
		}
		do(orgs.Insert(ctx, tx, org{Name: "after"})).ok(t)
		if err := tx.Commit(ctx); err != nil {
			t.Errorf("%s: %v", mode, err)
		}
	}
	equal(t, "rows", do(orgs.Current().Count(ctx, connect(t, dsn, pgx.QueryExecModeExec))).ok(t), int64(len(modes)))
}
