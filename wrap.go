package yore

import (
	"context"
	stdsql "database/sql"
	"errors"
	"reflect"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// SQL is shaped like *sql.DB, *sql.Conn and *sql.Tx; sqlx's handles are, and
// GORM's and bun's have one: gorm.DB.DB, or in a transaction its
// Statement.ConnPool; bun.DB.DB and bun.Tx.Tx. Not bun's own, which have the shape
// but fill in arguments themselves and know no $1.
type SQL interface {
	ExecContext(ctx context.Context, query string, args ...any) (stdsql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*stdsql.Rows, error)
}

// Wrap makes a DB of a database/sql handle. Statements and parameters go to the
// driver as they are; of the rows, what pgx alone knows (FieldDescriptions'
// types, RawValues, Conn) is not there.
func Wrap(db SQL) DB { return wrapped{db} }

type wrapped struct{ db SQL }

func (w wrapped) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	_, err := w.db.ExecContext(ctx, sql, args...)
	return pgconn.CommandTag{}, err
}

func (w wrapped) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	rows, err := w.db.QueryContext(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return &wrappedRows{rows: rows}, nil
}

func (w wrapped) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := w.Query(ctx, sql, args...)
	return wrappedRow{rows, err}
}

type wrappedRow struct {
	rows pgx.Rows
	err  error
}

// Scan reads the first row; pgx.ErrNoRows, which is also sql.ErrNoRows, if
// there is none.
func (r wrappedRow) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}

type wrappedRows struct {
	rows  *stdsql.Rows
	types *pgtype.Map
	err   error
}

func (r *wrappedRows) Close() {
	if err := r.rows.Close(); r.err == nil {
		r.err = err
	}
}

func (r *wrappedRows) Err() error {
	if r.err != nil {
		return r.err
	}
	return r.rows.Err()
}

func (r *wrappedRows) CommandTag() pgconn.CommandTag { return pgconn.CommandTag{} }
func (r *wrappedRows) Next() bool                    { return r.rows.Next() }
func (r *wrappedRows) RawValues() [][]byte           { return nil }
func (r *wrappedRows) Conn() *pgx.Conn               { return nil }

func (r *wrappedRows) TypeMap() *pgtype.Map {
	if r.types == nil {
		r.types = pgtype.NewMap()
	}
	return r.types
}

func (r *wrappedRows) Scan(dest ...any) error {
	if len(dest) == 1 {
		if whole, ok := dest[0].(pgx.RowScanner); ok { // pgx.RowToMap and its like
			return whole.ScanRow(r)
		}
	}
	var given []any
	for i, d := range dest {
		t := reflect.TypeOf(d)
		if t != nil && !isTextual(t) {
			continue
		}
		if given == nil {
			given = slices.Clone(dest)
		}
		if t == nil {
			given[i] = unread{}
		} else {
			given[i] = textual{r.TypeMap(), reflect.ValueOf(d)}
		}
	}
	if given == nil {
		given = dest
	}
	return r.rows.Scan(given...)
}

// unread takes the value of a column that nobody asks for, nil to pgx.
type unread struct{}

func (unread) Scan(any) error { return nil }

func (r *wrappedRows) FieldDescriptions() []pgconn.FieldDescription {
	names, err := r.rows.Columns()
	if err != nil {
		r.err = errors.Join(r.err, err)
	}
	fields := make([]pgconn.FieldDescription, len(names))
	for i, name := range names {
		fields[i].Name = name
	}
	return fields
}

func (r *wrappedRows) Values() ([]any, error) {
	values, dest := anything(len(r.FieldDescriptions()))
	return values, r.rows.Scan(dest...)
}
