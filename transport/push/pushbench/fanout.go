//go:build linux

package pushbench

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/transport/push"
)

// FanOut sends messages to one room that many sockets read, for the duration,
// and gives deliveries a second as the receivers count them. backlog is how
// many messages are appended at once before their deliveries are awaited: 1
// leaves nothing to gather.
func FanOut(ctx context.Context, store event.Store, sockets, backlog int, d time.Duration) (perSecond float64, err error) {
	return FanOutFed(ctx, store, uuid.New(), nil, sockets, backlog, d)
}

// FanOutFed is FanOut by a node that hears of the store's events, an epoch's,
// from a feed.
func FanOutFed(ctx context.Context, store event.Store, epoch uuid.UUID, feed push.Feed, sockets, backlog int, d time.Duration) (perSecond float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, d+patience)
	defer cancel()
	s, err := newSite(store, epoch, feed)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	reader := uuid.New()
	room, err := s.room(ctx, reader)
	if err != nil {
		return 0, err
	}
	wish := masked(`{"id":"1","do":"subscribe","topic":"room:` + room.String() + `"}`)
	c, err := newCrowd(s.listen.Addr(), sockets, func(int) []byte { return s.hello(reader) }, func(_, fd int) ([]byte, error) {
		rest, err := shaken(fd)
		if err == nil {
			_, err = syscall.Write(fd, wish)
		}
		return rest, err
	})
	if err != nil {
		return 0, err
	}
	defer c.close()
	if err := c.read(); err != nil {
		return 0, err
	}
	if err := c.await(ctx, 2*int64(sockets)); err != nil { // hello and answer
		return 0, err
	}
	return rounds(ctx, c, backlog, d, func() error { return s.say(ctx, room, reader, backlog) })
}

// rounds lets publish publish until the time is over, each time when the
// crowd has everything, and gives deliveries a second.
func rounds(ctx context.Context, c *crowd, each int, d time.Duration, publish func() error) (float64, error) {
	base := c.frames.Load()
	done := base
	start := time.Now()
	for time.Since(start) < d {
		if err := publish(); err != nil {
			return 0, err
		}
		done += int64(each * len(c.fds))
		if err := c.await(ctx, done); err != nil {
			return 0, err
		}
	}
	return float64(done-base) / time.Since(start).Seconds(), nil
}

// FanOutFloor writes frames of the same size to as many bare connections, one
// write a delivery, and gives deliveries a second.
func FanOutFloor(ctx context.Context, sockets, backlog int, d time.Duration) (float64, error) {
	return floor(ctx, sockets, backlog, d, func(ctx context.Context, deliver func([]byte) error) (func() error, func() error) {
		frame := sample()
		return func() error {
			for range backlog {
				if err := deliver(frame); err != nil {
					return err
				}
			}
			return nil
		}, func() error { return nil }
	})
}

// Through is a broker between who writes messages and who delivers them.
type Through struct {
	Write func(ctx context.Context, messages [][]byte) error
	Read  func(ctx context.Context) ([]byte, error) // the next one
}

// FanOutFloorThrough is FanOutFloor where the frames come through a broker.
func FanOutFloorThrough(ctx context.Context, sockets, backlog int, d time.Duration, broker Through) (float64, error) {
	return floor(ctx, sockets, backlog, d, func(ctx context.Context, deliver func([]byte) error) (func() error, func() error) {
		ctx, cancel := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() {
			for {
				frame, err := broker.Read(ctx)
				if err == nil {
					err = deliver(frame)
				}
				if err != nil {
					if ctx.Err() != nil {
						err = nil
					}
					ended <- err
					return
				}
			}
		}()
		messages := slices.Repeat([][]byte{sample()}, backlog)
		return func() error { return broker.Write(ctx, messages) }, func() error { cancel(); return <-ended }
	})
}

// floor lets begin make what publishes a backlog to bare connections, and what
// stops it.
func floor(ctx context.Context, sockets, backlog int, d time.Duration, begin func(ctx context.Context, deliver func([]byte) error) (publish, stop func() error)) (perSecond float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, d+patience)
	defer cancel()
	raiseLimit()
	c, conns, err := bare(sockets)
	if err != nil {
		return 0, err
	}
	defer c.close()
	defer closeAll(conns)
	if err := c.read(); err != nil {
		return 0, err
	}
	publish, stop := begin(ctx, func(frame []byte) error {
		for _, conn := range conns {
			if _, err := conn.Write(frame); err != nil {
				return err
			}
		}
		return nil
	})
	perSecond, err = rounds(ctx, c, backlog, d, publish)
	return perSecond, errors.Join(err, stop())
}

// sample is a frame as FanOut's are.
func sample() []byte {
	id := uuid.NewString()
	payload := `{"topic":"room:` + id + `","n":12345,"type":"chat.message_sent.v1","time":"2026-01-01T00:00:00.000Z","data":{"number":12345,"id":"` + id +
		`","roomId":"` + id + `","sender":{"id":"` + id + `","handle":"somebody","displayName":"Somebody","avatar":null},"text":"` +
		strings.Repeat("x", Payload) + `","images":[],"replyTo":null,"clientId":null,"createdAt":"2026-01-01T00:00:00.000Z","editedAt":null,"deleted":false}}`
	return append([]byte{0x81, 126, byte(len(payload) >> 8), byte(len(payload))}, payload...)
}

// bare makes connections with nothing on them.
func bare(n int) (*crowd, []net.Conn, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	var conns []net.Conn
	c, err := newCrowd(l.Addr(), n, nil, func(int, int) ([]byte, error) {
		conn, err := l.Accept()
		if err == nil {
			conns = append(conns, conn)
		}
		return nil, err
	})
	if err != nil {
		closeAll(conns)
	}
	return c, conns, err
}

func closeAll(conns []net.Conn) {
	for _, c := range conns {
		_ = c.Close()
	}
}
