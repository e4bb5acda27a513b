package yore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

type upgrader struct {
	db     Beginner
	o      UpgradeOptions
	report UpgradeReport
}

func (u *upgrader) install(ctx context.Context, tx pgx.Tx) error {
	u.report = UpgradeReport{}
	var installed bool
	err := tx.QueryRow(ctx, "SELECT to_regclass('yore.installation') IS NOT NULL").Scan(&installed)
	if err == nil && installed {
		err = tx.QueryRow(ctx, "SELECT coalesce(max(version), 0) FROM yore.installation").Scan(&u.report.From)
	}
	if err != nil {
		return err
	}
	if err := Install(ctx, tx); err != nil {
		return err
	}
	if err := tx.QueryRow(ctx, "SELECT yore._version()").Scan(&u.report.To); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `SELECT format('%I.%I', schema_name, table_name), generated_by
		FROM yore.tracked WHERE generated_by < yore._version() ORDER BY schema_name, table_name`)
	if err != nil {
		return err
	}
	u.report.Tables, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (t TableUpgrade, err error) {
		return t, row.Scan(&t.Table, &t.From)
	})
	return err
}

func (u *upgrader) tables(ctx context.Context) error {
	remain := false
	for i := range u.report.Tables {
		t := &u.report.Tables[i]
		began := time.Now()
		t.Attempts, t.Err = u.retry(ctx, UpgradeStep{Table: t.Table, Number: i + 1, Of: len(u.report.Tables)}, func(ctx context.Context, tx pgx.Tx) error {
			return upgradeTable(ctx, tx, t.Table)
		})
		t.Err = Explain(t.Err)
		t.Took = time.Since(began)
		remain = remain || t.Err != nil
	}
	if remain {
		return &UpgradeError{u.report}
	}
	return nil
}

// upgradeTable does one table, unless another Upgrade has just done it, or it
// is no longer tracked.
func upgradeTable(ctx context.Context, tx pgx.Tx, table string) error {
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('yore: upgrade ' || $1::text, 0))", table); err != nil {
		return err
	}
	var old bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM yore.tracked
		WHERE generated_by < yore._version() AND format('%I.%I', schema_name, table_name) = $1::text)`, table).Scan(&old)
	if err != nil || !old {
		return err
	}
	_, err = tx.Exec(ctx, "SELECT yore.sync($1::text)", table)
	return err
}

// retry runs fn in a transaction, again where a lock was not to be had, and
// returns how often.
func (u *upgrader) retry(ctx context.Context, step UpgradeStep, fn func(context.Context, pgx.Tx) error) (int, error) {
	pause := u.o.Pause
	for step.Attempt = 1; ; step.Attempt++ {
		if err := ctx.Err(); err != nil {
			return step.Attempt - 1, err
		}
		u.o.Progress(step)
		step.Err = u.once(ctx, fn)
		if step.Err == nil || !mayPass(step.Err) || step.Attempt >= u.o.Attempts {
			return step.Attempt, step.Err
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done():
			return step.Attempt, ctx.Err()
		}
		pause = min(2*pause, 16*u.o.Pause)
	}
}

func (u *upgrader) once(ctx context.Context, fn func(context.Context, pgx.Tx) error) error {
	tx, err := u.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	// Whatever the role's defaults are.
	begin := fmt.Sprintf("SET TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = %d", max(1, u.o.LockTimeout.Milliseconds()))
	if _, err := tx.Exec(ctx, begin); err != nil {
		return err
	}
	if err := fn(ctx, tx); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// mayPass reports whether what stood in the way may be gone the next time:
// lock_not_available, deadlock_detected, serialization_failure.
func mayPass(err error) bool {
	var stated interface{ SQLState() string }
	if !errors.As(err, &stated) {
		return false
	}
	switch stated.SQLState() {
	case "55P03", "40P01", "40001":
		return true
	}
	return false
}
