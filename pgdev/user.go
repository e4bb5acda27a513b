//go:build linux || darwin

package pgdev

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

func supported() error { return nil }

// runAs returns whom to run PostgreSQL as: nil for the present user, and
// instead of root, whom PostgreSQL refuses, user postgres or nobody.
func runAs() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("pgdev: user %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("pgdev: PostgreSQL does not run as root, and there is neither a user postgres nor nobody; add one, or run as another user")
}

// serverEnvironment returns what the server gets of the environment: not the
// owner's secrets, which another user may be running it to see, and no PG*.
func serverEnvironment(home string) []string {
	env := []string{"HOME=" + home, "LC_ALL=C", "TZ=UTC", "PATH=" + os.Getenv("PATH") + ":/usr/bin:/bin"}
	for _, name := range []string{"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		if value := os.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// serverCommand prepares a program of PostgreSQL to run as runAs says.
func serverCommand(ctx context.Context, name string, args ...string) (*exec.Cmd, error) {
	who, err := runAs()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = "/"
	cmd.Env = serverEnvironment("/")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	return cmd, nil
}

// temporaryFolder returns where to make the server's folder. The path of a
// socket is limited to about 100 bytes, and whom runAs names must be able to
// make a folder in it, so it may be /tmp instead of what TMPDIR says.
func temporaryFolder() (string, error) {
	const longest = 60
	for _, dir := range []string{os.TempDir(), "/tmp"} {
		dir, err := filepath.Abs(dir)
		if err != nil || len(dir) > longest {
			continue
		}
		if os.Geteuid() != 0 || openToAll(dir, 0o003) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("pgdev: no folder for temporary files that every user can write to; make /tmp one, or set TMPDIR to one with a path of at most %d bytes", longest)
}

// openToAll reports whether every user has the permissions perm on dir and can
// get to it.
func openToAll(dir string, perm os.FileMode) bool {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	for {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&perm != perm {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
		dir, perm = filepath.Dir(dir), 0o001
	}
}
