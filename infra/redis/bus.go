package redis

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"
)

// maxHeard bounds the messages that wait for a listener; more are lost, as
// Pub/Sub may lose any.
const maxHeard = 4096

// Bus is a push.Bus: Pub/Sub.
type Bus struct{ c *Client }

// Bus carries what may be lost between nodes.
func (c *Client) Bus() Bus { return Bus{c} }

// Publish implements push.Bus.
func (b Bus) Publish(ctx context.Context, channel string, message []byte) error {
	return b.c.wrap("publish", b.c.rdb.Publish(ctx, b.c.key(channel), message).Err())
}

// Listen implements push.Bus. A connection that broke off is made anew; what
// was said meanwhile is lost.
func (b Bus) Listen(ctx context.Context, channels []string, hear func(channel string, message []byte)) error {
	names := make([]string, len(channels))
	for i, channel := range channels {
		names[i] = b.c.key(channel)
	}
	heard := b.c.rdb.Subscribe(ctx, names...)
	defer heard.Close()
	messages := heard.Channel(redis.WithChannelSize(maxHeard))
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case m, ok := <-messages:
			if !ok {
				return ctx.Err()
			}
			hear(strings.TrimPrefix(m.Channel, b.c.prefix), []byte(m.Payload))
		}
	}
}
