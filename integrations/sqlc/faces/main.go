// The command faces writes yore.sql anew: what faces.sql prints of a database
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
	query, err := os.ReadFile("faces.sql")
	if err != nil {
		log.Fatal(err)
	}
	t := &countries.Outside{}
	defer t.Done()
	pool := pgtest.Pool(t)
	pgtest.Exec(t, pool, sqlc.Schema)
	printed := strings.Join(pgtest.Rows(t, pool, string(query)), "\n") + "\n"
	if err := os.WriteFile("yore.sql", []byte(printed), 0o644); err != nil {
		log.Fatal(err)
	}
}
