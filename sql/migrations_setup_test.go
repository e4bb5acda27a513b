package sql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"yore.example/yore/internal/pgtest"
)

// A kept is a tracked table in one of the ways in which tables are tracked, with
// a past: of the row with k = 1 the versions one, 1 and uno, 11; a row with k = 3
// that is gone. Beside it are a session whose statements are planned already, and
// what was seen as of three moments.
type kept struct {
	*lab
	way     string
	names   *strings.Replacer // {t} the face, {s} the storage, {h} history, {as} asof, {v} version
	warm    *pgx.Conn
	moments []moment
}

type moment struct {
	at   string
	rows []string
}

const long50 = "A table's name of just FIFTY bytes, ÄÖ in mixed ca"

var ways = []string{"temporal", "in place", "immutable", "with prefix", "in a schema", "mixed case", "composite key"}

// keep makes the table. Its columns: k, a varchar(10), n int, b text, d numeric(10,2).
func keep(t *testing.T, way string, more ...string) *kept {
	t.Helper()
	key, face, schema, version, options := "k int PRIMARY KEY", "t", "", "version", ""
	switch way {
	case "in place":
		options = ", in_place => true"
	case "immutable":
		key, options = "k int UNIQUE NOT NULL", ", immutable => true"
	case "with prefix":
		key, version, options = "k int PRIMARY KEY, version text DEFAULT 'mine'", "sys_version", ", prefix => 'sys_'"
	case "in a schema":
		schema = "sales"
	case "mixed case":
		face = quoted(long50)
	case "composite key":
		key = "k int, j text DEFAULT 'j', PRIMARY KEY (j, k)"
	}
	of := func(kind string) string {
		if schema == "" {
			return kind + "." + face
		}
		return kind + "_" + schema + "." + face
	}
	name, storage := face, of("temporal")
	if schema != "" {
		name = schema + "." + face
	}
	if way == "in place" {
		storage = name
	}
	k := &kept{lab: newLab(t), way: way, names: strings.NewReplacer("{t}", name, "{s}", storage, "{h}", of("history"), "{as}", of("asof"), "{v}", version)}
	if schema != "" {
		k.exec("CREATE SCHEMA " + schema)
	}
	k.exec(more...)
	k.exec(fmt.Sprintf("CREATE TABLE %s (%s, a varchar(10), n int, b text, d numeric(10,2))", name, key), fmt.Sprintf("SELECT yore.track(%s%s)", literal(name), options))
	for _, step := range []string{
		"INSERT INTO {t} (k, a, n, b, d) VALUES (1, 'one', 1, 'x', 1.25), (2, 'two', 2, NULL, NULL), (3, 'three', 3, 'z', 3)",
		"UPDATE {t} SET a = 'uno', n = 11 WHERE k = 1", "DELETE FROM {t} WHERE k = 3",
	} {
		k.do(step)
		at := k.now()
		k.moments = append(k.moments, moment{at, k.seen("k, n, b", at)})
	}
	k.warm = k.session().db.(*pgx.Conn)
	for range 6 { // makes plans generic
		k.write()
	}
	return k
}

func (k *kept) do(statements ...string) {
	k.Helper()
	for _, s := range statements {
		pgtest.Exec(k, k.db, k.names.Replace(s))
	}
}

// alter calls yore.alter_table with further arguments.
func (k *kept) alter(action string, more ...string) {
	k.Helper()
	k.do(fmt.Sprintf("SELECT yore.alter_table(%s, %s%s)", literal(k.names.Replace("{t}")), literal(k.names.Replace(action)), strings.Join(append([]string{""}, more...), ", ")))
}

func (k *kept) seen(columns, at string) []string {
	k.Helper()
	return k.rows(k.names.Replace(fmt.Sprintf("SELECT %s FROM {as}('%s') ORDER BY k", columns, at)))
}

// write changes another row in the warm session, and takes that back.
func (k *kept) write() {
	k.Helper()
	for _, s := range []string{"BEGIN", "UPDATE {t} SET k = k WHERE k = 2", "DELETE FROM {t} WHERE k = 2", "INSERT INTO {t} (k) VALUES (9)", "DELETE FROM {t} WHERE k = 9", "ROLLBACK"} {
		pgtest.Exec(k, k.warm, k.names.Replace(s))
	}
}

// versions checks columns of every version of the row with k = 1.
func (k *kept) versionsAre(columns string, rows ...string) {
	k.Helper()
	k.want(k.names.Replace("SELECT "+columns+" FROM {h} WHERE k = 1 ORDER BY {v}"), rows...)
}

// fine checks what holds after any change: nothing is wrong, writes of warm
// sessions go on, and what was seen as of former moments is still seen.
func (k *kept) fine(columns string) {
	k.Helper()
	k.ok()
	k.write()
	for _, m := range k.moments {
		if columns == "k, n, b" {
			k.want(k.names.Replace(fmt.Sprintf("SELECT %s FROM {as}('%s') ORDER BY k", columns, m.at)), m.rows...)
			continue
		}
		for i, row := range k.seen("k", m.at) {
			if i >= len(m.rows) || !strings.HasPrefix(m.rows[i], row+"|") {
				k.Errorf("as of %s: row %s, not of %q", m.at, row, m.rows)
			}
		}
	}
	k.want(k.names.Replace("SELECT k FROM {as} EXCEPT ALL SELECT k FROM {t}"))
	k.want(k.names.Replace("SELECT k FROM {t} EXCEPT ALL SELECT k FROM {h} WHERE " + strings.Replace(k.names.Replace("{v}"), "version", "valid_to", 1) + " IS NULL"))
}
