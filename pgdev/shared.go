package pgdev

import (
	"context"
	"fmt"
	"sync"
)

var (
	sharedMu sync.Mutex
	shared   = make(map[string]*sharedServer)
)

type sharedServer struct {
	done   chan struct{} // closed when started, or failed
	server *Server       // nil if failed
}

// Shared returns the one server that the process has for equal options
// (Progress aside), starting it at the first call; concurrent calls wait for
// that. It need not be stopped: it ends with the process.
func Shared(ctx context.Context, o Options) (*Server, error) {
	key := fmt.Sprint(o.Major, o.UseEnv, o.KeepTemplates, o.Listen, o.Settings, o.search, o.DSN)
	for {
		sharedMu.Lock()
		e := shared[key]
		if e == nil || e.stopped() {
			e = &sharedServer{done: make(chan struct{})}
			shared[key] = e
			sharedMu.Unlock()
			defer close(e.done)
			var err error
			e.server, err = Start(ctx, o)
			return e.server, err
		}
		sharedMu.Unlock()
		select {
		case <-e.done:
		case <-ctx.Done():
			return nil, fmt.Errorf("pgdev: waiting for the shared server: %w", context.Cause(ctx))
		}
		if e.server != nil && !e.stopped() {
			return e.server, nil
		}
	}
}

// stopped reports that the server failed to start or was stopped since.
func (e *sharedServer) stopped() bool {
	select {
	case <-e.done:
	default:
		return false
	}
	return e.server == nil || e.server.isStopped()
}

// StopShared stops the servers that Shared started, if any. For tests that
// look for leaks at the end of the process; otherwise not needed.
func StopShared() {
	sharedMu.Lock()
	servers := shared
	shared = make(map[string]*sharedServer)
	sharedMu.Unlock()
	for _, e := range servers {
		<-e.done
		if e.server != nil {
			e.server.Stop()
		}
	}
}
