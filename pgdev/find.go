package pgdev

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	oldestMajor = 13
	newestFetch = 18 // the newest that is pinned in packages
)

// binaries is a folder with at least postgres and initdb.
type binaries struct {
	dir          string
	major, minor int
	source       string
}

// search is where to look for PostgreSQL.
type search struct {
	path     string   // a list of folders like $PATH
	globs    []string // the usual folders
	cache    string   // of fetched packages
	platform string   // as npm names it: linux-x64
	packages []npmPackage
}

func defaultSearch() (*search, error) {
	cache, err := cacheFolder()
	if err != nil {
		return nil, err
	}
	return &search{
		path: os.Getenv("PATH"),
		globs: []string{
			"/usr/lib/postgresql/*/bin",
			"/usr/pgsql-*/bin",
			"/opt/homebrew/opt/postgresql@*/bin",
			"/usr/local/opt/postgresql@*/bin",
			"/Applications/Postgres.app/Contents/Versions/*/bin",
		},
		cache:    cache,
		platform: runtime.GOOS + "-" + strings.Replace(runtime.GOARCH, "amd64", "x64", 1),
		packages: npmPackages,
	}, nil
}

// find returns the first PostgreSQL that fits, fetching it if need be.
func find(ctx context.Context, o Options) (binaries, error) {
	where := o.search
	if where == nil {
		var err error
		if where, err = defaultSearch(); err != nil {
			return binaries{}, err
		}
	}
	if bin, ok := where.local(ctx, o.Major); ok {
		return bin, nil
	}
	bin, err := where.fetched(ctx, o)
	if err != nil {
		if ctx.Err() != nil {
			return binaries{}, fmt.Errorf("pgdev: looking for PostgreSQL: %w", context.Cause(ctx))
		}
		return binaries{}, &NotFoundError{Major: o.Major, Err: err}
	}
	return bin, nil
}

// local returns the PostgreSQL of PATH, else the newest in the usual folders.
func (w *search) local(ctx context.Context, major int) (binaries, bool) {
	fits := func(b binaries, err error) bool {
		return err == nil && b.major >= oldestMajor && (major == 0 || b.major == major)
	}
	for _, dir := range w.pathFolders(ctx) {
		if bin, err := inspect(ctx, dir); fits(bin, err) {
			return bin, true
		}
	}
	var found []binaries
	for _, glob := range w.globs {
		dirs, _ := filepath.Glob(glob)
		for _, dir := range dirs {
			if bin, err := inspect(ctx, dir); fits(bin, err) {
				found = append(found, bin)
			}
		}
	}
	if len(found) == 0 {
		return binaries{}, false
	}
	return slices.MaxFunc(found, func(a, b binaries) int {
		return cmp.Or(cmp.Compare(a.major, b.major), cmp.Compare(a.minor, b.minor))
	}), true
}

// pathFolders returns the folders that PATH leads to: where postgres really
// is, and what pg_config names.
func (w *search) pathFolders(ctx context.Context) []string {
	var dirs []string
	if postgres := w.lookPath("postgres"); postgres != "" {
		if real, err := filepath.EvalSymlinks(postgres); err == nil {
			dirs = append(dirs, filepath.Dir(real))
		}
		dirs = append(dirs, filepath.Dir(postgres))
	}
	if config := w.lookPath("pg_config"); config != "" {
		if out, err := output(ctx, config, "--bindir"); err == nil {
			dirs = append(dirs, strings.TrimSpace(out))
		}
	}
	return dirs
}

func (w *search) lookPath(name string) string {
	for _, dir := range filepath.SplitList(w.path) {
		if path := filepath.Join(dir, name); filepath.IsAbs(path) && executable(path) {
			return path
		}
	}
	return ""
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

// versionLine matches "postgres (PostgreSQL) 15.18 (Debian …)" and "… 19beta1".
var versionLine = regexp.MustCompile(`\(PostgreSQL\) (\d+)(?:\.(\d+))?`)

// inspect reports what PostgreSQL is in a folder.
func inspect(ctx context.Context, dir string) (binaries, error) {
	for _, name := range []string{"postgres", "initdb"} {
		if path := filepath.Join(dir, name); !executable(path) {
			return binaries{}, fmt.Errorf("%s is not a program", path)
		}
	}
	out, err := output(ctx, filepath.Join(dir, "postgres"), "--version")
	if err != nil {
		return binaries{}, err
	}
	m := versionLine.FindStringSubmatch(out)
	if m == nil {
		return binaries{}, fmt.Errorf("%s/postgres --version printed %q", dir, out)
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	return binaries{dir: dir, major: major, minor: minor, source: dir}, nil
}

// output runs a program of PostgreSQL and returns what it prints.
func output(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd, err := serverCommand(ctx, name, args...)
	if err != nil {
		return "", err
	}
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
		}
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return string(out), nil
}
