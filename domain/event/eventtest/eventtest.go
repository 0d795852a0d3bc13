package eventtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Run holds a store to the port. open returns an empty store, or one that
// holds events of others and nothing in the streams of the suite; its life
// ends with the test.
func Run(t *testing.T, open func(t testing.TB) event.Store) {
	for _, group := range []struct {
		name  string
		cases []testcase
	}{
		{"Append", appendCases},
		{"Expected", expectedCases},
		{"Retry", retryCases},
		{"Content", contentCases},
		{"Stream", streamCases},
		{"All", allCases},
		{"Tail", tailCases},
		{"Cancel", cancelCases},
		{"Crowd", crowdCases},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for _, c := range group.cases {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.run(newSuite(t, open(t)))
				})
			}
		})
	}
}

// testcase is one rule of the port.
type testcase struct {
	name string
	run  func(s *suite)
}

// patience bounds every wait of the suite, so that a store that forgets a
// reader fails instead of hanging.
const patience = 60 * time.Second

// suite is one subtest with its store.
type suite struct {
	*testing.T
	ctx   context.Context
	store event.Store
	tag   string // makes the names of this subtest its own
}

func newSuite(t *testing.T, store event.Store) *suite {
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience) // of all waits of a test
	t.Cleanup(cancel)
	return &suite{T: t, ctx: ctx, store: store, tag: uuid.NewString()[:8]}
}

// stream is a stream of this subtest. The category is its own too, so that a
// filter finds nothing else, and the id has a "-" of its own.
func (s *suite) stream(id string) string { return event.StreamName(s.category("test"), id+"-x") }

func (s *suite) category(word string) string { return word + s.tag }

// size is the large number, or the small one with -short.
func size(large, small int) int {
	if testing.Short() {
		return small
	}
	return large
}

// events makes n events of distinct ids.
func events(n int) []event.Event {
	es := make([]event.Event, n)
	for i := range es {
		es[i] = event.Event{
			ID:          uuid.New(),
			Type:        "test.happened.v1",
			Time:        time.UnixMilli(1_700_000_000_000 + int64(i)).UTC(),
			ContentType: event.ContentJSON,
			Data:        fmt.Appendf(nil, `{"n":%d}`, i),
			Metadata:    []byte(`{"actor":"system"}`),
		}
	}
	return es
}

// append appends and fails the test on an error.
func (s *suite) append(stream string, expected event.Expected, es ...event.Event) event.Result {
	s.Helper()
	r, err := s.store.Append(s.ctx, stream, expected, es)
	if err != nil {
		s.Fatalf("append %d events to %s at %s: %v", len(es), stream, expected, err)
	}
	return r
}

// wrong appends and wants *event.WrongRevision with that actual revision.
func (s *suite) wrong(stream string, expected, actual event.Expected, es ...event.Event) {
	s.Helper()
	_, err := s.store.Append(s.ctx, stream, expected, es)
	var w *event.WrongRevision
	if !errors.As(err, &w) {
		s.Fatalf("append to %s at %s: got %v, want a wrong revision", stream, expected, err)
	}
	if want := (event.WrongRevision{Stream: stream, Expected: expected, Actual: actual}); *w != want {
		s.Fatalf("append to %s at %s: got %+v, want %+v", stream, expected, *w, want)
	}
}

// read is a stream's records.
func (s *suite) read(stream string, from uint64, dir event.Direction) []event.Record {
	s.Helper()
	var rs []event.Record
	for r, err := range s.store.Stream(s.ctx, stream, from, dir) {
		if err != nil {
			s.Fatalf("read %s from %d: %v", stream, from, err)
		}
		rs = append(rs, r)
	}
	return rs
}

// all is what the filter keeps of the log after a position.
func (s *suite) all(after uint64, f event.Filter) []event.Record {
	s.Helper()
	var rs []event.Record
	for r, err := range s.store.All(s.ctx, after, f) {
		if err != nil {
			s.Fatalf("read all after %d: %v", after, err)
		}
		rs = append(rs, r)
	}
	return rs
}

// head is the head of the log.
func (s *suite) head() uint64 {
	s.Helper()
	h, err := s.store.Head(s.ctx)
	if err != nil {
		s.Fatalf("head: %v", err)
	}
	return h
}

// own keeps this subtest's events of those categories.
func (s *suite) own(words ...string) event.Filter {
	var f event.Filter
	for _, w := range words {
		f.Categories = append(f.Categories, s.category(w))
	}
	return f
}

// same wants the records of es in stream from revision on, whatever their
// positions are.
func (s *suite) same(got []event.Record, stream string, revision uint64, es []event.Event) {
	s.Helper()
	if len(got) != len(es) {
		s.Fatalf("%s has %d records from revision %d on, want %d", stream, len(got), revision, len(es))
	}
	for i, e := range es {
		want := event.Record{
			Position: got[i].Position,
			Stream:   stream, Revision: revision + uint64(i), ID: e.ID, Type: e.Type,
			Time: e.Time, ContentType: e.ContentType, Data: e.Data, Metadata: e.Metadata,
		}
		if diff := cmp.Diff(want, got[i], cmp.Comparer(bytes.Equal), cmp.Comparer(sameTime)); diff != "" {
			s.Fatalf("record %d of %s (-want +got):\n%s", i, stream, diff)
		}
	}
}

// differ compares records; it looks at bytes as a whole, which are many.
func differ(want, got []event.Record) string {
	return cmp.Diff(want, got, cmp.Comparer(func(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }))
}

// sameTime wants the same instant in the same zone: records are in UTC.
func sameTime(a, b time.Time) bool { return a.Equal(b) && a.Location() == b.Location() }

// rising wants positions to rise strictly.
func (s *suite) rising(rs []event.Record) {
	s.Helper()
	for i := range rs {
		if i > 0 && rs[i].Position <= rs[i-1].Position {
			s.Fatalf("position %d follows %d", rs[i].Position, rs[i-1].Position)
		}
	}
}

// ids are the ids of records, in order.
func ids(rs []event.Record) []uuid.UUID {
	out := make([]uuid.UUID, len(rs))
	for i, r := range rs {
		out[i] = r.ID
	}
	return out
}
