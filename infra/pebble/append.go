package pebble

import (
	"context"
	"fmt"
	"sync"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

const (
	maxName   = 4 << 10  // bytes of a stream's name, of a type and of a content type
	maxEvents = 10_000   // events of one append
	maxAppend = 32 << 20 // bytes of one append
)

// request is an append on its way. The caller makes it, the sequencer places
// it, the finisher answers it.
type request struct {
	stream   string
	expected event.Expected
	bodies   []body
	size     int

	first, revision uint64 // place of its first event, given by the sequencer
	placed          bool
	result          event.Result
	err             error
	done            chan struct{} // gets one token
}

var requests = sync.Pool{New: func() any { return &request{done: make(chan struct{}, 1)} }}

// Append implements event.Store. Limits of its own, besides event.MaxSize: a
// stream's name, a type and a content type have at most 4 KiB, an append 10,000
// events and 32 MiB.
//
// With event.Any and event.Exists, appending what the stream ends with is a
// success as well; that is as far as it can know.
func (l *Log) Append(ctx context.Context, stream string, expected event.Expected, events []event.Event) (event.Result, error) {
	if err := ctx.Err(); err != nil {
		return event.Result{}, err
	}
	if err := valid(stream, events, l.opts.MaxEvent); err != nil {
		return event.Result{}, err
	}
	if l.disk.waiting.Load() > 0 {
		return event.Result{}, event.ErrFull // the sequencer may be waiting for space itself
	}
	r := requests.Get().(*request)
	r.fill(l, stream, expected, events)
	select {
	case <-l.closing:
		return event.Result{}, event.ErrClosed
	default:
	}
	select {
	case l.queue <- r:
	case <-ctx.Done():
		return event.Result{}, ctx.Err()
	case <-l.closing:
		return event.Result{}, event.ErrClosed
	case <-l.disk.failed:
		return event.Result{}, event.ErrUnsynced
	}
	return l.await(ctx, r)
}

// await returns the answer to a request in the queue. One that is left early
// stays the sequencer's.
func (l *Log) await(ctx context.Context, r *request) (event.Result, error) {
	var err error
	select {
	case <-r.done:
		return r.answer()
	case <-ctx.Done():
		err = ctx.Err()
	case <-l.disk.failed:
		err = event.ErrUnsynced
	case <-l.stopped:
		err = event.ErrClosed
	}
	select {
	case <-r.done: // both were ready
		return r.answer()
	default:
		return event.Result{}, err
	}
}

// fill encodes the events, so that the sequencer does not, and nothing keeps
// the caller's slices.
func (r *request) fill(l *Log, stream string, expected event.Expected, events []event.Event) {
	size := 0
	for _, e := range events {
		size += bodySize(stream, e)
	}
	now := l.opts.Now()
	buffer := make([]byte, 0, size) // not reused: the ring keeps it
	r.stream, r.expected, r.bodies, r.size = stream, expected, r.bodies[:0], size
	r.placed, r.result, r.err = false, event.Result{}, nil
	for _, e := range events {
		at := e.Time
		if at.IsZero() {
			at = now
		}
		start := len(buffer)
		buffer = appendBody(buffer, stream, e, at)
		bytes := buffer[start:len(buffer):len(buffer)]
		r.bodies = append(r.bodies, body{id: e.ID, bytes: bytes, crc: checksum(bytes)})
	}
}

func (r *request) answer() (event.Result, error) {
	result, err := r.result, r.err
	clear(r.bodies)
	requests.Put(r)
	return result, err
}

// valid checks what does not depend on the log.
func valid(stream string, events []event.Event, maxEvent int) error {
	switch {
	case event.Category(stream) == "":
		return fmt.Errorf("%w: stream %q has no category", event.ErrBadEvent, stream)
	case len(stream) > maxName:
		return fmt.Errorf("%w: the stream's name has %d bytes, at most %d are allowed", event.ErrBadEvent, len(stream), maxName)
	case len(events) == 0:
		return fmt.Errorf("%w: no events for stream %s", event.ErrBadEvent, stream)
	case len(events) > maxEvents:
		return fmt.Errorf("%w: %d events in one append, at most %d are allowed", event.ErrTooLarge, len(events), maxEvents)
	}
	size := 0
	for i, e := range events {
		switch {
		case e.ID == uuid.Nil:
			return fmt.Errorf("%w: event %d for stream %s has no id", event.ErrBadEvent, i, stream)
		case e.Type == "":
			return fmt.Errorf("%w: event %d for stream %s has no type", event.ErrBadEvent, i, stream)
		case len(e.Type) > maxName || len(e.ContentType) > maxName:
			return fmt.Errorf("%w: event %d for stream %s: type or content type of more than %d bytes", event.ErrBadEvent, i, stream, maxName)
		case len(e.Data)+len(e.Metadata) > maxEvent:
			return fmt.Errorf("%w: event %d for stream %s has %d bytes", event.ErrTooLarge, i, stream, len(e.Data)+len(e.Metadata))
		}
		size += bodySize(stream, e)
	}
	if size > maxAppend {
		return fmt.Errorf("%w: %d bytes in one append, at most %d are allowed", event.ErrTooLarge, size, maxAppend)
	}
	return nil
}
