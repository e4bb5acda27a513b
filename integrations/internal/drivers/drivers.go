// Package drivers opens databases of tests with each driver of database/sql.
package drivers

import (
	"context"
	stdsql "database/sql"
	"database/sql/driver"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/lib/pq"

	"yore.example/yore/internal/pgtest"
)

// A Database is a new one with yore, opened with a driver.
type Database struct {
	*stdsql.DB
	Driver    string // pgx or pq
	Pool      *pgxpool.Pool
	Connector driver.Connector
}

// Each runs a test with pgx's driver, in each of its query exec modes, and with
// lib/pq's.
func Each(t *testing.T, test func(t *testing.T, db Database)) {
	t.Helper()
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe,
		pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		t.Run("pgx "+mode.String(), func(t *testing.T) {
			t.Parallel()
			dsn := pgtest.DSN(t)
			config, err := pgx.ParseConfig(dsn)
			if err != nil {
				t.Fatal(err)
			}
			config.DefaultQueryExecMode = mode
			test(t, open(t, "pgx", dsn, stdlib.GetConnector(*config)))
		})
	}
	t.Run("pq", func(t *testing.T) {
		t.Parallel()
		dsn := pgtest.DSN(t)
		connector, err := pq.NewConnector(dsn)
		if err != nil {
			t.Fatal(err)
		}
		test(t, open(t, "pq", dsn, connector))
	})
}

func open(t *testing.T, name, dsn string, connector driver.Connector) Database {
	db := stdsql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	return Database{DB: db, Driver: name, Pool: pgtest.Connect(t, dsn), Connector: connector}
}

// State is the SQLSTATE of an error of either driver, "" if it has none.
func State(err error) string {
	var e interface{ SQLState() string }
	if errors.As(err, &e) {
		return e.SQLState()
	}
	return ""
}

// Values are the values of the one text column of a query.
func Values(ctx context.Context, db interface {
	QueryContext(ctx context.Context, query string, args ...any) (*stdsql.Rows, error)
}, query string, args ...any) (values []string, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, rows.Err()
}
