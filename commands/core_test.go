package commands

import (
	"context"
	"crypto/cipher"
	"errors"
	"io"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/infra/pebble"
)

// counted is the toy event of these tests; counter its state.
type counted struct {
	By int `json:"by"`
}

type counter struct{ total, events int }

func (c *counter) Apply(d event.Decoded) {
	if by, ok := d.Payload.(counted); ok {
		c.total += by.By
	}
	c.events++
}

// padded is a large event.
type padded struct {
	Text string `json:"text"`
}

func newCounter() *counter { return new(counter) }

func add(by int) func(*counter) ([]event.Data, error) {
	return func(*counter) ([]event.Data, error) { return []event.Data{counted{by}}, nil }
}

type noKeys struct{}

func (noKeys) SealingKey(context.Context, event.Owner) (string, cipher.AEAD, error) {
	return "", nil, event.ErrKeyGone
}

func (noKeys) OpeningKey(context.Context, string) (cipher.AEAD, error) {
	return nil, event.ErrKeyGone
}

func toyCodec(t testing.TB) *event.Codec {
	t.Helper()
	c, err := event.NewCatalogue([]event.Definition{event.Of[counted]("counter.counted.v1", event.Ops, nil), event.Of[padded]("counter.padded.v1", event.Ops, nil)})
	if err != nil {
		t.Fatal(err)
	}
	return event.NewCodec(c, noKeys{})
}

func memoryLog(t testing.TB) event.Store {
	t.Helper()
	log, err := pebble.Open("log", pebble.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return log
}

// patience is how long a starved machine may take for one step.
const patience = time.Minute

// toyCore runs a core over store until the test ends.
func toyCore(t testing.TB, store event.Store, adjust func(*Config)) *core {
	t.Helper()
	cfg := Defaults()
	cfg.AppendTimeout = patience
	if adjust != nil {
		adjust(&cfg)
	}
	c, err := newCore(cfg, store, toyCodec(t), slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.run(ctx) }()
	t.Cleanup(func() {
		c.close(context.Background())
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return c
}

func total(t testing.TB, c *core, stream string) (sum, events int) {
	t.Helper()
	if err := view(context.Background(), c, stream, newCounter, func(s *counter) error {
		sum, events = s.total, s.events
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return sum, events
}

// Invariant 3, on two nodes that do not know each other: every command lands
// once, with a revision of its own.
func TestTwoNodesOnOneStream(t *testing.T) {
	t.Parallel()
	store := memoryLog(t)
	nodes := []*core{toyCore(t, store, nil), toyCore(t, store, nil)}
	const each = 200
	var revisions sync.Map
	var all sync.WaitGroup
	var busy atomic.Int64
	for _, node := range nodes {
		for range 4 {
			all.Go(func() {
				for done := 0; done < each; {
					out, err := change(context.Background(), node, "counter-1", newCounter, add(1))
					if errors.Is(err, fault.ErrConflict) {
						busy.Add(1)
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					if _, twice := revisions.LoadOrStore(out.Revision, true); twice || !out.Changed {
						t.Errorf("revision %d was given twice", out.Revision)
					}
					done++
				}
			})
		}
	}
	all.Wait()
	const want = each * 4 * 2
	for _, node := range nodes {
		ctx := WithPosition(context.Background(), 1<<62) // read from the log
		_ = view(ctx, node, "counter-1", newCounter, func(s *counter) error {
			if s.total != want || s.events != want {
				t.Errorf("state is %+v, want %d", s, want)
			}
			return nil
		})
	}
	t.Logf("%d commands gave up and were asked again", busy.Load())
}

// Commands of one stream that wait together are decided on each other's
// outcome: of a thousand withdrawals from 100, 100 go through.
func TestCommandsSeeEachOther(t *testing.T) {
	t.Parallel()
	c := toyCore(t, memoryLog(t), nil)
	broke := fault.New(fault.Conflict, "counter.empty", "Nothing is left.")
	if _, err := change(t.Context(), c, "counter-1", newCounter, add(100)); err != nil {
		t.Fatal(err)
	}
	var granted, refused atomic.Int64
	var all sync.WaitGroup
	for range 1000 {
		all.Go(func() {
			_, err := change(context.Background(), c, "counter-1", newCounter, func(s *counter) ([]event.Data, error) {
				if s.total == 0 {
					return nil, broke
				}
				return []event.Data{counted{-1}}, nil
			})
			switch {
			case err == nil:
				granted.Add(1)
			case errors.Is(err, broke):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if granted.Load() != 100 || refused.Load() != 900 {
		t.Errorf("granted %d, refused %d", granted.Load(), refused.Load())
	}
	if sum, events := total(t, c, "counter-1"); sum != 0 || events != 101 {
		t.Errorf("total %d after %d events", sum, events)
	}
}

// A state that is only looked at follows what another node appends, and at
// once when the caller has seen it.
func TestViewFollowsOtherNodes(t *testing.T) {
	t.Parallel()
	store := memoryLog(t)
	here, there := toyCore(t, store, nil), toyCore(t, store, nil)
	if sum, _ := total(t, here, "counter-1"); sum != 0 {
		t.Fatal(sum)
	}
	out, err := change(t.Context(), there, "counter-1", newCounter, add(7))
	if err != nil {
		t.Fatal(err)
	}
	_ = view(WithPosition(t.Context(), out.Position), here, "counter-1", newCounter, func(s *counter) error {
		if s.total != 7 {
			t.Errorf("a caller that has seen position %d reads %d", out.Position, s.total)
		}
		return nil
	})
	if _, err = change(t.Context(), there, "counter-1", newCounter, add(1)); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; {
		if sum, _ := total(t, here, "counter-1"); sum == 8 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the tail does not bring what the other node wrote")
		}
		time.Sleep(time.Millisecond)
	}
}

// What was loaded before the tail began is not taken for what it follows.
func TestLoadedBeforeTheTail(t *testing.T) {
	t.Parallel()
	store := memoryLog(t)
	there := toyCore(t, store, nil)
	here, err := newCore(Defaults(), store, toyCodec(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	total(t, here, "counter-1")
	if _, err := change(t.Context(), there, "counter-1", newCounter, add(3)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = here.run(ctx) })
	defer running.Wait()
	defer stop()
	for !here.fresh() {
		time.Sleep(time.Millisecond)
	}
	if sum, _ := total(t, here, "counter-1"); sum != 3 {
		t.Errorf("state is %d", sum)
	}
}

// silent is a log whose tail says nothing, like a connection that hangs.
type silent struct{ event.Store }

func (s silent) Head(ctx context.Context) (uint64, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

// While the tail is silent nothing is taken from memory.
func TestSilentTailReadsTheLog(t *testing.T) {
	t.Parallel()
	store := memoryLog(t)
	here, there := toyCore(t, silent{store}, nil), toyCore(t, store, nil)
	total(t, here, "counter-1")
	if _, err := change(t.Context(), there, "counter-1", newCounter, add(3)); err != nil {
		t.Fatal(err)
	}
	if sum, _ := total(t, here, "counter-1"); sum != 3 {
		t.Errorf("a state of unknown age was believed: %d", sum)
	}
}

// failing is a log whose appends end as told.
type failing struct {
	event.Store
	mu   sync.Mutex
	errs []error // one for each append; nil passes
	late bool    // the append takes effect all the same
}

func (f *failing) Append(ctx context.Context, stream string, expected event.Expected, events []event.Event) (event.Result, error) {
	f.mu.Lock()
	var err error
	if len(f.errs) > 0 {
		err, f.errs = f.errs[0], f.errs[1:]
	}
	f.mu.Unlock()
	if err == nil || f.late {
		res, failed := f.Store.Append(ctx, stream, expected, events)
		if err == nil {
			return res, failed
		}
	}
	return event.Result{}, err
}

// An append that fails, or whose outcome is unknown, leaves no false state.
func TestFailedAppendsLeaveNoFalseState(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		store := &failing{Store: memoryLog(t), errs: []error{nil, event.ErrFull}, late: late}
		c := toyCore(t, store, nil)
		if _, err := change(t.Context(), c, "counter-1", newCounter, add(1)); err != nil {
			t.Fatal(err)
		}
		_, err := change(t.Context(), c, "counter-1", newCounter, add(10))
		if f := fault.As(err); f == nil || f.Kind != fault.Full || f.Slug != "storage.full" || f.RetryAfter == 0 {
			t.Errorf("a full disk is answered with %v", err)
		}
		want := 1
		if late {
			want = 11
		}
		if sum, _ := total(t, c, "counter-1"); sum != want {
			t.Errorf("late %v: state is %d, want %d", late, sum, want)
		}
		if _, err := change(t.Context(), c, "counter-1", newCounter, add(100)); err != nil {
			t.Errorf("it does not go on: %v", err)
		}
	}
}

// A decider that panics fails its own command and hurts nobody.
func TestPanicsAreErrors(t *testing.T) {
	t.Parallel()
	c := toyCore(t, memoryLog(t), nil)
	_, err := change(t.Context(), c, "counter-1", newCounter, func(*counter) ([]event.Data, error) { panic("a bug") })
	if err == nil || fault.As(err) != nil {
		t.Errorf("a panic is answered with %v", err)
	}
	if _, err := change(t.Context(), c, "counter-1", newCounter, add(1)); err != nil {
		t.Error(err)
	}
}

// A caller that has gone away is not decided for, and after Close nothing is.
func TestGoneAndClosed(t *testing.T) {
	t.Parallel()
	c := toyCore(t, memoryLog(t), nil)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := change(gone, c, "counter-1", newCounter, add(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	c.close(t.Context())
	if _, err := change(t.Context(), c, "counter-1", newCounter, add(1)); !errors.Is(err, event.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if sum, _ := total(t, c, "counter-1"); sum != 0 {
		t.Errorf("state is %d", sum)
	}
}

// reading counts the records that are read of streams.
type reading struct {
	event.Store
	records atomic.Int64
}

func (r *reading) Stream(ctx context.Context, stream string, from uint64, dir event.Direction) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		for rec, err := range r.Store.Stream(ctx, stream, from, dir) {
			r.records.Add(1)
			if !yield(rec, err) {
				return
			}
		}
	}
}

// Whoever is refused costs no reading of a long stream, alone or beside others:
// one could keep everybody waiting.
func TestRefusalsAreCheap(t *testing.T) {
	t.Parallel()
	slow := &slowStore{Store: memoryLog(t), stream: "counter-slow", entered: make(chan struct{}), let: make(chan struct{})}
	store := &reading{Store: slow}
	c := toyCore(t, store, nil)
	for !c.fresh() { // until then nothing is kept for current
		time.Sleep(time.Millisecond)
	}
	refuse := func(*counter) ([]event.Data, error) { return nil, fault.ErrForbidden }
	long := make([]event.Data, 100)
	for i := range long {
		long[i] = counted{1}
	}
	for _, stream := range []string{"counter-1", "counter-slow"} {
		go func() {
			if stream == slow.stream {
				<-slow.entered
				slow.let <- struct{}{}
			}
		}()
		if _, err := change(t.Context(), c, stream, newCounter, func(*counter) ([]event.Data, error) { return long, nil }); err != nil {
			t.Fatal(err)
		}
	}
	before := store.records.Load()
	for range 10 {
		if _, err := change(t.Context(), c, "counter-1", newCounter, refuse); !errors.Is(err, fault.ErrForbidden) {
			t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	all.Go(func() { _, _ = change(t.Context(), c, slow.stream, newCounter, add(1)) })
	<-slow.entered // what comes now is decided together
	for _, decide := range []func(*counter) ([]event.Data, error){refuse, add(1), refuse} {
		all.Go(func() { _, _ = change(t.Context(), c, slow.stream, newCounter, decide) })
	}
	e := c.entry(slow.stream, func() folder { return newCounter() })
	for waiting := 0; waiting < 3; {
		e.queueing.Lock()
		waiting = len(e.waiting)
		e.queueing.Unlock()
	}
	slow.let <- struct{}{}
	<-slow.entered
	slow.let <- struct{}{}
	all.Wait()
	if read := store.records.Load() - before; read > 10 {
		t.Errorf("%d records were read", read)
	}
	if sum, _ := total(t, c, slow.stream); sum != 102 {
		t.Errorf("state is %d", sum)
	}
}

// Nobody is refused on an old state: what another node allowed since counts.
func TestRefusalsLookAgain(t *testing.T) {
	t.Parallel()
	store := memoryLog(t)
	here, there := toyCore(t, store, nil), toyCore(t, store, nil)
	odd := func(s *counter) ([]event.Data, error) {
		if s.total%2 == 0 {
			return nil, fault.ErrForbidden
		}
		return []event.Data{counted{1}}, nil
	}
	for i := range 100 {
		if _, err := change(t.Context(), there, "counter-1", newCounter, add(1)); err != nil {
			t.Fatal(err)
		}
		if _, err := change(t.Context(), here, "counter-1", newCounter, odd); err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
	}
}

// Once a command has returned its decider does not run: what it captured may
// be read.
func TestDecideEndsBeforeChange(t *testing.T) {
	t.Parallel()
	c := toyCore(t, memoryLog(t), nil)
	for range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		seen := 0
		_, _ = change(ctx, c, "counter-1", newCounter, func(*counter) ([]event.Data, error) {
			cancel()
			seen++
			return []event.Data{counted{1}}, nil
		})
		if seen++; seen < 1 { // a race, if the decider were at work
			t.Error(seen)
		}
	}
}

// Few states are kept, many streams are changed: nothing is lost.
func TestEvictionLosesNothing(t *testing.T) {
	t.Parallel()
	c := toyCore(t, memoryLog(t), func(cfg *Config) { cfg.States = 2 })
	streams := []string{"counter-1", "counter-2", "counter-3", "counter-4", "counter-5"}
	var all sync.WaitGroup
	for _, stream := range streams {
		for range 4 {
			all.Go(func() {
				for done := 0; done < 50; {
					_, err := change(context.Background(), c, stream, newCounter, add(1))
					if err == nil {
						done++
					} else if !errors.Is(err, fault.ErrConflict) {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	all.Wait()
	for _, stream := range streams {
		if sum, _ := total(t, c, stream); sum != 200 {
			t.Errorf("%s is %d", stream, sum)
		}
	}
}

func BenchmarkChange(b *testing.B) {
	c := toyCore(b, memoryLog(b), nil)
	b.Run("one stream", func(b *testing.B) {
		b.SetParallelism(32)
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if _, err := change(context.Background(), c, "counter-1", newCounter, add(1)); err != nil {
					b.Error(err)
				}
			}
		})
	})
	b.Run("view", func(b *testing.B) {
		for b.Loop() {
			_ = view(context.Background(), c, "counter-1", newCounter, func(*counter) error { return nil })
		}
	})
}
