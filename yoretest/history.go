package yoretest

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"
	"time"

	"yore.example/yore"
)

// History returns all versions of a tracked table's rows, a line for each, in
// the order of the keys and the versions; with a key, those of that row alone.
//
//	HR v1 [2013-07-01,2023-01-01) currency=kuna name=Croatia
//	HR v2 [2023-01-01,t0) currency: kuna -> euro
//	HR v3 t0 deleted
//	HR v4 [t1,) currency=euro name=Croatia
//
// A line has the key, the number and the period of the version, end excluded,
// and what changed from the version before, or all columns where there is none.
// Values are bare words or as SQL writes them.
//
// The lines are the same in every run: times that yore.at_time set (At, Past)
// are shown, in UTC; others are t0, t1, t2 … in their order, wherever they stand,
// in columns of type timestamptz too. The ids of an immutable table's entities
// are e1, e2 … in the order in which they came. A column that has anything else
// random in it can be left out: see [Table].
//
// A table that is not tracked, or a key with too many or too few values, fails
// the test at once. The role of db needs the right to read history.t and
// yore.transaction.
func History(t testing.TB, db yore.DB, table string, key ...any) string {
	t.Helper()
	return Table{Name: table}.History(t, db, key...)
}

// Equal fails the test unless the History of the table, or of the row with that
// key, has the lines of want. White space around lines and between words, and
// empty lines, do not matter.
func Equal(t testing.TB, db yore.DB, table, want string, key ...any) {
	t.Helper()
	Table{Name: table}.Equal(t, db, want, key...)
}

// A Table is a tracked table whose history is looked at otherwise than by the
// functions History and Equal.
type Table struct {
	// The table's name, with its schema where that is not in the search_path.
	Name string
	// Columns that are not shown and not compared.
	Omit []string
}

// History is the function History for this table. A column to omit that the
// history does not have fails the test at once.
func (table Table) History(t testing.TB, db yore.DB, key ...any) string {
	t.Helper()
	lines, err := table.lines(db, key)
	if err != nil {
		t.Fatalf("yoretest: history of %s: %v", table.Name, told(err))
	}
	return strings.Join(lines, "\n")
}

// Equal is the function Equal for this table.
func (table Table) Equal(t testing.TB, db yore.DB, want string, key ...any) {
	t.Helper()
	lines, err := table.lines(db, key)
	if err != nil {
		t.Fatalf("yoretest: history of %s: %v", table.Name, told(err))
	}
	if d := diff(tidy(want), lines); d != "" {
		t.Errorf("yoretest: history of %s (-want +got):\n%s", table.Name, d)
	}
}

// Verify fails the test if yore.verify finds anything wrong in any tracked
// table.
func Verify(t testing.TB, db yore.DB) {
	t.Helper()
	rows, err := db.Query(context.Background(), "SELECT concat_ws(' ', table_name, problem, key, 'v' || version, detail) FROM yore.verify()")
	if err != nil {
		t.Fatalf("yoretest: verify: %v", told(yore.Explain(err)))
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatalf("yoretest: verify: %v", err)
		}
		found = append(found, "\n    "+line)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("yoretest: verify: %v", told(yore.Explain(err)))
	}
	if len(found) > 0 {
		t.Errorf("yoretest: yore.verify found %d problems:%s", len(found), strings.Join(found, ""))
	}
}

func (table Table) lines(db yore.DB, key []any) ([]string, error) {
	r, err := find(db, table.Name)
	if err != nil {
		return nil, err
	}
	if err := r.omit(table.Omit); err != nil {
		return nil, err
	}
	versions, err := r.read(db, key)
	if err != nil {
		return nil, err
	}
	return r.show(versions), nil
}

// text is a key's value as PostgreSQL reads it.
func text(v any) (string, error) {
	if valuer, ok := v.(driver.Valuer); ok {
		var err error
		if v, err = valuer.Value(); err != nil {
			return "", err
		}
	}
	switch v := v.(type) {
	case nil:
		return "", fmt.Errorf("NULL is no key")
	case time.Time:
		return v.Format(time.RFC3339Nano), nil
	case []byte:
		return string(v), nil
	case [16]byte:
		return fmt.Sprintf("%x-%x-%x-%x-%x", v[:4], v[4:6], v[6:8], v[8:10], v[10:]), nil
	}
	return fmt.Sprint(v), nil
}
