package main

import (
	"strings"
	"time"
	"unicode/utf8"

	"yore.example/yore"
)

// A Task is a row of tasks.
type Task struct {
	yore.Meta
	Title       string
	Description string
	Status      string
	Priority    int
	DueOn       *time.Time
	AssigneeID  *int64 `db:"assignee_id"`
}

// A Note is a row of notes.
type Note struct {
	yore.Meta
	Title    string
	Content  string
	Category string
}

// A Person is a row of person, which is not tracked.
type Person struct {
	ID   int64
	Name string
}

var (
	tasks = yore.Immutable[Task]("tasks",
		yore.ConstraintMessage("tasks_status_check", "status", "is none of the four"),
		yore.ConstraintMessage("tasks_priority_check", "priority", "goes from 0 to 5"),
		yore.ConstraintMessage("tasks_assignee_id_fkey", "assignee_id", "is nobody we know"))
	notes = yore.Immutable[Note]("notes",
		yore.ConstraintMessage("notes_category_check", "category", "is none of the four"))
)

// Validate is called by yore before a task is sent.
func (t Task) Validate() error {
	var errs yore.FieldErrors
	checkText(&errs, "title", t.Title, 1, 120)
	checkText(&errs, "description", t.Description, 0, 10_000)
	errs.AddIf(t.DueOn != nil && (t.DueOn.Year() < 2000 || t.DueOn.Year() > 2100), "due_on", "is between 2000 and 2100")
	return errs.Err()
}

// Validate is called by yore before a note is sent.
func (n Note) Validate() error {
	var errs yore.FieldErrors
	checkText(&errs, "title", n.Title, 1, 120)
	checkText(&errs, "content", n.Content, 0, 10_000)
	return errs.Err()
}

func checkText(errs *yore.FieldErrors, column, text string, least, most int) {
	errs.AddIf(least > 0 && strings.TrimSpace(text) == "", column, "can't be blank")
	errs.AddIf(utf8.RuneCountInString(text) > most, column, "is too long")
	errs.AddIf(!utf8.ValidString(text) || strings.ContainsRune(text, 0), column, "has characters that cannot be kept")
}
