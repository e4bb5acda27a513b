package yore

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"
)

// write writes the sections in the order in which they are loaded: tables, then
// rows, then what is easier to make when they are there.
func (d *dumper) write(ctx context.Context, tx pgx.Tx) error {
	if err := d.w.head(&d.head); err != nil {
		return err
	}
	d.w.section(sectionPsql, nil, "BEGIN;")
	d.w.section(sectionSession, nil, dumpSettings)
	d.w.section(sectionPsql, nil, fmt.Sprintf("SELECT yore._load_names(%s, %s, %s);\nSELECT yore._load_check(%s, %t, %t);",
		literal(d.head.Schemas.Temporal), literal(d.head.Schemas.History), literal(d.head.Schemas.AsOf), literal(string(d.head.raw)), d.o.Structure, d.o.Data))
	var late []string
	if d.o.Structure {
		early, after, err := d.definitions(ctx, tx)
		if err != nil {
			return err
		}
		d.w.section(sectionStructure, nil, early...)
		late = after
	}
	if d.o.Data {
		if err := d.data(ctx, tx); err != nil {
			return err
		}
	}
	d.w.section(sectionStructure, nil, late...)
	d.w.section(sectionPsql, nil, "COMMIT;")
	d.w.section(sectionEnd, dumpCount{d.rows})
	return d.w.err
}

// definitions returns the statements to run before and after the rows.
func (d *dumper) definitions(ctx context.Context, tx pgx.Tx) (early, late []string, err error) {
	var stages [9][]string
	seen := map[string]bool{}
	for _, t := range d.head.Tables {
		rows, err := tx.Query(ctx, "SELECT stage, statement FROM yore._definition(yore._tracked($1::text))", t.Name)
		if err != nil {
			return nil, nil, err
		}
		var stage int
		var statement string
		_, err = pgx.ForEachRow(rows, []any{&stage, &statement}, func() error {
			if !seen[statement] { // schemas and types that several tables use
				stages[stage] = append(stages[stage], statement+";")
			}
			seen[statement] = true
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
	}
	for stage, statements := range stages {
		if stage < 7 {
			early = append(early, statements...)
		} else {
			late = append(late, statements...)
		}
	}
	return early, late, nil
}

// columns returns the columns of a relation: first those named, in that order.
func columns(ctx context.Context, tx pgx.Tx, relation string, first []string) ([]string, error) {
	return column[string](ctx, tx, `
		SELECT a.attname::text
		  FROM pg_catalog.pg_attribute AS a
		  LEFT JOIN unnest($2::text[]) WITH ORDINALITY AS c (name, place) ON c.name = a.attname
		 WHERE a.attrelid = $1::text::pg_catalog.regclass AND a.attnum > 0 AND NOT a.attisdropped
		 ORDER BY c.place, a.attname`, relation, first)
}

func (d *dumper) data(ctx context.Context, tx pgx.Tx) error {
	var begin, end []string
	for _, t := range d.head.Tables {
		begin = append(begin, "SELECT yore._load_begin("+literal(t.Name)+");")
		end = append(end, "SELECT yore._load_end("+literal(t.Name)+");")
	}
	d.w.section(sectionData, nil, append(begin, "CREATE TEMPORARY TABLE yore_transaction ON COMMIT DROP AS SELECT * FROM yore.transaction WITH NO DATA;")...)

	from := "yore.transaction AS t"
	if len(d.o.Tables) > 0 {
		var of []string
		for _, t := range d.head.Tables {
			p := d.places[t.Name]
			of = append(of, "SELECT sys_xid FROM "+p.storage, "SELECT sys_xid FROM "+p.past, "SELECT sys_xid_to FROM "+p.past)
			if t.Amendments {
				of = append(of, "SELECT xid FROM "+p.amendments)
			}
		}
		from += " WHERE xid IN (" + strings.Join(of, " UNION ") + ")"
	}
	said, err := columns(ctx, tx, "yore.transaction", []string{"xid", "began"})
	if err != nil {
		return err
	}
	n, err := d.copy(ctx, tx, dumpCopy{Part: partTransactions, Columns: said}, "pg_temp.yore_transaction", from)
	if err != nil {
		return err
	}
	d.result.Transactions = n
	names := quotedList(said)
	d.w.section(sectionData, nil, fmt.Sprintf("INSERT INTO yore.transaction (%s) SELECT %s FROM pg_temp.yore_transaction ON CONFLICT DO NOTHING;", names, names))

	for _, t := range d.head.Tables {
		if err := d.table(ctx, tx, t); err != nil {
			return err
		}
	}
	d.w.section(sectionData, nil, end...)
	return nil
}

func (d *dumper) table(ctx context.Context, tx pgx.Tx, t dumpedTable) error {
	p := d.places[t.Name]
	var all, current []string
	for _, c := range t.Columns {
		all = append(all, c.Name)
		if c.Generated == "" {
			current = append(current, c.Name)
		}
	}
	current = append(current, "sys_version", "sys_from", "sys_xid")
	if t.Immutable {
		current = append(current, "sys_id")
	}
	// The order of the columns of the past is that of their coming: here, one that
	// does not depend on it.
	past, err := columns(ctx, tx, p.past, all)
	if err != nil {
		return err
	}
	type part struct {
		name, place string
		columns     []string
	}
	parts := []part{{partCurrent, p.storage, current}, {partPast, p.past, past}}
	if t.Amendments {
		amended, err := columns(ctx, tx, p.amendments, []string{"entity_id", "version"})
		if err != nil {
			return err
		}
		parts = append(parts, part{partAmendments, p.amendments, amended})
	}
	for _, part := range parts {
		n, err := d.copy(ctx, tx, dumpCopy{Table: t.Name, Part: part.name, Columns: part.columns}, part.place, part.place)
		if err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
		if part.name != partAmendments {
			d.result.add(t.Name, n)
		}
	}
	return d.sequences(ctx, tx, t)
}

func (d *dumper) sequences(ctx context.Context, tx pgx.Tx, t dumpedTable) error {
	calls, err := column[string](ctx, tx, `
		SELECT format('SELECT format(%L, last_value, is_called) FROM %s', format('SELECT yore._load_sequence(%L, %L, %s, %%s, %%L);', $1::text, s.column_name,
		              CASE WHEN s.is_identity THEN 'NULL' ELSE quote_literal(replace(s.sequence::text, '%', '%%')) END), s.sequence)
		  FROM yore._tracked($1::text) AS m, yore._used_sequences(m) AS s ORDER BY s.sequence::text`, t.Name)
	if err != nil {
		return err
	}
	for _, call := range calls {
		statement, err := column[string](ctx, tx, call)
		if err != nil {
			return err
		}
		d.w.section(sectionData, nil, statement...)
	}
	return nil
}

// copy writes a section with the rows of from, and how many they are.
func (d *dumper) copy(ctx context.Context, tx pgx.Tx, c dumpCopy, into, from string) (int64, error) {
	columns := quotedList(c.Columns)
	statement := fmt.Sprintf("COPY %s (%s) FROM stdin;", into, columns)
	c.Statement = len(statement)
	d.w.section(sectionCopy, c, statement)
	if d.w.err != nil {
		return 0, d.w.err
	}
	d.progress(c.Table, d.rows)
	rows := &rowCounter{w: d.w.w, every: func(n int64) { d.progress(c.Table, d.rows+n) }}
	tag, err := tx.Conn().PgConn().CopyTo(ctx, rows, fmt.Sprintf("COPY (SELECT %s FROM %s) TO STDOUT", columns, from))
	if err != nil {
		return 0, err
	}
	d.rows += tag.RowsAffected()
	d.w.line(`\.`)
	d.w.section(sectionCopied, dumpCount{tag.RowsAffected()})
	return tag.RowsAffected(), d.w.err
}

// rowCounter counts the rows of a COPY, which are lines.
type rowCounter struct {
	w     io.Writer
	n     int64
	last  int64
	every func(int64)
}

func (c *rowCounter) Write(b []byte) (int, error) {
	if c.n += int64(bytes.Count(b, []byte{'\n'})); c.n-c.last >= 10000 {
		c.last = c.n
		c.every(c.n)
	}
	return c.w.Write(b)
}

// quotedList is the columns as SQL writes them.
func quotedList(columns []string) string {
	var b strings.Builder
	for i, c := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(pgx.Identifier{c}.Sanitize())
	}
	return b.String()
}

// literal is a string constant, under standard_conforming_strings.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// A dumpWriter writes sections; the first error stays.
type dumpWriter struct {
	w   *bufio.Writer
	id  string
	err error
}

func newDumpWriter(w io.Writer) *dumpWriter { return &dumpWriter{w: bufio.NewWriterSize(w, 1<<16)} }

func (w *dumpWriter) line(text string) {
	if w.err == nil {
		_, w.err = w.w.WriteString(text + "\n")
	}
}

func (w *dumpWriter) head(h *dumpHeader) error {
	w.id = h.ID
	raw, err := json.Marshal(h)
	if err != nil {
		return err
	}
	h.raw = raw
	for _, line := range []string{dumpTitle, dumpPsql, dumpHead + string(raw)} {
		w.line(line)
	}
	return w.err
}

// section writes a section; nothing where there is neither a statement nor
// anything to be said.
func (w *dumpWriter) section(kind string, about any, statements ...string) {
	if about == nil && len(statements) == 0 {
		return
	}
	marker := "-- " + w.id + " " + kind
	if about != nil {
		b, err := json.Marshal(about)
		if err != nil && w.err == nil {
			w.err = err
		}
		marker += " " + string(b)
	}
	w.line(marker)
	for _, s := range statements {
		w.line(s)
	}
}

func (w *dumpWriter) flush() error {
	if w.err != nil {
		return w.err
	}
	return w.w.Flush()
}
