package projections_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/projectiontest"
	"github.com/parleyhq/parley/readmodels"
)

// several are processes that share a log, tables and state.
type several struct {
	*world
	cluster *projectiontest.Cluster
	tables  readmodels.Generations
	state   readmodels.DB
}

func newSeveral(t *testing.T) *several {
	t.Helper()
	c := projectiontest.NewCluster()
	return &several{world: newWorld(t), cluster: c, tables: newPlace(t), state: c.State(newState(t))}
}

// family is what the projector's leaders lead.
func (s *several) family() string {
	return s.projector().Family(s.codec.Catalogue(), projectiontest.Epoch)
}

// hub is that of one process.
func (s *several) hub() *projections.Hub {
	h := projections.NewHub(projections.HubConfig{Announcements: s.cluster, RetryMin: time.Microsecond})
	s.background(h.Run)
	return h
}

// background runs what ends with the test.
func (s *several) background(run func(context.Context) error) (stop func()) {
	return background(s.t, run)
}

// background runs what ends with the test, or when stop is called.
func background(t *testing.T, run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// config is that of a runner in a process of its own.
func (s *several) config() projections.Config {
	cfg := s.world.config(s.cluster.Tables(s.tables))
	cfg.Leases, cfg.Hub = s.cluster, s.hub()
	return cfg
}

func (s *several) follower() *projections.Follower {
	f := projections.NewFollower(projections.FollowerConfig{Projection: "things", Family: s.family(), Store: s.log, Hub: s.hub()})
	s.background(f.Run)
	return f
}

// equalsReplay compares the tables with those of one clean pass.
func (s *several) equalsReplay() {
	s.t.Helper()
	clean := newPlace(s.t)
	projectiontest.Fold(s.t, s.world.config(clean))
	if d := cmp.Diff(projectiontest.Dump(s.t, clean, thingSchema), projectiontest.Dump(s.t, s.tables, thingSchema)); d != "" {
		s.t.Errorf("the tables differ from a clean pass: (-clean +got)\n%s", d)
	}
}

// until waits for a condition that nothing wakes for.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), projectiontest.Patience)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("never: " + what)
		}
	}
}

// Invariant 5, O2: the tables equal the fold of the log, however often the
// lead is lost, by leaders who notice and by those who do not; and all three
// processes hear of each position.
func TestO2_TheLeadIsLostAgainAndAgain(t *testing.T) {
	t.Parallel()
	s := newSeveral(t)
	var runners []projections.Projection
	for range 2 {
		cfg := s.config()
		cfg.BatchSize = 7
		r, _ := projectiontest.Start(t, cfg)
		runners = append(runners, r)
	}
	runners = append(runners, s.follower())
	random := rand.New(rand.NewPCG(1, 1))
	for i := range 30 {
		s.addRandom(random, 20)
		if i%2 == 0 {
			s.cluster.Depose(s.family())
		} else {
			s.cluster.Usurp(s.family())
		}
		head, err := s.log.Head(t.Context())
		must(t, err)
		for _, r := range runners {
			must(t, r.Wait(t.Context(), head))
			if lag, err := r.Lag(t.Context()); r.Position() != head || err != nil || lag != 0 || !r.Ready() {
				t.Errorf("at %d of %d, lag %d, %v, ready: %v", r.Position(), head, lag, err, r.Ready())
			}
		}
	}
	if terms := s.cluster.Terms(s.family()); terms < 20 {
		t.Errorf("only %d terms", terms)
	}
	s.equalsReplay()
}

// sleeper is Generations that sleep before a transaction or a swap, once.
type sleeper struct {
	readmodels.Generations
	batch, swap func()
}

func (s sleeper) Create(ctx context.Context, name string, schema []string) (readmodels.DB, error) {
	db, err := s.Generations.Create(ctx, name, schema)
	return sleepyDB{db, s.batch}, err
}

func (s sleeper) Swap(ctx context.Context, name string, within func(context.Context, readmodels.Batch) error) error {
	s.swap()
	return s.Generations.Swap(ctx, name, within)
}

type sleepyDB struct {
	readmodels.DB
	sleep func()
}

func (d sleepyDB) Batch(ctx context.Context, f func(readmodels.Batch) error) error {
	d.sleep()
	return d.DB.Batch(ctx, f)
}

// Invariant 5: a leader that was paused right before it writes, and wakes
// after another one took over and went on, changes nothing, and stands by.
func TestAPausedLeaderChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSeveral(t)
	var armed atomic.Bool
	var second *projections.Runner
	woken := make(chan struct{})
	cfg := s.config()
	cfg.Generations = sleeper{cfg.Generations, func() {
		if armed.CompareAndSwap(true, false) {
			s.cluster.Usurp(s.family())
			s.add("a", 3)
			projectiontest.CatchUp(t, second, s.log)
			close(woken)
		}
	}, func() {}}
	first, _ := projectiontest.Start(t, cfg)
	s.add("a", 1)
	projectiontest.CatchUp(t, first, s.log)
	second, _ = projectiontest.Start(t, s.config())
	armed.Store(true)
	s.add("a", 2)
	<-woken
	s.equalsReplay()
	last := s.add("a", 4)
	must(t, first.Wait(t.Context(), last)) // it hears of it
	if got := history(t, s.tables, "a"); got != "1 2 3 4" {
		t.Errorf("a: %s", got)
	}
	until(t, "the second one is deposed", func() bool { return s.cluster.Depose(s.family()) })
	must(t, second.Wait(t.Context(), s.add("a", 5)))
	s.equalsReplay()
	if parked, err := first.Parked(t.Context()); err != nil || len(parked) > 0 {
		t.Errorf("an event was blamed: %v, %v", parked, err)
	}
}

// Q7: a leader that was paused right before its rebuild swaps does not swap
// after another one took over; the next one's rebuild does.
func TestQ7_APausedLeaderDoesNotSwap(t *testing.T) {
	t.Parallel()
	s := newSeveral(t)
	s.addRandom(rand.New(rand.NewPCG(1, 1)), 60)
	var armed atomic.Bool
	var second *projections.Runner
	cfg := s.config()
	cfg.Generations = sleeper{cfg.Generations, func() {}, func() {
		if armed.CompareAndSwap(true, false) {
			s.cluster.Usurp(s.family())
			s.add("t1", 9)
			projectiontest.CatchUp(t, second, s.log)
		}
	}}
	first, _ := projectiontest.Start(t, cfg)
	projectiontest.CatchUp(t, first, s.log)
	second, _ = projectiontest.Start(t, s.config())
	if err := second.Rebuild(t.Context(), nil); !errors.Is(err, projections.ErrNotLeading) {
		t.Errorf("a rebuild by who stands by: %v", err)
	}
	if err := second.Replay(t.Context(), "1"); !errors.Is(err, projections.ErrNotLeading) {
		t.Errorf("a replay by who stands by: %v", err)
	}
	name := func() string {
		_, name, release, err := s.tables.Live(t.Context())
		must(t, err)
		release()
		return name
	}
	before := name()
	armed.Store(true)
	if err := first.Rebuild(t.Context(), nil); !errors.Is(err, projections.ErrDeposed) {
		t.Errorf("a rebuild by who was deposed: %v", err)
	}
	if name() != before {
		t.Errorf("%s became %s", before, name())
	}
	must(t, second.Rebuild(t.Context(), nil))
	if name() == before {
		t.Error("the second leader's rebuild did not swap")
	}
	projectiontest.CatchUp(t, first, s.log)
	s.equalsReplay()
}

// A term that ends while a rebuild is under way ends the rebuild.
func TestARebuildEndsWithItsTerm(t *testing.T) {
	t.Parallel()
	s := newSeveral(t)
	s.addRandom(rand.New(rand.NewPCG(1, 1)), 100)
	cfg := s.config()
	cfg.BatchSize = 10
	r, _ := projectiontest.Start(t, cfg)
	projectiontest.CatchUp(t, r, s.log)
	deposed := false
	err := r.Rebuild(t.Context(), func(uint64, uint64) {
		if !deposed {
			deposed = s.cluster.Depose(s.family())
		}
	})
	if !deposed || !errors.Is(err, projections.ErrDeposed) {
		t.Errorf("deposed: %v; the rebuild ended with %v", deposed, err)
	}
	until(t, "it leads again, and rebuilds", func() bool { return r.Rebuild(t.Context(), nil) == nil })
	s.equalsReplay()
}

// Who waits elsewhere hears of positions that change no row, of those of a
// first build with its swap, and of those of a rebuild.
func TestFollowersHearOfEveryPosition(t *testing.T) {
	t.Parallel()
	s := newSeveral(t)
	f := s.follower()
	s.addRandom(rand.New(rand.NewPCG(3, 1)), 50)
	if f.Ready() || f.Position() != 0 {
		t.Errorf("nobody leads: at %d, ready %v", f.Position(), f.Ready())
	}
	wait := func(position uint64) {
		t.Helper()
		must(t, f.Wait(t.Context(), position))
	}
	cfg := s.config()
	cfg.BatchSize = 5
	r, stop := projectiontest.Start(t, cfg)
	head, err := s.log.Head(t.Context())
	must(t, err)
	wait(head)
	wait(s.addRaw("added-x", "added.looked.v1", looked{"a"}))
	wait(s.addRaw("elsewhere-1", "whatever", 1))
	must(t, r.Rebuild(t.Context(), nil))
	last := s.add("a", 1)
	wait(last)
	must(t, stop())

	late := s.follower() // hears of a leader that has ended
	must(t, late.Wait(t.Context(), last))
	until(t, "ready", late.Ready)
	s.add("a", 2)
	if lag, err := late.Lag(t.Context()); err != nil || lag != 1 {
		t.Errorf("lag %d, %v", lag, err)
	}
}

// A leader of tables that were never announced announces them as it begins.
func TestTablesFromBeforeAreAnnounced(t *testing.T) {
	t.Parallel()
	s := newSeveral(t)
	last := s.add("a", 1)
	projectiontest.Fold(t, s.world.config(s.tables)) // alone
	f := s.follower()
	_, _ = projectiontest.Start(t, s.config())
	must(t, f.Wait(t.Context(), last))
}

// O2: two releases lead side by side, each its own family.
func TestO2_TwoReleasesLeadAtOnce(t *testing.T) {
	t.Parallel()
	s := newSeveral(t)
	s.add("a", 1)
	old, _ := projectiontest.Start(t, s.config())
	projectiontest.CatchUp(t, old, s.log)
	s.version++
	cfg := s.config()
	cfg.Generations = s.cluster.Tables(newPlace(t)) // each family's generations are its own
	newer, _ := projectiontest.Start(t, cfg)
	last := s.add("a", 2)
	for _, r := range []*projections.Runner{old, newer} {
		must(t, r.Wait(t.Context(), last))
		must(t, r.Rebuild(t.Context(), nil))
	}
}

// failing are Announcements that end, the way a connection does.
type failing struct {
	*projectiontest.Cluster
	left atomic.Int32
}

func (f *failing) Follow(ctx context.Context, reach func(string, uint64)) error {
	if f.left.Add(-1) >= 0 {
		return errors.New("the connection broke")
	}
	return f.Cluster.Follow(ctx, reach)
}

// A hub begins to hear again, dispatches by name, and forgets who stopped.
func TestHub(t *testing.T) {
	t.Parallel()
	s := newSeveral(t)
	broken := &failing{Cluster: s.cluster}
	broken.left.Store(3)
	h := projections.NewHub(projections.HubConfig{Announcements: broken, RetryMin: time.Microsecond})
	s.background(h.Run)
	announce := func(name string, position uint64, outcome error) {
		t.Helper()
		err := s.state.Batch(t.Context(), func(b readmodels.Batch) error {
			return errors.Join(h.Announce(t.Context(), b, name, position), outcome)
		})
		if !errors.Is(err, outcome) {
			t.Fatal(err)
		}
	}
	var a, b projections.Progress
	stopA := h.Follow("a", a.Reach)
	defer h.Follow("b", b.Reach)()
	announce("a", 1, nil)
	announce("b", 2, nil)
	must(t, a.Wait(t.Context(), 1))
	must(t, b.Wait(t.Context(), 2))
	stopA()
	announce("a", 3, nil)
	announce("b", 9, errors.New("rolled back"))
	announce("b", 3, nil)
	must(t, b.Wait(t.Context(), 3))
	if got := fmt.Sprint(a.Position(), b.Position()); got != "1 3" {
		t.Errorf("heard of %s", got)
	}
	var late projections.Progress
	defer h.Follow("a", late.Reach)()
	if late.Position() != 3 {
		t.Errorf("who comes late begins at %d", late.Position())
	}
	var none *projections.Hub
	none.Follow("a", late.Reach)()
	must(t, none.Announce(t.Context(), nil, "a", 1))
}
