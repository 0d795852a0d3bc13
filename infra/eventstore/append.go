package eventstore

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// maxSearch is how many of a stream's newest events are searched for an append
// with Any or Exists whose answer was lost.
const maxSearch = 4096

// Append implements event.Store. It goes on trying until AppendTimeout, also
// while the server restarts: what may have been written is written again at
// the same place, where the same ids are a success, or looked up. ErrDoubt is
// what remains.
func (s *Store) Append(ctx context.Context, stream string, expected event.Expected, events []event.Event) (event.Result, error) {
	if err := s.over(ctx); err != nil {
		return event.Result{}, err
	}
	if err := valid(stream, expected, events); err != nil {
		return event.Result{}, err
	}
	trying, stop := context.WithTimeout(ctx, s.opts.AppendTimeout)
	defer stop()
	trying, cancel := s.during(trying)
	defer cancel()
	a := &appending{store: s, stream: stream, expected: expected, events: events, proposal: propose(stream, expected, events)}
	r, err := a.run(trying)
	if err == nil {
		a.note(r)
		return r, nil
	}
	if over := s.over(ctx); over != nil {
		return event.Result{}, over
	}
	return event.Result{}, err
}

// valid says what no server needs to be asked about.
func valid(stream string, expected event.Expected, events []event.Event) error {
	switch {
	case event.Category(stream) == "", !utf8.ValidString(stream):
		return fmt.Errorf("%w: stream %q has no category, or is not UTF-8", event.ErrBadEvent, stream)
	case len(events) == 0:
		return fmt.Errorf("%w: no events for stream %s", event.ErrBadEvent, stream)
	case expected < 0 && expected != event.Any && expected != event.NoStream && expected != event.Exists:
		return fmt.Errorf("append to %s: no stream has the revision %d", stream, int64(expected))
	}
	for i, e := range events {
		switch {
		case e.ID == uuid.Nil, e.Type == "", !utf8.ValidString(e.Type):
			return fmt.Errorf("%w: event %d for stream %s has no id, or a type that is empty or not UTF-8", event.ErrBadEvent, i, stream)
		case len(e.Data)+len(e.Metadata) > event.MaxSize:
			return fmt.Errorf("%w: event %d for stream %s has %d bytes", event.ErrTooLarge, i, stream, len(e.Data)+len(e.Metadata))
		}
	}
	return nil
}

// appending is one append with all that is tried for it.
type appending struct {
	store    *Store
	stream   string
	expected event.Expected
	events   []event.Event
	proposal *proposal
	doubt    bool // an earlier try may have taken effect, or may still
}

// note lets tails know that something waits for them.
func (a *appending) note(r event.Result) {
	if strings.HasPrefix(a.stream, system) || strings.HasPrefix(a.events[len(a.events)-1].Type, system) {
		return // tails pass over it
	}
	for {
		was := a.store.written.Load()
		if was >= r.Position || a.store.written.CompareAndSwap(was, r.Position) {
			return
		}
	}
}

// run ends with the result or an error of the port, or when ctx does.
func (a *appending) run(ctx context.Context) (event.Result, error) {
	lane := a.store.lanes[maphash.String(a.store.seed, a.stream)%lanes]
	for pause := a.store.pause(); ; {
		r, err := a.try(ctx, lane)
		if err == nil || !errors.Is(err, errAgain) {
			return r, err
		}
		if pause.wait(ctx) != nil {
			if a.doubt {
				err = fmt.Errorf("%w: %w", ErrDoubt, err)
			}
			return event.Result{}, fmt.Errorf("append to %s: %w", a.stream, err)
		}
	}
}

var errAgain = fmt.Errorf("%w, or refuses for a while", event.ErrUnavailable)

// try tries once. errAgain says that it is worth another try.
func (a *appending) try(ctx context.Context, lane *lane) (event.Result, error) {
	if a.doubt && a.expected < event.NoStream {
		return a.search(ctx)
	}
	o := lane.append(ctx, a.proposal)
	switch {
	case o.err == nil:
		return a.complete(ctx, o.result)
	case o.again:
		a.doubt = a.doubt || o.doubt
		return event.Result{}, fmt.Errorf("%w: %w", errAgain, o.err)
	case !a.doubt:
		return event.Result{}, o.err
	}
	// refused, and yet the try before may have taken effect
	r, found, err := a.found(ctx)
	switch {
	case err != nil:
		return event.Result{}, fmt.Errorf("%w: %w", errAgain, err)
	case found:
		return r, nil
	case errors.As(o.err, new(*event.WrongRevision)), errors.Is(o.err, ErrDeleted):
		return event.Result{}, o.err // the place is taken: no try can have succeeded, or ever will
	}
	return event.Result{}, fmt.Errorf("append to %s: %w: %w", a.stream, ErrDoubt, o.err)
}

// complete adds to the server's answer what it does not say. Where metadata of
// the stream hide its first event already, First is the first that shows.
func (a *appending) complete(ctx context.Context, r event.Result) (event.Result, error) {
	if len(a.events) == 1 {
		r.First = r.Position
	}
	if r.First != 0 && r.Position != 0 {
		return r, nil
	}
	a.doubt = true // it did take effect: whatever fails from here on must find that
	first := r.Revision - uint64(len(a.events)-1)
	for rec, err := range a.store.Stream(ctx, a.stream, first, event.Forward) {
		if err != nil {
			return event.Result{}, fmt.Errorf("%w: %w", errAgain, err)
		}
		if r.First == 0 {
			r.First = rec.Position
		}
		if r.Position != 0 {
			return r, nil
		}
		if rec.Revision == r.Revision {
			r.Position = rec.Position
			return r, nil
		}
	}
	if r.Position != 0 {
		r.First = r.Position
		return r, nil
	}
	return event.Result{}, fmt.Errorf("append to %s: %w: it was accepted and cannot be read", a.stream, ErrDoubt)
}

// found looks whether the events stand at the expected place.
func (a *appending) found(ctx context.Context) (r event.Result, found bool, err error) {
	n := 0
	for rec, err := range a.store.Stream(ctx, a.stream, uint64(a.expected+1), event.Forward) {
		if err != nil {
			return event.Result{}, false, err
		}
		if rec.Revision != uint64(a.expected+1)+uint64(n) || rec.ID != a.events[n].ID {
			return event.Result{}, false, nil
		}
		if n == 0 {
			r.First = rec.Position
		}
		r.Position, r.Revision = rec.Position, rec.Revision
		if n++; n == len(a.events) {
			return r, true, nil
		}
	}
	return event.Result{}, false, nil
}

// search looks for the events among the newest of the stream: without an
// expected revision they stand anywhere, and a second try could write them
// twice. They may also come later, so absence proves nothing.
func (a *appending) search(ctx context.Context) (event.Result, error) {
	var r event.Result
	left, seen := len(a.events), 0
	for rec, err := range a.store.Stream(ctx, a.stream, event.End, event.Backward) {
		if err != nil {
			return event.Result{}, fmt.Errorf("%w: %w", errAgain, err)
		}
		switch {
		case rec.ID == a.events[left-1].ID:
			if left == len(a.events) {
				r.Position, r.Revision = rec.Position, rec.Revision
			}
			if left--; left == 0 {
				r.First = rec.Position
				return r, nil
			}
		case left < len(a.events): // the last ids are there without those before
			return event.Result{}, fmt.Errorf("append to %s: %w: its ids are partly there", a.stream, ErrDoubt)
		}
		if seen++; seen == maxSearch {
			break
		}
	}
	return event.Result{}, fmt.Errorf("%w: its events are not there", errAgain)
}
