package blog

import (
	"context"
	"time"

	"yore.example/yore"
)

// ListPosts returns the posts, each in its current version, in the order in
// which they were created.
func ListPosts(ctx context.Context, db yore.DB) ([]Post, error) {
	return Posts.Current().OrderBy("entity_id").All(ctx, db)
}

// ListPostsAt is ListPosts as of a time: it returns the posts that there were
// then, as they were.
func ListPostsAt(ctx context.Context, db yore.DB, at time.Time) ([]Post, error) {
	return Posts.AsOf(at).OrderBy("entity_id").All(ctx, db)
}

// GetPost returns a post in its current version.
//
// Errors: yore.ErrNotFound, yore.ErrDeleted.
func GetPost(ctx context.Context, db yore.DB, id yore.UUID) (Post, error) {
	return Posts.Get(ctx, db, id)
}

// CreatePost creates a post and returns its first version.
//
// Errors: a *yore.InvalidError, which says what is wrong with which field.
func CreatePost(ctx context.Context, db yore.DB, post Post) (Post, error) {
	return Posts.Insert(ctx, db, post)
}

// UpdatePost makes the next version of a post. post is the version that was
// read, next what is to become of it; nothing is written if somebody else has
// changed it since.
//
// Errors: a *yore.ConflictError then; a *yore.InvalidError; yore.ErrNotFound,
// yore.ErrDeleted.
func UpdatePost(ctx context.Context, db yore.DB, post, next Post) (Post, error) {
	return Posts.Update(ctx, db, post, next)
}

// DeletePost deletes a post, whose versions stay, and returns its tombstone.
//
// Errors: a *yore.ConflictError if post is not its current version;
// yore.ErrNotFound, yore.ErrDeleted; a *yore.InvalidError where it is referenced.
func DeletePost(ctx context.Context, db yore.DB, post Post) (Post, error) {
	return Posts.Delete(ctx, db, post)
}

// UndeletePost brings a deleted post back as it was, but for the changes.
//
// Errors: yore.ErrNotFound, yore.ErrNotDeleted; a *yore.InvalidError.
func UndeletePost(ctx context.Context, db yore.DB, id yore.UUID, changes ...yore.Changes) (Post, error) {
	return Posts.Undelete(ctx, db, id, changes...)
}

// PostHistory returns all versions of a post, the oldest first, tombstones
// included.
func PostHistory(ctx context.Context, db yore.DB, id yore.UUID) ([]Post, error) {
	return Posts.History(id).All(ctx, db)
}

// ChangePost returns a post with the input of a form (url.Values, or a
// map[string]any) in it, for CreatePost or UpdatePost. It writes nothing.
//
// Errors: a *yore.InvalidError for what cannot be read, yore.FieldErrors for what
// Validate refuses; with either, the post as far as it got.
func ChangePost(post Post, input any) (Post, error) {
	next, err := Posts.Cast(post, input, "title", "body", "author_entity_id", "tags", "status", "published_at")
	if err != nil {
		return next, err
	}
	return next, next.Validate()
}
