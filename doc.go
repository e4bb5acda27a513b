// Package yore keeps the past of PostgreSQL tables.
//
// Switch it on for a table and every change that any client makes is kept; any
// query, unmodified, can then be run as of any moment. The machinery is plain
// SQL functions and triggers, without an extension, on PostgreSQL 13 and later;
// this package installs it, reads through it and carries who and why.
//
// # Switching it on
//
// [Install] puts the functions into a database, [Upgrade] brings them and the
// tables up to date. [Track] keeps a table's changes from then on; [Adopt] also
// takes over the past that another system kept, and [AtTime] (for database/sql,
// [AtTimeSQL]) writes one that is known.
//
//	err := yore.Install(ctx, pool)
//	err = yore.Track(ctx, pool, "countries", yore.TrackOptions{})
//
// From here on applications read and write countries as before, through any
// driver. A table countries has become three faces over one storage: countries
// itself (the present), history.countries (every version) and asof.countries
// (then). See docs/concepts.md.
//
// # Any query, as of any moment
//
// Inside [AsOf] (for database/sql, [AsOfSQL]) every query, by whatever builds its
// SQL, sees the rows of that time:
//
//	err = yore.AsOf(ctx, pool, lastMarch, func(tx pgx.Tx) error {
//		rows, err := tx.Query(ctx, "SELECT … FROM countries JOIN currencies …")
//		…
//	})
//
// [StableTime] tells how far back answers are final, [TrackedSince] from when a
// table's past is known.
//
// # Reading with types
//
// A handle knows a table and the type of its rows: [Temporal] for any tracked
// table, [Immutable] for one whose versions are part of the model. Its scopes are
// queries ([Query]), which are refined and read in the same way, whatever they see:
//
//	var countries = yore.Temporal[Country]("countries")
//
//	now, err := countries.Current().Where("currency = $1", "EUR").All(ctx, db)
//	then, err := countries.AsOf(lastMarch).OrderBy("name").All(ctx, db)
//	versions, err := countries.History("HR").All(ctx, db) // []yore.Version[Country]
//
// [Related] and [Through] load what belongs to rows, at the same time, without
// N+1; a handle in Join is joined at the query's instant; Page and Batches go
// through many rows. From a [Version] lead Prev, Next, First, Last and
// CurrentVersion, and ChangesFrom says what differs. With [Row] for the type,
// tools read tables of which they know only the name.
//
// What happened: [EachChange] streams the changes of all tables, a handle's Changes
// its own with the rows before and after, Diff sets one time beside another, and
// [Timeline] has the moments of a row and of what belongs to it.
//
// [Query.During] asks for periods of the user's own, in ranges or two columns.
//
// # Records with versions
//
// [Immutable] handles also write: each entity has a stable id and numbered
// versions, Update and Delete expect the version that was read, and a stale write
// is a conflict ([ConflictError]), never a lost update.
//
// # Who and why
//
// [WithActor], [WithReason] and [WithMeta] put who and why into a context; a [Pool]
// of [NewPool]'s, or a database/sql handle of [NewConnector]'s, says it with every
// transaction that writes, and [TransactionOf] finds it again.
//
// # Handles and errors
//
// Functions take a [DB]: pgx's pool, connection and transaction are one; [Wrap]
// makes one of database/sql's. Everything works in all of pgx's query exec modes.
// Errors of the database are explained: errors.Is finds [ErrNotTracked] and its
// like, errors.As an [*Error] with a hint; [Explain] does the same for your own
// statements'.
package yore
