package ent

import (
	"context"
	"database/sql"
	"errors"
	"regexp"
	"slices"
	"strings"

	"ariga.io/atlas/sql/migrate"
	"ariga.io/atlas/sql/postgres"
	atlas "ariga.io/atlas/sql/schema"
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql/schema"

	"yore.example/yore"
)

// ThroughYore is two options for client.Schema.Create: ent sees a tracked table as
// the plain table that it was, and what it alters is altered through yore, the past
// included.
func ThroughYore(ctx context.Context, db *sql.DB) []schema.MigrateOption {
	return []schema.MigrateOption{
		schema.WithDiffHook(func(next schema.Differ) schema.Differ {
			return schema.DiffFunc(func(current, desired *atlas.Schema) ([]atlas.Change, error) {
				if err := addTracked(ctx, db, current, desired); err != nil {
					return nil, err
				}
				changes, err := next.Diff(current, desired)
				return keysLast(changes), err
			})
		}),
		schema.WithApplyHook(func(next schema.Applier) schema.Applier {
			return schema.ApplyFunc(func(ctx context.Context, conn dialect.ExecQuerier, plan *migrate.Plan) error {
				for _, c := range plan.Changes {
					rewrite(c)
				}
				return yore.Explain(next.Apply(ctx, conn, plan))
			})
		}),
	}
}

// addTracked adds to current those tables of desired that are beneath a face, and
// leaves out the system columns.
func addTracked(ctx context.Context, db *sql.DB, current, desired *atlas.Schema) error {
	driver, err := postgres.Open(db)
	if err != nil {
		return err
	}
	for _, t := range desired.Tables {
		var storage string
		err := db.QueryRowContext(ctx, "SELECT storage_schema FROM yore.tracked WHERE (schema_name, table_name) = ($1, $2)", current.Name, t.Name).Scan(&storage)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		} else if err != nil {
			return err
		}
		found, ok := current.Table(t.Name)
		if !ok {
			beneath, err := driver.InspectSchema(ctx, storage, &atlas.InspectOptions{Mode: atlas.InspectTables, Tables: []string{t.Name}})
			if err != nil {
				return err
			}
			if found, ok = beneath.Table(t.Name); !ok {
				continue
			}
			current.AddTables(found)
		}
		found.Columns = slices.DeleteFunc(found.Columns, func(c *atlas.Column) bool { return strings.HasPrefix(c.Name, "sys_") })
	}
	return nil
}

// keysLast takes the foreign keys out of CREATE TABLE: a tracked table is
// referenced beneath its face, which yore.alter_table finds.
func keysLast(changes []atlas.Change) []atlas.Change {
	for _, c := range changes {
		if add, ok := c.(*atlas.AddTable); ok && len(add.T.ForeignKeys) > 0 {
			keys := &atlas.ModifyTable{T: add.T}
			for _, k := range add.T.ForeignKeys {
				keys.Changes = append(keys.Changes, &atlas.AddForeignKey{F: k})
			}
			add.T.ForeignKeys = nil
			changes = append(changes, keys)
		}
	}
	return changes
}

var (
	alterTable  = regexp.MustCompile(`(?s)^ALTER TABLE ("[^"]+") (.*)$`)
	createIndex = regexp.MustCompile(`(?s)^CREATE (UNIQUE )?INDEX "([^"]+)" ON ("[^"]+") (.*)$`)
	dropIndex   = regexp.MustCompile(`^DROP INDEX "([^"]+)"$`)
)

// rewrite makes of ALTER TABLE and its like the call of yore's that does the same,
// to a table that is not tracked as well.
func rewrite(c *migrate.Change) {
	if m := alterTable.FindStringSubmatch(c.Cmd); m != nil {
		c.Cmd, c.Args = "SELECT yore.alter_table($1, $2)", []any{m[1], m[2]}
	} else if m := createIndex.FindStringSubmatch(c.Cmd); m != nil {
		c.Cmd, c.Args = "SELECT yore.create_index($1, $2, $3, $4)", []any{m[3], m[4], m[2], m[1] != ""}
	} else if m := dropIndex.FindStringSubmatch(c.Cmd); m != nil {
		if of, ok := c.Source.(*atlas.ModifyTable); ok {
			c.Cmd, c.Args = "SELECT yore.drop_index($1, $2)", []any{`"` + of.T.Name + `"`, m[1]}
		}
	}
}
