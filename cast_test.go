package yore_test

import (
	"encoding/json"
	"math"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"yore.example/yore"
)

type level string

// form has a field of every type that is cast to.
type form struct {
	yore.Meta
	Text    string
	TextP   *string
	Level   level
	Int     int
	IntP    *int
	Small   int8
	Uint    uint16
	Float   float64
	Single  float32
	Yes     bool
	YesP    *bool
	At      time.Time
	AtP     *time.Time
	Ref     yore.UUID
	RefP    *yore.UUID
	Foreign foreignUUID
	Tags    []string
	Numbers []int
	Raw     []byte
	Amount  pgtype.Numeric
	Doc     map[string]any
	Fixed   string `db:"fixed,readonly"`
}

var forms = yore.Immutable[form]("forms")

func TestCastValues(t *testing.T) {
	t.Parallel()
	id := yore.NewUUID()
	at := time.Date(2020, 1, 2, 3, 4, 0, 0, time.UTC)
	for _, test := range []struct {
		column string
		in     any
		get    func(form) any
		want   any // nil: refused
		says   string
	}{
		{"text", "x", func(f form) any { return f.Text }, "x", ""},
		{"text", "", func(f form) any { return f.Text }, "", ""},
		{"text", 5, nil, nil, "is invalid"},
		{"text", nil, nil, nil, "can't be blank"},
		{"text", []string{"a", "b"}, func(f form) any { return f.Text }, "b", ""},
		{"text", level("l"), func(f form) any { return f.Text }, "l", ""},
		{"text_p", "", func(f form) any { return f.TextP }, (*string)(nil), ""},
		{"text_p", "x", func(f form) any { return *f.TextP }, "x", ""},
		{"level", "high", func(f form) any { return f.Level }, level("high"), ""},
		{"int", " 42 ", func(f form) any { return f.Int }, 42, ""},
		{"int", "4x", nil, nil, "is invalid"},
		{"int", "", nil, nil, "can't be blank"},
		{"int", 42.0, func(f form) any { return f.Int }, 42, ""},
		{"int", 42.5, nil, nil, "is invalid"},
		{"int", math.Ldexp(1, 63), nil, nil, "is invalid"},
		{"int", math.NaN(), nil, nil, "is invalid"},
		{"int", uint64(math.MaxUint64), nil, nil, "is invalid"},
		{"int", uint8(7), func(f form) any { return f.Int }, 7, ""},
		{"int", json.Number("17"), func(f form) any { return f.Int }, 17, ""},
		{"int", true, nil, nil, "is invalid"},
		{"int_p", "", func(f form) any { return f.IntP }, (*int)(nil), ""},
		{"int_p", nil, func(f form) any { return f.IntP }, (*int)(nil), ""},
		{"int_p", 3.0, func(f form) any { return *f.IntP }, 3, ""},
		{"int_p", "x", nil, nil, "is invalid"},
		{"small", 127, func(f form) any { return f.Small }, int8(127), ""},
		{"small", 128, nil, nil, "is invalid"},
		{"small", "128", nil, nil, "is invalid"},
		{"uint", -1, nil, nil, "is invalid"},
		{"uint", 65535.0, func(f form) any { return f.Uint }, uint16(65535), ""},
		{"uint", "70000", nil, nil, "is invalid"},
		{"float", "2.5", func(f form) any { return f.Float }, 2.5, ""},
		{"float", 3, func(f form) any { return f.Float }, 3.0, ""},
		{"float", 1<<53 + 1, nil, nil, "is invalid"},
		{"single", 1e300, nil, nil, "is invalid"},
		{"single", 0.5, func(f form) any { return f.Single }, float32(0.5), ""},
		{"yes", "on", func(f form) any { return f.Yes }, true, ""},
		{"yes", "false", func(f form) any { return f.Yes }, false, ""},
		{"yes", "maybe", nil, nil, "is invalid"},
		{"yes_p", "1", func(f form) any { return *f.YesP }, true, ""},
		{"at", "2020-01-02T03:04", func(f form) any { return f.At }, at, ""},
		{"at", "2020-01-02T05:04:00+02:00", func(f form) any { return f.At }, at, ""},
		{"at", "2020-13-02", nil, nil, "is invalid"},
		{"at", "", nil, nil, "can't be blank"},
		{"at_p", "2020-01-02 03:04:00", func(f form) any { return *f.AtP }, at, ""},
		{"at_p", "", func(f form) any { return f.AtP }, (*time.Time)(nil), ""},
		{"ref", id.String(), func(f form) any { return f.Ref }, id, ""},
		{"ref", "no uuid", nil, nil, "is invalid"},
		{"ref_p", "", func(f form) any { return f.RefP }, (*yore.UUID)(nil), ""},
		{"ref_p", id, func(f form) any { return *f.RefP }, id, ""},
		{"foreign", id.String(), func(f form) any { return f.Foreign }, foreignUUID(id), ""},
		{"foreign", "x", nil, nil, "is invalid"},
		{"foreign", id, func(f form) any { return f.Foreign }, foreignUUID(id), ""},
		{"tags", []string{"a", "b"}, func(f form) any { return f.Tags }, []string{"a", "b"}, ""},
		{"tags", []any{"a", 1.0}, nil, nil, "is invalid"},
		{"tags", []any{"a"}, func(f form) any { return f.Tags }, []string{"a"}, ""},
		{"tags", nil, func(f form) any { return f.Tags }, []string(nil), ""},
		{"tags", "a", nil, nil, "is invalid"},
		{"numbers", []string{"1", "2"}, func(f form) any { return f.Numbers }, []int{1, 2}, ""},
		{"numbers", []any{1.0, 2.5}, nil, nil, "is invalid"},
		{"raw", "xy", func(f form) any { return f.Raw }, []byte("xy"), ""},
		{"amount", "12.50", func(f form) any { v, _ := f.Amount.Float64Value(); return v.Float64 }, 12.5, ""},
		{"amount", "", func(f form) any { return f.Amount.Valid }, false, ""},
		{"amount", "a lot", nil, nil, "is invalid"},
		{"doc", map[string]any{"a": 1.0}, func(f form) any { return f.Doc }, map[string]any{"a": 1.0}, ""},
		{"doc", "{}", nil, nil, "is invalid"},
		{"fixed", "x", func(f form) any { return f.Fixed }, "", ""},
		{"entity_id", id.String(), func(f form) any { return f.EntityID }, yore.UUID{}, ""},
		{"version", 9, func(f form) any { return f.Version }, int64(0), ""},
		{"nonsense", "x", func(f form) any { return f.Text }, "", ""},
		{"Text", "x", func(f form) any { return f.Text }, "", ""},
	} {
		got, err := forms.Cast(form{}, map[string]any{test.column: test.in})
		if test.get == nil {
			do(got, err).refused(t, test.column+" "+test.says)
			continue
		}
		if err != nil {
			t.Errorf("%s from %#v: %v", test.column, test.in, err)
			continue
		}
		equal(t, test.column, test.get(got), test.want)
	}
}

func TestCastInputs(t *testing.T) {
	t.Parallel()
	before := form{Text: "kept", Tags: []string{"t"}, Int: 1}
	for name, in := range map[string]any{
		"Values":  url.Values{"int": {"2"}, "tags": {"a", "b"}},
		"Lists":   map[string][]string{"int": {"1", "2"}, "tags": {"a", "b"}},
		"Any":     map[string]any{"int": 2, "tags": []any{"a", "b"}},
		"Changes": yore.Changes{"int": 2, "tags": []string{"a", "b"}},
	} {
		f := do(forms.Cast(before, in)).ok(t)
		if f.Text != "kept" || f.Int != 2 || len(f.Tags) != 2 || before.Tags[0] != "t" || before.Int != 1 {
			t.Errorf("%s: %+v", name, f)
		}
		only := do(forms.Cast(before, in, "tags", "nonsense")).ok(t)
		if only.Int != 1 || len(only.Tags) != 2 {
			t.Errorf("%s, permitted: %+v", name, only)
		}
		equal(t, "nothing permitted", do(forms.Cast(before, in, []string{}...)).ok(t).Int, 1)
	}
	equal(t, "map of strings", do(forms.Cast(before, map[string]string{"int": "2"})).ok(t).Int, 2)
	equal(t, "nil map", do(forms.Cast(before, url.Values(nil))).ok(t), before)
	for _, in := range []any{nil, 3, "int=2", []string{"a"}, struct{}{}} {
		do(forms.Cast(before, in)).fails(t, yore.ErrOption)
	}
	// What could be read is set: the form can be shown again.
	e := do(forms.Cast(before, url.Values{"int": {"x"}, "text": {"new"}, "at": {"never"}})).refused(t, "at is invalid", "int is invalid")
	if row := e.Row.(form); row.Text != "new" || row.Int != 1 {
		t.Errorf("%+v", row)
	}
}

// In Changes, which the program writes itself, empty text is empty text.
func TestChangesValues(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	a := do(accounts.Insert(ctx, db, account{Name: "a"})).ok(t)
	a = do(accounts.Update(ctx, db, a, yore.Changes{"note": "", "balance": int32(5)})).ok(t)
	if a.Note == nil || *a.Note != "" || a.Balance != 5 {
		t.Errorf("%+v", a)
	}
	a = do(accounts.Update(ctx, db, a, yore.Changes{"note": nil})).ok(t)
	if a.Note != nil {
		t.Errorf("%+v", a)
	}
	do(accounts.Update(ctx, db, a, yore.Changes{"name": nil})).refused(t, "name can't be blank")
	do(accounts.Update(ctx, db, a, yore.Changes{"balance": 1.5, "note": 3})).refused(t, "balance is invalid", "note is invalid")
}
