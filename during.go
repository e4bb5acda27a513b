package yore

import (
	"strings"
	"time"

	"yore.example/yore/internal/fragment"
)

// A Clock is a time that the server tells, when the statement runs.
type Clock string

// The server's clock.
const (
	Now   Clock = "now"   // when the transaction began
	Today Clock = "today" // the day of Now, in the session's time zone; as a bound, its beginning
)

// A TimePredicate says how a period of the user's own lies to a time: At, Over,
// Before, After, and Not of them. It is used with During and DuringPeriod.
type TimePredicate struct {
	kind      timePredicate
	from, to  string // as PostgreSQL reads a time or a date
	exclusive bool
	not       bool
	err       string
}

type timePredicate int

const (
	over timePredicate = iota
	at
	before
	after
)

// bound writes a time as date, timestamp and timestamptz all read it: without
// zone it is UTC.
func bound[I time.Time | Clock](i I) string {
	switch v := any(i).(type) {
	case Clock:
		return string(v)
	case time.Time:
		if !v.IsZero() {
			return formatTime(v)
		}
	}
	return ""
}

// At is true of a period that contains a time; At(Today), of one that has some
// part of the day.
func At[I time.Time | Clock](t I) TimePredicate {
	b := bound(t)
	if b == string(Today) {
		return TimePredicate{kind: over, from: "today", to: "tomorrow"}
	}
	p := TimePredicate{kind: at, from: b, to: b}
	if b == "" {
		p.err = "At of the zero Time"
	}
	return p
}

// Over is true of a period that has some part of [from, to), a half-open one; if
// they are equal, of one that contains that time. The zero Time is open.
func Over(from, to time.Time) TimePredicate {
	if !from.IsZero() && from.Equal(to) {
		return At(from)
	}
	p := TimePredicate{kind: over, from: bound(from), to: bound(to)}
	if !from.IsZero() && !to.IsZero() && to.Before(from) {
		p.err = "Over a period that ends before it begins"
	}
	return p
}

// Before is true of a period that has some part before a time; with Exclusive, of
// one that ended by then.
func Before[I time.Time | Clock](t I) TimePredicate {
	p := TimePredicate{kind: before, to: bound(t)}
	if p.to == "" {
		p.err = "Before the zero Time"
	}
	return p
}

// After is true of a period that has some part at or after a time; with
// Exclusive, of one that began then or later.
func After[I time.Time | Clock](t I) TimePredicate {
	p := TimePredicate{kind: after, from: bound(t)}
	if p.from == "" {
		p.err = "After the zero Time"
	}
	return p
}

// Exclusive keeps of Before and After what lies there wholly.
func (p TimePredicate) Exclusive() TimePredicate {
	p.exclusive = true
	return p
}

// Not is true of a period of which the predicate is not.
func Not(p TimePredicate) TimePredicate {
	p.not = !p.not
	return p
}

// During keeps the rows whose range in a column (daterange, tsrange, tstzrange)
// fulfils the predicate: application time, which the user keeps himself, in the
// present or as of any time. An empty range and NULL fulfil none, nor their Not.
// A column without time zone is taken as UTC. A GiST index on it is used.
//
//	bookings.Current().During("stay", yore.At(yore.Today))
//	bookings.AsOf(march).During("stay", yore.Before(t).Exclusive())
func (q Query[T]) During(column string, p TimePredicate) Query[T] {
	c, err := q.q.columnName(column)
	if err == nil && p.err != "" {
		err = q.q.t.own("YO007", p.err, "")
	}
	if err != nil {
		q.q.err = err
		return q
	}
	// The server reads the parameter as the range type that the column has, so
	// that now and today are its own.
	bounds := "[" + quoteBound(p.from) + "," + quoteBound(p.to)
	operator, close := " && ", ")"
	switch {
	case p.kind == at:
		close = "]"
	case p.exclusive && p.kind != over:
		operator = " <@ "
	}
	not := ""
	if p.not {
		not = "NOT "
	}
	return q.Where("NOT isempty("+c+") AND "+not+c+operator+"$1", bounds+close)
}

// DuringPeriod is During for a period of two columns, [from, to), of type date,
// timestamp or timestamptz, where NULL is open: the user's own, or valid_from and
// valid_to of versions. To a date, a time is its day in UTC.
//
//	countries.AllVersions().DuringPeriod("valid_from", "valid_to", yore.After(yore.Now))
func (q Query[T]) DuringPeriod(from, to string, p TimePredicate) Query[T] {
	f, err := q.q.columnName(from)
	t, err2 := q.q.columnName(to)
	if err == nil {
		err = err2
	}
	if err == nil && p.err != "" {
		err = q.q.t.own("YO007", p.err, "")
	}
	if err != nil {
		q.q.err = err
		return q
	}
	var b fragment.Builder
	var parts []string
	bounded := func(column, compare, bound string, open bool) {
		if bound == "" {
			return
		}
		part := column + compare + b.Arg(bound)
		if open {
			part = "(" + column + " IS NULL OR " + part + ")"
		}
		parts = append(parts, part)
	}
	switch {
	case p.exclusive && p.kind == before:
		bounded(t, " <= ", p.to, false)
	case p.exclusive && p.kind == after:
		bounded(f, " >= ", p.from, false)
	case p.kind == at:
		bounded(f, " <= ", p.to, true)
		bounded(t, " > ", p.from, true)
	default:
		bounded(f, " < ", p.to, true)
		bounded(t, " > ", p.from, true)
	}
	condition := "true"
	if len(parts) > 0 {
		condition = strings.Join(parts, " AND ")
	}
	if p.not {
		condition = "(" + condition + ") IS NOT TRUE"
	}
	// An empty period, a tombstone's, contains nothing.
	return q.Where("("+f+" < "+t+") IS NOT FALSE AND "+condition, b.Args...)
}

func quoteBound(bound string) string {
	if bound == "" {
		return ""
	}
	return `"` + bound + `"`
}

// columnName quotes the name of a column of the query's table, or of a joined
// one with that in front.
func (q query) columnName(written string) (string, error) {
	source, name, err := fragment.Name(written)
	if err != nil {
		return "", q.misuse(err)
	}
	if source == "" {
		source = q.t.name
	}
	return fragment.Ident(source) + "." + fragment.Ident(name), nil
}
