package yore

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"yore.example/yore/internal/fragment"
	"yore.example/yore/internal/rowtype"
)

// Insert makes a new entity and returns its first version. The row's version
// data is passed over: the database gives the entity its id.
//
// Errors: ErrInvalid (an *InvalidError) for what Validate or a constraint
// refuses; ErrNeedsSync and others of the database.
func (t *ImmutableTable[T]) Insert(ctx context.Context, db DB, row T) (T, error) {
	rows, err := t.insert(ctx, db, []T{row}, "")
	if err != nil {
		return row, err
	}
	return rows[0], nil
}

// InsertMany inserts all rows or none and returns their first versions in the
// same order. More than a statement can hold (65,535 values) take a transaction,
// which it begins.
//
// Errors: as Insert's; an *InvalidError has the row that Validate refused.
func (t *ImmutableTable[T]) InsertMany(ctx context.Context, db DB, rows []T) ([]T, error) {
	if len(rows) == 0 {
		return []T{}, nil
	}
	most := 65535 / max(1, len(t.writable())+1)
	if len(rows) <= most {
		return t.insert(ctx, db, rows, "")
	}
	made := make([]T, 0, len(rows))
	err := inOwnTransaction(ctx, db, func(tx DB) error {
		for begin := 0; begin < len(rows); begin += most {
			part, err := t.insert(ctx, tx, rows[begin:min(begin+most, len(rows))], "")
			if err != nil {
				return err
			}
			made = append(made, part...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// Upsert inserts the row, or where that meets a live row with the same values in
// the conflict columns, updates that, and returns the version that is then
// current; no change makes no version. A unique index must hold exactly the
// conflict columns. With "entity_id" the row's EntityID counts, and an entity
// that is deleted comes back.
//
// Errors: as Insert's.
func (t *ImmutableTable[T]) Upsert(ctx context.Context, db DB, row T, conflict ...string) (T, error) {
	var sets []string
	for _, c := range conflict {
		if f, ok := t.row.Field(c); !ok || t.isMeta(c) && c != "entity_id" || f.ReadOnly {
			return row, t.own("YO007", fmt.Sprintf("Upsert: %s is no column to meet on", c), "")
		}
	}
	if len(conflict) == 0 {
		return row, t.own("YO007", "Upsert needs the columns on which rows meet", `Upsert(ctx, db, row, "email")`)
	}
	byEntity := conflict[0] == "entity_id"
	if byEntity && t.entityOf(reflect.ValueOf(row)).IsZero() {
		return row, invalid(row, nil, FieldError{Field: "entity_id", Message: isBlank})
	}
	for _, f := range t.inserted(reflect.ValueOf(row)) {
		sets = append(sets, fragment.Ident(f.Column)+" = excluded."+fragment.Ident(f.Column))
	}
	if len(sets) == 0 {
		sets = []string{"entity_id = " + t.quoted + ".entity_id"}
	}
	rows, err := t.insert(ctx, db, []T{row}, " ON CONFLICT ("+fragment.Idents("", conflict)+") DO UPDATE SET "+strings.Join(sets, ", "))
	if err != nil {
		return row, err
	}
	return rows[0], nil
}

// inserted returns the fields that an insert of the row names.
func (t *entities) inserted(row reflect.Value) []rowtype.Field {
	var fields []rowtype.Field
	for _, f := range t.writable() {
		if !f.Default || !row.FieldByIndex(f.Index).IsZero() {
			fields = append(fields, f)
		}
	}
	if t.allowVersionWrite && t.versionOf(row) != 0 {
		fields = append(fields, t.version)
	}
	return fields
}

func (t *ImmutableTable[T]) insert(ctx context.Context, db DB, rows []T, onConflict string) ([]T, error) {
	fields := t.writable()
	if t.allowVersionWrite {
		fields = append(fields, t.version)
	}
	if strings.HasPrefix(onConflict, " ON CONFLICT (\"entity_id\"") {
		fields = append(fields, t.id)
	}
	for i := range rows {
		if err := validate(&rows[i]); err != nil {
			return nil, err
		}
	}
	var b fragment.Builder
	var values []string
	for i := range rows {
		v := reflect.ValueOf(rows[i])
		named := map[string]bool{t.id.Column: true}
		for _, f := range t.inserted(v) {
			named[f.Column] = true
		}
		var line []string
		for _, f := range fields {
			if named[f.Column] {
				line = append(line, b.Arg(parameter(v.FieldByIndex(f.Index))))
			} else {
				line = append(line, "DEFAULT")
			}
		}
		values = append(values, "("+strings.Join(line, ", ")+")")
	}
	columns := make([]string, len(fields))
	for i, f := range fields {
		columns[i] = f.Column
	}
	sql := "INSERT INTO " + t.face + " AS " + t.quoted + " (" + fragment.Idents("", columns) + ") VALUES " + strings.Join(values, ", ")
	if len(fields) == 0 {
		sql = "INSERT INTO " + t.face + " AS " + t.quoted + " (entity_id) VALUES (NULL)" + strings.Repeat(", (NULL)", len(rows)-1)
	}
	return t.write(ctx, db, sql+onConflict, b.Args, &rows[0])
}

// write runs a statement with what it returns of the rows. row is the one to
// blame for a constraint.
func (t *ImmutableTable[T]) write(ctx context.Context, db DB, sql string, args []any, row *T) ([]T, error) {
	var made []T
	sql += " RETURNING " + t.list
	err := guarded(ctx, db, sql, args, func(rows pgx.Rows) error {
		r, err := scan[T](t.table, rows)
		made = append(made, r)
		return err
	})
	if err != nil {
		return nil, t.explain(err, *row)
	}
	return made, nil
}

// Update makes the next version of an entity. row is the version that the
// caller has seen: if it is no longer the current one, nothing is written and
// the error is a *ConflictError. The change is one of
//
//   - func(*T), or func(*T) error, which gets a copy of the row to alter,
//   - a T, the row as it is to be,
//   - Changes, or a map[string]any, by column.
//
// Only what differs from row is sent, so columns that the program does not know
// are carried on (fields of types that hide what a copy shares, pgtype.Numeric
// for one, are always sent); if nothing differs, there is no new version. It takes one
// statement, which returns the version that is then current.
//
// Errors: ErrConflict, ErrDeleted, ErrNotFound; ErrInvalid with the row as it was
// to be. Locks: the row, until the transaction's end.
func (t *ImmutableTable[T]) Update(ctx context.Context, db DB, row T, change any) (T, error) {
	return t.update(ctx, db, row, change, true)
}

// UpdateAny is Update without the expected version: it changes whatever the
// current version is, and what somebody else wrote to the same columns since the
// row was read is overwritten (the last writer wins). Other columns keep what
// they have.
//
// Errors: ErrDeleted, ErrNotFound, ErrInvalid.
func (t *ImmutableTable[T]) UpdateAny(ctx context.Context, db DB, row T, change any) (T, error) {
	return t.update(ctx, db, row, change, false)
}

func (t *ImmutableTable[T]) update(ctx context.Context, db DB, row T, change any, expect bool) (T, error) {
	next, err := t.changed(row, change)
	if err != nil {
		return row, err
	}
	if err := validate(&next); err != nil {
		return row, err
	}
	before, after := reflect.ValueOf(row), reflect.ValueOf(next)
	var b fragment.Builder
	var sets []string
	for _, f := range t.difference(before, after) {
		sets = append(sets, fragment.Ident(f.Column)+" = "+b.Arg(parameter(after.FieldByIndex(f.Index))))
	}
	if written := t.versionOf(after); t.allowVersionWrite && written != 0 && written != t.versionOf(before) {
		sets = append(sets, fragment.Ident(t.version.Column)+" = "+b.Arg(written)+"::bigint")
	}
	if len(sets) == 0 {
		sets = []string{"entity_id = entity_id"} // no version, but the same checks
	}
	id, version := t.entityOf(before), t.versionOf(before)
	sql := "UPDATE " + t.face + " AS " + t.quoted + " SET " + strings.Join(sets, ", ") + t.expecting(&b, id, version, expect)
	for range attempts {
		made, err := t.write(ctx, db, sql, b.Args, &next)
		if err != nil {
			return row, t.stale(err, id, version)
		}
		if len(made) > 0 {
			return made[0], nil
		}
		if err = t.missed(ctx, db, id, version); expect || !errors.Is(err, ErrConflict) {
			return row, err
		}
	}
	return row, t.conflict(id, version, 0, nil)
}

// attempts is how often a statement without an expected version is sent: one
// that waited for a transaction which deletes an entity and brings it back finds
// no row, though there is one.
const attempts = 3

// expecting is the condition of a write to one entity.
func (t *entities) expecting(b *fragment.Builder, id UUID, version int64, expect bool) string {
	sql := " WHERE entity_id = " + b.Arg(id.String()) + "::uuid"
	if expect {
		sql += " AND " + fragment.Ident(t.version.Column) + " = " + b.Arg(version) + "::bigint"
	}
	return sql
}

// missed says why a write found no row.
func (t *entities) missed(ctx context.Context, db DB, id UUID, expected int64) error {
	actual, err := t.absent(ctx, db, id)
	if err != nil {
		return err
	}
	return t.conflict(id, expected, actual, nil)
}

func (t *entities) conflict(id UUID, expected, actual int64, cause error) *ConflictError {
	now := "has been changed by a transaction that this one cannot see"
	if actual != 0 {
		now = fmt.Sprintf("has version %d by now", actual)
	}
	e := t.own("YO022", fmt.Sprintf("entity %s was read as version %d and %s", id, expected, now), "Read it again, and decide.")
	e.cause = cause
	return &ConflictError{EntityID: id, Expected: expected, Actual: actual, err: e}
}

// stale makes a conflict of what REPEATABLE READ says of a row that another
// transaction has changed.
func (t *entities) stale(err error, id UUID, version int64) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "40001" {
		return t.conflict(id, version, 0, err)
	}
	return err
}
