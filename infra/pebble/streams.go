package pebble

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/parleyhq/parley/domain/event"
)

// stream is what the sequencer knows of one stream.
type stream struct {
	number  uint64 // 0: the stream does not exist
	next    uint64 // revision of its next event
	group   uint64 // the group for which applied was taken
	applied uint64 // next when that group began: events before it can be read
	lastID  uuid.UUID
}

// endsWith says whether the stream's last event may be the last of bodies.
func (s *stream) endsWith(bodies []body) bool {
	return s.next >= uint64(len(bodies)) && s.lastID == bodies[len(bodies)-1].id
}

// streams is a bounded cache. It keeps more streams than a group has requests,
// so none is forgotten while its events wait to be applied.
type streams struct {
	lru *lru.LRU[string, *stream]
}

func newStreams(size int) (*streams, error) {
	c, err := lru.NewLRU[string, *stream](size, nil)
	return &streams{c}, err
}

// peek is a stream of the group at work, which is certainly there.
func (c *streams) peek(name string) *stream {
	s, _ := c.lru.Peek(name)
	return s
}

// load finds a stream in the cache or in the log.
func (s *sequencer) load(name string) (*stream, error) {
	st, ok := s.streams.lru.Get(name)
	if !ok {
		var err error
		if st, err = s.read(name); err != nil {
			return nil, err
		}
		s.streams.lru.Add(name, st)
	}
	if st.group != s.group {
		st.group, st.applied = s.group, st.next
	}
	return st, nil
}

// read reads a stream's number and its end.
func (s *sequencer) read(name string) (*stream, error) {
	number, err := numberOf(s.log.db, name)
	if err != nil || number == 0 {
		return &stream{}, err
	}
	st := &stream{number: number}
	lower, upper := revisionBounds(number)
	var position uint64
	err = last(s.log.db, lower, upper, func(key, value []byte) bool {
		_, revision, ok := revisionOf(key)
		p, n := ordered(value)
		st.next, position = revision+1, p
		return ok && n > 0
	})
	if err != nil {
		return nil, err
	}
	if st.next == 0 {
		return nil, fmt.Errorf("%w: stream %s has a number and no event", event.ErrCorrupt, name)
	}
	st.lastID, err = idAt(s.log.db, position)
	return st, err
}

// numberOf is the stream's number, 0 if it does not exist.
func numberOf(db *pebble.DB, name string) (uint64, error) {
	v, closer, err := db.Get(nameKey(nil, name))
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, readError(err)
	}
	defer closer.Close()
	number, n := ordered(v)
	if n == 0 || number == 0 {
		return 0, fmt.Errorf("%w: number of stream %s", event.ErrCorrupt, name)
	}
	return number, nil
}

// idAt is the id of the event at a position.
func idAt(db *pebble.DB, position uint64) (uuid.UUID, error) {
	v, closer, err := db.Get(recordKey(nil, position))
	if err != nil {
		if errors.Is(err, pebble.ErrNotFound) {
			err = fmt.Errorf("%w: no record at position %d", event.ErrCorrupt, position)
		}
		return uuid.Nil, readError(err)
	}
	defer closer.Close()
	p, ok := parse(v, position)
	if !ok {
		return uuid.Nil, corrupt(position)
	}
	return p.id, nil
}

func corrupt(position uint64) error {
	return fmt.Errorf("%w: position %d", event.ErrCorrupt, position)
}

// repeat answers a request whose expectation is not met: a success if the same
// ids stand where it would have put them, *event.WrongRevision otherwise.
func (s *sequencer) repeat(r *request, st *stream, count uint64) bool {
	wrong := &event.WrongRevision{Stream: r.stream, Expected: r.expected, Actual: event.Expected(st.next) - 1}
	var from uint64
	switch {
	case r.expected >= 0:
		from = uint64(r.expected) + 1
	case r.expected == event.NoStream:
	case r.expected != event.Any && r.expected != event.Exists || st.next < count:
		r.err = wrong
		return true
	default:
		from = st.next - count
	}
	if from+count > st.next || from+count < from {
		r.err = wrong
		return true
	}
	if from+count > st.applied {
		return false
	}
	first, last, err := s.same(r, st.number, from)
	switch {
	case err != nil:
		r.err = err
	case first > 0:
		r.result = event.Result{First: first, Position: last, Revision: from + count - 1}
	case r.expected < event.NoStream && expects(r.expected, st.next):
		// The last id alone was the same: an ordinary append after all.
		st.lastID = uuid.Nil
		return s.place(r)
	default:
		r.err = wrong
	}
	return true
}

// same looks whether the events of r stand in the stream from revision from on,
// and where; first is 0 if they do not.
func (s *sequencer) same(r *request, number, from uint64) (first, last uint64, err error) {
	for i, b := range r.bodies {
		v, closer, err := s.log.db.Get(revisionKey(nil, number, from+uint64(i)))
		if err != nil {
			return 0, 0, readError(err)
		}
		position, n := ordered(v)
		if err := closer.Close(); err != nil || n == 0 {
			return 0, 0, errors.Join(err, corrupt(position))
		}
		id, err := idAt(s.log.db, position)
		if err != nil || id != b.id {
			return 0, 0, err
		}
		if i == 0 {
			first = position
		}
		last = position
	}
	return first, last, nil
}
