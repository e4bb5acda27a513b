package yore_test

import (
	"context"
	"regexp"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

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

// withImmutable returns a pool to a database with the tables of users and
// accounts.
func withImmutable(t testing.TB) (context.Context, *pgxpool.Pool) {
	t.Helper()
	pool := pgtest.Pool(t)
	pgtest.Exec(t, pool,
		`SELECT yore.create_immutable_table('users', $$
			email text NOT NULL UNIQUE, name text NOT NULL, status text NOT NULL, age int CONSTRAINT adult_age CHECK (age < 150),
			tags text[], last_login_at timestamptz, hidden text DEFAULT 'h' $$)`,
		`SELECT yore.create_immutable_table('accounts', 'name text NOT NULL, balance bigint NOT NULL CHECK (balance >= 0), note text', show_row_id => true)`)
	return context.Background(), pool
}

func newUser(email string) user { return user{Email: email, Name: "N", Status: "active"} }
