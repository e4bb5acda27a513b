package yore

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"

	"yore.example/yore/sql"
)

// DumpOptions says what to dump.
type DumpOptions struct {
	// Tables are the tracked tables to dump, as in SQL. Defaults to all.
	Tables []string

	// Structure and Data say which of the two to dump. Defaults to both, where
	// neither is set.
	Structure, Data bool

	// Progress is called now and then. Defaults to nil.
	Progress func(Progress)
}

// Dump writes tracked tables with their whole past to w, as an SQL script that
// Load or psql loads into a database of any version of PostgreSQL. It reads one
// snapshot, in a transaction of its own that changes nothing, and keeps no more
// than a row in memory. docs/guides/dump.md says what is not in a dump.
//
// The role must be able to read the tables, their pasts, and yore.transaction.
//
// Errors: ErrNotTracked, ErrNeedsSync, ErrAlter (a past is being converted:
// yore.convert_past), ErrNotInstalled.
//
// Locks: ACCESS SHARE, as a SELECT takes.
func Dump(ctx context.Context, conn *pgx.Conn, w io.Writer, o DumpOptions) (DumpResult, error) {
	if !o.Structure && !o.Data {
		o.Structure, o.Data = true, true
	}
	d := &dumper{conn: conn, o: o, w: newDumpWriter(w)}
	d.result.Structure, d.result.Data = o.Structure, o.Data
	if err := d.run(ctx); err != nil {
		return DumpResult{}, fmt.Errorf("dump: %w", Explain(err))
	}
	return d.result, nil
}

type dumper struct {
	conn   *pgx.Conn
	o      DumpOptions
	w      *dumpWriter
	head   dumpHeader
	places map[string]dumpPlace
	result DumpResult
	rows   int64
}

// A dumpPlace is where a table's rows stand in a database.
type dumpPlace struct{ storage, past, amendments string }

func (d *dumper) run(ctx context.Context) (err error) {
	if err := idle(d.conn); err != nil {
		return err
	}
	names, err := d.names(ctx)
	if err != nil {
		return err
	}
	tx, err := d.conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // it has changed nothing
	if _, err := tx.Exec(ctx, dumpSettings); err != nil {
		return err
	}
	// Locked before the snapshot is taken: so no table is altered, and none
	// looks as it did before an alteration.
	locked := []string{"yore.tracked", "yore.transaction"}
	for _, p := range d.places {
		locked = append(locked, p.storage, p.past)
	}
	if _, err := tx.Exec(ctx, "LOCK TABLE "+strings.Join(locked, ", ")+" IN ACCESS SHARE MODE"); err != nil {
		return err
	}
	if err := d.readHead(ctx, tx, names); err != nil {
		return err
	}
	if err := d.write(ctx, tx); err != nil {
		return err
	}
	return d.w.flush()
}

const trackedPlaces = `
	SELECT format('%I.%I', m.schema_name, m.table_name), format('%I.%I', m.storage_schema, m.storage_name),
	       format('%I.%I', m.past_schema, m.past_name), yore._amendments(m) FROM `

// names finds the tables that were asked for, and where they are.
func (d *dumper) names(ctx context.Context) ([]string, error) {
	d.places, d.result.Tables = map[string]dumpPlace{}, []DumpedTable{}
	var names []string
	one := func(row pgx.CollectableRow) (string, error) {
		var name string
		var p dumpPlace
		err := row.Scan(&name, &p.storage, &p.past, &p.amendments)
		if _, twice := d.places[name]; err == nil && !twice {
			d.places[name] = p
			names = append(names, name)
		}
		return name, err
	}
	queries := []string{trackedPlaces + "yore.tracked AS m WHERE $1::text IS NULL ORDER BY m.schema_name, m.table_name"}
	params := []any{nil}
	if len(d.o.Tables) > 0 {
		queries, params = nil, nil
		for _, t := range d.o.Tables {
			queries = append(queries, trackedPlaces+"yore._tracked($1::text) AS m")
			params = append(params, t)
		}
	}
	for i, query := range queries {
		rows, err := d.conn.Query(ctx, query, params[i])
		if err != nil {
			return nil, err
		}
		if _, err := pgx.CollectRows(rows, one); err != nil {
			return nil, err
		}
	}
	return names, nil
}

func (d *dumper) readHead(ctx context.Context, tx pgx.Tx, names []string) error {
	h := &d.head
	h.Format, h.ID, h.Structure, h.Data, h.Tables = dumpFormat, newDumpID(), d.o.Structure, d.o.Data, []dumpedTable{}
	err := tx.QueryRow(ctx, `SELECT yore._version(), current_setting('server_version'), current_database()::text, yore._utc(clock_timestamp()),
		i.temporal_schema::text, i.history_schema::text, i.asof_schema::text FROM yore.installation AS i`).
		Scan(&h.Yore, &h.Server, &h.Database, &h.At, &h.Schemas.Temporal, &h.Schemas.History, &h.Schemas.AsOf)
	if err != nil {
		return err
	}
	if h.Yore > sql.Version {
		return newError("YO015", fmt.Sprintf("the database has version %d of yore's functions, newer than this program's %d", h.Yore, sql.Version), "Use a newer yore.")
	}
	for _, name := range names {
		var text string
		if err := tx.QueryRow(ctx, "SELECT yore._dumped(yore._tracked($1::text))::text", name).Scan(&text); err != nil {
			return err
		}
		var t dumpedTable
		if err := json.Unmarshal([]byte(text), &t); err != nil {
			return err
		}
		h.Tables = append(h.Tables, t)
		d.result.Tables = append(d.result.Tables, DumpedTable{Name: name})
		if d.o.Structure {
			left, err := column[string](ctx, tx, "SELECT yore._left_out(yore._tracked($1::text))", name)
			if err != nil {
				return err
			}
			for _, what := range left {
				d.result.LeftOut = append(d.result.LeftOut, name+": "+what)
			}
		}
	}
	return nil
}

// column reads the rows of a query with one column.
func column[T any](ctx context.Context, tx pgx.Tx, query string, args ...any) ([]T, error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[T])
}

func (d *dumper) progress(table string, rows int64) {
	if d.o.Progress != nil {
		d.o.Progress(Progress{Table: table, Rows: rows, Total: d.head.total()})
	}
}

// idle fails where the connection is in a transaction, which this one would end.
func idle(conn *pgx.Conn) error {
	if conn.PgConn().TxStatus() != 'I' {
		return newError("YO007", "the connection is in a transaction", "Dump and Load begin one of their own: give them a connection without.")
	}
	return nil
}
