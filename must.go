package yore

import "context"

// The Must methods are for tests and scripts: they panic with the error that
// their namesakes return.

// MustInsert is Insert that panics.
func (t *ImmutableTable[T]) MustInsert(ctx context.Context, db DB, row T) T {
	return must(t.Insert(ctx, db, row))
}

// MustUpdate is Update that panics.
func (t *ImmutableTable[T]) MustUpdate(ctx context.Context, db DB, row T, change any) T {
	return must(t.Update(ctx, db, row, change))
}

// MustDelete is Delete that panics.
func (t *ImmutableTable[T]) MustDelete(ctx context.Context, db DB, row T) T {
	return must(t.Delete(ctx, db, row))
}

// MustUndelete is Undelete that panics.
func (t *ImmutableTable[T]) MustUndelete(ctx context.Context, db DB, id UUID, changes ...Changes) T {
	return must(t.Undelete(ctx, db, id, changes...))
}

// MustGet is Get that panics.
func (t *ImmutableTable[T]) MustGet(ctx context.Context, db DB, id UUID) T {
	return must(t.Get(ctx, db, id))
}

// MustAll is All that panics.
func (q Query[T]) MustAll(ctx context.Context, db DB) []T { return must(q.All(ctx, db)) }

func must[V any](v V, err error) V {
	if err != nil {
		panic(err)
	}
	return v
}
