package redis

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// maxTouch bounds the commands of one pipeline.
const maxTouch = 2000

// Routes is a push.Routes: a sorted set for each account, of "node socket" by
// when it was last active.
type Routes struct{ c *Client }

// Routes is the table of who is connected where.
func (c *Client) Routes() Routes { return Routes{c} }

func (r Routes) key(account uuid.UUID) string { return r.c.key("routes", account.String()) }

func member(node string, socket uuid.UUID) string { return node + " " + socket.String() }

// enter forgets what is too old, then adds a socket if there is room.
var enter = redis.NewScript(`
local t = redis.call('TIME')
local now, ttl = t[1] * 1000 + math.floor(t[2] / 1000), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ttl)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('PEXPIRE', KEYS[1], ttl)
return 1`)

// Enter implements push.Routes.
func (r Routes) Enter(ctx context.Context, account uuid.UUID, node string, socket uuid.UUID, most int, ttl time.Duration) (bool, error) {
	n, err := enter.Run(ctx, r.c.rdb, []string{r.key(account)}, member(node, socket), most, milliseconds(ttl)).Int()
	return n == 1, r.c.wrap("enter a route", err)
}

// Touch implements push.Routes.
func (r Routes) Touch(ctx context.Context, node string, sockets map[uuid.UUID]uuid.UUID, ttl time.Duration) error {
	now, err := r.c.rdb.Time(ctx).Result()
	if err != nil {
		return r.c.wrap("touch routes", err)
	}
	p := r.c.rdb.Pipeline()
	for socket, account := range sockets {
		p.ZAdd(ctx, r.key(account), redis.Z{Score: float64(now.UnixMilli()), Member: member(node, socket)})
		p.PExpire(ctx, r.key(account), ttl)
		if p.Len() < maxTouch {
			continue
		}
		if _, err := p.Exec(ctx); err != nil {
			return r.c.wrap("touch routes", err)
		}
	}
	if p.Len() == 0 {
		return nil
	}
	_, err = p.Exec(ctx)
	return r.c.wrap("touch routes", err)
}

// Leave implements push.Routes.
func (r Routes) Leave(ctx context.Context, account uuid.UUID, node string, socket uuid.UUID) error {
	return r.c.wrap("leave a route", r.c.rdb.ZRem(ctx, r.key(account), member(node, socket)).Err())
}

// Of implements push.Routes.
func (r Routes) Of(ctx context.Context, account uuid.UUID, ttl time.Duration, each func(node string, socket uuid.UUID, active time.Time)) error {
	now, err := r.c.rdb.Time(ctx).Result()
	if err != nil {
		return r.c.wrap("read routes", err)
	}
	all, err := r.c.rdb.ZRangeByScoreWithScores(ctx, r.key(account), &redis.ZRangeBy{
		Min: fmt.Sprintf("(%d", now.Add(-ttl).UnixMilli()), Max: "+inf",
	}).Result()
	if err != nil {
		return r.c.wrap("read routes", err)
	}
	for _, z := range all {
		text, _ := z.Member.(string)
		node, id, _ := strings.Cut(text, " ")
		socket, err := uuid.Parse(id)
		if err != nil {
			return r.c.wrap("read routes", err)
		}
		each(node, socket, time.UnixMilli(int64(z.Score)).UTC())
	}
	return nil
}
