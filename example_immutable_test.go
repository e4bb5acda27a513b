package yore_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/url"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore"
)

// Note is the row type of the examples.
type Note struct {
	yore.Meta
	Title    string
	Priority int
	Author   *yore.UUID
}

func (n Note) Validate() error {
	var errs yore.FieldErrors
	errs.AddIf(n.Title == "", "title", "can't be blank")
	errs.AddIf(n.Priority < 0, "priority", "must not be negative")
	return errs.Err()
}

// Author is whom a note refers to.
type Author struct {
	yore.Meta
	Name string
}

var (
	notes   = yore.Immutable[Note]("notes")
	authors = yore.Immutable[Author]("authors")
)

// notesDB returns a database with the tables of the examples.
func notesDB(ctx context.Context) (db *pgxpool.Pool, drop func()) {
	return exampleDB(ctx, "yore_examples", func(conn *pgx.Conn) error {
		return errors.Join(
			yore.CreateImmutable(ctx, conn, "authors", "name text NOT NULL UNIQUE", yore.TrackOptions{}),
			yore.CreateImmutable(ctx, conn, "notes", `
				title    text NOT NULL UNIQUE,
				priority integer NOT NULL DEFAULT 0,
				author   uuid REFERENCES authors (entity_id)`, yore.TrackOptions{}))
	})
}

// Two people have read the same version. Who writes second is told.
func ExampleImmutableTable_Update() {
	ctx := context.Background()
	db, drop := notesDB(ctx)
	defer drop()

	read, err := notes.Insert(ctx, db, Note{Title: "Write the report"})
	if err != nil {
		log.Fatal(err)
	}
	mine, err := notes.Update(ctx, db, read, func(n *Note) { n.Priority = 3 })
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("version", mine.Version, "has priority", mine.Priority)

	_, err = notes.Update(ctx, db, read, yore.Changes{"priority": 5})
	var conflict *yore.ConflictError
	if errors.As(err, &conflict) {
		fmt.Println("expected version", conflict.Expected, "and found", conflict.Actual)
	}
	_, err = notes.Insert(ctx, db, Note{Title: "Write the report"})
	var invalid *yore.InvalidError
	if errors.As(err, &invalid) {
		fmt.Println(invalid.Fields[0])
	}
	// Output:
	// version 2 has priority 3
	// expected version 1 and found 2
	// title has already been taken
}

// All versions of an entity, the tombstone included.
func ExampleImmutableTable_History() {
	ctx := context.Background()
	db, drop := notesDB(ctx)
	defer drop()

	n := notes.MustInsert(ctx, db, Note{Title: "Draft"})
	n = notes.MustUpdate(ctx, db, n, yore.Changes{"title": "Report"})
	notes.MustDelete(ctx, db, n)
	for v, err := range notes.History(n.EntityID).Each(ctx, db) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(v.Version, v.Title, v.DeletedAt != nil)
	}
	// Output:
	// 1 Draft false
	// 2 Report false
	// 3 Report true
}

// A query of the entities as they were.
func ExampleImmutableTable_AsOf() {
	ctx := context.Background()
	db, drop := notesDB(ctx)
	defer drop()

	first := notes.MustInsert(ctx, db, Note{Title: "Buy milk", Priority: 1})
	second := notes.MustInsert(ctx, db, Note{Title: "Buy bread", Priority: 2})
	notes.MustUpdate(ctx, db, first, yore.Changes{"priority": 9})
	notes.MustDelete(ctx, db, second)

	show := func(when string, q yore.Query[Note]) {
		for _, n := range q.Where("priority < $1", 10).OrderBy("priority").MustAll(ctx, db) {
			fmt.Println(when, n.Title, n.Priority)
		}
	}
	show("now:", notes.Current())
	show("then:", notes.AsOf(second.ValidFrom))
	// Output:
	// now: Buy milk 9
	// then: Buy milk 1
	// then: Buy bread 2
}

// A deleted entity comes back as its next version.
func ExampleImmutableTable_Undelete() {
	ctx := context.Background()
	db, drop := notesDB(ctx)
	defer drop()

	n := notes.MustInsert(ctx, db, Note{Title: "Buy milk"})
	notes.MustDelete(ctx, db, n)
	_, err := notes.Get(ctx, db, n.EntityID)
	fmt.Println("deleted:", errors.Is(err, yore.ErrDeleted))

	n, err = notes.Undelete(ctx, db, n.EntityID, yore.Changes{"priority": 2})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("version", n.Version, n.Title, n.Priority)
	// Output:
	// deleted: true
	// version 3 Buy milk 2
}

// The related rows of many rows, with one query.
func ExampleRelated() {
	ctx := context.Background()
	db, drop := notesDB(ctx)
	defer drop()

	ada := authors.MustInsert(ctx, db, Author{Name: "Ada"})
	notes.MustInsert(ctx, db, Note{Title: "Engine", Author: &ada.EntityID})
	notes.MustInsert(ctx, db, Note{Title: "Nobody's"})
	authors.MustUpdate(ctx, db, ada, yore.Changes{"name": "Ada Lovelace"})

	all := notes.Current().OrderBy("title").MustAll(ctx, db)
	by, err := yore.Related(authors.Current(), yore.BelongsTo, "author").Load(ctx, db, all)
	if err != nil {
		log.Fatal(err)
	}
	for _, n := range all {
		if author := by.One(n); author != nil {
			fmt.Println(n.Title, "by", author.Name)
		} else {
			fmt.Println(n.Title)
		}
	}
	// Output:
	// Engine by Ada Lovelace
	// Nobody's
}

// What a browser sent, with the errors to show beside the fields.
func ExampleImmutableTable_Cast() {
	ctx := context.Background()
	db, drop := notesDB(ctx)
	defer drop()

	save := func(form url.Values) {
		n, err := notes.Cast(Note{}, form, "title", "priority")
		if err == nil {
			n, err = notes.Insert(ctx, db, n)
		}
		var invalid *yore.InvalidError
		switch {
		case errors.As(err, &invalid):
			fmt.Println("title:", invalid.Field("title"), "priority:", invalid.Field("priority"))
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println("saved", n.Title, "as version", n.Version)
		}
	}
	save(url.Values{"title": {"Call"}, "priority": {"urgent"}})
	save(url.Values{"title": {""}, "priority": {"-1"}})
	save(url.Values{"title": {"Call"}, "priority": {"1"}, "version": {"99"}, "_csrf_token": {"…"}})
	// Output:
	// title: [] priority: [is invalid]
	// title: [can't be blank] priority: [must not be negative]
	// saved Call as version 1
}

// Read, change, write: others wait, and nothing is lost.
func ExampleImmutableTable_Mutate() {
	ctx := context.Background()
	db, drop := notesDB(ctx)
	defer drop()

	n := notes.MustInsert(ctx, db, Note{Title: "Counter"})
	done := make(chan error)
	for range 5 {
		go func() {
			_, err := notes.Mutate(ctx, db, n.EntityID, func(n *Note) error { n.Priority += 10; return nil })
			done <- err
		}()
	}
	for range 5 {
		if err := <-done; err != nil {
			log.Fatal(err)
		}
	}
	n = notes.MustGet(ctx, db, n.EntityID)
	fmt.Println("version", n.Version, "has", n.Priority)
	// Output:
	// version 6 has 50
}
