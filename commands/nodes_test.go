package commands_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/commands/passwords"
	"github.com/parleyhq/parley/domain"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/infra/memory"
	"github.com/parleyhq/parley/infra/pebble"
	"github.com/parleyhq/parley/infra/redis"
)

const goodPassword = "correct horse battery staple"

// cluster is a log and a Redis, and nodes that share them.
type cluster struct {
	t      testing.TB
	log    event.Store
	codec  *event.Codec
	signer []byte
	redis  *miniredis.Miniredis
	stands time.Time    // where its clock stands but for moved; zero: it runs
	moved  atomic.Int64 // how far the clocks were put forward
	mails  atomic.Int64
}

func newCluster(t testing.TB) *cluster {
	t.Helper()
	log, err := pebble.Open("log", pebble.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	catalogue, err := domain.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	key, err := commands.GenerateKey("EdDSA")
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{t: t, log: log, codec: event.NewCodec(catalogue, keys{}), signer: key, redis: miniredis.RunT(t)}
}

func (c *cluster) now() time.Time {
	now := c.stands
	if now.IsZero() {
		now = time.Now().UTC()
	}
	return now.Add(time.Duration(c.moved.Load())).Truncate(time.Millisecond)
}

// stand stops the clock, so that no bucket fills and no code gets old by chance.
func (c *cluster) stand() *cluster {
	c.stands = c.now()
	c.redis.SetTime(c.stands)
	return c
}

// patience is how long a starved machine may take for one step.
const patience = time.Minute

// pass lets time pass, in Redis too.
func (c *cluster) pass(d time.Duration) {
	d += time.Millisecond // what now truncates
	now := c.now().Add(d)
	c.moved.Add(int64(d))
	c.redis.SetTime(now) // where it stays from then on
	c.redis.FastForward(d)
}

// node is a process of the cluster, until the test ends.
func (c *cluster) node(adjust func(*commands.Config, *commands.Deps)) *commands.Commands {
	c.t.Helper()
	cfg := commands.Defaults()
	cfg.Now = c.now
	cfg.AppendTimeout, cfg.HashWait = patience, patience
	cfg.PasswordCost = passwords.Cost{Memory: 1024, Time: 1, Threads: 1} // long enough for guesses at once to be at once
	cfg.SharedSlow, cfg.SharedPause = patience, 20*time.Millisecond
	cfg.Captcha.Policy = commands.CaptchaOff
	limits := memory.NewLimits(10_000, c.now)
	client, err := redis.Open(context.Background(), redis.Options{
		URL: "redis://" + c.redis.Addr(), Prefix: "p:", PoolMax: 8, PoolIdle: 2,
		ConnectTimeout: patience, CallTimeout: patience, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	deps := commands.Deps{
		Store: c.log, Codec: c.codec, Keyring: keys{}, Mail: c, Log: slog.New(slog.DiscardHandler),
		Limits: limits, Tallies: limits, Shared: client.Shared(), Ephemeral: client.Ephemeral(),
	}
	adjust(&cfg, &deps)
	if deps.Tokens, err = commands.NewTokens(commands.TokensConfig{
		Algorithm: "EdDSA", Keys: []commands.SigningKey{{Bytes: c.signer}}, Issuer: "parley", Audience: "parley",
		TTL: 15 * time.Minute, Cache: 1024, Now: cfg.Now, NewID: cfg.NewID,
	}); err != nil {
		c.t.Fatal(err)
	}
	n, err := commands.New(cfg, deps)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	c.t.Cleanup(func() {
		n.Close(context.Background())
		stop()
		if err := <-done; err != nil {
			c.t.Error(err)
		}
		_ = client.Close()
	})
	return n
}

// eachStack runs a test on one process, and on two that share a Redis: here and
// there are then not the same. The clock stands.
func eachStack(t *testing.T, adjust func(*commands.Config, *commands.Deps), test func(t *testing.T, c *cluster, here, there *commands.Commands)) {
	t.Run("one process", func(t *testing.T) {
		t.Parallel()
		c := newCluster(t).stand()
		n := c.node(func(cfg *commands.Config, deps *commands.Deps) {
			deps.Shared, deps.Ephemeral = nil, memory.NewEphemeral(1000, c.now)
			adjust(cfg, deps)
		})
		test(t, c, n, n)
	})
	t.Run("two nodes", func(t *testing.T) {
		t.Parallel()
		c := newCluster(t).stand()
		test(t, c, c.node(adjust), c.node(adjust))
	})
}

// asIs leaves a node as it is.
func asIs(*commands.Config, *commands.Deps) {}

// Send implements commands.Mailer.
func (c *cluster) Send(context.Context, commands.Mail) error {
	c.mails.Add(1)
	return nil
}

// member signs somebody up and in.
func (c *cluster) member(n *commands.Commands, handle string) commands.SignedIn {
	c.t.Helper()
	_, err := n.SignUp(c.t.Context(), commands.SignUp{Email: handle + "@example.org", Handle: handle, Password: goodPassword})
	if err != nil {
		c.t.Fatal(err)
	}
	return c.signIn(n, handle)
}

func (c *cluster) signIn(n *commands.Commands, login string) commands.SignedIn {
	c.t.Helper()
	in, err := n.SignIn(c.t.Context(), commands.SignIn{Login: login, Password: goodPassword})
	if err != nil {
		c.t.Fatal(err)
	}
	return in
}

func actorOf(in commands.SignedIn) commands.Actor {
	return commands.Actor{Account: in.Account, Session: in.Session}
}

// want fails the test unless err is that fault; nil is none.
func want(t testing.TB, what string, err error, f *fault.Fault) {
	t.Helper()
	if f == nil && err != nil || f != nil && !errors.Is(err, f) {
		t.Errorf("%s: %v, want %v", what, err, f)
	}
}

// soon waits for a condition.
func soon(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// late is a store whose tail hears nothing new while it is held, and whose
// head may be away.
type late struct {
	event.Store
	mu   sync.Mutex
	held chan struct{} // nil: not held
	read atomic.Int64  // streams read
	away atomic.Bool
}

func (l *late) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = make(chan struct{})
}

func (l *late) let() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held != nil {
		close(l.held)
		l.held = nil
	}
}

// Head implements event.Store.
func (l *late) Head(ctx context.Context) (uint64, error) {
	if l.away.Load() {
		return 0, event.ErrClosed
	}
	return l.Store.Head(ctx)
}

// Stream implements event.Store.
func (l *late) Stream(ctx context.Context, stream string, from uint64, dir event.Direction) iter.Seq2[event.Record, error] {
	if strings.HasPrefix(stream, "session-") {
		l.read.Add(1)
	}
	return l.Store.Stream(ctx, stream, from, dir)
}

// Tail implements event.Store.
func (l *late) Tail(ctx context.Context, after uint64, f event.Filter) iter.Seq2[event.Message, error] {
	return func(yield func(event.Message, error) bool) {
		for m, err := range l.Store.Tail(ctx, after, f) {
			l.mu.Lock()
			held := l.held
			l.mu.Unlock()
			if held != nil {
				select {
				case <-held:
				case <-ctx.Done():
				}
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

// keys is a keyring whose keys follow from their names.
type keys struct{}

// EnsureAccount implements commands.Keyring.
func (keys) EnsureAccount(context.Context, uuid.UUID) error { return nil }

// EnsurePseudonym implements commands.Keyring.
func (keys) EnsurePseudonym(context.Context, uuid.UUID, uuid.UUID) error { return nil }

// System implements commands.Keyring.
func (keys) System(_ context.Context, name string) ([]byte, error) {
	sum := sha256.Sum256([]byte(name))
	return sum[:], nil
}

// SealingKey implements event.Keys.
func (k keys) SealingKey(ctx context.Context, o event.Owner) (string, cipher.AEAD, error) {
	id := string(o.Class) + o.Account.String()
	key, err := k.OpeningKey(ctx, id)
	return id, key, err
}

// OpeningKey implements event.Keys.
func (keys) OpeningKey(_ context.Context, id string) (cipher.AEAD, error) {
	sum := sha256.Sum256([]byte(id))
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
