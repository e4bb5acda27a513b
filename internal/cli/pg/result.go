package pg

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// A Column is a column of a Result.
type Column struct {
	Name string
	Type uint32 // OID
}

// A Result is all rows of a query, as PostgreSQL writes their values; nil is NULL.
type Result struct {
	Columns []Column
	Rows    [][]*string
}

// Query runs one statement and reads all of its result. The parameters' types
// are those that the statement gives them.
func Query(ctx context.Context, conn *pgx.Conn, sql string, params ...string) (Result, error) {
	values := make([][]byte, len(params))
	for i, p := range params {
		values[i] = []byte(p)
	}
	reader := conn.PgConn().ExecParams(ctx, sql, values, nil, nil, nil)
	var r Result
	for reader.NextRow() {
		row := make([]*string, len(reader.Values()))
		for i, v := range reader.Values() {
			if v != nil {
				text := string(v)
				row[i] = &text
			}
		}
		r.Rows = append(r.Rows, row)
	}
	for _, f := range reader.FieldDescriptions() {
		r.Columns = append(r.Columns, Column{f.Name, f.DataTypeOID})
	}
	if _, err := reader.Close(); err != nil {
		return Result{}, err
	}
	return r, nil
}
