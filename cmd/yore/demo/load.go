package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/cli/pg"
)

const tables = `CREATE TABLE currencies (code char(3) PRIMARY KEY, name text NOT NULL);
CREATE TABLE countries  (code char(2) PRIMARY KEY, name text NOT NULL,
                         currency char(3) NOT NULL REFERENCES currencies,
                         eu boolean NOT NULL);`

const tracking = `SELECT yore.track('currencies', since => '1970-01-01');
SELECT yore.track('countries',  since => '1970-01-01');`

const oneEvent = `BEGIN;
SELECT yore.at_time('2023-01-01');
SELECT yore.set_context('demo', 'adopted the euro');
UPDATE countries SET currency = 'EUR' WHERE code = 'HR';
COMMIT;`

// create makes the tables and tracks them.
func create(ctx context.Context, conn *pgx.Conn) error {
	if err := yore.Install(ctx, conn); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, tables+tracking, pgx.QueryExecModeSimpleProtocol)
	return yore.Explain(err)
}

// A loader plays the events into the tables.
type loader struct {
	conn  *pgx.Conn
	names map[string]string // of currencies that are not there yet
	now   time.Time
	done  int
	later int // events that this database's clock has not reached
}

// load plays every event through the tables' own names, each in a transaction
// of its own, at its date and with its reason.
func load(ctx context.Context, conn *pgx.Conn, d Data) (*loader, error) {
	events, err := d.events()
	if err != nil {
		return nil, err
	}
	l := &loader{conn: conn}
	if l.names, err = d.currencyNames(); err != nil {
		return nil, err
	}
	if l.now, err = pg.Now(ctx, conn); err != nil {
		return nil, err
	}
	for _, e := range events {
		if e.date.After(l.now) {
			l.later++
			continue
		}
		if err := l.play(ctx, e); err != nil {
			return nil, fmt.Errorf("%s, %s of %s: %w", e.date.Format(time.DateOnly), e.op, e.code, err)
		}
		l.done++
	}
	return l, nil
}

func (l *loader) play(ctx context.Context, e event) error {
	return yore.AtTime(ctx, l.conn, e.date, func(tx pgx.Tx) error {
		b := &pgx.Batch{}
		b.Queue("SELECT yore.set_context('demo', $1::text)", e.reason)
		if name, unused := l.names[e.currency]; unused {
			b.Queue("INSERT INTO currencies (code, name) VALUES ($1::text, $2::text)", e.currency, name)
			delete(l.names, e.currency)
		}
		switch e.op {
		case "insert":
			b.Queue("INSERT INTO countries (code, name, currency, eu) VALUES ($1::text, $2::text, $3::text, $4::text::boolean)",
				e.code, e.name, e.currency, e.eu)
		case "update":
			b.Queue(`UPDATE countries SET name = coalesce(nullif($2::text, ''), name), currency = coalesce(nullif($3::text, ''), currency),
				eu = coalesce(nullif($4::text, '')::boolean, eu) WHERE code = $1::text`, e.code, e.name, e.currency, e.eu)
		case "delete":
			b.Queue("DELETE FROM countries WHERE code = $1::text", e.code)
		default:
			return fmt.Errorf("no such operation: %q", e.op)
		}
		results := tx.SendBatch(ctx, b)
		for i := range b.Len() {
			tag, err := results.Exec()
			if err == nil && i == b.Len()-1 && tag.RowsAffected() != 1 {
				err = fmt.Errorf("%d rows instead of 1", tag.RowsAffected())
			}
			if err != nil {
				_ = results.Close() // the first error counts
				return err
			}
		}
		return results.Close()
	})
}
