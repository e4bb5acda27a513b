package pgdev

import (
	"archive/tar"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type entry struct {
	name string
	kind byte // a regular file if 0
	mode int64
	text string
	link string
}

func writeArchive(t *testing.T, entries []entry) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "archive.tgz")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	zip := gzip.NewWriter(f)
	files := tar.NewWriter(zip)
	for _, e := range entries {
		header := &tar.Header{Name: e.name, Typeflag: e.kind, Mode: e.mode, Size: int64(len(e.text)), Linkname: e.link}
		if err := files.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := files.Write([]byte(e.text)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []interface{ Close() error }{files, zip, f} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return name
}

func TestUnpack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	err := unpack(writeArchive(t, []entry{
		{name: "package/native/bin/postgres", mode: 0o700, text: "program"},
		{name: "package/native/lib/libpq.so.5.18", mode: 0o600, text: "library"},
		{name: "package/native/pg-symlinks.json", mode: 0o644,
			text: `[{"source":"native/lib/libpq.so.5.18","target":"native/lib/libpq.so"}]`},
	}), dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{
		".": 0o755 | os.ModeDir, "native": 0o755 | os.ModeDir,
		"native/bin/postgres": 0o755, "native/lib/libpq.so.5.18": 0o644,
	} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v; expected %v", name, info.Mode(), err, want)
		}
	}
	if text, err := os.ReadFile(filepath.Join(dir, "native/lib/libpq.so")); err != nil || string(text) != "library" {
		t.Errorf("through the link: %q, %v", text, err)
	}
	if to, err := os.Readlink(filepath.Join(dir, "native/lib/libpq.so")); err != nil || to != "libpq.so.5.18" {
		t.Errorf("the link leads to %q, %v; expected a relative name", to, err)
	}
}

func TestUnpackErrNameOutside(t *testing.T) {
	list := "package/native/pg-symlinks.json"
	for name, entries := range map[string][]entry{
		"Parent":       {{name: "package/../../evil"}},
		"OtherTop":     {{name: "evil"}},
		"Absolute":     {{name: "/evil"}},
		"Hidden":       {{name: "package/a/../../../evil"}},
		"Symlink":      {{name: "package/a", kind: tar.TypeSymlink, link: "/tmp"}},
		"Hardlink":     {{name: "package/a", kind: tar.TypeLink, link: "/etc/passwd"}},
		"Device":       {{name: "package/a", kind: tar.TypeChar}},
		"LinkTarget":   {{name: list, text: `[{"source":"a","target":"../evil"}]`}},
		"LinkSource":   {{name: list, text: `[{"source":"../../etc","target":"a"}]`}},
		"LinkAbsolute": {{name: list, text: `[{"source":"/etc","target":"a"}]`}},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			err := unpack(writeArchive(t, entries), filepath.Join(parent, "out"))
			if err == nil || !strings.Contains(err.Error(), "expected") {
				t.Errorf("got %v, expected a refusal", err)
			}
			if _, err := os.Lstat(filepath.Join(parent, "evil")); err == nil {
				t.Error("a file was written outside")
			}
		})
	}
}
