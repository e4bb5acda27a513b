//go:build linux || darwin

package pgdev

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lockFile waits for the lock on a file and holds it until the file is closed
// or the process ends.
func lockFile(ctx context.Context, name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if err != syscall.EWOULDBLOCK && err != syscall.EINTR {
			f.Close()
			return nil, err
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// checkOwner refuses a folder in which others than the present user and root
// can put programs, and one that the server's user cannot read.
func checkOwner(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	owner := int(info.Sys().(*syscall.Stat_t).Uid)
	if (owner != os.Geteuid() && owner != 0) || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("the cache %s can be written to by other users; make it yours alone, or set YORE_PGDEV_CACHE to another folder", dir)
	}
	if os.Geteuid() == 0 && !openToAll(dir, 0o005) {
		return fmt.Errorf("the cache %s cannot be read by the user who runs the server; open it, or set YORE_PGDEV_CACHE to another folder", dir)
	}
	return nil
}
