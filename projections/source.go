package projections

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/parleyhq/parley/domain/event"
)

// maxAhead bounds the bytes of events that wait, decoded, for the tables; one
// event more may be under way, and as many may be in the batch being written.
const maxAhead = 4 << 20

// source reads the log ahead of the writer and decodes what is handled. It
// fills one batch while the writer works on another.
type source struct {
	size int // events a batch at most

	mu      sync.Mutex
	pending batch
	ended   error  // why nothing more comes
	spare   []item // of an earlier batch, for the one after pending

	filled chan struct{} // tells the writer to look at pending
	taken  chan struct{} // tells the reader that pending is empty again
	stop   context.CancelFunc
	done   sync.WaitGroup
}

// batch is what is applied in one transaction.
type batch struct {
	items    []item // those that are handled, rising
	position uint64 // up to which the log was read
	caughtUp bool   // nothing waited when the batch was closed
	read     int    // messages of the log, those passed over too
	weight   int    // bytes of items
}

// open starts reading after position; close must be called.
func (r *Runner) open(ctx context.Context, after uint64) *source {
	ctx, stop := context.WithCancel(ctx)
	s := &source{size: r.cfg.BatchSize, filled: make(chan struct{}, 1), taken: make(chan struct{}, 1), stop: stop}
	s.done.Go(func() {
		err := r.read(ctx, s, after)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ended = err
		signal(s.filled)
	})
	return s
}

func (s *source) close() {
	s.stop()
	s.done.Wait()
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is told already
	}
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
		}
		if err := s.put(ctx, &next); err != nil {
			return err
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

// put adds an item to the pending batch, and waits while that is full.
func (s *source) put(ctx context.Context, i *item) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.pending.full(s.size) {
		s.mu.Unlock()
		var err error
		select {
		case <-s.taken:
		case <-ctx.Done():
			err = ctx.Err()
		}
		s.mu.Lock()
		if err != nil {
			return err
		}
	}
	first := s.pending.read == 0
	s.pending.add(i)
	if first || i.caughtUp || s.pending.full(s.size) {
		signal(s.filled)
	}
	return nil
}

// next waits for a batch and takes it: at once when it is full or the tail
// has caught up, else when wait has passed. It ends with the source's error
// once everything was taken.
func (s *source) next(ctx context.Context, wait time.Duration) (batch, error) {
	var late <-chan time.Time
	passed := false
	for {
		b, ok, err := s.take(passed)
		if ok || err != nil {
			return b, err
		}
		if b.read > 0 && late == nil {
			late = time.After(wait)
		}
		select {
		case <-s.filled:
		case <-late:
			passed = true
		case <-ctx.Done():
			return batch{}, ctx.Err()
		}
	}
}

// take gives the pending batch if it is time for it.
func (s *source) take(now bool) (b batch, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b = s.pending
	switch {
	case b.read == 0:
		return b, false, s.ended
	case !now && !b.caughtUp && !b.full(s.size) && s.ended == nil:
		return b, false, nil
	}
	s.pending = batch{items: s.spare[:0]}
	s.spare = nil
	signal(s.taken)
	return b, true, nil
}

// release takes back the memory of a batch that is done with.
func (s *source) release(b batch) {
	clear(b.items[:cap(b.items)])
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spare = b.items[:0]
}

// add takes an item in; one that was delivered before is passed over.
func (b *batch) add(i *item) {
	b.read++
	b.caughtUp = i.caughtUp
	if len(i.handlers) > 0 && i.position > b.position {
		b.weight += len(i.event.Data)
		b.items = append(b.items, *i)
	}
	b.position = max(b.position, i.position)
}

func (b *batch) full(size int) bool {
	return len(b.items) >= size || b.weight >= maxAhead || b.read >= checkpointEvery
}
