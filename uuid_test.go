package yore_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

const uuidText = "01a1fc73-cf99-725e-83a3-dbfa65189bfd"

func TestParseUUID(t *testing.T) {
	t.Parallel()
	for _, s := range []string{uuidText, strings.ToUpper(uuidText), strings.ReplaceAll(uuidText, "-", "")} {
		equal(t, s, do(yore.ParseUUID(s)).ok(t).String(), uuidText)
	}
	for _, s := range []string{"", "x", uuidText[:35], uuidText + "0", strings.Replace(uuidText, "-", "", 1), strings.Replace(uuidText, "a", "g", 1),
		"{" + uuidText + "}", strings.ReplaceAll(uuidText, "-", "_"), "00000000-0000-0000-0000-000000000000", strings.Repeat("0", 32), " " + uuidText[1:]} {
		do(yore.ParseUUID(s)).refused(t, "entity_id is not a valid id")
	}
}

func TestNewUUID(t *testing.T) {
	t.Parallel()
	before := time.Now().UnixMilli()
	var made []yore.UUID
	for range 1000 {
		made = append(made, yore.NewUUID())
	}
	after := time.Now().UnixMilli()
	for i, u := range made {
		ms := int64(u[0])<<40 | int64(u[1])<<32 | int64(u[2])<<24 | int64(u[3])<<16 | int64(u[4])<<8 | int64(u[5])
		if u[6]>>4 != 7 || u[8]>>6 != 2 || ms < before || ms > after {
			t.Fatalf("%s is no UUID of version 7 made now", u)
		}
		if i > 0 && bytes.Compare(u[:6], made[i-1][:6]) < 0 {
			t.Fatalf("%s sorts before %s", u, made[i-1])
		}
	}
	slices.SortFunc(made, func(a, b yore.UUID) int { return bytes.Compare(a[:], b[:]) })
	if len(slices.Compact(made)) != 1000 {
		t.Error("one was made twice")
	}
}

func TestUUIDText(t *testing.T) {
	t.Parallel()
	type doc struct {
		ID  yore.UUID  `json:"id"`
		Ref *yore.UUID `json:"ref"`
	}
	id := do(yore.ParseUUID(uuidText)).ok(t)
	for text, want := range map[string]doc{
		`{"id":"` + uuidText + `","ref":"` + uuidText + `"}`: {id, &id},
		`{"id":"","ref":null}`:                               {},
	} {
		equal(t, "JSON", string(do(json.Marshal(want)).ok(t)), text)
		var got doc
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		equal(t, text, got, want)
	}
	var u yore.UUID
	if err := json.Unmarshal([]byte(`"nonsense"`), &u); err == nil || !u.IsZero() {
		t.Errorf("%s, %v", u, err)
	}
	if u.IsZero() != true || id.IsZero() {
		t.Error("IsZero")
	}
}

func TestUUIDScan(t *testing.T) {
	t.Parallel()
	id := do(yore.ParseUUID(uuidText)).ok(t)
	for _, src := range []any{uuidText, []byte(uuidText), id[:], [16]byte(id)} {
		var u yore.UUID
		if err := u.Scan(src); err != nil || u != id {
			t.Errorf("%T: %s, %v", src, u, err)
		}
	}
	u := id
	if err := u.Scan(nil); err != nil || !u.IsZero() {
		t.Errorf("NULL: %s, %v", u, err)
	}
	for _, src := range []any{5, "x", []byte("x"), time.Now()} {
		if err := u.Scan(src); err == nil {
			t.Errorf("%v was scanned", src)
		}
	}
}

// Through pgx in each mode, and through database/sql; the zero UUID is NULL.
func TestUUIDInDatabase(t *testing.T) {
	t.Parallel()
	ctx, dsn := immutableDSN(t)
	id := do(yore.ParseUUID(uuidText)).ok(t)
	handles := map[string]yore.DB{}
	for _, mode := range modes {
		handles[mode.String()] = connect(t, dsn, mode)
		handles["sql "+mode.String()] = yore.Wrap(openSQL(t, dsn, mode))
	}
	for name, db := range handles {
		var back, fromNull yore.UUID
		var pointer, null *yore.UUID
		var isNull bool
		err := db.QueryRow(ctx, "SELECT $1::uuid, $2::uuid, $3::uuid IS NULL, $2::uuid, $3::uuid, NULL::uuid", id, &id, yore.UUID{}).Scan(&back, &pointer, &isNull, &pointer, &fromNull, &null)
		if err != nil || back != id || pointer == nil || *pointer != id || !isNull || !fromNull.IsZero() || null != nil {
			t.Errorf("%s: %s, %v, %t, %s, %v, %v", name, back, pointer, isNull, fromNull, null, err)
		}
	}
	var ids []yore.UUID
	conn := connect(t, dsn, pgx.QueryExecModeCacheStatement)
	if err := conn.QueryRow(ctx, "SELECT $1::uuid[]", []yore.UUID{id, id}).Scan(&ids); err != nil || len(ids) != 2 || ids[1] != id {
		t.Errorf("array: %v, %v", ids, err)
	}
	equal(t, "server's text", pgtest.Rows(t, conn, "SELECT $1::uuid::text", id), []string{id.String()})
}

func FuzzParseUUID(f *testing.F) {
	for _, s := range []string{uuidText, strings.ToUpper(uuidText), strings.ReplaceAll(uuidText, "-", ""), "", strings.Repeat("0", 32), "é" + uuidText[2:], strings.Repeat("-", 36)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := yore.ParseUUID(s)
		if err != nil {
			if !u.IsZero() {
				t.Errorf("%q: %s with %v", s, u, err)
			}
			return
		}
		if again, err := yore.ParseUUID(u.String()); err != nil || again != u || u.IsZero() {
			t.Errorf("%q: %s, then %s, %v", s, u, again, err)
		}
		if !strings.EqualFold(strings.ReplaceAll(s, "-", ""), strings.ReplaceAll(u.String(), "-", "")) {
			t.Errorf("%q was read as %s", s, u)
		}
	})
}
