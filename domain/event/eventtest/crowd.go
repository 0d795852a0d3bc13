package eventtest

import (
	"fmt"
	"sync"

	"github.com/parleyhq/parley/domain/event"
)

var crowdCases = []testcase{
	// Ten thousand streams at once are ten thousand streams, each with its own
	// events and revisions, and the log has them all in one order.
	{"TenThousandStreams", func(s *suite) {
		streams, writers := size(10_000, 500), 64
		var crowd sync.WaitGroup
		for w := range writers {
			crowd.Go(func() {
				for i := w; i < streams; i += writers {
					name := s.stream(fmt.Sprint(i))
					if _, err := s.store.Append(s.ctx, name, event.NoStream, events(1)); err != nil {
						s.Errorf("append: %v", err)
						return
					}
					if _, err := s.store.Append(s.ctx, name, event.At(0), events(1)); err != nil {
						s.Errorf("append: %v", err)
						return
					}
				}
			})
		}
		crowd.Wait()
		rs := s.all(0, s.own("test"))
		if len(rs) != 2*streams {
			s.Fatalf("got %d records, want %d", len(rs), 2*streams)
		}
		s.rising(rs)
		s.distinct(rs)
		next := make(map[string]uint64, streams)
		for _, r := range rs {
			if r.Revision != next[r.Stream] {
				s.Fatalf("%s: revision %d, want %d", r.Stream, r.Revision, next[r.Stream])
			}
			next[r.Stream]++
		}
		for i := 0; i < streams; i += 97 {
			name := s.stream(fmt.Sprint(i))
			if rs := s.read(name, event.End, event.Backward); len(rs) != 2 || rs[0].Stream != name || rs[0].Revision != 1 {
				s.Fatalf("%s reads as %v", name, rs)
			}
			s.wrong(name, event.NoStream, event.At(1), events(1)...)
		}
	}},
	// Large events from many writers fit through whatever buffers there are.
	{"ManyLargeEvents", func(s *suite) {
		writers, each := 8, size(6, 2)
		var crowd sync.WaitGroup
		for w := range writers {
			crowd.Go(func() {
				for i := range each {
					es := events(1)
					es[0].ContentType = event.ContentBinary
					es[0].Data = make([]byte, event.MaxSize-len(es[0].Metadata))
					es[0].Data[len(es[0].Data)-1] = byte(i + 1)
					if _, err := s.store.Append(s.ctx, s.stream(fmt.Sprint(w)), event.Expected(i)-1, es); err != nil {
						s.Errorf("append: %v", err)
					}
				}
			})
		}
		crowd.Wait()
		n := 0
		s.tail(0, s.own("test"), func(m event.Message) bool {
			if m.CaughtUp {
				return n < writers*each
			}
			n++
			if d := m.Record.Data; d[len(d)-1] != byte(m.Record.Revision+1) {
				s.Errorf("%s@%d holds other bytes", m.Record.Stream, m.Record.Revision)
			}
			return n < writers*each
		})
	}},
	// Readers, writers and heads at the same time never see the log go back.
	{"ReadersAmongWriters", func(s *suite) {
		stream, total := s.stream("a"), size(400, 80)
		var readers sync.WaitGroup
		done := make(chan struct{})
		for range 4 {
			readers.Go(func() { s.watch(stream, done) })
		}
		for i := range total {
			s.append(stream, event.Expected(i)-1, events(1)...)
		}
		close(done)
		readers.Wait()
	}},
}

// watch reads a stream over and over until done: it only grows.
func (s *suite) watch(stream string, done <-chan struct{}) {
	var revision, head uint64
	for {
		select {
		case <-done:
			return
		default:
		}
		for r, err := range s.store.Stream(s.ctx, stream, event.End, event.Backward) {
			if err != nil {
				s.Errorf("read: %v", err)
				return
			}
			if r.Revision < revision {
				s.Errorf("the stream went back from %d to %d", revision, r.Revision)
			}
			revision = r.Revision
			break
		}
		h, err := s.store.Head(s.ctx)
		if err != nil || h < head {
			s.Errorf("the head went back from %d to %d: %v", head, h, err)
			return
		}
		head = h
	}
}
