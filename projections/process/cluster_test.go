package process

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/notification"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/projectiontest"
	"github.com/parleyhq/parley/readmodels"
)

// several are processes that tell, or hear of it, over one log.
type several struct {
	*world
	cluster    *projectiontest.Cluster
	state      readmodels.DB
	checkpoint *StateCheckpoint
}

func newSeveral(t *testing.T, w *world) *several {
	t.Helper()
	s := &several{world: w, cluster: projectiontest.NewCluster()}
	s.state = s.cluster.State(newState(t))
	var err error
	s.checkpoint, err = NewStateCheckpoint(t.Context(), s.state, Name)
	must(t, err)
	return s
}

// hub is that of one process.
func (s *several) hub() *projections.Hub {
	h := projections.NewHub(projections.HubConfig{Announcements: s.cluster})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = h.Run(ctx) })
	s.t.Cleanup(func() { cancel(); running.Wait() })
	return h
}

// notify runs one process that may lead until the test ends.
func (s *several) notify(store event.Store) *Notify {
	s.t.Helper()
	return s.notifyOf(store, s.cluster, s.state)
}

// notifyOf is notify of a process with its own ways to the others.
func (s *several) notifyOf(store event.Store, leases projections.Leases, state readmodels.DB) *Notify {
	s.t.Helper()
	n := NewNotify(NotifyConfig{
		Store: store, Codec: s.codec, Commands: s.commands(store), Tables: there{}, Reads: readmodels.NewTables(s.tables),
		Checkpoint: s.checkpoint, Now: time.Now, Log: slog.New(slog.DiscardHandler), RetryMin: time.Microsecond, RetryMax: time.Millisecond,
		Leases: leases, Hub: s.hub(), State: state, SaveEvery: time.Nanosecond, AnnounceEvery: time.Microsecond,
	})
	s.t.Cleanup(s.run(n))
	return n
}

// wait gives where entries end once t knows that everybody was told.
func (s *several) wait(t Teller, position uint64) (shown uint64) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), projectiontest.Patience)
	defer cancel()
	shown, err := t.Wait(ctx, position)
	must(s.t, err)
	return shown
}

// entries gives where the entries end that were caused up to position.
func (s *several) entries(store event.Store, position uint64) (end uint64) {
	s.t.Helper()
	for rec, err := range store.All(s.t.Context(), 0, event.Filter{Categories: []string{"inbox"}}) {
		must(s.t, err)
		d, err := s.codec.Decode(s.t.Context(), rec)
		must(s.t, err)
		if d.Payload.(notification.Notified).Cause.Position <= position {
			end = rec.Position
		}
	}
	return end
}

// N7, invariant 8: whoever leads when, and whether they notice that they do
// not, everybody is told once; and all processes hear of it, of the entries
// before they hear that everybody was told.
func TestN7_TheLeadIsLostAgainAndAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	busy(t, w, 3)
	head, err := w.log.Head(t.Context())
	must(t, err)
	reference, store := w.copied(), w.copied()
	w.finish(w.notify(reference, there{}, &memory{}), head)
	want := w.inboxes(reference)

	s := newSeveral(t, w)
	follower := NewFollower(store, s.hub())
	tellers := []Teller{follower, s.notify(store), s.notify(store)}
	for position := uint64(1); position <= head; position++ {
		if position%2 == 0 {
			s.cluster.Depose(Name)
		} else {
			s.cluster.Usurp(Name)
		}
		shown := s.wait(tellers[position%3], position)
		if end := s.entries(store, position); shown < end {
			t.Fatalf("told up to %d, whose entries end at %d, but shown up to %d", position, end, shown)
		}
	}
	for _, teller := range tellers {
		s.wait(teller, head)
	}
	if d := cmp.Diff(want, w.inboxes(store)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	late := NewFollower(store, s.hub())
	if shown := s.wait(late, head); shown < s.entries(store, head) {
		t.Errorf("who comes late is shown up to %d", shown)
	}
	if late.Position() < head || late.Name() != Name {
		t.Errorf("%s at %d", late.Name(), late.Position())
	}
}

// pausing is a process that falls asleep as a whole at its first append: until
// it is awake it appends nothing, writes no state and asks for no lead. (One
// that slept at the log alone could take the lead again, asleep as it is, and
// nobody else would tell.)
type pausing struct {
	event.Store
	readmodels.DB
	leases projections.Leases

	once          sync.Once
	asleep, awake chan struct{} // closed
	appended      chan error    // what came of the append that slept
	led           chan error    // what came of the first term
}

func newPausing(store event.Store, state readmodels.DB, leases projections.Leases) *pausing {
	return &pausing{
		Store: store, DB: state, leases: leases, asleep: make(chan struct{}), awake: make(chan struct{}),
		appended: make(chan error, 1), led: make(chan error, 1),
	}
}

// rest returns once the process does not sleep.
func (p *pausing) rest() {
	select {
	case <-p.asleep:
		<-p.awake
	default:
	}
}

func (p *pausing) Append(ctx context.Context, stream string, at event.Expected, events []event.Event) (event.Result, error) {
	slept := false
	p.once.Do(func() {
		slept = true
		close(p.asleep)
		<-p.awake
	})
	res, err := p.Store.Append(ctx, stream, at, events)
	if slept {
		p.appended <- err
	}
	return res, err
}

func (p *pausing) Batch(ctx context.Context, f func(readmodels.Batch) error) error {
	p.rest()
	return p.DB.Batch(ctx, f)
}

func (p *pausing) Lead(ctx context.Context, name string, f func(context.Context, projections.Fence) error) error {
	p.rest()
	err := p.leases.Lead(ctx, name, f)
	select {
	case p.led <- err:
	default: // not the first term
	}
	return err
}

// await gives what comes through c.
func await[T any](t *testing.T, c <-chan T) (got T) {
	t.Helper()
	select {
	case got = <-c:
	case <-time.After(projectiontest.Patience):
		t.Fatal("nothing came")
	}
	return got
}

// Invariant 8: a leader that falls asleep with an entry in its hand, and wakes
// after another one told everybody, tells nothing twice.
func TestAPausedLeaderTellsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	busy(t, w, 5) // the first entry is no message, of which a room that is not read tells once anyway
	head, err := w.log.Head(t.Context())
	must(t, err)
	reference, store := w.copied(), w.copied()
	w.finish(w.notify(reference, there{}, &memory{}), head)

	s := newSeveral(t, w)
	paused := newPausing(store, s.state, s.cluster)
	first := s.notifyOf(paused, paused, paused)
	wake := sync.OnceFunc(func() { close(paused.awake) })
	t.Cleanup(wake) // before first is stopped
	await(t, paused.asleep)
	s.cluster.Usurp(Name)
	s.wait(s.notify(store), head)
	wake()
	var late *event.WrongRevision
	if err := await(t, paused.appended); !errors.As(err, &late) {
		t.Errorf("the entry in its hand: %v", err)
	}
	if err := await(t, paused.led); !errors.Is(err, projections.ErrDeposed) {
		t.Errorf("its term: %v", err)
	}
	s.wait(first, head) // it heard of it
	if d := cmp.Diff(w.inboxes(reference), w.inboxes(store)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// A deposed leader's checkpoint is refused.
func TestCheckpointIsTheLeadersAlone(t *testing.T) {
	t.Parallel()
	s := newSeveral(t, newWorld(t))
	err := s.cluster.Lead(t.Context(), Name, func(ctx context.Context, fence projections.Fence) error {
		must(t, s.checkpoint.Save(ctx, fence, projectiontest.Epoch, 7))
		s.cluster.Usurp(Name)
		if err := s.checkpoint.Save(ctx, fence, projectiontest.Epoch, 5); !errors.Is(err, projections.ErrDeposed) {
			t.Errorf("a deposed leader's save: %v", err)
		}
		return nil
	})
	epoch, position, loaded := s.checkpoint.Load(t.Context())
	must(t, loaded)
	if position != 7 || epoch != projectiontest.Epoch || !errors.Is(err, projections.ErrDeposed) {
		t.Errorf("at %d, %v", position, err)
	}
}
