package rest

import (
	"context"
	"net/http"
)

// Floor is a Server with s's configuration and two routes whose handlers do
// nothing. That of sendMessage authenticates, reads the body, decodes and checks
// it, and answers 204: `parley bench` measures a durable command beside it. The
// other one, /v1/nothing, is for everybody: beside a request without a token, one
// with it shows what a token costs. It serves nobody else.
func (s *Server) Floor() (*Server, error) {
	cfg := s.cfg
	cfg.Mounts = nil
	cfg.Carriers = map[string][]Carrier{"chat": s.cfg.Carriers["chat"]}
	return build(cfg, func(s *Server) {
		route(s, Op{
			Method: http.MethodPost, Path: "/v1/rooms/{id}/messages", ID: "sendNothing", Summary: "Do nothing", Tag: "Messages", Waits: NoWait,
		}, nil, func(context.Context, *Call, roomPath, newMessage) (Reply[None], error) { return Reply[None]{}, nil })
		route(s, Op{
			Method: http.MethodGet, Path: "/v1/nothing", ID: "getNothing", Summary: "Do nothing, for anybody", Tag: "Messages", Auth: Optional, Waits: NoWait,
		}, nil, func(context.Context, *Call, None, None) (Reply[None], error) { return Reply[None]{}, nil })
	})
}
