package shop_test

import (
	"testing"

	"yore.example/yore/internal/guide"
)

func TestGuideShowsTheFiles(t *testing.T) {
	t.Parallel()
	guide.CheckFiles(t, "../../docs/guides/bun.md", "bun", 3)
}
