package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
)

// family is what items are children of.
type family struct{ yore.Meta }

func readsFromGo() []task {
	const oneBar, manyBar = 1.1, 1.2
	return []task{
		{name: "immutable, from Go: get one", bar: oneBar, times: 250,
			plain: func(ctx context.Context, db *pgx.Conn, p *pair) error {
				_, err := pgxOne(ctx, db, "SELECT "+itemList+" FROM "+p.plain+" WHERE entity_id = $1", id(randomItem()))
				return err
			},
			immutable: func(ctx context.Context, db *pgx.Conn, p *pair) error {
				_, err := p.items.Get(ctx, db, id(randomItem()))
				return err
			}},
		{name: "immutable, from Go: page of 50 by title", bar: manyBar, times: 100,
			plain: func(ctx context.Context, db *pgx.Conn, p *pair) error {
				return expect(50)(pgxAll(ctx, db, "SELECT "+itemList+" FROM "+p.plain+" WHERE title >= $1 ORDER BY title LIMIT 50", randomTitle()))
			},
			immutable: func(ctx context.Context, db *pgx.Conn, p *pair) error {
				return expect(50)(p.items.Where("title >= $1", randomTitle()).OrderBy("title").Limit(50).All(ctx, db))
			}},
		{name: "immutable, from Go: count", bar: manyBar, times: 20,
			plain: func(ctx context.Context, db *pgx.Conn, p *pair) error {
				var n int64
				return db.QueryRow(ctx, "SELECT count(*) FROM "+p.plain+" WHERE status = $1", "open").Scan(&n)
			},
			immutable: func(ctx context.Context, db *pgx.Conn, p *pair) error {
				_, err := p.items.Where("status = $1", "open").Count(ctx, db)
				return err
			}},
		{name: "immutable, from Go: 20 children, Where", bar: manyBar, times: 150,
			plain: children,
			immutable: func(ctx context.Context, db *pgx.Conn, p *pair) error {
				return expect(20)(p.items.Where("parent_id = $1", randomParent()).All(ctx, db))
			}},
		{name: "immutable, from Go: 20 children, Related", bar: manyBar, times: 150,
			plain: children,
			immutable: func(ctx context.Context, db *pgx.Conn, p *pair) error {
				of := family{yore.Meta{EntityID: randomParent()}}
				return expect(20)(yore.Related(p.items.Current(), yore.HasMany, "parent_id").Many(ctx, db, of))
			}},
		{name: "immutable, from Go: batch of 50 ids", bar: manyBar, times: 100,
			plain: func(ctx context.Context, db *pgx.Conn, p *pair) error {
				return expect(50)(pgxAll(ctx, db, "SELECT "+itemList+" FROM "+p.plain+" WHERE entity_id = ANY ($1)", randomBatch()))
			},
			immutable: func(ctx context.Context, db *pgx.Conn, p *pair) error {
				return expect(50)(p.items.Where("entity_id = ANY ($1)", randomBatch()).All(ctx, db))
			}},
	}
}

func readsInSQL() []task {
	ids := make([]string, 50)
	for i := range ids {
		ids[i] = id(1 + i*entities/len(ids)).String()
	}
	return []task{
		{name: "immutable, in SQL: get one", times: 1000,
			script: fmt.Sprintf("\\set id random(1, %d)\nSELECT "+itemList+" FROM {table} WHERE entity_id = "+itemID+";", entities, ":id")},
		{name: "immutable, in SQL: page of 50 by title", times: 500,
			script: fmt.Sprintf("\\set id random(1, %d)\nSELECT "+itemList+" FROM {table} WHERE title >= 'a' || :id::text ORDER BY title LIMIT 50;", 999)},
		{name: "immutable, in SQL: count", times: 100,
			script: "SELECT count(*) FROM {table} WHERE status = 'open';"},
		{name: "immutable, in SQL: 20 children", times: 500,
			script: fmt.Sprintf("\\set id random(0, %d)\nSELECT "+itemList+" FROM {table} WHERE parent_id = "+parentID+";", families-1, ":id")},
		{name: "immutable, in SQL: batch of 50 ids", times: 500,
			script: "SELECT " + itemList + " FROM {table} WHERE entity_id = ANY ('{" + strings.Join(ids, ",") + "}'::uuid[]);"},
	}
}

func children(ctx context.Context, db *pgx.Conn, p *pair) error {
	return expect(20)(pgxAll(ctx, db, "SELECT "+itemList+" FROM "+p.plain+" WHERE parent_id = $1", randomParent()))
}

// pgxOne and pgxAll read as a program without yore does.
func pgxOne(ctx context.Context, db yore.DB, sql string, args ...any) (item, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return item{}, err
	}
	return pgx.CollectOneRow(rows, pgx.RowToStructByName[item])
}

func pgxAll(ctx context.Context, db yore.DB, sql string, args ...any) ([]item, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[item])
}

// expect sees to it that both sides do the same work.
func expect(n int) func([]item, error) error {
	return func(rows []item, err error) error {
		if err == nil && len(rows) != n {
			err = fmt.Errorf("%d rows, not %d", len(rows), n)
		}
		return err
	}
}

func randomItem() int         { return 1 + rand.IntN(entities) }
func randomParent() yore.UUID { return parent(rand.IntN(families)) }
func randomTitle() string     { return fmt.Sprintf("%02x", rand.IntN(0xf0)) }

func randomBatch() []yore.UUID {
	ids := make([]yore.UUID, 50)
	first := rand.IntN(entities)
	for i := range ids {
		ids[i] = id(1 + (first+i*7)%entities)
	}
	return ids
}
