package yore

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"yore.example/yore/internal/fragment"
)

// A scope is what a query sees of its table, before any condition.
type scope struct {
	kind     scopeKind
	key      []any
	at       time.Time // then
	from, to time.Time // between, fromTo, containedIn; zero is open
	deleted  bool      // tombstones, too
}

type scopeKind int

const (
	present scopeKind = iota
	then
	ofKey
	ever
	between
	fromTo
	containedIn
)

// source writes the scope as what stands behind FROM.
func (q query) source(b *fragment.Builder) (string, error) {
	t, s := q.t, q.scope
	if !q.versions && !s.deleted {
		switch s.kind {
		case present:
			return t.face, nil
		case then:
			return t.asof + "(" + b.Arg(formatTime(s.at)) + "::timestamptz)", nil
		}
	}
	if s.kind == ever {
		return t.history, nil
	}
	of := "SELECT * FROM " + t.history + " AS h WHERE "
	var parts []string
	switch s.kind {
	case present, then:
		// Inside AsOf the present is that of its time, and so must history be.
		at := "(SELECT coalesce(yore._session_time(), 'infinity'))"
		if s.kind == then {
			at = b.Arg(formatTime(s.at)) + "::timestamptz"
		}
		parts = append(parts, of+t.live(at))
		if s.deleted {
			parts = append(parts, of+t.lastOfDeleted(at))
		}
	case ofKey:
		condition, args, err := t.byKey(s.key)
		if err == nil {
			condition, err = b.Part(condition, args)
		}
		if err != nil {
			return "", err
		}
		parts = append(parts, "SELECT * FROM "+t.history+" AS "+t.quoted+" WHERE "+condition)
	default:
		condition, err := t.inPeriod(b, s)
		if err != nil {
			return "", err
		}
		parts = append(parts, of+condition)
	}
	return "(" + strings.Join(parts, " UNION ALL ") + ")", nil
}

// live is the condition of the versions h that are current as of a time; periods
// are half-open, as in SQL:2011.
func (t *table) live(at string) string {
	from, to := "h."+t.shown("valid_from"), "h."+t.shown("valid_to")
	return "h." + t.shown("deleted_at") + " IS NULL AND (" + from + " IS NULL OR " + from + " <= " + at + ") AND (" + to + " IS NULL OR " + to + " > " + at + ")"
}

// lastOfDeleted is the condition of the tombstones h of rows that are deleted as
// of a time. That a tombstone begins when it ends is said, too: from that the
// planner knows that they are few, and finds a partial index of them.
func (t *table) lastOfDeleted(at string) string {
	same := make([]string, len(t.key))
	for i, k := range t.key {
		same[i] = "l." + fragment.Ident(k) + " = h." + fragment.Ident(k)
	}
	return "h." + t.shown("valid_from") + " = h." + t.shown("valid_to") + " AND h." + t.shown("deleted_at") + " <= " + at + " AND NOT EXISTS (SELECT FROM " + t.history + " AS l WHERE " + strings.Join(same, " AND ") +
		" AND l." + t.shown("version") + " > h." + t.shown("version") + " AND l." + t.shown("valid_from") + " <= " + at + ")"
}

// inPeriod is the condition of the versions h that a period [from, to) or
// [from, to] meets or holds, as FOR SYSTEM_TIME of SQL:2011 and SQL Server has
// them; of tombstones, by the moment of deletion.
func (t *table) inPeriod(b *fragment.Builder, s scope) (string, error) {
	if !s.from.IsZero() && !s.to.IsZero() && s.to.Before(s.from) {
		return "", t.own("YO007", fmt.Sprintf("a period from %s to %s", formatTime(s.from), formatTime(s.to)), "The earlier time comes first.")
	}
	from, to := "h."+t.shown("valid_from"), "h."+t.shown("valid_to")
	var live, deleted []string
	if !s.from.IsZero() {
		at := b.Arg(formatTime(s.from)) + "::timestamptz"
		deleted = append(deleted, to+" >= "+at)
		if s.kind == containedIn {
			live = append(live, from+" >= "+at)
		} else {
			live = append(live, "("+to+" IS NULL OR "+to+" > "+at+")")
		}
	}
	if !s.to.IsZero() {
		at := b.Arg(formatTime(s.to)) + "::timestamptz"
		before := map[scopeKind]string{between: " <= ", fromTo: " < ", containedIn: " <= "}[s.kind]
		deleted = append(deleted, to+before+at)
		if s.kind == containedIn {
			live = append(live, to+" <= "+at)
		} else {
			live = append(live, "("+from+" IS NULL OR "+from+before+at+")")
		}
	}
	if s.kind == fromTo && !s.from.IsZero() && formatTime(s.from) == formatTime(s.to) {
		live, deleted = append(live, "false"), append(deleted, "false")
	}
	gone := "h." + t.shown("deleted_at")
	condition := strings.Join(append(live, gone+" IS NULL"), " AND ")
	if s.deleted {
		condition = "(" + condition + " OR " + strings.Join(append(deleted, gone+" IS NOT NULL"), " AND ") + ")"
	}
	return condition, nil
}

// byKey is the condition of the row, or the versions, with a key.
func (t *table) byKey(values []any) (string, []any, error) {
	if len(t.key) == 0 {
		return "", nil, t.own("YO007", "its key is not known", "Name the key columns by the tag option key, db:\"code,key\", or with yore.Key.")
	}
	if len(values) != len(t.key) {
		return "", nil, t.own("YO007", fmt.Sprintf("its key is (%s), and %d values were given", fragment.Idents("", t.key), len(values)), "")
	}
	parts, args := make([]string, len(values)), make([]any, len(values))
	for i, value := range values {
		if v := reflect.ValueOf(value); v.IsValid() {
			args[i] = parameter(v)
		}
		if args[i] == nil {
			return "", nil, t.own("YO007", fmt.Sprintf("%s, of its key, is nil", t.key[i]), "")
		}
		// The server gives the parameter the column's type.
		parts[i] = fmt.Sprintf("%s.%s = $%d", t.quoted, fragment.Ident(t.key[i]), i+1)
	}
	return strings.Join(parts, " AND "), args, nil
}

func (q query) defaultOrder() []string {
	name := q.t.quoted + "."
	version := name + q.t.shown("version")
	switch q.scope.kind {
	case present, then:
		return nil
	case ofKey:
		return []string{version}
	}
	order := make([]string, 0, len(q.t.key)+1)
	for _, k := range q.t.key {
		order = append(order, name+fragment.Ident(k))
	}
	return append(order, version)
}

// instant writes a table's rows at the instant of a query that joins it.
func (t *table) instant(b *fragment.Builder, of query) string {
	if of.versions || of.scope.kind > then {
		// A version's period ends before its end; a row goes at its tombstone.
		return "LATERAL " + t.asof + "(" + of.t.quoted + "." + of.t.shown("valid_to") + " - interval '1 microsecond')"
	}
	source, _ := query{t: t, scope: scope{kind: of.scope.kind, at: of.scope.at}}.source(b)
	return source
}
