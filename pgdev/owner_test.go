//go:build linux || darwin

package pgdev

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// owner is what the test binary does as the owner of a server.
func owner(mode string) {
	ctx := context.Background()
	if mode == "fetch" {
		ownerFetch(ctx)
		return
	}
	s, err := Start(ctx, Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	conn, err := pgx.Connect(ctx, s.DSN(""))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if mode == "child" {
		// A child that lives on must not keep the server alive.
		if err := exec.Command("sleep", "30").Start(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if mode == "busy" {
		// A backend in a long computation notices nothing by itself.
		go conn.Exec(ctx, "DO $$ BEGIN LOOP END LOOP; END $$")
		time.Sleep(100 * time.Millisecond)
	}
	interrupted := make(chan os.Signal, 1)
	if mode == "graceful" {
		signal.Notify(interrupted, os.Interrupt)
	}
	fmt.Println(s.dog.cmd.Process.Pid, s.dog.postmaster())
	switch mode {
	case "return":
	case "exit":
		os.Exit(3)
	case "panic":
		panic("on purpose")
	case "graceful":
		<-interrupted
		time.Sleep(300 * time.Millisecond)
		if err := conn.Ping(ctx); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("still there")
	default:
		time.Sleep(time.Minute)
	}
}

// ownerProcess starts the test binary as the owner of a server whose folder
// will be in dir, in a process group of its own.
func ownerProcess(t *testing.T, mode, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PGDEV_TEST_OWNER="+mode, "TMPDIR="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// openFolder makes a short temporary folder that every user can write to.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "pgdev")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// processes returns what runs for the server whose owner printed line: the
// watchdog, the server and its children.
func processes(t *testing.T, line string) []int {
	t.Helper()
	var watchdog, postmaster int
	if _, err := fmt.Sscan(line, &watchdog, &postmaster); err != nil || postmaster == 0 {
		t.Fatalf("the owner printed %q", line)
	}
	pids := []int{watchdog, postmaster}
	for _, p := range processTable(t) {
		if p.parent == postmaster {
			pids = append(pids, p.pid)
		}
	}
	if len(pids) < 5 {
		t.Fatalf("found only %v of the server's processes", pids)
	}
	return pids
}

// expectNothingLeft waits for the processes, and any that has dir among its
// arguments, to end and for dir to be empty.
func expectNothingLeft(t *testing.T, dir string, pids []int) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for {
		left := sharedMemory(t)
		for _, p := range processTable(t) {
			if slices.Contains(pids, p.pid) || strings.Contains(p.args, dir) {
				left = append(left, fmt.Sprintf("process %d: %.60s", p.pid, p.args))
			}
		}
		folders, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, folders...)
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("left:\n%s", strings.Join(left, "\n"))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestNothingIsLeftWhenTheOwner(t *testing.T) {
	kill := func(sig syscall.Signal) func(*exec.Cmd) {
		return func(cmd *exec.Cmd) { syscall.Kill(cmd.Process.Pid, sig) }
	}
	for _, test := range []struct {
		name, mode string
		end        func(*exec.Cmd)
	}{
		{"Returns", "return", nil},
		{"Exits", "exit", nil},
		{"Panics", "panic", nil},
		{"IsKilled", "wait", kill(syscall.SIGKILL)},
		{"IsKilledWithAChild", "child", kill(syscall.SIGKILL)},
		{"IsKilledDuringAQuery", "busy", kill(syscall.SIGKILL)},
		{"IsTerminated", "wait", kill(syscall.SIGTERM)},
		{"IsInterrupted", "wait", kill(syscall.SIGINT)},
		{"IsInterruptedWithItsGroup", "wait", func(cmd *exec.Cmd) {
			// As the terminal does for Ctrl-C.
			syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := openFolder(t)
			cmd := ownerProcess(t, test.mode, dir)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
			line, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatalf("the owner did not start: %v", err)
			}
			var pids []int
			if test.end != nil {
				pids = processes(t, line)
				test.end(cmd)
			} else {
				for field := range strings.FieldsSeq(line) {
					pid, _ := strconv.Atoi(field)
					pids = append(pids, pid)
				}
			}
			cmd.Wait()
			expectNothingLeft(t, dir, pids)
		})
	}
}

// An owner that handles Ctrl-C has its server until it ends.
func TestInterruptReachesTheOwnerOnly(t *testing.T) {
	dir := openFolder(t)
	cmd := ownerProcess(t, "graceful", dir)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	out := bufio.NewReader(pipe)
	if _, err := out.ReadString('\n'); err != nil {
		t.Fatalf("the owner did not start: %v", err)
	}
	syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
	if got, _ := out.ReadString('\n'); got != "still there\n" {
		t.Errorf("after the signal: %q", got)
	}
	cmd.Wait()
	expectNothingLeft(t, dir, nil)
}

func TestNothingIsLeftWhenTheOwnerIsKilledEarly(t *testing.T) {
	for delay := time.Duration(0); delay < time.Second; delay += 60 * time.Millisecond {
		dir := openFolder(t)
		cmd := ownerProcess(t, "wait", dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(delay)
		cmd.Process.Kill()
		cmd.Wait()
		expectNothingLeft(t, dir, nil)
	}
}

func TestNothingIsLeftWhenTheWatchdogIsTerminated(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			dir := openFolder(t)
			t.Setenv("TMPDIR", dir)
			s := startServer(t, Options{})
			pids := processes(t, fmt.Sprint(s.dog.cmd.Process.Pid, " ", s.dog.postmaster()))
			syscall.Kill(pids[0], sig)
			if sig == syscall.SIGKILL {
				// It can do nothing any more; Stop does it.
				if err := s.Stop(); err != nil {
					t.Error(err)
				}
			}
			expectNothingLeft(t, dir, pids)
		})
	}
}

// sharedMemory lists segments of System V shared memory that nobody uses any
// more and that a process which is gone has made since the test began. Where
// one is left, PostgreSQL has left a segment in /dev/shm too.
func sharedMemory(t *testing.T) []string {
	content, err := os.ReadFile("/proc/sysvipc/shm")
	if err != nil {
		return nil // not Linux
	}
	var left []string
	for line := range strings.Lines(string(content)) {
		// key shmid perms size cpid lpid nattch uid gid cuid cgid atime dtime ctime …
		fields := strings.Fields(line)
		if len(fields) < 14 || fields[0] == "key" || fields[6] != "0" {
			continue
		}
		made, _ := strconv.ParseInt(fields[13], 10, 64)
		if made >= testsBegan.Unix() {
			left = append(left, "shared memory "+fields[1])
		}
	}
	return left
}

var testsBegan = time.Now()

type process struct {
	pid, parent int
	args        string
}

// processTable lists the processes that are not just waiting to be reaped.
func processTable(t *testing.T) []process {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-ww", "-o", "pid=,ppid=,stat=,args=").Output()
	if err != nil {
		t.Fatalf("ps: %v", err)
	}
	var list []process
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || strings.HasPrefix(fields[2], "Z") {
			continue
		}
		pid, err1 := strconv.Atoi(fields[0])
		parent, err2 := strconv.Atoi(fields[1])
		if err1 != nil || err2 != nil {
			t.Fatalf("ps printed %q", line)
		}
		list = append(list, process{pid, parent, strings.Join(fields[3:], " ")})
	}
	return list
}

func alive(t *testing.T, pid int) bool {
	return slices.ContainsFunc(processTable(t), func(p process) bool { return p.pid == pid })
}
