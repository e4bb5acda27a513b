package pgtest_test

import (
	"slices"
	"testing"

	"yore.example/yore/internal/pgtest"
)

func TestTell(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	story := pgtest.Tell(t, pool)
	for at, want := range map[string][]string{"start": nil, "f0": {"foo"}, "f1": {"foo bar"}, "f2": {"new foo"}} {
		if got := pgtest.Rows(t, pool, "SELECT name FROM asof.foos($1)", story.At[at]); !slices.Equal(got, want) {
			t.Errorf("foos at %s: %v, want %v", at, got, want)
		}
	}
	pgtest.Clean(t, pool)
}
