package eventgrpc

import (
	"context"
	"encoding/json"
	"hash/maphash"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/parleyhq/parley/domain/event"
)

// How a stream ends, as EventStoreDB does it. Nothing is taken from the log:
//
//   - the last event of `$$<stream>` holds the stream's metadata, and reads
//     pass over what they hide;
//   - a deletion is metadata whose $tb, the first revision that is shown, is
//     deletedMark. The stream then reads as not found. The next append first
//     writes metadata that name the revision it is about to have, and goes on;
//   - a tombstone is an event of the stream itself; nothing follows it.
const (
	metaPrefix    = "$$"
	metaType      = "$metadata"
	tombstoneType = "$streamDeleted"

	deletedMark uint64 = math.MaxInt64
)

// state is what reads and writes of a stream depend on. Its values are never
// changed.
type state struct {
	tombstoned bool
	limits
}

// limits are the metadata that hide events; nil is no limit.
type limits struct {
	MaxCount *uint64 `json:"$maxCount"`
	MaxAge   *uint64 `json:"$maxAge"` // seconds
	Before   *uint64 `json:"$tb"`
}

// limitsOf reads metadata; what EventStoreDB could not have meant is no limit.
func limitsOf(data []byte) limits {
	var l limits
	if json.Unmarshal(data, &l) != nil {
		return limits{}
	}
	return l
}

// subject is the stream that a stream's metadata, or it itself, belong to.
func subject(stream string) string { return strings.TrimPrefix(stream, metaPrefix) }

func isMeta(stream string) bool { return strings.HasPrefix(stream, metaPrefix) }

// writable refuses the streams that nobody may write here.
func (s *Server) writable(stream string) error {
	name := stream
	for isMeta(name) {
		name = subject(name)
	}
	switch {
	case name == "" || isMeta(subject(stream)):
		return badRequest("metadata have no metadata: '%s' cannot be written", stream)
	case name == "$all", s.cfg.Owns(event.Category(name)):
		return accessDenied(stream)
	}
	return nil
}

var lockSeed = maphash.MakeSeed()

func (s *Server) lock(stream string) *sync.RWMutex {
	return &s.locks[maphash.String(lockSeed, subject(stream))%uint64(len(s.locks))]
}

// look is the state of a stream for a reader.
func (s *Server) look(ctx context.Context, stream string) (state, error) {
	l := s.lock(stream)
	l.RLock()
	defer l.RUnlock()
	st, err := s.load(ctx, subject(stream))
	if err == nil && isMeta(stream) { // metadata are the newest event alone
		one := uint64(1)
		st.limits = limits{MaxCount: &one}
	}
	return st, err
}

// load is the state of a stream that holds no metadata. The caller holds its
// lock.
func (s *Server) load(ctx context.Context, stream string) (state, error) {
	if st, ok := s.known.Get(stream); ok {
		return st, nil
	}
	last, exists, err := s.last(ctx, stream)
	if err != nil {
		return state{}, err
	}
	st := state{tombstoned: exists && last.Type == tombstoneType}
	meta, exists, err := s.last(ctx, metaPrefix+stream)
	if err != nil {
		return state{}, err
	}
	if exists && meta.ContentType == event.ContentJSON {
		st.limits = limitsOf(meta.Data)
	}
	s.known.Add(stream, st)
	return st, nil
}

// last is the newest event of a stream.
func (s *Server) last(ctx context.Context, stream string) (event.Record, bool, error) {
	for r, err := range s.cfg.Store.Stream(ctx, stream, event.End, event.Backward) {
		return r, err == nil, err
	}
	return event.Record{}, false, nil
}

// window is what a reader is shown of a stream.
type window struct {
	exists bool      // something is shown, or would be if it were younger
	first  uint64    // revision; what is before it is hidden
	next   uint64    // revision that the next event will have
	since  time.Time // what is older is hidden; zero: nothing
}

func (w window) hides(r event.Record) bool { return r.Revision < w.first || r.Time.Before(w.since) }

// window reads where a stream ends.
func (s *Server) window(ctx context.Context, stream string, st state) (window, error) {
	last, exists, err := s.last(ctx, stream)
	if err != nil || !exists {
		return window{}, err
	}
	w := window{next: last.Revision + 1}
	if st.Before != nil {
		w.first = min(*st.Before, w.next)
	}
	w.exists = w.first < w.next
	if st.MaxCount != nil && *st.MaxCount < w.next {
		w.first = max(w.first, w.next-*st.MaxCount)
	}
	if st.MaxAge != nil && *st.MaxAge < uint64(math.MaxInt64/time.Second) {
		w.since = s.cfg.Now().Add(-time.Duration(*st.MaxAge) * time.Second)
	}
	return w, nil
}
