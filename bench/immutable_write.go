package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
)

// made are items that were inserted, to be deleted again, by table.
var made = map[string][]item{}

func updateOnePlain(ctx context.Context, db *pgx.Conn, p *pair) error {
	row, err := p.seen(ctx, db, p.plain)
	if err == nil {
		*row, err = p.updatePlain(ctx, db, *row)
	}
	return err
}

// updateOne updates a row that was seen by the change that is made for it.
func updateOne(change func(*item) any) func(context.Context, *pgx.Conn, *pair) error {
	return func(ctx context.Context, db *pgx.Conn, p *pair) error {
		row, err := p.seen(ctx, db, p.immutable)
		if err == nil {
			*row, err = p.items.Update(ctx, db, *row, change(row))
		}
		return err
	}
}

func writesFromGo() []task {
	return []task{
		{name: "immutable, from Go: update one", bar: 1.5, times: 250, writes: true,
			plain:     updateOnePlain,
			immutable: updateOne(func(*item) any { return func(i *item) { i.Points++ } })},
		{name: "immutable, from Go: update one, Changes", times: 250, writes: true,
			plain:     updateOnePlain,
			immutable: updateOne(func(row *item) any { return yore.Changes{"points": row.Points + 1} })},
		{name: "immutable, from Go: insert one", times: 250, writes: true,
			plain: func(ctx context.Context, db *pgx.Conn, p *pair) error {
				n := newItem()
				row, err := pgxOne(ctx, db, "INSERT INTO "+p.plain+" (title, parent_id, ordinal, status, points, note, due_on) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING "+itemList,
					n.Title, n.ParentID, n.Ordinal, n.Status, n.Points, n.Note, n.DueOn)
				made[p.plain] = append(made[p.plain], row)
				return err
			},
			immutable: func(ctx context.Context, db *pgx.Conn, p *pair) error {
				row, err := p.items.Insert(ctx, db, newItem())
				made[p.immutable] = append(made[p.immutable], row)
				return err
			}},
		{name: "immutable, from Go: delete one", times: 150, writes: true, prepare: stock,
			plain: func(ctx context.Context, db *pgx.Conn, p *pair) error {
				row := last(p.plain)
				_, err := pgxOne(ctx, db, "DELETE FROM "+p.plain+" WHERE entity_id = $1 AND version = $2 RETURNING "+itemList, row.EntityID, row.Version)
				return err
			},
			immutable: func(ctx context.Context, db *pgx.Conn, p *pair) error {
				_, err := p.items.Delete(ctx, db, last(p.immutable))
				return err
			}},
		{name: "immutable, from Go: mutate one", times: 150, writes: true,
			plain: func(ctx context.Context, db *pgx.Conn, p *pair) error {
				return pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
					row, err := pgxOne(ctx, tx, "SELECT "+itemList+" FROM "+p.plain+" WHERE entity_id = $1 FOR NO KEY UPDATE", id(randomItem()))
					if err == nil {
						_, err = p.updatePlain(ctx, tx, row)
					}
					return err
				})
			},
			immutable: func(ctx context.Context, db *pgx.Conn, p *pair) error {
				_, err := p.items.Mutate(ctx, db, id(randomItem()), func(i *item) error { i.Points++; return nil })
				return err
			}},
	}
}

func writesInSQL() []task {
	random := fmt.Sprintf("\\set id random(1, %d)\n", entities)
	return []task{
		{name: "immutable, in SQL: update one", times: 500, writes: true,
			script: random + "UPDATE {table} SET points = points + 1 WHERE entity_id = " + fmt.Sprintf(itemID, ":id") + " AND version > 0 RETURNING " + itemList + ";"},
		{name: "immutable, in SQL: insert one", times: 500, writes: true,
			script: random + "INSERT INTO {table} (title, parent_id, ordinal, note) VALUES ('new', " + fmt.Sprintf(parentID, "0") + ", :id::integer, 'Note') RETURNING " + itemList + ";"},
	}
}

func (p *pair) updatePlain(ctx context.Context, db yore.DB, row item) (item, error) {
	return pgxOne(ctx, db, "UPDATE "+p.plain+" SET points = $3, version = version + 1, valid_from = now() WHERE entity_id = $1 AND version = $2 RETURNING "+itemList,
		row.EntityID, row.Version, row.Points+1)
}

// rowsSeen are the rows that a program holds, by table: they are read before
// they are measured.
var rowsSeen = map[string][]item{}

func (p *pair) seen(ctx context.Context, db *pgx.Conn, table string) (*item, error) {
	rows := rowsSeen[table]
	if rows == nil {
		var err error
		if rows, err = pgxAll(ctx, db, "SELECT "+itemList+" FROM "+table+fmt.Sprintf(" WHERE ordinal BETWEEN 1 AND %d", entities)); err != nil {
			return nil, err
		}
		rowsSeen[table] = rows
	}
	return &rows[rand.IntN(len(rows))], nil
}

// stock sees to it that there are items to be deleted.
func stock(ctx context.Context, db *pgx.Conn, p *pair) (err error) {
	if len(made[p.plain]) < 1000 {
		if made[p.plain], err = pgxAll(ctx, db, "INSERT INTO "+p.plain+
			" (title, parent_id, ordinal) SELECT 'new', gen_random_uuid(), 0 FROM generate_series(1, 1000) RETURNING "+itemList); err != nil {
			return err
		}
	}
	if len(made[p.immutable]) < 1000 {
		rows := make([]item, 1000)
		for i := range rows {
			rows[i] = newItem()
		}
		made[p.immutable], err = p.items.InsertMany(ctx, db, rows)
	}
	return err
}

// last takes one of them.
func last(table string) item {
	rows := made[table]
	made[table] = rows[:len(rows)-1]
	return rows[len(rows)-1]
}

func newItem() item {
	note := "Note"
	return item{Title: "new", ParentID: yore.NewUUID(), Status: "open", Note: &note}
}

// An address is a way to the server.
type address struct{ name, dsn string }

// writers has 8 connections update entities of their own, in turns of half a
// second, and compares how much they get done.
func writers(ctx context.Context, addresses []address, rounds int) error {
	const connections, turn = 8, 500 * time.Millisecond
	p := pairs[0]
	for _, a := range addresses {
		var db []*pgx.Conn
		for range connections {
			c, err := pgx.Connect(ctx, a.dsn)
			if err != nil {
				return err
			}
			defer func() { _ = c.Close(ctx) }()
			db = append(db, c)
		}
		rows := map[string][]item{}
		for _, table := range []string{p.plain, p.immutable} {
			var err error
			if rows[table], err = pgxAll(ctx, db[0], "SELECT "+itemList+" FROM "+table+" WHERE ordinal BETWEEN 1 AND 8000 ORDER BY ordinal"); err != nil {
				return err
			}
		}
		done := map[string][]time.Duration{} // per update
		for round := -1; round < rounds; round++ {
			if err := wear(ctx, db[0]); err != nil {
				return err
			}
			tables := []string{p.plain, p.immutable}
			if round%2 != 0 {
				slices.Reverse(tables)
			}
			for _, table := range tables {
				n, took, err := p.together(ctx, db, table, rows[table], turn)
				if err != nil {
					return err
				}
				if round >= 0 {
					done[table] = append(done[table], took/time.Duration(n))
				}
			}
		}
		low, middle, high := ratios(done[p.plain], done[p.immutable]) // throughput: the other way round
		fmt.Printf("immutable, 8 writers, %-12s an update every %s on the plain table, every %s: throughput %.2f of plain (%.2f to %.2f; bar ≥ 0.80)\n",
			a.name+":", short(median(done[p.plain])), short(median(done[p.immutable])), middle, low, high)
	}
	return nil
}

// together updates for a while on all connections at once.
func (p *pair) together(ctx context.Context, db []*pgx.Conn, table string, rows []item, turn time.Duration) (int, time.Duration, error) {
	var wg sync.WaitGroup
	counts, errs := make([]int, len(db)), make([]error, len(db))
	start := time.Now()
	for i, c := range db {
		own := rows[i*len(rows)/len(db) : (i+1)*len(rows)/len(db)]
		wg.Go(func() {
			for time.Since(start) < turn && errs[i] == nil {
				row := &own[rand.IntN(len(own))]
				if strings.HasPrefix(table, "plain") {
					*row, errs[i] = p.updatePlain(ctx, c, *row)
				} else {
					*row, errs[i] = p.items.Update(ctx, c, *row, func(i *item) { i.Points++ })
				}
				counts[i]++
			}
		})
	}
	wg.Wait()
	took, n := time.Since(start), 0
	for i := range db {
		if errs[i] != nil {
			return 0, 0, errs[i]
		}
		n += counts[i]
	}
	return n, took, nil
}
