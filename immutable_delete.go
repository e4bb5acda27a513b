package yore

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"yore.example/yore/internal/fragment"
)

// Delete ends an entity and returns the tombstone: the next version, with the
// same data and DeletedAt set. row is the version that the caller has seen; if
// it is no longer the current one, nothing is deleted and the error is a
// *ConflictError.
//
// To those who may not read history, the tombstone's row id is zero.
//
// Errors: ErrConflict, ErrDeleted, ErrNotFound; ErrInvalid (23503) if another
// table's foreign key holds the entity.
func (t *ImmutableTable[T]) Delete(ctx context.Context, db DB, row T) (T, error) {
	v := reflect.ValueOf(row)
	return t.delete(ctx, db, row, t.entityOf(v), t.versionOf(v), true)
}

// DeleteAny is Delete without the expected version: it deletes the entity
// whatever its current version is.
func (t *ImmutableTable[T]) DeleteAny(ctx context.Context, db DB, id UUID) (T, error) {
	var none T
	return t.delete(ctx, db, none, id, 0, false)
}

func (t *ImmutableTable[T]) delete(ctx context.Context, db DB, row T, id UUID, version int64, expect bool) (T, error) {
	var b fragment.Builder
	sql := "DELETE FROM " + t.face + " AS " + t.quoted + t.expecting(&b, id, version, expect)
	// RETURNING has the row that went. Of the tombstone it can be told by the
	// rule that the trigger follows: the next number, from the transaction's
	// time on, or 1 µs after the version before.
	columns := t.row.Columns()
	from := t.quoted + "." + fragment.Ident(t.prefix+"valid_from")
	began := "CASE WHEN current_setting('yore.at_time', true) <> '' THEN yore._loading_time() ELSE transaction_timestamp() END"
	ended := "greatest(" + began + ", " + from + " + interval '1 microsecond')"
	returned := make([]string, len(columns))
	for i, c := range columns {
		returned[i] = t.quoted + "." + fragment.Ident(c)
		switch c {
		case t.prefix + "version":
			returned[i] += " + 1"
		case t.prefix + "valid_from", t.prefix + "deleted_at":
			returned[i] = ended
		}
	}
	sql += " RETURNING " + strings.Join(returned, ", ")
	for range attempts {
		gone, found := row, false
		err := guarded(ctx, db, sql, b.Args, func(rows pgx.Rows) (err error) {
			gone, err = scan[T](t.table, rows)
			found = true
			return err
		})
		if err != nil {
			return row, t.stale(t.explain(err, row), id, version)
		}
		if found {
			return t.withRowID(ctx, db, gone)
		}
		if err = t.missed(ctx, db, id, version); expect || !errors.Is(err, ErrConflict) {
			return row, err
		}
	}
	return row, t.conflict(id, version, 0, nil)
}

// withRowID reads a tombstone's row id where the row type has one: it is its
// own, and in history alone.
func (t *ImmutableTable[T]) withRowID(ctx context.Context, db DB, gone T) (T, error) {
	if !t.hasID {
		return gone, nil
	}
	v := reflect.ValueOf(&gone).Elem()
	sql, args, err := t.History(t.entityOf(v)).Where(fragment.Ident(t.prefix+"version")+" = $1::bigint", t.versionOf(v)).SQL()
	if err != nil {
		return gone, err
	}
	err = guarded(ctx, db, sql, args, func(rows pgx.Rows) (err error) {
		gone, err = scan[T](t.table, rows)
		return err
	})
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42501" { // it is deleted all the same
		id, _ := t.row.Field(t.prefix + "id")
		v.FieldByIndex(id.Index).SetZero()
		return gone, nil
	}
	return gone, t.explain(err, nil)
}

// Undelete brings a deleted entity back, with the data of its tombstone but for
// the changes, and returns that version.
//
// Errors: ErrNotFound, ErrNotDeleted; ErrInvalid for a unique value that
// somebody else has by now, an unknown column, or what Validate says of the row
// as it came back (then it stays deleted).
func (t *ImmutableTable[T]) Undelete(ctx context.Context, db DB, id UUID, changes ...Changes) (T, error) {
	var next T
	v := reflect.ValueOf(&next)
	columns := []string{} // not nil, which would be NULL
	for _, c := range changes {
		if err := t.apply(v, c, nil); err != nil {
			return next, err
		}
		for column := range c {
			if f, ok := t.row.Field(column); ok && !t.isMeta(column) && !f.ReadOnly && !slices.Contains(columns, column) {
				columns = append(columns, column)
			}
		}
	}
	slices.Sort(columns)
	if id.IsZero() {
		return next, t.own("YO019", "the zero UUID is no entity", "")
	}
	// The setting tells the trigger to take what is not named from the
	// tombstone; it lasts for this statement.
	var b fragment.Builder
	uuid, given := b.Arg(id.String()), b.Arg(columns)
	insert, values := "entity_id", "CASE WHEN set_config('yore.undelete', "+uuid+"::text || ' ' || ("+given+"::text[])::text, true) <> '' THEN "+uuid+"::text::uuid END"
	for _, c := range columns {
		f, _ := t.row.Field(c)
		insert += ", " + fragment.Ident(c)
		values += ", " + b.Arg(parameter(v.Elem().FieldByIndex(f.Index)))
	}
	sql := "INSERT INTO " + t.face + " AS " + t.quoted + " (" + insert + ") VALUES (" + values + ")"
	if _, checks := any(&next).(Validator); checks {
		return t.undeleteValid(ctx, db, sql, b.Args, id)
	}
	return t.undelete(ctx, db, sql, b.Args, id)
}

func (t *ImmutableTable[T]) undelete(ctx context.Context, db DB, sql string, args []any, id UUID) (T, error) {
	var none T
	made, err := t.write(ctx, db, sql, args, &none)
	if err != nil {
		return none, t.twice(err, id)
	}
	return made[0], nil
}

// undeleteValid is for rows that check themselves: they can do so only when
// they are there.
func (t *ImmutableTable[T]) undeleteValid(ctx context.Context, db DB, sql string, args []any, id UUID) (T, error) {
	var row T
	err := inOwnTransaction(ctx, db, func(tx DB) (err error) {
		if row, err = t.undelete(ctx, tx, sql, args, id); err != nil {
			return err
		}
		return validate(&row)
	})
	return row, err
}

// twice makes ErrNotDeleted of a second undelete that came at the same time.
func (t *entities) twice(err error, id UUID) error {
	var known *InvalidError
	if errors.As(err, &known) && len(known.Fields) == 1 && known.Fields[0].Field == "entity_id" {
		e := t.own("YO021", "entity "+id.String()+" is not deleted", "")
		e.cause = known.err.cause
		return e
	}
	return err
}
