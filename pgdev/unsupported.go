//go:build !linux && !darwin

package pgdev

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
)

func supported() error {
	return fmt.Errorf("pgdev: running a throw-away PostgreSQL is not supported on %s; give a server of your own by Options.DSN, or by DATABASE_URL and Options.UseEnv", runtime.GOOS)
}

func temporaryFolder() (string, error) { return "", supported() }

func serverCommand(context.Context, string, ...string) (*exec.Cmd, error) { return nil, supported() }

func lockFile(context.Context, string) (*os.File, error) { return nil, supported() }

func checkOwner(string) error { return supported() }

type watchdog struct{}

func startWatchdog(string, string, []string) (*watchdog, error) { return nil, supported() }

func (*watchdog) ended() (bool, string) { return true, "" }
func (*watchdog) stop() error           { return nil }
func (*watchdog) logTail() string       { return "" }
