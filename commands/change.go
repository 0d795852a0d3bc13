package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// Bounds of the choke point.
const (
	maxTogether = 256  // commands of one stream decided and appended as one
	maxWaiting  = 4096 // commands that may wait for one stream; more are refused
	maxConflict = 16   // lost races against other writers before a command gives up

	// maxAppend is how many bytes of events are appended as one, and at most one
	// command's more: EventStoreDB takes 1 MiB where nobody has set it higher.
	maxAppend = 384 << 10
)

// A folder is the state of one stream. Apply never fails; it is called with
// events in order of their revisions. While a command is being appended its
// own events are applied without a Position.
type folder interface {
	Apply(event.Decoded)
}

// Outcome is where a command's own events landed. A command that had nothing
// to change has the stream's newest revision and the Position of its state.
type Outcome struct {
	Position uint64 // of the append it was part of
	Revision uint64 // of its last event
	Changed  bool
	ID       uuid.UUID // of its last event, where Changed
	At       time.Time // of its events, where Changed
}

type decision struct {
	ctx    context.Context
	at     time.Time
	decide func(folder) ([]event.Data, error)
	done   chan struct{}
	out    Outcome
	err    error

	deciding sync.Mutex // held while decide runs
}

// change is the one way to append: it loads the stream's state, lets decide
// look at it, and appends what decide returns at the revision that it saw.
// Commands that wait for the same stream are decided one after another on the
// evolving state and appended together. decide may run several times, must
// not keep the state, and does not run any more once change has returned: what
// it captured is the caller's again.
//
// Errors: decide's own; fault.ErrConflict when other writers win too often or
// too many wait; the store's.
func change[S folder](ctx context.Context, c *core, stream string, fresh func() S, decide func(S) ([]event.Data, error)) (Outcome, error) {
	d := &decision{
		ctx:    ctx,
		at:     c.at(ctx),
		decide: func(f folder) ([]event.Data, error) { return decide(f.(S)) },
		done:   make(chan struct{}),
	}
	if err := c.enqueue(stream, func() folder { return fresh() }, d); err != nil {
		return Outcome{}, err
	}
	select {
	case <-d.done:
		return d.out, d.err
	case <-ctx.Done():
		d.deciding.Lock()
		defer d.deciding.Unlock()
		return Outcome{}, ctx.Err()
	}
}

// run decides, unless the caller has gone.
func (d *decision) run(f folder) ([]event.Data, error) {
	d.deciding.Lock()
	defer d.deciding.Unlock()
	if err := d.ctx.Err(); err != nil {
		return nil, err
	}
	return d.decide(f)
}

// enqueue lets d wait for its stream, and starts whoever works the queue off.
func (c *core) enqueue(stream string, fresh func() folder, d *decision) error {
	for {
		e := c.entry(stream, fresh)
		e.queueing.Lock()
		if e.dropped { // evicted between look-up and here
			e.queueing.Unlock()
			continue
		}
		defer e.queueing.Unlock()
		if len(e.waiting) >= maxWaiting {
			return fault.ErrConflict
		}
		e.waiting = append(e.waiting, d)
		if e.busy {
			return nil
		}
		if !c.begin() {
			e.waiting = nil
			return unavailable(event.ErrClosed)
		}
		e.busy = true
		go func() {
			defer c.running.Done()
			c.work(e)
		}()
		return nil
	}
}

// work decides and appends until nobody waits.
func (c *core) work(e *entry) {
	for {
		e.queueing.Lock()
		n := min(len(e.waiting), maxTogether)
		batch := e.waiting[:n:n]
		e.waiting = e.waiting[n:]
		if n == 0 {
			e.waiting, e.busy = nil, false
			e.queueing.Unlock()
			return
		}
		e.queueing.Unlock()

		for len(batch) > 0 {
			ctx, cancel := context.WithTimeout(c.lifetime, c.cfg.AppendTimeout)
			done := c.safely(ctx, e, batch)
			cancel()
			for _, d := range batch[:done] {
				close(d.done)
			}
			batch = batch[done:]
		}
	}
}

// safely keeps a decider that panics from taking the process with it: its
// batch fails, and the state is read anew. done is how many of the batch are
// over, at least one.
func (c *core) safely(ctx context.Context, e *entry, batch []*decision) (done int) {
	defer func() {
		if p := recover(); p != nil {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.forget()
			done = fail(batch, fmt.Errorf("command on %s panicked: %v\n%s", event.Category(e.stream), p, debug.Stack()))
		}
	}()
	return c.together(ctx, e, batch)
}

// together decides a batch, or the first of it, on one evolving state and
// appends the outcome. It says how many are over.
func (c *core) together(ctx context.Context, e *entry, batch []*decision) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	most := len(batch)
	sure := false   // the state is known to be what the log holds
	behind := false // it is known not to be
	for range maxConflict {
		if behind || !sure && !c.current(e, batch) {
			if err := c.catchUp(ctx, e); err != nil {
				return fail(batch, err)
			}
			sure, behind = true, false
		}
		before := e.revision.Load()
		decided, events, last, doubtful := c.decideAll(e, batch[:most])
		if len(events) == 0 {
			if !doubtful || sure {
				return decided
			}
			// Nobody is refused on a state that may be old. (Beside events, the
			// append itself tells whether it was.)
			if err := c.catchUp(ctx, e); err != nil {
				return fail(batch, err)
			}
			if e.revision.Load() == before {
				return decided
			}
			sure = true
			continue
		}
		res, err := c.store.Append(ctx, e.stream, event.Expected(before), events)
		var lost *event.WrongRevision
		if errors.As(err, &lost) {
			// A state without our own events is only short of those of others. To
			// read all of a long stream again would lose every further race, so
			// the next try is for one command alone, which leaves none behind.
			if e.revision.Load() != before || int64(lost.Actual) < before {
				e.forget()
			}
			behind, most = true, 1
			continue
		}
		if err != nil { // unknown outcome, or none: the next command looks
			e.forget()
			return fail(batch[:decided], unavailable(err))
		}
		e.applyAll(last)
		e.position = res.Position
		e.publish()
		for _, d := range batch[:decided] {
			if d.err == nil { // who changed nothing may have seen what others changed just before
				d.out.Position = res.Position
			}
		}
		return decided
	}
	return fail(batch, fault.ErrConflict)
}

// decideAll runs decisions on the evolving state, until they make as much as is
// appended at once. It applies what each says before the next one looks, so
// what the last one says is left to the caller: applied once it is appended.
// doubtful: one was refused, or had nothing to change.
func (c *core) decideAll(e *entry, batch []*decision) (decided int, events []event.Event, last []event.Decoded, doubtful bool) {
	size := 0
	for _, d := range batch {
		if size >= maxAppend {
			break
		}
		decided++
		e.applyAll(last)
		last = nil
		revision := e.revision.Load()
		d.out, d.err = Outcome{Position: e.position, Revision: uint64(max(revision, 0))}, nil
		data, err := d.run(e.state)
		if err != nil || len(data) == 0 {
			d.err, doubtful = err, true
			continue
		}
		mine, err := c.encode(d, e.stream, data)
		if err != nil {
			d.err = unavailable(err)
			continue
		}
		for i, ev := range mine {
			size += len(ev.Data) + len(ev.Metadata)
			revision++
			last = append(last, event.Decoded{
				Record: event.Record{
					Stream: e.stream, Revision: uint64(revision), ID: ev.ID, Type: ev.Type, Time: ev.Time,
					ContentType: ev.ContentType, Data: ev.Data, Metadata: ev.Metadata,
				},
				Payload: data[i],
			})
		}
		events = append(events, mine...)
		d.out = Outcome{Revision: uint64(revision), Changed: true, ID: mine[len(mine)-1].ID, At: d.at}
	}
	return decided, events, last, doubtful
}

// encode seals and marshals what one command decided.
func (c *core) encode(d *decision, stream string, data []event.Data) ([]event.Event, error) {
	meta, err := json.Marshal(MetaFrom(d.ctx))
	if err != nil {
		return nil, fmt.Errorf("encode metadata: %w", err)
	}
	events := make([]event.Event, len(data))
	for i, payload := range data {
		id := c.newID()
		typ, stored, err := c.codec.Encode(d.ctx, stream, id, payload)
		if err != nil {
			return nil, err
		}
		if c.isHeld(typ) {
			return nil, errRolling
		}
		if len(stored)+len(meta) > event.MaxSize {
			return nil, fault.New(fault.TooLarge, "request.too_large", "This is more than one event can hold.")
		}
		events[i] = event.Event{ID: id, Type: typ, Time: d.at, ContentType: event.ContentJSON, Data: stored, Metadata: meta}
	}
	return events, nil
}

// fail ends all of a batch with an error, and says how many that are.
func fail(batch []*decision, err error) int {
	for _, d := range batch {
		d.out, d.err = Outcome{}, err
	}
	return len(batch)
}

// unavailable says to the caller what the store's errors mean for them.
func unavailable(err error) error {
	switch {
	case errors.Is(err, event.ErrFull):
		return fault.New(fault.Full, "storage.full", "The disk is full; nothing can be written right now.").After(10 * time.Second).Because(err)
	case errors.Is(err, event.ErrUnsynced), errors.Is(err, event.ErrClosed), errors.Is(err, event.ErrUnavailable), errors.Is(err, event.ErrKeysUnavailable),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return fault.New(fault.Unavailable, "storage.unavailable", "Nothing can be written right now.").After(time.Second).Because(err)
	}
	return err
}
