package main

import (
	"strconv"
	"time"

	"yore.example/yore"
)

// A kind is one of the two sorts of records. The pages are the same for both;
// this is what differs.
type kind[T any] struct {
	sort
	table  *yore.ImmutableTable[T]
	meta   func(T) yore.Meta
	fields []field[T]
	blank  T      // what a form for a new one begins with
	search string // what is searched, as schema.sql indexes it
}

// A sort is what of a kind is the same type for all of them.
type sort struct {
	Name, Plural string // "task", "tasks": the latter is its path, and its table
	Orders       []order
}

// An order is a way in which a list is sorted.
type order struct{ Name, Label, by string }

// A field is a column of a kind, in its forms and on its pages.
type field[T any] struct {
	Field
	value func(T) string // as a form writes it
}

// A Field is what of a field is the same type for all kinds.
type Field struct {
	Column, Label string
	Input         string // line, text, date, select, or person, which is a select of them
	Options       []Option
}

// An Option is a value that a select offers.
type Option struct{ Value, Label string }

// A Cell is a field of a record.
type Cell struct {
	Field
	Value  string // as a form writes it
	Text   string // as people read it
	Errors []string
}

// A Record is a row of any kind, as templates have it.
type Record struct {
	sort
	yore.Meta
	Title string
	Cells []Cell
}

func (k *kind[T]) record(p *page, row T) Record {
	cells := k.cells(p, row)
	return Record{k.sort, k.meta(row), cells[0].Text, cells}
}

func (k *kind[T]) records(p *page, rows []T) (list []Record) {
	for _, row := range rows {
		list = append(list, k.record(p, row))
	}
	return list
}

func (k *kind[T]) cells(p *page, row T) []Cell {
	cells := make([]Cell, len(k.fields))
	for i, f := range k.fields {
		c := Cell{Field: f.Field, Value: f.value(row)}
		if c.Input == "person" {
			c.Options = []Option{{"", "Nobody"}}
			for _, person := range p.People {
				c.Options = append(c.Options, Option{strconv.FormatInt(person.ID, 10), person.Name})
			}
		}
		c.Text = c.read()
		cells[i] = c
	}
	return cells
}

// read is the value as people read it.
func (c Cell) read() string {
	if day, err := time.Parse(time.DateOnly, c.Value); err == nil && c.Input == "date" {
		return day.Format("2 Jan 2006")
	}
	for _, o := range c.Options {
		if o.Value == c.Value {
			return o.Label
		}
	}
	return c.Value
}

func (k *kind[T]) columns() (columns []string) {
	for _, f := range k.fields {
		columns = append(columns, f.Column)
	}
	return columns
}

var taskKind = &kind[Task]{
	sort: sort{"task", "tasks", []order{
		{"changed", "Last changed", "valid_from DESC"},
		{"priority", "Priority", "priority DESC"},
		{"due", "Due date", "due_on"},
		{"title", "Title", "title"},
	}},
	table:  tasks,
	meta:   func(t Task) yore.Meta { return t.Meta },
	blank:  Task{Status: "pending", Priority: 2},
	search: "title || ' ' || description",
	fields: []field[Task]{
		{Field{Column: "title", Label: "Title", Input: "line"}, func(t Task) string { return t.Title }},
		{Field{Column: "description", Label: "Description", Input: "text"}, func(t Task) string { return t.Description }},
		{Field{Column: "status", Label: "Status", Input: "select", Options: []Option{
			{"pending", "Pending"}, {"in_progress", "In progress"}, {"completed", "Completed"}, {"cancelled", "Cancelled"},
		}}, func(t Task) string { return t.Status }},
		{Field{Column: "priority", Label: "Priority", Input: "select", Options: []Option{
			{"0", "0 – some day"}, {"1", "1 – low"}, {"2", "2 – normal"}, {"3", "3 – raised"}, {"4", "4 – high"}, {"5", "5 – urgent"},
		}}, func(t Task) string { return strconv.Itoa(t.Priority) }},
		{Field{Column: "due_on", Label: "Due", Input: "date"}, func(t Task) string {
			if t.DueOn == nil {
				return ""
			}
			return t.DueOn.Format(time.DateOnly)
		}},
		{Field{Column: "assignee_id", Label: "Assigned to", Input: "person"}, func(t Task) string {
			if t.AssigneeID == nil {
				return ""
			}
			return strconv.FormatInt(*t.AssigneeID, 10)
		}},
	},
}

var noteKind = &kind[Note]{
	sort: sort{"note", "notes", []order{
		{"changed", "Last changed", "valid_from DESC"},
		{"title", "Title", "title"},
	}},
	table:  notes,
	meta:   func(n Note) yore.Meta { return n.Meta },
	blank:  Note{Category: "idea"},
	search: "title || ' ' || content",
	fields: []field[Note]{
		{Field{Column: "title", Label: "Title", Input: "line"}, func(n Note) string { return n.Title }},
		{Field{Column: "content", Label: "Content", Input: "text"}, func(n Note) string { return n.Content }},
		{Field{Column: "category", Label: "Category", Input: "select", Options: []Option{
			{"idea", "Idea"}, {"meeting", "Meeting"}, {"decision", "Decision"}, {"reference", "Reference"},
		}}, func(n Note) string { return n.Category }},
	},
}
