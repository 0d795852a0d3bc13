package process

import (
	"context"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/event"
)

// rushed is a log that appends nothing before it was read to its end, and
// counts what it appends to inboxes.
type rushed struct {
	event.Store
	read  chan struct{} // closed then
	once  sync.Once
	count atomic.Int32
}

func (r *rushed) Tail(ctx context.Context, after uint64, filter event.Filter) iter.Seq2[event.Message, error] {
	return func(yield func(event.Message, error) bool) {
		for m, err := range r.Store.Tail(ctx, after, filter) {
			if !yield(m, err) {
				return
			}
			if m.CaughtUp { // and the one who reads ahead has taken that too
				r.once.Do(func() { close(r.read) })
			}
		}
	}
}

func (r *rushed) Append(ctx context.Context, stream string, at event.Expected, events []event.Event) (event.Result, error) {
	select {
	case <-r.read:
	case <-ctx.Done():
		return event.Result{}, ctx.Err()
	}
	if strings.HasPrefix(stream, "inbox-") {
		r.count.Add(1)
	}
	return r.Store.Append(ctx, stream, at, events)
}

// N1: what many events in a row tell one person is appended at once, in the
// order in which it would be told one by one, and what others are told comes
// in between.
func TestRunsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	author, fans := w.person(), []commands.Actor{w.person(), w.person(), w.person()}
	post, _, err := w.c.CreatePost(t.Context(), author, w.board, commands.CreatePost{Title: "t", Body: "b"})
	must(t, err)
	const rounds = 6
	for i := range 2 * rounds {
		for _, by := range fans {
			_, err := w.c.ReactToPost(t.Context(), by, post, "like", i%2 == 0)
			must(t, err)
		}
		if i == rounds {
			_, err := w.c.Follow(t.Context(), author, fans[0].Account, true)
			must(t, err)
		}
	}
	w.fold()
	head, err := w.log.Head(t.Context())
	must(t, err)

	reference := w.copied()
	one := w.notify(reference, there{}, &memory{})
	one.epochs, err = loadEpochs(t.Context(), reference)
	must(t, err)
	for rec, err := range reference.All(t.Context(), 0, one.filter) {
		must(t, err)
		must(t, one.tell(t.Context(), rec))
		must(t, one.release(t.Context()))
	}
	want := w.inboxes(reference)

	store := w.copied()
	r := &rushed{Store: store, read: make(chan struct{})}
	w.finish(w.notify(r, there{}, &memory{}), head)
	got := w.inboxes(store)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	told := 0
	for _, entries := range got {
		told += len(entries)
	}
	// the author before and after the one followed, and what came before the
	// run was seen
	if n := r.count.Load(); told != rounds*len(fans)+1 || n < 3 || n > 4 {
		t.Errorf("%d entries in %d appends", told, n)
	}
}
