package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"yore.example/yore"
)

const pageSize = 25

// searchSize is how many characters a search may have: PostgreSQL cannot read a
// tsquery of thousands of words.
const searchSize = 200

// A listing is a page of a list.
type listing struct {
	*page
	sort
	Filters []Cell
	Search  string
	Order   string
	Records []Record
	Next    string // the address of the page behind this one
	Further bool   // this is not the first
	Bin     bool   // it lists what is deleted
}

// list shows what there is: searched, narrowed, sorted, a page at a time. As of a
// time it is the same query.
func (k *kind[T]) list(p *page) error {
	l := listing{page: p, sort: k.sort, Search: strings.TrimSpace(p.r.Form.Get("q")), Order: p.r.Form.Get("sort")}
	if utf8.RuneCountInString(l.Search) > searchSize {
		return bad("A search has 200 characters at most.")
	}
	q := k.table.Current()
	if words := prefixes(l.Search); words != "" {
		q = q.Where("to_tsvector('simple', "+k.search+") @@ to_tsquery('simple', $1)", words)
	}
	for _, cell := range k.cells(p, k.blank) {
		if !cell.Filter {
			continue
		}
		cell.Value = p.r.Form.Get(cell.Column)
		if p.r.Form.Has(cell.Column) && cell.Value != "any" {
			if cell.read() == cell.Value { // none of the options
				return bad(cell.Label + " has no " + cell.Value + ".")
			}
			q = q.Where("coalesce("+cell.Column+"::text, '') = $1", cell.Value)
		} else {
			cell.Value = "any"
		}
		l.Filters = append(l.Filters, cell)
	}
	by, err := k.order(&l)
	if err != nil {
		return err
	}
	return k.paged(p, l, q.OrderBy(by))
}

// deleted shows what is not there any more.
func (k *kind[T]) deleted(p *page) error {
	l := listing{page: p, sort: k.sort, Bin: true}
	return k.paged(p, l, k.table.IncludeDeleted().Where("deleted_at IS NOT NULL").OrderBy("valid_from DESC"))
}

func (k *kind[T]) order(l *listing) (string, error) {
	if l.Order == "" {
		l.Order = k.Orders[0].Name
	}
	for _, o := range k.Orders {
		if o.Name == l.Order {
			return o.by, nil
		}
	}
	return "", bad("There is no order by " + l.Order + ".")
}

func (k *kind[T]) paged(p *page, l listing, q yore.Query[T]) error {
	after := p.r.Form.Get("after")
	rows, err := q.Page(p.r.Context(), p.db, pageSize, after)
	if errors.Is(err, yore.ErrOption) {
		return bad("This is no page of this list.")
	}
	if err != nil {
		return err
	}
	l.Further = after != ""
	for _, row := range rows.Rows {
		l.Records = append(l.Records, k.record(p, row))
	}
	if rows.Next != "" {
		l.Next = l.with("after", rows.Next)
	}
	return p.show(http.StatusOK, "list.html", l)
}

// with is the address of this list with one thing of its query changed.
func (l listing) with(name, value string) string {
	query := url.Values{}
	for key, values := range l.r.URL.Query() {
		query[key] = values
	}
	query.Set(name, value)
	return l.URL(l.r.URL.Path, "?", query.Encode())
}

// First is the address of the first page of this list.
func (l listing) First() string { return l.with("after", "") }

// prefixes is a tsquery for what has all the words, or words that begin so.
func prefixes(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i, word := range words {
		words[i] = fmt.Sprintf("'%s':*", word)
	}
	return strings.Join(words, " & ")
}
