package pebble

import (
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/parleyhq/parley/domain/event"
)

const (
	maxGroup   = 1024    // requests in the queue, and in one batch
	groupBytes = 1 << 20 // a batch takes no more requests once it has so many bytes
	maxFlights = 2       // batches that wait for the disk while the next is made
	// sealAfter is how long the log is idle before its last batch gets a
	// successor that says that it was durable. Until then a flipped bit in it
	// looks like a write that a crash cut short.
	sealAfter = 20 * time.Millisecond
)

// flight is a batch on its way to the disk, with the requests that are answered
// when it is there.
type flight struct {
	batch    *pebble.Batch // nil: nothing to write, only answers
	requests []*request
	last     uint64 // newest position when it is there
	seal     bool
}

// sequencer is the state of the one goroutine that gives places.
type sequencer struct {
	log     *Log
	next    uint64 // position of the next event
	numbers uint64 // last number given to a stream
	streams *streams
	group   uint64     // counts batches
	later   []*request // for the next group
	timer   *time.Timer
	sealed  atomic.Uint64 // next when the last durable seal was made
	key     []byte
}

func newSequencer(l *Log, head, numbers uint64) (*sequencer, error) {
	cache, err := newStreams(l.opts.Streams)
	if err != nil {
		return nil, err
	}
	return &sequencer{log: l, next: head + 1, numbers: numbers, streams: cache}, nil
}

// run sequences until the log closes. It owns the finisher.
func (l *Log) run() {
	defer close(l.stopped)
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.finish()
	}()
	l.seq.run()
	close(l.flights)
	<-done
	l.seq.lastSeal()
}

func (s *sequencer) run() {
	s.timer = time.NewTimer(0) // what recovery found gets a seal at once
	defer s.timer.Stop()
	for {
		if len(s.later) > 0 {
			s.commit(s.drain(nil))
			continue
		}
		select {
		case r := <-s.log.queue:
			s.commit(s.drain(r))
		case <-s.timer.C:
			s.seal()
		case <-s.log.closing:
			return
		}
	}
}

// drain takes what waits: what the group before put off, first, and the queue.
func (s *sequencer) drain(first *request) []*request {
	group := append(make([]*request, 0, 64), s.later...)
	s.later = s.later[:0]
	if first != nil {
		group = append(group, first)
	}
	size := 0
	for _, r := range group {
		size += r.size
	}
	for len(group) < maxGroup && size < groupBytes {
		select {
		case r := <-s.log.queue:
			group = append(group, r)
			size += r.size
		default:
			return group
		}
	}
	return group
}

// commit places a group, writes it as one batch and hands it to the finisher.
func (s *sequencer) commit(group []*request) {
	size := 0
	for _, r := range group {
		size += r.size
	}
	err := s.log.disk.broken()
	if err == nil {
		err = s.log.disk.admit(size)
	}
	if err != nil {
		for _, r := range group {
			r.err = err
			r.done <- struct{}{}
		}
		return
	}
	s.group++
	first := s.next
	answered := group[:0]
	for _, r := range group {
		if s.place(r) {
			answered = append(answered, r)
		} else {
			s.later = append(s.later, r)
		}
	}
	f := flight{requests: answered, last: s.next - 1}
	if s.next > first {
		f.batch = s.batch(answered, size, note{durable: s.log.head.Load(), first: first, last: s.next - 1})
		s.apply(f.batch)
	}
	s.log.flights <- f
	s.timer.Reset(sealAfter)
}

// batch writes the placed requests of a group.
func (s *sequencer) batch(group []*request, size int, n note) *pebble.Batch {
	b := s.log.db.NewBatchWithSize(size + size/4 + 64*len(group) + 128)
	must(b.LogData(n.bytes(), nil))
	// All records first: the engine inserts neighbours faster.
	for _, r := range group {
		if r.placed {
			s.putRecords(b, r)
		}
	}
	for _, r := range group {
		if r.placed {
			s.putPlaces(b, r)
		}
	}
	return b
}

func (s *sequencer) putRecords(b *pebble.Batch, r *request) {
	for i, body := range r.bodies {
		position, revision := r.first+uint64(i), r.revision+uint64(i)
		s.key = recordKey(s.key[:0], position)
		op := b.SetDeferred(len(s.key), storedSize(len(body.bytes), revision))
		copy(op.Key, s.key)
		putRecord(op.Value, body, revision, position)
		must(op.Finish())
	}
}

func (s *sequencer) putPlaces(b *pebble.Batch, r *request) {
	st := s.streams.peek(r.stream)
	if r.revision == 0 {
		s.key = nameKey(s.key[:0], r.stream)
		must(b.Set(s.key, appendOrdered(nil, st.number), nil))
	}
	for i := range r.bodies {
		position, revision := r.first+uint64(i), r.revision+uint64(i)
		s.key = revisionKey(s.key[:0], st.number, revision)
		op := b.SetDeferred(len(s.key), orderedSize(position))
		copy(op.Key, s.key)
		appendOrdered(op.Value[:0], position)
		must(op.Finish())
	}
}

// apply gives the batch to the engine; the finisher waits for the sync.
func (s *sequencer) apply(b *pebble.Batch) {
	if err := s.log.db.ApplyNoSyncWait(b, pebble.Sync); err != nil {
		s.log.disk.fail(err)
		park()
	}
}

// seal says in the write-ahead log that what is there is durable. Without it, a
// damaged last batch could not be told from one that a crash cut short.
func (s *sequencer) seal() {
	l := s.log
	if s.sealed.Load() == s.next || l.disk.broken() != nil || l.disk.admit(noteSize) != nil {
		return
	}
	head := l.head.Load()
	if head != s.next-1 {
		s.timer.Reset(sealAfter)
		return
	}
	b := l.db.NewBatch()
	must(b.LogData(note{durable: head, first: s.next, last: head}.bytes(), nil))
	s.apply(b)
	l.flights <- flight{batch: b, last: head, seal: true}
}

// lastSeal is the seal of a log that closes; nothing is on its way any more.
func (s *sequencer) lastSeal() {
	l := s.log
	if s.sealed.Load() == s.next || l.disk.broken() != nil || l.disk.admit(noteSize) != nil {
		return
	}
	n := note{durable: s.next - 1, first: s.next, last: s.next - 1}
	if err := l.db.LogData(n.bytes(), pebble.Sync); err != nil {
		l.disk.fail(err)
	}
}

// finish waits for each batch to be durable, makes it readable and answers.
func (l *Log) finish() {
	for f := range l.flights {
		if f.batch != nil {
			if err := f.batch.SyncWait(); err != nil {
				l.disk.fail(err)
				park()
			}
			_ = f.batch.Close() // only gives its memory back
			if f.seal {
				l.seq.sealed.Store(f.last + 1)
			}
			l.publish(f)
		}
		for _, r := range f.requests {
			r.done <- struct{}{}
		}
	}
}

// publish makes a durable batch visible to reads and tails.
func (l *Log) publish(f flight) {
	if f.last == l.head.Load() {
		return
	}
	l.ring.mu.Lock()
	for _, r := range f.requests {
		if !r.placed {
			continue
		}
		for i, b := range r.bodies {
			l.ring.push(r.first+uint64(i), r.revision+uint64(i), b.bytes)
		}
	}
	l.head.Store(f.last)
	l.ring.wake(f.last)
	l.ring.mu.Unlock()
}

// must is for calls on a batch, which fail only after it was applied.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// place gives a request its place, or its error. False puts it off to the next
// group, because it depends on events of this one that cannot be read yet.
func (s *sequencer) place(r *request) bool {
	st, err := s.load(r.stream)
	if err != nil {
		r.err = err
		return true
	}
	count := uint64(len(r.bodies))
	if expects(r.expected, st.next) && !(r.expected < event.NoStream && st.endsWith(r.bodies)) {
		if st.number == 0 {
			s.numbers++
			st.number = s.numbers
		}
		r.placed, r.first, r.revision = true, s.next, st.next
		r.result = event.Result{First: s.next, Position: s.next + count - 1, Revision: st.next + count - 1}
		s.next += count
		st.next += count
		st.lastID = r.bodies[count-1].id
		return true
	}
	return s.repeat(r, st, count)
}

// expects says whether a stream of next events is what is expected.
func expects(e event.Expected, next uint64) bool {
	switch e {
	case event.Any:
		return true
	case event.Exists:
		return next > 0
	case event.NoStream:
		return next == 0
	}
	return e >= 0 && uint64(e)+1 == next
}
