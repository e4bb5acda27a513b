package yore_test

import (
	"testing"
	"time"

	"yore.example/yore"
)

func TestDiffOfHandle(t *testing.T) {
	t.Parallel()
	dsn := withCountries(t)
	ctx := t.Context()
	var now time.Time
	type diff = yore.Difference[country]
	hr := func(currency string) *country { return &country{"HR", currency} }
	tolar := &country{"SI", "tolar"}
	key := func(code string) yore.Row { return yore.Row{"code": code} }
	currency, both := []string{"currency"}, []string{"code", "currency"}
	changed := func(old, new *country) diff {
		return diff{Key: key(old.Code), Kind: yore.Changed, Columns: currency, Old: old, New: new}
	}
	for name, db := range everyHandle(t, dsn) {
		want := func(from, to time.Time, o yore.DiffOptions, want ...diff) {
			t.Helper()
			equal(t, name, gather(t, name, countries.Diff(ctx, db, from, to, o)), append([]diff{}, want...))
		}
		mark, euro := &country{"DE", "mark"}, &country{"DE", "euro"}
		want(year(1992), year(1994), yore.DiffOptions{}, changed(hr("dinar"), hr("kuna")))
		want(year(1992), now, yore.DiffOptions{}, changed(mark, euro), changed(hr("dinar"), hr("euro")), diff{key("SI"), yore.Removed, both, tolar, nil})
		want(now, year(1992), yore.DiffOptions{}, changed(euro, mark), changed(hr("euro"), hr("dinar")), diff{key("SI"), yore.Added, both, nil, tolar})
		want(year(1900), year(1990), yore.DiffOptions{}, diff{key("HR"), yore.Added, both, nil, hr("dinar")})
		want(year(2003), year(2006), yore.DiffOptions{})
		want(now, now, yore.DiffOptions{})
		want(year(1992), now, yore.DiffOptions{Matching: yore.Row{"currency": "euro", "code": "HR"}}, changed(hr("dinar"), hr("euro")))
		rows := gather(t, name, yore.Diff(ctx, db, "countries", year(2000), year(2010), yore.DiffOptions{}))
		equal(t, name, rows, []yore.Difference[yore.Row]{
			{key("DE"), yore.Changed, currency, &yore.Row{"code": "DE", "currency": "mark"}, &yore.Row{"code": "DE", "currency": "euro"}},
			{key("SI"), yore.Removed, both, &yore.Row{"code": "SI", "currency": "tolar"}, nil}})
		// What has always been so began at no time.
		first := gather(t, name, countries.Changes(ctx, db, yore.ChangesOptions{Limit: 1}))[0]
		if !first.At.IsZero() || first.Kind != yore.Inserted || *first.New != *mark {
			t.Errorf("%s: %+v", name, first)
		}
	}
}
