package yore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// A table and its past, as another system left them.
const adoptable = `
	CREATE TABLE rates (currency text PRIMARY KEY, rate int, begins timestamptz);
	CREATE TABLE rates_log (currency text, rate int, begins timestamptz, ends timestamptz);
	INSERT INTO rates VALUES ('EUR', 2, '2002-01-01Z');
	INSERT INTO rates_log VALUES ('EUR', 1, '2001-01-01Z', '2002-01-01Z'), ('HRK', 7, '2001-01-01Z', '2001-02-01Z'), ('HRK', 8, '2001-01-15Z', '2001-03-01Z')`

func TestAdopt(t *testing.T) {
	t.Parallel()
	parts := yore.AdoptOptions{HistoryTable: "rates_log", Period: []string{"begins", "ends"}}
	for _, mode := range modes {
		for _, wrapped := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/wrapped=%t", mode, wrapped), func(t *testing.T) {
				t.Parallel()
				ctx := context.Background()
				dsn := pgtest.DSN(t)
				pool := pgtest.Connect(t, dsn)
				if _, err := pool.Exec(ctx, adoptable); err != nil {
					t.Fatal(err)
				}
				var db yore.DB = connect(t, dsn, mode)
				if wrapped {
					db = yore.Wrap(openSQL(t, dsn, mode))
				}

				if _, err := yore.Adopt(ctx, db, "rates", yore.AdoptOptions{}); !errors.Is(err, yore.ErrAdopt) {
					t.Errorf("no source: %v, not ErrAdopt", err)
				}
				var known *yore.Error
				if _, err := yore.Adopt(ctx, db, "rates", parts); !errors.As(err, &known) || !errors.Is(err, yore.ErrAdopt) || known.Hint == "" || known.Detail == "" {
					t.Errorf("problems: %v, not ErrAdopt with a hint and what they are", err)
				}
				dry := parts
				dry.DryRun = true
				r, err := yore.Adopt(ctx, db, "rates", dry)
				if err != nil {
					t.Fatal(err)
				}
				problems := r.OfKind(yore.AdoptProblem)
				if len(problems) != 1 || r.Figure("problems") != 1 {
					t.Fatalf("problems %+v", problems)
				}
				p := problems[0]
				if p.Item != "overlap" || string(p.Key) != `{"currency": "HRK"}` || p.From == nil || !p.From.Equal(time.Date(2001, 1, 15, 0, 0, 0, 0, time.UTC)) || p.To == nil || p.Detail == "" {
					t.Errorf("%+v", p)
				}

				leave := parts
				leave.LeaveOut = true
				r, err = yore.Adopt(ctx, db, "rates", leave)
				if err != nil {
					t.Fatal(err)
				}
				for item, want := range map[string]int64{"versions": 4, "keys": 2, "current rows": 1, "deleted keys": 1, "left out": 1, "nothing of the kind": 0} {
					if got := r.Figure(item); got != want {
						t.Errorf("%s: %d, not %d", item, got, want)
					}
				}
				pgtest.Clean(t, pool)
				if _, err := yore.Adopt(ctx, db, "rates", parts); !errors.Is(err, yore.ErrTracked) {
					t.Errorf("again: %v, not ErrTracked", err)
				}
			})
		}
	}
}
