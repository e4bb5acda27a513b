//go:build linux || darwin

package pgtest

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Bouncer starts a PgBouncer in transaction mode in front of dsn's server, with
// so many connections to it for a database, and returns dsn's way through it. It
// ends with the test, or with the process.
//
// Where there is no pgbouncer the test is skipped, or fails if
// YORE_REQUIRE_PGBOUNCER is 1.
func Bouncer(t testing.TB, dsn string, serverConns int) string {
	t.Helper()
	program := findBouncer(t)
	server, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	dir := bouncerFolder(t)
	config := fmt.Sprintf(`[databases]
* = host=%s port=%d user=%s

[pgbouncer]
pool_mode = transaction
default_pool_size = %d
max_client_conn = 500
auth_type = any
listen_port = 6432
unix_socket_dir = %s
ignore_startup_parameters = extra_float_digits
`, server.Host, server.Port, server.User, serverConns, dir)
	path := filepath.Join(dir, "pgbouncer.ini")
	if err := os.WriteFile(path, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	// The shell ends it when its input does, which is at the latest when this
	// process ends.
	cmd := exec.Command("/bin/sh", "-c", `"$0" -q "$1" </dev/null & read -r _; kill -KILL $!; wait`, program, path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: unprivileged(t)}
	cmd.Dir = dir
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	end, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := func() {
		_ = end.Close()
		_ = cmd.Wait()
	}
	t.Cleanup(stop)

	through := (&url.URL{Scheme: "postgres", User: url.User(server.User), Path: "/" + server.Database, RawQuery: url.Values{
		"host": {dir}, "port": {"6432"}, "sslmode": {"disable"}, "default_query_exec_mode": {"exec"},
	}.Encode()}).String()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := pgx.Connect(context.Background(), through)
		if err == nil {
			_ = conn.Close(context.Background())
			return strings.Replace(through, "default_query_exec_mode=exec&", "", 1)
		}
		if time.Now().After(deadline) {
			stop()
			t.Fatalf("pgbouncer did not start: %v\n%s", err, log.String())
		}
	}
}

// HasBouncer reports whether Bouncer has one to start, or is to fail.
func HasBouncer() bool { return bouncerPath() != "" || os.Getenv("YORE_REQUIRE_PGBOUNCER") == "1" }

func bouncerPath() string {
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer", "/opt/homebrew/bin/pgbouncer"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func findBouncer(t testing.TB) string {
	t.Helper()
	if path := bouncerPath(); path != "" {
		return path
	}
	const missing = "there is no pgbouncer, in PATH or in /usr/sbin; install it (Debian: apt-get install pgbouncer)"
	if os.Getenv("YORE_REQUIRE_PGBOUNCER") == "1" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// bouncerFolder makes a folder with a path short enough for a socket.
func bouncerFolder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "yore-bouncer-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if who := unprivileged(t); who != nil {
		if err := os.Chown(dir, int(who.Uid), int(who.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// unprivileged returns whom to run PgBouncer as instead of root, which it refuses
// to be: whom the server runs as, since its socket is for that user.
func unprivileged(t testing.TB) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	t.Fatal("there is neither a user postgres nor nobody to run pgbouncer as")
	return nil
}
