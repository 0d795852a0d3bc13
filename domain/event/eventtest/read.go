package eventtest

import (
	"fmt"
	"slices"

	"github.com/google/go-cmp/cmp"

	"github.com/parleyhq/parley/domain/event"
)

var streamCases = []testcase{
	// An absent stream is empty, in both directions.
	{"Absent", func(s *suite) {
		for _, from := range []uint64{0, 5, event.End} {
			for _, dir := range []event.Direction{event.Forward, event.Backward} {
				if rs := s.read(s.stream("absent"), from, dir); len(rs) != 0 {
					s.Fatalf("an absent stream has %d records", len(rs))
				}
			}
		}
	}},
	// From any revision, inclusive, forward.
	{"Forward", func(s *suite) {
		stream, es := s.long()
		for _, from := range []uint64{0, 1, 2, 17, uint64(len(es)) - 1} {
			s.same(s.read(stream, from, event.Forward), stream, from, es[from:])
		}
		if rs := s.read(stream, uint64(len(es)), event.Forward); len(rs) != 0 {
			s.Fatalf("%d records follow the end", len(rs))
		}
	}},
	// From any revision, inclusive, backward; from End and from beyond the end
	// it starts at the newest.
	{"Backward", func(s *suite) {
		stream, es := s.long()
		newest := uint64(len(es)) - 1
		for from, first := range map[uint64]uint64{0: 0, 1: 1, 17: 17, newest: newest, newest + 1: newest, newest + 1000: newest, event.End: newest} {
			rs := s.read(stream, from, event.Backward)
			slices.Reverse(rs)
			s.same(rs, stream, 0, es[:first+1])
		}
	}},
	// A stream ends where it ended, whatever else is in the log.
	{"NothingOfOthers", func(s *suite) {
		a, b := s.stream("a"), s.stream("a-b")
		mine := events(20)
		for i := range mine {
			s.append(a, event.Expected(i)-1, mine[i])
			s.append(b, event.Any, events(2)...)
		}
		s.same(s.read(a, 0, event.Forward), a, 0, mine)
		rs := s.read(a, event.End, event.Backward)
		slices.Reverse(rs)
		s.same(rs, a, 0, mine)
	}},
	// It ends at what was the newest when it got there: reading while somebody
	// appends sees a prefix, in order, and ends.
	{"WhileAppending", func(s *suite) {
		stream := s.stream("a")
		s.append(stream, event.NoStream, events(10)...)
		next := event.Expected(9)
		n := uint64(0)
		for r, err := range s.store.Stream(s.ctx, stream, 0, event.Forward) {
			if err != nil {
				s.Fatal(err)
			}
			if r.Revision != n {
				s.Fatalf("got revision %d, want %d", r.Revision, n)
			}
			n++
			if next < 200 {
				s.append(stream, next, events(1)...)
				next++
			}
		}
		if n < 10 {
			s.Fatalf("got %d records, want at least 10", n)
		}
	}},
	// The consumer may stop anywhere and read again.
	{"BreakAndReadAgain", func(s *suite) {
		stream, es := s.long()
		for stop := range 40 {
			n := 0
			for _, err := range s.store.Stream(s.ctx, stream, 0, event.Forward) {
				if err != nil {
					s.Fatal(err)
				}
				if n++; n > stop {
					break
				}
			}
		}
		seq := s.store.Stream(s.ctx, stream, 0, event.Forward)
		for range 2 { // the sequence itself can be read again too
			var rs []event.Record
			for r, err := range seq {
				if err != nil {
					s.Fatal(err)
				}
				rs = append(rs, r)
			}
			s.same(rs, stream, 0, es)
		}
	}},
}

// long appends a stream that needs more than one page of any adapter.
func (s *suite) long() (string, []event.Event) {
	s.Helper()
	stream, es := s.stream("long"), events(size(3000, 700))
	for at := 0; at < len(es); at += 100 {
		s.append(stream, event.Expected(at)-1, es[at:min(at+100, len(es))]...)
	}
	return stream, es
}

var allCases = []testcase{
	// After any position, exclusive; 0 is the start.
	{"AfterAnyPosition", func(s *suite) {
		for i := range 30 {
			s.append(s.stream(fmt.Sprint(i%4)), event.Any, events(1+i%3)...)
		}
		rs := s.all(0, s.own("test"))
		s.rising(rs)
		for i, r := range rs {
			if diff := differ(rs[i+1:], s.all(r.Position, s.own("test"))); len(rs[i+1:]) > 0 && diff != "" {
				s.Fatalf("after %d (-want +got):\n%s", r.Position, diff)
			}
		}
		for _, after := range []uint64{s.head(), s.head() + 1, s.head() + 1000} {
			if rest := s.all(after, s.own("test")); len(rest) != 0 {
				s.Fatalf("%d records follow the head", len(rest))
			}
		}
	}},
	// Filters keep the categories and types that they name, and both together.
	{"Filters", func(s *suite) {
		types := []string{"one.v1", "two.v1", "one.v2"}
		words := []string{"red", "green", "redgreen"}
		for i := range 60 {
			es := events(1)
			es[0].Type = types[i%3]
			s.append(event.StreamName(s.category(words[i/3%3]), fmt.Sprint("red-", i%7)), event.Any, es...)
		}
		every := s.all(0, s.own(words...))
		if len(every) != 60 {
			s.Fatalf("got %d records, want 60", len(every))
		}
		for _, f := range []event.Filter{
			s.own("red"), s.own("red", "green"), s.own("absent"), s.own("re"),
			s.with(types[:1], words...), s.with(types[1:], "redgreen"), s.with([]string{"one"}, words...), s.with(types, "absent", "green"),
		} {
			var want []event.Record
			for _, r := range every {
				if f.Match(r.Stream, r.Type) {
					want = append(want, r)
				}
			}
			got := s.all(0, f)
			if diff := cmp.Diff(ids(want), ids(got)); diff != "" {
				s.Errorf("filter %v (-want +got):\n%s", f, diff)
			}
		}
	}},
	// Types alone find events of every category.
	{"TypesAlone", func(s *suite) {
		es := events(3)
		for i := range es {
			es[i].Type = "only." + s.tag
			s.append(event.StreamName(s.category(fmt.Sprint("c", i)), "x"), event.NoStream, es[i])
		}
		s.append(s.stream("a"), event.NoStream, events(1)...)
		rs := s.all(0, event.Filter{Types: []string{"only." + s.tag}})
		if len(rs) != 3 {
			s.Fatalf("got %d records, want 3", len(rs))
		}
	}},
	// Without a filter everything is there, in the one order.
	{"NoFilter", func(s *suite) {
		before := s.head()
		for i := range 10 {
			s.append(event.StreamName(s.category(fmt.Sprint("c", i)), "x"), event.NoStream, events(2)...)
		}
		rs := s.all(before, event.Filter{})
		s.rising(rs)
		n := 0
		for _, r := range rs {
			if s.owns(r) {
				n++
			}
		}
		if n != 20 {
			s.Fatalf("got %d records of ours, want 20", n)
		}
	}},
	// A read of everything ends although somebody goes on writing, and the
	// consumer may stop anywhere.
	{"EndsAndBreaks", func(s *suite) {
		s.long()
		n := 0
		for r, err := range s.store.All(s.ctx, 0, s.own("test")) {
			if err != nil {
				s.Fatal(err)
			}
			n++
			if n < 100 {
				s.append(s.stream("b"), event.Any, events(1)...)
			}
			_ = r
		}
		for stop := range 20 {
			m := 0
			for _, err := range s.store.All(s.ctx, 0, s.own("test")) {
				if err != nil {
					s.Fatal(err)
				}
				if m++; m > stop {
					break
				}
			}
		}
	}},
}

func (s *suite) with(types []string, words ...string) event.Filter {
	f := s.own(words...)
	f.Types = types
	return f
}

// owns says whether the record is this subtest's.
func (s *suite) owns(r event.Record) bool {
	c := r.Category()
	return len(c) > len(s.tag) && c[len(c)-len(s.tag):] == s.tag
}
