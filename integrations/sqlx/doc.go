// Package sqlx tests that what programs do with sqlx works with yore, over the
// drivers of pgx (package stdlib, in each of its query exec modes) and lib/pq. The
// tests are the examples of docs/guides/sqlx.md.
package sqlx
