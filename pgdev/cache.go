package pgdev

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// cacheFolder returns where fetched packages are kept: what YORE_PGDEV_CACHE
// names, else yore/pgdev in the user's cache. Root's cache is one that the
// user who runs the server can read.
func cacheFolder() (string, error) {
	if dir := os.Getenv("YORE_PGDEV_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	if os.Geteuid() == 0 {
		return "/var/cache/yore/pgdev", nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("pgdev: no cache for PostgreSQL; set YORE_PGDEV_CACHE to a folder: %w", err)
	}
	return filepath.Join(dir, "yore", "pgdev"), nil
}

// makeOpen is like os.MkdirAll, but what it makes every user can read, whatever
// the umask is.
func makeOpen(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := makeOpen(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		if errors.Is(err, os.ErrExist) {
			return nil
		}
		return err
	}
	return os.Chmod(dir, 0o755)
}
