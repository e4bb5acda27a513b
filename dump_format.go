package yore

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// A dump is an SQL script that psql can run, in sections. Each begins with a
// comment of the dump's own id, which nobody could have written into a table
// before: so Load finds them without understanding SQL. See docs/guides/dump.md.
const (
	dumpFormat = 1
	dumpTitle  = "-- A dump of yore's. Load it with: yore load FILE"
	dumpPsql   = "-- Or, into a database with yore: psql --no-psqlrc --set ON_ERROR_STOP=1 --output /dev/null --file FILE"
	dumpHead   = "-- yore-dump "
)

// Kinds of sections.
const (
	sectionPsql      = "psql"      // what psql needs and Load does itself
	sectionSession   = "session"   // settings
	sectionStructure = "structure" // statements
	sectionData      = "data"      // statements
	sectionCopy      = "copy"      // rows, up to a line of \.
	sectionCopied    = "copied"    // how many they were
	sectionEnd       = "end"       // nothing is missing
)

// The settings under which values are written and read: text that means the
// same in any session.
const dumpSettings = `SET LOCAL client_encoding = 'UTF8';
SET LOCAL standard_conforming_strings = on;
SET LOCAL search_path = '';
SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL timezone = 'UTC';
SET LOCAL intervalstyle = 'postgres';
SET LOCAL extra_float_digits = 3;
SET LOCAL bytea_output = 'hex';
SET LOCAL xmloption = 'content';
SET LOCAL row_security = off;
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;`

// dumpHeader is what a dump says of itself.
type dumpHeader struct {
	Format    int             `json:"format"`
	ID        string          `json:"id"`
	Yore      int             `json:"yore"` // version of the functions
	Server    string          `json:"server"`
	Database  string          `json:"database"`
	At        string          `json:"at"`
	Structure bool            `json:"structure"`
	Data      bool            `json:"data"`
	Schemas   dumpSchemas     `json:"schemas"`
	Tables    []dumpedTable   `json:"tables"`
	raw       json.RawMessage // as it stands in the file
}

type dumpSchemas struct {
	Temporal string `json:"temporal"`
	History  string `json:"history"`
	AsOf     string `json:"asof"`
}

// dumpedTable is what yore._dumped says, of which Go reads the least.
type dumpedTable struct {
	Name       string `json:"name"`
	Immutable  bool   `json:"immutable"`
	Amendments bool   `json:"amendments"`
	Rows       int64  `json:"rows"` // an estimate
	Columns    []struct {
		Name      string `json:"name"`
		Generated string `json:"generated"`
	} `json:"columns"`
	raw json.RawMessage
}

func (t *dumpedTable) UnmarshalJSON(b []byte) error {
	type plain dumpedTable
	if err := json.Unmarshal(b, (*plain)(t)); err != nil {
		return err
	}
	t.raw = append(json.RawMessage(nil), b...)
	return nil
}

func (t dumpedTable) MarshalJSON() ([]byte, error) { return t.raw, nil }

// total is about how many rows the dump has.
func (h *dumpHeader) total() (n int64) {
	for _, t := range h.Tables {
		n += t.Rows
	}
	return n
}

// A dumpCopy describes the rows of a copy section.
type dumpCopy struct {
	Table     string   `json:"table,omitempty"` // none for transactions
	Part      string   `json:"part"`
	Columns   []string `json:"columns"`
	Statement int      `json:"statement"` // length in bytes of the statement for psql
}

// Parts of a table.
const (
	partCurrent      = "current"
	partPast         = "past"
	partAmendments   = "amendments"
	partTransactions = "transactions"
)

type dumpCount struct {
	Rows int64 `json:"rows"`
}

func newDumpID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// A Progress says how far Dump or Load has come.
type Progress struct {
	Table string // as in SQL; empty between tables
	Rows  int64  // read or written so far, of all tables
	Total int64  // about how many there are; 0: unknown
}

// A DumpedTable is a table that was dumped or loaded.
type DumpedTable struct {
	Name     string `json:"name"`     // as in SQL, with its schema
	Versions int64  `json:"versions"` // rows of the present and of the past
}

// A DumpResult says what was dumped or loaded.
type DumpResult struct {
	Structure    bool          `json:"structure"` // whether it was dumped or loaded
	Data         bool          `json:"data"`      // whether rows were
	Tables       []DumpedTable `json:"tables"`
	Transactions int64         `json:"transactions"` // those that said who and why
	// LeftOut is what belongs to the tables and is not in the dump, such as
	// triggers of their own. Dump alone knows.
	LeftOut []string `json:"left_out,omitempty"`
}

func (r *DumpResult) add(table string, rows int64) {
	for i := range r.Tables {
		if r.Tables[i].Name == table {
			r.Tables[i].Versions += rows
		}
	}
}

func badDump(format string, args ...any) *Error {
	return newError("YO027", fmt.Sprintf(format, args...), "Nothing has been changed. A dump is what yore dump writes, whole.")
}
