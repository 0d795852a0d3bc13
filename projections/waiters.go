package projections

import (
	"container/heap"
	"context"
	"errors"
	"sync"
)

// maxWaiters bounds those who wait for a position at once.
const maxWaiters = 1 << 16

// ErrTooManyWaiters says that maxWaiters wait already.
var ErrTooManyWaiters = errors.New("projections: too many wait for a position")

// waiters wakes those who wait for a position, nearest first.
type waiters struct {
	mu      sync.Mutex
	reached uint64
	queue   waitQueue
	asked   chan struct{} // of one place: told when somebody begins to wait; nil: nobody listens
}

type waiter struct {
	position uint64
	index    int // in the queue; -1 once it was woken
	woken    chan struct{}
}

// wait returns when position is reached or ctx ends, with the context's error.
func (w *waiters) wait(ctx context.Context, position uint64) error {
	w.mu.Lock()
	if position <= w.reached {
		w.mu.Unlock()
		return nil
	}
	if len(w.queue) >= maxWaiters {
		w.mu.Unlock()
		return ErrTooManyWaiters
	}
	me := &waiter{position: position, woken: make(chan struct{})}
	heap.Push(&w.queue, me)
	w.mu.Unlock()
	select {
	case w.asked <- struct{}{}:
	default: // told already
	}
	select {
	case <-me.woken:
		return nil
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if me.index < 0 {
		return nil // woken at the same moment
	}
	heap.Remove(&w.queue, me.index)
	return ctx.Err()
}

// reach wakes whoever waits for position or less.
func (w *waiters) reach(position uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reached = max(w.reached, position)
	for len(w.queue) > 0 && w.queue[0].position <= w.reached {
		close(heap.Pop(&w.queue).(*waiter).woken)
	}
}

// waiting says whether anybody waits.
func (w *waiters) waiting() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue) > 0
}

func (w *waiters) position() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reached
}

// waitQueue is a heap by position.
type waitQueue []*waiter

func (q waitQueue) Len() int           { return len(q) }
func (q waitQueue) Less(i, j int) bool { return q[i].position < q[j].position }
func (q waitQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

func (q *waitQueue) Push(x any) {
	w := x.(*waiter)
	w.index = len(*q)
	*q = append(*q, w)
}

func (q *waitQueue) Pop() any {
	last := len(*q) - 1
	w := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	w.index = -1
	return w
}
