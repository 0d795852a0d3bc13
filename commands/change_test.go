package commands

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parleyhq/parley/domain/event"
)

// racing lets somebody else append first, once.
type racing struct {
	event.Store
	first sync.Once
	other func()
}

func (r *racing) Append(ctx context.Context, stream string, expected event.Expected, events []event.Event) (event.Result, error) {
	if expected > 0 {
		r.first.Do(r.other)
	}
	return r.Store.Append(ctx, stream, expected, events)
}

// Invariant 3: who loses a race for a long stream reads what is missing and no
// more, or would lose every further race too.
func TestALostRaceCostsWhatIsMissing(t *testing.T) {
	t.Parallel()
	log := memoryLog(t)
	other := toyCore(t, log, nil)
	race := &racing{Store: log, other: func() {
		if _, err := change(context.Background(), other, "counter-1", newCounter, add(1)); err != nil {
			t.Error(err)
		}
	}}
	store := &reading{Store: race}
	c := toyCore(t, store, nil)
	for !c.fresh() || !other.fresh() { // until then nothing is kept for current
		time.Sleep(time.Millisecond)
	}
	long := make([]event.Data, 100)
	for i := range long {
		long[i] = counted{1}
	}
	if _, err := change(t.Context(), c, "counter-1", newCounter, func(*counter) ([]event.Data, error) { return long, nil }); err != nil {
		t.Fatal(err)
	}
	before := store.records.Load()
	if _, err := change(t.Context(), c, "counter-1", newCounter, add(1)); err != nil {
		t.Fatal(err)
	}
	if n := store.records.Load() - before; n > 1 {
		t.Errorf("a lost race read %d records", n)
	}
	if sum, events := total(t, c, "counter-1"); sum != 102 || events != 102 {
		t.Errorf("%d in %d events", sum, events)
	}
}

// weighing remembers the largest append, and holds up the first one.
type weighing struct {
	event.Store
	entered, let chan struct{}
	first        sync.Once
	largest      atomic.Int64
	appends      atomic.Int64
}

func (w *weighing) Append(ctx context.Context, stream string, expected event.Expected, events []event.Event) (event.Result, error) {
	w.first.Do(func() {
		close(w.entered)
		<-w.let
	})
	size := int64(0)
	for _, e := range events {
		size += int64(len(e.Data) + len(e.Metadata))
	}
	w.largest.Store(max(w.largest.Load(), size)) // one stream: one append at a time
	w.appends.Add(1)
	return w.Store.Append(ctx, stream, expected, events)
}

// Invariant 12: however many large commands wait for a stream, no append is
// larger than servers of the log take, and each command lands once.
func TestAppendsHaveABound(t *testing.T) {
	t.Parallel()
	store := &weighing{Store: memoryLog(t), entered: make(chan struct{}), let: make(chan struct{})}
	c := toyCore(t, store, nil)
	for !c.fresh() { // until then nothing is kept for current
		time.Sleep(time.Millisecond)
	}
	large := padded{strings.Repeat("x", 100<<10)}
	say := func(*counter) ([]event.Data, error) { return []event.Data{large}, nil }
	const commands = 30
	var all sync.WaitGroup
	send := func() {
		all.Go(func() {
			if _, err := change(context.Background(), c, "counter-1", newCounter, say); err != nil {
				t.Error(err)
			}
		})
	}
	send()
	<-store.entered
	for range commands - 1 {
		send()
	}
	e, _ := c.states.Peek("counter-1")
	for waiting := 0; waiting < commands-1; time.Sleep(time.Millisecond) {
		e.queueing.Lock()
		waiting = len(e.waiting)
		e.queueing.Unlock()
	}
	close(store.let)
	all.Wait()
	if n := store.largest.Load(); n > 1<<20-(64<<10) {
		t.Errorf("%d bytes were appended as one", n)
	}
	if n := store.appends.Load(); n > commands/2 {
		t.Errorf("%d appends for %d commands: they are not decided together", n, commands)
	}
	if _, events := total(t, c, "counter-1"); events != commands {
		t.Errorf("%d events of %d commands", events, commands)
	}
}
