package yore

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"yore.example/yore/internal/rowtype"
)

// Meta is the version data of a row of an immutable table, to be embedded in
// its row type:
//
//	type Task struct {
//		yore.Meta
//		Title    string
//		Priority int
//		DueOn    *time.Time `db:"due_on"`
//	}
//
// The library fills it; what a program writes to it never reaches the table,
// but for EntityID and Version of a row that is passed to Update and Delete:
// they say which entity is meant, and which version of it was seen.
//
// A table with show_row_id has the row id beside: a field ID UUID.
type Meta struct {
	EntityID  UUID       `db:"entity_id" json:"entity_id"`   // the same in all versions
	Version   int64      `db:"version" json:"version"`       // 1, 2, 3 …
	ValidFrom time.Time  `db:"valid_from" json:"valid_from"` // when the version began; UTC, microseconds
	DeletedAt *time.Time `db:"deleted_at" json:"deleted_at"` // set in tombstones alone
}

// An ImmutableTable reads and writes the entities of one immutable table, with
// rows of type T. It has no connection of its own: every call is given the DB,
// a pool or the caller's transaction. It is safe for concurrent use.
//
// What is written is one statement, so it is done wholly or not at all. Inside
// a pgx.Tx (or a *sql.Tx, wrapped) it runs in a savepoint: after an ordinary
// error, a conflict or a unique value taken, say, the transaction goes on.
type ImmutableTable[T any] struct{ *entities }

// entities is what of an ImmutableTable does not depend on T.
type entities struct {
	*table
	get                  string // the statement of Get
	id, version, deleted rowtype.Field
	hasDeleted, hasID    bool
	allowVersionWrite    bool
}

// Immutable returns a handle for the immutable table of that name, "tasks" or
// "sales.tasks", written as in SQL. Columns and fields of T go by the tag db, or
// the field's name in snake case; db:"-" leaves a field out, and these options
// stand behind the name:
//
//   - default: a zero value is left to the column's default on Insert.
//   - readonly: never written; for generated columns.
//
// Maps, and structs that do not implement driver.Valuer or its like in pgx, are
// JSON. A UUID of any package's, or a pointer to one, is a UUID.
//
// A field id is yore's row id, unless it has one of the options.
//
// An unqualified name is found through search_path, and its past is that of the
// table of schema public; name the schema of any other.
//
// Immutable panics if T is no struct with entity_id (a UUID) and version (an
// integer), or the name is none: mistakes of the program, seen at its start.
func Immutable[T any](name string, opts ...TableOption) *ImmutableTable[T] {
	t, err := newEntities(name, reflect.TypeFor[T](), opts)
	if err != nil {
		panic("yore.Immutable: " + err.Error())
	}
	return &ImmutableTable[T]{t}
}

func newEntities(name string, goType reflect.Type, opts []TableOption) (*entities, error) {
	common, o, err := newTable(name, goType, opts)
	if err != nil {
		return nil, err
	}
	if common.row == nil {
		return nil, fmt.Errorf("rows without a struct can only be read: yore.Temporal[yore.Row](%q, yore.Key(\"entity_id\"))", name)
	}
	t := &entities{table: common, allowVersionWrite: o.allowVersionWrite}
	t.entity, t.key = true, []string{"entity_id"}
	t.get = "SELECT " + t.list + " FROM " + t.face + " AS " + t.quoted + " WHERE " + t.quoted + ".entity_id = $1::uuid"

	var ok bool
	if t.id, ok = t.row.Field("entity_id"); !ok || !isUUID(t.id.Type) {
		return nil, fmt.Errorf("row type %s has no field for entity_id with a UUID; embed yore.Meta", goType)
	}
	if t.version, ok = t.row.Field(t.prefix + "version"); !ok || !t.version.Type.ConvertibleTo(reflect.TypeFor[int64]()) || t.version.Type.Kind() == reflect.String {
		return nil, fmt.Errorf("row type %s has no field for %sversion with an integer; embed yore.Meta", goType, t.prefix)
	}
	if t.deleted, t.hasDeleted = t.row.Field(t.prefix + "deleted_at"); t.hasDeleted && t.deleted.Type != reflect.TypeFor[*time.Time]() {
		return nil, fmt.Errorf("row type %s: %sdeleted_at needs a *time.Time", goType, t.prefix)
	}
	id, ok := t.row.Field(t.prefix + "id")
	t.hasID = ok && !id.Default && !id.ReadOnly
	return t, nil
}

func isUUID(t reflect.Type) bool {
	return t.Kind() == reflect.Array && t.Len() == 16 && t.Elem().Kind() == reflect.Uint8
}

// isMeta reports whether a column is version data, which clients do not write.
func (t *entities) isMeta(column string) bool {
	return slices.Contains(t.meta(), column) || t.hasID && column == t.prefix+"id"
}

// writable returns the fields that clients write.
func (t *entities) writable() []rowtype.Field {
	fields := make([]rowtype.Field, 0, len(t.row.Fields))
	for _, f := range t.row.Fields {
		if !t.isMeta(f.Column) && !f.ReadOnly {
			fields = append(fields, f)
		}
	}
	return fields
}

func (t *entities) entityOf(row reflect.Value) UUID {
	return UUID(row.FieldByIndex(t.id.Index).Convert(reflect.TypeFor[[16]byte]()).Interface().([16]byte))
}

func (t *entities) versionOf(row reflect.Value) int64 {
	return row.FieldByIndex(t.version.Index).Convert(reflect.TypeFor[int64]()).Int()
}
