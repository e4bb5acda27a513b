package yore

import (
	"errors"
	"strconv"
	"strings"

	"yore.example/yore/internal/fragment"
)

// build writes the statement; columns is the select list, "" for the row type's.
func (q query) build(b *fragment.Builder, columns string) (string, error) {
	if q.err != nil {
		return "", q.err
	}
	if columns == "" {
		columns = q.t.list
	}
	source, err := q.scope(b)
	if err != nil {
		return "", err
	}
	var s strings.Builder
	s.WriteString("SELECT " + columns + " FROM " + source + " AS " + q.t.quoted)
	for _, j := range q.joins {
		source, err := j.source.from(b, j.name)
		if err != nil {
			return "", q.misuse(err)
		}
		on, err := b.Part(j.on.sql, j.on.args)
		if err != nil {
			return "", q.misuse(err)
		}
		s.WriteString(" JOIN " + source + " ON (" + on + "\n)")
	}
	for i, w := range q.where {
		condition, err := b.Part(w.sql, w.args)
		if err != nil {
			return "", q.misuse(err)
		}
		s.WriteString([]string{" WHERE ", " AND "}[min(i, 1)] + "(" + condition + "\n)")
	}
	order := q.order
	if order == nil {
		order = q.defaultOrder()
	}
	for i, expression := range order {
		expression, err := b.Part(expression, nil)
		if err != nil {
			return "", q.misuse(err)
		}
		s.WriteString([]string{" ORDER BY ", ", "}[min(i, 1)] + expression + "\n")
	}
	if q.limit != nil {
		// Written out: of a parameter the planner knows nothing, takes the plan
		// for any limit to be dear, and so plans the statement anew every time.
		s.WriteString(" LIMIT " + strconv.FormatInt(*q.limit, 10))
	}
	if q.offset != nil {
		s.WriteString(" OFFSET " + b.Arg(*q.offset) + "::bigint")
	}
	if q.lock {
		s.WriteString(" FOR NO KEY UPDATE")
	}
	return s.String(), nil
}

// scope writes what the query sees of its table.
func (q query) scope(b *fragment.Builder) (string, error) {
	t := q.t
	if q.kind == present && !q.deleted {
		return t.face, nil
	}
	columns := t.columns
	version, from, deleted := fragment.Ident(t.prefix+"version"), fragment.Ident(t.prefix+"valid_from"), fragment.Ident(t.prefix+"deleted_at")
	tombstones := func(and, later string) string {
		return " UNION ALL SELECT " + columns + " FROM " + t.history + " AS h WHERE " + deleted + " IS NOT NULL" + and +
			" AND NOT EXISTS (SELECT FROM " + t.history + " AS l WHERE l.entity_id = h.entity_id AND l." + version + " > h." + version + later + ")"
	}
	switch q.kind {
	case ofEntity:
		return "(SELECT " + columns + " FROM " + t.history + " WHERE entity_id = " + b.Arg(q.id.String()) + "::uuid)", nil
	case ever:
		return t.history, nil
	case then:
		at := b.Arg(formatTime(q.at)) + "::timestamptz" // once: a cast of text would be made for every row
		if q.deleted {
			return "(SELECT " + columns + " FROM " + t.asof + "(" + at + ")" +
				tombstones(" AND "+deleted+" <= "+at, " AND l."+from+" <= "+at) + ")", nil
		}
		return t.asof + "(" + at + ")", nil
	default:
		// Inside AsOf the face is that of its time, and so must history be.
		now := "coalesce(yore._session_time(), 'infinity')"
		return "(SELECT " + columns + " FROM " + t.face + tombstones(" AND "+deleted+" <= "+now, " AND l."+from+" <= "+now) + ")", nil
	}
}

func (q query) defaultOrder() []string {
	name := q.t.quoted + "."
	switch q.kind {
	case ofEntity:
		return []string{name + fragment.Ident(q.t.prefix+"version")}
	case ever:
		return []string{name + "entity_id", name + fragment.Ident(q.t.prefix+"version")}
	}
	return nil
}

// from writes the query as a source of another's.
func (q query) from(b *fragment.Builder, name string) (string, error) {
	if q.err == nil && len(q.joins) == 0 && len(q.where) == 0 && q.limit == nil && q.offset == nil {
		source, err := q.scope(b)
		return source + " AS " + fragment.Ident(name), err
	}
	sql, err := q.build(b, q.t.quoted+".*")
	return "(" + sql + ") AS " + fragment.Ident(name), err
}

func (q query) misuse(err error) error {
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	return q.t.own("YO007", err.Error(), "")
}

func (q query) explain(err error) error {
	if err == nil {
		return nil
	}
	return q.t.explain(err, nil)
}
