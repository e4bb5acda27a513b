package yore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

func TestTransactionOf(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	plain := pgtest.Connect(t, dsn)
	pgtest.Exec(t, plain, itemsTable, "SELECT yore.track('items', since => '-infinity')", "INSERT INTO items VALUES (1, 'unsaid')")
	ctx := context.Background()
	_, err := yore.NewPool(plain).Exec(yore.WithMeta(yore.WithReason(yore.WithActor(ctx, "ana"), "why"), "a", 1), "INSERT INTO items VALUES (2, 'said')")
	ok(t, err)
	pgtest.Exec(t, plain, "BEGIN; SELECT yore.at_time('1991-06-25Z'); INSERT INTO items VALUES (3, 'loaded'); COMMIT")
	version := func(id int) (xid uint64, from time.Time) {
		t.Helper()
		ok(t, plain.QueryRow(ctx, "SELECT xid::text::bigint, valid_from FROM history.items WHERE id = $1", id).Scan(&xid, &from))
		return xid, from
	}
	handles := map[string]yore.DB{"database/sql": yore.Wrap(openDriver(t, dsn, pgx.QueryExecModeExec, true))}
	for _, mode := range modes {
		handles[mode.String()] = yore.NewPool(poolIn(t, dsn, mode))
	}
	for name, db := range handles {
		t.Run(name, func(t *testing.T) {
			xid, from := version(2)
			x, err := yore.TransactionOf(ctx, db, xid, from)
			ok(t, err)
			if x.XID != xid || !x.Began.Equal(from) || x.Began.Location() != time.UTC || x.LoadedAt != nil || *x.Actor != "ana" || *x.Reason != "why" || string(x.Meta) != `{"a": 1}` || x.Role != "postgres" {
				t.Errorf("said: %+v", x)
			}
			xid, from = version(3)
			x, err = yore.TransactionOf(ctx, db, xid, from)
			ok(t, err)
			if x.LoadedAt == nil || !x.LoadedAt.Equal(from) || x.LoadedAt.Location() != time.UTC || x.Actor != nil || x.Reason != nil || x.Meta != nil {
				t.Errorf("loaded: %+v", x)
			}
			// Nothing was said, or another transaction has the number.
			xid, from = version(1)
			if _, err := yore.TransactionOf(ctx, db, xid, from); !errors.Is(err, yore.ErrNotFound) {
				t.Errorf("nothing said: %v", err)
			}
			xid, from = version(2)
			if _, err := yore.TransactionOf(ctx, db, xid, from.AddDate(-1, 0, 0)); !errors.Is(err, yore.ErrNotFound) {
				t.Errorf("another time: %v", err)
			}
		})
	}
	t.Run("ErrNotInstalled", func(t *testing.T) {
		if _, err := yore.TransactionOf(ctx, pgtest.Connect(t, pgtest.EmptyDSN(t, pgtest.Server(t))), 1, yoreEpoch); !errors.Is(err, yore.ErrNotInstalled) {
			t.Errorf("got %v", err)
		}
	})
}

// From a version to what was said of its transaction.
func TestVersionTransaction(t *testing.T) {
	t.Parallel()
	dsn := withCountries(t)
	db := pgtest.Connect(t, dsn)
	pgtest.Exec(t, db, "BEGIN; SELECT yore.set_context('ann', 'a reason', '{\"ticket\": 7}'); UPDATE countries SET currency = 'krona' WHERE code = 'HR'; COMMIT",
		"UPDATE countries SET currency = 'dollar' WHERE code = 'HR'")
	for handle, db := range everyHandle(t, dsn) {
		v := do(countries.History("HR").OrderBy("version DESC").All(t.Context(), db)).ok(t)
		said := do(v[1].Transaction(t.Context(), db)).ok(t)
		if said.XID != v[1].XID || said.Actor == nil || *said.Actor != "ann" || *said.Reason != "a reason" || string(said.Meta) != `{"ticket": 7}` || said.Began.Location() != time.UTC {
			t.Errorf("%s: %+v", handle, said)
		}
		equal(t, handle, do(v[0].Transaction(t.Context(), db)).ok(t), yore.Transaction{XID: v[0].XID, Began: *v[0].From})
		loaded := do(v[2].Transaction(t.Context(), db)).ok(t)
		if loaded.LoadedAt == nil || !loaded.LoadedAt.Equal(year(2023)) {
			t.Errorf("%s: %+v", handle, loaded)
		}
		always := do(countries.History("DE").One(t.Context(), db)).ok(t)
		do(always.Transaction(t.Context(), db)).fails(t, yore.ErrOption)
	}
}
