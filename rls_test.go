package yore_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// Under row-level security a reader of the past sees its own rows, or is refused:
// never those of others.
func TestReadersUnderRowSecurity(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	ctx, db := t.Context(), connect(t, dsn, pgx.QueryExecModeCacheStatement)
	// Before PostgreSQL 15 a view cannot keep it, so there the table stays in place.
	old := pgtest.Rows(t, db, "SELECT current_setting('server_version_num')::int < 150000")[0] == "t"
	track := map[bool]string{true: "SELECT yore.track('items', in_place => true)", false: "SELECT yore.track('items')"}[old]
	pgtest.Exec(t, db, "CREATE TABLE items (code text, line int, grp text, rank int, PRIMARY KEY (code, line))",
		"ALTER TABLE items ENABLE ROW LEVEL SECURITY", "CREATE POLICY own ON items USING (code = 'b')", track,
		"INSERT INTO items VALUES ('a', 5), ('b', 1), ('b', 2)", "UPDATE items SET rank = 1", "DELETE FROM items WHERE line = 2")
	began := do(items.AllVersions().One(ctx, db)).ok(t).From
	role := "bound_" + strings.ReplaceAll(yore.NewUUID().String(), "-", "")
	pgtest.Exec(t, db, "CREATE ROLE "+role, "SELECT yore.grant_history('items', '"+role+"')", "GRANT SELECT ON items TO "+role)
	t.Cleanup(func() {
		clean := connect(t, dsn, pgx.QueryExecModeCacheStatement)
		pgtest.Exec(t, clean, "DROP OWNED BY "+role, "DROP ROLE "+role)
	})
	pgtest.Exec(t, db, "SET ROLE "+role)
	var seen []string
	refused := 0
	note := func(code string, err error) {
		if err != nil {
			if !errors.Is(err, yore.ErrRights) {
				t.Error(err)
			}
			refused++
			return
		}
		seen = append(seen, code)
	}
	for row, err := range items.Current().Each(ctx, db) {
		note(row.Code, err)
	}
	for row, err := range items.AsOf(time.Now()).Each(ctx, db) {
		note(row.Code, err)
	}
	for row, err := range items.AllVersions().Each(ctx, db) {
		note(row.Row.Code, err)
	}
	for c, err := range items.Changes(ctx, db, yore.ChangesOptions{}) {
		code, _ := c.Key["code"].(string)
		note(code, err)
	}
	for c, err := range yore.EachChange(ctx, db, yore.ChangesOptions{}) {
		code, _ := c.Key["code"].(string)
		note(code, err)
	}
	for d, err := range items.Diff(ctx, db, began.Add(time.Microsecond), time.Time{}, yore.DiffOptions{}) {
		code, _ := d.Key["code"].(string)
		note(code, err)
	}
	if moments, err := items.Timeline(ctx, db, yore.TimelineOptions{}, "a", 5); err != nil {
		note("", err)
	} else if len(moments) > 0 {
		t.Errorf("moments of another's row: %v", moments)
	}
	if len(seen) == 0 {
		t.Error("nothing seen")
	}
	for _, code := range seen {
		if code != "b" {
			t.Fatalf("saw %s", code)
		}
	}
	if old != (refused > 0) {
		t.Errorf("%d refused", refused)
	}
}
