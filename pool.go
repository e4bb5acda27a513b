package yore

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A Pool is a pgx pool whose write transactions say who makes them and why: what
// WithActor, WithReason and WithMeta put into the context with which they are
// begun. It is a DB and a Beginner, does for sqlc's DBTX, pgx.BeginFunc and
// pgx.BeginTxFunc, and with a context that says nothing it is the pool that it
// was made of, at no cost.
//
// What is said is sent together with COMMIT, or with the one statement that is a
// transaction by itself: there is no further round trip, and nothing stays with
// the session, so it is safe through a pooler that gives each transaction
// another one. A transaction that writes nothing writes nothing of this either:
// one that took no transaction id. (SELECT … FOR UPDATE, nextval and a write to
// a table that is not tracked do take one.) What a transaction says by itself
// with yore.set_context stands.
//
// Of statements outside a transaction those are sent with what the context says
// whose first word is INSERT, UPDATE, DELETE, MERGE or TRUNCATE, or WITH where
// one of these follows, or SELECT where something of schema yore is named; and
// prepared statements by their name. All others go untouched: CALL and DO, which
// may commit by themselves, a SELECT of a function of yours that writes, and
// what cannot run in a transaction. Begin a transaction for those that should
// say who. A connection from Acquire is pgx's own and carries nothing.
//
// In a database without yore, writes with a context that says something fail
// with ErrNotInstalled, and nothing is written.
//
// pgx's tracers see such a statement as a batch.
type Pool struct{ *pgxpool.Pool }

// NewPool makes a Pool of a pgx pool, which remains the caller's: closing either
// closes both.
func NewPool(pool *pgxpool.Pool) *Pool { return &Pool{pool} }

// Exec is pgxpool's.
func (p *Pool) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	w, err := statementWords(ctx, sql)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	if w == nil {
		return p.Pool.Exec(ctx, sql, args...)
	}
	conn, err := p.Acquire(ctx)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	defer conn.Release()
	return execCarrying(ctx, conn.Conn(), w, sql, args)
}

// Query is pgxpool's. Rows are read as they come; who and why are said when they
// are at their end, or closed.
func (p *Pool) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	w, err := statementWords(ctx, sql)
	if err != nil {
		return failedRows{err}, err
	}
	if w == nil {
		return p.Pool.Query(ctx, sql, args...)
	}
	conn, err := p.Acquire(ctx)
	if err != nil {
		return failedRows{err}, err
	}
	return queryCarrying(ctx, conn.Conn(), w, sql, args, conn.Release)
}

// QueryRow is pgxpool's.
func (p *Pool) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	w, err := statementWords(ctx, sql)
	if err == nil && w == nil {
		return p.Pool.QueryRow(ctx, sql, args...)
	}
	rows, err := p.Query(ctx, sql, args...)
	return wrappedRow{rows, err}
}

// SendBatch is pgxpool's. Who and why are said if any of the batch's statements
// is one that says it alone (see Pool), once and in the same round trip. Of a
// transaction that the batch begins (pgx.Batch.BeginTx) it is said before
// COMMIT, at the cost of one round trip.
func (p *Pool) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	w, err := wordsIn(ctx)
	if err != nil {
		return pgx.FailedBatchResults(b, err)
	}
	if w == nil {
		return p.Pool.SendBatch(ctx, b)
	}
	if pgx.FailedBatchResults(b, errNUL).Tx() != nil { // it begins one
		sent := p.Pool.SendBatch(ctx, b)
		return beganBatch{sent, &begunTx{Tx: sent.Tx(), words: w}}
	}
	writes := false
	for _, q := range b.QueuedQueries {
		if endsOrBegins(q.SQL) {
			writes = false
			break
		}
		writes = writes || carriesContext(q.SQL)
	}
	if !writes {
		return p.Pool.SendBatch(ctx, b)
	}
	with := *b // the caller's stays as it is
	with.QueuedQueries = append(b.QueuedQueries[:len(b.QueuedQueries):len(b.QueuedQueries)], &pgx.QueuedQuery{SQL: carry, Arguments: w.args()})
	return &carryingBatch{p.Pool.SendBatch(ctx, &with), len(b.QueuedQueries)}
}

// CopyFrom is pgxpool's, in a transaction: with a context that says something it
// takes two round trips more.
func (p *Pool) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	w, err := wordsIn(ctx)
	if err != nil {
		return 0, err
	}
	if w == nil {
		return p.Pool.CopyFrom(ctx, table, columns, rows)
	}
	tx, err := beginCarrying(ctx, p.Pool, pgx.TxOptions{}, w)
	if err != nil {
		return 0, err
	}
	n, err := tx.CopyFrom(ctx, table, columns, rows)
	if err != nil {
		_ = tx.Rollback(ctx)
		return n, err
	}
	return n, tx.Commit(ctx)
}

// Begin is pgxpool's. The context of Begin counts, not that of Commit.
func (p *Pool) Begin(ctx context.Context) (pgx.Tx, error) { return p.BeginTx(ctx, pgx.TxOptions{}) }

// BeginTx is pgxpool's. The context of BeginTx counts, not that of Commit. A
// CommitQuery of the options is sent after who and why.
func (p *Pool) BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error) {
	w, err := wordsIn(ctx)
	if err != nil {
		return nil, err
	}
	return beginCarrying(ctx, p.Pool, o, w)
}

// statementWords returns what is to be sent with a statement outside a
// transaction; nil if nothing.
func statementWords(ctx context.Context, sql string) (*words, error) {
	w, err := wordsIn(ctx)
	if err != nil || w == nil || !carriesContext(sql) {
		return nil, err
	}
	return w, nil
}

// carryingBatch has one statement more than its caller sent.
type carryingBatch struct {
	pgx.BatchResults
	left int // of the caller's
}

var errNoMoreResults = errors.New("no more results in batch") // as pgx says

func (b *carryingBatch) Exec() (pgconn.CommandTag, error) {
	if b.left == 0 {
		return pgconn.CommandTag{}, errNoMoreResults
	}
	b.left--
	tag, err := b.BatchResults.Exec()
	return tag, explainCarry(err)
}

func (b *carryingBatch) Query() (pgx.Rows, error) {
	if b.left == 0 {
		return failedRows{errNoMoreResults}, errNoMoreResults
	}
	b.left--
	rows, err := b.BatchResults.Query()
	return rows, explainCarry(err)
}

func (b *carryingBatch) QueryRow() pgx.Row {
	rows, err := b.Query()
	return wrappedRow{rows, err}
}

func (b *carryingBatch) Close() error { return explainCarry(b.BatchResults.Close()) }

// beganBatch is of a batch that begins a transaction.
type beganBatch struct {
	pgx.BatchResults
	tx pgx.Tx
}

func (b beganBatch) Tx() pgx.Tx { return b.tx }

// begunTx was begun by a batch, without a COMMIT of ours.
type begunTx struct {
	pgx.Tx
	words *words
	ended bool
}

func (tx *begunTx) Commit(ctx context.Context) error {
	if !tx.ended {
		tx.ended = true
		conn := tx.Conn()
		if conn != nil && conn.PgConn().TxStatus() == 'T' {
			if _, err := tx.Exec(ctx, carry, tx.words.args()...); err != nil {
				_ = tx.Tx.Rollback(ctx)
				return explainCarry(err)
			}
		}
	}
	return tx.Tx.Commit(ctx)
}

func (tx *begunTx) Rollback(ctx context.Context) error {
	tx.ended = true
	return tx.Tx.Rollback(ctx)
}
