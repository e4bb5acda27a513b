package yore

import (
	"context"
	"database/sql/driver"
	"errors"
)

// What else database/sql may ask of a connection and of its statements.

func (c *carryingConn) Close() error { return c.inner.Close() }

func (c *carryingConn) Ping(ctx context.Context) error {
	if p, ok := c.inner.(driver.Pinger); ok {
		return p.Ping(ctx)
	}
	return nil
}

func (c *carryingConn) ResetSession(ctx context.Context) error {
	c.inTx, c.byHand = false, false
	if r, ok := c.inner.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

func (c *carryingConn) IsValid() bool {
	if v, ok := c.inner.(driver.Validator); ok {
		return v.IsValid()
	}
	return true
}

func (c *carryingConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.inner.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c *carryingConn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

func (c *carryingConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.prepare(ctx, query)
	if err != nil || !carriesContext(query) {
		c.byHand = c.byHand || endsOrBegins(query)
		return stmt, err
	}
	return &carryingStmt{stmt, c, query}, nil
}

func (c *carryingConn) prepare(ctx context.Context, query string) (driver.Stmt, error) {
	if p, ok := c.inner.(driver.ConnPrepareContext); ok {
		return p.PrepareContext(ctx, query)
	}
	stmt, err := c.inner.Prepare(query)
	if err == nil && ctx.Err() != nil {
		return nil, errors.Join(ctx.Err(), stmt.Close())
	}
	return stmt, err
}

// A carryingStmt is a prepared statement that writes.
type carryingStmt struct {
	driver.Stmt
	conn  *carryingConn
	query string
}

func (s *carryingStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if s.conn.pgx != nil {
		return s.conn.ExecContext(ctx, s.query, args) // pgx knows the statement by its text, as stdlib has it
	}
	w, err := s.conn.wordsFor(ctx, s.query)
	if err != nil {
		return nil, err
	}
	exec := func() (driver.Result, error) {
		if e, ok := s.Stmt.(driver.StmtExecContext); ok {
			return e.ExecContext(ctx, args)
		}
		values, err := unnamed(ctx, args)
		if err != nil {
			return nil, err
		}
		return s.Exec(values) //nolint:staticcheck // what every driver has
	}
	if w == nil {
		return exec()
	}
	return s.conn.execIn(ctx, w, exec)
}

func (s *carryingStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	w, err := s.conn.wordsFor(ctx, s.query)
	if err != nil {
		return nil, err
	}
	ask := func() (driver.Rows, error) {
		if q, ok := s.Stmt.(driver.StmtQueryContext); ok {
			return q.QueryContext(ctx, args)
		}
		values, err := unnamed(ctx, args)
		if err != nil {
			return nil, err
		}
		return s.Query(values) //nolint:staticcheck // what every driver has
	}
	if w == nil {
		return ask()
	}
	return s.conn.queryIn(ctx, w, ask)
}

func (s *carryingStmt) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return s.conn.CheckNamedValue(v)
}

func (s *carryingStmt) ColumnConverter(i int) driver.ValueConverter {
	if c, ok := s.Stmt.(driver.ColumnConverter); ok { //nolint:staticcheck // database/sql still asks for it
		return c.ColumnConverter(i)
	}
	return driver.DefaultParameterConverter
}

// unnamed is what database/sql gives a driver without contexts.
func unnamed(ctx context.Context, args []driver.NamedValue) ([]driver.Value, error) {
	values := make([]driver.Value, len(args))
	for i, v := range args {
		if v.Name != "" {
			return nil, errors.New("sql: driver does not support the use of Named Parameters")
		}
		values[i] = v.Value
	}
	return values, ctx.Err()
}
