// Package migrations tests that what yore does to schemas works as migrations
// of goose (SQL and Go), golang-migrate, tern, atlas and psql.
//
// The folders tell one story, some years of a shop's database, in the form of
// each tool. They are the examples of docs/guides/migrations.md. The first
// migration is not there: yore sql --format TOOL prints it.
package migrations
