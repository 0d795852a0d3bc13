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

// term is one time of leading. Three goroutines work hand in hand: one reads
// and encodes, one gathers what is ready into a batch, and one publishes a
// batch and waits for its acknowledgement, while the next is gathered.
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
	wanted, batches := make(chan struct{}), make(chan batch)
	room := semaphore.NewWeighted(int64(t.r.cfg.BatchBytes))
	var ended error // of the reader; what it had read before is published all the same
	group.Go(func() error {
		defer close(letters)
		ended = t.read(inner, letters, room)
		return nil
	})
	group.Go(func() error {
		defer close(batches)
		return t.gather(inner, letters, wanted, batches)
	})
	group.Go(func() error { return t.publish(inner, wanted, batches, room) })
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

// batch is what is published before its acknowledgement is awaited.
type batch struct {
	sends  []func() error // each topic's part, all at once
	events int
	weight int64
	newest uint64 // position of its last event
}

// gather makes batches: a full one as soon as it can be, another one when the
// publisher wants it. It ends when the reader has, with nothing left.
func (t *term) gather(ctx context.Context, letters <-chan letter, wanted <-chan struct{}, batches chan<- batch) error {
	waiting := make([]letter, 0, t.r.cfg.Batch)
	for open := true; open || len(waiting) > 0; {
		more, ask := letters, wanted
		if len(waiting) == t.r.cfg.Batch || !open {
			more = nil
		}
		if len(waiting) == 0 {
			ask = nil
		}
		var b batch
		if ask != nil && more == nil {
			b = t.prepare(ctx, waiting) // while the former one is published
		}
		select {
		case l, ok := <-more:
			if open = ok; ok {
				waiting = append(waiting, l)
			}
			continue
		default: // nothing is ready to come along
		}
		select {
		case l, ok := <-more:
			if open = ok; ok {
				waiting = append(waiting, l)
			}
		case <-ask:
			if b.events == 0 {
				b = t.prepare(ctx, waiting)
			}
			waiting = waiting[:0]
			select {
			case batches <- b:
			case <-ctx.Done():
				return ctx.Err()
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// prepare does of publishing what needs no broker.
func (t *term) prepare(ctx context.Context, letters []letter) batch {
	b := batch{events: len(letters), newest: letters[len(letters)-1].position}
	parts := map[string][]*message.Message{}
	for _, l := range letters {
		b.weight += l.weight
		l.message.SetContext(ctx)
		parts[l.topic] = append(parts[l.topic], l.message)
	}
	for topic, messages := range parts {
		b.sends = append(b.sends, t.r.prepare(topic, messages...))
	}
	return b
}

// publish has one batch acknowledged before it takes the next. The checkpoint
// is saved when nothing comes, and every SaveEvery while there is always more.
func (t *term) publish(ctx context.Context, wanted chan<- struct{}, batches <-chan batch, room *semaphore.Weighted) error {
	due := time.NewTimer(t.r.cfg.SaveEvery)
	defer due.Stop()
	for want := wanted; ; {
		select {
		case want <- struct{}{}:
			want = nil // said
		case b, ok := <-batches:
			if !ok {
				return nil // the reader says why
			}
			if err := t.deliver(ctx, b); err != nil {
				return err
			}
			room.Release(b.weight)
			want = wanted
			if time.Since(t.savedAt) < t.r.cfg.SaveEvery {
				continue
			}
			if err := t.save(ctx); err != nil {
				return err
			}
			due.Reset(t.r.cfg.SaveEvery)
		case <-due.C:
			if err := t.save(ctx); err != nil {
				return err
			}
			due.Reset(t.r.cfg.SaveEvery)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// deliver publishes a batch until all of it is acknowledged. After a failure
// it begins again with the batch's first event, in order: a partition may get
// some twice, and none before those that come before it.
func (t *term) deliver(ctx context.Context, b batch) error {
	for wait := t.r.cfg.RetryFirst; ; wait = min(2*wait, t.r.cfg.RetryLongest) {
		err := b.send()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		t.r.mu.Lock()
		t.r.trouble = err
		if err == nil {
			t.position = b.newest
			t.r.position = t.position
		}
		t.r.mu.Unlock()
		if err == nil {
			return nil
		}
		t.r.cfg.Log.Warn("events were not published; trying again", "after", t.position, "events", b.events, "error", err, "pause", wait)
		if !pause(ctx, wait) {
			return ctx.Err()
		}
	}
}

// send publishes each topic's part, all at once. It waits for all of them even
// when one fails: nothing of a batch is under way when it is sent again.
func (b batch) send() error {
	errs := make(chan error, len(b.sends))
	for _, send := range b.sends {
		go func() { errs <- send() }()
	}
	var all []error
	for range b.sends {
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
