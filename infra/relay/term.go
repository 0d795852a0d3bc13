package relay

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/ops"
	"github.com/parleyhq/parley/projections"
)

// term is one time of leading. Two goroutines work hand in hand: one reads and
// encodes, the other publishes whatever is ready as one batch.
type term struct {
	r     *Relay
	fence projections.Fence
	epoch uuid.UUID
	begun uint64 // position of the epoch's own event

	position uint64 // acknowledged
	saved    uint64 // of it, what the checkpoint says
	savedAt  time.Time
}

// letter is an event on its way.
type letter struct {
	topic    string
	message  *message.Message
	position uint64
	weight   int64
}

func (t *term) run(ctx context.Context) error {
	group, inner := errgroup.WithContext(ctx)
	letters := make(chan letter, t.r.cfg.Batch)
	room := semaphore.NewWeighted(int64(t.r.cfg.BatchBytes))
	var ended error // of the reader; what it had read before is published all the same
	group.Go(func() error {
		defer close(letters)
		ended = t.read(inner, letters, room)
		return nil
	})
	group.Go(func() error { return t.publish(inner, letters, room) })
	err := cmp.Or(group.Wait(), ended)
	if t.position != t.saved && !errors.Is(err, projections.ErrDeposed) { // what is saved now is not published again
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.r.cfg.LastSave)
		defer cancel()
		err = errors.Join(err, t.save(last))
	}
	return err
}

// read tails the log and encodes. Errors: the store's, of an event without a
// root, errNewEpoch.
func (t *term) read(ctx context.Context, letters chan<- letter, room *semaphore.Weighted) error {
	for m, err := range t.r.cfg.Store.Tail(ctx, t.position, event.Filter{}) {
		if err != nil {
			return err
		}
		if m.CaughtUp {
			continue
		}
		if m.Record.Stream == ops.EpochStream && m.Record.Position > t.begun {
			return errNewEpoch
		}
		topic, msg, err := t.r.encoder.Encode(ctx, t.epoch, m.Record)
		if err != nil {
			return &rootlessError{err}
		}
		l := letter{topic: topic, message: msg, position: m.Record.Position, weight: int64(min(len(m.Record.Data)+len(m.Record.Metadata), t.r.cfg.BatchBytes))}
		if err := room.Acquire(ctx, l.weight); err != nil {
			return err
		}
		select {
		case letters <- l:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errors.New("relay: the tail of the log ended by itself")
}

// publish takes what is ready, up to a batch, and has it acknowledged before
// it takes more. The checkpoint is saved when nothing waits, and every
// SaveEvery while there is always more.
func (t *term) publish(ctx context.Context, letters <-chan letter, room *semaphore.Weighted) error {
	due := time.NewTimer(t.r.cfg.SaveEvery)
	defer due.Stop()
	batch := make([]letter, 0, t.r.cfg.Batch)
	for {
		select {
		case l, ok := <-letters:
			if !ok {
				return nil // the reader says why
			}
			batch = append(batch[:0], l)
		case <-due.C:
			if err := t.save(ctx); err != nil {
				return err
			}
			due.Reset(t.r.cfg.SaveEvery)
			continue
		case <-ctx.Done():
			return ctx.Err()
		}
		batch = fill(batch, letters, t.r.cfg.Batch)
		if err := t.deliver(ctx, batch); err != nil {
			return err
		}
		weight := int64(0)
		for _, l := range batch {
			weight += l.weight
		}
		room.Release(weight)
		if time.Since(t.savedAt) >= t.r.cfg.SaveEvery {
			if err := t.save(ctx); err != nil {
				return err
			}
			due.Reset(t.r.cfg.SaveEvery)
		}
	}
}

// fill takes what else is ready.
func fill(batch []letter, letters <-chan letter, most int) []letter {
	for len(batch) < most {
		select {
		case l, ok := <-letters:
			if !ok {
				return batch
			}
			batch = append(batch, l)
		default:
			return batch
		}
	}
	return batch
}

// deliver publishes a batch until all of it is acknowledged. After a failure
// it begins again with the batch's first event, in order: a partition may get
// some twice, and none before those that come before it.
func (t *term) deliver(ctx context.Context, batch []letter) error {
	for wait := t.r.cfg.RetryFirst; ; wait = min(2*wait, t.r.cfg.RetryLongest) {
		err := t.send(ctx, batch)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		t.r.mu.Lock()
		t.r.trouble = err
		if err == nil {
			t.position = batch[len(batch)-1].position
			t.r.position = t.position
		}
		t.r.mu.Unlock()
		if err == nil {
			return nil
		}
		t.r.cfg.Log.Warn("events were not published; trying again", "after", t.position, "events", len(batch), "error", err, "pause", wait)
		if !pause(ctx, wait) {
			return ctx.Err()
		}
	}
}

// send publishes each topic's part, all at once. It waits for all of them even
// when one fails: nothing of a batch is under way when it is sent again.
func (t *term) send(ctx context.Context, batch []letter) error {
	parts := map[string][]*message.Message{}
	for _, l := range batch {
		l.message.SetContext(ctx)
		parts[l.topic] = append(parts[l.topic], l.message)
	}
	errs := make(chan error, len(parts))
	for topic, messages := range parts {
		go func() { errs <- t.r.cfg.Publisher.Publish(topic, messages...) }()
	}
	var all []error
	for range parts {
		all = append(all, <-errs)
	}
	return errors.Join(all...)
}

// save brings the checkpoint up to what is acknowledged.
func (t *term) save(ctx context.Context) error {
	t.savedAt = time.Now()
	if t.position == t.saved {
		return nil
	}
	if err := t.r.checkpoint.save(ctx, t.fence, t.epoch, t.position); err != nil {
		return err
	}
	t.saved = t.position
	return nil
}
