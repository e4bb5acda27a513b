// Package libpq tests yore below database/sql with github.com/lib/pq, another
// driver than pgx's.
package libpq
