// Command freeze keeps the SQL of a version that is released, so that tests can
// upgrade from it: make freeze-version. Its argument is the folder, by default
// sql/testdata/versions.
package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"yore.example/yore/sql"
)

func main() {
	dir := filepath.Join("sql", "testdata", "versions")
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	if err := freeze(dir); err != nil {
		fmt.Fprintln(os.Stderr, "freeze:", err)
		os.Exit(1)
	}
}

func freeze(dir string) error {
	name := fmt.Sprintf("%d.sql", sql.Version)
	path := filepath.Join(dir, name)
	// Never over a file that is there: what was released stays as it was.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already; a changed script is a new version: see CONTRIBUTING.md", path)
	}
	if err != nil {
		return err
	}
	if _, err = f.WriteString(sql.Script()); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	sums, err := os.OpenFile(filepath.Join(dir, "SHA256SUMS"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	if _, err = fmt.Fprintf(sums, "%x  %s\n", sha256.Sum256([]byte(sql.Script())), name); err != nil {
		return err
	}
	fmt.Println("wrote", path)
	return sums.Close()
}
