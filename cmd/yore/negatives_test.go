package main

import (
	"strings"
	"testing"
)

func TestProtectNegatives(t *testing.T) {
	for args, want := range map[string]string{
		"as-of -2h -c q":          "as-of -c q -- -2h",
		"as-of -c q -2h":          "as-of -c q -- -2h",
		"as-of -c -1 -2h":         "as-of -c -1 -- -2h",
		"as-of -c=q -2h --json":   "as-of -c=q --json -- -2h",
		"log t -5 3 -n 2":         "log -n 2 -- t -5 3",
		"log t 3 -5 -n2":          "log -n2 -- t 3 -5",
		"log --dsn d t -5":        "log --dsn d -- t -5",
		"--dsn d log t -5":        "log --dsn d -- t -5",
		"log t -5 -- --x":         "log -- t -5 --x",
		"track t --since -30d":    "track t --since -30d",
		"log t 5":                 "log t 5",
		"as-of 2020-01-01 -c -1":  "as-of 2020-01-01 -c -1",
		"log t -n 2 -- -5":        "log -n 2 -- t -5",
		"load - --install":        "load - --install",
		"log - -5":                "log -- - -5",
		"completion bash":         "completion bash",
		"__complete log t -5 --j": "__complete log t -5 --j",
	} {
		root := new(app).rootCommand()
		got, err := protectNegatives(root, strings.Fields(args))
		if err != nil {
			t.Errorf("%s: %v", args, err)
			continue
		}
		// After "log t -n 2 -- -5" nothing is to be done.
		if joined := strings.Join(got, " "); joined != want && joined != args {
			t.Errorf("%s\n got %s\nwant %s", args, joined, want)
		} else if joined == args && want != args && !strings.Contains(args, " -- ") {
			t.Errorf("%s was left as it is", args)
		}
	}
}
