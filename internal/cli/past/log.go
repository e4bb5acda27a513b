package past

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/cli/pg"
)

// A Version is one version of a row, with what it changed. Times are text as
// PostgreSQL writes it in UTC.
type Version struct {
	Number   int64
	From, To *string // From nil: always, To nil: still
	XID      string
	Deleted  bool // a tombstone
	Created  bool // the first, or the first after a tombstone
	Again    bool // created after a tombstone
	Values   []*string
	Changes  []Change

	// What the transaction said; nil where it did not.
	Actor, Reason, Meta, Role, Application *string
}

// A Change is a column with its old and new value; of a created row there is
// no old one, of a deleted one no new one.
type Change struct {
	Column   string
	Old, New *string
}

// A Log is the versions of a row, the newest first.
type Log struct {
	Table    Table
	Key      []string
	Columns  []pg.Column
	Versions []Version
	More     bool // there are older ones
	Unsaid   bool // the role may not read who and why
}

// ErrKeyCount: not as many values as the key has columns.
var ErrKeyCount = errors.New("wrong number of key values")

// Read reads the newest versions of a row, at most limit; 0 means all.
//
// Errors: ErrKeyCount; PostgreSQL's for a value that is none of the column's type.
func Read(ctx context.Context, conn *pgx.Conn, t Table, key []string, limit int) (Log, error) {
	log := Log{Table: t, Key: key}
	if len(key) != len(t.Key) {
		return log, fmt.Errorf("%w: the key of %s is (%s), so %d needed, %d given", ErrKeyCount, t.Name, t.KeyNames(), len(t.Key), len(key))
	}
	var mayRead bool
	if err := conn.QueryRow(ctx, "SELECT has_table_privilege('yore.transaction', 'SELECT')").Scan(&mayRead); err != nil {
		return log, yore.Explain(err)
	}
	log.Unsaid = !mayRead
	result, err := pg.Query(ctx, conn, t.logQuery(mayRead, limit), key...)
	if err != nil {
		return log, yore.Explain(err)
	}
	log.Columns = result.Columns[:len(result.Columns)-len(ownColumns)]
	for _, row := range result.Rows {
		v, err := newVersion(row[:len(log.Columns)], row[len(log.Columns):])
		if err != nil {
			return log, err
		}
		log.Versions = append(log.Versions, v)
	}
	for i := range log.Versions {
		if i+1 < len(log.Versions) {
			log.Versions[i].since(&log.Versions[i+1], log.Columns, t.Key)
		} else {
			log.Versions[i].since(nil, log.Columns, t.Key)
		}
	}
	if limit > 0 && len(log.Versions) > limit {
		log.Versions, log.More = log.Versions[:limit], true
	}
	return log, nil
}

// What stands after the user's columns in the answer to logQuery.
var ownColumns = []string{"version", "valid_from", "valid_to", "deleted_at", "xid", "actor", "reason", "meta", "role", "application"}

func (t Table) logQuery(withWhy bool, limit int) string {
	why := fmt.Sprintf("yore.transaction_of(h.%s, h.%s)", t.own("xid"), t.own("valid_from"))
	if !withWhy {
		why = "(SELECT NULL AS actor, NULL AS reason, NULL AS meta, NULL AS role, NULL AS application)"
	}
	var match []string
	for i, column := range t.Key {
		match = append(match, fmt.Sprintf("h.%s = $%d", quoted(column), i+1))
	}
	var columns []string
	for _, column := range t.columns {
		columns = append(columns, "h."+quoted(column))
	}
	for _, column := range ownColumns[:5] {
		columns = append(columns, "h."+t.own(column))
	}
	query := fmt.Sprintf(`SELECT %s, t.actor, t.reason, t.meta, t.role, t.application
		FROM %s AS h LEFT JOIN LATERAL %s AS t ON true
		WHERE %s ORDER BY h.%s DESC`, strings.Join(columns, ", "), t.history, why, strings.Join(match, " AND "), t.own("version"))
	if limit > 0 {
		query += " LIMIT " + strconv.Itoa(limit+1) // and the one to compare the last with
	}
	return query
}

func newVersion(values, own []*string) (Version, error) {
	number, err := strconv.ParseInt(*own[0], 10, 64)
	if err != nil {
		return Version{}, fmt.Errorf("version number: %w", err)
	}
	return Version{
		Number: number, From: own[1], To: own[2], Deleted: own[3] != nil, XID: *own[4], Values: values,
		Actor: own[5], Reason: own[6], Meta: own[7], Role: own[8], Application: own[9],
	}, nil
}

// since finds what v changed of before, the version that precedes it.
func (v *Version) since(before *Version, columns []pg.Column, key []string) {
	created := before == nil || before.Deleted
	v.Created = created && !v.Deleted
	v.Again = v.Created && before != nil
	for i, c := range columns {
		change := Change{Column: c.Name}
		if !created {
			change.Old = before.Values[i]
		}
		if !v.Deleted {
			change.New = v.Values[i]
		}
		if (created || v.Deleted) && slices.Contains(key, c.Name) {
			continue // the reader asked for it by its key
		}
		if !equal(change.Old, change.New) {
			v.Changes = append(v.Changes, change)
		}
	}
}

func equal(a, b *string) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}
