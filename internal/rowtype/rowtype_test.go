package rowtype

import (
	"database/sql"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

type Inner struct {
	ID   int
	When time.Time
}

type hidden struct{ Deep *time.Time }

type outer struct {
	Title string
	Inner
	hidden
	sql.NullString `db:"note"`
	Renamed        int `db:"other_name"`
	Left           int `db:"-"`
	HTTPCode       int `db:",default"`
	Made           int `db:"made,readonly"`
	Both           int `db:"both,default,readonly"`
	Moments        []time.Time
	private        int
}

func TestOf(t *testing.T) {
	t.Parallel()
	r, err := Of(reflect.TypeFor[outer]())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"title", "id", "when", "deep", "note", "other_name", "http_code", "made", "both", "moments"}
	if got := r.Columns(); !slices.Equal(got, want) {
		t.Errorf("columns %v", got)
	}
	for column, options := range map[string][2]bool{"title": {}, "http_code": {true, false}, "made": {false, true}, "both": {true, true}} {
		f, ok := r.Field(column)
		if !ok || f.Default != options[0] || f.ReadOnly != options[1] || f.Column != column {
			t.Errorf("%s: %+v", column, f)
		}
	}
	if _, ok := r.Field("left"); ok {
		t.Error(`a field with "-" is a column`)
	}
	if again, _ := Of(reflect.TypeFor[outer]()); again != r {
		t.Error("read twice")
	}
}

func TestPointersAndUTC(t *testing.T) {
	t.Parallel()
	r, err := Of(reflect.TypeFor[outer]())
	if err != nil {
		t.Fatal(err)
	}
	far := time.Date(2020, 1, 1, 3, 0, 0, 0, time.FixedZone("far", 3*3600))
	row := outer{private: 1}
	row.Deep, row.When, row.Moments = &far, far, []time.Time{far}
	p := r.Pointers(reflect.ValueOf(&row))
	*p[0].(*string) = "set"
	*p[1].(*int) = 7
	r.UTC(reflect.ValueOf(&row))
	if row.Title != "set" || row.ID != 7 || row.private != 1 {
		t.Errorf("%+v", row)
	}
	for _, at := range []time.Time{row.When, *row.Deep, row.Moments[0]} {
		if at.Location() != time.UTC || at.Hour() != 0 {
			t.Errorf("%v", at)
		}
	}
	row.Deep = nil
	r.UTC(reflect.ValueOf(&row))
	if row.Deep != nil {
		t.Error("nil is not nil any more")
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	type twice struct {
		ID int
		Inner
	}
	type option struct {
		A int `db:"a,omitempty"`
	}
	type none struct{ a int }
	for _, test := range []struct {
		t    reflect.Type
		want string
	}{
		{reflect.TypeFor[int](), "no struct"},
		{reflect.TypeFor[*outer](), "no struct"},
		{reflect.TypeFor[struct{}](), "no exported field"},
		{reflect.TypeOf(none{a: 1}), "no exported field"},
		{reflect.TypeFor[twice](), "two fields for column id"},
		{reflect.TypeFor[option](), `"omitempty" is none of default, readonly and key`},
	} {
		for range 2 { // the error is remembered, too
			if _, err := Of(test.t); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.t.String()) {
				t.Errorf("%v: %v", test.t, err)
			}
		}
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	type tagged struct {
		ID    int
		Order int `db:"order_id,key"`
		Line  int `db:",key"`
	}
	type entity struct {
		ID       int
		EntityID int
	}
	type keyless struct{ Name string }
	for of, want := range map[reflect.Type][]string{
		reflect.TypeFor[tagged]():  {"order_id", "line"},
		reflect.TypeFor[entity]():  {"entity_id"},
		reflect.TypeFor[Inner]():   {"id"},
		reflect.TypeFor[keyless](): nil,
	} {
		if r, err := Of(of); err != nil || !slices.Equal(r.Key(), want) {
			t.Errorf("%v: %v, %v", of, r.Key(), err)
		}
	}
}

func TestConcurrently(t *testing.T) {
	t.Parallel()
	type own struct{ A, B int }
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if r, err := Of(reflect.TypeFor[own]()); err != nil || len(r.Fields) != 2 {
				t.Errorf("%v, %v", r, err)
			}
		})
	}
	wait.Wait()
}

func TestSnake(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Title": "title", "DueOn": "due_on", "EntityID": "entity_id", "HTTPCode": "http_code", "ID": "id", "A": "a", "AB": "ab",
		"UserIDs": "user_ids", "URLsSeen": "urls_seen", "HTTPServer": "http_server", "X509Cert": "x509_cert", "Already_Snake": "already__snake", "Größe": "größe", "ÄpfelGrün": "äpfel_grün",
	} {
		if got := Snake(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}
