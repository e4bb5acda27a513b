package yore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"yore.example/yore/internal/fragment"
)

// Check reports whether the row type fits the table: that it is tracked, with
// that prefix, that the key is the one named and that it has the columns. It is
// for a program's start and its tests; nothing else calls it.
//
// Errors: ErrNotTracked, ErrNotInstalled; ErrOption for what does not fit.
func (t *TemporalTable[T]) Check(ctx context.Context, db DB) error { return t.check(ctx, db) }

// Check is as a TemporalTable's.
func (t *ImmutableTable[T]) Check(ctx context.Context, db DB) error { return t.check(ctx, db) }

func (t *table) check(ctx context.Context, db DB) error {
	var key, columns []string
	var prefix, face string
	err := db.QueryRow(ctx, `
		SELECT m.key_columns::text[], m.prefix, format('%I.%I', m.schema_name, m.table_name),
		       ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
		              WHERE a.attrelid = format('%I.%I', m.schema_name, m.table_name)::regclass AND a.attnum > 0 AND NOT a.attisdropped
		              ORDER BY a.attnum)
		  FROM yore._tracked($1::text) AS m`, t.written).Scan(&key, &prefix, &face, &columns)
	if err != nil {
		return Explain(err)
	}
	var wrong []string
	sorted := func(names []string) []string { return slices.Sorted(slices.Values(names)) }
	if !slices.Equal(sorted(key), sorted(t.key)) {
		wrong = append(wrong, fmt.Sprintf("its key is (%s), not (%s)", fragment.Idents("", key), fragment.Idents("", t.key)))
	}
	if prefix != t.prefix {
		wrong = append(wrong, fmt.Sprintf("its prefix is %q, not %q", prefix, t.prefix))
	}
	if t.row != nil {
		for _, c := range t.row.Columns() {
			if !slices.Contains(columns, c) {
				wrong = append(wrong, fmt.Sprintf("%s has no column for field %s of %s", face, c, t.row.Go))
			}
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return t.own("YO007", strings.Join(wrong, "; "), "Mend the tags of the row type, or the options of the handle.")
}
