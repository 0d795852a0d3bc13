package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/parleyhq/parley/cmd/settings"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/infra/telemetry"
	"github.com/parleyhq/parley/transport/rest"
)

// front is the HTTP server of a process from its first moment: while the
// engines are being opened it answers health, and 503 to everything else.
type front struct {
	server  *http.Server
	scheme  string // "http", or "https" with a certificate
	served  chan error
	handler atomic.Pointer[http.Handler]

	mu           sync.Mutex
	dependencies []rest.Dependency
}

func newFront(cfg settings.Settings, log *slog.Logger) (*front, error) {
	f := &front{served: make(chan error, 1), scheme: "http"}
	api, err := rest.New(rest.Config{
		NoAPI: true, Unrouted: fault.ErrUnavailable.Because(errors.New("starting")), Log: log, Now: now,
		Version: Version(), Metrics: telemetry.NewMetrics(Version()), Ready: f.readiness,
	})
	if err != nil {
		return nil, err
	}
	f.swap(api.Handler())
	f.server = httpServer(api, cfg)
	certificate, err := newCertificate(cfg, log)
	if err != nil {
		return nil, err
	}
	if certificate != nil {
		f.scheme, f.server.TLSConfig = "https", certificate.TLS()
	}
	f.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*f.handler.Load()).ServeHTTP(w, r) })
	return f, nil
}

// serve begins to answer; close ends it.
func (f *front) serve(l net.Listener) {
	go func() {
		var err error
		if f.server.TLSConfig != nil {
			err = f.server.ServeTLS(l, "", "")
		} else {
			err = f.server.Serve(l)
		}
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		f.served <- err
	}()
}

// swap puts the services in the place of whoever answered before.
func (f *front) swap(h http.Handler) { f.handler.Store(&h) }

// failed is told when the server ends by itself.
func (f *front) failed() <-chan error { return f.served }

// close answers what was read, as long as ctx allows.
func (f *front) close(ctx context.Context) error {
	if err := f.server.Shutdown(ctx); err != nil {
		return late(errors.Join(err, f.server.Close()))
	}
	return nil
}

// report notes how it stands with a dependency.
func (f *front) report(name string, problem error) {
	d := rest.Dependency{Name: name, State: rest.Up}
	if problem != nil {
		d.State = rest.Down
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	at := slices.IndexFunc(f.dependencies, func(other rest.Dependency) bool { return other.Name == name })
	if at < 0 {
		f.dependencies = append(f.dependencies, d)
		slices.SortFunc(f.dependencies, func(a, b rest.Dependency) int { return strings.Compare(a.Name, b.Name) })
		return
	}
	f.dependencies[at] = d
}

// readiness is never ready: the services are, once they are there.
func (f *front) readiness(context.Context) rest.Readiness {
	f.mu.Lock()
	defer f.mu.Unlock()
	return rest.Readiness{Dependencies: slices.Clone(f.dependencies)}
}

// listen takes the address of a setting, or says why it cannot.
func listen(setting, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("cannot listen on %s: another program does; --%s takes another address", address, setting)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", address, err)
	}
	return l, nil
}
