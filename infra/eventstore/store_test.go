package eventstore_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/event/eventtest"
	"github.com/parleyhq/parley/infra/eventstore"
	"github.com/parleyhq/parley/infra/pebble"
	"github.com/parleyhq/parley/transport/eventgrpc"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dlclark/regexp2.runClock"))
}

// O2, Q1: over a bare log the adapter is a store like any other.
func TestConformance(t *testing.T) {
	t.Parallel()
	eventtest.Run(t, func(t testing.TB) event.Store { return open(t, serve(t).url(), eventstore.Options{}) })
}

// patience bounds every wait.
const patience = 60 * time.Second

// bare is a bare log on a real socket, as the role log serves it. It can be
// stopped and started again at the same address.
type bare struct {
	testing.TB
	dir, address string
	store        *pebble.Log
	stop         func()
}

func serve(t testing.TB) *bare {
	t.Helper()
	b := &bare{TB: t, dir: t.TempDir(), address: "127.0.0.1:0"}
	b.start()
	t.Cleanup(func() { b.stop() })
	return b
}

func (b *bare) url() string { return "esdb://" + b.address + "?tls=false" }

func (b *bare) start() {
	b.Helper()
	var err error
	if b.store, err = pebble.Open(b.dir, pebble.Options{MaxEvent: 1 << 20}); err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", b.address)
	if err != nil {
		b.Fatal(err)
	}
	b.address = l.Addr().String()
	server := eventgrpc.New(eventgrpc.Config{Store: b.store})
	running, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(running, l, 100*time.Millisecond) }()
	stopped := false
	b.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := errors.Join(<-ended, b.store.Close()); err != nil {
			b.Errorf("stop the server: %v", err)
		}
	}
}

func open(t testing.TB, url string, o eventstore.Options) *eventstore.Store {
	t.Helper()
	o.URL = url
	s, err := eventstore.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}
