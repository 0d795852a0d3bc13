//go:build !linux

package pushbench

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/transport/push"
)

// The functions of this package, where there is no epoll: they say so.

// MostSockets is how many sockets could be measured.
func MostSockets() int { return 0 }

// FanOut is not supported here.
func FanOut(context.Context, event.Store, int, int, time.Duration) (float64, error) {
	return 0, errors.ErrUnsupported
}

// FanOutFed is not supported here.
func FanOutFed(context.Context, event.Store, uuid.UUID, push.Feed, int, int, time.Duration) (float64, error) {
	return 0, errors.ErrUnsupported
}

// Through is a broker between who writes messages and who delivers them.
type Through struct {
	Write func(ctx context.Context, messages [][]byte) error
	Read  func(ctx context.Context) ([]byte, error)
}

// FanOutFloorThrough is not supported here.
func FanOutFloorThrough(context.Context, int, int, time.Duration, Through) (float64, error) {
	return 0, errors.ErrUnsupported
}

// FanOutFloor is not supported here.
func FanOutFloor(context.Context, int, int, time.Duration) (float64, error) {
	return 0, errors.ErrUnsupported
}

// IdleMemory is not supported here.
func IdleMemory(context.Context, event.Store, int) (float64, error) { return 0, errors.ErrUnsupported }

// IdleMemoryFloor is not supported here.
func IdleMemoryFloor(context.Context, int) (float64, error) { return 0, errors.ErrUnsupported }

// Reconnect is not supported here.
func Reconnect(context.Context, event.Store, int) (float64, int, error) {
	return 0, 0, errors.ErrUnsupported
}

// ReconnectFloor is not supported here.
func ReconnectFloor(context.Context, int, int) (float64, error) { return 0, errors.ErrUnsupported }
