package yore

import (
	"errors"
	"reflect"
	"regexp"

	"github.com/jackc/pgx/v5/pgconn"
)

// What went wrong, for errors.Is. The errors that the database raises have a
// SQLSTATE of class YO, listed in docs/errors.md; each of them is one of these.
var (
	// ErrAppendOnly: something tried to change the past (YO001).
	ErrAppendOnly = errors.New("the past is append-only")
	// ErrTruncate: TRUNCATE of a tracked table (YO002).
	ErrTruncate = errors.New("TRUNCATE of a tracked table")
	// ErrNotTracked: the table is not tracked, or there is none (YO003).
	ErrNotTracked = errors.New("not tracked")
	// ErrTracked: the table is tracked already (YO004).
	ErrTracked = errors.New("already tracked")
	// ErrUnsuitable: the table cannot be tracked as it is (YO005).
	ErrUnsuitable = errors.New("cannot be tracked")
	// ErrName: a name is taken or too long (YO006).
	ErrName = errors.New("a name is in the way")
	// ErrOption: an option has a value that makes no sense (YO007).
	ErrOption = errors.New("bad option")
	// ErrRights: the role lacks a right (YO008).
	ErrRights = errors.New("insufficient rights")
	// ErrNeedsSync: the table was altered behind yore's back (YO009).
	ErrNeedsSync = errors.New("needs yore.sync")
	// ErrPresent: the present was named inside an as-of session (YO010).
	ErrPresent = errors.New("the present, in an as-of session")
	// ErrTimeOrder: loaded history does not go forward (YO011).
	ErrTimeOrder = errors.New("time goes backwards")
	// ErrStableTime: the stable time cannot be known (YO012).
	ErrStableTime = errors.New("stable time unknown")
	// ErrIsolation: what must see every row needs READ COMMITTED (YO013).
	ErrIsolation = errors.New("needs READ COMMITTED")
	// ErrBeforeTracking: the time lies before a table's past is known (YO014).
	ErrBeforeTracking = errors.New("before tracking began")
	// ErrNewer: the database has a newer yore than this program (YO015).
	ErrNewer = errors.New("the database has a newer yore")
	// ErrTooOld: PostgreSQL is older than 13 (YO016).
	ErrTooOld = errors.New("PostgreSQL is too old")
	// ErrNotInstalled: the database has no yore (YO017).
	ErrNotInstalled = errors.New("yore is not installed")
	// ErrImmutable: a stored version, or its version data, was to be altered (YO018).
	ErrImmutable = errors.New("stored versions are immutable")
	// ErrNotFound: there is no such entity, and never was (YO019).
	ErrNotFound = errors.New("not found")
	// ErrDeleted: the entity is deleted; it can be undeleted (YO020).
	ErrDeleted = errors.New("deleted")
	// ErrNotDeleted: the entity to undelete is live (YO021).
	ErrNotDeleted = errors.New("not deleted")
	// ErrConflict: somebody else changed the entity first (YO022).
	ErrConflict = errors.New("changed meanwhile")
	// ErrInvalid: values were refused, by Validate or by a constraint (YO023).
	ErrInvalid = errors.New("invalid")
	// ErrAlter: no action of ALTER TABLE, or none for a tracked table (YO024).
	ErrAlter = errors.New("cannot be altered so")
	// ErrAdopt: the history of a table cannot be adopted as it is (YO025).
	ErrAdopt = errors.New("cannot be adopted")
	// ErrRestore: rows are restored with the triggers on, or without yore's own
	// tables (YO026).
	ErrRestore = errors.New("restored with the triggers on, or without yore.tracked")
	// ErrDump: what Load was given is no dump, or not a whole one (YO027).
	ErrDump = errors.New("no whole dump")
	// ErrTarget: a dump cannot be loaded into this database (YO028).
	ErrTarget = errors.New("cannot be loaded here")
	// ErrUpgrade: tables still have the triggers of an earlier version (YO029).
	ErrUpgrade = errors.New("tables remain to be upgraded")
)

var byCode = map[string]error{
	"YO001": ErrAppendOnly, "YO002": ErrTruncate, "YO003": ErrNotTracked, "YO004": ErrTracked,
	"YO005": ErrUnsuitable, "YO006": ErrName, "YO007": ErrOption, "YO008": ErrRights,
	"YO009": ErrNeedsSync, "YO010": ErrPresent, "YO011": ErrTimeOrder, "YO012": ErrStableTime,
	"YO013": ErrIsolation, "YO014": ErrBeforeTracking, "YO015": ErrNewer, "YO016": ErrTooOld, "YO017": ErrNotInstalled, "YO018": ErrImmutable, "YO019": ErrNotFound, "YO020": ErrDeleted,
	"YO021": ErrNotDeleted, "YO022": ErrConflict, "YO023": ErrInvalid, "YO024": ErrAlter, "YO025": ErrAdopt, "YO026": ErrRestore, "YO027": ErrDump, "YO028": ErrTarget, "YO029": ErrUpgrade,
}

// An Error is an error of yore's with what is known about it. errors.Is finds
// its sentinel (ErrNotTracked and so on), errors.As the *pgconn.PgError it came
// from, if it came from the database.
type Error struct {
	Code    string // SQLSTATE, such as "YO003"
	Message string // begins with "yore: "
	Hint    string // how to mend it; may be empty
	Detail  string // may be empty

	kind  error
	cause error
}

func (e *Error) Error() string { return e.Message }

// Unwrap returns the sentinel and the error of the database.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.kind}
	}
	return []error{e.kind, e.cause}
}

// SQLState returns the SQLSTATE, as pgconn.PgError's method does.
func (e *Error) SQLState() string { return e.Code }

func newError(code, message, hint string) *Error {
	return &Error{Code: code, Message: "yore: " + message, Hint: hint, kind: byCode[code]}
}

// Explain turns an error of the database with a SQLSTATE of class YO into an
// *Error, and the absence of yore's schema into ErrNotInstalled; any other
// error, nil included, it returns as it is. Errors of the package's own
// functions have been explained; use it on errors of your own statements, an
// INSERT that meets ErrNeedsSync, say.
func Explain(err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		if pg = otherDrivers(err); pg == nil {
			return err
		}
	}
	if kind, ok := byCode[pg.Code]; ok {
		return &Error{Code: pg.Code, Message: pg.Message, Hint: pg.Hint, Detail: pg.Detail, kind: kind, cause: err}
	}
	if noSchema(pg) {
		e := newError("YO017", "yore is not installed in this database", "Run yore install, or call yore.Install.")
		e.cause = err
		return e
	}
	return err
}

// The server may speak another language than English; names stay.
var (
	schemaYore  = regexp.MustCompile(`\byore\b`)
	somethingIn = regexp.MustCompile(`\byore\.`)
)

// noSchema reports that a function or table of yore's was named where there is
// no schema of yore's.
func noSchema(pg *pgconn.PgError) bool {
	return pg.Code == "3F000" && schemaYore.MatchString(pg.Message) ||
		pg.Code == "42P01" && somethingIn.MatchString(pg.Message)
}

// otherDrivers makes one of pgx's of an error of another driver, below
// database/sql: by the one method that they share, and the fields that lib/pq's
// has in common with pgx's. nil if err is none.
func otherDrivers(err error) *pgconn.PgError {
	var stated interface {
		error
		SQLState() string
	}
	if !errors.As(err, &stated) {
		return nil
	}
	pg := &pgconn.PgError{Code: stated.SQLState(), Message: stated.Error()}
	if v := reflect.Indirect(reflect.ValueOf(stated)); v.Kind() == reflect.Struct {
		for name, to := range map[string]*string{"Message": &pg.Message, "Hint": &pg.Hint, "Detail": &pg.Detail} {
			if f := v.FieldByName(name); f.Kind() == reflect.String {
				*to = f.String()
			}
		}
	}
	return pg
}
