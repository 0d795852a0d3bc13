package redis

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/parleyhq/parley/commands"
)

// Shared is a commands.Shared.
type Shared struct{ c *Client }

// Shared keeps limits and ended sessions.
func (c *Client) Shared() Shared { return Shared{c} }

func (s Shared) markKey() string                   { return s.c.key("mark") }
func (s Shared) endedKey(session uuid.UUID) string { return s.c.key("ended", session.String()) }
func (s Shared) liveKey(session uuid.UUID) string  { return s.c.key("live", session.String()) }
func (s Shared) epochKey(account uuid.UUID) string { return s.c.key("epoch", account.String()) }

// Pass implements commands.Shared: one pipeline, one round trip. A server that
// started anew is told the script by a second one.
func (s Shared) Pass(ctx context.Context, draws []commands.Draw, account, session uuid.UUID) ([]commands.Level, commands.Standing, error) {
	keys, args := s.drawn(draws)
	pass := func(run func(redis.Scripter) *redis.Cmd) (drawn *redis.Cmd, looked *redis.SliceCmd, err error) {
		_, err = s.c.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			if len(draws) > 0 {
				drawn = run(p)
			}
			if session != uuid.Nil {
				looked = p.MGet(ctx, s.markKey(), s.endedKey(session), s.epochKey(account), s.liveKey(session))
			}
			return nil
		})
		return drawn, looked, err
	}
	if len(draws) == 0 && session == uuid.Nil {
		return nil, commands.Standing{}, nil
	}
	drawn, looked, err := pass(func(p redis.Scripter) *redis.Cmd { return draw.EvalSha(ctx, p, keys, args...) })
	if unknown(err) {
		drawn, looked, err = pass(func(p redis.Scripter) *redis.Cmd { return draw.Eval(ctx, p, keys, args...) })
	}
	if err != nil {
		return nil, commands.Standing{}, s.c.wrap("pass", err)
	}
	var out []commands.Level
	var standing commands.Standing
	if drawn != nil {
		got, err := drawn.Int64Slice()
		if err != nil {
			return nil, standing, s.c.wrap("draw", err)
		}
		out = levels(draws, got)
	}
	if looked != nil {
		standing, err = readStanding(looked.Val())
	}
	return out, standing, s.c.wrap("look a session up", err)
}

// readStanding reads the values of mark, ended, epoch and live.
func readStanding(values []any) (commands.Standing, error) {
	var st commands.Standing
	if len(values) != 4 {
		return st, fmt.Errorf("%d values in the place of 4", len(values))
	}
	st.Mark, _ = values[0].(string)
	st.Ended, st.Live = values[1] != nil, values[3] != nil
	if text, ok := values[2].(string); ok {
		epoch, keep, _ := strings.Cut(text, " ")
		var err1, err2 error
		st.Epoch, err1 = strconv.ParseUint(epoch, 10, 64)
		st.Keep, err2 = uuid.Parse(keep)
		return st, errors.Join(err1, err2)
	}
	return st, nil
}

// revokeAll raises an account's epoch and publishes.
var revokeAll = redis.NewScript(`
local have = redis.call('GET', KEYS[1])
if not have or tonumber(string.match(have, '^%d+')) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
end
redis.call('PUBLISH', KEYS[2], ARGV[4])
return 1`)

// Revoke implements commands.Shared.
func (s Shared) Revoke(ctx context.Context, r commands.Revocation, ttl time.Duration) error {
	message, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode a revocation: %w", err)
	}
	channel := s.c.key(commands.RevokedChannel)
	if r.Session == uuid.Nil {
		keys := []string{s.epochKey(r.Account), channel}
		return s.c.wrap("revoke", revokeAll.Run(ctx, s.c.rdb, keys, r.Epoch, r.Keep.String(), milliseconds(ttl), message).Err())
	}
	_, err = s.c.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, s.endedKey(r.Session), 1, time.Duration(milliseconds(ttl))*time.Millisecond)
		p.Del(ctx, s.liveKey(r.Session))
		p.Publish(ctx, channel, message)
		return nil
	})
	return s.c.wrap("revoke", err)
}

var enlist = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('SET', KEYS[3], 1, 'PX', ARGV[2])
end
return 1`)

// Enlist implements commands.Shared.
func (s Shared) Enlist(ctx context.Context, session uuid.UUID, mark string, ttl time.Duration) error {
	keys := []string{s.markKey(), s.endedKey(session), s.liveKey(session)}
	return s.c.wrap("enlist", enlist.Run(ctx, s.c.rdb, keys, mark, milliseconds(ttl)).Err())
}

// Mark implements commands.Shared.
func (s Shared) Mark(ctx context.Context) (string, error) {
	text, err := s.c.rdb.Get(ctx, s.markKey()).Result()
	if errors.Is(err, redis.Nil) {
		return "", nil
	}
	return text, s.c.wrap("mark", err)
}

// Bounds of Renew.
const (
	maxRenew = 16               // times that the store is emptied, or others are faster
	claimTTL = 30 * time.Second // more than making a mark takes
)

// commit sets the mark if the claim and the old mark still stand, and gives
// the mark that stands then.
var commit = redis.NewScript(`
local have = redis.call('GET', KEYS[1]) or ''
if redis.call('GET', KEYS[2]) == ARGV[1] and have == ARGV[2] then
  redis.call('SET', KEYS[1], ARGV[3])
  redis.call('DEL', KEYS[2])
  return ARGV[3]
end
return have`)

// Renew implements commands.Shared. A claim that it leaves before next runs is
// gone where the store was emptied since.
func (s Shared) Renew(ctx context.Context, old string, next func(context.Context) (string, error)) (string, error) {
	claimKey := s.c.key("claim")
	for range maxRenew {
		claim := rand.Text()
		if err := s.c.rdb.Set(ctx, claimKey, claim, claimTTL).Err(); err != nil {
			return "", s.c.wrap("renew the mark", err)
		}
		text, err := next(ctx)
		if err != nil {
			return "", err
		}
		stands, err := commit.Run(ctx, s.c.rdb, []string{s.markKey(), claimKey}, claim, old, text).Text()
		if err != nil {
			return "", s.c.wrap("renew the mark", err)
		}
		if stands != old {
			return stands, nil
		}
	}
	return old, s.c.wrap("renew the mark", errors.New("it was emptied again and again"))
}
