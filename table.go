package yore

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"yore.example/yore/internal/fragment"
	"yore.example/yore/internal/rowtype"
)

// Row is a row without a struct of its own: the values by column, as pgx gives
// them, UUIDs as UUID and times in UTC. Temporal[Row] is the handle of a table of
// which the program knows only the name.
type Row = map[string]any

// A TableOption says what Temporal and Immutable cannot know of a table.
type TableOption func(*tableOptions)

type tableOptions struct {
	prefix            string
	key               []string
	history, asof     string
	allowVersionWrite bool
	messages          map[string]FieldError
}

// Prefix is the prefix with which the table is tracked. The version data of an
// immutable table is then in fields with tags db:"sys_version" and so on instead
// of Meta.
func Prefix(prefix string) TableOption {
	return func(o *tableOptions) { o.prefix = prefix }
}

// Key names the key columns of a temporal table whose row type does not: a Row.
func Key(columns ...string) TableOption {
	return func(o *tableOptions) { o.key = columns }
}

// Schemas names the schemas of history and asof where yore was installed with
// others than these.
func Schemas(history, asof string) TableOption {
	return func(o *tableOptions) { o.history, o.asof = history, asof }
}

// AllowVersionWrite says that an immutable table is tracked with
// allow_version_write, and that a version set in a row to insert, or in Changes,
// is to be written.
func AllowVersionWrite() TableOption {
	return func(o *tableOptions) { o.allowVersionWrite = true }
}

// ConstraintMessage says which field of an immutable table's row type the
// violation of a constraint concerns, and in which words.
func ConstraintMessage(constraint, field, message string) TableOption {
	return func(o *tableOptions) {
		o.messages[constraint] = FieldError{Field: field, Message: message, Constraint: constraint}
	}
}

// A table is what statements need to know of a tracked table and of the Go type
// of its rows.
type table struct {
	written string // the name as given: for yore's functions
	name    string
	quoted  string // name, by which statements call the table
	list    string // the columns of the row type, of the table
	face    string // quoted, as the others
	history string
	asof    string
	prefix  string
	key     []string
	entity  bool          // keyed by entity_id: an immutable table
	row     *rowtype.Type // nil for Row

	messages map[string]FieldError
}

func newTable(name string, goType reflect.Type, opts []TableOption) (*table, tableOptions, error) {
	o := tableOptions{history: "history", asof: "asof", messages: map[string]FieldError{}}
	for _, opt := range opts {
		opt(&o)
	}
	schema, base, err := fragment.Name(name)
	if err != nil {
		return nil, o, err
	}
	t := &table{written: name, name: base, quoted: fragment.Ident(base), face: fragment.Ident(base), prefix: o.prefix, key: o.key, messages: o.messages}
	if goType == reflect.TypeFor[Row]() {
		t.list = t.quoted + ".*"
	} else {
		if t.row, err = rowtype.Of(goType); err != nil {
			return nil, o, err
		}
		t.list = fragment.Idents(t.quoted+".", t.row.Columns())
		if t.key == nil {
			t.key = t.row.Key()
		}
	}
	history, asof := o.history, o.asof
	if schema != "" {
		t.face = fragment.Ident(schema) + "." + t.face
	}
	if schema != "" && schema != "public" {
		history, asof = history+"_"+schema, asof+"_"+schema
	}
	t.history = fragment.Ident(history) + "." + fragment.Ident(base)
	t.asof = fragment.Ident(asof) + "." + fragment.Ident(base)
	return t, o, nil
}

// shown quotes a column of version data as the table shows it.
func (t *table) shown(column string) string { return fragment.Ident(t.prefix + column) }

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
	var columns []string
	if t.row != nil {
		columns = t.row.Columns()
	}
	err = explainConstraint(err, row, t.name, columns)
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

// explainRead is explain for what writes nothing: what was wrong with a value,
// the server says best.
func (t *table) explainRead(err error) error {
	if err == nil {
		return nil
	}
	err = Explain(err)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42501" {
		e := t.own("YO008", pg.Message, fmt.Sprintf("The past takes rights of its own: SELECT yore.grant_history('%s', 'the role').", t.written))
		e.cause = err
		return e
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
	switch missing := pg.Code == "42703"; {
	case (pg.Code == "42P01" || pg.Code == "42704" || pg.Code == "42883" || pg.Code == "3F000") && says(t.name):
		e = t.own("YO003", "it is not tracked, or there is no such table", t.trackHint())
	case missing && t.entity && slices.ContainsFunc(t.meta(), says):
		e = t.own("YO007", "it is no immutable table, or one with another prefix", "yore.track(…, immutable => true) makes it one.")
	case missing && slices.ContainsFunc(t.key, says):
		e = t.own("YO007", fmt.Sprintf("its key is not (%s)", fragment.Idents("", t.key)), "Name the key columns by the tag option key, db:\"code,key\", or with yore.Key.")
	case missing && slices.ContainsFunc(t.meta(), says):
		e = t.own("YO007", "its rows have no such version data here, or it is tracked with another prefix", "History, AllVersions and Versions read version data; a prefix is passed with yore.Prefix.")
	default:
		return err
	}
	e.Detail, e.cause = pg.Message, err
	return e
}

func (t *table) trackHint() string {
	if t.entity {
		return "yore.create_immutable_table makes it; yore.track(…, immutable => true) tracks one that is there."
	}
	return fmt.Sprintf("SELECT yore.track('%s') tracks it.", t.written)
}

// meta returns the columns of version data that every history of such a table
// has.
func (t *table) meta() []string {
	own := []string{t.prefix + "version", t.prefix + "valid_from", t.prefix + "deleted_at"}
	if t.entity {
		return append([]string{"entity_id"}, own...)
	}
	return append(own, t.prefix+"valid_to", t.prefix+"xid")
}
