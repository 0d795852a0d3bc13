package kafka

import (
	"context"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"
)

// window is the messages of one generation that wait for their
// acknowledgement, and how far each partition is acknowledged without a gap.
type window struct {
	s       *subscription
	parts   []partition    // topic and number alone
	free    chan struct{}  // holds one for each message that waits
	waiting sync.WaitGroup // those who wait for them

	mu    sync.Mutex
	lines []line
}

// line is one partition's messages, in order.
type line struct {
	waits     []wait
	reached   int64 // everything before it is acknowledged; -1: not known
	committed int64
}

type wait struct {
	offset int64
	acked  bool
}

func newWindow(s *subscription, parts []partition) *window {
	w := &window{s: s, parts: append([]partition(nil), parts...), free: make(chan struct{}, s.s.cfg.Window), lines: make([]line, len(parts))}
	for i, p := range parts {
		w.lines[i] = line{reached: p.offset, committed: p.offset}
	}
	return w
}

// wait returns when nobody waits for a message any more.
func (w *window) wait() { w.waiting.Wait() }

// restart lets a partition go on at another offset.
func (w *window) restart(index int, offset int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines[index].waits = append(w.lines[index].waits, wait{offset: offset - 1, acked: true})
	w.settle(index)
}

// handOut gives out records as the window has room; false when ctx ended.
func (w *window) handOut(ctx context.Context, h haul) bool {
	for _, r := range h.records {
		select {
		case w.free <- struct{}{}:
		case <-ctx.Done():
			return false
		}
		w.mu.Lock()
		w.lines[h.index].waits = append(w.lines[h.index].waits, wait{offset: r.offset})
		w.mu.Unlock()
		m, cancel, ok := w.send(ctx, r)
		if !ok {
			return false
		}
		w.waiting.Go(func() {
			if w.settled(ctx, r, m, cancel) {
				w.ack(h.index, r.offset)
				<-w.free
			}
		})
	}
	return true
}

// send gives out one message; its context ends with cancel.
func (w *window) send(ctx context.Context, r fetched) (*message.Message, context.CancelFunc, bool) {
	m := r.message()
	life, cancel := context.WithCancel(w.s.ctx)
	m.SetContext(life)
	select {
	case w.s.out <- m:
		return m, cancel, true
	case <-ctx.Done():
		cancel()
		return nil, nil, false
	}
}

// settled waits for the acknowledgement, and gives the message out again as
// often as it is refused; false when ctx ended before.
func (w *window) settled(ctx context.Context, r fetched, m *message.Message, cancel context.CancelFunc) bool {
	for rest := w.s.s.cfg.NackFirst; ; rest = min(2*rest, w.s.s.cfg.NackLongest) {
		select {
		case <-m.Acked():
			cancel()
			return true
		case <-m.Nacked():
			cancel()
		case <-ctx.Done():
			cancel()
			select {
			case <-m.Acked(): // in time
				return true
			default:
				return false
			}
		}
		var ok bool
		if !pause(ctx, rest) {
			return false
		}
		if m, cancel, ok = w.send(ctx, r); !ok {
			return false
		}
	}
}

// ack notes an acknowledgement.
func (w *window) ack(index int, offset int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	waits := w.lines[index].waits
	for i := range waits {
		if waits[i].offset == offset {
			waits[i].acked = true
			break
		}
	}
	w.settle(index)
}

// settle moves on to the first message that is not acknowledged.
func (w *window) settle(index int) {
	l := &w.lines[index]
	for len(l.waits) > 0 && l.waits[0].acked {
		l.reached = l.waits[0].offset + 1
		l.waits = l.waits[1:]
	}
}

// committable are the offsets to commit, by topic and partition; done is
// called when they are.
func (w *window) committable() (offsets map[string]map[int]int64, done func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	offsets = map[string]map[int]int64{}
	reached := make([]int64, len(w.lines))
	for i, l := range w.lines {
		if reached[i] = l.reached; l.reached == l.committed {
			continue
		}
		p := w.parts[i]
		if offsets[p.topic] == nil {
			offsets[p.topic] = map[int]int64{}
		}
		offsets[p.topic][p.id] = l.reached
	}
	return offsets, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for i := range w.lines {
			w.lines[i].committed = reached[i]
		}
	}
}
