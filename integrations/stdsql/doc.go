// Package stdsql tests that what programs do with database/sql works with yore,
// with the drivers of pgx (package stdlib, in each of its query exec modes) and
// lib/pq. The tests are the examples of docs/guides/database-sql.md.
package stdsql
