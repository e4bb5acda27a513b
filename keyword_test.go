package yore

import "testing"

// What goes with the context outside a transaction, by its first words.
func TestCarriesContextByStatement(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]bool{
		"INSERT INTO a VALUES (1)":                              true,
		" \n\tupdate a set b = 1":                               true,
		"-- why\nDELETE FROM a":                                 true,
		"/* a /* nested */ ; */ MERGE INTO a":                   true,
		";; truncate a":                                         true,
		"WITH x AS (DELETE FROM a RETURNING *) SELECT * FROM x": true,
		"with x as (select 1) insert into a select * from x":    true,
		"SELECT yore.undelete('a', $1)":                         true,
		"an_insert":                                             true, // a prepared statement's name
		"WITH x AS (SELECT 1) SELECT * FROM x":                  false,
		"SELECT 1":                                              false,
		"(SELECT 1) UNION SELECT 2":                             false,
		"VALUES (1)":                                            false,
		"EXPLAIN ANALYZE UPDATE a SET b = 1":                    false,
		"VACUUM":                                                false,
		"vacuum (verbose) a":                                    false,
		"CREATE INDEX CONCURRENTLY ON a (b)":                    false,
		"CREATE DATABASE updated":                               false,
		"CALL p()":                                              false,
		"DO $$ BEGIN UPDATE a SET b = 1; END $$":                false,
		"COPY a FROM STDIN":                                     false,
		"SET x = 1":                                             false,
		"BEGIN":                                                 false,
		"COMMIT":                                                false,
		"LISTEN insert":                                         false,
		"":                                                      false,
		"--":                                                    false,
		"/* unfinished INSERT":                                  false,
		"INSERTED INTO a":                                       false,
	} {
		if got := carriesContext(sql); got != want {
			t.Errorf("%q: %v", sql, got)
		}
	}
}
