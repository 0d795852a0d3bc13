package eventtest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

var tailCases = []testcase{
	// Having reached the head, a tail says so; in an empty selection at once.
	{"SaysCaughtUp", func(s *suite) {
		s.tail(0, s.own("test"), func(m event.Message) bool {
			if !m.CaughtUp {
				s.Fatalf("got %v, want word of having caught up", m.Record)
			}
			return false
		})
		r := s.append(s.stream("a"), event.NoStream, events(3)...)
		n := 0
		s.tail(0, s.own("test"), func(m event.Message) bool {
			if m.CaughtUp {
				if m.Position < r.Position {
					s.Errorf("caught up at %d, behind %d", m.Position, r.Position)
				}
				if m.Record.ID != uuid.Nil || m.Record.Stream != "" {
					s.Errorf("word of having caught up has a record: %v", m.Record)
				}
				return false
			}
			if m.Position != m.Record.Position {
				s.Errorf("position %d of a record at %d", m.Position, m.Record.Position)
			}
			n++
			return true
		})
		if n != 3 {
			s.Fatalf("%d records before having caught up, want 3", n)
		}
	}},
	// What is appended later comes, one after another, to a tail that waits.
	{"WaitsForMore", func(s *suite) {
		stream := s.stream("a")
		n := 0
		s.tail(s.head(), s.own("test"), func(m event.Message) bool {
			if m.CaughtUp {
				if n == 20 {
					return false
				}
				s.append(stream, event.Expected(n)-1, events(1)...)
				return true
			}
			if m.Record.Revision != uint64(n) {
				s.Fatalf("got revision %d, want %d", m.Record.Revision, n)
			}
			if n++; n < 20 {
				s.append(stream, event.At(m.Record.Revision), events(1)...)
			}
			return n < 20
		})
	}},
	// Events that the filter does not keep wake nobody up wrongly, and those
	// that it keeps come through.
	{"Filters", func(s *suite) {
		want := make([]uuid.UUID, 0, 50)
		for i := range 150 {
			es := events(1)
			if i%3 == 0 {
				es[0].Type = "kept.v1"
				want = append(want, es[0].ID)
			}
			s.append(s.stream(fmt.Sprint(i%5)), event.Any, es...)
		}
		var got []uuid.UUID
		s.tail(0, s.with([]string{"kept.v1"}, "test"), func(m event.Message) bool {
			if !m.CaughtUp {
				got = append(got, m.Record.ID)
			}
			return len(got) < len(want) && !(m.CaughtUp && m.Position >= s.head())
		})
		if diff := cmp.Diff(want, got); diff != "" {
			s.Fatalf("(-want +got):\n%s", diff)
		}
	}},
	// Each of several tails, started before, during and after the writing, sees
	// every record once and in order, racing with writers.
	{"RaceWithWriters", func(s *suite) {
		writers, each := 8, size(150, 30)
		total := writers * each
		start := s.head()
		seen := make([][]event.Record, 12)
		var readers, crowd sync.WaitGroup
		half := make(chan struct{})
		done := make(chan struct{})
		for i := range seen {
			readers.Go(func() {
				switch i % 3 {
				case 1:
					<-half
				case 2:
					<-done
				}
				s.tail(start, s.own("test"), func(m event.Message) bool {
					if !m.CaughtUp {
						seen[i] = append(seen[i], m.Record)
					}
					return len(seen[i]) < total
				})
			})
		}
		for w := range writers {
			crowd.Go(func() {
				for i := range each {
					if _, err := s.store.Append(s.ctx, s.stream(fmt.Sprint(w)), event.Expected(i)-1, events(1)); err != nil {
						s.Errorf("append: %v", err)
					}
					if w == 0 && i == each/2 {
						close(half)
					}
				}
			})
		}
		crowd.Wait()
		close(done)
		readers.Wait()
		want := s.all(start, s.own("test"))
		for i, got := range seen {
			if diff := differ(want, got); diff != "" {
				s.Fatalf("tail %d differs from the log (-log +tail):\n%s", i, diff)
			}
		}
	}},
	// A tail may start after any position, also one that is still to come.
	{"StartsAnywhere", func(s *suite) {
		s.append(s.stream("a"), event.NoStream, events(size(600, 100))...)
		every := s.all(0, s.own("test"))
		for _, i := range []int{0, 1, len(every) / 2, len(every) - 2, len(every) - 1} {
			var got []event.Record
			s.tail(every[i].Position, s.own("test"), func(m event.Message) bool {
				if !m.CaughtUp {
					got = append(got, m.Record)
				}
				return !m.CaughtUp
			})
			if diff := cmp.Diff(ids(every[i+1:]), ids(got)); diff != "" {
				s.Fatalf("after %d (-want +got):\n%s", every[i].Position, diff)
			}
		}
	}},
	// A slow tail misses nothing while others write far ahead of it.
	{"SlowReader", func(s *suite) {
		total, stream := size(6000, 800), s.stream("a")
		next, n := 0, 0
		s.tail(s.head(), s.own("test"), func(m event.Message) bool {
			if !m.CaughtUp {
				if m.Record.Revision != uint64(n) {
					s.Fatalf("got revision %d, want %d", m.Record.Revision, n)
				}
				n++
			}
			if next < total && n >= next/2 {
				s.append(stream, event.Expected(next)-1, events(100)...)
				next += 100
			}
			return n < total
		})
	}},
}

// tail reads a tail until take says false, and fails the test if it ends
// otherwise.
func (s *suite) tail(after uint64, f event.Filter, take func(event.Message) bool) {
	s.Helper()
	for m, err := range s.store.Tail(s.ctx, after, f) {
		if err != nil {
			s.Errorf("tail after %d: %v", after, err)
			return
		}
		if !take(m) {
			return
		}
	}
}

var cancelCases = []testcase{
	// A context that is over before the call.
	{"Before", func(s *suite) {
		s.append(s.stream("a"), event.NoStream, events(3)...)
		ctx, cancel := context.WithCancel(s.ctx)
		cancel()
		if _, err := s.store.Append(ctx, s.stream("b"), event.Any, events(1)); !errors.Is(err, context.Canceled) {
			s.Errorf("append: got %v", err)
		}
		if _, err := s.store.Head(ctx); !errors.Is(err, context.Canceled) {
			s.Errorf("head: got %v", err)
		}
		s.cancelled("stream", func(yield func(error) bool) {
			for _, err := range s.store.Stream(ctx, s.stream("a"), 0, event.Forward) {
				if !yield(err) {
					return
				}
			}
		}, 0)
		s.cancelled("all", func(yield func(error) bool) {
			for _, err := range s.store.All(ctx, 0, s.own("test")) {
				if !yield(err) {
					return
				}
			}
		}, 0)
		s.cancelled("tail", func(yield func(error) bool) {
			for _, err := range s.store.Tail(ctx, 0, s.own("test")) {
				if !yield(err) {
					return
				}
			}
		}, 0)
	}},
	// A context that ends in the middle: the error comes once, as the last
	// element, and soon.
	{"MidIteration", func(s *suite) {
		stream, es := s.long()
		soon := len(es) - 1
		for _, at := range []int{1, 10, 100} {
			s.cancelAt("stream", at, soon, func(ctx context.Context, yield func(error) bool) {
				for _, err := range s.store.Stream(ctx, stream, 0, event.Forward) {
					if !yield(err) {
						return
					}
				}
			})
			s.cancelAt("all", at, soon, func(ctx context.Context, yield func(error) bool) {
				for _, err := range s.store.All(ctx, 0, s.own("test")) {
					if !yield(err) {
						return
					}
				}
			})
			s.cancelAt("tail", at, soon, func(ctx context.Context, yield func(error) bool) {
				for _, err := range s.store.Tail(ctx, 0, s.own("test")) {
					if !yield(err) {
						return
					}
				}
			})
		}
	}},
	// A context that ends while the tail waits.
	{"WhileWaiting", func(s *suite) {
		ctx, cancel := context.WithCancel(s.ctx)
		defer cancel()
		var last error
		for m, err := range s.store.Tail(ctx, s.head(), s.own("test")) {
			last = err
			if err == nil && m.CaughtUp {
				cancel()
			}
		}
		if !errors.Is(last, context.Canceled) {
			s.Fatalf("the tail ended with %v", last)
		}
	}},
	// A cancelled append took effect or not, wholly; the same ids again at the
	// same place find out.
	{"AppendFindsOut", func(s *suite) {
		stream := s.stream("a")
		expected := event.NoStream
		for i := range size(200, 50) {
			ctx, cancel := context.WithCancel(s.ctx)
			es := events(2)
			go cancel()
			_, err := s.store.Append(ctx, stream, expected, es)
			if err != nil && !errors.Is(err, context.Canceled) {
				s.Fatalf("append %d: %v", i, err)
			}
			r := s.append(stream, expected, es...)
			if r.Revision != uint64(2*i+1) {
				s.Fatalf("append %d ended at revision %d", i, r.Revision)
			}
			expected = event.At(r.Revision)
		}
		rs := s.read(stream, 0, event.Forward)
		s.distinct(rs)
	}},
	// A consumer that walks away from a tail leaves nothing that hinders others.
	{"BreakOutOfTails", func(s *suite) {
		stream := s.stream("a")
		for i := range 100 {
			s.append(stream, event.Expected(i)-1, events(1)...)
			s.tail(0, s.own("test"), func(event.Message) bool { return false })
		}
	}},
}

// cancelled wants one element, the context's error, after at most most others.
func (s *suite) cancelled(what string, seq func(yield func(error) bool), most int) {
	s.Helper()
	n, failures := 0, 0
	seq(func(err error) bool {
		if err == nil {
			if failures > 0 {
				s.Errorf("%s: goes on after its error", what)
			}
			n++
			return true
		}
		failures++
		if !errors.Is(err, context.Canceled) {
			s.Errorf("%s: got %v, want the context's error", what, err)
		}
		return true
	})
	if failures != 1 || n > most {
		s.Errorf("%s: %d elements and %d errors, want at most %d and one error", what, n, failures, most)
	}
}

// cancelAt ends the context at an element.
func (s *suite) cancelAt(what string, at, most int, seq func(ctx context.Context, yield func(error) bool)) {
	s.Helper()
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	n := 0
	s.cancelled(what, func(yield func(error) bool) {
		seq(ctx, func(err error) bool {
			if n++; n == at {
				cancel()
			}
			return yield(err)
		})
	}, most)
}
