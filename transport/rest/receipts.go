package rest

import (
	"context"
	"net/http"

	"github.com/parleyhq/parley/domain/fault"
)

func (s *Server) receipts() {
	route(s, Op{
		Method: http.MethodPut, Path: "/v1/rooms/{id}/read", ID: "readRoom", Summary: "Say how far one has read a room; it never goes back", Tag: "Messages",
		Waits: NoWait, Errors: []*fault.Fault{fault.ErrNotFound},
	}, s.mayEnter, s.readRoom)
}

// upTo says how far something was read. Beyond the newest is the newest.
type upTo struct {
	Number uint64 `json:"number"`
}

// readRoom waits for nothing: who wants to see it brings the position along.
func (s *Server) readRoom(ctx context.Context, c *Call, p roomPath, b upTo) (Reply[None], error) {
	_, out, err := s.cfg.Commands.ReadRoom(ctx, *c.Actor, p.ID, b.Number)
	return Reply[None]{Position: out.Position}, err
}
