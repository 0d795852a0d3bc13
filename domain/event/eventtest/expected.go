package eventtest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

var expectedCases = []testcase{
	// NoStream: nothing must be there.
	{"NoStream", func(s *suite) {
		stream := s.stream("a")
		s.append(stream, event.NoStream, events(2)...)
		s.wrong(stream, event.NoStream, event.At(1), events(1)...)
	}},
	// At(r): r must be the newest; neither older nor newer will do.
	{"At", func(s *suite) {
		stream := s.stream("a")
		s.wrong(stream, event.At(0), event.NoStream, events(1)...)
		s.append(stream, event.NoStream, events(3)...)
		s.wrong(stream, event.At(1), event.At(2), events(1)...)
		s.wrong(stream, event.At(3), event.At(2), events(1)...)
		if r := s.append(stream, event.At(2), events(1)...); r.Revision != 3 {
			s.Fatalf("got revision %d, want 3", r.Revision)
		}
	}},
	// Exists: something must be there.
	{"Exists", func(s *suite) {
		stream := s.stream("a")
		s.wrong(stream, event.Exists, event.NoStream, events(1)...)
		s.append(stream, event.NoStream, events(1)...)
		if r := s.append(stream, event.Exists, events(2)...); r.Revision != 2 {
			s.Fatalf("got revision %d, want 2", r.Revision)
		}
	}},
	// Any: whatever is there.
	{"Any", func(s *suite) {
		stream := s.stream("a")
		for i := range 3 {
			if r := s.append(stream, event.Any, events(1)...); r.Revision != uint64(i) {
				s.Fatalf("got revision %d, want %d", r.Revision, i)
			}
		}
	}},
	// Streams do not see one another, not even with names that begin alike.
	{"StreamsAreApart", func(s *suite) {
		s.append(s.stream("a"), event.NoStream, events(3)...)
		s.append(s.stream("ab"), event.NoStream, events(1)...)
		s.append(s.stream("a")+"a", event.NoStream, events(1)...)
		s.append(event.StreamName(s.category("other"), "a-x"), event.NoStream, events(1)...)
	}},
	// One winner per expected revision: writers that race for the same place.
	{"RaceForEveryRevision", func(s *suite) {
		stream := s.stream("a")
		writers, revisions := 100, size(20, 5)
		for revision := range revisions {
			s.race(stream, writers, event.Expected(revision)-1)
		}
		if rs := s.read(stream, 0, event.Forward); len(rs) != revisions {
			s.Fatalf("got %d records, want %d", len(rs), revisions)
		}
	}},
	// Writers that all want in and follow the revision lose nothing and write
	// nothing twice.
	{"RaceWithRetries", func(s *suite) {
		stream := s.stream("a")
		writers, each := 16, size(20, 5)
		var crowd sync.WaitGroup
		for range writers {
			crowd.Go(func() { s.insist(stream, each) })
		}
		crowd.Wait()
		rs := s.read(stream, 0, event.Forward)
		if len(rs) != writers*each {
			s.Fatalf("got %d records, want %d", len(rs), writers*each)
		}
		s.distinct(rs)
	}},
	// Any number of writers with Any all win.
	{"RaceWithAny", func(s *suite) {
		stream := s.stream("a")
		writers, each := 50, size(20, 5)
		var crowd sync.WaitGroup
		for range writers {
			crowd.Go(func() {
				for range each {
					if _, err := s.store.Append(s.ctx, stream, event.Any, events(1)); err != nil {
						s.Errorf("append: %v", err)
					}
				}
			})
		}
		crowd.Wait()
		rs := s.read(stream, 0, event.Forward)
		if len(rs) != writers*each {
			s.Fatalf("got %d records, want %d", len(rs), writers*each)
		}
		s.distinct(rs)
	}},
}

// race lets writers append at the same expected revision; one wins.
func (s *suite) race(stream string, writers int, expected event.Expected) {
	s.Helper()
	var crowd sync.WaitGroup
	var winners atomic.Int32
	var winner atomic.Value
	for range writers {
		crowd.Go(func() {
			es := events(1)
			_, err := s.store.Append(s.ctx, stream, expected, es)
			var wrong *event.WrongRevision
			switch {
			case err == nil:
				winners.Add(1)
				winner.Store(es[0].ID)
			case !errors.As(err, &wrong):
				s.Errorf("append at %s: %v", expected, err)
			case wrong.Actual <= expected:
				s.Errorf("append at %s: refused because of %s", expected, wrong.Actual)
			}
		})
	}
	crowd.Wait()
	if n := winners.Load(); n != 1 {
		s.Fatalf("%d of %d writers won revision %d", n, writers, expected+1)
	}
	rs := s.read(stream, event.End, event.Backward)
	if len(rs) == 0 || rs[0].Revision != uint64(expected+1) || rs[0].ID != winner.Load() {
		s.Fatalf("the winner of revision %d is not what was written", expected+1)
	}
}

// insist appends events one after another, each until it wins.
func (s *suite) insist(stream string, each int) {
	expected := event.NoStream
	for range each {
		es := events(1)
		for {
			r, err := s.store.Append(s.ctx, stream, expected, es)
			var wrong *event.WrongRevision
			if errors.As(err, &wrong) {
				expected = wrong.Actual
				continue
			}
			if err != nil {
				s.Errorf("append: %v", err)
				return
			}
			expected = event.At(r.Revision)
			break
		}
	}
}

// distinct wants every id once.
func (s *suite) distinct(rs []event.Record) {
	s.Helper()
	seen := make(map[uuid.UUID]string, len(rs))
	for _, r := range rs {
		place := fmt.Sprintf("%s@%d", r.Stream, r.Revision)
		if before, ok := seen[r.ID]; ok {
			s.Fatalf("event %s stands at %s and at %s", r.ID, before, place)
		}
		seen[r.ID] = place
	}
}

// The same ids again at the same expected revision are a success with the
// first one's Result.
var retryCases = []testcase{
	{"AtOnce", func(s *suite) {
		stream := s.stream("a")
		for _, expected := range []event.Expected{event.NoStream, event.At(1), event.At(3)} {
			es := events(2)
			first := s.append(stream, expected, es...)
			for range 3 {
				if again := s.append(stream, expected, es...); again != first {
					s.Fatalf("at %s: first %+v, then %+v", expected, first, again)
				}
			}
		}
		if rs := s.read(stream, 0, event.Forward); len(rs) != 6 {
			s.Fatalf("got %d records, want 6", len(rs))
		}
	}},
	// Whatever was appended since.
	{"AfterLaterAppends", func(s *suite) {
		stream := s.stream("a")
		zero, one := events(3), events(2)
		first := s.append(stream, event.NoStream, zero...)
		second := s.append(stream, event.At(2), one...)
		s.append(s.stream("b"), event.NoStream, events(1)...)
		s.append(stream, event.At(4), events(5)...)
		if again := s.append(stream, event.NoStream, zero...); again != first {
			s.Fatalf("first %+v, then %+v", first, again)
		}
		if again := s.append(stream, event.At(2), one...); again != second {
			s.Fatalf("first %+v, then %+v", second, again)
		}
		if rs := s.read(stream, 0, event.Forward); len(rs) != 10 {
			s.Fatalf("got %d records, want 10", len(rs))
		}
	}},
	// Ids that are only partly the same are another append.
	{"PartlySame", func(s *suite) {
		stream := s.stream("a")
		es := events(3)
		s.append(stream, event.NoStream, es...)
		fresh := events(1)[0]
		newest := event.At(2)
		s.wrong(stream, event.NoStream, newest, fresh, es[1], es[2])
		s.wrong(stream, event.NoStream, newest, es[0], fresh, es[2])
		s.wrong(stream, event.NoStream, newest, es[0], es[1], fresh)
		s.wrong(stream, event.NoStream, newest, es[0], es[1], es[2], fresh)
		s.wrong(stream, event.NoStream, newest, es[1], es[0], es[2])
		s.same(s.read(stream, 0, event.Forward), stream, 0, es)
	}},
	// The same ids at another place are another append.
	{"ElsewhereIsNoRetry", func(s *suite) {
		stream := s.stream("a")
		es := events(2)
		s.append(stream, event.NoStream, es...)
		s.append(stream, event.At(1), events(2)...)
		s.wrong(stream, event.At(0), event.At(3), es...)
		s.wrong(stream, event.At(7), event.At(3), es...)
	}},
	// Many at once: one of them writes, all succeed alike.
	{"AtTheSameTime", func(s *suite) {
		stream := s.stream("a")
		es := events(2)
		results := make([]event.Result, 50)
		var crowd sync.WaitGroup
		for i := range results {
			crowd.Go(func() {
				var err error
				if results[i], err = s.store.Append(s.ctx, stream, event.NoStream, es); err != nil {
					s.Errorf("append: %v", err)
				}
			})
		}
		crowd.Wait()
		for _, r := range results {
			if r != results[0] {
				s.Fatalf("results differ: %+v and %+v", results[0], r)
			}
		}
		s.same(s.read(stream, 0, event.Forward), stream, 0, es)
	}},
}
