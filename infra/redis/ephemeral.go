package redis

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// Ephemeral is a commands.Ephemeral. How much it holds, the server's maxmemory
// says.
type Ephemeral struct{ c *Client }

// Ephemeral keeps small values for a short time.
func (c *Client) Ephemeral() Ephemeral { return Ephemeral{c} }

func (e Ephemeral) key(key string) string { return e.c.key("kept", key) }

// Put implements commands.Ephemeral.
func (e Ephemeral) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return e.c.wrap("put", e.c.rdb.Set(ctx, e.key(key), value, time.Duration(milliseconds(ttl))*time.Millisecond).Err())
}

// putAmong keeps a value, and of its group's members those that still stand,
// the newest ones. A group is a sorted set of keys by time.
var putAmong = redis.NewScript(`
local value, group = KEYS[1], KEYS[2]
local ttl, most = tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('SET', value, ARGV[1], 'PX', ttl)
local t = redis.call('TIME')
redis.call('ZADD', group, t[1] * 1000000 + t[2], value)
if redis.call('PTTL', group) < ttl then redis.call('PEXPIRE', group, ttl) end
if redis.call('ZCARD', group) > most then
  for _, other in ipairs(redis.call('ZRANGE', group, 0, -1)) do
    if redis.call('EXISTS', other) == 0 then redis.call('ZREM', group, other) end
  end
  local over = redis.call('ZCARD', group) - most
  if over > 0 then
    for _, oldest in ipairs(redis.call('ZRANGE', group, 0, over - 1)) do
      redis.call('DEL', oldest)
      redis.call('ZREM', group, oldest)
    end
  end
end
return 1`)

// PutAmong implements commands.Ephemeral.
func (e Ephemeral) PutAmong(ctx context.Context, group string, most int, key string, value []byte, ttl time.Duration) error {
	keys := []string{e.key(key), e.c.key("group", group)}
	return e.c.wrap("put", putAmong.Run(ctx, e.c.rdb, keys, value, milliseconds(ttl), most).Err())
}

// Add implements commands.Ephemeral.
func (e Ephemeral) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	err := e.c.rdb.SetArgs(ctx, e.key(key), value, redis.SetArgs{Mode: "NX", TTL: time.Duration(milliseconds(ttl)) * time.Millisecond}).Err()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	return err == nil, e.c.wrap("add", err)
}

// Get implements commands.Ephemeral.
func (e Ephemeral) Get(ctx context.Context, key string) ([]byte, bool, error) {
	return e.found("get", e.c.rdb.Get(ctx, e.key(key)))
}

// Take implements commands.Ephemeral.
func (e Ephemeral) Take(ctx context.Context, key string) ([]byte, bool, error) {
	return e.found("take", e.c.rdb.GetDel(ctx, e.key(key)))
}

func (e Ephemeral) found(doing string, got *redis.StringCmd) ([]byte, bool, error) {
	b, err := got.Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, false, nil
	}
	return b, err == nil, e.c.wrap(doing, err)
}
