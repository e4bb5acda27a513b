package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strconv"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"yore.example/yore/internal/pgtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"yore": main})
}

// TestScripts runs testdata/*.txtar. Each has a database of its own with yore
// installed in DATABASE_URL, and one without in EMPTY_URL.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		Setup: func(env *testscript.Env) error {
			empty, err := emptyDatabase(t)
			env.Setenv("DATABASE_URL", pgtest.DSN(t))
			env.Setenv("EMPTY_URL", empty)
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else each command takes a second under -race
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"sql": runSQL, "code": runCode, "json": compareJSON, "numbered": numbered, "lock": lockTable, "unlock": unlockTable},
	})
}

func emptyDatabase(t *testing.T) (string, error) {
	ctx := context.Background()
	server := pgtest.Server(t)
	err := server.Template(ctx, "empty", func(context.Context, string) error { return nil })
	if err != nil {
		return "", err
	}
	dsn, drop, err := server.Clone(ctx, "empty")
	if err == nil {
		t.Cleanup(drop)
	}
	return dsn, err
}

// runSQL is "sql STATEMENTS" or "sql -f FILE", in the database of DATABASE_URL.
func runSQL(ts *testscript.TestScript, neg bool, args []string) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, ts.Getenv("DATABASE_URL"))
	ts.Check(err)
	defer func() { _ = conn.Close(ctx) }()
	text := args[0]
	if text == "-f" {
		text = ts.ReadFile(args[1])
	}
	_, err = conn.Exec(ctx, text, pgx.QueryExecModeSimpleProtocol)
	if neg != (err != nil) {
		ts.Fatalf("%s\n%v", text, err)
	}
}

// lockTable is "lock TABLE": a transaction has written to it, and stays open.
func lockTable(ts *testscript.TestScript, _ bool, args []string) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, ts.Getenv("DATABASE_URL"))
	ts.Check(err)
	ts.Defer(func() { _ = conn.Close(ctx) })
	_, err = conn.Exec(ctx, "BEGIN; LOCK TABLE "+args[0]+" IN ROW EXCLUSIVE MODE")
	ts.Check(err)
	locked.Store(ts.Name(), conn)
}

// unlockTable is "unlock": ends the transaction of lock.
func unlockTable(ts *testscript.TestScript, _ bool, _ []string) {
	conn, _ := locked.LoadAndDelete(ts.Name())
	_, err := conn.(*pgx.Conn).Exec(context.Background(), "COMMIT")
	ts.Check(err)
}

var locked sync.Map // by script

// runCode is "code N PROGRAM ARGS…": the program must exit with N.
func runCode(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d\nstdout: %s\nstderr: %s", got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// numbered is "numbered FILE": writes stdout to the file, with N for the numbers
// of transactions.
func numbered(ts *testscript.TestScript, _ bool, args []string) {
	text := regexp.MustCompile(`transaction \d+`).ReplaceAllString(ts.ReadFile("stdout"), "transaction N")
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// compareJSON is "json FILE": stdout has the same value; "*" in the file stands
// for any.
func compareJSON(ts *testscript.TestScript, _ bool, args []string) {
	var got, want any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &got))
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &want))
	if place := differs(got, want, ""); place != "" {
		ts.Fatalf("stdout differs from %s at %s\n%s", args[0], place, ts.ReadFile("stdout"))
	}
}

func differs(got, want any, at string) string {
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok || len(got) != len(want) {
			return at + "/"
		}
		for k, w := range want {
			if place := differs(got[k], w, at+"/"+k); place != "" {
				return place
			}
		}
		return ""
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			return at + "/"
		}
		for i, w := range want {
			if place := differs(got[i], w, fmt.Sprintf("%s/%d", at, i)); place != "" {
				return place
			}
		}
		return ""
	}
	if want == "*" && got != nil || reflect.DeepEqual(got, want) {
		return ""
	}
	return at
}
