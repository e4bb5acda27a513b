// Package shop is the example of docs/guides/gorm.md: models as in any program
// that uses GORM, and what it adds for yore.
package shop

import "gorm.io/gorm"

// A Customer has orders, an address and tags; it is deleted softly.
type Customer struct {
	gorm.Model
	Name    string
	Email   string `gorm:"uniqueIndex"`
	Level   string `gorm:"default:basic"`
	Orders  []Order
	Address *Address
	Tags    []Tag `gorm:"many2many:customer_tags"`
}

// An Order may lose its customer.
type Order struct {
	ID         uint
	CustomerID *uint
	Amount     int
	Note       string
}

// An Address is a customer's only one.
type Address struct {
	ID         uint
	CustomerID uint
	Street     string
}

// A Tag is of any number of customers.
type Tag struct {
	ID   uint
	Name string `gorm:"uniqueIndex"`
}

// BeforeSave gives an order without a note one.
func (o *Order) BeforeSave(*gorm.DB) error {
	if o.Note == "" {
		o.Note = "none"
	}
	return nil
}
