package yore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"

	"yore.example/yore/sql"
)

// LoadOptions says what of a dump to load.
type LoadOptions struct {
	// Structure and Data say which of the two to load. Defaults to what the dump
	// has, where neither is set. Data alone goes into tables that are tracked,
	// have the same columns, and were never written to.
	Structure, Data bool

	// Install installs yore first, or brings it up to date, in the same
	// transaction. A new installation has the dump's names of schemas. Defaults
	// to false.
	Install bool

	// Progress is called now and then. Defaults to nil.
	Progress func(Progress)
}

// Load loads what Dump wrote, gzipped or not, into a database: all of it, in one
// transaction of its own, or nothing. Versions keep their numbers, times and
// transactions; every one is verified before the commit. The dump is read as a
// stream, and no more than a piece of it is in memory.
//
// The role must be able to track the tables (Track), and to write
// yore.transaction: it is a superuser, or the one that installed yore.
//
// Errors: ErrDump (the dump is none, cut off, damaged, or of a newer format),
// ErrNewer, ErrNotInstalled, ErrName (a table is already there), ErrNotTracked (data
// alone), ErrTarget (a table has rows or other columns, something that the tables
// need is missing, or the versions do not verify); those of Track.
//
// Locks: with data alone, SHARE ROW EXCLUSIVE on the tables.
func Load(ctx context.Context, conn *pgx.Conn, r io.Reader, o LoadOptions) (DumpResult, error) {
	l := &loader{conn: conn, o: o}
	if err := l.run(ctx, r); err != nil {
		return DumpResult{}, fmt.Errorf("load: %w", Explain(err))
	}
	return l.result, nil
}

type loader struct {
	conn   *pgx.Conn
	o      LoadOptions
	d      *dumpReader
	result DumpResult
	rows   int64
}

func (l *loader) run(ctx context.Context, r io.Reader) (err error) {
	if err := idle(l.conn); err != nil {
		return err
	}
	if l.d, err = newDumpReader(r); err != nil {
		return err
	}
	h := &l.d.head
	if h.Yore > sql.Version {
		return newError("YO015", fmt.Sprintf("the dump is of version %d of yore's functions, newer than this program's %d", h.Yore, sql.Version), "Use a newer yore.")
	}
	if !l.o.Structure && !l.o.Data {
		l.o.Structure, l.o.Data = h.Structure, h.Data
	}
	if l.o.Structure && !h.Structure || l.o.Data && !h.Data {
		has := map[bool]string{true: "structure", false: "data"}[h.Structure]
		return newError("YO027", fmt.Sprintf("the dump has %s alone", has), "Nothing has been changed. Without --structure and --data, yore dump writes both.")
	}
	l.result = DumpResult{Structure: l.o.Structure, Data: l.o.Data, Tables: []DumpedTable{}}
	for _, t := range h.Tables {
		l.result.Tables = append(l.result.Tables, DumpedTable{Name: t.Name})
	}
	tx, err := l.conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // no harm after the commit
	if l.o.Install {
		if err := l.install(ctx, tx); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, "SELECT yore._load_check($1::text::jsonb, $2::boolean, $3::boolean)", string(h.raw), l.o.Structure, l.o.Data); err != nil {
		return l.notInstalled(err)
	}
	if err := l.sections(ctx, tx); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

func (l *loader) notInstalled(err error) error {
	err = Explain(err)
	if known := (*Error)(nil); errors.Is(err, ErrNotInstalled) && errors.As(err, &known) {
		known.Hint = "Run yore install first, or yore load --install."
	}
	return err
}

func (l *loader) install(ctx context.Context, tx pgx.Tx) error {
	s := l.d.head.Schemas
	for name, value := range map[string]string{"yore.temporal_schema": s.Temporal, "yore.history_schema": s.History, "yore.asof_schema": s.AsOf} {
		// One that the database or the role has set comes first.
		if _, err := tx.Exec(ctx, "SELECT set_config($1::text, $2::text, true) WHERE coalesce(current_setting($1::text, true), '') = ''", name, value); err != nil {
			return err
		}
	}
	return Install(ctx, tx)
}

func (l *loader) sections(ctx context.Context, tx pgx.Tx) error {
	for {
		s, err := l.d.section()
		if err != nil {
			return err
		}
		switch s.kind {
		case sectionPsql:
		case sectionCopy:
			err = l.copy(ctx, tx, s)
		case sectionEnd:
			var c dumpCount
			if err := json.Unmarshal(s.about, &c); err != nil || l.o.Data && c.Rows != l.rows {
				return badDump("the dump is damaged: it has %d rows in place of %d", l.rows, c.Rows)
			}
			return nil
		case sectionSession, sectionStructure, sectionData:
			if s.kind == sectionStructure && !l.o.Structure || s.kind == sectionData && !l.o.Data {
				continue
			}
			_, err = tx.Conn().PgConn().Exec(ctx, s.text).ReadAll()
		default:
			err = badDump("the dump is damaged: a section of kind %.40q", s.kind)
		}
		if err != nil {
			return err
		}
	}
}

// copy loads the rows of a section, or passes over them.
func (l *loader) copy(ctx context.Context, tx pgx.Tx, s dumpSection) error {
	var c dumpCopy
	if err := json.Unmarshal(s.about, &c); err != nil {
		return badDump("the dump is damaged: %v", err)
	}
	rows := l.d.rows(func(n int64) { l.progress(c.Table, n) })
	loaded, err := int64(0), error(nil)
	if l.o.Data {
		loaded, err = l.copyInto(ctx, tx, c, rows)
	} else if _, err = io.Copy(io.Discard, rows); err == nil {
		loaded = rows.n
	}
	if rows.err != nil {
		return rows.err // it explains the other
	} else if err != nil {
		return fmt.Errorf("%s, %s: %w", c.Table, c.Part, err)
	}
	var count dumpCount
	after, err := l.d.section()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(after.about, &count); err != nil || after.kind != sectionCopied || count.Rows != loaded {
		return badDump("the dump is damaged: %d rows of %s (%s) in place of %d", loaded, c.Table, c.Part, count.Rows)
	}
	if l.o.Data {
		l.rows += loaded
	}
	switch c.Part {
	case partTransactions:
		l.result.Transactions = loaded
	case partCurrent, partPast:
		if l.o.Data {
			l.result.add(c.Table, loaded)
		}
	}
	l.progress("", 0)
	return nil
}

func (l *loader) copyInto(ctx context.Context, tx pgx.Tx, c dumpCopy, rows io.Reader) (int64, error) {
	into := "pg_temp.yore_transaction"
	if c.Part != partTransactions {
		// The schemas need not have the names that they had where it was dumped.
		var name string
		var p dumpPlace
		if err := tx.QueryRow(ctx, trackedPlaces+"yore._tracked($1::text) AS m", c.Table).Scan(&name, &p.storage, &p.past, &p.amendments); err != nil {
			return 0, err
		}
		switch c.Part {
		case partCurrent:
			into = p.storage
		case partPast:
			into = p.past
		case partAmendments:
			into = p.amendments
		default:
			return 0, badDump("the dump is damaged: part %.40q", c.Part)
		}
	}
	l.progress(c.Table, 0)
	tag, err := tx.Conn().PgConn().CopyFrom(ctx, rows, fmt.Sprintf("COPY %s (%s) FROM STDIN", into, quotedList(c.Columns)))
	return tag.RowsAffected(), err
}

func (l *loader) progress(table string, rows int64) {
	if l.o.Progress != nil && l.o.Data {
		l.o.Progress(Progress{Table: table, Rows: l.rows + rows, Total: l.d.head.total()})
	}
}
