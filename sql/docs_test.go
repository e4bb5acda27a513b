package sql_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"yore.example/yore/internal/pgtest"
)

var update = flag.Bool("update", false, "write docs/triggers.md anew")

// TestTriggersDocumentShowsWhatIsGenerated keeps docs/triggers.md honest.
func TestTriggersDocumentShowsWhatIsGenerated(t *testing.T) {
	t.Parallel()
	const name = "../docs/triggers.md"
	db := pgtest.Pool(t)
	pgtest.Exec(t, db, "CREATE TABLE countries (code char(2) PRIMARY KEY, name text NOT NULL, currency char(3))", "SELECT yore.track('countries')")

	var b strings.Builder
	b.WriteString(`# The triggers of a tracked table

They are written for the table's columns, so that nothing is looked up and no SQL
is put together on the write path. They run with the rights of the table's owner
whatever the caller's search_path, hence the schema before every name and every
operator. This is what yore writes for

` + "```sql\nCREATE TABLE countries (code char(2) PRIMARY KEY, name text NOT NULL, currency char(3));\nSELECT yore.track('countries');\n```\n")
	for _, event := range []struct{ name, say string }{
		{"insert", "BEFORE INSERT, for each row. It writes nothing: under ON CONFLICT it fires for rows that are then not inserted."},
		{"settle_all", "AFTER INSERT, for the statement. Why it is there: [ADR 2](adr/0002-settling-version-numbers.md)."},
		{"update", "BEFORE UPDATE, for each row."},
		{"delete", "BEFORE DELETE, for each row."},
	} {
		source := pgtest.Rows(t, db, "SELECT prosrc FROM pg_proc WHERE oid = ('temporal.countries_"+event.name+"()')::regprocedure")
		fmt.Fprintf(&b, "\n## countries_%s\n\n%s\n\n```sql\n%s\n```\n", event.name, event.say, strings.TrimSpace(source[0]))
	}

	if *update {
		if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != b.String() {
		t.Errorf("%s is not what yore writes; run go test ./sql -run TestTriggersDocument -update", name)
	}
}
