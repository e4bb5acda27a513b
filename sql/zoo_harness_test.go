package sql_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"yore.example/yore/internal/pgtest"
)

// A specimen is a table that must work: what makes it, what is done to it, each
// step a transaction of its own, and how many versions that leaves behind.
type specimen struct {
	name     string
	create   []string
	table    string // as in SQL; "" is t
	schema   string // "" is public
	options  string // further arguments of yore.track
	steps    []string
	versions int // in history, current ones included, tombstones not; 0: not checked
	atLeast  int // the PostgreSQL it needs
}

func runZoo(t *testing.T, specimens []specimen) {
	t.Helper()
	t.Parallel()
	for _, s := range specimens {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.run(t)
		})
	}
}

// run tracks the table and steps through its life. The present after each step
// is what as-of must show of that instant ever after, in a session, by the
// function and in history; untracked, the table must be what it was.
func (s specimen) run(t *testing.T) {
	if have := pgtest.Server(t).Major(); have < s.atLeast {
		t.Skipf("needs PostgreSQL %d, this is %d", s.atLeast, have)
	}
	if s.table == "" {
		s.table = "t"
	}
	db, _ := session(t)
	pgtest.Exec(t, db, s.create...)
	was, schema := s.table, "public"
	if s.schema != "" {
		schema = s.schema
		was = schema + "." + s.table
	}
	list := pgtest.Rows(t, db, "SELECT string_agg(quote_ident(attname) || '::text', ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '"+
		strings.ReplaceAll(was, "'", "''")+"'::regclass AND attnum > 0 AND NOT attisdropped")[0]
	ordered := func(from string) string { return fmt.Sprintf("SELECT %s FROM %s ORDER BY %s", list, from, list) }
	before := catalogOf(t, db, was)

	pgtest.Exec(t, db, fmt.Sprintf("SELECT yore.track(%s%s)", literal(was), s.options))
	type moment struct {
		step, at string
		rows     []string
	}
	// The rows found at tracking are known from then on.
	moments := []moment{{"tracked", instant(t, db), pgtest.Rows(t, db, ordered(was))}}
	for _, step := range s.steps {
		pgtest.Exec(t, db, step)
		moments = append(moments, moment{step, instant(t, db), pgtest.Rows(t, db, ordered(was))})
	}
	pgtest.Clean(t, db)

	definition := pgtest.Rows(t, db, "SELECT statement FROM yore._definition(yore._tracked("+literal(was)+"::text))")

	face := strings.TrimPrefix(was, schema+".")
	of := func(kind string) string {
		if schema != "public" {
			return kind + "_" + schema + "." + face
		}
		return kind + "." + face
	}
	prefix := ""
	if strings.Contains(s.options, "prefix => 'sys_'") {
		prefix = "sys_"
	}
	pgtest.Exec(t, db, "SET search_path = "+schema+", public")
	for _, m := range moments {
		same := func(how, query string) {
			t.Helper()
			if got := pgtest.Rows(t, db, query); !slices.Equal(got, m.rows) {
				t.Errorf("%s after %s\ngot  %q\nwant %q", how, m.step, got, m.rows)
			}
		}
		pgtest.Exec(t, db, "BEGIN", "SELECT yore.as_of('"+m.at+"')")
		same("as-of session", ordered(face))
		pgtest.Exec(t, db, "ROLLBACK")
		same("as-of function", ordered(of("asof")+"('"+m.at+"')"))
		same("history", ordered(fmt.Sprintf("%s WHERE coalesce(%[2]svalid_from, '-infinity') <= '%[3]s' AND (%[2]svalid_to IS NULL OR %[2]svalid_to > '%[3]s')", of("history"), prefix, m.at)))
	}
	now := moments[len(moments)-1].rows
	if got := pgtest.Rows(t, db, ordered(of("asof"))); !slices.Equal(got, now) {
		t.Errorf("asof without a time is not the present: %q, not %q", got, now)
	}
	if s.versions > 0 {
		rowsAre(t, db, "SELECT count(*) FROM "+of("history")+" WHERE "+prefix+"deleted_at IS NULL", fmt.Sprint(s.versions))
	}

	pgtest.Exec(t, db, "RESET search_path", fmt.Sprintf("SELECT yore.untrack(%s)", literal(was)))
	if diff := difference(before, catalogOf(t, db, was)); diff != "" {
		t.Errorf("untrack did not give the table back:\n%s", diff)
	}
	if got := pgtest.Rows(t, db, ordered(was)); !slices.Equal(got, now) {
		t.Errorf("untracked: %q, not %q", got, now)
	}
	if s.versions > 0 {
		rowsAre(t, db, "SELECT count(*) FROM "+of("history")+" WHERE "+prefix+"deleted_at IS NULL AND "+prefix+"valid_to IS NOT NULL", fmt.Sprint(s.versions))
	}
	remade(t, db, was, definition, before)
}

// remade checks that what yore._definition says of the table makes it anew.
func remade(t testing.TB, db *pgx.Conn, table string, definition, before []string) {
	t.Helper()
	for _, schema := range pgtest.Rows(t, db, "SELECT quote_ident(nspname) FROM pg_namespace WHERE nspname ~ '^(temporal|history|asof)'") {
		pgtest.Exec(t, db, "DROP SCHEMA "+schema+" CASCADE")
	}
	pgtest.Exec(t, db, "DROP TABLE "+table+" CASCADE", "SET search_path = ''")
	pgtest.Exec(t, db, definition...)
	pgtest.Exec(t, db, "RESET search_path")
	pgtest.Clean(t, db)
	pgtest.Exec(t, db, "SELECT yore.untrack("+literal(table)+", 'drop')")
	if diff := difference(essence(before), essence(catalogOf(t, db, table))); diff != "" {
		t.Errorf("made anew it differs:\n%s\n%s", diff, strings.Join(definition, "\n"))
	}
}

var flags = regexp.MustCompile(`( [tf]){3}( |$).*$`)

// essence is what of a table's catalog yore._definition promises.
func essence(catalog []string) (lines []string) {
	for _, line := range catalog {
		kind, rest, _ := strings.Cut(line, " ")
		switch kind {
		case "constraint":
			if strings.Contains(rest, " TRIGGER") {
				continue // a trigger of the table's own
			}
		case "index":
			line = flags.ReplaceAllString(line, "") // clustered, a comment
		case "table", "column", "policy", "sequence", "partition":
		default:
			continue
		}
		lines = append(lines, line)
	}
	return lines
}

func literal(s string) string {
	if strings.Contains(s, `\`) {
		return ` E'` + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), "'", "''") + "'"
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// catalogOf returns what the catalogs say of a table, a line for each thing.
func catalogOf(t testing.TB, db *pgx.Conn, table string) []string {
	t.Helper()
	var oid string
	if err := db.QueryRow(context.Background(), "SELECT $1::regclass::oid::text", table).Scan(&oid); err != nil {
		t.Fatal(err)
	}
	return pgtest.Rows(t, db, strings.ReplaceAll(`
		SELECT concat_ws(' ', 'table', oid::regclass, relkind, relowner::regrole, relrowsecurity, relforcerowsecurity, reloptions, relreplident, reltablespace,
		                 obj_description(oid, 'pg_class')) FROM pg_class WHERE oid = {t}
		UNION ALL
		SELECT concat_ws(' ', 'grant', x.grantor::regrole, x.grantee::regrole, x.privilege_type, x.is_grantable) FROM pg_class, aclexplode(coalesce(relacl, acldefault('r', relowner))) AS x WHERE oid = {t}
		UNION ALL
		SELECT concat_ws(' ', 'column grant', attname, x.grantor::regrole, x.grantee::regrole, x.privilege_type, x.is_grantable) FROM pg_attribute, aclexplode(attacl) AS x WHERE attrelid = {t} AND NOT attisdropped
		UNION ALL
		SELECT concat_ws(' ', 'column', attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated, attstorage, attstattarget, attcollation::regcollation,
		                 pg_get_expr(adbin, adrelid), col_description(attrelid, attnum), attoptions)
		  FROM pg_attribute LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum) WHERE attrelid = {t} AND attnum > 0 AND NOT attisdropped
		UNION ALL
		SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated, obj_description(oid, 'pg_constraint')) FROM pg_constraint WHERE {t} IN (conrelid, confrelid)
		UNION ALL
		SELECT concat_ws(' ', 'index', pg_get_indexdef(indexrelid), indisprimary, indisclustered, indisreplident, obj_description(indexrelid, 'pg_class')) FROM pg_index WHERE indrelid = {t}
		UNION ALL
		SELECT concat_ws(' ', 'trigger', pg_get_triggerdef(oid), tgenabled, obj_description(oid, 'pg_trigger')) FROM pg_trigger WHERE tgrelid = {t} AND NOT tgisinternal
		UNION ALL
		SELECT concat_ws(' ', 'sequence', objid::regclass, relowner::regrole, deptype, attname, seqtypid::regtype, seqincrement, seqmax)
		  FROM pg_depend JOIN pg_sequence ON seqrelid = objid JOIN pg_class AS c ON c.oid = objid JOIN pg_attribute ON (attrelid, attnum) = (refobjid, refobjsubid)
		 WHERE classid = 'pg_class'::regclass AND refobjid = {t} AND deptype IN ('a', 'i')
		UNION ALL
		SELECT concat_ws(' ', 'policy', polname, polcmd, polpermissive, polroles, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) FROM pg_policy WHERE polrelid = {t}
		UNION ALL
		SELECT concat_ws(' ', 'statistics', pg_get_statisticsobjdef(oid)) FROM pg_statistic_ext WHERE stxrelid = {t}
		UNION ALL
		SELECT concat_ws(' ', 'rule', pg_get_ruledef(oid)) FROM pg_rewrite WHERE ev_class = {t}
		UNION ALL
		SELECT concat_ws(' ', 'publication', prpubid) FROM pg_publication_rel WHERE prrelid = {t}
		UNION ALL
		SELECT concat_ws(' ', 'partition', inhrelid::regclass, pg_get_expr(relpartbound, c.oid)) FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid WHERE inhparent = {t}
		UNION ALL
		SELECT DISTINCT concat_ws(' ', 'view', ev_class::regclass, pg_get_viewdef(ev_class)) FROM pg_rewrite AS r JOIN pg_depend AS d ON d.objid = r.oid
		 WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = {t} AND ev_class <> {t}
		ORDER BY 1`, "{t}", oid))
}

// difference returns what is only in one of two lists of lines.
func difference(before, after []string) string {
	var b strings.Builder
	for _, line := range before {
		if !slices.Contains(after, line) {
			b.WriteString("- " + line + "\n")
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			b.WriteString("+ " + line + "\n")
		}
	}
	return b.String()
}
