package yore

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// DB is what yore needs of a database handle. *pgxpool.Pool, *pgx.Conn and
// pgx.Tx are one as they are, and so is a Pool; Wrap makes one of *sql.DB and its like.
//
// A DB that is a transaction stays in the caller's hands: yore neither commits
// nor rolls it back.
type DB interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Beginner is a DB that can begin a transaction: *pgxpool.Pool, Pool, *pgx.Conn,
// and pgx.Tx, which begins a savepoint.
type Beginner interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}
