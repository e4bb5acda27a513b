package yore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Transaction is what is known of the transaction that made a version: what
// was said of it by the client, and what the server knew of that client.
type Transaction struct {
	XID   uint64
	Began time.Time // UTC, in microseconds
	// LoadedAt is the time at which the versions that it made begin, if it loaded
	// known history (yore.at_time); else nil, and they begin when it did.
	LoadedAt *time.Time

	// The client's word: WithActor, WithReason and WithMeta, or
	// yore.set_context. Nil where not said. Meta is a JSON value.
	Actor, Reason *string
	Meta          json.RawMessage

	// The role that the session logged in as, and its application_name.
	Role, Application string
}

// TransactionOf returns what was said of the transaction that made a version,
// from the xid and the valid_from that history shows of it; an xid alone is not
// enough, since after a dump and restore another transaction may have the same.
//
// Errors: ErrNotFound if nothing was said of it; ErrNotInstalled. The role needs
// SELECT on yore.transaction.
func TransactionOf(ctx context.Context, db DB, xid uint64, validFrom time.Time) (Transaction, error) {
	t := Transaction{XID: xid}
	var meta *string
	err := db.QueryRow(ctx, `SELECT x.began, x.at_time, x.actor, x.reason, x.meta::text, x.role::text, x.application
		FROM yore.transaction_of($1::text::xid8, $2::text::timestamptz) AS x`, strconv.FormatUint(xid, 10), formatTime(validFrom)).
		Scan(&t.Began, &t.LoadedAt, &t.Actor, &t.Reason, &meta, &t.Role, &t.Application)
	if errors.Is(err, pgx.ErrNoRows) {
		return Transaction{}, newError("YO019", fmt.Sprintf("nothing was said of the transaction %d, whose version begins at %s", xid, formatTime(validFrom)),
			"Say who and why with WithActor and WithReason and a Pool, or with yore.set_context.")
	}
	if err != nil {
		return Transaction{}, Explain(err)
	}
	t.Began, t.LoadedAt = t.Began.UTC(), utc(t.LoadedAt)
	if meta != nil {
		t.Meta = json.RawMessage(*meta)
	}
	return t, nil
}

// Transaction reads what was said of the transaction that made the version. If
// nothing was, only its XID and Began, the version's beginning, are known.
//
// Errors: ErrOption for a version that always was; as TransactionOf's.
func (v Version[T]) Transaction(ctx context.Context, db DB) (Transaction, error) {
	if v.From == nil {
		return Transaction{}, newError("YO007", "a version that always was has no known transaction", "")
	}
	t, err := TransactionOf(ctx, db, v.XID, *v.From)
	if errors.Is(err, ErrNotFound) {
		return Transaction{XID: v.XID, Began: *v.From}, nil
	}
	return t, err
}
