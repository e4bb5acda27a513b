package shop_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	shop "yore.example/yore/integrations/bun"
	"yore.example/yore/internal/pgtest"
)

// modes are pgx's: bun fills in arguments itself, so the two that matter are
// with and without statements that are prepared on the connection.
var modes = map[string]pgx.QueryExecMode{"prepared": pgx.QueryExecModeCacheStatement, "simple protocol": pgx.QueryExecModeSimpleProtocol}

// open returns bun's handle on dsn, and what it says to the database.
func open(t testing.TB, dsn string, mode pgx.QueryExecMode, opts ...bun.DBOption) (*bun.DB, *said) {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	config.DefaultQueryExecMode = mode
	s := &said{}
	db := bun.NewDB(stdlib.OpenDB(*config), pgdialect.New(), opts...).WithQueryHook(s)
	t.Cleanup(func() { db.Close() })
	db.RegisterModel((*shop.CustomerTag)(nil), (*booMoo)(nil))
	return db, s
}

// openShop returns bun on a database with the shop's tables, tracked or plain.
func openShop(t testing.TB, mode pgx.QueryExecMode, tracked bool) (*bun.DB, *pgxpool.Pool) {
	t.Helper()
	ctx := context.Background()
	dsn := pgtest.DSN(t)
	db, _ := open(t, dsn, mode)
	if tracked {
		if err := shop.Setup(ctx, db); err != nil {
			t.Fatal(err)
		}
	} else {
		for _, m := range models {
			if _, err := db.NewCreateTable().Model(m).Exec(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	return db, pgtest.Connect(t, dsn)
}

var models = []any{(*shop.Customer)(nil), (*shop.Order)(nil), (*shop.Address)(nil), (*shop.Tag)(nil), (*shop.CustomerTag)(nil)}

// said are the statements that bun sent.
type said struct {
	mu         sync.Mutex
	statements []string
}

func (s *said) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

func (s *said) AfterQuery(_ context.Context, e *bun.QueryEvent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.statements = append(s.statements, strings.TrimSpace(e.Query))
}

// take returns what was said since the last call.
func (s *said) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	have := s.statements
	s.statements = nil
	return have
}

func now(t testing.TB, pool *pgxpool.Pool) (at time.Time) {
	t.Helper()
	if err := pool.QueryRow(context.Background(), "SELECT clock_timestamp()").Scan(&at); err != nil {
		t.Fatal(err)
	}
	return at
}

func is(err error, code string) bool {
	var e interface{ SQLState() string }
	return errors.As(err, &e) && e.SQLState() == code
}
