package redis

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Options say how to reach a server. All but Log are needed.
type Options struct {
	URL    string // redis://[user:password@]host:port[/database], or rediss:// for TLS
	Prefix string // of all keys and channels: "parley:"

	PoolMax, PoolIdle int // connections at most, and of those without work
	ConnectTimeout    time.Duration
	CallTimeout       time.Duration // of one try
	Retries           int           // of a call that broke off
	Log               *slog.Logger
}

// Client is the connections to one server. It is safe for use at once.
type Client struct {
	rdb     *redis.Client
	prefix  string
	address string
	log     *slog.Logger
}

// silence keeps the driver from writing to stderr by itself: what it meets, it
// also returns.
var silence = sync.OnceFunc(logging.Disable)

// Open connects. An error names the server, without what may be secret in its
// URL, and says what is wrong.
func Open(ctx context.Context, o Options) (*Client, error) {
	silence()
	opt, err := redis.ParseURL(o.URL)
	if err != nil {
		return nil, errors.New("redis: the URL must look like redis://user:password@host:6379/0")
	}
	opt.PoolSize, opt.MaxActiveConns, opt.MaxIdleConns = o.PoolMax, o.PoolMax, o.PoolIdle
	opt.DialTimeout, opt.PoolTimeout = o.ConnectTimeout, o.CallTimeout
	opt.ReadTimeout, opt.WriteTimeout = o.CallTimeout, o.CallTimeout
	opt.ContextTimeoutEnabled, opt.DisableIdentity = true, true
	opt.DialerRetries = 1
	if opt.MaxRetries = o.Retries; o.Retries == 0 {
		opt.MaxRetries = -1 // the driver's word for none
	}
	opt.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	c := &Client{rdb: redis.NewClient(opt), prefix: o.Prefix, address: opt.Addr, log: o.Log}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if err := c.Ping(ctx); err != nil {
		_ = c.rdb.Close()
		return nil, err
	}
	return c, nil
}

// Ping asks whether the server answers.
func (c *Client) Ping(ctx context.Context) error { return c.wrap("ping", c.rdb.Ping(ctx).Err()) }

// Close closes the connections. Whoever listens must have stopped.
func (c *Client) Close() error { return c.rdb.Close() }

// wrap says where it happened.
func (c *Client) wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("redis at %s: %s: %w", c.address, doing, err)
}

// key is a key of ours.
func (c *Client) key(parts ...string) string { return c.prefix + strings.Join(parts, ":") }

// hashed is a key of ours that tells nothing and has one length, whatever name
// is: an address, or something that a client made up.
func (c *Client) hashed(kind, name string) string {
	sum := sha256.Sum256([]byte(name))
	return c.key(kind, base64.RawURLEncoding.EncodeToString(sum[:16]))
}

// milliseconds is a time to live as Redis takes it: at least one.
func milliseconds(d time.Duration) int64 { return max(1, d.Milliseconds()) }

// unknown says whether a server did not know a script: one that started anew.
func unknown(err error) bool { return redis.HasErrorPrefix(err, "NOSCRIPT") }
