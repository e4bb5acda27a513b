package yore

import (
	"cmp"
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// A FieldError says what is wrong with one field of a row.
type FieldError struct {
	Field      string `json:"field"`                // its column; empty where it concerns the row
	Message    string `json:"message"`              // such as "can't be blank", to stand after the field's name
	Constraint string `json:"constraint,omitempty"` // the constraint of the table that refused it
}

func (e FieldError) Error() string { return strings.TrimSpace(e.Field + " " + e.Message) }

// An InvalidError says why a row was not written: what its Validate method
// refused, what could not be read (Cast), or a constraint of the table. errors.Is
// finds ErrInvalid, errors.As the *pgconn.PgError of a constraint.
type InvalidError struct {
	Fields []FieldError
	Row    any // the row as it would have been, of the table's row type; nil if there is none

	err *Error
}

func (e *InvalidError) Error() string { return e.Unwrap().Error() }

// Unwrap returns an *Error of kind ErrInvalid.
func (e *InvalidError) Unwrap() error {
	if e.err == nil { // made by a program of its own
		return invalid(nil, nil, e.Fields...).err
	}
	return e.err
}

// Field returns the messages for a column, none if it is not to blame.
func (e *InvalidError) Field(column string) []string {
	var messages []string
	for _, f := range e.Fields {
		if f.Field == column {
			messages = append(messages, f.Message)
		}
	}
	return messages
}

func invalid(row any, cause error, fields ...FieldError) *InvalidError {
	said := make([]string, len(fields))
	for i, f := range fields {
		said[i] = f.Error()
	}
	e := newError("YO023", "invalid: "+strings.Join(said, "; "), "")
	e.cause = cause
	return &InvalidError{Fields: fields, Row: row, err: e}
}

// FieldErrors collects what a Validate method finds:
//
//	func (t Task) Validate() error {
//		var errs yore.FieldErrors
//		errs.AddIf(t.Title == "", "title", "can't be blank")
//		return errs.Err()
//	}
type FieldErrors []FieldError

// Add notes that a field is wrong. Field is the name of its column.
func (e *FieldErrors) Add(field, message string) {
	*e = append(*e, FieldError{Field: field, Message: message})
}

// AddIf notes it if wrong is true.
func (e *FieldErrors) AddIf(wrong bool, field, message string) {
	if wrong {
		e.Add(field, message)
	}
}

// Err returns nil if nothing was noted.
func (e FieldErrors) Err() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

func (e FieldErrors) Error() string { return e.Unwrap().Error() }

// Unwrap returns an *InvalidError, so that what Validate returns is found as
// what Insert makes of it is.
func (e FieldErrors) Unwrap() error { return invalid(nil, nil, e...) }

// A Validator is a row type that checks itself. Insert, Update and their like
// call it before anything is sent. It returns FieldErrors, or an error that then
// concerns the row as a whole.
type Validator interface{ Validate() error }

func validate(row any) error {
	v, ok := row.(Validator) // a pointer: finds methods of the value as well
	if !ok {
		return nil
	}
	err := v.Validate()
	row = reflect.ValueOf(row).Elem().Interface()
	var fields FieldErrors
	var known *InvalidError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return invalid(row, err, known.Fields...)
	case errors.As(err, &fields):
		return invalid(row, err, fields...)
	default:
		return invalid(row, err, FieldError{Message: err.Error()})
	}
}

// The columns of a key and their values stand so in every language of the
// server.
var keyDetail = regexp.MustCompile(`\((.+?)\)=\(`)

// explainConstraint makes field errors of the violation of a constraint, and of
// values that do not fit their column; other errors it only explains. columns
// are those of the row type, table is the table's name without schema.
func explainConstraint(err error, row any, table string, columns []string) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		if errors.Is(err, errNUL) {
			return invalid(row, err, FieldError{Message: "a value is malformed"})
		}
		if strings.Contains(err.Error(), "failed to encode args[") && outOfRange.MatchString(err.Error()) {
			return invalid(row, err, FieldError{Message: "a number is out of range"})
		}
		return Explain(err)
	}
	field := FieldError{Constraint: pg.ConstraintName}
	switch pg.Code {
	case "23502":
		field.Field, field.Message = pg.ColumnName, "can't be blank"
	case "23505":
		field.Field, field.Message = keyColumn(pg, columns), "has already been taken"
	case "23503":
		field.Field, field.Message = keyColumn(pg, columns), "does not exist"
		// pg.TableName is that of the rows that refer, and the constraint is
		// named after their column.
		refers := namedColumn(pg, columns)
		if field.Field == "entity_id" || pg.TableName != table || refers != "" && refers != field.Field {
			field.Message = "is still referenced"
		}
	case "23514":
		field.Field, field.Message = namedColumn(pg, columns), "is invalid"
		if field.Field == "" {
			field.Message = "violates " + pg.ConstraintName
		}
	case "23P01":
		field.Field, field.Message = keyColumn(pg, columns), "conflicts with another"
	case "22001":
		field.Message = "a value is too long"
	case "22003":
		field.Message = "a number is out of range"
	case "22P02", "22P05", "22007", "22008", "22021":
		field.Message = "a value is malformed"
	default:
		return Explain(err)
	}
	return invalid(row, err, field)
}

// outOfRange is what pgx says of a number, in an array say, that it does not
// send.
var outOfRange = regexp.MustCompile(` is (greater than maximum|less than minimum) value for `)

// keyColumn is the first of the columns in "Key (a, lower(b))=(1, 2) …" that
// the row type has.
func keyColumn(pg *pgconn.PgError, columns []string) string {
	m := keyDetail.FindStringSubmatch(pg.Detail)
	if m == nil {
		return namedColumn(pg, columns)
	}
	for _, at := range nameInKey.FindAllStringIndex(m[1], -1) {
		name := strings.ReplaceAll(strings.Trim(m[1][at[0]:at[1]], `"`), `""`, `"`)
		if slices.Contains(columns, name) && !strings.HasPrefix(m[1][at[1]:], "(") || name == "entity_id" {
			return name
		}
	}
	return ""
}

// nameInKey finds the names in a key such as "a, lower(b)".
var nameInKey = regexp.MustCompile(`"([^"]|"")*"|[\pL_][\pL\pN_$]*`)

// namedColumn reads the column from a name such as tasks_priority_check.
func namedColumn(pg *pgconn.PgError, columns []string) string {
	var found []string
	for _, c := range columns {
		if strings.HasPrefix(pg.ConstraintName+"_", pg.TableName+"_"+c+"_") {
			found = append(found, c)
		}
	}
	if len(found) == 0 {
		return ""
	}
	return slices.MaxFunc(found, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
}

// A ConflictError says that somebody else changed or deleted the entity since
// the row was read. errors.Is finds ErrConflict.
type ConflictError struct {
	EntityID UUID
	Expected int64 // the version of the row that was passed
	Actual   int64 // the current one; 0 if it is not known: the transaction's snapshot is older

	err *Error
}

func (e *ConflictError) Error() string { return e.err.Message }

// Unwrap returns an *Error of kind ErrConflict.
func (e *ConflictError) Unwrap() error { return e.err }
