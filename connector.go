package yore

import (
	"context"
	stdsql "database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// NewConnector makes a connector of a driver's, with which sql.OpenDB opens a
// handle whose write transactions say who makes them and why, as those of a Pool
// do: so do the transactions and statements of GORM, bun, ent and sqlx on top.
//
//	db := sql.OpenDB(yore.NewConnector(stdlib.GetConnector(*config)))
//
// The driver may be pgx's (package stdlib) or any other of PostgreSQL. With pgx's
// a transaction takes no further round trip, nor does ExecContext outside one;
// QueryContext of a statement that writes (RETURNING) outside one becomes a
// transaction, which is two more: BEGIN, and COMMIT with who and why. Another
// driver has no way to send two statements at once: there a transaction takes one
// round trip more, and a statement outside becomes a transaction.
//
// Prepared statements are as statements are. A transaction that is begun by a
// statement (BEGIN) on a *sql.Conn carries nothing; with another driver than pgx's
// neither does that connection after it, until it is back in the pool.
//
// What sql.Conn.Raw hands out is not the driver's own connection; DriverConn
// gives that. With pgx's driver it has a method Conn() *pgx.Conn, too.
func NewConnector(c driver.Connector) driver.Connector { return carryingConnector{c} }

// DriverConn returns the driver's own connection, such as *stdlib.Conn, of what
// sql.Conn.Raw hands out, whether or not NewConnector's is in between.
func DriverConn(c any) any {
	switch v := c.(type) {
	case *carryingConn:
		return v.inner
	case pgxCarryingConn:
		return v.inner
	}
	return c
}

type carryingConnector struct{ driver.Connector }

func (c carryingConnector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn := &carryingConn{inner: inner}
	if std, ok := inner.(*stdlib.Conn); ok {
		conn.pgx = std.Conn()
		return pgxCarryingConn{conn}, nil
	}
	return conn, nil
}

// Close is called by sql.DB's.
func (c carryingConnector) Close() error {
	if closer, ok := c.Connector.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// A carryingConn is a driver's connection. Each interface that database/sql asks
// for it answers as the driver's does, or as database/sql does where there is
// none.
type carryingConn struct {
	inner driver.Conn
	pgx   *pgx.Conn // nil: of another driver

	// Of another driver nobody can ask whether it is in a transaction.
	inTx   bool // of BeginTx
	byHand bool // BEGIN may have been sent as a statement
}

type pgxCarryingConn struct{ *carryingConn }

// Conn is as *stdlib.Conn's.
func (c pgxCarryingConn) Conn() *pgx.Conn { return c.pgx }

func (c *carryingConn) inTransaction() bool {
	if c.pgx != nil {
		return c.pgx.PgConn().TxStatus() != 'I'
	}
	return c.inTx || c.byHand
}

// wordsFor returns what is to be sent with a statement; nil if nothing.
func (c *carryingConn) wordsFor(ctx context.Context, query string) (*words, error) {
	if c.inTransaction() {
		return nil, nil
	}
	c.byHand = endsOrBegins(query)
	return statementWords(ctx, query)
}

func (c *carryingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	execer, ok := c.inner.(driver.ExecerContext)
	if !ok {
		return nil, driver.ErrSkip // database/sql prepares it
	}
	w, err := c.wordsFor(ctx, query)
	if err != nil {
		return nil, err
	}
	exec := func() (driver.Result, error) { return execer.ExecContext(ctx, query, args) }
	switch {
	case w == nil:
		return exec()
	case c.pgx != nil:
		return c.execPgx(ctx, w, query, args)
	}
	return c.execIn(ctx, w, exec)
}

func (c *carryingConn) execPgx(ctx context.Context, w *words, query string, named []driver.NamedValue) (driver.Result, error) {
	if c.pgx.IsClosed() {
		return nil, driver.ErrBadConn
	}
	args := make([]any, len(named))
	for i, v := range named {
		args[i] = v.Value
	}
	tag, err := execCarrying(ctx, c.pgx, w, query, args)
	if err != nil && pgconn.SafeToRetry(err) {
		return nil, driver.ErrBadConn
	}
	return driver.RowsAffected(tag.RowsAffected()), err
}

// execIn runs a statement in a transaction.
func (c *carryingConn) execIn(ctx context.Context, w *words, exec func() (driver.Result, error)) (driver.Result, error) {
	tx, err := c.begin(ctx, w, driver.TxOptions{})
	if err != nil {
		return nil, err
	}
	result, err := exec()
	if err != nil {
		_ = tx.Rollback()
		return nil, err
	}
	return result, tx.Commit()
}

func (c *carryingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	queryer, ok := c.inner.(driver.QueryerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	w, err := c.wordsFor(ctx, query)
	if err != nil {
		return nil, err
	}
	ask := func() (driver.Rows, error) { return queryer.QueryContext(ctx, query, args) }
	if w == nil {
		return ask()
	}
	return c.queryIn(ctx, w, ask)
}

// queryIn runs a query in a transaction, which ends with its rows.
func (c *carryingConn) queryIn(ctx context.Context, w *words, ask func() (driver.Rows, error)) (driver.Rows, error) {
	tx, err := c.begin(ctx, w, driver.TxOptions{})
	if err != nil {
		return nil, err
	}
	rows, err := ask()
	if err != nil {
		_ = tx.Rollback()
		return nil, err
	}
	return rowsThatEnd(rows, tx), nil
}

func (c *carryingConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	w, err := wordsIn(ctx)
	if err != nil {
		return nil, err
	}
	if with, ok := ctx.Value(withBeginKey{}).(*withBegin); ok && c.pgx != nil && o == (driver.TxOptions{}) && !c.pgx.IsClosed() {
		tx, err := sendWithBegin(ctx, c.pgx, with.statement, w)
		if err != nil {
			return nil, err
		}
		with.sent = true
		return pgxTx{ctx, tx}, nil
	}
	return c.begin(ctx, w, o)
}

func (c *carryingConn) begin(ctx context.Context, w *words, o driver.TxOptions) (driver.Tx, error) {
	if c.pgx != nil && w != nil {
		if c.pgx.IsClosed() {
			return nil, driver.ErrBadConn
		}
		options, err := pgxOptions(o)
		if err != nil {
			return nil, err
		}
		tx, err := beginCarrying(ctx, c.pgx, options, w)
		if err != nil {
			return nil, err
		}
		return pgxTx{ctx, tx}, nil
	}
	tx, err := c.beginInner(ctx, o)
	if err != nil || c.pgx != nil {
		return tx, err
	}
	c.inTx = true
	return &carryingSQLTx{tx, c, ctx, w}, nil
}

// beginInner is what database/sql does.
func (c *carryingConn) beginInner(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if b, ok := c.inner.(driver.ConnBeginTx); ok {
		return b.BeginTx(ctx, o)
	}
	if o != (driver.TxOptions{}) {
		return nil, errors.New("sql: driver supports neither isolation levels nor read-only transactions")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return c.inner.Begin() //nolint:staticcheck // what a driver without BeginTx has
}

func (c *carryingConn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

// pgxOptions are those that stdlib gives pgx.
func pgxOptions(o driver.TxOptions) (out pgx.TxOptions, err error) {
	switch stdsql.IsolationLevel(o.Isolation) {
	case stdsql.LevelDefault:
	case stdsql.LevelReadUncommitted:
		out.IsoLevel = pgx.ReadUncommitted
	case stdsql.LevelReadCommitted:
		out.IsoLevel = pgx.ReadCommitted
	case stdsql.LevelRepeatableRead, stdsql.LevelSnapshot:
		out.IsoLevel = pgx.RepeatableRead
	case stdsql.LevelSerializable:
		out.IsoLevel = pgx.Serializable
	default:
		return out, fmt.Errorf("unsupported isolation: %v", o.Isolation)
	}
	if o.ReadOnly {
		out.AccessMode = pgx.ReadOnly
	}
	return out, nil
}

// pgxTx is a pgx transaction as stdlib has it: with the context of BeginTx.
type pgxTx struct {
	ctx context.Context
	tx  pgx.Tx
}

func (t pgxTx) Commit() error   { return t.tx.Commit(t.ctx) }
func (t pgxTx) Rollback() error { return t.tx.Rollback(t.ctx) }

// carryingSQLTx is another driver's transaction.
type carryingSQLTx struct {
	inner driver.Tx
	conn  *carryingConn
	ctx   context.Context
	words *words
}

func (t *carryingSQLTx) Rollback() error {
	t.conn.inTx = false
	return t.inner.Rollback()
}

func (t *carryingSQLTx) Commit() error {
	t.conn.inTx = false
	if t.words == nil {
		return t.inner.Commit()
	}
	err := t.conn.say(t.ctx, t.words)
	var state interface{ SQLState() string }
	if err == nil || errors.As(err, &state) && state.SQLState() == "25P02" {
		return t.inner.Commit() // of a failed transaction it says so itself
	}
	_ = t.inner.Rollback()
	return explainCarry(err)
}

// say sends a statement that has no arguments.
func (c *carryingConn) say(ctx context.Context, w *words) error {
	if execer, ok := c.inner.(driver.ExecerContext); ok {
		if _, err := execer.ExecContext(ctx, w.statement(), nil); !errors.Is(err, driver.ErrSkip) {
			return err
		}
	}
	stmt, err := c.inner.Prepare(w.statement())
	if err != nil {
		return err
	}
	_, err = stmt.Exec(nil) //nolint:staticcheck // what every driver has
	return errors.Join(err, stmt.Close())
}
