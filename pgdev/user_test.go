//go:build linux || darwin

package pgdev

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTemporaryFolderIsShort(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 90))
	if err := os.Mkdir(long, 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", long)
	if dir, err := temporaryFolder(); err != nil || dir != "/tmp" {
		t.Errorf("got %q, %v", dir, err)
	}
}

func TestTemporaryFolderIsOpenToTheServer(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root runs the server as another user")
	}
	closed, err := os.MkdirTemp("/tmp", "pgdev") // mode 0700
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(closed)
	t.Setenv("TMPDIR", closed)
	if dir, err := temporaryFolder(); err != nil || dir != "/tmp" {
		t.Errorf("got %q, %v", dir, err)
	}
}

func TestServerEnvironmentHasNoSecrets(t *testing.T) {
	t.Setenv("PGPASSWORD", "secret")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	if env := strings.Join(serverEnvironment("/"), " "); strings.Contains(env, "secret") {
		t.Errorf("the server gets %s", env)
	}
}
