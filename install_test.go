package yore_test

import (
	"context"
	"sync"
	"testing"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

func TestInstall(t *testing.T) {
	t.Parallel()
	ctx := context.Background()

	t.Run("AgainChangesNothing", func(t *testing.T) {
		t.Parallel()
		db := pgtest.Pool(t)
		pgtest.Exec(t, db, "CREATE TABLE a (id int PRIMARY KEY)", "SELECT yore.track('a')")
		before := pgtest.Rows(t, db, "SELECT * FROM yore.installation, yore.tracked")
		if err := yore.Install(ctx, db); err != nil {
			t.Fatal(err)
		}
		after := pgtest.Rows(t, db, "SELECT * FROM yore.installation, yore.tracked")
		if len(after) != 1 || after[0] != before[0] {
			t.Errorf("before %v\nafter %v", before, after)
		}
	})

	t.Run("AtOnce", func(t *testing.T) {
		t.Parallel()
		db := pgtest.Pool(t)
		pgtest.Exec(t, db, "DROP SCHEMA yore CASCADE")
		var wg sync.WaitGroup
		errs := make([]error, 6)
		for i := range errs {
			wg.Go(func() { errs[i] = yore.Install(ctx, db) })
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				t.Error(err)
			}
		}
	})
}
