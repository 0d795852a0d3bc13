package redis

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/parleyhq/parley/commands"
)

// full says whether one of the tallies KEYS is full: lists of times, newest
// first, of which one has as many (ARGV, in pairs) that are not too old
// (microseconds).
var full = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
for i, key in ipairs(KEYS) do
  local at = redis.call('LINDEX', key, ARGV[2 * i - 1] - 1)
  if at and now - tonumber(at) < tonumber(ARGV[2 * i]) then return 1 end
end
return 0`)

// Full implements commands.Tallies.
func (s Shared) Full(ctx context.Context, tallies []commands.Tally) (bool, error) {
	var args []any
	for _, t := range tallies {
		args = append(args, max(1, t.Count), t.For.Microseconds())
	}
	is, err := full.Run(ctx, s.c.rdb, s.tallyKeys(tallies), args...).Bool()
	return is, s.c.wrap("look at a tally", err)
}

// count adds a failure (ARGV[1] is 1) to the tallies KEYS or empties those that
// a success empties; of each its size, its time (milliseconds) and whether it
// keeps.
var count = redis.NewScript(`
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000000 + t[2])
for i, key in ipairs(KEYS) do
  local at = 3 * i - 1
  if ARGV[1] == '1' then
    redis.call('LPUSH', key, now)
    redis.call('LTRIM', key, 0, ARGV[at] - 1)
    redis.call('PEXPIRE', key, ARGV[at + 1])
  elseif ARGV[at + 2] == '0' then
    redis.call('DEL', key)
  end
end
return 1`)

// Count implements commands.Tallies.
func (s Shared) Count(ctx context.Context, tallies []commands.Tally, failed bool) error {
	args := []any{bit(failed)}
	for _, t := range tallies {
		args = append(args, max(1, t.Count), milliseconds(t.For+time.Millisecond), bit(t.Keeps))
	}
	return s.c.wrap("count a failure", count.Run(ctx, s.c.rdb, s.tallyKeys(tallies), args...).Err())
}

func (s Shared) tallyKeys(tallies []commands.Tally) []string {
	keys := make([]string, len(tallies))
	for i, t := range tallies {
		keys[i] = s.c.hashed("tally", t.Key)
	}
	return keys
}
