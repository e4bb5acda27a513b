package yore_test

import (
	"context"
	"errors"
	"reflect"
	"regexp"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// The program lives far from UTC: what comes back in UTC was made so.
func init() { time.Local = time.FixedZone("far", 5*3600+1800) }

// user is a row type that checks itself.
type user struct {
	yore.Meta
	Email       string
	Name        string
	Status      string
	Age         *int
	Tags        []string
	LastLoginAt *time.Time
}

var isEmail = regexp.MustCompile(`^[^@\s]+@[^@\s]+$`)

func (u user) Validate() error {
	var errs yore.FieldErrors
	errs.AddIf(u.Email == "", "email", "can't be blank")
	errs.AddIf(u.Name == "", "name", "can't be blank")
	errs.AddIf(u.Email != "" && !isEmail.MatchString(u.Email), "email", "has invalid format")
	errs.AddIf(u.Status != "active" && u.Status != "suspended", "status", "is invalid")
	errs.AddIf(u.Age != nil && *u.Age <= 0, "age", "must be greater than 0")
	errs.AddIf(u.Age != nil && *u.Age >= 150, "age", "must be less than 150")
	return errs.Err()
}

var users = yore.Immutable[user]("users")

// account is one that does not, of a table that shows row ids.
type account struct {
	yore.Meta
	ID      yore.UUID
	Name    string
	Balance int64
	Note    *string
}

var accounts = yore.Immutable[account]("accounts")

// Of an org, projects and their one developer each refer to entities.
type org struct {
	yore.Meta
	Name string
}

type project struct {
	yore.Meta
	Title       string
	OrgEntityID *yore.UUID
}

type developer struct {
	yore.Meta
	Name            string
	ProjectEntityID *yore.UUID
}

var (
	orgs       = yore.Immutable[org]("orgs")
	projects   = yore.Immutable[project]("projects")
	developers = yore.Immutable[developer]("developers")
)

// immutableTables make the tables of all these.
var immutableTables = []string{
	`SELECT yore.create_immutable_table('users', $$
		email text NOT NULL UNIQUE, name text NOT NULL, status text NOT NULL, age int CONSTRAINT adult_age CHECK (age < 150),
		tags text[], last_login_at timestamptz, hidden text DEFAULT 'h' $$)`,
	`SELECT yore.create_immutable_table('accounts', 'name text NOT NULL, balance bigint NOT NULL CHECK (balance >= 0), note text', show_row_id => true)`,
	`SELECT yore.create_immutable_table('orgs', 'name text NOT NULL')`,
	`SELECT yore.create_immutable_table('projects', 'title text NOT NULL, org_entity_id uuid')`,
	`SELECT yore.create_immutable_table('developers', 'name text NOT NULL, project_entity_id uuid')`,
}

// withImmutable returns a pool to a database with these tables.
func withImmutable(t testing.TB) (context.Context, *pgxpool.Pool) {
	t.Helper()
	ctx, dsn := immutableDSN(t)
	return ctx, pgtest.Connect(t, dsn)
}

func immutableDSN(t testing.TB) (context.Context, string) {
	t.Helper()
	ctx := context.Background()
	s := pgtest.Server(t)
	err := s.Template(ctx, "yore_immutable", func(ctx context.Context, dsn string) error {
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(ctx) }()
		if err := yore.Install(ctx, conn); err != nil {
			return err
		}
		for _, sql := range immutableTables {
			if _, err := conn.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	dsn, drop, err := s.Clone(ctx, "yore_immutable")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(drop)
	return ctx, dsn
}

func newUser(email string) user { return user{Email: email, Name: "N", Status: "active"} }

// A result is what a call returned; do(f()).ok(t) is its value.
type result[V any] struct {
	v   V
	err error
}

func do[V any](v V, err error) result[V] { return result[V]{v, err} }

func (r result[V]) ok(t testing.TB) V {
	t.Helper()
	if r.err != nil {
		t.Fatal(r.err)
	}
	return r.v
}

// fails ends the test unless there is an error of that kind, and returns it.
func (r result[V]) fails(t testing.TB, kind error) error {
	t.Helper()
	if !errors.Is(r.err, kind) {
		t.Fatalf("got %+v and error %v, want error %q", r.v, r.err, kind)
	}
	var known *yore.Error
	if !errors.As(r.err, &known) {
		t.Fatalf("%v is no *yore.Error", r.err)
	}
	return r.err
}

// refused is fails of a row, with the errors of its fields as text.
func (r result[V]) refused(t testing.TB, fields ...string) *yore.InvalidError {
	t.Helper()
	var e *yore.InvalidError
	if !errors.As(r.fails(t, yore.ErrInvalid), &e) {
		t.Fatalf("%v is no *yore.InvalidError", r.err)
	}
	var said []string
	for _, f := range e.Fields {
		said = append(said, f.Error())
	}
	equal(t, "fields", said, fields)
	return e
}

func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

// names and versions are what most tests look at.
func userNames(rows []user) []string {
	names := []string{}
	for _, u := range rows {
		names = append(names, u.Name)
	}
	return names
}

func userVersions(rows []user) []int64 {
	versions := []int64{}
	for _, u := range rows {
		versions = append(versions, u.Version)
	}
	return versions
}

// rename is a change of a user's name.
func rename(name string) func(*user) { return func(u *user) { u.Name = name } }
