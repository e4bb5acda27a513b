package yore

import (
	"database/sql/driver"
	"io"
	"reflect"

	"github.com/jackc/pgx/v5/stdlib"
)

// rowsThatEnd returns rows at whose end, or at Close, the transaction commits.
func rowsThatEnd(rows driver.Rows, tx driver.Tx) driver.Rows {
	end := ending{tx: tx}
	if r, ok := rows.(*stdlib.Rows); ok {
		return &pgxEndingRows{r, end}
	}
	return &endingRows{rows, end}
}

// An ending commits once.
type ending struct {
	tx    driver.Tx
	ended bool
}

func (e *ending) end() error {
	if e.ended {
		return nil
	}
	e.ended = true
	return e.tx.Commit()
}

// next says of the end of the rows what the commit says: database/sql loses the
// error of a Close that follows.
func (e *ending) next(err error, rows driver.Rows) error {
	if err != io.EOF { //nolint:errorlint // the contract of driver.Rows is io.EOF itself
		return err
	}
	if more, ok := rows.(driver.RowsNextResultSet); ok && more.HasNextResultSet() {
		return err
	}
	if e := e.close(rows); e != nil {
		return e
	}
	return err
}

func (e *ending) close(rows driver.Rows) error {
	if e.ended {
		return nil
	}
	err := rows.Close()
	if e := e.end(); err == nil {
		err = e
	}
	return err
}

// pgxEndingRows are pgx's, with all that these can.
type pgxEndingRows struct {
	*stdlib.Rows
	ending
}

func (r *pgxEndingRows) Next(dest []driver.Value) error { return r.next(r.Rows.Next(dest), r.Rows) }
func (r *pgxEndingRows) Close() error                   { return r.close(r.Rows) }

// NextRow is for database/sql from Go 1.27 on, which scans through the driver.
func (r *pgxEndingRows) NextRow() error {
	if s, ok := any(r.Rows).(interface{ NextRow() error }); ok {
		return r.next(s.NextRow(), r.Rows)
	}
	return driver.ErrSkip
}

// endingRows are another driver's. What it does not know it answers as
// database/sql does.
type endingRows struct {
	driver.Rows
	ending
}

func (r *endingRows) Next(dest []driver.Value) error { return r.next(r.Rows.Next(dest), r.Rows) }
func (r *endingRows) Close() error                   { return r.close(r.Rows) }

func (r *endingRows) HasNextResultSet() bool {
	more, ok := r.Rows.(driver.RowsNextResultSet)
	return ok && !r.ended && more.HasNextResultSet()
}

func (r *endingRows) NextResultSet() error {
	if more, ok := r.Rows.(driver.RowsNextResultSet); ok && !r.ended {
		return more.NextResultSet()
	}
	return io.EOF
}

func (r *endingRows) ColumnTypeScanType(i int) reflect.Type {
	if c, ok := r.Rows.(driver.RowsColumnTypeScanType); ok {
		return c.ColumnTypeScanType(i)
	}
	return reflect.TypeFor[any]()
}

func (r *endingRows) ColumnTypeDatabaseTypeName(i int) string {
	if c, ok := r.Rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		return c.ColumnTypeDatabaseTypeName(i)
	}
	return ""
}

func (r *endingRows) ColumnTypeLength(i int) (int64, bool) {
	if c, ok := r.Rows.(driver.RowsColumnTypeLength); ok {
		return c.ColumnTypeLength(i)
	}
	return 0, false
}

func (r *endingRows) ColumnTypeNullable(i int) (nullable, known bool) {
	if c, ok := r.Rows.(driver.RowsColumnTypeNullable); ok {
		return c.ColumnTypeNullable(i)
	}
	return false, false
}

func (r *endingRows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	if c, is := r.Rows.(driver.RowsColumnTypePrecisionScale); is {
		return c.ColumnTypePrecisionScale(i)
	}
	return 0, 0, false
}
