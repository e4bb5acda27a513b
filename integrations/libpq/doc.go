// Package databasesql tests yore below database/sql with other drivers than
// pgx's.
package libpq
