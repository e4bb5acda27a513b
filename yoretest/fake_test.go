package yoretest_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// A fakeT is a test that only notes how it failed.
type fakeT struct {
	testing.TB // of the real test; what is not overridden
	said       []string
	fatal      bool
	cleanups   []func()
}

func (f *fakeT) Helper()                   {}
func (f *fakeT) Errorf(s string, a ...any) { f.said = append(f.said, fmt.Sprintf(s, a...)) }
func (f *fakeT) Cleanup(fn func())         { f.cleanups = append(f.cleanups, fn) }
func (f *fakeT) Fatalf(s string, a ...any) {
	f.Errorf(s, a...)
	f.fatal = true
	runtime.Goexit()
}

// run runs a test of a user's and its cleanups, and returns what it said.
func run(t testing.TB, test func(t testing.TB)) *fakeT {
	f := &fakeT{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for i := len(f.cleanups) - 1; i >= 0; i-- {
				f.cleanups[i]()
			}
		}()
		test(f)
	}()
	<-done
	return f
}

// says fails the test unless the user's failed, or did not, with all of that.
func (f *fakeT) says(t testing.TB, fatal bool, parts ...string) {
	t.Helper()
	if len(f.said) != 1 || f.fatal != fatal {
		t.Errorf("said %q, fatal %t", f.said, f.fatal)
		return
	}
	for _, part := range parts {
		if !strings.Contains(f.said[0], part) {
			t.Errorf("%s\nlacks %q", f.said[0], part)
		}
	}
}

// passes fails the test if the user's did.
func (f *fakeT) passes(t testing.TB) {
	t.Helper()
	if len(f.said) > 0 {
		t.Errorf("failed: %s", strings.Join(f.said, "\n"))
	}
}
