package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/pebble"
	"github.com/parleyhq/parley/transport/push/pushbench"
)

// open is as many sockets as asked for, or as this process may open.
func open(sockets int) int { return min(sockets, max(1, pushbench.MostSockets())) }

// fresh gives a turn a new log.
func (p Plan) fresh(measure func(context.Context, event.Store, time.Duration) (float64, error)) Turn {
	return func(ctx context.Context, d time.Duration) (v float64, err error) {
		dir, drop, err := p.folder()
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, drop()) }()
		log, err := pebble.Open(dir, pebble.Options{})
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, log.Close()) }()
		return measure(ctx, log, d)
	}
}

func (p Plan) fanOut(sockets, backlog int) Pair {
	sockets = open(sockets)
	what, aim := fmt.Sprintf("fan-out to %d sockets", sockets), "≥ 1.0"
	if backlog > 1 {
		what, aim = what+fmt.Sprintf(", backlog of %d", backlog), "≥ 5"
	}
	return Pair{
		What: what, Unit: "deliveries/s", Floor: "a bare loop, one write a delivery", Aim: aim,
		Open: ready(
			p.fresh(func(ctx context.Context, log event.Store, d time.Duration) (float64, error) {
				return pushbench.FanOut(ctx, log, sockets, backlog, d)
			}),
			func(ctx context.Context, d time.Duration) (float64, error) {
				return pushbench.FanOutFloor(ctx, sockets, backlog, d)
			}),
	}
}

func (p Plan) idle() Pair {
	sockets := open(p.Idle)
	kib := func(bytes float64, err error) (float64, error) { return bytes / 1024, err }
	return Pair{
		What: "memory of an idle socket", Unit: "KiB", Floor: "a bare connection and its goroutine", Aim: "≤ 2",
		Open: ready(
			p.fresh(func(ctx context.Context, log event.Store, _ time.Duration) (float64, error) {
				return kib(pushbench.IdleMemory(ctx, log, sockets))
			}),
			func(ctx context.Context, _ time.Duration) (float64, error) {
				return kib(pushbench.IdleMemoryFloor(ctx, sockets))
			}),
	}
}

func (p Plan) reconnect() Pair {
	clients := open(p.Returning)
	size := 0 // bytes that each client got in the turn before the floor's
	return Pair{
		What: fmt.Sprintf("%d clients return with cursors", clients), Unit: "clients/s", Floor: "the same bytes, sent raw", Aim: "≥ 0.5",
		Open: ready(
			p.fresh(func(ctx context.Context, log event.Store, _ time.Duration) (float64, error) {
				perSecond, bytes, err := pushbench.Reconnect(ctx, log, clients)
				size = bytes
				return perSecond, err
			}),
			func(ctx context.Context, _ time.Duration) (float64, error) {
				return pushbench.ReconnectFloor(ctx, clients, size)
			}),
	}
}
