package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/apikey"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/readmodels"
)

// Projections is what administrators see of projections and ask of their
// leaders, whichever process those are in.
type Projections interface {
	Projections(ctx context.Context) ([]readmodels.ProjectionState, error)
	Rebuild(ctx context.Context, name string) (readmodels.Rebuild, error)
	LastRebuild(ctx context.Context, name string) (readmodels.Rebuild, error)
	ParkedEvents
}

// ParkedEvents are what could not be applied.
type ParkedEvents interface {
	Parked(ctx context.Context) ([]readmodels.ParkedEvent, error)
	Replay(ctx context.Context, id string) error
	Drop(ctx context.Context, id string) error
}

// projections registers what administrators do with projections. They read
// from no projection, so that they answer when one is behind.
func (s *Server) projections() {
	op := func(method, path, id, summary string, errs ...*fault.Fault) Op {
		return Op{
			Method: method, Path: path, ID: id, Summary: summary, Tag: "Administration", Waits: NoWait, Scope: apikey.Admin,
			Errors: append([]*fault.Fault{fault.ErrForbidden}, errs...),
		}
	}
	route(s, op(http.MethodGet, "/v1/admin/projections", "listProjections", "Projections, how far they are and what they miss"),
		mayAdminister[None](s), s.listProjections)
	rebuild := op(http.MethodPost, "/v1/admin/projections/{name}/rebuild", "rebuildProjection",
		"Build a projection anew beside the live one, then swap; the answer does not wait for that",
		fault.ErrNotFound, readmodels.ErrRebuilding, readmodels.ErrNotRebuildable)
	rebuild.Status = http.StatusAccepted
	route(s, rebuild, mayAdminister[projectionPath](s), s.rebuildProjection)
	route(s, op(http.MethodGet, "/v1/admin/projections/{name}/rebuild", "getRebuild", "The newest rebuild that somebody asked for",
		fault.ErrNotFound, readmodels.ErrNotRebuildable), mayAdminister[projectionPath](s), s.getRebuild)
	route(s, op(http.MethodGet, "/v1/admin/parked", "listParked", "Events that could not be applied, and those that wait behind them"),
		mayAdminister[None](s), s.listParked)
	mend := []*fault.Fault{fault.ErrNotFound, readmodels.ErrReplaying, readmodels.ErrParkedAgain, readmodels.ErrNobodyLeads}
	route(s, op(http.MethodPost, "/v1/admin/parked/{id}/replay", "replayParked",
		"Apply a parked event and all that is connected with it, in the order of the log", mend...),
		mayAdminister[parkedPath](s), s.mend(func(ctx context.Context, id string) error { return s.cfg.Projections.Replay(ctx, id) }))
	route(s, op(http.MethodDelete, "/v1/admin/parked/{id}", "dropParked",
		"Forget a parked event until the next rebuild, and apply what waits behind it", mend...),
		mayAdminister[parkedPath](s), s.mend(func(ctx context.Context, id string) error { return s.cfg.Projections.Drop(ctx, id) }))
}

type projectionPath struct {
	Name string `path:"name" maxLength:"64"`
}

type parkedPath struct {
	ID string `path:"id" maxLength:"128"`
}

// ProjectionState is a projection as its operators see it.
type ProjectionState struct {
	Name        string   `json:"name" example:"tables"`
	Position    uint64   `json:"position" doc:"up to which the log is in it"`
	Lag         uint64   `json:"lag" doc:"positions between it and the end of the log"`
	Rebuildable bool     `json:"rebuildable"`
	Rebuild     *Rebuild `json:"rebuild" doc:"null where none is going on"`
	Parked      int      `json:"parked" doc:"events that are not in it; 1000 stands for more"`
}

// ProjectionStates are all projections.
type ProjectionStates struct {
	Items []ProjectionState `json:"items"`
}

// RebuildState is a rebuild that somebody asked for.
type RebuildState struct {
	ID         uuid.UUID `json:"id"`
	Projection string    `json:"projection"`
	State      string    `json:"state" enum:"queued,running,done,failed" doc:"done after the swap"`
	Progress   float64   `json:"progress" minimum:"0" maximum:"1"`
	Reason     *string   `json:"reason" doc:"why it failed"`
	AskedAt    Time      `json:"askedAt"`
}

// ParkedEvent is an event that is not in a projection.
type ParkedEvent struct {
	ID         string `json:"id" example:"tables-1234"`
	EventID    string `json:"eventId"`
	Stream     string `json:"stream"`
	Type       string `json:"type"`
	Position   uint64 `json:"position"`
	Projection string `json:"projection"`
	Reason     string `json:"reason"`
	Behind     bool   `json:"behind" doc:"nothing is wrong with it; it waits for an earlier one"`
	At         Time   `json:"at"`
}

// ParkedList are all parked events, at most 1000 of a projection.
type ParkedList struct {
	Items []ParkedEvent `json:"items"`
}

// mayAdminister is the access of routes with any parameters.
func mayAdminister[P any](s *Server) func(context.Context, *Call, P) error {
	return func(ctx context.Context, c *Call, _ P) error {
		err := s.cfg.Commands.MayAdminister(ctx, *c.Actor)
		if err == nil && s.cfg.Projections == nil {
			err = fault.ErrUnavailable
		}
		return err
	}
}

func (s *Server) listProjections(ctx context.Context, _ *Call, _, _ None) (Reply[ProjectionStates], error) {
	all, err := s.cfg.Projections.Projections(ctx)
	shown := ProjectionStates{Items: make([]ProjectionState, 0, len(all))}
	for _, p := range all {
		state := ProjectionState{Name: p.Name, Position: p.Position, Lag: p.Lag, Rebuildable: p.Rebuildable, Parked: p.Parked}
		if p.Rebuild != nil {
			state.Rebuild = &Rebuild{Progress: *p.Rebuild}
		}
		shown.Items = append(shown.Items, state)
	}
	return Reply[ProjectionStates]{Data: shown}, err
}

func (s *Server) rebuildProjection(ctx context.Context, _ *Call, p projectionPath, _ None) (Reply[RebuildState], error) {
	r, err := s.cfg.Projections.Rebuild(ctx, p.Name)
	return Reply[RebuildState]{Data: showRebuild(r)}, err
}

func (s *Server) getRebuild(ctx context.Context, _ *Call, p projectionPath, _ None) (Reply[RebuildState], error) {
	r, err := s.cfg.Projections.LastRebuild(ctx, p.Name)
	return Reply[RebuildState]{Data: showRebuild(r)}, err
}

func showRebuild(r readmodels.Rebuild) RebuildState {
	shown := RebuildState{ID: r.ID, Projection: r.Projection, State: string(r.State), Progress: r.Progress, AskedAt: At(r.Asked)}
	if r.Reason != "" {
		shown.Reason = &r.Reason
	}
	return shown
}

func (s *Server) listParked(ctx context.Context, _ *Call, _, _ None) (Reply[ParkedList], error) {
	all, err := s.cfg.Projections.Parked(ctx)
	shown := ParkedList{Items: make([]ParkedEvent, 0, len(all))}
	for _, p := range all {
		shown.Items = append(shown.Items, ParkedEvent{
			ID: p.ID, EventID: p.EventID, Stream: p.Stream, Type: p.Type, Position: p.Position, Projection: p.Projection,
			Reason: p.Reason, Behind: p.Behind, At: At(p.At),
		})
	}
	return Reply[ParkedList]{Data: shown}, err
}

func (s *Server) mend(do func(ctx context.Context, id string) error) func(context.Context, *Call, parkedPath, None) (Reply[None], error) {
	return func(ctx context.Context, _ *Call, p parkedPath, _ None) (Reply[None], error) {
		return Reply[None]{}, do(ctx, p.ID)
	}
}
