// Package pg is what the commands need of PostgreSQL beside package yore: a
// connection, results as text, and results as JSON.
package pg

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Connect opens a connection. Times are read and written in UTC on it. An empty
// dsn leaves everything to the PG* variables. Warnings and yore's own notices
// go to notice.
func Connect(ctx context.Context, dsn string, notice func(*pgconn.Notice)) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "yore"
	}
	// Poolers know these two and pass them on.
	config.RuntimeParams["timezone"] = "UTC"
	config.RuntimeParams["datestyle"] = "ISO"
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { notice(n) }
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // nothing here is run twice
	return pgx.ConnectConfig(ctx, config)
}

// Now returns the time of the database's clock.
func Now(ctx context.Context, conn *pgx.Conn) (now time.Time, err error) {
	err = conn.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&now)
	return now, err
}
