package blog

import (
	"slices"
	"strings"
	"time"

	"yore.example/yore"
)

// A Post is a row of table posts: one of its versions, whose number and time
// yore.Meta has.
type Post struct {
	yore.Meta
	Title          string
	Body           string
	AuthorEntityID yore.UUID // the entity_id of one of users
	Tags           []string  `db:",default"`
	Status         string    `db:",default"` // draft or published
	PublishedAt    *time.Time
}

// Posts reads and writes table posts.
var Posts = yore.Immutable[Post]("posts")

// To come, once table users has its row type:
//
//	var PostAuthor = yore.Related(Users.Current(), yore.BelongsTo, "author_entity_id")

// Validate says what is wrong with a post. Insert and Update ask it before
// anything is sent.
func (p Post) Validate() error {
	var errs yore.FieldErrors
	errs.AddIf(strings.TrimSpace(p.Title) == "", "title", "can't be blank")
	errs.AddIf(strings.TrimSpace(p.Body) == "", "body", "can't be blank")
	errs.AddIf(p.AuthorEntityID.IsZero(), "author_entity_id", "can't be blank")
	errs.AddIf(p.Status != "" && !slices.Contains([]string{"draft", "published"}, p.Status), "status", "is invalid")
	return errs.Err()
}
