package redis

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/commands/commandstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a Redis in this process, whose clock only tests put forward.
type server struct {
	*miniredis.Miniredis
	at time.Time
}

func newServer(t testing.TB) *server {
	t.Helper()
	s := &server{miniredis.NewMiniRedis(), time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)}
	s.SetTime(s.at)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func (s *server) advance(d time.Duration) {
	s.at = s.at.Add(d)
	s.SetTime(s.at)
	s.FastForward(d)
}

func options(url, prefix string) Options {
	return Options{
		URL: url, Prefix: prefix, PoolMax: 8, PoolIdle: 2, ConnectTimeout: time.Minute, CallTimeout: time.Minute,
		Log: slog.New(slog.DiscardHandler),
	}
}

func connect(t testing.TB, o Options) *Client {
	t.Helper()
	c, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// common is a client's Shared with all that the suite does to it.
func common(t testing.TB, c *Client, advance commandstest.Advance) commandstest.Common {
	return commandstest.Common{
		Store: c.Shared(), Advance: advance,
		Empty: func() { empty(t, c) },
		Listen: func(ctx context.Context, ready func(), hear func([]byte)) {
			go func() {
				channel := c.key(commands.RevokedChannel)
				for ctx.Err() == nil {
					if n, err := c.rdb.PubSubNumSub(ctx, channel).Result(); err == nil && n[channel] == 1 {
						ready()
						return
					}
				}
			}()
			_ = c.Bus().Listen(ctx, []string{commands.RevokedChannel}, func(_ string, m []byte) { hear(m) })
		},
	}
}

// empty removes what the client's prefix has.
func empty(t testing.TB, c *Client) {
	t.Helper()
	ctx := context.Background()
	all := c.rdb.Scan(ctx, 0, c.prefix+"*", 1000).Iterator()
	for all.Next(ctx) {
		if err := c.rdb.Del(ctx, all.Val()).Err(); err != nil {
			t.Error(err)
		}
	}
	if err := all.Err(); err != nil {
		t.Error(err)
	}
}

// N4, S9: tickets, captchas, nonces.
func TestEphemeral(t *testing.T) {
	t.Parallel()
	commandstest.Ephemeral(t, func(t testing.TB) (commands.Ephemeral, commandstest.Advance) {
		s := newServer(t)
		c := connect(t, options("redis://"+s.Addr(), "test:"))
		return c.Ephemeral(), func(d time.Duration) { s.advance(d) }
	})
}

// A3, S5, S11: what nodes share about who asks.
func TestShared(t *testing.T) {
	t.Parallel()
	commandstest.Shared(t, func(t testing.TB) commandstest.Common {
		s := newServer(t)
		return common(t, connect(t, options("redis://"+s.Addr(), "test:")), s.advance)
	})
}

// Everything but the mark expires, and all of it has the prefix.
func TestEverythingExpires(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c, ctx := connect(t, options("redis://"+s.Addr(), "test:")), t.Context()
	account, session := uuid.New(), uuid.New()
	shared, kept, routes := c.Shared(), c.Ephemeral(), c.Routes()
	lock := []commands.Lock{{Key: "k", Failures: 1, First: time.Second, Longest: time.Minute}}
	for i, do := range []func() error{
		func() error {
			_, err := shared.Renew(ctx, "", func(context.Context) (string, error) { return "m", nil })
			return err
		},
		func() error {
			_, _, err := shared.Pass(ctx, []commands.Draw{{Rule: "r", Key: "10.1.2.3", Rate: commands.Rate{Count: 1, Per: time.Minute}}}, account, session)
			return err
		},
		func() error { _, err := shared.Settle(ctx, lock, true); return err },
		func() error {
			return shared.Revoke(ctx, commands.Revocation{Account: account, Session: session}, time.Minute)
		},
		func() error { return shared.Revoke(ctx, commands.Revocation{Account: account, Epoch: 1}, time.Minute) },
		func() error { return shared.Enlist(ctx, uuid.New(), "m", time.Minute) },
		func() error { return kept.PutAmong(ctx, "g", 2, "a", nil, time.Minute) },
		func() error { _, err := kept.Add(ctx, "b", nil, time.Minute); return err },
		func() error { return kept.Put(ctx, "c", nil, time.Minute) },
		func() error { _, err := routes.Enter(ctx, account, "node", session, 1, time.Minute); return err },
		func() error {
			return routes.Touch(ctx, "node", map[uuid.UUID]uuid.UUID{uuid.New(): uuid.New()}, time.Minute)
		},
	} {
		if err := do(); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if n := len(s.Keys()); n < 11 {
		t.Errorf("only %d keys: %q", n, s.Keys())
	}
	for _, key := range s.Keys() {
		if !strings.HasPrefix(key, "test:") || strings.Contains(key, "10.1.2.3") {
			t.Errorf("key %q", key)
		}
		if key != "test:mark" && s.TTL(key) <= 0 {
			t.Errorf("%q does not expire", key)
		}
	}
	s.advance(2 * time.Hour)
	if keys := s.Keys(); len(keys) != 1 {
		t.Errorf("after two hours: %q", keys)
	}
}

// rounds counts round trips.
type rounds struct{ commands, pipelines []string }

// DialHook implements redis.Hook, as the others do.
func (r *rounds) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook counts commands by themselves.
func (r *rounds) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() != "hello" { // of a new connection
			r.commands = append(r.commands, cmd.Name())
		}
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook counts pipelines.
func (r *rounds) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		var names []string
		for _, cmd := range cmds {
			names = append(names, cmd.Name())
		}
		r.pipelines = append(r.pipelines, strings.Join(names, " "))
		return next(ctx, cmds)
	}
}

// S5, S11: limits and the look-up of a session are one round trip together,
// but for the first one of a server that does not know the script.
func TestPassIsOneRoundTrip(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := connect(t, options("redis://"+s.Addr(), "test:"))
	want := passes(t, c)
	if err := c.rdb.ScriptFlush(t.Context()).Err(); err != nil { // as after a restart
		t.Fatal(err)
	}
	want("evalsha mget", "eval mget")
}

// passes lets a server learn the script, holds that each pass is one round
// trip then, and gives the function that does so.
func passes(t *testing.T, c *Client) (want func(pipelines ...string)) {
	t.Helper()
	count := &rounds{}
	c.rdb.AddHook(count)
	draws := []commands.Draw{
		{Rule: "account", Key: "a", Rate: commands.Rate{Count: 10, Per: time.Minute}},
		{Rule: "write", Key: "a", Rate: commands.Rate{Count: 10, Per: time.Minute}},
	}
	want = func(pipelines ...string) {
		t.Helper()
		*count = rounds{}
		if _, _, err := c.Shared().Pass(t.Context(), draws, uuid.New(), uuid.New()); err != nil {
			t.Fatal(err)
		}
		if strings.Join(count.pipelines, ",") != strings.Join(pipelines, ",") || len(count.commands) > 0 {
			t.Errorf("round trips %q and %q, want %q", count.pipelines, count.commands, pipelines)
		}
	}
	if _, _, err := c.Shared().Pass(t.Context(), draws, uuid.New(), uuid.New()); err != nil { // it knows the script now
		t.Fatal(err)
	}
	for range 3 {
		want("evalsha mget")
	}
	return want
}

// O2: what cannot be reached is named, what is secret is not.
func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.RequireAuth("right")
	gone := newServer(t)
	address := gone.Addr()
	gone.Close()
	for url, want := range map[string]string{
		"redis://:secret@" + s.Addr():        "redis at " + s.Addr() + ": ping: WRONGPASS",
		"redis://:secret@" + address:         "redis at " + address + ": ping: dial tcp",
		"http://:secret@" + address:          "redis: the URL must look like",
		"redis://:secret@127.0.0.1:1/notadb": "redis: the URL must look like",
	} {
		o := options(url, "test:")
		o.Retries = 1
		c, err := Open(t.Context(), o)
		if c != nil || err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", url, err)
		}
	}
	connect(t, options("redis://:right@"+s.Addr()+"/3", "test:"))
}
