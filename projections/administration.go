package projections

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/readmodels"
)

// Administered is a projection, or a process, that operators look after.
type Administered struct {
	Standing
	Rebuildable bool
	Parked      func(context.Context) ([]Parked, error) // at most 1000; nil: nothing is ever parked
}

// Administration is what operators see of projections and ask of their
// leaders, in any process.
type Administration struct {
	requests *Requests
	patience time.Duration
	all      []Administered
}

// NewAdministration looks after all of them. patience is how long Replay and
// Drop wait for the leader.
func NewAdministration(requests *Requests, patience time.Duration, all ...Administered) *Administration {
	return &Administration{requests: requests, patience: patience, all: all}
}

// Projections are the states of all. Errors: fault.ErrUnavailable.
func (a *Administration) Projections(ctx context.Context) ([]readmodels.ProjectionState, error) {
	states := make([]readmodels.ProjectionState, 0, len(a.all))
	for _, p := range a.all {
		s, err := a.state(ctx, p)
		if err != nil {
			return nil, unavailable(err)
		}
		states = append(states, s)
	}
	return states, nil
}

func (a *Administration) state(ctx context.Context, p Administered) (readmodels.ProjectionState, error) {
	s := readmodels.ProjectionState{Name: p.Name(), Rebuildable: p.Rebuildable, Position: p.Position()}
	var err error
	if s.Lag, err = p.Lag(ctx); err != nil {
		return s, err
	}
	if p.Parked != nil {
		parked, err := p.Parked(ctx)
		if err != nil && !errors.Is(err, readmodels.ErrNoGeneration) {
			return s, err
		}
		s.Parked = len(parked)
	}
	s.Rebuild, err = a.rebuilding(ctx, p)
	return s, err
}

// rebuilding is how far what is being built is: the leader itself knows best.
func (a *Administration) rebuilding(ctx context.Context, p Administered) (*float64, error) {
	if builder, ok := p.Standing.(Rebuilder); ok {
		if done, head, building := builder.Rebuilding(); building {
			progress := share(done, head)
			return &progress, nil
		}
	}
	if !p.Rebuildable {
		return nil, nil
	}
	r, err := a.requests.Newest(ctx, p.Name(), TaskRebuild)
	if errors.Is(err, fault.ErrNotFound) || err == nil && r.Over() {
		return nil, nil
	}
	progress := share(r.Done, r.Head)
	return &progress, err
}

// share is done of head, from 0 to 1.
func share(done, head uint64) float64 {
	if head == 0 {
		return 0
	}
	return min(1, float64(done)/float64(head))
}

// Rebuild asks for a rebuild and does not wait for it. Errors:
// fault.ErrNotFound, readmodels.ErrNotRebuildable, readmodels.ErrRebuilding,
// fault.ErrUnavailable.
func (a *Administration) Rebuild(ctx context.Context, name string) (readmodels.Rebuild, error) {
	if err := a.rebuildable(name); err != nil {
		return readmodels.Rebuild{}, err
	}
	r, err := a.requests.Ask(ctx, name, TaskRebuild, "")
	return rebuildOf(r), unavailable(err)
}

// LastRebuild is the newest rebuild that somebody asked for. Errors:
// fault.ErrNotFound where nobody did of late, those of Rebuild.
func (a *Administration) LastRebuild(ctx context.Context, name string) (readmodels.Rebuild, error) {
	if err := a.rebuildable(name); err != nil {
		return readmodels.Rebuild{}, err
	}
	r, err := a.requests.Newest(ctx, name, TaskRebuild)
	return rebuildOf(r), unavailable(err)
}

func (a *Administration) rebuildable(name string) error {
	for _, p := range a.all {
		switch {
		case p.Name() != name:
		case !p.Rebuildable:
			return readmodels.ErrNotRebuildable
		default:
			return nil
		}
	}
	return fault.ErrNotFound
}

func rebuildOf(r Request) readmodels.Rebuild {
	b := readmodels.Rebuild{
		ID: r.ID, Projection: r.Projection, State: r.State, Progress: share(r.Done, r.Head), Reason: r.Reason, Asked: r.Asked,
	}
	if r.State == readmodels.Done {
		b.Progress = 1
	}
	return b
}

// Parked are the events that are not in some projection, by position; at most
// 1000 of each. Errors: fault.ErrUnavailable.
func (a *Administration) Parked(ctx context.Context) ([]readmodels.ParkedEvent, error) {
	all := []readmodels.ParkedEvent{}
	for _, p := range a.all {
		if p.Parked == nil {
			continue
		}
		parked, err := p.Parked(ctx)
		if err != nil && !errors.Is(err, readmodels.ErrNoGeneration) {
			return nil, unavailable(err)
		}
		for _, e := range parked {
			all = append(all, readmodels.ParkedEvent{
				ID: parkedID(p.Name(), e.ID), Projection: p.Name(), EventID: e.EventID, Stream: e.Stream, Type: e.Type,
				Position: e.Position, Reason: e.Reason, Behind: e.Behind, At: e.At,
			})
		}
	}
	slices.SortStableFunc(all, func(x, y readmodels.ParkedEvent) int { return cmp.Compare(x.Position, y.Position) })
	return all, nil
}

// parkedID names an entry among those of all projections, whose names hold no "-".
func parkedID(projection, id string) string { return projection + "-" + id }

// Replay has the leader apply a parked event with all that is connected with
// it, and waits for that. Errors: fault.ErrNotFound, readmodels.ErrReplaying,
// readmodels.ErrParkedAgain with the reason, readmodels.ErrNobodyLeads,
// fault.ErrUnavailable.
func (a *Administration) Replay(ctx context.Context, id string) error {
	return a.unpark(ctx, TaskReplay, id)
}

// Drop has the leader forget a parked event, and apply what waits for it.
// Errors: those of Replay.
func (a *Administration) Drop(ctx context.Context, id string) error {
	return a.unpark(ctx, TaskDrop, id)
}

func (a *Administration) unpark(ctx context.Context, task Task, id string) error {
	parked, err := a.Parked(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(parked, func(p readmodels.ParkedEvent) bool { return p.ID == id }) {
		return fault.ErrNotFound
	}
	projection, entry, _ := strings.Cut(id, "-")
	r, err := a.requests.Ask(ctx, projection, task, entry)
	if err != nil {
		return unavailable(err)
	}
	patient, cancel := context.WithTimeout(ctx, a.patience)
	defer cancel()
	r, err = a.requests.Await(patient, r.ID, nil)
	switch {
	case err != nil && ctx.Err() == nil && patient.Err() != nil:
		return readmodels.ErrNobodyLeads
	case err != nil:
		return unavailable(err)
	case r.State == readmodels.Failed:
		return readmodels.ErrParkedAgain.With(fault.Field("id", r.Reason))
	}
	return nil
}

// unavailable is err as a caller may see it.
func unavailable(err error) error {
	if errors.Is(err, readmodels.ErrUnavailable) {
		return fault.ErrUnavailable.Because(err)
	}
	return err
}
