package sql_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"yore.example/yore/internal/pgtest"
)

// chronoModel makes a table as the gem does: the current rows in temporal, all
// versions in history, which inherits, and a view with INSTEAD OF triggers. name
// is as in SQL, and key a column of columns.
func (l *lab) chronoModel(name, key, columns, options string) {
	l.Helper()
	list := l.columnNames(columns)
	of := func(alias string) string {
		var b []string
		for _, c := range list {
			b = append(b, alias+"."+c)
		}
		return strings.Join(b, ", ")
	}
	suffix := strings.Trim(name, `"`)
	all := strings.Join(list, ", ")
	l.exec("CREATE SCHEMA IF NOT EXISTS temporal", "CREATE SCHEMA IF NOT EXISTS history",
		fmt.Sprintf("CREATE TABLE temporal.%s (%s, PRIMARY KEY (%s))", name, columns, key),
		fmt.Sprintf(`CREATE TABLE history.%[1]s (hid bigserial PRIMARY KEY, validity tsrange NOT NULL,
			recorded_at timestamp NOT NULL DEFAULT timezone('UTC', now())) INHERITS (temporal.%[1]s)`, name),
		fmt.Sprintf("CREATE INDEX ON history.%s USING gist (validity)", name),
		fmt.Sprintf("CREATE INDEX ON history.%s (%s, recorded_at)", name, key),
		fmt.Sprintf("CREATE VIEW public.%[1]s AS SELECT * FROM ONLY temporal.%[1]s", name))
	if options != "" {
		l.exec(fmt.Sprintf("COMMENT ON VIEW public.%s IS %s", name, literal(options)))
	}
	for event, body := range map[string]string{
		"insert": fmt.Sprintf(`INSERT INTO temporal.%[1]s (%[2]s) VALUES (%[3]s);
			INSERT INTO history.%[1]s (%[2]s, validity) VALUES (%[3]s, tsrange(timezone('UTC', now()), NULL)); RETURN NEW;`, name, all, of("NEW")),
		"update": fmt.Sprintf(`UPDATE history.%[1]s AS h SET validity = tsrange(lower(validity), timezone('UTC', now())) WHERE h.%[4]s = OLD.%[4]s AND upper_inf(validity);
			INSERT INTO history.%[1]s (%[2]s, validity) VALUES (%[3]s, tsrange(timezone('UTC', now()), NULL));
			UPDATE ONLY temporal.%[1]s AS c SET (%[2]s) = ROW(%[3]s) WHERE c.%[4]s = OLD.%[4]s; RETURN NEW;`, name, all, of("NEW"), key),
		"delete": fmt.Sprintf(`UPDATE history.%[1]s AS h SET validity = tsrange(lower(validity), timezone('UTC', now())) WHERE h.%[2]s = OLD.%[2]s AND upper_inf(validity);
			DELETE FROM ONLY temporal.%[1]s AS c WHERE c.%[2]s = OLD.%[2]s; RETURN OLD;`, name, key),
	} {
		l.exec(fmt.Sprintf(`CREATE FUNCTION "chronomodel_%s_%s"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN %s END $$`, suffix, event, body),
			fmt.Sprintf(`CREATE TRIGGER chronomodel_%[2]s INSTEAD OF %[2]s ON public.%[3]s FOR EACH ROW EXECUTE FUNCTION "chronomodel_%[1]s_%[2]s"()`, suffix, event, name))
	}
}

func (l *lab) columnNames(columns string) []string {
	l.Helper()
	l.exec("CREATE TABLE shape (" + columns + ")")
	defer l.exec("DROP TABLE shape")
	return l.rows("SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = 'shape'::regclass AND attnum > 0 ORDER BY attnum")
}

// temporalTables makes the function and the trigger of temporal_tables for a
// table, of any name as in SQL, that has a column sys_period.
func (l *lab) temporalTables(table, history string) {
	l.Helper()
	l.exec(`CREATE OR REPLACE FUNCTION versioning() RETURNS trigger LANGUAGE plpgsql AS $$
		DECLARE names text := (SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attrelid = TG_RELID AND attnum > 0 AND NOT attisdropped AND attname <> TG_ARGV[0]);
		BEGIN
			IF TG_OP <> 'INSERT' THEN
				EXECUTE format('INSERT INTO %1$s (%2$s, %3$I) SELECT %2$s, tstzrange(lower(($1).%3$I), now()) FROM (SELECT ($1).*) AS o', TG_ARGV[1], names, TG_ARGV[0]) USING OLD;
			END IF;
			IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
			NEW.sys_period := tstzrange(now(), NULL);
			RETURN NEW;
		END $$`,
		fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s (LIKE %s)", history, table),
		fmt.Sprintf("CREATE TRIGGER versioning_trigger BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION versioning('sys_period', %s, true)", table, literal(history)))
}

// An adoption is a source, and what must be the same after it: the rows as of
// every moment at which anything changed, and between.
type adoption struct {
	*lab
	table   string // as in SQL
	columns string
	asOf    string // a query of the source with %s for the moment
	moments []string
	answers [][]string
}

// watch reads the source as of each time that query gives, and 1 ms around.
func (l *lab) watch(table, columns, times, asOf string) *adoption {
	l.Helper()
	a := &adoption{lab: l, table: table, columns: columns, asOf: asOf}
	a.moments = l.rows(fmt.Sprintf(`SELECT DISTINCT t + s * interval '1 ms' FROM (%s) AS x (t), generate_series(-1, 1) AS s WHERE isfinite(t) ORDER BY 1`, times))
	if len(a.moments) < 3 {
		l.Fatalf("%s: only %d moments", times, len(a.moments))
	}
	for _, at := range a.moments {
		a.answers = append(a.answers, l.rows(fmt.Sprintf("SELECT %s FROM (%s) AS s ORDER BY %[1]s", columns, fmt.Sprintf(asOf, literal(at)))))
	}
	return a
}

// same checks what asof says of each of the moments.
func (a *adoption) same(asof string) {
	a.Helper()
	for n, at := range a.moments {
		query := fmt.Sprintf("SELECT %[1]s FROM %[2]s('%[3]s') ORDER BY %[1]s", a.columns, asof, at)
		if got := a.rows(query); !slices.Equal(got, a.answers[n]) {
			a.Errorf("%s\n got %q\nwant %q", query, got, a.answers[n])
		}
	}
}

// adopts adopts a table, after a dry run that must say the same and change
// nothing, and returns the report as "kind item figure key detail".
func (l *lab) adopts(call string) []string {
	l.Helper()
	report := func(call string) []string {
		return l.rows("SELECT concat_ws(' ', kind, item, figure, row_key, detail) FROM " + call)
	}
	before := l.catalogs()
	dry := report(strings.Replace(call, ")", ", dry_run => true)", 1))
	if diff := difference(before, l.catalogs()); diff != "" {
		l.Errorf("the dry run changed the catalogs:\n%s", diff)
	}
	real := report(call)
	// An adoption's own time is another.
	if when := regexp.MustCompile(`until [^ ]+ [^ ]+:`); when.ReplaceAllString(strings.Join(dry, "\n"), "") != when.ReplaceAllString(strings.Join(real, "\n"), "") {
		l.Errorf("%s\nreported %q\nthe dry run %q", call, real, dry)
	}
	pgtest.Clean(l, l.db)
	return real
}

// catalogs is a digest of each of those that DDL writes: every row, and where it
// stands.
func (l *lab) catalogs() []string {
	l.Helper()
	var all []string
	for _, c := range []string{"pg_class", "pg_attribute", "pg_attrdef", "pg_constraint", "pg_depend", "pg_description", "pg_index", "pg_inherits", "pg_namespace", "pg_policy", "pg_proc", "pg_rewrite", "pg_trigger", "pg_type", "yore.tracked"} {
		row := "c"
		if c == "pg_class" { // but for what autovacuum saw
			row = "(c.relname, c.relnamespace, c.relkind, c.relacl, c.relfilenode, c.relnatts, c.reloptions, c.relhastriggers)"
		}
		all = append(all, l.value(fmt.Sprintf("SELECT concat_ws(' ', '%[1]s', count(*), md5(string_agg(md5(concat_ws(' ', ctid, %[2]s)), '' ORDER BY ctid))) FROM %[1]s AS c", c, row)))
	}
	return all
}

// says fails the test unless the report has a line that begins so.
func says(t testing.TB, report []string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !slices.ContainsFunc(report, func(r string) bool { return strings.HasPrefix(r, line) }) {
			t.Errorf("the report does not say %q:\n%s", line, strings.Join(report, "\n"))
		}
	}
}
