package redis

import (
	"context"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/parleyhq/parley/commands"
)

// draw takes one out of each bucket (KEYS) of its size and period (ARGV, in
// pairs; microseconds). What is kept of a bucket is the time at which it will
// be full again, as in the generic cell rate algorithm (ITU-T I.371).
var draw = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local out = {}
for i, key in ipairs(KEYS) do
  local per, count = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local each = math.max(1, math.floor(per / count))
  local full = tonumber(redis.call('GET', key) or 0)
  if full < now then full = now end
  local wait = full + each - now - per
  if wait <= 0 then
    wait = 0
    full = full + each
    redis.call('SET', key, string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
  end
  out[#out + 1] = math.floor((per - (full - now)) / each)
  out[#out + 1] = full - now
  out[#out + 1] = wait
end
return out`)

// Draw implements commands.Limits.
func (s Shared) Draw(ctx context.Context, draws []commands.Draw) ([]commands.Level, error) {
	if len(draws) == 0 {
		return nil, nil
	}
	keys, args := s.drawn(draws)
	got, err := draw.Run(ctx, s.c.rdb, keys, args...).Int64Slice()
	if err != nil {
		return nil, s.c.wrap("draw", err)
	}
	return levels(draws, got), nil
}

func (s Shared) drawn(draws []commands.Draw) (keys []string, args []any) {
	for _, d := range draws {
		keys = append(keys, s.c.hashed("limit", d.Rule+"\x00"+d.Key))
		args = append(args, d.Rate.Per.Microseconds(), max(1, d.Rate.Count))
	}
	return keys, args
}

func levels(draws []commands.Draw, got []int64) []commands.Level {
	out := make([]commands.Level, len(draws))
	for i, d := range draws {
		out[i] = commands.Level{
			Rule: d.Rule, Rate: d.Rate, Remaining: int(got[3*i]),
			Full: time.Duration(got[3*i+1]) * time.Microsecond, Wait: time.Duration(got[3*i+2]) * time.Microsecond,
		}
	}
	return out
}

// locked is the longest rest of the locks upon KEYS, in microseconds.
var locked = redis.NewScript(`
local t = redis.call('TIME')
local now, rest = t[1] * 1000000 + t[2], 0
for _, key in ipairs(KEYS) do
  rest = math.max(rest, tonumber(redis.call('HGET', key, 'until') or 0) - now)
end
return rest`)

// Locked implements commands.Limits.
func (s Shared) Locked(ctx context.Context, locks []commands.Lock) (time.Duration, error) {
	return s.rest(locked.Run(ctx, s.c.rdb, s.lockKeys(locks)))
}

// settle counts a failure (ARGV[1] is 1) or a success with the locks upon KEYS
// unless one is shut. A failure is forgotten in each longest/failures. Every
// lock in a row is twice as long as the one before.
var settle = redis.NewScript(`
local t = redis.call('TIME')
local now, rest = t[1] * 1000000 + t[2], 0
for _, key in ipairs(KEYS) do
  rest = math.max(rest, tonumber(redis.call('HGET', key, 'until') or 0) - now)
end
if rest > 0 then return rest end
for i, key in ipairs(KEYS) do
  local at = 4 * i - 2
  local failures, first, longest = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  if ARGV[1] == '1' then
    local each = longest / failures
    local h = redis.call('HMGET', key, 'count', 'at', 'locks')
    local count, locks, shut = 0, tonumber(h[3] or 0), now
    if h[1] then count = tonumber(h[1]) - (now - tonumber(h[2])) / each end
    if count <= 0 then count, locks = 0, 0 end
    count = count + 1
    if count > failures - 1 then
      shut = now + math.min(first * 2 ^ locks, longest)
      locks = locks + 1
    end
    redis.call('HSET', key, 'count', string.format('%.6f', count), 'at', string.format('%.0f', now),
      'locks', locks, 'until', string.format('%.0f', shut))
    redis.call('PEXPIRE', key, math.ceil((shut - now + count * each) / 1000))
  elseif ARGV[at + 3] == '0' then
    redis.call('DEL', key)
  end
end
return 0`)

// Settle implements commands.Limits.
func (s Shared) Settle(ctx context.Context, locks []commands.Lock, failed bool) (time.Duration, error) {
	args := []any{bit(failed)}
	for _, k := range locks {
		args = append(args, max(1, k.Failures), k.First.Microseconds(), k.Longest.Microseconds(), bit(k.Keeps))
	}
	return s.rest(settle.Run(ctx, s.c.rdb, s.lockKeys(locks), args...))
}

// Forgive implements commands.Limits.
func (s Shared) Forgive(ctx context.Context, locks []commands.Lock) error {
	open := slices.DeleteFunc(slices.Clone(locks), func(k commands.Lock) bool { return k.Keeps })
	if len(open) == 0 {
		return nil
	}
	return s.c.wrap("forgive", s.c.rdb.Del(ctx, s.lockKeys(open)...).Err())
}

func (s Shared) lockKeys(locks []commands.Lock) []string {
	keys := make([]string, len(locks))
	for i, k := range locks {
		keys[i] = s.c.hashed("lock", k.Key)
	}
	return keys
}

func (s Shared) rest(got *redis.Cmd) (time.Duration, error) {
	us, err := got.Int64()
	return time.Duration(us) * time.Microsecond, s.c.wrap("lock", err)
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
