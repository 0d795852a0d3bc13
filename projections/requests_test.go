package projections_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/projectiontest"
	"github.com/parleyhq/parley/readmodels"
)

// requests are those of one process.
func (s *several) requests(edit ...func(*projections.RequestsConfig)) *projections.Requests {
	s.t.Helper()
	cfg := projections.RequestsConfig{
		DB: s.state, NewID: func() uuid.UUID { return uuid.Must(uuid.NewV7()) }, Now: time.Now,
		Every: time.Millisecond, RetryMin: time.Microsecond,
	}
	for _, e := range edit {
		e(&cfg)
	}
	q, err := projections.NewRequests(s.t.Context(), cfg)
	must(s.t, err)
	return q
}

func (s *several) liveName() string {
	s.t.Helper()
	_, name, release, err := s.tables.Live(s.t.Context())
	must(s.t, err)
	release()
	return name
}

// patient bounds a wait that should not be needed.
func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), projectiontest.Patience)
	t.Cleanup(cancel)
	return ctx
}

// Q7: a rebuild that is asked for in a process that does not lead is done by
// the one that does, and by the next one where that falls before the swap.
func TestQ7_ARebuildIsAskedForElsewhere(t *testing.T) {
	t.Parallel()
	for _, falls := range []bool{false, true} {
		t.Run(fmt.Sprint("the leader falls: ", falls), func(t *testing.T) {
			t.Parallel()
			s := newSeveral(t)
			s.addRandom(rand.New(rand.NewPCG(5, 1)), 80)
			var armed atomic.Bool
			cfg := s.config()
			cfg.BatchSize, cfg.Requests = 10, s.requests()
			cfg.Generations = sleeper{cfg.Generations, func() {}, func() {
				if armed.CompareAndSwap(true, false) {
					s.cluster.Usurp(s.family())
				}
			}}
			first, _ := projectiontest.Start(t, cfg)
			projectiontest.CatchUp(t, first, s.log)
			cfg = s.config()
			cfg.Requests = s.requests()
			second, _ := projectiontest.Start(t, cfg)
			before := s.liveName()
			armed.Store(falls)

			api := s.requests()
			r, err := api.Ask(t.Context(), "things", projections.TaskRebuild, "")
			must(t, err)
			looked := 0
			done, err := api.Await(patient(t), r.ID, func(projections.Request) { looked++ })
			must(t, err)
			if done.State != readmodels.Done || done.Reason != "" || looked == 0 {
				t.Errorf("%s %q, looked %d times", done.State, done.Reason, looked)
			}
			if s.liveName() == before {
				t.Error("it did not swap")
			}
			if falls && s.cluster.Terms(s.family()) < 2 {
				t.Error("the leader did not fall")
			}
			must(t, second.Wait(t.Context(), s.add("a", 1)))
			s.equalsReplay()
			if _, err := api.Ask(t.Context(), "things", projections.TaskRebuild, ""); err != nil {
				t.Errorf("another one: %v", err)
			}
		})
	}
}

// builder is a Rebuilder that does as it is told.
type builder func(progress func(done, head uint64)) error

func (builder) Name() string { return "built" }

func (b builder) Rebuild(_ context.Context, progress func(done, head uint64)) error {
	return b(progress)
}

func (builder) Rebuilding() (done, head uint64, building bool) { return 0, 0, false }

// What is asked for is told of until it is over: progress, failure and why;
// what is not possible yet is tried again; nobody asks twice at once.
func TestRequestsTellHowTheyGo(t *testing.T) {
	t.Parallel()
	s := newSeveral(t)
	q := s.requests(func(c *projections.RequestsConfig) { c.Every = time.Nanosecond })
	r, err := q.Ask(t.Context(), "built", projections.TaskRebuild, "")
	must(t, err)
	for what, err := range map[string]error{
		"the same again":    second(q.Ask(t.Context(), "built", projections.TaskRebuild, "")),
		"another one's too": second(s.requests().Ask(t.Context(), "built", projections.TaskRebuild, "")),
	} {
		if !errors.Is(err, readmodels.ErrRebuilding) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got, err := s.requests().Find(t.Context(), r.ID); err != nil || got.State != readmodels.Queued || got.Projection != "built" {
		t.Errorf("%+v, %v", got, err)
	}

	tries := []error{projections.ErrNotReady, readmodels.ErrUnavailable, nil, errors.New("the schema is wrong")}
	var middle projections.Request
	s.background(func(ctx context.Context) error {
		err := q.Serve(ctx, projections.Alone{}, builder(func(progress func(done, head uint64)) error {
			err := tries[0]
			tries = tries[1:]
			if err == nil {
				progress(1, 4)
				middle, _ = q.Newest(ctx, "built", projections.TaskRebuild)
			}
			return err
		}))
		if ctx.Err() != nil {
			err = nil
		}
		return err
	})
	done, err := q.Await(patient(t), r.ID, nil)
	must(t, err)
	if done.State != readmodels.Done || middle.State != readmodels.Running || middle.Done != 1 || middle.Head != 4 {
		t.Errorf("done %+v; before %+v", done, middle)
	}
	r, err = q.Ask(t.Context(), "built", projections.TaskRebuild, "")
	must(t, err)
	if r, err = q.Await(patient(t), r.ID, nil); err != nil || r.State != readmodels.Failed || r.Reason != "the schema is wrong" {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = q.Ask(t.Context(), "built", projections.TaskReplay, "1")
	must(t, err)
	if r, err = q.Await(patient(t), r.ID, nil); err != nil || r.State != readmodels.Failed {
		t.Errorf("a replay by what parks nothing: %+v, %v", r, err)
	}
	if _, err := q.Find(t.Context(), uuid.New()); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("a request that is not there: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// Requests that are over are kept for a while.
func TestRequestsAreForgotten(t *testing.T) {
	t.Parallel()
	s := newSeveral(t)
	var clock atomic.Int64
	q := s.requests(func(c *projections.RequestsConfig) {
		c.Now = func() time.Time { return time.UnixMilli(clock.Load()) }
		c.Keep = time.Hour
	})
	s.background(func(ctx context.Context) error {
		_ = q.Serve(ctx, projections.Alone{}, builder(func(func(done, head uint64)) error { return nil }))
		return nil
	})
	old, err := q.Ask(t.Context(), "built", projections.TaskRebuild, "")
	must(t, err)
	_, err = q.Await(patient(t), old.ID, nil)
	must(t, err)
	clock.Store(time.Hour.Milliseconds() + 1)
	waits, err := q.Ask(t.Context(), "elsewhere", projections.TaskRebuild, "")
	must(t, err)
	clock.Store(3 * time.Hour.Milliseconds())
	_, err = q.Ask(t.Context(), "other", projections.TaskRebuild, "")
	must(t, err)
	if _, err := q.Find(t.Context(), old.ID); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("an old one: %v", err)
	}
	if _, err := q.Find(t.Context(), waits.ID); err != nil {
		t.Errorf("one that is not over: %v", err)
	}
}

// A deposed leader does not write what became of a request.
func TestRequestsAreTheLeadersAlone(t *testing.T) {
	t.Parallel()
	s := newSeveral(t)
	q := s.requests()
	r, err := q.Ask(t.Context(), "built", projections.TaskRebuild, "")
	must(t, err)
	err = s.cluster.Lead(t.Context(), "built", func(ctx context.Context, fence projections.Fence) error {
		return q.Serve(ctx, fence, builder(func(func(done, head uint64)) error {
			s.cluster.Usurp("built")
			return nil
		}))
	})
	if r, found := q.Find(t.Context(), r.ID); !errors.Is(err, projections.ErrDeposed) || found != nil || r.State != readmodels.Running {
		t.Errorf("%v; %+v, %v", err, r, found)
	}
}

// Q8: administrators of a process that does not lead see what is parked, and
// have it replayed or dropped.
func TestQ8_ParkedEventsAreMendedFromElsewhere(t *testing.T) {
	t.Parallel()
	s := newSeveral(t)
	s.poison.Store(2)
	s.add("a", 1)
	s.add("a", 2)
	s.add("a", 3)
	f := s.follower()
	api := projections.NewAdministration(s.requests(), projectiontest.Patience,
		projections.Administered{Standing: f, Rebuildable: true, Parked: func(ctx context.Context) ([]projections.Parked, error) {
			return projections.ParkedIn(ctx, s.tables)
		}})
	if parked, err := api.Parked(t.Context()); err != nil || len(parked) != 0 {
		t.Errorf("before there are tables: %v, %v", parked, err)
	}
	cfg := s.config()
	cfg.Requests = s.requests()
	_, stop := projectiontest.Start(t, cfg)
	must(t, f.Wait(t.Context(), 3))
	states, err := api.Projections(t.Context())
	must(t, err)
	if d := cmp.Diff([]readmodels.ProjectionState{{Name: "things", Position: 3, Rebuildable: true, Parked: 2}}, states); d != "" {
		t.Error(d)
	}
	parked, err := api.Parked(t.Context())
	must(t, err)
	if len(parked) != 2 || parked[0].ID != "things-2" || parked[0].Projection != "things" || parked[0].Behind || !parked[1].Behind {
		t.Fatalf("parked: %+v", parked)
	}
	if err := api.Replay(t.Context(), "things-9"); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("what is not parked: %v", err)
	}
	err = api.Replay(t.Context(), "things-2")
	if f := fault.As(err); !errors.Is(err, readmodels.ErrParkedAgain) || len(f.Details) != 1 {
		t.Errorf("what still fails: %v", err)
	}
	must(t, api.Drop(t.Context(), "things-2"))
	if got := history(t, s.tables, "a"); got != "1 3" {
		t.Errorf("a: %s", got)
	}
	rebuilt, err := api.Rebuild(t.Context(), "things")
	must(t, err)
	until(t, "it is done", func() bool {
		last, err := api.LastRebuild(t.Context(), "things")
		must(t, err)
		return last.ID == rebuilt.ID && last.State == readmodels.Done && last.Progress == 1
	})
	s.poison.Store(0)
	must(t, api.Replay(t.Context(), "things-2"))
	if got := history(t, s.tables, "a"); got != "1 2 3" {
		t.Errorf("a: %s", got)
	}
	s.poison.Store(4)
	must(t, f.Wait(t.Context(), s.add("a", 4)))
	must(t, stop())
	hasty := projections.NewAdministration(s.requests(), time.Millisecond,
		projections.Administered{Standing: f, Parked: func(ctx context.Context) ([]projections.Parked, error) { return projections.ParkedIn(ctx, s.tables) }})
	if err := hasty.Replay(t.Context(), "things-4"); !errors.Is(err, readmodels.ErrNobodyLeads) {
		t.Errorf("nobody leads: %v", err)
	}
	if err := hasty.Replay(t.Context(), "things-4"); !errors.Is(err, readmodels.ErrReplaying) {
		t.Errorf("it was asked for already: %v", err)
	}
	for name, want := range map[string]error{"things": readmodels.ErrNotRebuildable, "nothing": fault.ErrNotFound} {
		if _, err := hasty.Rebuild(t.Context(), name); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
