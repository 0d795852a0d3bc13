package rest

import (
	"context"
	"net/http"

	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/readmodels"
)

func (s *Server) followRequests() {
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/me/follow-requests", ID: "listFollowRequests", Summary: "Who waits to follow one", Tag: "Follows",
	}, nil, s.listFollowRequests)
	answer := func(grant bool) func(context.Context, *Call, otherPath, None) (Reply[None], error) {
		return func(ctx context.Context, c *Call, p otherPath, _ None) (Reply[None], error) {
			out, err := s.cfg.Commands.AnswerRequest(ctx, *c.Actor, p.ID, grant)
			return s.settled(ctx, out, err)
		}
	}
	absent := []*fault.Fault{fault.ErrNotFound}
	path := "/v1/me/follow-requests/{id}"
	route(s, Op{
		Method: http.MethodPut, Path: path, ID: "grantFollowRequest", Summary: "Let an account follow that asked for it", Tag: "Follows", Errors: absent,
	}, nil, answer(true))
	route(s, Op{
		Method: http.MethodDelete, Path: path, ID: "refuseFollowRequest", Summary: "Do not let it follow", Tag: "Follows", Errors: absent,
	}, nil, answer(false))
}

func (s *Server) listFollowRequests(ctx context.Context, c *Call, p Page, _ None) (Reply[List[Summary]], error) {
	return s.showRelated(ctx, c, p, func(r readmodels.Reader, before uint64, limit int) ([]readmodels.Related, error) {
		return readmodels.FollowRequests(ctx, r, c.Account(), before, limit)
	})
}
