package pgtest

import "testing"

func TestZoo(t *testing.T) {
	t.Parallel()
	db := Pool(t)
	Zoo(t, db)
	census := Census(t, db)
	if len(census) < 100 {
		t.Errorf("only %d lines: %q", len(census), census)
	}
	Same(t, "itself", census, census)
}
