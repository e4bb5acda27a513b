package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A pgbench runs scripts with PostgreSQL's own benchmark client. Go's is the
// worse instrument for single statements: its scheduler goes to sleep after some
// 20 µs of waiting, so that a server that takes a little longer seems to take
// much longer.
type pgbench struct {
	path string
	dsn  string
}

// findPgbench looks beside the server's binaries and in PATH.
func findPgbench(binDir, dsn string) (*pgbench, error) {
	path := filepath.Join(binDir, "pgbench")
	if _, err := os.Stat(path); err != nil {
		if path, err = exec.LookPath("pgbench"); err != nil {
			return nil, fmt.Errorf("single statements are measured with pgbench, which is not there: %w", err)
		}
	}
	return &pgbench{path, dsn}, nil
}

var tps = regexp.MustCompile(`tps = ([0-9.]+) \(without initial connection time\)`)

// run executes the script n times on one connection, with prepared statements;
// :i counts from 1. It returns the time without that of connecting.
func (p *pgbench) run(ctx context.Context, script string, n int) (time.Duration, error) {
	c := exec.CommandContext(ctx, p.path, "-n", "-M", "prepared", "-c", "1", "-t", strconv.Itoa(n), "-D", "i=0", "-f", "-", p.dsn)
	c.Stdin = strings.NewReader("\\set i :i + 1\n" + script + "\n")
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		return 0, fmt.Errorf("pgbench: %w: %s", err, errs.String())
	}
	m := tps.FindSubmatch(out.Bytes())
	if m == nil {
		return 0, fmt.Errorf("pgbench did not say its tps: %s", out.String())
	}
	rate, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		return 0, err
	}
	return time.Duration(float64(n) / rate * float64(time.Second)), nil
}
