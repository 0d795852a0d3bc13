package projections_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/projectiontest"
	"github.com/parleyhq/parley/readmodels"
)

// Invariant 5: the tables equal the fold of the log at their checkpoint,
// whatever crashed, came twice or was restarted on the way.
func TestTablesAreTheFold(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.addRandom(rand.New(rand.NewPCG(seed, 1)), 400)
			projectiontest.Check(t, w.projector(), w.codec, w.log, newPlace, seed)
		})
	}
}

// Q8: a poison event is parked with its reason, what is behind it waits in
// order, and the rest goes on; replay brings everything in, in order.
func TestQ8_ParkedEventsWaitInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := newPlace(t)
	w.poison.Store(2)
	w.add("a", 1)
	bad := w.add("a", 2)
	w.add("b", 1)
	w.add("a", 3)
	r, _ := projectiontest.Start(t, w.config(g))
	projectiontest.CatchUp(t, r, w.log)
	w.add("a", 4)
	w.add("b", 20)
	last := w.add("a", 2)
	must(t, r.Wait(t.Context(), last))
	if got := history(t, g, "a") + "; " + history(t, g, "b"); got != "1; 1 20" {
		t.Errorf("tables: %s", got)
	}
	parked, err := r.Parked(t.Context())
	must(t, err)
	var got []string
	for _, p := range parked {
		got = append(got, fmt.Sprintf("%d %s %s %v", p.Position, p.Root, p.Type, p.Behind))
	}
	want := []string{"2 a added.done.v2 false", "4 a added.done.v2 true", "5 a added.done.v2 true", "7 a added.done.v2 true"}
	if d := cmp.Diff(want, got); d != "" || parked[0].Reason != "this one is refused" {
		t.Errorf("%s: (-want +got)\n%s", parked[0].Reason, d)
	}

	id := parked[0].ID
	var again *projections.ReplayError
	if err := r.Replay(t.Context(), id); !errors.As(err, &again) || again.ID != fmt.Sprint(bad) {
		t.Errorf("a replay of what still fails: %v", err)
	}
	if err := r.Replay(t.Context(), "999"); !errors.Is(err, projections.ErrNotParked) {
		t.Errorf("a replay of nothing: %v", err)
	}
	w.poison.Store(0)
	must(t, r.Replay(t.Context(), parked[3].ID)) // any of them means all of them
	if parked, err = r.Parked(t.Context()); err != nil || len(parked) != 0 {
		t.Errorf("still parked: %v, %v", parked, err)
	}
	must(t, r.Wait(t.Context(), w.add("a", 5)))
	if got := history(t, g, "a"); got != "1 2 3 4 2 5" {
		t.Errorf("after the replay: %s", got)
	}
}

// Q8: dropping a parked event lets go what waited for it; where one of those
// fails, it is the new head of those that wait.
func TestQ8_Drop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := newPlace(t)
	for _, n := range []int{1, -5, 2, -6, 3} {
		w.add("a", n)
	}
	r, _ := projectiontest.Start(t, w.config(g))
	projectiontest.CatchUp(t, r, w.log)
	var again *projections.ReplayError
	if err := r.Drop(t.Context(), "2"); !errors.As(err, &again) || again.ID != "4" {
		t.Errorf("drop: %v", err)
	}
	if got := history(t, g, "a"); got != "1 2" {
		t.Errorf("after the drop: %s", got)
	}
	must(t, r.Wait(t.Context(), w.add("a", 4))) // still behind the second one
	must(t, r.Drop(t.Context(), "4"))
	if got := history(t, g, "a"); got != "1 2 3 4" {
		t.Errorf("after the second drop: %s", got)
	}
}

// An event that cannot be read has no root; its stream waits, and through it
// the root of what stands in that stream.
func TestUnreadableHoldsItsStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := newPlace(t)
	w.add("a", 1)
	w.addRaw("added-s", "added.done.v2", []int{})
	w.addRaw("added-s", "added.done.v1", addedOnce{"a", 2})
	w.add("a", 3)
	w.add("b", 1)
	r, _ := projectiontest.Start(t, w.config(g))
	projectiontest.CatchUp(t, r, w.log)
	if got := history(t, g, "a") + "; " + history(t, g, "b"); got != "1; 1" {
		t.Errorf("tables: %s", got)
	}
	must(t, r.Drop(t.Context(), "2"))
	if got := history(t, g, "a"); got != "1 2 3" {
		t.Errorf("after the drop: %s", got)
	}
}

// Parked events belong to a generation and outlive a restart.
func TestParkedAfterRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := newPlace(t)
	w.add("a", -1)
	projectiontest.Fold(t, w.config(g))
	w.add("a", 2)
	r, _ := projectiontest.Start(t, w.config(g))
	projectiontest.CatchUp(t, r, w.log)
	if parked, err := r.Parked(t.Context()); err != nil || len(parked) != 2 {
		t.Errorf("parked: %v, %v", parked, err)
	}
	if got := history(t, g, "a"); got != "" {
		t.Errorf("a: %s", got)
	}
}

// A type of our own that this release does not know stops the projector,
// after everything before it; outside categories are never seen.
func TestUnknownTypeStops(t *testing.T) {
	t.Parallel()
	for _, stream := range []string{"added-1", "parley_later-1"} {
		w := newWorld(t)
		g := newPlace(t)
		w.add("a", 1)
		w.addRaw("outside-1", "anything", 1)
		projectiontest.Fold(t, w.config(g))
		last := w.add("a", 2)
		w.addRaw(stream, "added.done.v3", 1)
		w.add("a", 3)
		for range 2 { // and again after a restart
			r, err := projections.NewRunner(w.config(g))
			must(t, err)
			if err := r.Run(t.Context()); !errors.Is(err, event.ErrUnknownType) {
				t.Errorf("%s: Run ended with %v", stream, err)
			}
			if got := history(t, g, "a"); r.Position() != last || got != "1 2" || r.Ready() {
				t.Errorf("%s: at %d of %d, ready %v: %s", stream, r.Position(), last, r.Ready(), got)
			}
		}
	}
}

// A changed version builds a new generation beside the live one, which goes
// on answering until the swap; the old one is dropped.
func TestChangedVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := newPlace(t)
	for i := range 50 {
		w.add("a", i+1)
	}
	projectiontest.Fold(t, w.config(g))
	before := history(t, g, "a")
	_, oldName, release, err := g.Live(t.Context())
	must(t, err)
	release()
	w.version = 2
	w.add("a", 99)
	r, _ := projectiontest.Start(t, w.config(g))
	projectiontest.CatchUp(t, r, w.log)
	_, newName, release, err := g.Live(t.Context())
	must(t, err)
	release()
	if newName == oldName || history(t, g, "a") != before+" 99" {
		t.Errorf("%s became %s, with %s", oldName, newName, history(t, g, "a"))
	}
}

// A restart with nothing changed goes on where it ended, in the same generation.
func TestRestartContinues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := newPlace(t)
	w.add("a", 1)
	projectiontest.Fold(t, w.config(g))
	cfg := w.config(g)
	w.add("a", 2)
	first := uint64(0)
	w.log.Fail = func(position uint64) error {
		if first == 0 {
			first = position
		}
		return nil
	}
	projectiontest.Fold(t, cfg)
	if first != 2 || history(t, g, "a") != "1 2" {
		t.Errorf("began at %d: %s", first, history(t, g, "a"))
	}
}

// Invariant 2: a log that lost its end is not followed, for its next events
// would stand at positions that the tables have seen.
func TestLogThatLostItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := newPlace(t)
	w.add("a", 1)
	w.add("a", 2)
	projectiontest.Fold(t, w.config(g))
	w.log = projectiontest.NewLog()
	w.add("a", 1)
	r, err := projections.NewRunner(w.config(g))
	must(t, err)
	if err := r.Run(t.Context()); !errors.Is(err, projections.ErrAhead) {
		t.Errorf("it goes on: %v", err)
	}
}

// Another epoch is another history: everything is built again.
func TestChangedEpoch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := newPlace(t)
	w.add("a", 1)
	projectiontest.Fold(t, w.config(g))
	w.log = projectiontest.NewLog()
	w.add("a", 7)
	cfg := w.config(g)
	cfg.Epoch = func(context.Context) (uuid.UUID, error) { return uuid.New(), nil }
	projectiontest.Fold(t, cfg)
	if got := history(t, g, "a"); got != "7" {
		t.Errorf("a: %s", got)
	}
}

// Q7: a rebuild under load swaps without a failed read, and equals the tables
// that it replaced.
func TestQ7_RebuildUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := newPlace(t)
	w.addRandom(rand.New(rand.NewPCG(1, 1)), 300)
	cfg := w.config(g)
	cfg.BatchSize = 50
	r, _ := projectiontest.Start(t, cfg)
	projectiontest.CatchUp(t, r, w.log)
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() { // the load
		random := rand.New(rand.NewPCG(2, 2))
		for {
			select {
			case <-done:
				return
			default:
				w.addRandom(random, 20)
				projectiontest.CatchUp(t, r, w.log)
			}
		}
	})
	for range 3 {
		group.Go(func() { readers(t, w, g, r, done) })
	}
	told := 0
	for range 3 {
		_, before, release, err := g.Live(t.Context())
		must(t, err)
		release()
		must(t, r.Rebuild(t.Context(), func(uint64, uint64) { told++ }))
		_, after, release, err := g.Live(t.Context())
		must(t, err)
		release()
		if before == after || told == 0 {
			t.Errorf("%s stayed (progress told %d times)", before, told)
		}
	}
	close(done)
	group.Wait()
	clean := newPlace(t)
	projectiontest.Fold(t, w.config(clean))
	projectiontest.CatchUp(t, r, w.log)
	if d := cmp.Diff(projectiontest.Dump(t, clean, thingSchema), projectiontest.Dump(t, g, thingSchema)); d != "" {
		t.Errorf("(-clean +rebuilt)\n%s", d)
	}
}

// readers read their own writes, whichever generation answers.
func readers(t *testing.T, w *world, g readmodels.Generations, r *projections.Runner, done chan struct{}) {
	thing := uuid.NewString()
	for n := 1; ; n++ {
		select {
		case <-done:
			return
		default:
		}
		if err := r.Wait(t.Context(), w.add(thing, n)); err != nil {
			t.Error(err)
			return
		}
		got := history(t, g, thing)
		if want := fmt.Sprint(n); len(got) < len(want) || got[len(got)-len(want):] != want {
			t.Errorf("wrote %d, read %q", n, got)
			return
		}
	}
}

// A rebuild that is cancelled leaves everything as it was.
func TestRebuildCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := newPlace(t)
	w.addRandom(rand.New(rand.NewPCG(1, 1)), 100)
	cfg := w.config(g)
	cfg.BatchSize = 10
	r, err := projections.NewRunner(cfg)
	must(t, err)
	if err := r.Rebuild(t.Context(), nil); !errors.Is(err, projections.ErrNotLeading) {
		t.Errorf("a rebuild before Run: %v", err)
	}
	r, _ = projectiontest.Start(t, cfg)
	projectiontest.CatchUp(t, r, w.log)
	before := projectiontest.Dump(t, g, thingSchema)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err = r.Rebuild(ctx, func(done, head uint64) {
		if err := r.Rebuild(ctx, nil); !errors.Is(err, projections.ErrRebuilding) {
			t.Errorf("a second rebuild: %v", err)
		}
		if d, h, building := r.Rebuilding(); !building || d != done || h != head {
			t.Errorf("Rebuilding: %d of %d, %v", d, h, building)
		}
		cancel()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Rebuild: %v", err)
	}
	if d := cmp.Diff(before, projectiontest.Dump(t, g, thingSchema)); d != "" {
		t.Error(d)
	}
	must(t, r.Rebuild(t.Context(), nil))
}

// Thousands wait at once; each is woken when its position is there.
func TestManyWaiters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, _ := projectiontest.Start(t, w.config(newPlace(t)))
	const n = 3000
	var group sync.WaitGroup
	for i := range uint64(n) {
		group.Go(func() {
			position := 1 + i%100
			if err := r.Wait(t.Context(), position); err != nil || r.Position() < position {
				t.Errorf("waited for %d, at %d: %v", position, r.Position(), err)
			}
		})
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Wait(gone, 1_000_000); !errors.Is(err, context.Canceled) {
		t.Errorf("a wait that was given up: %v", err)
	}
	for i := range 100 {
		w.add("a", i+1)
	}
	group.Wait()
	projectiontest.CatchUp(t, r, w.log)
	if lag, err := r.Lag(t.Context()); err != nil || lag != 0 {
		t.Errorf("lag %d, %v", lag, err)
	}
	for !r.Ready() { // the log says at its own time that it is read
		runtime.Gosched()
	}
}

// A projector that names a type the catalogue does not hold is refused.
func TestBadProjector(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	none := func(context.Context, readmodels.Batch, event.Decoded, addedOnce) error { return nil }
	strange := func(context.Context, readmodels.Batch, event.Decoded, time.Time) error { return nil }
	for _, p := range []projections.Projector{
		{Name: "old", Routes: []projections.Route{projections.On(none)}},
		{Name: "strange", Routes: []projections.Route{projections.On(strange)}},
		{Name: "Bad Name"},
	} {
		if _, err := projections.NewRunner(projectiontest.Config(p, w.log, w.codec, newPlace(t))); err == nil {
			t.Errorf("took %s", p.Name)
		}
	}
	p := projections.Projector{Name: "schema", Schema: []string{"CREATE NONSENSE"}}
	r, err := projections.NewRunner(projectiontest.Config(p, w.log, w.codec, newPlace(t)))
	must(t, err)
	if err := r.Run(t.Context()); err == nil {
		t.Error("ran with a schema that the engine refuses")
	}
}
