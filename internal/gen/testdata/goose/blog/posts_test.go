package blog

import (
	"context"
	"errors"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"yore.example/yore"
	"yore.example/yore/pgdev"
)

// postsDB returns a database of its own, on a throw-away server, with the
// table that the migration makes.
func postsDB(t *testing.T) *pgxpool.Pool {
	t.Helper()
	ctx := context.Background()
	server, err := pgdev.Shared(ctx, pgdev.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = server.Template(ctx, "blog_posts", func(ctx context.Context, dsn string) error {
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		if err := yore.Install(ctx, conn); err != nil {
			return err
		}
		migration, err := os.ReadFile("../migrations/20261121042000_create_posts.sql")
		if err != nil {
			return err
		}
		for _, sql := range []string{
			"SELECT yore.create_immutable_table('users', '')",
			"INSERT INTO users (entity_id) VALUES ('00000000-0000-0000-0000-000000000001'), ('00000000-0000-0000-0000-000000000002')",
			strings.Split(string(migration), "-- +goose Down")[0],
		} {
			if _, err := conn.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	dsn, drop, err := server.Clone(ctx, "blog_posts")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(drop)
	db, err := pgxpool.New(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func newPost() Post {
	return Post{
		Title:          "some text",
		Body:           "some\nlines",
		AuthorEntityID: yore.UUID{15: 1},
		Tags:           []string{"some text", "other text"},
		Status:         "draft",
		PublishedAt:    new(time.Date(2026, time.January, 31, 9, 30, 0, 123456000, time.UTC)),
	}
}

// changedPost is a post with other values.
func changedPost(post Post) Post {
	post.Title = "other text"
	post.Body = "other\nlines"
	post.AuthorEntityID = yore.UUID{15: 2}
	post.Tags = []string{"other text"}
	post.Status = "published"
	post.PublishedAt = new(time.Date(2028, time.February, 29, 17, 45, 0, 0, time.UTC))
	return post
}

// wantPost compares all but the version data, which want takes over from got.
func wantPost(t *testing.T, got, want Post, version int64) {
	t.Helper()
	want.Meta = got.Meta
	if got.Version != version || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want version %d: %+v", got, version, want)
	}
}

func TestPosts(t *testing.T) {
	ctx := context.Background()
	// setup makes a post in a database of its own.
	setup := func(t *testing.T) (*pgxpool.Pool, Post) {
		t.Helper()
		db := postsDB(t)
		made, err := CreatePost(ctx, db, newPost())
		if err != nil {
			t.Fatal(err)
		}
		return db, made
	}

	t.Run("create, get, list", func(t *testing.T) {
		db, made := setup(t)
		wantPost(t, made, newPost(), 1)
		got, err := GetPost(ctx, db, made.EntityID)
		if err != nil || !reflect.DeepEqual(got, made) {
			t.Errorf("got %+v, %v; want %+v", got, err, made)
		}
		all, err := ListPosts(ctx, db)
		if err != nil || !reflect.DeepEqual(all, []Post{made}) {
			t.Errorf("listed %+v, %v; want %+v", all, err, made)
		}
		if _, err := GetPost(ctx, db, yore.NewUUID()); !errors.Is(err, yore.ErrNotFound) {
			t.Errorf("get of an unknown one: %v", err)
		}
	})

	t.Run("create refuses what is invalid", func(t *testing.T) {
		db := postsDB(t)
		post := newPost()
		post.Title = ""
		_, err := CreatePost(ctx, db, post)
		var invalid *yore.InvalidError
		if !errors.As(err, &invalid) || !reflect.DeepEqual(invalid.Field("title"), []string{"can't be blank"}) {
			t.Errorf("created: %v", err)
		}
		if all, err := ListPosts(ctx, db); err != nil || len(all) > 0 {
			t.Errorf("listed %+v, %v", all, err)
		}
	})

	t.Run("update makes a version, and the past stays", func(t *testing.T) {
		db, made := setup(t)
		updated, err := UpdatePost(ctx, db, made, changedPost(made))
		if err != nil {
			t.Fatal(err)
		}
		wantPost(t, updated, changedPost(made), 2)
		history, err := PostHistory(ctx, db, made.EntityID)
		if err != nil || !reflect.DeepEqual(history, []Post{made, updated}) {
			t.Errorf("history %+v, %v; want %+v", history, err, []Post{made, updated})
		}
		then, err := ListPostsAt(ctx, db, made.ValidFrom)
		if err != nil || !reflect.DeepEqual(then, []Post{made}) {
			t.Errorf("then %+v, %v; want %+v", then, err, made)
		}
		before, err := ListPostsAt(ctx, db, made.ValidFrom.Add(-time.Microsecond))
		if err != nil || len(before) > 0 {
			t.Errorf("before %+v, %v", before, err)
		}
	})

	t.Run("update of a version that has been changed conflicts", func(t *testing.T) {
		db, made := setup(t)
		if _, err := UpdatePost(ctx, db, made, changedPost(made)); err != nil {
			t.Fatal(err)
		}
		var conflict *yore.ConflictError
		if _, err := UpdatePost(ctx, db, made, changedPost(made)); !errors.As(err, &conflict) || conflict.Actual != 2 {
			t.Errorf("second update: %v", err)
		}
		if _, err := DeletePost(ctx, db, made); !errors.Is(err, yore.ErrConflict) {
			t.Errorf("delete: %v", err)
		}
	})

	t.Run("delete and undelete", func(t *testing.T) {
		db, made := setup(t)
		if _, err := UndeletePost(ctx, db, made.EntityID); !errors.Is(err, yore.ErrNotDeleted) {
			t.Errorf("undelete of a live one: %v", err)
		}
		tombstone, err := DeletePost(ctx, db, made)
		if err != nil {
			t.Fatal(err)
		}
		wantPost(t, tombstone, made, 2)
		if _, err := GetPost(ctx, db, made.EntityID); tombstone.DeletedAt == nil || !errors.Is(err, yore.ErrDeleted) {
			t.Errorf("deleted at %v; get: %v", tombstone.DeletedAt, err)
		}
		if all, err := ListPosts(ctx, db); err != nil || len(all) > 0 {
			t.Errorf("listed %+v, %v", all, err)
		}
		back, err := UndeletePost(ctx, db, made.EntityID)
		if err != nil {
			t.Fatal(err)
		}
		wantPost(t, back, made, 3)
		history, err := PostHistory(ctx, db, made.EntityID)
		if err != nil || !reflect.DeepEqual(history, []Post{made, tombstone, back}) {
			t.Errorf("history %+v, %v; want %+v", history, err, []Post{made, tombstone, back})
		}
	})

	t.Run("change reads a form and writes nothing", func(t *testing.T) {
		db, made := setup(t)
		next, err := ChangePost(made, url.Values{
			"_csrf_token":      {"x"},
			"version":          {"99"},
			"title":            {"other text"},
			"body":             {"other\nlines"},
			"author_entity_id": {"00000000-0000-0000-0000-000000000002"},
			"tags":             {"other text"},
			"status":           {"published"},
			"published_at":     {"2028-02-29T18:45:00+01:00"},
		})
		if want := changedPost(made); err != nil || !reflect.DeepEqual(next, want) {
			t.Errorf("got %+v, %v; want %+v", next, err, want)
		}
		if got, err := GetPost(ctx, db, made.EntityID); err != nil || !reflect.DeepEqual(got, made) {
			t.Errorf("stored %+v, %v; want %+v", got, err, made)
		}
		updated, err := UpdatePost(ctx, db, made, next)
		if err != nil {
			t.Fatal(err)
		}
		wantPost(t, updated, next, 2)
	})

	t.Run("change refuses what is invalid", func(t *testing.T) {
		_, err := ChangePost(newPost(), url.Values{"title": {""}})
		if err == nil || !strings.Contains(err.Error(), "title can't be blank") {
			t.Errorf("got %v", err)
		}
	})
}
