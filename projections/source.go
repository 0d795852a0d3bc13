package projections

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/parleyhq/parley/domain/event"
)

// maxAhead bounds the bytes of events that are read and decoded ahead of the
// tables; one event more may be under way.
const maxAhead = 8 << 20

// source reads the log ahead of the writer and decodes what is handled.
type source struct {
	items chan item // bounded by a batch, and by maxAhead
	ahead *semaphore.Weighted
	err   error // why items was closed
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// open starts reading after position; close must be called.
func (r *Runner) open(ctx context.Context, after uint64) *source {
	ctx, stop := context.WithCancel(ctx)
	s := &source{items: make(chan item, r.cfg.BatchSize), ahead: semaphore.NewWeighted(maxAhead), stop: stop}
	s.done.Go(func() {
		defer close(s.items)
		s.err = r.read(ctx, s, after)
	})
	return s
}

func (s *source) close() {
	s.stop()
	s.done.Wait()
}

func (r *Runner) read(ctx context.Context, s *source, after uint64) error {
	for m, err := range r.cfg.Store.Tail(ctx, after, event.Filter{}) {
		if err != nil {
			return err
		}
		next := item{caughtUp: true, position: m.Position}
		if !m.CaughtUp {
			if next, err = r.prepare(ctx, m.Record); err != nil {
				return err
			}
			if err := s.ahead.Acquire(ctx, next.weight()); err != nil {
				return err
			}
		}
		select {
		case s.items <- next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errors.New("projections: the log's tail ended")
}

// prepare decodes a record that is handled; others are passed over. Errors:
// event.ErrUnknownType of a category of ours; the keyring's.
func (r *Runner) prepare(ctx context.Context, rec event.Record) (item, error) {
	i := item{event: event.Decoded{Record: rec}, position: rec.Position}
	if !r.catalogue.Owns(rec.Category()) {
		i.event.Data = nil
		return i, nil
	}
	handlers, known := r.routes[rec.Type]
	if !known {
		return i, fmt.Errorf("stopped before position %d: stream %s holds %s: %w; start the release that wrote it",
			rec.Position, rec.Stream, rec.Type, event.ErrUnknownType)
	}
	if len(handlers) == 0 {
		i.event.Data = nil
		return i, nil
	}
	i.handlers = handlers
	decoded, err := r.cfg.Codec.Decode(ctx, rec)
	if err == nil {
		i.event = decoded
		return i, nil
	}
	if mine := (*eventError)(nil); !errors.As(blame(err), &mine) {
		return i, err
	}
	i.poison = err
	return i, nil
}

// weight is what an item takes of maxAhead.
func (i item) weight() int64 { return min(int64(len(i.event.Data)), maxAhead) }

// batch is what is applied in one transaction.
type batch struct {
	items    []item // those that are handled, rising
	position uint64 // up to which the log was read
	caughtUp bool   // nothing waited when the batch was closed
	taken    int    // items of the source, those passed over too
	weight   int64
}

// next waits for items and takes what is there, up to a full batch: at once
// when the tail has caught up, else when BatchWait has passed. It ends with
// the source's error once every item was taken.
func (s *source) next(ctx context.Context, size int, wait time.Duration) (batch, error) {
	var b batch
	var late <-chan time.Time
	for len(b.items) < size && b.taken < checkpointEvery {
		var i item
		var ok bool
		select {
		case i, ok = <-s.items:
		default:
			if b.taken > 0 && b.caughtUp {
				return b, nil
			}
			if b.taken > 0 && late == nil {
				late = time.After(wait)
			}
			select {
			case i, ok = <-s.items:
			case <-late:
				return b, nil
			case <-ctx.Done():
				return b, ctx.Err()
			}
		}
		if !ok {
			if b.taken > 0 {
				return b, nil
			}
			return b, s.err
		}
		b.add(i)
	}
	return b, nil
}

// add takes an item in; one that was delivered before is passed over.
func (b *batch) add(i item) {
	b.taken++
	b.caughtUp = i.caughtUp
	b.weight += i.weight()
	if len(i.handlers) > 0 && i.position > b.position {
		b.items = append(b.items, i)
	}
	b.position = max(b.position, i.position)
}

// release lets the source read on, once a batch is done with.
func (s *source) release(b batch) { s.ahead.Release(b.weight) }
