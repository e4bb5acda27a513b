package main

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"

	"yore.example/yore"
)

const pageSize = 25

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
	l := listing{page: p, sort: k.sort, Search: strings.TrimSpace(p.r.Form.Get("q")), Order: cmp.Or(p.r.Form.Get("sort"), k.Orders[0].Name)}
	if len(l.Search) > 200 {
		return bad("A search has 200 letters at most.")
	}
	q := k.table.Current()
	for _, word := range strings.Fields(l.Search) {
		q = q.Where(k.search+" ILIKE $1", "%"+like.Replace(word)+"%")
	}
	for _, cell := range k.cells(p, k.blank) {
		if cell.Options == nil {
			continue
		}
		cell.Value = "any"
		if p.r.Form.Has(cell.Column) {
			cell.Value = p.r.Form.Get(cell.Column)
		}
		switch v := cell.Value; {
		case v == "any":
		case v == cell.read(): // none of the options
			return bad(cell.Label + " has no " + v + ".")
		case v == "":
			q = q.Where(cell.Column + " IS NULL")
		default:
			q = q.Where(cell.Column+" = $1", v)
		}
		l.Filters = append(l.Filters, cell)
	}
	i := slices.IndexFunc(k.Orders, func(o order) bool { return o.Name == l.Order })
	if i < 0 {
		return bad("There is no order by " + l.Order + ".")
	}
	return k.paged(p, l, q.OrderBy(k.Orders[i].by))
}

// deleted shows what is not there any more.
func (k *kind[T]) deleted(p *page) error {
	l := listing{page: p, sort: k.sort, Bin: true}
	return k.paged(p, l, k.table.IncludeDeleted().Where("deleted_at IS NOT NULL").OrderBy("valid_from DESC"))
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
	l.Records = k.records(p, rows.Rows)
	if rows.Next != "" {
		l.Next = l.with("after", rows.Next)
	}
	return p.show(http.StatusOK, "list.html", l)
}

// with is the address of this list with one thing of its query changed.
func (l listing) with(name, value string) string {
	query := l.r.URL.Query()
	query.Set(name, value)
	return l.URL(l.r.URL.Path, "?", query.Encode())
}

// First is the address of the first page of this list.
func (l listing) First() string { return l.with("after", "") }

// like escapes what means something in a pattern of LIKE.
var like = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
