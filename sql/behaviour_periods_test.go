package sql_test

import (
	"fmt"
	"strings"
	"testing"
)

const indexesOf = "SELECT indexname, substring(indexdef, 'USING .*') FROM pg_indexes WHERE schemaname = '%s' AND tablename = '%s' AND indexname NOT LIKE '%%pkey' ORDER BY 1"

// temporal-34: the indexes of a period, on a plain table, a tracked one, and one
// whose names are nearly too long.
func TestPeriodIndexes(t *testing.T) {
	l := newLab(t, "CREATE TABLE stays (id int PRIMARY KEY, during daterange)", "CREATE TABLE shifts (id int PRIMARY KEY, during tstzrange)", "SELECT yore.track('shifts')")
	l.want("SELECT yore.add_period_indexes('stays', 'during')", "{stays_during_period,stays_during_lower,stays_during_upper}")
	l.want(fmt.Sprintf(indexesOf, "public", "stays"),
		"stays_during_lower|USING btree (lower(during))", "stays_during_period|USING gist (during)", "stays_during_upper|USING btree (upper(during))")
	l.refused("42P07", "SELECT yore.add_period_indexes('stays', 'during')")
	l.exec("CREATE INDEX mine ON stays (during)", "SELECT yore.drop_period_indexes('stays', 'during')")
	l.want(fmt.Sprintf(indexesOf, "public", "stays"), "mine|USING btree (during)")
	refuses(t, l.db, "SELECT yore.drop_period_indexes('stays', 'during')", "YO007", "stays", "during", "add_period_indexes")

	l.exec("SELECT yore.add_period_indexes('shifts', 'during')", "INSERT INTO shifts VALUES (1, '[2020-01-01,2020-01-02)')", "UPDATE shifts SET during = '[2020-01-01,)'")
	l.want("SELECT count(*) FROM pg_indexes WHERE schemaname = 'temporal' AND tablename = 'shifts'", "4")
	l.sound("shifts", "id")
	l.exec("SELECT yore.drop_period_indexes('shifts', 'during')")

	long := strings.Repeat("x", 60)
	l.exec("CREATE TABLE "+long+" (a int4range)", "SELECT yore.add_period_indexes('"+long+"', 'a')")
	l.want("SELECT count(*), max(octet_length(indexname)) <= 63 FROM pg_indexes WHERE tablename = '"+long+"'", "3|t")
	l.exec("SELECT yore.drop_period_indexes('" + long + "', 'a')")
	l.want("SELECT count(*) FROM pg_indexes WHERE tablename = '"+long+"'", "0")
}

// temporal-35: no two periods of one key overlap, of whatever kind the table is.
func TestNoOverlap(t *testing.T) {
	l := newLab(t, "CREATE TABLE stays (room int, guest text, during daterange)")
	refuses(t, l.db, "SELECT yore.add_no_overlap('stays', '{room}', 'during')", "YO005", "btree_gist")
	l.exec("CREATE EXTENSION btree_gist", "SELECT yore.add_no_overlap('stays', '{room}', 'during')",
		"INSERT INTO stays VALUES (1, 'a', '[2020-01-01,2020-01-05)'), (1, 'b', '[2020-01-05,)'), (2, 'c', '[2020-01-02,2020-01-03)')")
	l.refused("23P01", "INSERT INTO stays VALUES (1, 'd', '[2020-01-04,2020-01-06)')")
	l.refused("23514", "INSERT INTO stays VALUES (1, 'd', 'empty')")
	l.refused("42P07", "SELECT yore.add_no_overlap('stays', '{room}', 'during')")
	refuses(t, l.db, "SELECT yore.drop_no_overlap('stays', '{guest}', 'during')", "YO007", "stays", "guest")
	l.exec("SELECT yore.drop_no_overlap('stays', '{room}', 'during')",
		"INSERT INTO stays VALUES (1, 'd', '[2020-01-04,2020-01-06)'), (1, 'e', 'empty')")
	l.want("SELECT count(*) FROM pg_constraint WHERE conrelid = 'stays'::regclass AND contype IN ('c', 'x')", "0")
	l.refused("23P01", "SELECT yore.add_no_overlap('stays', '{room}', 'during')") // rows that are there
	l.exec("DELETE FROM stays WHERE guest = 'd'")
	l.refused("23514", "SELECT yore.add_no_overlap('stays', '{room}', 'during')")
	l.exec("UPDATE stays SET during = '[2019-01-01,2019-01-02)' WHERE isempty(during)")
	l.want("SELECT count(*) FROM pg_constraint WHERE conrelid = 'stays'::regclass AND contype IN ('c', 'x')", "0")
	l.exec("SELECT yore.add_no_overlap('stays', '{room,guest}', 'during')")

	// Two at the same time: one of them waits, and is refused.
	l.exec("CREATE TABLE shifts (id int PRIMARY KEY, who text, during tstzrange)", "SELECT yore.track('shifts')", "SELECT yore.add_no_overlap('shifts', '{who}', 'during')")
	first, second := l.session(), l.session()
	first.exec("BEGIN", "INSERT INTO shifts VALUES (1, 'ana', '[2020-01-01,2020-01-02)')")
	late := second.start("INSERT INTO shifts VALUES (2, 'ana', '[2020-01-01,2020-01-02)')").blocked()
	first.exec("COMMIT")
	<-late.done
	if sqlState(late.err) != "23P01" {
		t.Errorf("the second: %v", late.err)
	}
	l.exec("UPDATE shifts SET during = '[2020-01-01,2020-01-03)'") // the past may overlap itself
	l.sound("shifts", "id")
}

func TestPeriodsRefused(t *testing.T) {
	l := newLab(t, "CREATE EXTENSION btree_gist", "CREATE TABLE stays (id int PRIMARY KEY, during daterange, shape xml)", "CREATE VIEW v AS SELECT * FROM stays")
	for _, c := range []struct{ code, call, names string }{
		{"YO003", "yore.add_period_indexes('nowhere', 'during')", "nowhere"},
		{"YO005", "yore.add_period_indexes('v', 'during')", "v"},
		{"YO007", "yore.add_period_indexes('stays', 'until')", "until"},
		{"YO007", "yore.add_period_indexes('stays', NULL)", "NULL"},
		{"YO007", "yore.add_period_indexes('stays', 'id')", "integer"},
		{"YO007", "yore.add_no_overlap('stays', '{ident}', 'during')", "ident"},
		{"YO007", "yore.add_no_overlap('stays', '{}', 'during')", "key"},
		{"YO007", "yore.add_no_overlap('stays', NULL, 'during')", "key"},
		{"YO005", "yore.add_no_overlap('stays', '{shape}', 'during')", "stays"},
	} {
		refuses(t, l.db, "SELECT "+c.call, c.code, c.names)
	}
	l.want("SELECT count(*) FROM pg_indexes WHERE tablename = 'stays'", "1")
	l.want("SELECT count(*) FROM pg_constraint WHERE conrelid = 'stays'::regclass AND contype IN ('c', 'x')", "0")
}
