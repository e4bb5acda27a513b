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
		columns = q.list()
	}
	source, err := q.source(b)
	if err != nil {
		return "", err
	}
	var s strings.Builder
	s.WriteString("SELECT " + columns + " FROM " + source + " AS " + q.t.quoted)
	for _, j := range q.joins {
		source, err := j.source.from(b, j.name, q)
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
	if err := q.clause(&s, b, " GROUP BY ", q.group); err != nil {
		return "", err
	}
	order := q.order
	if order == nil {
		order = q.defaultOrder()
	}
	if err := q.clause(&s, b, " ORDER BY ", order); err != nil {
		return "", err
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

// clause writes expressions behind the words that begin a clause; nothing if
// there is none.
func (q query) clause(s *strings.Builder, b *fragment.Builder, words string, expressions []string) error {
	for i, expression := range expressions {
		expression, err := b.Part(expression, nil)
		if err != nil {
			return q.misuse(err)
		}
		s.WriteString([]string{words, ", "}[min(i, 1)] + expression + "\n")
	}
	return nil
}

// list is the select list for the row type.
func (q query) list() string {
	if !q.versions {
		return q.t.list
	}
	of := q.t.quoted + "."
	return q.t.list + ", " + of + q.t.shown("version") + ", " + of + q.t.shown("valid_from") + ", " + of + q.t.shown("valid_to") +
		", " + of + q.t.shown("deleted_at") + " IS NOT NULL, " + of + q.t.shown("xid") + "::text::bigint"
}

// from writes the query as a source of another's.
func (q query) from(b *fragment.Builder, name string) (string, error) {
	if q.err == nil && len(q.joins) == 0 && len(q.where) == 0 && q.limit == nil && q.offset == nil {
		source, err := q.source(b)
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

func (q query) explain(err error) error { return q.t.explainRead(err) }
