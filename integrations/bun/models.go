// Package shop is the example of docs/guides/bun.md: models as in any program
// that uses bun, and what it adds for yore.
package shop

import (
	"context"
	"time"

	"github.com/uptrace/bun"
)

// A Customer has orders, an address and tags; it is deleted softly.
type Customer struct {
	bun.BaseModel `bun:"table:customers,alias:c"`

	ID        int64     `bun:",pk,autoincrement"`
	Name      string    `bun:",notnull"`
	Email     string    `bun:",unique"`
	Level     string    `bun:",nullzero,default:'basic'"`
	DeletedAt time.Time `bun:",soft_delete,nullzero"`

	Orders  []*Order `bun:"rel:has-many,join:id=customer_id"`
	Address *Address `bun:"rel:has-one,join:id=customer_id"`
	Tags    []*Tag   `bun:"m2m:customer_tags,join:Customer=Tag"`
}

// An Order may lose its customer.
type Order struct {
	bun.BaseModel `bun:"table:orders,alias:o"`

	ID         int64 `bun:",pk,autoincrement"`
	CustomerID *int64
	Amount     int64
	Note       string

	Customer *Customer `bun:"rel:belongs-to,join:customer_id=id"`
}

// An Address is a customer's only one.
type Address struct {
	bun.BaseModel `bun:"table:addresses,alias:a"`

	ID         int64 `bun:",pk,autoincrement"`
	CustomerID int64
	Street     string
}

// A Tag is of any number of customers.
type Tag struct {
	bun.BaseModel `bun:"table:tags,alias:t"`

	ID   int64  `bun:",pk,autoincrement"`
	Name string `bun:",unique"`
}

// A CustomerTag links the two.
type CustomerTag struct {
	bun.BaseModel `bun:"table:customer_tags,alias:ct"`

	CustomerID int64     `bun:",pk"`
	Customer   *Customer `bun:"rel:belongs-to,join:customer_id=id"`
	TagID      int64     `bun:",pk"`
	Tag        *Tag      `bun:"rel:belongs-to,join:tag_id=id"`
}

// BeforeAppendModel gives an order without a note one.
func (o *Order) BeforeAppendModel(_ context.Context, q bun.Query) error {
	switch q.(type) {
	case *bun.InsertQuery, *bun.UpdateQuery:
		if o.Note == "" {
			o.Note = "none"
		}
	}
	return nil
}
