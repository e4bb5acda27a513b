package sql_test

import (
	"testing"

	"yore.example/yore/internal/pgtest"
)

// The extension itself, where the server has it: Debian's postgresql-15-periods.
func TestAdoptPeriods(t *testing.T) {
	l := newLab(t)
	if l.value("SELECT count(*) FROM pg_available_extensions WHERE name = 'periods'") == "0" {
		t.Skip("this server does not have the extension periods")
	}
	role := newRole(t, l.pool.Config().ConnString())
	l.exec("CREATE EXTENSION periods CASCADE", `CREATE TABLE "Staff" ("Id" serial PRIMARY KEY, name text NOT NULL, seen timestamptz, during_from date, during_to date)`,
		`CREATE INDEX staff_name ON "Staff" (name)`, `INSERT INTO "Staff" (name) VALUES ('there before')`,
		`SELECT periods.add_system_time_period('"Staff"', excluded_column_names => '{seen}')`, `SELECT periods.add_system_versioning('"Staff"')`,
		`GRANT SELECT ON "Staff" TO `+role,
		`INSERT INTO "Staff" (name) VALUES ('a'), ('b'), ('c')`, `UPDATE "Staff" SET name = 'a2' WHERE name = 'a'`, `UPDATE "Staff" SET seen = now() WHERE name = 'a2'`,
		`UPDATE "Staff" SET name = 'before 2' WHERE name = 'there before'`, `DELETE FROM "Staff" WHERE name IN ('b', 'c')`, `INSERT INTO "Staff" ("Id", name) VALUES (3, 'b again')`,
		// Another table of the extension's, which goes on.
		"CREATE TABLE other (id int PRIMARY KEY, n int)", "SELECT periods.add_system_time_period('other')", "SELECT periods.add_system_versioning('other')", "INSERT INTO other VALUES (1, 1)")
	a := l.watch(`"Staff"`, `"Id", name`, `SELECT unnest(ARRAY[system_time_start, system_time_end]) FROM "Staff_with_history"`, `SELECT * FROM "Staff__as_of"(%s)`)
	versions := l.value(`SELECT count(*) FROM "Staff_with_history"`)
	report := l.adopts(`yore.adopt('"Staff"')`)
	says(t, report, "source system periods 1.2", "source period system_time_start, system_time_end", "figure versions "+versions, "figure current rows 3", "figure deleted keys 1", "figure problems 0",
		`source goes view "Staff_with_history"`, `source goes function "Staff__as_of"`, "note grants "+role+" may read")
	a.same(`asof."Staff"`)
	l.want(`SELECT count(*) FROM history."Staff" WHERE deleted_at IS NULL`, versions)
	l.want(`SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '"Staff"'::regclass`, "Id name seen during_from during_to")
	l.want("SELECT no_journal, since FROM yore.tracked", "{seen}|-infinity") // what was there before the period was
	l.want("SELECT table_name FROM periods.system_versioning", "other")
	l.want("SELECT count(*) FROM pg_proc WHERE proname LIKE 'Staff\\_\\_%'", "0")
	l.want("SELECT has_table_privilege('"+role+`', '"Staff"', 'SELECT')`, "t")
	l.exec(`UPDATE "Staff" SET seen = now()`, `UPDATE "Staff" SET name = 'a3' WHERE name = 'a2'`, `INSERT INTO "Staff" ("Id", name) VALUES (4, 'c again')`, `INSERT INTO "Staff" (name) VALUES ('d')`, "UPDATE other SET n = 2")
	l.want(`SELECT "Id", max(version) FROM history."Staff" GROUP BY 1 ORDER BY 1`, "1|2", "2|3", "3|3", "4|3", "5|1")
	l.want("SELECT count(*) FROM other_history", "1")
	l.adopts("yore.adopt('other')")
	a.same(`asof."Staff"`)
	pgtest.Clean(t, l.db)
}
