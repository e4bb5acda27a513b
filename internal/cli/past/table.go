// Package past reads the versions of one row, for the log.
package past

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
)

// A Table is a tracked table.
type Table struct {
	Name  string // as SQL writes it
	Key   []string
	Since *time.Time // nil: all of its past is known

	columns []string
	history string
	prefix  string
}

// Find returns the tracked table of that name.
//
// Errors: yore.ErrNotTracked, yore.ErrNotInstalled.
func Find(ctx context.Context, db yore.DB, name string) (Table, error) {
	var t Table
	err := db.QueryRow(ctx, `
		SELECT CASE WHEN m.schema_name = 'public' THEN quote_ident(m.table_name) ELSE format('%I.%I', m.schema_name, m.table_name) END,
		       m.key_columns::text[], nullif(m.since, '-infinity'),
		       ARRAY(SELECT c ->> 'name' FROM jsonb_array_elements(m.columns) WITH ORDINALITY AS e (c, place) ORDER BY place),
		       format('%I.%I', yore._schema('history', m.schema_name), m.table_name), m.prefix
		  FROM yore._tracked($1::text) AS m`, name).
		Scan(&t.Name, &t.Key, &t.Since, &t.columns, &t.history, &t.prefix)
	return t, yore.Explain(err)
}

// own quotes a column of yore's as the table's history shows it.
func (t Table) own(name string) string { return quoted(t.prefix + name) }

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }

// KeyNames returns the key columns for messages: "order_id, line".
func (t Table) KeyNames() string { return strings.Join(t.Key, ", ") }
