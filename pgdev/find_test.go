//go:build linux || darwin

package pgdev

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func mustSearch(t *testing.T) *search {
	t.Helper()
	s, err := defaultSearch()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// program writes a shell script that every user can run.
func program(t *testing.T, path, script string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// fakePostgres makes a folder with programs that claim a version.
func fakePostgres(t *testing.T, dir, version string) string {
	t.Helper()
	program(t, filepath.Join(dir, "postgres"), "echo 'postgres (PostgreSQL) "+version+"'")
	program(t, filepath.Join(dir, "initdb"), "exit 1")
	return dir
}

func TestFindLocal(t *testing.T) {
	root := openFolder(t)
	inPath := fakePostgres(t, filepath.Join(root, "path"), "14.9 (Debian 14.9-1)")
	fakePostgres(t, filepath.Join(root, "lib/9/bin"), "9.6.24")
	v15 := fakePostgres(t, filepath.Join(root, "lib/15/bin"), "15.9")
	v1510 := fakePostgres(t, filepath.Join(root, "lib/15b/bin"), "15.10")
	v19 := fakePostgres(t, filepath.Join(root, "lib/19/bin"), "19beta1")
	configured := fakePostgres(t, filepath.Join(root, "configured"), "16.1")
	program(t, filepath.Join(root, "config/pg_config"), "echo "+configured)
	links := filepath.Join(root, "links")
	if err := os.Mkdir(links, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(v15, "postgres"), filepath.Join(links, "postgres")); err != nil {
		t.Fatal(err)
	}
	// A client only: no initdb, no postgres.
	program(t, filepath.Join(root, "lib/17/bin/psql"), "exit 0")

	for _, test := range []struct {
		name  string
		path  string
		major int
		want  string
	}{
		{"PathFirst", inPath, 0, inPath},
		{"PathThroughLink", links, 0, v15},
		{"PathThroughPgConfig", filepath.Join(root, "config"), 0, configured},
		{"PathOfOtherMajor", inPath, 15, v1510},
		{"NewestFolder", "", 0, v19},
		{"RequestedMajor", "", 19, v19},
		{"TooOld", "", 9, ""},
		{"ClientOnly", "", 17, ""},
		{"Missing", "", 16, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &search{path: test.path, globs: []string{filepath.Join(root, "none"), filepath.Join(root, "lib/*/bin")}}
			bin, ok := w.local(t.Context(), test.major)
			if bin.dir != test.want || ok != (test.want != "") {
				t.Errorf("got %q, %v; expected %q", bin.dir, ok, test.want)
			}
			if ok && bin.source != bin.dir {
				t.Errorf("source %q", bin.source)
			}
		})
	}
}

func TestFindErrNamesThreeWays(t *testing.T) {
	for _, major := range []int{0, 14, 99} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			nowhere := &search{cache: t.TempDir(), platform: "linux-x64", packages: npmPackages}
			_, err := Start(t.Context(), Options{Major: major, search: nowhere})
			var notFound *NotFoundError
			if !errors.As(err, &notFound) || notFound.Major != major {
				t.Fatalf("got %v, expected a NotFoundError", err)
			}
			for _, want := range []string{"install PostgreSQL", "install npm", "DATABASE_URL"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}
