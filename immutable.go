package yore

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"yore.example/yore/internal/fragment"
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
type ImmutableTable[T any] struct{ *table }

// table is what of an ImmutableTable does not depend on T.
type table struct {
	written string // the name as given: for yore's functions
	name    string
	quoted  string // name, by which statements call the table
	columns string // of the row type, quoted
	list    string // the same, of the table
	get     string // the statement of Get
	face    string // quoted, as the others
	history string
	asof    string
	prefix  string
	row     *rowtype.Type

	entity, version, deleted rowtype.Field
	hasDeleted, hasID        bool
	allowVersionWrite        bool
	messages                 map[string]FieldError
}

// An ImmutableOption says what Immutable cannot know of a table.
type ImmutableOption func(*immutableOptions)

type immutableOptions struct {
	prefix            string
	history, asof     string
	allowVersionWrite bool
	messages          map[string]FieldError
}

// Prefix is the prefix with which the table is tracked: the version data is in
// fields with tags db:"sys_version" and so on instead of Meta.
func Prefix(prefix string) ImmutableOption {
	return func(o *immutableOptions) { o.prefix = prefix }
}

// AllowVersionWrite says that the table is tracked with allow_version_write, and
// that a version set in a row to insert, or in Changes, is to be written.
func AllowVersionWrite() ImmutableOption {
	return func(o *immutableOptions) { o.allowVersionWrite = true }
}

// Schemas names the schemas of history and asof where yore was installed with
// others than these.
func Schemas(history, asof string) ImmutableOption {
	return func(o *immutableOptions) { o.history, o.asof = history, asof }
}

// ConstraintMessage says which field the violation of a constraint concerns, and
// in which words.
func ConstraintMessage(constraint, field, message string) ImmutableOption {
	return func(o *immutableOptions) {
		o.messages[constraint] = FieldError{Field: field, Message: message, Constraint: constraint}
	}
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
func Immutable[T any](name string, opts ...ImmutableOption) *ImmutableTable[T] {
	o := immutableOptions{history: "history", asof: "asof", messages: map[string]FieldError{}}
	for _, opt := range opts {
		opt(&o)
	}
	t, err := newTable(name, reflect.TypeFor[T](), o)
	if err != nil {
		panic("yore.Immutable: " + err.Error())
	}
	return &ImmutableTable[T]{t}
}

func newTable(name string, goType reflect.Type, o immutableOptions) (*table, error) {
	schema, base, err := fragment.Name(name)
	if err != nil {
		return nil, err
	}
	row, err := rowtype.Of(goType)
	if err != nil {
		return nil, err
	}
	t := &table{written: name, name: base, face: fragment.Ident(base), prefix: o.prefix, row: row,
		allowVersionWrite: o.allowVersionWrite, messages: o.messages}
	if schema != "" {
		t.face = fragment.Ident(schema) + "." + t.face
	}
	if schema != "" && schema != "public" {
		o.history, o.asof = o.history+"_"+schema, o.asof+"_"+schema
	}
	t.history = fragment.Ident(o.history) + "." + fragment.Ident(base)
	t.asof = fragment.Ident(o.asof) + "." + fragment.Ident(base)

	t.quoted = fragment.Ident(base)
	t.columns = fragment.Idents("", row.Columns())
	t.list = fragment.Idents(t.quoted+".", row.Columns())
	t.get = "SELECT " + t.list + " FROM " + t.face + " AS " + t.quoted + " WHERE " + t.quoted + ".entity_id = $1::uuid"

	var ok bool
	if t.entity, ok = row.Field("entity_id"); !ok || !isUUID(t.entity.Type) {
		return nil, fmt.Errorf("row type %s has no field for entity_id with a UUID; embed yore.Meta", goType)
	}
	if t.version, ok = row.Field(t.prefix + "version"); !ok || !t.version.Type.ConvertibleTo(reflect.TypeFor[int64]()) || t.version.Type.Kind() == reflect.String {
		return nil, fmt.Errorf("row type %s has no field for %sversion with an integer; embed yore.Meta", goType, t.prefix)
	}
	if t.deleted, t.hasDeleted = row.Field(t.prefix + "deleted_at"); t.hasDeleted && t.deleted.Type != reflect.TypeFor[*time.Time]() {
		return nil, fmt.Errorf("row type %s: %sdeleted_at needs a *time.Time", goType, t.prefix)
	}
	id, ok := row.Field(t.prefix + "id")
	t.hasID = ok && !id.Default && !id.ReadOnly
	return t, nil
}

func isUUID(t reflect.Type) bool {
	return t.Kind() == reflect.Array && t.Len() == 16 && t.Elem().Kind() == reflect.Uint8
}

// isMeta reports whether a column is version data, which clients do not write.
func (t *table) isMeta(column string) bool {
	return slices.Contains(t.meta(), column) || t.hasID && column == t.prefix+"id"
}

// writable returns the fields that clients write.
func (t *table) writable() []rowtype.Field {
	fields := make([]rowtype.Field, 0, len(t.row.Fields))
	for _, f := range t.row.Fields {
		if !t.isMeta(f.Column) && !f.ReadOnly {
			fields = append(fields, f)
		}
	}
	return fields
}

func (t *table) entityOf(row reflect.Value) UUID {
	return UUID(row.FieldByIndex(t.entity.Index).Convert(reflect.TypeFor[[16]byte]()).Interface().([16]byte))
}

func (t *table) versionOf(row reflect.Value) int64 {
	return row.FieldByIndex(t.version.Index).Convert(reflect.TypeFor[int64]()).Int()
}

// own is an error about the table, by its name.
func (t *table) own(code, message, hint string) *Error {
	return newError(code, "table "+t.written+": "+message, hint)
}

// explain turns the error of a statement into what callers look for. row is what
// was to be written; nil if nothing was.
func (t *table) explain(err error, row any) error {
	if err == nil {
		return nil
	}
	err = explainConstraint(err, row, t.name, t.row.Columns())
	var known *InvalidError
	if errors.As(err, &known) {
		for i, f := range known.Fields {
			if said, ok := t.messages[f.Constraint]; ok {
				known.Fields[i] = said
			}
		}
		return invalid(known.Row, known.err.cause, known.Fields...)
	}
	return t.unfit(err)
}

// unfit says which table it is whose relation or version data was not found.
func (t *table) unfit(err error) error {
	var known *Error
	var pg *pgconn.PgError
	if errors.As(err, &known) || !errors.As(err, &pg) {
		return err
	}
	says := func(name string) bool {
		found, _ := regexp.MatchString(`(^|[^\pL\pN_])`+regexp.QuoteMeta(name)+`($|[^\pL\pN_])`, pg.Message)
		return found
	}
	var e *Error
	switch {
	case (pg.Code == "42P01" || pg.Code == "42883" || pg.Code == "3F000") && says(t.name):
		e = t.own("YO003", "it is not tracked, or there is no such table", "yore.create_immutable_table makes it; yore.track(…, immutable => true) tracks one that is there.")
	case pg.Code == "42703" && slices.ContainsFunc(t.meta(), says):
		e = t.own("YO007", "it is no immutable table, or one with another prefix", "yore.track(…, immutable => true) makes it one.")
	default:
		return err
	}
	e.Detail, e.cause = pg.Message, err
	return e
}

// meta returns the columns of version data that every immutable table has.
func (t *table) meta() []string {
	return []string{"entity_id", t.prefix + "version", t.prefix + "valid_from", t.prefix + "deleted_at"}
}
