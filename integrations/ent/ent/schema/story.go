package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
)

func named() []ent.Field { return []ent.Field{field.Int64("id"), field.String("name")} }

// Foo has bars.
type Foo struct{ ent.Schema }

// Fields of the Foo.
func (Foo) Fields() []ent.Field { return named() }

// Edges of the Foo.
func (Foo) Edges() []ent.Edge {
	return []ent.Edge{edge.To("bars", Bar.Type).StorageKey(edge.Column("foo_id"))}
}

// Bar belongs to a foo and has sub-bars, and bazs, which are not tracked.
type Bar struct{ ent.Schema }

// Fields of the Bar.
func (Bar) Fields() []ent.Field { return named() }

// Edges of the Bar.
func (Bar) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("foo", Foo.Type).Ref("bars").Unique(),
		edge.To("sub_bars", SubBar.Type).StorageKey(edge.Column("bar_id")),
		edge.To("bazs", Baz.Type).StorageKey(edge.Column("bar_id")),
	}
}

// SubBar belongs to a bar and has sub-sub-bars.
type SubBar struct{ ent.Schema }

// Fields of the SubBar.
func (SubBar) Fields() []ent.Field { return named() }

// Edges of the SubBar.
func (SubBar) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("bar", Bar.Type).Ref("sub_bars").Unique(),
		edge.To("sub_sub_bars", SubSubBar.Type).StorageKey(edge.Column("sub_bar_id")),
	}
}

// SubSubBar belongs to a sub-bar.
type SubSubBar struct{ ent.Schema }

// Fields of the SubSubBar.
func (SubSubBar) Fields() []ent.Field { return named() }

// Edges of the SubSubBar.
func (SubSubBar) Edges() []ent.Edge {
	return []ent.Edge{edge.From("sub_bar", SubBar.Type).Ref("sub_sub_bars").Unique()}
}

// Baz belongs to a bar; its table is not tracked.
type Baz struct{ ent.Schema }

// Fields of the Baz.
func (Baz) Fields() []ent.Field { return named() }

// Edges of the Baz.
func (Baz) Edges() []ent.Edge {
	return []ent.Edge{edge.From("bar", Bar.Type).Ref("bazs").Unique()}
}

// Boo is linked to moos by boos_moos.
type Boo struct{ ent.Schema }

// Fields of the Boo.
func (Boo) Fields() []ent.Field { return named() }

// Edges of the Boo.
func (Boo) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("moos", Moo.Type).StorageKey(edge.Table("boos_moos"), edge.Columns("boo_id", "moo_id")),
	}
}

// Moo is linked to boos.
type Moo struct{ ent.Schema }

// Fields of the Moo.
func (Moo) Fields() []ent.Field { return named() }

// Edges of the Moo.
func (Moo) Edges() []ent.Edge {
	return []ent.Edge{edge.From("boos", Boo.Type).Ref("moos")}
}
