package eventtest

import (
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

var appendCases = []testcase{
	// Position is the place in the whole log, strictly rising; Revision the
	// place in its stream, 0, 1, 2 …
	{"PositionsRiseAndRevisionsCount", func(s *suite) {
		a, b := s.stream("a"), s.stream("b")
		before := s.head()
		last := before
		for i := range 10 {
			for _, stream := range []string{a, b} {
				r := s.append(stream, event.Expected(i)-1, events(1)...)
				if r.First != r.Position || r.Position <= last || r.Revision != uint64(i) {
					s.Fatalf("append %d to %s after position %d: %+v", i, stream, last, r)
				}
				last = r.Position
			}
		}
		rs := s.all(before, s.own("test"))
		s.rising(rs)
		if len(rs) != 20 {
			s.Fatalf("got %d records, want 20", len(rs))
		}
	}},
	// Result: the position of the first and of the last event, the revision of
	// the last.
	{"ResultSaysWhere", func(s *suite) {
		stream := s.stream("a")
		s.append(stream, event.NoStream, events(2)...)
		r := s.append(stream, event.At(1), events(3)...)
		rs := s.read(stream, 2, event.Forward)
		if len(rs) != 3 {
			s.Fatalf("got %d records, want 3", len(rs))
		}
		want := event.Result{First: rs[0].Position, Position: rs[2].Position, Revision: 4}
		if r != want {
			s.Fatalf("got %+v, want %+v", r, want)
		}
	}},
	// All or none, and together: one append's events follow one another in the
	// log, with nothing of another stream of ours between them.
	{"BatchIsWholeAndTogether", func(s *suite) {
		var crowd sync.WaitGroup
		for range 8 {
			stream := s.stream(uuid.NewString())
			crowd.Go(func() {
				for i := range 5 {
					if _, err := s.store.Append(s.ctx, stream, event.Expected(i*4)-1, events(4)); err != nil {
						s.Errorf("append: %v", err)
					}
				}
			})
		}
		crowd.Wait()
		rs := s.all(0, s.own("test"))
		if len(rs) != 8*5*4 {
			s.Fatalf("got %d records, want %d", len(rs), 8*5*4)
		}
		for i, r := range rs {
			if i%4 != 0 && (r.Stream != rs[i-1].Stream || r.Revision != rs[i-1].Revision+1) {
				s.Fatalf("record %d of an append is %s@%d after %s@%d", i%4, r.Stream, r.Revision, rs[i-1].Stream, rs[i-1].Revision)
			}
		}
	}},
	// A refused batch leaves nothing.
	{"RefusedBatchLeavesNothing", func(s *suite) {
		stream := s.stream("a")
		first := events(1)
		s.append(stream, event.NoStream, first...)
		s.wrong(stream, event.At(7), event.At(0), events(3)...)
		bad := events(3)
		bad[2].ID = uuid.Nil
		s.bad(stream, bad)
		large := events(3)
		large[2].Data = make([]byte, event.MaxSize+1)
		if _, err := s.store.Append(s.ctx, stream, event.At(0), large); !errors.Is(err, event.ErrTooLarge) {
			s.Fatalf("got %v, want %v", err, event.ErrTooLarge)
		}
		s.same(s.read(stream, 0, event.Forward), stream, 0, first)
		if rs := s.all(0, s.own("test")); len(rs) != 1 {
			s.Fatalf("got %d records, want 1", len(rs))
		}
	}},
	// ErrBadEvent: no id, no type, or a stream without a name. An append of no
	// events is bad as well.
	{"BadEvents", func(s *suite) {
		noID, noType := events(1), events(1)
		noID[0].ID = uuid.Nil
		noType[0].Type = ""
		s.bad(s.stream("a"), noID)
		s.bad(s.stream("a"), noType)
		s.bad("", events(1))
		s.bad("-id", events(1))
		s.bad(s.stream("a"), nil)
		if rs := s.read(s.stream("a"), 0, event.Forward); len(rs) != 0 {
			s.Fatalf("bad events left %d records", len(rs))
		}
	}},
	// What was appended can be read at once, by everybody.
	{"ReadsItsWrites", func(s *suite) {
		stream := s.stream("a")
		for i := range 50 {
			r := s.append(stream, event.Expected(i)-1, events(1)...)
			if h := s.head(); h < r.Position {
				s.Fatalf("head %d is behind the append at %d", h, r.Position)
			}
			if rs := s.read(stream, uint64(i), event.Forward); len(rs) != 1 || rs[0].Position != r.Position {
				s.Fatalf("append %d at %d reads as %v", i, r.Position, rs)
			}
			if rs := s.all(r.Position-1, s.own("test")); len(rs) != 1 {
				s.Fatalf("append %d at %d: all reads %d records", i, r.Position, len(rs))
			}
		}
	}},
	// The store keeps nothing of the caller's slices.
	{"CallerKeepsItsSlices", func(s *suite) {
		stream := s.stream("a")
		es := events(2)
		want := events(2)
		copy(want, es)
		for i := range want {
			want[i].Data = append([]byte(nil), es[i].Data...)
			want[i].Metadata = append([]byte(nil), es[i].Metadata...)
		}
		s.append(stream, event.NoStream, es...)
		for i := range es {
			clear(es[i].Data)
			clear(es[i].Metadata)
			es[i] = event.Event{}
		}
		s.same(s.read(stream, 0, event.Forward), stream, 0, want)
	}},
	// Head is the position of the newest event.
	{"Head", func(s *suite) {
		before := s.head()
		r := s.append(s.stream("a"), event.NoStream, events(3)...)
		if h := s.head(); h < r.Position || h <= before {
			s.Fatalf("head went from %d to %d, the append is at %d", before, h, r.Position)
		}
	}},
}

// bad appends and wants event.ErrBadEvent.
func (s *suite) bad(stream string, es []event.Event) {
	s.Helper()
	if _, err := s.store.Append(s.ctx, stream, event.Any, es); !errors.Is(err, event.ErrBadEvent) {
		s.Fatalf("append %d events to %q: got %v, want %v", len(es), stream, err, event.ErrBadEvent)
	}
}

var contentCases = []testcase{
	// Data and metadata come back byte for byte, whatever they are.
	{"BytesComeBack", func(s *suite) {
		every := make([]byte, 256)
		for i := range every {
			every[i] = byte(i)
		}
		stream := s.stream("a")
		es := events(6)
		es[0].ContentType, es[0].Data, es[0].Metadata = event.ContentBinary, every, every
		es[1].ContentType, es[1].Data, es[1].Metadata = event.ContentBinary, []byte{0}, []byte{0, 0}
		es[2].ContentType, es[2].Data, es[2].Metadata = event.ContentBinary, nil, nil
		es[3].Data, es[3].Metadata = []byte(`{"a" : "ä€🙂",  "b":1.0}`), nil
		es[4].Data = []byte(`null`)
		es[5].Type = "Type with blanks, ünïcödé and /?%"
		s.append(stream, event.NoStream, es...)
		s.same(s.read(stream, 0, event.Forward), stream, 0, es)
		s.same(s.all(0, s.own("test")), stream, 0, es)
	}},
	// Names of streams come back, and differ when their bytes differ.
	{"StreamNames", func(s *suite) {
		for _, id := range []string{"a", "A", "a-b", "a-b-", "ä", "a b", "a/b?c%20d#e", "a.b", "$a"} {
			stream := event.StreamName(s.category("test"), id)
			es := events(1)
			s.append(stream, event.NoStream, es...)
			s.same(s.read(stream, 0, event.Forward), stream, 0, es)
		}
	}},
	// Time is UTC, in milliseconds: what is finer is cut off.
	{"ExplicitTime", func(s *suite) {
		stream := s.stream("a")
		es := events(2)
		es[0].Time = time.Date(2001, 2, 3, 4, 5, 6, 789_999_999, time.FixedZone("east", 3600))
		es[1].Time = time.Date(2038, 1, 20, 0, 0, 0, 1_000_000, time.UTC)
		s.append(stream, event.NoStream, es...)
		es[0].Time = time.Date(2001, 2, 3, 3, 5, 6, 789_000_000, time.UTC)
		s.same(s.read(stream, 0, event.Forward), stream, 0, es)
	}},
	// A zero time is the log's clock.
	{"ZeroTime", func(s *suite) {
		stream := s.stream("a")
		es := events(2)
		es[0].Time, es[1].Time = time.Time{}, time.Time{}
		s.append(stream, event.NoStream, es...)
		for _, r := range s.read(stream, 0, event.Forward) {
			if r.Time.IsZero() || r.Time.UnixMilli() <= 0 || r.Time.Location() != time.UTC || r.Time.Nanosecond()%int(time.Millisecond) != 0 {
				s.Errorf("time %v is no UTC time in milliseconds", r.Time)
			}
		}
	}},
	// An empty content type is JSON.
	{"DefaultContentType", func(s *suite) {
		stream := s.stream("a")
		es := events(1)
		es[0].ContentType = ""
		s.append(stream, event.NoStream, es...)
		es[0].ContentType = event.ContentJSON
		s.same(s.read(stream, 0, event.Forward), stream, 0, es)
	}},
	// MaxSize bounds data plus metadata: exactly that many bytes are accepted,
	// one more is ErrTooLarge.
	{"Large", func(s *suite) {
		stream := s.stream("a")
		es := events(1)
		es[0].ContentType = event.ContentBinary
		es[0].Metadata = []byte(`{}`)
		es[0].Data = make([]byte, event.MaxSize-len(es[0].Metadata))
		for i := range es[0].Data {
			es[0].Data[i] = byte(i * 7)
		}
		over := es[0]
		over.ID, over.Data = uuid.New(), append(es[0].Data[:len(es[0].Data):len(es[0].Data)], 1)
		if _, err := s.store.Append(s.ctx, stream, event.NoStream, []event.Event{over}); !errors.Is(err, event.ErrTooLarge) {
			s.Fatalf("got %v, want %v", err, event.ErrTooLarge)
		}
		s.append(stream, event.NoStream, es...)
		s.same(s.read(stream, 0, event.Backward), stream, 0, es)
		s.same(s.all(0, s.own("test")), stream, 0, es)
	}},
	// Every reader sees the same record.
	{"SameForEveryReader", func(s *suite) {
		stream := s.stream("a")
		s.append(stream, event.NoStream, events(5)...)
		forward, all := s.read(stream, 0, event.Forward), s.all(0, s.own("test"))
		if diff := differ(forward, all); diff != "" {
			s.Fatalf("stream and all differ (-stream +all):\n%s", diff)
		}
	}},
}
