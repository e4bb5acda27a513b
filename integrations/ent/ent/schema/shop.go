// Package schema describes to ent the tables of its tests: a small shop, which
// the guide shows, and the story that the behaviours for reading share.
package schema

import (
	"time"

	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
)

// Customer is a row of customers.
type Customer struct{ ent.Schema }

// Fields of the Customer.
func (Customer) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id"),
		field.String("name"),
		field.String("email").Unique(),
		field.Int("visits").Default(0),
		// Left to the database: its default.
		field.String("status").Optional().Annotations(entsql.Default("new")),
		field.Time("updated_at").Default(time.Now).UpdateDefault(time.Now),
	}
}

// Edges of the Customer.
func (Customer) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("orders", Order.Type).StorageKey(edge.Column("customer_id")),
	}
}

// Order is a row of orders.
type Order struct{ ent.Schema }

// Fields of the Order.
func (Order) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id"),
		field.Int("amount"),
	}
}

// Edges of the Order.
func (Order) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("customer", Customer.Type).Ref("orders").Unique(),
	}
}

// CustomerVersion is a row of the view customer_versions: one for each version of
// a customer, and for each deletion.
type CustomerVersion struct{ ent.View }

// Fields of the CustomerVersion.
func (CustomerVersion) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id"),
		field.String("name"),
		field.String("email"),
		field.Int64("version"),
		field.Time("valid_from"),
		field.Time("valid_to").Optional().Nillable(),
		field.Time("deleted_at").Optional().Nillable(),
	}
}
