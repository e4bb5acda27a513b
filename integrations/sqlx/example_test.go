package sqlx_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"

	"yore.example/yore"
	"yore.example/yore/integrations/internal/countries"
	"yore.example/yore/internal/pgtest"
)

// A Country is a row of the table.
type Country struct {
	Code       string
	Name       string
	Currency   *string
	Population *int64
	EUMember   bool `db:"eu_member"`
}

// A CountryVersion is a row of history.countries.
type CountryVersion struct {
	Code       string
	Name       *string
	Currency   *string
	Population *int64
	EUMember   *bool `db:"eu_member"`
	Version    int64
	ValidFrom  *time.Time `db:"valid_from"` // nil: since ever
	ValidTo    *time.Time `db:"valid_to"`   // nil: to this day
	DeletedAt  *time.Time `db:"deleted_at"` // nil: no deletion
	XID        uint64
}

// Members is a function of an application; it knows nothing of yore.
func Members(ctx context.Context, db sqlx.ExtContext, currency string) (members []Country, err error) {
	err = sqlx.SelectContext(ctx, db, &members, "SELECT * FROM countries WHERE currency = $1 ORDER BY code", currency)
	return members, err
}

// MembersAsOf is the same as of a time.
func MembersAsOf(ctx context.Context, db *sqlx.DB, t time.Time, currency string) (members []Country, err error) {
	err = AsOf(ctx, db, t, func(tx *sqlx.Tx) error {
		members, err = Members(ctx, tx, currency)
		return err
	})
	return members, err
}

// AsOf is to sqlx as yore.AsOfSQL is to database/sql.
func AsOf(ctx context.Context, db *sqlx.DB, t time.Time, fn func(tx *sqlx.Tx) error, opts ...yore.AsOfOption) error {
	b := &beginner{DB: db}
	return yore.AsOfSQL(ctx, b, t, func(*sql.Tx) error { return fn(b.tx) }, opts...)
}

// A beginner keeps the sqlx.Tx that it begins: one that is made of a sql.Tx does
// not know the driver's placeholders, which named queries need.
type beginner struct {
	*sqlx.DB
	tx *sqlx.Tx
}

func (b *beginner) BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error) {
	tx, err := b.BeginTxx(ctx, opts)
	if err != nil {
		return nil, err
	}
	b.tx = tx
	return tx.Tx, nil
}

func Example() {
	ctx := context.Background()
	db, done := example()
	defer done()

	for _, year := range []int{2006, 2012, 2024} {
		members, err := MembersAsOf(ctx, db, time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), "EUR")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(year, len(members))
	}

	var versions []CountryVersion
	err := db.SelectContext(ctx, &versions, "SELECT * FROM history.countries WHERE code = $1 ORDER BY version", "HR")
	if err != nil {
		log.Fatal(err)
	}
	for _, v := range versions {
		fmt.Println(v.Version, *v.Currency, *v.EUMember, v.ValidTo == nil)
	}
	// Output:
	// 2006 0
	// 2012 1
	// 2024 2
	// 1 HRK false false
	// 2 HRK true false
	// 3 EUR true true
}

// example is a database in which the years have gone by.
func example() (*sqlx.DB, func()) {
	t := &countries.Outside{}
	dsn := pgtest.DSN(t)
	countries.Tell(t, pgtest.Connect(t, dsn))
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		log.Fatal(err)
	}
	db := sqlx.NewDb(stdlib.OpenDB(*config), "pgx")
	return db, func() { db.Close(); t.Done() }
}
