package main

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/jackc/pgx/v5"
)

const times = 4000 // single-row statements in a round

func works() []work {
	return []work{
		{name: "update one row", bar: 1.3, prepare: vacuum, script: aRow + "UPDATE %s SET points = points + 1 WHERE id = :id;"},
		{name: "update one row, nothing changes", prepare: vacuum, script: aRow + "UPDATE %s SET points = points WHERE id = :id;"},
		{name: "insert one row", bar: 1.3, script: "INSERT INTO %s (email, name, city) VALUES ('new', 'New', 'Split');"},
		{name: "upsert one row", prepare: vacuum,
			script: aRow + "INSERT INTO %[1]s (id, email, name) VALUES (:id, 'up', 'Up') ON CONFLICT (id) DO UPDATE SET points = %[1]s.points + 1;"},
		{name: "delete one row", bar: 2, prepare: refill, script: "DELETE FROM %s WHERE id = :i;"},
		{name: "read one row of the present", bar: 1.05, script: aRow + "SELECT * FROM %s WHERE id = :id;"},
		{name: "insert 20,000 rows in bulk", bar: 3, prepare: empty,
			do: once("INSERT INTO %s (email, name, city) SELECT 'person' || g || '@example.org', 'Person ' || g, 'Zagreb' FROM generate_series(1, 20000) AS g")},
		{name: "update 20,000 rows in bulk", bar: 3.5, prepare: refill, do: once("UPDATE %s SET points = points + 1")},
		{name: "delete 20,000 rows in bulk", bar: 9, prepare: refill, do: once("DELETE FROM %s")},
		{name: "the same, referred to by a table", prepare: referred, do: once("DELETE FROM %s")},
	}
}

const aRow = "\\set id random(1, 20000)\n"

func randomKey(int) int64 { return rand.Int64N(people) + 1 }

// each runs the statement once for each key, in autocommit.
func each(statement string, key func(i int) int64) func(context.Context, *pgx.Conn, string, int) error {
	return func(ctx context.Context, db *pgx.Conn, table string, _ int) error {
		text := fmt.Sprintf(statement, table)
		for i := range times {
			rows, err := db.Query(ctx, text, key(i))
			if err != nil {
				return err
			}
			rows.Close()
			if rows.Err() != nil {
				return rows.Err()
			}
		}
		return nil
	}
}

func once(statement string) func(context.Context, *pgx.Conn, string, int) error {
	return func(ctx context.Context, db *pgx.Conn, table string, _ int) error {
		_, err := db.Exec(ctx, fmt.Sprintf(statement, table))
		return err
	}
}

func storage(table string) string {
	if table == "tracked" {
		return "temporal.tracked"
	}
	return table
}

func vacuum(ctx context.Context, db *pgx.Conn, table string, _ int) error {
	if err := statements(ctx, db, "VACUUM "+storage(table)); err != nil {
		return err
	}
	return statements(ctx, db, "CHECKPOINT")
}

// refill gives the table its people back, with ids from 1 that no past has, so
// that every round begins alike.
func refill(ctx context.Context, db *pgx.Conn, table string, round int) error {
	if err := empty(ctx, db, table, round); err != nil {
		return err
	}
	if err := statements(ctx, db, fmt.Sprintf("INSERT INTO %s (id, email, name, city) SELECT g, 'person' || g || '@example.org', 'Person ' || g, 'Zagreb' FROM generate_series(1, %d) AS g", table, people)); err != nil {
		return err
	}
	return vacuum(ctx, db, table, round)
}

// referred is refill, with a table whose foreign key points to this one, as most
// have: PostgreSQL looks there for every row that is deleted.
func referred(ctx context.Context, db *pgx.Conn, table string, round int) error {
	child := table + "_note"
	if err := statements(ctx, db, "DROP TABLE IF EXISTS "+child); err != nil {
		return err
	}
	if err := refill(ctx, db, table, round); err != nil {
		return err
	}
	return statements(ctx, db, fmt.Sprintf("CREATE TABLE %s (id bigint PRIMARY KEY, person bigint REFERENCES %s)", child, storage(table)),
		fmt.Sprintf("CREATE INDEX ON %s (person)", child))
}

func empty(ctx context.Context, db *pgx.Conn, table string, _ int) error {
	if table == "plain" {
		return statements(ctx, db, "TRUNCATE plain RESTART IDENTITY")
	}
	return statements(ctx, db, "SET session_replication_role = replica", // around the triggers: a fresh start, past and all
		"TRUNCATE temporal.tracked, temporal.tracked_past RESTART IDENTITY", "RESET session_replication_role")
}
