package eventgrpc

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"

	"github.com/parleyhq/parley/domain/event"
)

// place is where a write landed.
type place struct {
	event.Result
	nothing bool // nothing was written: Position is unknown
	absent  bool // and there is no stream
}

// write runs f, which may not be left half-way because it holds locks, to its
// end; the caller goes on when ctx ends.
func (s *Server) write(ctx context.Context, f func(context.Context) (place, error)) (place, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.AppendTimeout)
	defer cancel()
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return place{}, ctx.Err()
	}
	type outcome struct {
		place
		err error
	}
	done := make(chan outcome, 1)
	s.tasks.Go(func() {
		defer func() { <-s.slots }()
		p, err := f(context.WithoutCancel(ctx))
		done <- outcome{p, err}
	})
	select {
	case o := <-done:
		return o.place, o.err
	case <-ctx.Done():
		return place{}, ctx.Err()
	}
}

// append appends to a stream that may be written.
func (s *Server) append(ctx context.Context, stream string, expected event.Expected, events []event.Event) (place, error) {
	if err := s.writable(stream); err != nil {
		return place{}, err
	}
	return s.write(ctx, func(ctx context.Context) (place, error) {
		if p, done, err := s.appendBeside(ctx, stream, expected, events); done || err != nil {
			return p, err
		}
		return s.appendAlone(ctx, stream, expected, events)
	})
}

// appendBeside appends while others do, which most appends can.
func (s *Server) appendBeside(ctx context.Context, stream string, expected event.Expected, events []event.Event) (p place, done bool, err error) {
	l := s.lock(stream)
	l.RLock()
	defer l.RUnlock()
	st, err := s.load(ctx, subject(stream))
	if err != nil {
		return place{}, false, err
	}
	switch {
	case st.tombstoned:
		return place{}, false, streamDeleted(stream)
	case isMeta(stream), len(events) == 0:
		return place{}, false, nil
	case st.Before == nil, *st.Before != deletedMark && expected != event.NoStream && expected != event.Exists:
		p.Result, err = s.cfg.Store.Append(ctx, stream, expected, events)
		return p, true, err
	}
	return place{}, false, nil
}

// appendAlone appends what depends on, or changes, the stream's state.
func (s *Server) appendAlone(ctx context.Context, stream string, expected event.Expected, events []event.Event) (place, error) {
	l := s.lock(stream)
	l.Lock()
	defer l.Unlock()
	st, err := s.load(ctx, subject(stream))
	if err != nil {
		return place{}, err
	}
	if st.tombstoned {
		return place{}, streamDeleted(stream)
	}
	if isMeta(stream) {
		st = state{}
		defer s.known.Remove(subject(stream))
	}
	w, err := s.window(ctx, stream, st)
	if err != nil {
		return place{}, err
	}
	if len(events) == 0 {
		return nothing(stream, expected, w)
	}
	if w.next > 0 && !w.exists {
		if expected, err = s.revive(ctx, stream, st, w, expected); err != nil {
			return place{}, err
		}
	}
	r, err := s.cfg.Store.Append(ctx, stream, expected, events)
	return place{Result: r}, err
}

// revive prepares the append to a deleted stream and says what to expect.
func (s *Server) revive(ctx context.Context, stream string, st state, w window, expected event.Expected) (event.Expected, error) {
	last := event.At(w.next - 1)
	switch {
	case expected == event.Exists:
		return 0, streamDeleted(stream)
	case expected >= 0 && expected != last: // wrong, or a repetition: the store knows
		return expected, nil
	case *st.Before != deletedMark: // it was prepared before
		return last, nil
	}
	meta, _, err := s.last(ctx, metaPrefix+stream)
	if err != nil {
		return 0, err
	}
	fields := map[string]json.RawMessage{}
	_ = json.Unmarshal(meta.Data, &fields) // that has $tb, so it is an object
	fields["$tb"] = fmt.Appendf(nil, "%d", w.next)
	data, err := json.Marshal(fields)
	if err != nil {
		return 0, err
	}
	_, err = s.describe(ctx, stream, data)
	return last, err
}

// describe writes a stream's metadata. The caller holds its lock.
func (s *Server) describe(ctx context.Context, stream string, data []byte) (event.Result, error) {
	defer s.known.Remove(stream)
	return s.cfg.Store.Append(ctx, metaPrefix+stream, event.Any, []event.Event{{
		ID: s.cfg.NewID(), Type: metaType, ContentType: event.ContentJSON, Data: data,
	}})
}

// nothing is the answer to an append of no events.
func nothing(stream string, expected event.Expected, w window) (place, error) {
	actual := event.NoStream
	if w.exists {
		actual = event.At(w.next - 1)
	}
	if !met(expected, actual) {
		return place{}, &event.WrongRevision{Stream: stream, Expected: expected, Actual: actual}
	}
	p := place{nothing: true, absent: !w.exists}
	if w.exists {
		p.Revision = w.next - 1
	}
	return p, nil
}

func met(expected, actual event.Expected) bool {
	switch expected {
	case event.Any:
		return true
	case event.Exists:
		return actual >= 0
	}
	return expected == actual
}

// remove deletes a stream so that it can be written again, or for good; wants
// is the request's expected revision.
func (s *Server) remove(ctx context.Context, id *shared.StreamIdentifier, wants any, forGood bool) (place, error) {
	stream, err := nameOf(id)
	if err != nil {
		return place{}, err
	}
	expected, err := expectedOf(wants)
	if err != nil {
		return place{}, err
	}
	if err := s.writable(stream); err != nil {
		return place{}, err
	}
	if isMeta(stream) {
		return place{}, badRequest("metadata cannot be deleted: write {} to '%s'", stream)
	}
	return s.write(ctx, func(ctx context.Context) (place, error) {
		l := s.lock(stream)
		l.Lock()
		defer l.Unlock()
		st, err := s.load(ctx, stream)
		if err != nil {
			return place{}, err
		}
		if st.tombstoned {
			return place{}, streamDeleted(stream)
		}
		w, err := s.window(ctx, stream, st)
		if err != nil {
			return place{}, err
		}
		if err := removable(stream, expected, w, forGood); err != nil {
			return place{}, err
		}
		if !forGood {
			r, err := s.describe(ctx, stream, fmt.Appendf(nil, `{"$tb":%d}`, deletedMark))
			return place{Result: r}, err
		}
		return s.bury(ctx, stream, w)
	})
}

// bury writes a stream's tombstone. The caller holds its lock.
func (s *Server) bury(ctx context.Context, stream string, w window) (place, error) {
	defer s.known.Remove(stream)
	r, err := s.cfg.Store.Append(ctx, stream, event.Expected(w.next)-1, []event.Event{{
		ID: s.cfg.NewID(), Type: tombstoneType, ContentType: event.ContentJSON, Data: []byte("{}"),
	}})
	return place{Result: r}, err
}

// removable compares what is expected with what is there. A stream that never
// was can have a tombstone, but nothing of it can be deleted.
func removable(stream string, expected event.Expected, w window, forGood bool) error {
	actual := event.Expected(w.next) - 1 // NoStream when there is none
	deleted := w.next > 0 && !w.exists
	switch {
	case deleted && expected == event.Exists:
		return streamDeleted(stream)
	case deleted && (expected == event.NoStream || expected == event.Any):
		return nil
	case met(expected, actual) && (forGood || actual >= 0):
		return nil
	}
	verb := "Delete"
	if forGood {
		verb = "Tombstone"
	}
	return wrongVersion(verb, &event.WrongRevision{Stream: stream, Expected: expected, Actual: actual})
}
