package yore_test

import (
	"os/exec"
	"strings"
	"testing"
)

// The root package stands on pgx and the standard library alone, and so do the
// packages that users' tests take.
func TestDependencies(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.Module.Path}}{{end}}", ".", "./pgdev", "./yoretest").Output()
	if err != nil {
		t.Fatal(err)
	}
	// pgx and what it needs itself.
	allowed := []string{"yore.example/yore", "github.com/jackc/", "golang.org/x/text", "golang.org/x/sync"}
	for _, module := range strings.Fields(string(out)) {
		ok := false
		for _, a := range allowed {
			ok = ok || strings.HasPrefix(module, a)
		}
		if !ok {
			t.Errorf("the root package, pgdev or yoretest depends on %s", module)
		}
	}
}
