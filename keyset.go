package yore

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"yore.example/yore/internal/fragment"
)

// A keyset is the order of a query, such that no two rows are equal in it.
type keyset struct {
	table string
	order []string // as given, one term each, and the key
	terms []term
}

type term struct {
	expression string
	desc       bool
	nullsFirst bool
	notNull    bool
}

var (
	direction = regexp.MustCompile(`(?is)^(.*?)(?:\s+(ASC|DESC))?(?:\s+NULLS\s+(FIRST|LAST))?\s*$`)
	position  = regexp.MustCompile(`^[\s(]*[0-9]+[\s)]*$`)
)

func (q query) keyset() (keyset, error) {
	k := keyset{table: q.t.face}
	if q.err != nil {
		return k, q.err
	}
	order := q.order
	if order == nil {
		order = q.defaultOrder()
	}
	unique := slices.Clone(q.t.key)
	if len(unique) == 0 {
		return k, q.t.own("YO007", "pages need its key", "Name the key columns by the tag option key, db:\"code,key\", or with yore.Key.")
	}
	if q.versions || q.scope.kind > then || q.scope.deleted {
		unique = append(unique, q.t.prefix+"version")
	}
	var each []string
	for _, given := range order {
		each = append(each, fragment.List(given)...)
	}
	for _, given := range each {
		parts := direction.FindStringSubmatch(given)
		if position.MatchString(parts[1]) {
			return k, q.t.own("YO007", "pages by "+given+", a position in a list that they do not show", "Name the column.")
		}
		t := term{expression: strings.TrimSpace(parts[1]), desc: strings.EqualFold(parts[2], "DESC")}
		t.nullsFirst = t.desc
		if parts[3] != "" {
			t.nullsFirst = strings.EqualFold(parts[3], "FIRST")
		}
		unique = slices.DeleteFunc(unique, func(c string) bool {
			found := q.names(t.expression, c)
			t.notNull = t.notNull || found
			return found
		})
		k.order, k.terms = append(k.order, given), append(k.terms, t)
	}
	for _, c := range unique {
		expression := q.t.quoted + "." + fragment.Ident(c)
		k.order, k.terms = append(k.order, expression), append(k.terms, term{expression: expression, notNull: true})
	}
	return k, nil
}

// names reports whether an expression is nothing but a column of the table.
func (q query) names(expression, column string) bool {
	schema, name, err := fragment.Name(expression)
	return err == nil && name == column && (schema == "" && len(q.joins) == 0 || schema == q.t.name)
}

// columns is what is to be selected beside the row: the sort values, as text.
func (k keyset) columns(b *fragment.Builder) (string, error) {
	var s strings.Builder
	for i, t := range k.terms {
		expression, err := b.Part(t.expression, nil)
		if err != nil {
			return "", err
		}
		// A name that ORDER BY cannot mean.
		s.WriteString(", (" + expression + "\n)::text AS " + fragment.Ident(fmt.Sprintf("~%d", i)))
	}
	return s.String(), nil
}

// behind returns the conditions of the rows behind the one with these sort
// values: those of the first come before those of the second. An index on what is
// sorted by finds them in each case.
func (k keyset) behind(last []*string) []part {
	if last == nil {
		return []part{{}}
	}
	c := &comparison{terms: k.terms, last: last}
	first := k.terms[0]
	if last[0] == nil {
		return []part{{c.each(0), c.args}}
	}
	var stages []part
	if k.uniform() {
		stages = []part{{c.whole(), c.args}}
	} else {
		// The first condition follows from the second, but is one for an index.
		bound := first.sql() + first.compare() + "= " + c.arg(0)
		stages = []part{{bound + " AND (" + c.each(0) + ")", c.args}}
	}
	if !first.nullsFirst && !first.notNull {
		stages = append(stages, part{first.sql() + " IS NULL", nil})
	}
	return stages
}

// uniform reports whether rows can be compared as a whole: all terms in one
// direction, and no NULL behind the first.
func (k keyset) uniform() bool {
	return !slices.ContainsFunc(k.terms[1:], func(t term) bool { return t.desc != k.terms[0].desc || !t.notNull })
}

// A comparison is with one row's sort values.
type comparison struct {
	terms []term
	last  []*string
	args  []any
}

// arg adds a sort value; the server gives it the type of what it is compared
// with.
func (c *comparison) arg(i int) string {
	c.args = append(c.args, *c.last[i])
	return fmt.Sprintf("$%d", len(c.args))
}

func (c *comparison) whole() string {
	expressions, values := make([]string, len(c.terms)), make([]string, len(c.terms))
	for i, t := range c.terms {
		expressions[i], values[i] = t.sql(), c.arg(i)
	}
	return "(" + strings.Join(expressions, ", ") + ")" + c.terms[0].compare() + " (" + strings.Join(values, ", ") + ")"
}

// each is the condition of the rows behind, from term i on: behind in it, or
// equal in it and behind in the next. Where the first is compared, NULLs behind
// it are left to another stage.
func (c *comparison) each(i int) string {
	t := c.terms[i]
	var ways []string
	switch {
	case c.last[i] == nil && t.nullsFirst:
		ways = append(ways, t.sql()+" IS NOT NULL")
	case c.last[i] == nil: // the last there are
	default:
		ways = append(ways, t.sql()+t.compare()+" "+c.arg(i))
		if i > 0 && !t.nullsFirst && !t.notNull {
			ways = append(ways, t.sql()+" IS NULL")
		}
	}
	if i+1 < len(c.terms) {
		equal := t.sql() + " IS NULL"
		if c.last[i] != nil {
			equal = t.sql() + " = " + c.arg(i)
		}
		ways = append(ways, equal+" AND ("+c.each(i+1)+")")
	}
	if len(ways) == 0 {
		return "false"
	}
	return strings.Join(ways, " OR ")
}

// sql has a line break, in case the expression ends in a comment.
func (t term) sql() string { return "(" + t.expression + "\n)" }

func (t term) compare() string {
	if t.desc {
		return " <"
	}
	return " >"
}

// A cursor is what Page.Next holds.
type cursor struct {
	Order  string    `json:"o"`
	Values []*string `json:"v"`
}

func (k keyset) seal(last []*string) string {
	text, _ := json.Marshal(cursor{k.hash(), last}) // cannot fail
	return base64.RawURLEncoding.EncodeToString(text)
}

func (k keyset) open(next string) ([]*string, error) {
	var c cursor
	text, err := base64.RawURLEncoding.DecodeString(next)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	switch {
	case err != nil:
		return nil, errors.New("no page has that Next")
	case c.Order != k.hash() || len(c.Values) != len(k.terms):
		return nil, errors.New("it is of a query with another order")
	}
	for i, v := range c.Values {
		switch {
		case v == nil && k.terms[i].notNull:
			return nil, errors.New("no row has a NULL in its key")
		case v != nil && strings.Contains(*v, "\x00"):
			return nil, errNUL
		}
	}
	return c.Values, nil
}

// hash tells orders apart, and tables.
func (k keyset) hash() string {
	sum := sha256.Sum256([]byte(k.table + "\x00" + strings.Join(k.order, "\x00")))
	return hex.EncodeToString(sum[:6])
}
