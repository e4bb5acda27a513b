package yore

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// What a transaction says of itself it says together with COMMIT, in one round
// trip: before, nobody knows whether it will write. docs/adr/0012 has the
// figures. A statement outside a transaction goes with yore.carry_context in one
// batch, which is one transaction.

// txBeginner is a pgx pool or connection.
type txBeginner interface {
	BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error)
}

// beginCarrying begins a transaction whose COMMIT carries the words; with nil, a
// plain one.
func beginCarrying(ctx context.Context, db txBeginner, o pgx.TxOptions, w *words) (pgx.Tx, error) {
	if w == nil {
		return db.BeginTx(ctx, o)
	}
	commit := o.CommitQuery
	if commit == "" {
		commit = "commit"
	}
	// pgx sends a text without arguments as it is, of several statements too.
	o.CommitQuery = w.statement() + "; " + commit
	tx, err := db.BeginTx(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := w.encodable(tx.Conn().PgConn()); err != nil {
		return nil, errors.Join(err, tx.Rollback(ctx))
	}
	return &carryingTx{Tx: tx}, nil
}

// encodable returns an error if the connection's client_encoding gives the text
// of the words another meaning.
func (w *words) encodable(conn *pgconn.PgConn) error {
	encoding := conn.ParameterStatus("client_encoding")
	if encoding == "UTF8" || encoding == "SQL_ASCII" || w.isASCII() {
		return nil
	}
	return badWords("it is not ASCII, and the connection's client_encoding is "+encoding+"; connect with client_encoding=UTF8", nil)
}

// A carryingTx was begun with a COMMIT that carries the context.
type carryingTx struct {
	pgx.Tx
	ended bool // its connection may be another's by now
}

func (tx *carryingTx) Commit(ctx context.Context) error {
	if tx.ended {
		return tx.Tx.Commit(ctx)
	}
	tx.ended = true
	if tx.Conn().PgConn().TxStatus() == 'E' {
		// Nothing but COMMIT and ROLLBACK may be said in a failed transaction,
		// and there they are the same.
		if err := tx.Tx.Rollback(ctx); err != nil {
			return err
		}
		return pgx.ErrTxCommitRollback
	}
	return explainCarry(tx.Tx.Commit(ctx))
}

func (tx *carryingTx) Rollback(ctx context.Context) error {
	tx.ended = true
	return tx.Tx.Rollback(ctx)
}

// explainCarry makes ErrNotInstalled of the absence of yore.carry_context, and
// leaves every other error as a plain statement would have returned it.
func explainCarry(err error) error {
	var before pgx.ErrPreprocessingBatch
	if errors.As(err, &before) {
		err = before.Unwrap()
	}
	var state interface{ SQLState() string }
	if !errors.As(err, &state) {
		return err
	}
	var e *Error
	switch code := state.SQLState(); {
	case code == "42883" && strings.Contains(err.Error(), "carry_context"):
		e = newError("YO017", "the database's yore is older than this program: it cannot be told who and why with every transaction", "Run yore install, or call yore.Install.")
	case code == "3F000" && schemaYore.MatchString(err.Error()):
		e = newError("YO017", "yore is not installed in this database, so nobody can be told who writes and why", "Run yore install, or call yore.Install; or write without what the context says.")
	default:
		return err
	}
	e.cause = err
	return e
}

// execCarrying is to conn.Exec as beginCarrying is to BeginTx, in one round trip
// where conn.Exec needs one.
func execCarrying(ctx context.Context, conn *pgx.Conn, w *words, sql string, args []any) (pgconn.CommandTag, error) {
	if !batchable(conn, sql, args) {
		tx, err := beginCarrying(ctx, conn, pgx.TxOptions{}, w)
		if err != nil {
			return pgconn.CommandTag{}, err
		}
		tag, err := tx.Exec(ctx, sql, args...)
		if err != nil {
			_ = tx.Rollback(ctx)
			return tag, err
		}
		return tag, tx.Commit(ctx)
	}
	if len(args) == 0 && !isName(sql) {
		return execText(ctx, conn, w, sql)
	}
	var b pgx.Batch
	b.Queue(sql, args...)
	b.Queue(carry, w.args()...)
	sent := conn.SendBatch(ctx, &b)
	tag, err := sent.Exec()
	if e := sent.Close(); err == nil {
		err = e
	}
	return tag, explainCarry(err)
}

// execText sends a text, of several statements perhaps, as pgx does one without
// arguments. The tag is that of its last statement.
func execText(ctx context.Context, conn *pgx.Conn, w *words, sql string) (pgconn.CommandTag, error) {
	if err := w.encodable(conn.PgConn()); err != nil {
		return pgconn.CommandTag{}, err
	}
	tracer := conn.Config().Tracer
	if tracer != nil {
		ctx = tracer.TraceQueryStart(ctx, conn, pgx.TraceQueryStartData{SQL: sql})
	}
	results := conn.PgConn().Exec(ctx, sql+"\n;"+w.statement())
	var tag, next pgconn.CommandTag
	for results.NextResult() {
		tag = next
		next, _ = results.ResultReader().Close()
	}
	err := explainCarry(results.Close())
	if tracer != nil {
		tracer.TraceQueryEnd(ctx, conn, pgx.TraceQueryEndData{CommandTag: tag, Err: err})
	}
	return tag, err
}

// batchable reports whether a statement can be sent in a batch: pgx takes no
// options there, and in the simple protocol no name of a prepared statement.
func batchable(conn *pgx.Conn, sql string, args []any) bool {
	if slices.ContainsFunc(args[:min(4, len(args))], func(arg any) bool {
		switch arg.(type) {
		case pgx.QueryExecMode, pgx.QueryResultFormats, pgx.QueryResultFormatsByOID:
			return true
		}
		return false
	}) {
		return false
	}
	return !isName(sql) || conn.Config().DefaultQueryExecMode != pgx.QueryExecModeSimpleProtocol
}

// queryCarrying is to conn.Query as execCarrying is to conn.Exec. release is
// called when the rows are closed; if there is an error, it has been.
func queryCarrying(ctx context.Context, conn *pgx.Conn, w *words, sql string, args []any, release func()) (pgx.Rows, error) {
	fail := func(rows pgx.Rows, err error, end func() error) (pgx.Rows, error) {
		if rows != nil {
			rows.Close()
		}
		_ = end()
		release()
		err = explainCarry(err)
		return failedRows{err}, err
	}
	if !batchable(conn, sql, args) {
		tx, err := beginCarrying(ctx, conn, pgx.TxOptions{}, w)
		if err != nil {
			release()
			return failedRows{err}, err
		}
		rows, err := tx.Query(ctx, sql, args...)
		if err != nil {
			return fail(rows, err, func() error { return tx.Rollback(ctx) })
		}
		return &carryingRows{Rows: rows, release: release, end: func() error { return tx.Commit(ctx) }}, nil
	}
	var b pgx.Batch
	b.Queue(sql, args...)
	b.Queue(carry, w.args()...)
	sent := conn.SendBatch(ctx, &b)
	rows, err := sent.Query()
	if err != nil {
		return fail(rows, err, sent.Close)
	}
	return &carryingRows{Rows: rows, release: release, end: sent.Close}, nil
}

// carryingRows are those of a statement in a transaction of its own, which ends
// with them.
type carryingRows struct {
	pgx.Rows
	end     func() error // what was sent is the server's to do, even if its rows could not be read
	release func()
	err     error
	closed  bool
}

func (r *carryingRows) Next() bool {
	if r.closed || r.Rows.Next() {
		return !r.closed
	}
	r.Close()
	return false
}

func (r *carryingRows) Close() {
	if r.closed {
		return
	}
	r.closed = true
	r.Rows.Close()
	r.err = r.Rows.Err()
	if err := r.end(); r.err == nil {
		r.err = explainCarry(err)
	}
	r.release()
}

func (r *carryingRows) Err() error {
	if r.closed {
		return r.err
	}
	return r.Rows.Err()
}

// Scan closes the rows at an error, as pgx's do.
func (r *carryingRows) Scan(dest ...any) error {
	err := r.Rows.Scan(dest...)
	if err != nil {
		r.Close()
	}
	return err
}

func (r *carryingRows) Values() ([]any, error) {
	values, err := r.Rows.Values()
	if err != nil {
		r.Close()
	}
	return values, err
}

// failedRows are those of a query that failed.
type failedRows struct{ err error }

func (r failedRows) Close()                                       {}
func (r failedRows) Err() error                                   { return r.err }
func (r failedRows) CommandTag() pgconn.CommandTag                { return pgconn.CommandTag{} }
func (r failedRows) FieldDescriptions() []pgconn.FieldDescription { return nil }
func (r failedRows) Next() bool                                   { return false }
func (r failedRows) Scan(...any) error                            { return r.err }
func (r failedRows) Values() ([]any, error)                       { return nil, r.err }
func (r failedRows) RawValues() [][]byte                          { return nil }
func (r failedRows) Conn() *pgx.Conn                              { return nil }
func (r failedRows) TypeMap() *pgtype.Map                         { return nil }
