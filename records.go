package yore

import (
	"context"

	"yore.example/yore/internal/fragment"
)

// Records are rows as a grid, for tools: the values in the order of the columns,
// as in a Row.
type Records struct {
	Columns []string `json:"columns"`
	Rows    [][]any  `json:"rows"`
}

// Records reads all columns that the query's table has in its scope, whether the
// row type has a field for them or not: of versions, their version data too.
//
// Errors: as All's.
func (q Query[T]) Records(ctx context.Context, db DB) (Records, error) {
	var b fragment.Builder
	records := Records{Rows: [][]any{}}
	sql, err := q.q.build(&b, q.q.t.quoted+".*")
	if err != nil {
		return records, err
	}
	rows, err := db.Query(ctx, sql, b.Args...)
	if err != nil {
		return records, q.q.explain(err)
	}
	defer rows.Close()
	for _, d := range rows.FieldDescriptions() {
		records.Columns = append(records.Columns, d.Name)
	}
	for rows.Next() {
		values, dest := anything(len(records.Columns))
		if err := rows.Scan(dest...); err != nil {
			return records, q.q.explain(err)
		}
		for i := range values {
			values[i] = plain(values[i])
		}
		records.Rows = append(records.Rows, values)
	}
	rows.Close()
	return records, q.q.explain(rows.Err())
}
