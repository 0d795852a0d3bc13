package process

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/parleyhq/parley/projections"
)

// leader does some work in the terms that it leads.
type leader struct {
	leases         projections.Leases
	name           string // of the lease
	resting        string // what is logged when a term ends before its time
	log            *slog.Logger
	first, longest time.Duration // pauses between two terms
}

// run leads or stands by until ctx ends; work tells whenever something went
// well. A term that fails is followed by a pause, longer than the one before
// unless something went well since. Errors: those of the last term.
func (l leader) run(ctx context.Context, work func(ctx context.Context, fence projections.Fence, well func()) error) error {
	for pause := l.first; ; pause = min(2*pause, l.longest) {
		var went atomic.Bool
		err := l.leases.Lead(ctx, l.name, func(ctx context.Context, fence projections.Fence) error {
			return work(ctx, fence, func() { went.Store(true) })
		})
		if ctx.Err() != nil {
			return err
		}
		if went.Load() {
			pause = l.first
		}
		l.log.Warn(l.resting, "pause", pause, "error", err)
		if !sleep(ctx, pause) {
			return nil
		}
	}
}

// sleep pauses; false when ctx ended first.
func sleep(ctx context.Context, pause time.Duration) bool {
	select {
	case <-time.After(pause):
		return true
	case <-ctx.Done():
		return false
	}
}
