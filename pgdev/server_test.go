//go:build linux || darwin

package pgdev

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestStart(t *testing.T) {
	s := startServer(t, Options{})
	if s.Major() < oldestMajor || !strings.HasPrefix(s.ServerVersion(), fmt.Sprint(s.Major())) {
		t.Errorf("major %d, version %q", s.Major(), s.ServerVersion())
	}
	if got := query(t, s.DSN(""), "SHOW server_version"); !strings.HasPrefix(got, s.ServerVersion()) {
		t.Errorf("ServerVersion is %q, the server says %q", s.ServerVersion(), got)
	}
	if s.Source() != s.BinDir() && !strings.HasPrefix(s.Source(), "npm ") {
		t.Errorf("source %q, binaries in %q", s.Source(), s.BinDir())
	}
	for setting, want := range map[string]string{
		"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
		"max_connections": "200", "shared_buffers": "128MB", "TimeZone": "UTC",
		"listen_addresses": "", "server_encoding": "UTF8",
	} {
		if got := query(t, s.DSN(""), "SHOW "+setting); got != want {
			t.Errorf("%s is %q, expected %q", setting, got, want)
		}
	}
}

func TestStartLeavesTheServerToAnotherUserThanRoot(t *testing.T) {
	s := startServer(t, Options{})
	info, err := os.Stat(s.where.dir)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v, expected 0700", info.Mode().Perm())
	}
	uid := info.Sys().(*syscall.Stat_t).Uid
	if uid == 0 || (os.Geteuid() != 0 && int(uid) != os.Geteuid()) {
		t.Errorf("the folder belongs to user %d", uid)
	}
}

func TestStartRequestedMajor(t *testing.T) {
	needNPM(t)
	for _, major := range []int{13, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			if _, err := mustSearch(t).choose(major); err != nil {
				t.Skip(err)
			}
			s := startServer(t, Options{Major: major})
			if s.Major() != major {
				t.Errorf("got PostgreSQL %d", s.Major())
			}
			// btree_gist shows that the fetched libraries are complete.
			execute(t, s.DSN(""), "CREATE EXTENSION btree_gist")
		})
	}
}

func TestStartErrMajorTooOld(t *testing.T) {
	_, err := Start(t.Context(), Options{Major: 12})
	if err == nil || !strings.Contains(err.Error(), "ask for 13 or later") {
		t.Errorf("got %v", err)
	}
}

func TestStartSeveralAtOnce(t *testing.T) {
	servers := make([]*Server, 3)
	var wg sync.WaitGroup
	for i := range servers {
		wg.Go(func() {
			s, err := Start(t.Context(), Options{})
			if err != nil {
				t.Error(err)
				return
			}
			servers[i] = s
			t.Cleanup(func() { s.Stop() })
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	execute(t, servers[0].DSN(""), "CREATE TABLE here (a int)")
	if got := query(t, servers[1].DSN(""), "SELECT coalesce(to_regclass('here')::text, 'none')"); got != "none" {
		t.Error("two servers share a database")
	}
	if err := servers[0].Stop(); err != nil {
		t.Error(err)
	}
	query(t, servers[1].DSN(""), "SELECT 'still there'")
}

func TestSettings(t *testing.T) {
	s := startServer(t, Options{Settings: map[string]string{
		"work_mem":        "5MB",
		"max_connections": "50",
		"search_path":     `"a b", public`,
	}})
	for setting, want := range map[string]string{"work_mem": "5MB", "max_connections": "50", "search_path": `"a b", public`, "fsync": "off"} {
		if got := query(t, s.DSN(""), "SHOW "+setting); got != want {
			t.Errorf("%s is %q, expected %q", setting, got, want)
		}
	}
}

func TestStartErrHasLog(t *testing.T) {
	ownTemporaryFolder(t)
	before := leftovers(t)
	_, err := Start(t.Context(), Options{Settings: map[string]string{"no_such_setting": "1"}})
	if err == nil || !strings.Contains(err.Error(), `unrecognized configuration parameter "no_such_setting"`) {
		t.Errorf("got %v, expected the log's words", err)
	}
	if after := leftovers(t); after != before {
		t.Errorf("left: %s", after)
	}
}

func TestStartErrContext(t *testing.T) {
	ownTemporaryFolder(t)
	before := leftovers(t)
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	_, err := Start(ctx, Options{})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, expected the deadline", err)
	}
	if after := leftovers(t); after != before {
		t.Errorf("left: %s", after)
	}
}

// ownTemporaryFolder makes one for the test, in which nobody else starts servers
// meanwhile: the tests of other packages run beside.
func ownTemporaryFolder(t *testing.T) {
	t.Helper()
	base, err := temporaryFolder()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(base, "own-")
	if err == nil {
		err = os.Chmod(dir, 0o777)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv("TMPDIR", dir)
}

// leftovers lists the servers' folders in the temporary folder.
func leftovers(t *testing.T) string {
	t.Helper()
	base, err := temporaryFolder()
	if err != nil {
		t.Fatal(err)
	}
	dirs, _ := filepath.Glob(filepath.Join(base, "yore-*"))
	return strings.Join(dirs, " ")
}

func TestListen(t *testing.T) {
	s := startServer(t, Options{Listen: true})
	config, err := pgx.ParseConfig(s.DSN(""))
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != "127.0.0.1" {
		t.Errorf("the DSN has host %q", config.Host)
	}
	query(t, s.DSN(""), "SELECT 'yes'")
	wrong := strings.Replace(s.DSN(""), s.where.password, "wrong", 1)
	if _, err := tryQuery(t.Context(), wrong, "SELECT 'yes'"); err == nil {
		t.Error("a wrong password is taken")
	}
}

func TestNoTCPByDefault(t *testing.T) {
	s := startServer(t, Options{})
	if got := query(t, s.DSN(""), "SELECT coalesce(inet_server_addr()::text, 'socket')"); got != "socket" {
		t.Errorf("connected through %s", got)
	}
	if _, err := net.Dial("unix", filepath.Join(s.where.dir, fmt.Sprintf(".s.PGSQL.%d", s.where.port))); err != nil {
		t.Error(err)
	}
}

func TestDSNQuotesName(t *testing.T) {
	for _, o := range []Options{{}, {Listen: true}} {
		s := startServer(t, o)
		const name = `a b/c?d%'é`
		execute(t, s.DSN(""), "CREATE DATABASE "+quote(name))
		if got := query(t, s.DSN(name), "SELECT current_database()::text"); got != name {
			t.Errorf("connected to %q", got)
		}
	}
}

func TestStop(t *testing.T) {
	s := startServer(t, Options{})
	conn, err := pgx.Connect(t.Context(), s.DSN(""))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	pid := s.dog.postmaster()
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(s.where.dir); !errors.Is(err, fs.ErrNotExist) {
				t.Error("the folder is there after Stop")
			}
			if alive(t, pid) {
				t.Error("the server is there after Stop")
			}
		})
	}
	wg.Wait()
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

func TestServerOutlivesGarbageCollection(t *testing.T) {
	dsn := func() string {
		s, err := Start(t.Context(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s.DSN("")
	}()
	t.Cleanup(func() {
		running.Range(func(s, _ any) bool {
			if s := s.(*Server); s.DSN("") == dsn {
				s.Stop()
			}
			return true
		})
	})
	for range 3 {
		runtime.GC()
		time.Sleep(50 * time.Millisecond)
	}
	query(t, dsn, "SELECT 'still there'")
}
