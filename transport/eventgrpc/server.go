package eventgrpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/net/netutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/event"
)

// Bounds of a server.
const (
	maxConnections = 1024
	maxCalls       = 1000     // at once, on one connection
	maxMessage     = 17 << 20 // bytes of one message, as EventStoreDB takes them
	maxWrites      = 1024     // writes at once; more wait
	maxEvents      = 10_000   // of one append
	maxAppend      = 32 << 20 // bytes of one append
	knownStreams   = 16 << 10 // whose state is kept in memory
	pingAfter      = 30 * time.Second
	pingTimeout    = 20 * time.Second
	pingsAtMost    = 5 * time.Second // clients ping every 10 s
)

// Config is what a Server needs.
type Config struct {
	Store         event.Store
	Owns          func(category string) bool // categories that are read-only here; nil: none
	AppendTimeout time.Duration              // how long a call waits for the log; 0: 30 s
	Now           func() time.Time           // for $maxAge; nil: time.Now
	NewID         func() uuid.UUID           // of subscriptions and system events; nil: random
	Log           *slog.Logger               // nil: nothing is logged

	TLS *tls.Config // nil: in the clear
	// Authenticate says for whom an API key acts that is sent as user name and
	// password; nil: everybody may do everything. It needs TLS, for the key would
	// travel in the clear. Errors: faults of kind Unauthorized.
	Authenticate func(ctx context.Context, user, password string) (commands.Actor, error)
	Recheck      time.Duration // how often a call that goes on asks again; 0: 500 ms
}

// Server speaks the protocol over one store. It must be the only writer of
// the streams that Owns does not name, because it keeps in memory which of
// them are deleted.
type Server struct {
	streams.UnimplementedStreamsServer

	cfg  Config
	grpc *grpc.Server

	locks [256]sync.RWMutex // of streams; held for writing by what changes their state
	known *lru.Cache[string, state]

	slots    chan struct{} // one for each write
	hearing  chan struct{} // one for each refused append that is heard out
	tasks    sync.WaitGroup
	stopping context.Context // ends what would not end by itself
	stop     context.CancelFunc
}

// New makes a server; nothing runs yet.
func New(cfg Config) *Server {
	if cfg.Owns == nil {
		cfg.Owns = func(string) bool { return false }
	}
	if cfg.AppendTimeout <= 0 {
		cfg.AppendTimeout = 30 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.NewID == nil {
		cfg.NewID = uuid.New
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Recheck <= 0 {
		cfg.Recheck = 500 * time.Millisecond
	}
	if cfg.Authenticate != nil && cfg.TLS == nil {
		panic("eventgrpc: API keys would travel in the clear") // whoever starts it made a mistake
	}
	s := &Server{cfg: cfg, slots: make(chan struct{}, maxWrites), hearing: make(chan struct{}, maxHeard)}
	s.known, _ = lru.New[string, state](knownStreams) // fails for a size below 1 alone
	s.stopping, s.stop = context.WithCancel(context.Background())
	secure := insecure.NewCredentials()
	if cfg.TLS != nil {
		secure = credentials.NewTLS(cfg.TLS)
	}
	s.grpc = grpc.NewServer(
		grpc.Creds(secure),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingsAtMost, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingAfter, Timeout: pingTimeout}),
		grpc.MaxConcurrentStreams(maxCalls), grpc.MaxRecvMsgSize(maxMessage),
		grpc.WaitForHandlers(true),
		grpc.UnaryInterceptor(s.unary), grpc.StreamInterceptor(s.stream),
	)
	streams.RegisterStreamsServer(s.grpc, s)
	n := &node{instance: cfg.NewID(), now: cfg.Now}
	serverfeatures.RegisterServerFeaturesServer(s.grpc, n)
	gossip.RegisterGossipServer(s.grpc, n)
	return s
}

// Run serves on the listener until ctx ends: then subscriptions end with
// UNAVAILABLE, calls at work are finished, and what is not done after grace is
// cut off. It closes the listener and is called once.
func (s *Server) Run(ctx context.Context, listener net.Listener, grace time.Duration) error {
	served := make(chan error, 1)
	go func() {
		err := s.grpc.Serve(netutil.LimitListener(listener, maxConnections))
		if errors.Is(err, grpc.ErrServerStopped) { // before it began; it closed the listener
			err = nil
		}
		served <- err
	}()
	var err error
	select {
	case <-ctx.Done():
	case err = <-served:
		served <- nil
	}
	s.stop()
	late := time.AfterFunc(grace, s.grpc.Stop)
	s.grpc.GracefulStop()
	late.Stop()
	err = errors.Join(err, <-served)
	s.tasks.Wait()
	if err != nil {
		return fmt.Errorf("EventStoreDB protocol: %w", err)
	}
	return nil
}

// during is ctx, ended too when the server stops.
func (s *Server) during(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(s.stopping, cancel)
	return ctx, func() { unhook(); cancel() }
}

func (s *Server) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (answer any, err error) {
	defer func() { err = s.answer(ctx, info.FullMethod, err, recover()) }()
	if err := s.admit(ctx, info.FullMethod); err != nil {
		return nil, err
	}
	return handler(ctx, req)
}

func (s *Server) stream(srv any, call grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	defer func() { err = s.answer(call.Context(), info.FullMethod, err, recover()) }()
	own, release, err := s.guard(call, info.FullMethod)
	if err != nil {
		return err
	}
	defer release()
	return ended(own.Context(), handler(srv, own))
}
