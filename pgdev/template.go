package pgdev

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// databases is what a server remembers of the databases that it made.
type databases struct {
	mu        sync.Mutex
	templates map[string]*template
	made      map[string]bool // databases still there, for a server that is not ours

	create sync.Mutex // one CREATE DATABASE at a time
}

type template struct {
	database string
	done     chan struct{} // closed when prepared, or failed
	ok       bool
}

// Template makes a database that Clone can copy: it creates it, calls prepare
// with its DSN and then closes it to connections. This happens once for each
// server and name: a call for a name that is there returns at once, and
// concurrent calls wait for the first. If prepare fails the database is
// dropped and the next call tries again. Under [Options.KeepTemplates] an
// earlier process, or another one, may have been the first.
func (s *Server) Template(ctx context.Context, name string, prepare func(ctx context.Context, dsn string) error) error {
	for {
		s.mu.Lock()
		t := s.templates[name]
		if t == nil {
			t = &template{database: s.databaseName(name), done: make(chan struct{})}
			if s.templates == nil {
				s.templates = make(map[string]*template)
			}
			s.templates[name] = t
			s.mu.Unlock()
			return s.prepare(ctx, name, t, prepare)
		}
		s.mu.Unlock()
		select {
		case <-t.done:
		case <-ctx.Done():
			return fmt.Errorf("pgdev: waiting for template %q: %w", name, context.Cause(ctx))
		}
		if t.ok {
			return nil
		}
	}
}

// databaseName returns name, made unique on a server that is not ours alone
// unless the template is to be found again.
func (s *Server) databaseName(name string) string {
	if s.dog != nil {
		return name
	}
	if s.keep {
		return keptPrefix + name
	}
	return "yore_" + randomText(10) + "_" + name
}

func (s *Server) prepare(ctx context.Context, name string, t *template, prepare func(context.Context, string) error) error {
	created := false
	// Deferred, for prepare may panic or end the goroutine as t.FailNow does.
	defer func() {
		if !t.ok {
			if created {
				s.dropDatabase(t.database)
			}
			s.mu.Lock()
			delete(s.templates, name)
			s.mu.Unlock()
		}
		close(t.done)
	}()
	if s.keep {
		unlock, there, err := s.lockKept(ctx, t.database)
		if err != nil {
			return fmt.Errorf("pgdev: template %q: %w", name, err)
		}
		defer unlock()
		if there {
			t.ok = true
			return nil
		}
	}
	if err := s.createDatabase(ctx, t.database, ""); err != nil {
		return fmt.Errorf("pgdev: template %q: %w", name, err)
	}
	created = true
	if err := prepare(ctx, s.DSN(t.database)); err != nil {
		return fmt.Errorf("pgdev: preparing template %q: %w", name, err)
	}
	err := s.admin(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "ALTER DATABASE "+quote(t.database)+" WITH ALLOW_CONNECTIONS false IS_TEMPLATE true")
		if err != nil {
			return err
		}
		// What prepare left open would make every Clone fail.
		_, err = conn.Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", t.database)
		if err != nil || !s.keep {
			return err
		}
		s.dropOldKept(ctx, conn)
		s.forget(t.database)
		return s.markKept(ctx, conn, t.database)
	})
	if err != nil {
		return fmt.Errorf("pgdev: closing template %q: %w", name, err)
	}
	t.ok = true
	return nil
}

// Clone creates a database with a unique name as a copy of a template and
// returns its DSN. drop removes it, cutting open connections; it can be left
// out, for the database ends with the server.
func (s *Server) Clone(ctx context.Context, template string) (dsn string, drop func(), err error) {
	s.mu.Lock()
	t := s.templates[template]
	s.mu.Unlock()
	if t == nil {
		return "", nil, fmt.Errorf("pgdev: there is no template %q; call Template first", template)
	}
	select {
	case <-t.done:
	case <-ctx.Done():
		return "", nil, fmt.Errorf("pgdev: waiting for template %q: %w", template, context.Cause(ctx))
	}
	if !t.ok {
		return "", nil, fmt.Errorf("pgdev: template %q failed; see the error of Template", template)
	}
	database := "yore_" + randomText(16)
	if err := s.createDatabase(ctx, database, t.database); err != nil {
		return "", nil, fmt.Errorf("pgdev: clone of template %q: %w", template, err)
	}
	return s.DSN(database), sync.OnceFunc(func() { s.dropDatabase(database) }), nil
}

// inUseTimeout bounds how long CREATE DATABASE is tried again.
const inUseTimeout = 30 * time.Second

// createDatabase copies a template, or template0 if that is empty. It leaves
// the strategy to PostgreSQL: over a test's whole cycle (clone, write, drop)
// FILE_COPY and WAL_LOG differed by less than the noise, on 15 and 18.
func (s *Server) createDatabase(ctx context.Context, database, template string) error {
	if template == "" {
		template = "template0"
	}
	sql := "CREATE DATABASE " + quote(database) + " TEMPLATE " + quote(template)
	s.create.Lock()
	defer s.create.Unlock()
	s.mu.Lock()
	if s.made == nil {
		s.made = make(map[string]bool)
	}
	s.made[database] = true
	s.mu.Unlock()
	giveUp := time.Now().Add(inUseTimeout)
	return s.admin(ctx, func(conn *pgx.Conn) error {
		for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
			_, err := conn.Exec(ctx, sql)
			if !inUse(err) || time.Now().After(giveUp) {
				return err
			}
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return err
			}
		}
	})
}

// inUse reports SQLSTATE object_in_use, as in "source database is being
// accessed by other users": autovacuum, or another process that copies it.
func inUse(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == "55006"
}

func (s *Server) dropDatabase(database string) error {
	if s.dog != nil && s.isStopped() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return s.admin(ctx, func(conn *pgx.Conn) error {
		// Only a database that is not marked can be dropped.
		conn.Exec(ctx, "ALTER DATABASE "+quote(database)+" WITH IS_TEMPLATE false")
		_, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(database)+" WITH (FORCE)")
		if err == nil {
			s.forget(database)
		}
		return err
	})
}

// forget takes a database off the list of those that Stop drops.
func (s *Server) forget(database string) {
	s.mu.Lock()
	delete(s.made, database)
	s.mu.Unlock()
}

// dropAll drops what is left of the databases made on a server that is not
// ours.
func (s *Server) dropAll() error {
	s.mu.Lock()
	var names []string
	for name := range s.made {
		names = append(names, name)
	}
	s.mu.Unlock()
	var errs []error
	for _, name := range names {
		if err := s.dropDatabase(name); err != nil {
			errs = append(errs, fmt.Errorf("pgdev: database %q is left on the server; drop it: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// admin calls do with a connection to the maintenance database.
func (s *Server) admin(ctx context.Context, do func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, s.DSN(""))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return do(conn)
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func escape(text string) string { return strings.ReplaceAll(text, "'", "''") }
