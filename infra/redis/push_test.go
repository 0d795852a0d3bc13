package redis

import (
	"testing"
	"time"

	"github.com/parleyhq/parley/transport/push"
	"github.com/parleyhq/parley/transport/push/pushtest"
)

// N7: what may be lost between nodes.
func TestBus(t *testing.T) {
	t.Parallel()
	pushtest.Bus(t, func(t testing.TB) (a, b push.Bus) {
		o := options("redis://"+newServer(t).Addr(), "test:")
		return connect(t, o).Bus(), connect(t, o).Bus()
	})
}

// N7: a bus finds a server again that was away, without being asked to.
func TestBusOutlivesItsServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := connect(t, options("redis://"+s.Addr(), "test:"))
	pushtest.Outlives(t, c.Bus(), s.Close, func() {
		if err := s.Restart(); err != nil {
			t.Fatal(err)
		}
	})
}

// N7: who is connected where.
func TestRoutes(t *testing.T) {
	t.Parallel()
	pushtest.Routes(t, func(t testing.TB) (push.Routes, func(time.Duration), func()) {
		s := newServer(t)
		c := connect(t, options("redis://"+s.Addr(), "test:"))
		return c.Routes(), s.advance, func() { empty(t, c) }
	})
}
