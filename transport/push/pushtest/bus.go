package pushtest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/parleyhq/parley/transport/push"
)

// patience bounds every wait for what must happen.
const patience = time.Minute

// Bus runs the suite. open gives two ends of a bus of its own to each test.
func Bus(t *testing.T, open func(testing.TB) (a, b push.Bus)) {
	t.Helper()
	t.Run("all hear what they listen to, in order", func(t *testing.T) {
		t.Parallel()
		a, b := open(t)
		heardA, heardB := listen(t, a, "one", "two"), listen(t, b, "two")
		heardA.until(t, a, "one")
		heardA.until(t, b, "two")
		heardB.until(t, a, "two")
		for i := range 100 {
			for _, channel := range []string{"one", "two", "three"} {
				must(t, b.Publish(t.Context(), channel, fmt.Append(nil, "\x00", i)))
			}
		}
		for i := range 100 {
			heardA.next(t, "one", fmt.Sprint("\x00", i))
			heardA.next(t, "two", fmt.Sprint("\x00", i))
			heardB.next(t, "two", fmt.Sprint("\x00", i))
		}
	})
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		a, _ := open(t)
		must(t, a.Publish(t.Context(), "one", []byte("x")))
	})
	t.Run("listening ends", func(t *testing.T) {
		t.Parallel()
		a, _ := open(t)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.Listen(ctx, []string{"one"}, func(string, []byte) {}) }()
		stop()
		select {
		case err := <-ended:
			if err == nil {
				t.Error("it ended without saying why")
			}
		case <-time.After(patience):
			t.Error("it did not end")
		}
	})
}

// Outlives tests that a bus goes on when its server was away.
func Outlives(t *testing.T, b push.Bus, stop, start func()) {
	t.Helper()
	h := listen(t, b, "one")
	h.until(t, b, "one")
	stop()
	if err := b.Publish(t.Context(), "one", []byte("x")); err == nil {
		t.Error("published to nobody")
	}
	start()
	h.until(t, b, "one")
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type heard struct{ messages chan [2]string }

// listen listens until the test ends.
func listen(t testing.TB, b push.Bus, channels ...string) heard {
	h := heard{make(chan [2]string, 1000)}
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		_ = b.Listen(ctx, channels, func(channel string, m []byte) { h.messages <- [2]string{channel, string(m)} })
	})
	t.Cleanup(func() {
		stop()
		all.Wait()
	})
	return h
}

// until publishes until it is heard: from then on nothing is missed.
func (h heard) until(t testing.TB, from push.Bus, channel string) {
	t.Helper()
	for range 10_000 {
		_ = from.Publish(context.Background(), channel, []byte("ready")) // the server may be about to start
		select {
		case <-h.messages:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatal("nothing is heard")
}

// next waits for a message; those that until published do not count.
func (h heard) next(t testing.TB, channel, message string) {
	t.Helper()
	for {
		select {
		case m := <-h.messages:
			if m[1] == "ready" {
				continue
			}
			if m != [2]string{channel, message} {
				t.Fatalf("heard %q, want %q on %s", m, message, channel)
			}
			return
		case <-time.After(patience):
			t.Fatalf("%q on %s was not heard", message, channel)
		}
	}
}
