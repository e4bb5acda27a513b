package shop

import (
	"context"

	"gorm.io/gorm"

	"yore.example/yore"
)

// Migrate is AutoMigrate for tables whose past is kept in place: it makes what
// is missing, tracks what is new, and tells yore of what has changed. It can run
// at every start of the program.
func Migrate(ctx context.Context, db *gorm.DB, models ...any) error {
	return db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := tx.AutoMigrate(models...); err != nil {
			return err
		}
		conn := yore.Wrap(tx.Statement.ConnPool)
		for _, table := range tables(tx, models) {
			var err error
			if tx.Migrator().HasTable("temporal." + table + "_past") {
				err = yore.Sync(ctx, conn, table)
			} else {
				err = yore.Track(ctx, conn, table, yore.TrackOptions{InPlace: true, Prefix: "sys_"})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// tables names the models' tables, and those between them.
func tables(db *gorm.DB, models []any) (names []string) {
	found := map[string]bool{}
	add := func(name string) {
		if !found[name] {
			found[name] = true
			names = append(names, name)
		}
	}
	for _, model := range models {
		stmt := &gorm.Statement{DB: db}
		if stmt.Parse(model) != nil {
			continue // AutoMigrate has said so
		}
		add(stmt.Table)
		for _, link := range stmt.Schema.Relationships.Many2Many {
			add(link.JoinTable.Table)
		}
	}
	return names
}
