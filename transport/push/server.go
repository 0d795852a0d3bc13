package push

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parleyhq/parley/domain/fault"
)

// Server is the sockets of one node. New makes it, Run runs it, ServeHTTP
// answers GET /v1/push.
type Server struct {
	cfg  Config
	deps Deps
	log  *slog.Logger

	hub     *hub
	nodes   *neighbours
	writers *writers
	replays chan struct{} // bounded by maxReplays

	// position is the highest that the feeder has seen: it is raised before the
	// event at that position is handed out, and never falls. Events of other
	// roots may still come from below it.
	position atomic.Uint64
	erased   uint64 // the feeder's: position of the newest erasure

	life    context.Context // of everything that sockets do
	end     context.CancelFunc
	running sync.WaitGroup // readers, blocked writers, replays

	mu    sync.Mutex
	phase phase
}

type phase uint8

const (
	starting phase = iota
	serving
	leaving
)

// New makes a server; it serves once Run runs.
func New(cfg Config, deps Deps) *Server {
	if deps.Feed == nil {
		deps.Feed = deps.Store
	}
	s := &Server{
		cfg: cfg, deps: deps, log: quiet(deps.Log), hub: newHub(), writers: newWriters(),
		replays: make(chan struct{}, maxReplays),
	}
	s.nodes = &neighbours{s: s}
	s.life, s.end = context.WithCancel(context.Background())
	return s
}

// Run feeds the sockets until ctx ends, then closes them with 4002 and waits
// for them a moment.
func (s *Server) Run(ctx context.Context) error {
	head, err := s.deps.Store.Head(ctx)
	if ctx.Err() != nil { // told to end before it began
		s.leave()
		return nil
	}
	if err != nil {
		return err
	}
	s.position.Store(head)

	var crew sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		crew.Go(s.writers.run)
	}
	feeding, stop := context.WithCancel(ctx)
	crew.Go(func() { s.sweep(feeding) })
	crew.Go(func() { s.nodes.listen(feeding) })
	crew.Go(func() { s.nodes.beat(feeding) })
	s.enter(serving)
	err = s.feed(feeding)
	stop()
	s.leave()
	s.writers.stop()
	crew.Wait()
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// Ready says whether sockets are taken.
func (s *Server) Ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == serving
}

func (s *Server) enter(p phase) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p > s.phase {
		s.phase = p
	}
}

// begin counts a socket in, unless the server does not serve.
func (s *Server) begin(f func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != serving {
		return fault.ErrUnavailable
	}
	s.running.Go(f)
	return nil
}

// leave says goodbye to every socket and waits for them: first for clients to
// go, then for ourselves.
func (s *Server) leave() {
	s.enter(leaving)
	conns := s.hub.everyone()
	for _, c := range conns {
		c.close(CloseGoingAway)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		s.running.Wait()
	}()
	select {
	case <-gone:
	case <-time.After(s.cfg.Shutdown):
		for _, c := range conns {
			c.broken()
		}
	}
	s.end()
	<-gone
}

// sweep drops rings that nobody reads any more.
func (s *Server) sweep(ctx context.Context) {
	t := time.NewTicker(idleRing / 3)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			s.hub.sweep(time.Now().Add(-idleRing))
		}
	}
}

// Sockets is how many are open.
func (s *Server) Sockets() int { return s.hub.count() }
