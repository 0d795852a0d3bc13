package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/eventstore"
)

// quick are short waits, so that trouble is over soon, with patience for a
// starved machine.
var quick = eventstore.Options{
	BackoffMin: time.Millisecond, BackoffMax: 20 * time.Millisecond,
	ConnectTimeout: patience, AppendTimeout: patience, ReadTimeout: patience,
}

func made(n int) []event.Event {
	es := make([]event.Event, n)
	for i := range es {
		es[i] = event.Event{ID: uuid.New(), Type: "thing.happened.v1", Time: time.UnixMilli(1_700_000_000_000), Data: []byte(`{}`), Metadata: []byte(`{"actor":"a"}`)}
	}
	return es
}

func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience) // of all waits of a test
	t.Cleanup(cancel)
	return ctx
}

// await waits for a condition.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// O5: an append whose answer was lost with its connection takes effect once
// and says where, whatever was expected.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	for _, expected := range []event.Expected{event.NoStream, event.At(2), event.Any, event.Exists} {
		for _, n := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s %d", expected, n), func(t *testing.T) {
				t.Parallel()
				ctx, b := bounded(t), serve(t)
				w := wireTo(t, b.address)
				s, direct := open(t, w.url(), quick), open(t, b.url(), quick)
				first := 0
				if expected != event.NoStream {
					first = 3
					if _, err := direct.Append(ctx, "thing-1", event.NoStream, made(3)); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := s.Append(ctx, "other-1", event.NoStream, made(1)); err != nil { // the call is open
					t.Fatal(err)
				}
				es := made(n)
				w.silence(true)
				type outcome struct {
					event.Result
					err error
				}
				done := make(chan outcome, 1)
				go func() {
					r, err := s.Append(ctx, "thing-1", expected, es)
					done <- outcome{r, err}
				}()
				await(t, "it took effect", func() bool { return len(read(ctx, t, direct, "thing-1")) == first+n })
				w.cut()
				o := <-done
				rs := read(ctx, t, direct, "thing-1")
				if o.err != nil || len(rs) != first+n {
					t.Fatalf("%d events: %v", len(rs), o.err)
				}
				want := event.Result{First: rs[first].Position, Position: rs[first+n-1].Position, Revision: uint64(first + n - 1)}
				if o.Result != want {
					t.Errorf("got %+v, want %+v", o.Result, want)
				}
			})
		}
	}
}

// O5: an append that was lost on its way, and whose place another one took, is
// refused and not guessed to be there.
func TestLostRequest(t *testing.T) {
	t.Parallel()
	ctx, b := bounded(t), serve(t)
	w := wireTo(t, b.address)
	s, direct := open(t, w.url(), quick), open(t, b.url(), quick)
	if _, err := s.Append(ctx, "thing-1", event.NoStream, made(1)); err != nil {
		t.Fatal(err)
	}
	w.keep(false, true)
	done := make(chan error, 1)
	go func() {
		_, err := s.Append(ctx, "thing-1", event.At(0), made(1))
		done <- err
	}()
	await(t, "it is on its way", func() bool { return w.sent() > 100 })
	if _, err := direct.Append(ctx, "thing-1", event.At(0), made(2)); err != nil {
		t.Fatal(err)
	}
	w.cut()
	var wrong *event.WrongRevision
	if err := <-done; !errors.As(err, &wrong) || *wrong != (event.WrongRevision{Stream: "thing-1", Expected: event.At(0), Actual: event.At(2)}) {
		t.Fatalf("got %v, want a wrong revision", err)
	}
	if rs := read(ctx, t, direct, "thing-1"); len(rs) != 3 {
		t.Errorf("%d events, want 3", len(rs))
	}
}

// O5: what cannot be found out is said, and is not called a deadline of the
// caller's.
func TestDoubt(t *testing.T) {
	t.Parallel()
	for _, expected := range []event.Expected{event.NoStream, event.Any} {
		t.Run(expected.String(), func(t *testing.T) {
			t.Parallel()
			ctx, b := bounded(t), serve(t)
			w := wireTo(t, b.address)
			o := quick
			o.AppendTimeout = 300 * time.Millisecond
			s := open(t, w.url(), o)
			await(t, "the call is open", func() bool { _, err := s.Append(ctx, "other-1", event.Any, made(1)); return err == nil })
			w.silence(true)
			_, err := s.Append(ctx, "thing-1", expected, made(1))
			if !errors.Is(err, eventstore.ErrDoubt) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// O5: a server that is not there took nothing, and no doubt is claimed.
func TestServerAway(t *testing.T) {
	t.Parallel()
	ctx, b := bounded(t), serve(t)
	o := quick
	o.AppendTimeout, o.ReadTimeout = 200*time.Millisecond, 200*time.Millisecond
	s := open(t, b.url(), o)
	b.stop()
	if _, err := s.Head(ctx); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("head: %v", err)
	}
	if _, err := s.Append(ctx, "thing-1", event.Any, made(1)); err == nil || errors.Is(err, eventstore.ErrDoubt) {
		t.Errorf("append: %v", err)
	}
	b.start()
	await(t, "the server is back", func() bool { _, err := s.Append(ctx, "thing-1", event.Any, made(1)); return err == nil })
}

// O5, invariant 2: appends, reads and tails go on across restarts of the
// server; the tail gives every event once and in order.
func TestRestarts(t *testing.T) {
	t.Parallel()
	ctx, b := bounded(t), serve(t)
	s := open(t, b.url(), quick)
	const total = 300
	seen := make(chan error, 1)
	var count int
	go func() {
		seen <- func() error {
			for m, err := range s.Tail(ctx, 0, event.Filter{Categories: []string{"thing"}}) {
				switch {
				case err != nil:
					return err
				case m.CaughtUp:
				case m.Record.Revision != uint64(count):
					return fmt.Errorf("revision %d follows %d others", m.Record.Revision, count)
				default:
					if count++; count == total {
						return nil
					}
				}
			}
			return errors.New("the tail ended")
		}()
	}()
	for i := range total {
		if i%100 == 50 {
			b.stop()
			restarted := make(chan struct{})
			go func() {
				defer close(restarted)
				b.start()
			}()
			defer func() { <-restarted }()
		}
		if _, err := s.Append(ctx, "thing-1", event.Expected(i)-1, made(1)); err != nil {
			t.Fatalf("append %d: %v", i, err)
		}
	}
	if err := <-seen; err != nil {
		t.Fatal(err)
	}
	n := 0
	for r, err := range s.Stream(ctx, "thing-1", 0, event.Forward) {
		if err != nil || r.Revision != uint64(n) {
			t.Fatalf("revision %d after %d: %v", r.Revision, n, err)
		}
		if n++; n == 100 {
			b.stop()
			b.start()
		}
	}
	if n != total {
		t.Fatalf("read %d events, want %d", n, total)
	}
}

// O5: a context ends whatever waits for a server that says nothing, and so does
// Close.
func TestContextsEndSilence(t *testing.T) {
	t.Parallel()
	for _, closing := range []bool{false, true} {
		t.Run(fmt.Sprint("close ", closing), func(t *testing.T) {
			t.Parallel()
			b := serve(t)
			w := wireTo(t, b.address)
			s := open(t, w.url(), eventstore.Options{})
			if _, err := s.Append(t.Context(), "thing-1", event.NoStream, made(1)); err != nil {
				t.Fatal(err)
			}
			w.silence(true)
			ctx, cancel := context.WithCancel(bounded(t))
			defer cancel()
			calls := map[string]func() error{
				"append": func() error { _, err := s.Append(ctx, "thing-1", event.At(0), made(1)); return err },
				"head":   func() error { _, err := s.Head(ctx); return err },
				"stream": func() error { return last(s.Stream(ctx, "thing-1", 0, event.Forward)) },
				"all":    func() error { return last(s.All(ctx, 0, event.Filter{})) },
				"tail":   func() error { return last(s.Tail(ctx, 0, event.Filter{})) },
			}
			type ended struct {
				name string
				err  error
			}
			done := make(chan ended, len(calls))
			for name, call := range calls {
				go func() { done <- ended{name, call()} }()
			}
			await(t, "the calls are under way", func() bool { return w.sent() > 200 })
			want := context.Canceled
			if closing {
				want = event.ErrClosed
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			} else {
				cancel()
			}
			for range calls {
				if e := <-done; !errors.Is(e.err, want) {
					t.Errorf("%s ended with %v", e.name, e.err)
				}
			}
		})
	}
}

// last is the error that a sequence ends with.
func last[T any](seq func(yield func(T, error) bool)) (err error) {
	seq(func(_ T, e error) bool {
		err = e
		return true
	})
	return err
}

// O5: a read says so when the server says nothing for too long.
func TestSilentRead(t *testing.T) {
	t.Parallel()
	ctx, b := bounded(t), serve(t)
	w := wireTo(t, b.address)
	o := quick
	o.ReadTimeout = 100 * time.Millisecond
	s := open(t, w.url(), o)
	w.silence(true)
	if _, err := s.Head(ctx); err == nil || !strings.Contains(err.Error(), "silent for 100ms") {
		t.Errorf("got %v", err)
	}
}

func read(ctx context.Context, t *testing.T, s *eventstore.Store, stream string) []event.Record {
	t.Helper()
	var rs []event.Record
	for r, err := range s.Stream(ctx, stream, 0, event.Forward) {
		if err != nil {
			t.Fatalf("read %s: %v", stream, err)
		}
		rs = append(rs, r)
	}
	return rs
}
