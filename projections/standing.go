package projections

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/parleyhq/parley/domain/event"
)

// standing is a Projection but for its name: how far the tables that answer
// queries have come, by what this process does or by what it hears.
type standing struct {
	store   event.Store
	visible waiters
	begun   atomic.Bool            // something answers queries, be it at position 0
	goal    atomic.Pointer[uint64] // where the log ended when this process began to follow; nil: it does not
}

// reach says that what answers queries has come to position.
func (s *standing) reach(position uint64) {
	s.begun.Store(true) // before anybody is woken
	s.visible.reach(position)
}

// begin sets what Ready waits for.
func (s *standing) begin(ctx context.Context) error {
	head, err := s.store.Head(ctx)
	if err == nil {
		s.goal.Store(&head)
	}
	return err
}

// end says that nothing is followed any more.
func (s *standing) end() { s.goal.Store(nil) }

// Wait returns once the log up to position is in the tables that answer
// queries; parked events count as being there. It ends early with ctx.
// Errors: the context's, ErrTooManyWaiters.
func (s *standing) Wait(ctx context.Context, position uint64) error {
	return s.visible.wait(ctx, position)
}

// Position is how far the tables that answer queries have come.
func (s *standing) Position() uint64 { return s.visible.position() }

// Lag is how many positions the tables are behind the log's head.
func (s *standing) Lag(ctx context.Context) (uint64, error) {
	at := s.Position() // before the head: else the lag could be below zero
	head, err := s.store.Head(ctx)
	if err != nil || head < at {
		return 0, err
	}
	return head - at, nil
}

// Ready says whether the tables have come to where the log ended when this
// process began to follow, and still does.
func (s *standing) Ready() bool {
	goal := s.goal.Load()
	return goal != nil && s.begun.Load() && s.visible.position() >= *goal
}

// pauses are the waits between tries: each twice as long as the one before,
// up to a bound.
type pauses struct{ first, longest, next time.Duration }

// reset makes the next one short again.
func (p *pauses) reset() { p.next = 0 }

// wait takes the next one; false when ctx ended first.
func (p *pauses) wait(ctx context.Context) bool {
	p.next = min(max(2*p.next, p.first), p.longest)
	timer := time.NewTimer(p.next)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// keepTrying calls f until it succeeds, the error is final or ctx ends. f says
// whether it got anywhere, which makes the pause short again; tell hears of
// each error that is tried again after.
func keepTrying(ctx context.Context, wait pauses, final func(error) bool, f func() (moved bool, err error), tell func(error)) error {
	for {
		moved, err := f()
		if err == nil || ctx.Err() != nil || final(err) {
			return err
		}
		if moved {
			wait.reset()
		}
		tell(err)
		if !wait.wait(ctx) {
			return ctx.Err()
		}
	}
}
