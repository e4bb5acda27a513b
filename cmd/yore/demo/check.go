package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
)

// A DifferentError says that the database's answers are not the expected ones.
type DifferentError struct {
	Lines []string // one for each date that differs
	Dates int      // how many were asked for
}

func (e *DifferentError) Error() string {
	return fmt.Sprintf("%d of %d dates differ from what was expected:\n  %s", len(e.Lines), e.Dates, strings.Join(e.Lines, "\n  "))
}

const checkQuery = `SELECT count(*),
       count(*) FILTER (WHERE eu),
       count(*) FILTER (WHERE currency = 'EUR')
  FROM countries`

// check asks for every expected date that the database's clock has reached, and
// returns how many agreed of how many, and how many it left out.
//
// Errors: *DifferentError.
func check(ctx context.Context, conn *pgx.Conn, d Data, now time.Time) (agreed, dates, later int, err error) {
	expected, err := d.expected()
	if err != nil {
		return 0, 0, 0, err
	}
	var different []string
	for _, want := range expected {
		if want.date.After(now) {
			later++
			continue
		}
		dates++
		got := answer{date: want.date}
		err := yore.AsOf(ctx, conn, want.date, func(tx pgx.Tx) error {
			return tx.QueryRow(ctx, checkQuery).Scan(&got.countries, &got.inEU, &got.inEuro)
		})
		if err != nil {
			return agreed, dates, later, yore.Explain(err)
		}
		if got == want {
			agreed++
		} else {
			different = append(different, fmt.Sprintf("%s  expected %s; got %s", want.date.Format(time.DateOnly), want, got))
		}
	}
	if agreed < dates || dates == 0 {
		return agreed, dates, later, &DifferentError{different, dates}
	}
	return agreed, dates, later, nil
}

func (a answer) String() string {
	return fmt.Sprintf("%d countries, %d in the EU, %d using the euro", a.countries, a.inEU, a.inEuro)
}
