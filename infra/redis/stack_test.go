//go:build stack

package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/commands/commandstest"
	"github.com/parleyhq/parley/transport/push"
	"github.com/parleyhq/parley/transport/push/pushtest"
)

// realOptions reach the real server, with a prefix that nobody else has.
func realOptions(t testing.TB) Options {
	t.Helper()
	url := os.Getenv("PARLEY_TEST_REDIS")
	if url == "" {
		t.Fatal("PARLEY_TEST_REDIS names no server")
	}
	o := options(url, "test:"+rand.Text()+":")
	return o
}

// real is a client that leaves nothing behind.
func real(t testing.TB) *Client {
	t.Helper()
	c := connect(t, realOptions(t))
	t.Cleanup(func() { empty(t, c) })
	return c
}

// advance waits until so much has passed on the server: it blocks on a list
// that nobody fills, which ends by the server's clock.
func advance(t testing.TB, c *Client) commandstest.Advance {
	return func(d time.Duration) {
		t.Helper()
		ctx := context.Background()
		err := c.rdb.Do(ctx, "BLPOP", c.key("nothing"), (d + 5*time.Millisecond).Seconds()).Err()
		if !errors.Is(err, redis.Nil) {
			t.Fatal(err)
		}
	}
}

// N4, S9, on a real server.
func TestRealEphemeral(t *testing.T) {
	t.Parallel()
	commandstest.Ephemeral(t, func(t testing.TB) (commands.Ephemeral, commandstest.Advance) {
		c := real(t)
		return c.Ephemeral(), advance(t, c)
	})
}

// S5, S11, on a real server.
func TestRealShared(t *testing.T) {
	t.Parallel()
	commandstest.Shared(t, func(t testing.TB) commandstest.Common {
		c := real(t)
		return common(t, c, advance(t, c))
	})
}

// S5, S11: one round trip to a real server; others use it at once, so the
// script stays.
func TestRealPassIsOneRoundTrip(t *testing.T) {
	t.Parallel()
	passes(t, real(t))
}

// N7, on a real server.
func TestRealBus(t *testing.T) {
	t.Parallel()
	pushtest.Bus(t, func(t testing.TB) (a, b push.Bus) {
		o := realOptions(t)
		return connect(t, o).Bus(), connect(t, o).Bus()
	})
}

// N7, on a real server.
func TestRealRoutes(t *testing.T) {
	t.Parallel()
	pushtest.Routes(t, func(t testing.TB) (push.Routes, func(time.Duration), func()) {
		c := real(t)
		return c.Routes(), advance(t, c), func() { empty(t, c) }
	})
}

// S5, S11: what one look-up with two buckets costs beside a bare ping.
func BenchmarkRealPass(b *testing.B) {
	c := real(b)
	ctx := b.Context()
	many := commands.Rate{Count: 1e6, Per: time.Minute}
	draws := []commands.Draw{{Rule: "account", Key: "a", Rate: many}, {Rule: "write", Key: "a", Rate: many}}
	b.Run("ping", func(b *testing.B) {
		for b.Loop() {
			if err := c.Ping(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("pass", func(b *testing.B) {
		account, session := uuid.New(), uuid.New()
		for b.Loop() {
			if _, _, err := c.Shared().Pass(ctx, draws, account, session); err != nil {
				b.Fatal(err)
			}
		}
	})
}
