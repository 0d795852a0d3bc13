package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/apikey"
	"github.com/parleyhq/parley/domain/fault"
)

func (s *Server) suspensions() {
	route(s, Op{
		Method: http.MethodPut, Path: "/v1/accounts/{id}/suspension", ID: "suspendAccount",
		Summary: "Keep an account from writing and signing in, until a time or for ever, in the place of every suspension", Tag: "Moderation",
		Scope: apikey.Moderation, Errors: []*fault.Fault{fault.ErrForbidden, fault.ErrNotFound, account.ErrSelf},
	}, s.maySuspend, s.suspend)
	route(s, Op{
		Method: http.MethodDelete, Path: "/v1/accounts/{id}/suspension", ID: "liftSuspension", Summary: "Take every suspension back", Tag: "Moderation",
		Scope: apikey.Moderation, Errors: []*fault.Fault{fault.ErrForbidden, fault.ErrNotFound, account.ErrSelf},
	}, func(ctx context.Context, c *Call, p liftRequest) error { return s.maySuspend(ctx, c, otherPath{p.ID}) }, s.lift)
}

func (s *Server) maySuspend(ctx context.Context, c *Call, p otherPath) error {
	return s.cfg.Commands.MaySuspend(ctx, *c.Actor, p.ID)
}

type suspension struct {
	Until  Maybe[Time] `json:"until" doc:"null or left out: for ever"`
	Reason string      `json:"reason,omitempty" doc:"needed; at most 500 characters" text:"lines"`
}

func (s *Server) suspend(ctx context.Context, c *Call, p otherPath, b suspension) (Reply[None], error) {
	until, _ := b.Until.Get()
	out, err := s.cfg.Commands.Suspend(ctx, *c.Actor, p.ID, until.Time, b.Reason)
	return s.settled(ctx, out, err)
}

type liftRequest struct {
	ID     uuid.UUID `path:"id"`
	Reason string    `query:"reason" doc:"at most 500 characters"`
}

func (s *Server) lift(ctx context.Context, c *Call, p liftRequest, _ None) (Reply[None], error) {
	out, err := s.cfg.Commands.Lift(ctx, *c.Actor, p.ID, p.Reason)
	return s.settled(ctx, out, err)
}
