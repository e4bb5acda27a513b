package main

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore/cmd/yore/demo"
	"yore.example/yore/internal/cli/show"
)

func TestDemo(t *testing.T) {
	t.Parallel()
	var out, progress bytes.Buffer
	if code := Run(t.Context(), []string{"demo"}, nil, &out, &progress); code != exitOK {
		t.Fatalf("exit code %d\n%s%s", code, out.String(), progress.String())
	}
	for _, want := range []string{
		"  DD   │ German Democratic Republic │ East German mark │ f\n",
		"  DE   │ Germany │ Euro     │ t\n",
		"  1999-01-01 │        42 │        15 │             11\n",
		"  version 5  2023-01-01 → now\n             adopted the euro\n",
		"             - currency  HRK\n             + currency  EUR\n",
		"  Jan 01 │ CS   │ Czechoslovakia │ gone    │ split into two states\n",
		"  version 4  deleted 2006-06-05\n",
		"  version 3  2003-02-04 → 2006-06-05  created again\n",
		"✓ 132 events loaded",
		"✓ 19 of 19 dates agree with what was expected\n",
		"✓ yore verify finds no gap",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the demo does not show %q", want)
		}
	}
	for line := range strings.Lines(out.String()) {
		if n := len([]rune(line)); n > 101 {
			t.Errorf("%d columns wide: %s", n, line)
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("colours, but not on a terminal")
	}
}

func TestDemoFailsWhereAnAnswerDiffers(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	data := demo.Countries()
	data.Expected = bytes.Replace(data.Expected, []byte("1999-01-01,42,15,11"), []byte("1999-01-01,42,15,12"), 1)
	a := &app{stdout: &out, stderr: &out, demo: data, color: choice[show.Color]{value: show.Never}}
	if code := a.run(t.Context(), []string{"demo"}); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	want := "✗ 1 of 19 dates differ from what was expected:\n" +
		"  1999-01-01  expected 42 countries, 15 in the EU, 12 using the euro; got 42 countries, 15 in the EU, 11 using the euro\n"
	if !strings.HasSuffix(out.String(), want) {
		t.Errorf("the demo does not end in %q:\n%s", want, out.String())
	}
}

func TestDemoKeep(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out := &lockedBuffer{}
	code := make(chan int)
	go func() { code <- Run(ctx, []string{"demo", "--keep"}, nil, out, out) }()

	var dsn string
	for dsn == "" {
		select {
		case <-time.After(20 * time.Millisecond):
			if m := regexp.MustCompile(`DATABASE_URL='(.*)'\n(?s:.*)psql "\$DATABASE_URL"\n`).FindStringSubmatch(out.String()); m != nil {
				dsn = m[1]
			}
		case n := <-code:
			t.Fatalf("it ended by itself, with %d:\n%s", n, out.String())
		}
	}
	var log bytes.Buffer
	if n := Run(ctx, []string{"log", "countries", "MK", "--dsn", dsn}, nil, &log, &log); n != exitOK || !strings.Contains(log.String(), "Prespa agreement") {
		t.Errorf("log: exit code %d\n%s", n, log.String())
	}
	interrupt()
	if n := <-code; n != exitOK {
		t.Errorf("exit code %d\n%s", n, out.String())
	}
	if conn, err := pgx.Connect(t.Context(), dsn); err == nil {
		_ = conn.Close(t.Context())
		t.Error("the server is still there")
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
