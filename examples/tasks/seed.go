package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
)

//go:embed seed.json
var story []byte

// A step is one transaction of the story. The first of a record inserts it.
type step struct {
	Day      int    // counted from today
	At       string // 15:04
	Who, Why string
	Task     string // which, by a name of the story's own
	Note     string
	Set      map[string]any // columns; due is counted in days, assignee is a name
	Do       string         // delete or restore
}

// seed tells some weeks of three people's work, as of when it was done.
func seed(ctx context.Context, pool *yore.Pool, now time.Time) error {
	var steps []step
	if err := json.Unmarshal(story, &steps); err != nil {
		return err
	}
	known := map[string]yore.UUID{}
	today := now.UTC().Truncate(24 * time.Hour)
	for _, s := range steps {
		at, err := time.Parse(time.DateOnly+" 15:04", today.AddDate(0, 0, s.Day).Format(time.DateOnly)+" "+s.At)
		if err != nil {
			return err
		}
		by := yore.WithActor(ctx, s.Who)
		if s.Why != "" {
			by = yore.WithReason(by, s.Why)
		}
		err = yore.AtTime(by, pool, at, func(tx pgx.Tx) error {
			if s.Note != "" {
				return tell(ctx, tx, noteKind, known, "note "+s.Note, s)
			}
			if days, ok := s.Set["due"].(float64); ok {
				s.Set["due_on"] = today.AddDate(0, 0, int(days)).Format(time.DateOnly)
			}
			if name, ok := s.Set["assignee"].(string); ok {
				var id int64
				if err := tx.QueryRow(ctx, "SELECT id FROM person WHERE name = $1", name).Scan(&id); err != nil {
					return err
				}
				s.Set["assignee_id"] = strconv.FormatInt(id, 10)
			}
			return tell(ctx, tx, taskKind, known, "task "+s.Task, s)
		})
		if err != nil {
			return fmt.Errorf("seed: day %d, %s %s: %w", s.Day, s.At, s.Task+s.Note, err)
		}
	}
	return nil
}

func tell[T any](ctx context.Context, tx pgx.Tx, k *kind[T], known map[string]yore.UUID, name string, s step) error {
	id, ok := known[name]
	change := func(row *T) (err error) {
		*row, err = k.table.Cast(*row, s.Set, k.columns()...)
		return err
	}
	switch {
	case s.Do == "delete":
		_, err := k.table.DeleteAny(ctx, tx, id)
		return err
	case s.Do == "restore":
		_, err := k.table.Undelete(ctx, tx, id)
		return err
	case ok:
		_, err := k.table.Mutate(ctx, tx, id, change)
		return err
	}
	row := k.blank
	if err := change(&row); err != nil {
		return err
	}
	row, err := k.table.Insert(ctx, tx, row)
	known[name] = k.meta(row).EntityID
	return err
}
