package yoretest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"yore.example/yore"
	"yore.example/yore/pgdev"
)

// An Option says what is in a test's database, or where it is.
type Option func(*options)

type options struct {
	server *pgdev.Server
	useEnv bool
	steps  []step
	err    error
}

// A step prepares the template.
type step struct {
	name string // for errors
	id   string // what tells it from all others
	run  func(ctx context.Context, dsn string) error
}

// Script runs SQL when the template is made, after yore is installed: one
// statement or several, in one transaction unless they say BEGIN and COMMIT.
func Script(sql string) Option {
	return func(o *options) { o.script("the script", sql) }
}

// Files runs SQL files when the template is made, each as a Script, in the order
// of the patterns, and of the names for each pattern: Files(os.DirFS("migrations"),
// "*.up.sql"). Changed contents make another template. A pattern without a file
// is an error.
func Files(fsys fs.FS, patterns ...string) Option {
	return func(o *options) {
		for _, pattern := range patterns {
			names, err := fs.Glob(fsys, pattern)
			if err == nil && len(names) == 0 {
				err = errors.New("no file has such a name")
			}
			if err != nil {
				o.err = errors.Join(o.err, fmt.Errorf("pattern %q: %w", pattern, err))
				continue
			}
			slices.Sort(names)
			for _, name := range names {
				sql, err := fs.ReadFile(fsys, name)
				if err != nil {
					o.err = errors.Join(o.err, err)
					continue
				}
				o.script(name, string(sql))
			}
		}
	}
}

// Migrate calls fn with the template's connection string when the template is
// made, after yore is installed: for migration tools. What fn does is known by
// id alone; where templates outlive the process (YORE_TEST_DSN, UseEnv), let id
// change with what fn does, say by having a hash of the migrations in it.
func Migrate(id string, fn func(ctx context.Context, dsn string) error) Option {
	return func(o *options) {
		o.steps = append(o.steps, step{name: fmt.Sprintf("migration %q", id), id: "migrate " + id, run: fn})
	}
}

// On has the database made on that server.
func On(server *pgdev.Server) Option {
	return func(o *options) { o.server = server }
}

// UseEnv allows the database to be made on the server that DATABASE_URL, or
// else PGHOST, PGPORT, PGSERVICE or PGDATABASE name, if YORE_TEST_DSN names none.
// Without it, they are not looked at: they may name one that is no playground.
func UseEnv() Option {
	return func(o *options) { o.useEnv = true }
}

func (o *options) script(name, sql string) {
	o.steps = append(o.steps, step{name: name, id: "script " + sql, run: func(ctx context.Context, dsn string) error {
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(ctx) }()
		_, err = conn.PgConn().Exec(ctx, sql).ReadAll()
		return located(err, sql)
	}})
}

// located adds the line to an error whose place in sql is known.
func located(err error, sql string) error {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return err
	}
	text := []rune(sql)
	if e.Position < 1 || int(e.Position) > len(text)+1 {
		return yore.Explain(err)
	}
	before := strings.Split(string(text[:e.Position-1]), "\n")
	line := strings.Split(sql, "\n")[len(before)-1]
	return fmt.Errorf("%w\n    line %d: %s", yore.Explain(err), len(before), strings.TrimSpace(line))
}

var machinery = sync.OnceValue(func() []byte {
	sum := sha256.Sum256([]byte(yore.Script()))
	return sum[:]
})

// template is the name of the template with these steps.
func (o *options) template() string {
	h := sha256.New()
	h.Write(machinery())
	for _, s := range o.steps {
		fmt.Fprintf(h, "%q", s.id)
	}
	return "yoretest_" + hex.EncodeToString(h.Sum(nil))[:20]
}

func (o *options) prepare(ctx context.Context, dsn string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	if err := yore.Install(ctx, conn); err != nil {
		return err
	}
	for _, s := range o.steps {
		if err := s.run(ctx, dsn); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}
