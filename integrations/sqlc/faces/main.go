// The command faces writes yore.sql anew: what yore.sqlc_schema() prints of a database
// with the tables of schema.sql.
package main

import (
	"log"
	"os"
	"strings"

	"yore.example/yore/integrations/internal/countries"
	"yore.example/yore/integrations/sqlc"
	"yore.example/yore/internal/pgtest"
)

func main() {
	t := &countries.Outside{}
	defer t.Done()
	pool := pgtest.Pool(t)
	pgtest.Exec(t, pool, sqlc.Schema)
	printed := strings.Join(pgtest.Rows(t, pool, "SELECT yore.sqlc_schema()"), "\n") + "\n"
	if err := os.WriteFile("yore.sql", []byte(printed), 0o644); err != nil {
		log.Fatal(err)
	}
}
