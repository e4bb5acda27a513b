package shop_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	shop "yore.example/yore/integrations/gorm"
	"yore.example/yore/internal/pgtest"
)

// A mode is a way in which GORM reaches the database.
type mode struct {
	name             string
	simple, prepared bool
}

var modes = []mode{{name: "default"}, {name: "simple protocol", simple: true}, {name: "prepared", prepared: true}, {name: "simple protocol, prepared", simple: true, prepared: true}}

// noon is what GORM takes for now.
var noon = time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)

// open returns GORM's handle on dsn, and what it says to the database.
func open(t testing.TB, dsn string, m mode, change ...func(*gorm.Config)) (*gorm.DB, *said) {
	t.Helper()
	s := &said{}
	config := &gorm.Config{Logger: s, PrepareStmt: m.prepared, NowFunc: func() time.Time { return noon }}
	for _, c := range change {
		c(config)
	}
	db, err := gorm.Open(postgres.New(postgres.Config{DSN: dsn, PreferSimpleProtocol: m.simple}), config)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return db, s
}

// openShop returns GORM on a database with the shop's tables, tracked or plain.
func openShop(t testing.TB, m mode, tracked bool) (*gorm.DB, *pgxpool.Pool) {
	t.Helper()
	dsn := pgtest.DSN(t)
	db, _ := open(t, dsn, m)
	var err error
	if tracked {
		err = shop.Setup(context.Background(), db)
	} else {
		err = db.AutoMigrate(&shop.Customer{}, &shop.Order{}, &shop.Address{}, &shop.Tag{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return db, pgtest.Connect(t, dsn)
}

// said are the statements that GORM sent, but for those of transactions.
type said struct {
	mu         sync.Mutex
	statements []string
}

func (s *said) LogMode(logger.LogLevel) logger.Interface { return s }
func (s *said) Info(context.Context, string, ...any)     {}
func (s *said) Warn(context.Context, string, ...any)     {}
func (s *said) Error(context.Context, string, ...any)    {}

func (s *said) Trace(_ context.Context, _ time.Time, statement func() (string, int64), _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, _ := statement()
	s.statements = append(s.statements, strings.TrimSpace(text))
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
