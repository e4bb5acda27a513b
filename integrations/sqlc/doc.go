// Package sqlc tests that what sqlc generates works with yore: its ordinary
// queries unmodified inside yore.AsOf, queries of history and asof with the right
// types, and writes that are recorded whatever way they are made.
//
// The files are the examples of docs/guides/sqlc.md. What sqlc has to know of
// tracked tables, yore.sql, is what yore.sqlc_schema() prints.
package sqlc

import _ "embed"

//go:generate go run ./faces
//go:generate go run github.com/sqlc-dev/sqlc/cmd/sqlc@v1.31.1 generate

// Schema makes the tables countries and currencies and tracks them.
//
//go:embed schema.sql
var Schema string
