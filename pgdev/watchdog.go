//go:build linux || darwin

package pgdev

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

//go:embed watchdog.sh
var watchdogScript string

// stopTimeout is longer than the watchdog needs in the worst case: 10 seconds
// until it kills the server, 5 to remove the folder.
const stopTimeout = 20 * time.Second

// A watchdog is the /bin/sh process that makes the folder, runs the server in
// it, and takes both away when the pipe of its owner ends.
type watchdog struct {
	dir    string
	cmd    *exec.Cmd
	hold   *os.File     // write end of its standard input: it lives while this is open
	status *os.File     // read end; ends with the last process of the server
	text   bytes.Buffer // what came through status: errors of the watchdog
}

func startWatchdog(dir, bin string, args []string) (*watchdog, error) {
	who, err := runAs()
	if err != nil {
		return nil, err
	}
	// Both ends that stay here are close-on-exec, so no other child of this
	// process inherits them and keeps the server alive.
	input, hold, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("pgdev: no pipe for the watchdog: %w", err)
	}
	defer input.Close()
	status, output, err := os.Pipe()
	if err != nil {
		hold.Close()
		return nil, fmt.Errorf("pgdev: no pipe for the watchdog: %w", err)
	}
	defer output.Close()

	// The script goes through the environment, for the sake of those who read
	// the arguments in a list of processes.
	cmd := exec.Command("/bin/sh", append([]string{"-c", `eval "$PGDEV_WATCHDOG"`, "pgdev", dir, bin}, args...)...)
	cmd.Dir = "/"
	cmd.Env = append(serverEnvironment(dir), "PGDEV_WATCHDOG="+watchdogScript)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = input, output, output
	// In a session of its own no signal of the terminal reaches it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: who}
	if err := cmd.Start(); err != nil {
		hold.Close()
		status.Close()
		return nil, fmt.Errorf("pgdev: the watchdog /bin/sh did not start: %w", err)
	}
	return &watchdog{dir: dir, cmd: cmd, hold: hold, status: status}, nil
}

// ended reports whether initdb or the server has ended, and what the watchdog
// had to say.
func (w *watchdog) ended() (bool, string) {
	w.status.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := w.text.ReadFrom(w.status)
	return !errors.Is(err, os.ErrDeadlineExceeded), w.text.String()
}

// stop ends the server and returns when its folder is gone.
func (w *watchdog) stop() error {
	defer w.status.Close()
	w.hold.Close()
	kill := time.AfterFunc(stopTimeout, func() { w.cmd.Process.Kill() })
	w.cmd.Wait()
	kill.Stop()
	if _, err := os.Lstat(w.dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return w.clean()
}

// clean does what the watchdog would have done, for the case that someone
// killed it.
func (w *watchdog) clean() error {
	if pid := w.postmaster(); pid > 0 {
		syscall.Kill(pid, syscall.SIGQUIT)
		w.status.SetReadDeadline(time.Now().Add(stopTimeout))
		if _, err := io.Copy(io.Discard, w.status); err != nil {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	if err := os.RemoveAll(w.dir); err != nil {
		return fmt.Errorf("pgdev: the folder of a stopped server is left; remove it: %w", err)
	}
	return nil
}

// postmaster returns the process id of the server, or 0.
func (w *watchdog) postmaster() int {
	content, err := os.ReadFile(filepath.Join(w.dir, "data", "postmaster.pid"))
	if err != nil {
		return 0
	}
	line, _, _ := bytes.Cut(content, []byte("\n"))
	pid, _ := strconv.Atoi(string(line))
	return pid
}

// logTail returns the end of what initdb and the server have printed.
func (w *watchdog) logTail() string {
	const limit = 4000
	content, err := os.ReadFile(filepath.Join(w.dir, "log"))
	if err != nil {
		return ""
	}
	if len(content) > limit {
		content = content[len(content)-limit:]
	}
	return string(content)
}
