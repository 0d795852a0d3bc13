package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/fault"
)

// Tickets lets a signed-in caller open a socket.
type Tickets interface {
	// Issue makes a single-use ticket and says how long it lives.
	// Errors: fault.ErrUnavailable.
	Issue(ctx context.Context, by commands.Actor) (ticket string, ttl time.Duration, err error)
}

func (s *Server) push() {
	route(s, Op{
		Method: http.MethodPost, Path: "/v1/push/tickets", ID: "createPushTicket", Summary: "A ticket for a socket", Tag: "Push",
		Status: http.StatusCreated, Secret: true, Waits: NoWait, Errors: []*fault.Fault{fault.ErrUnavailable},
	}, nil, s.createTicket)
}

// Ticket opens one socket.
type Ticket struct {
	Ticket    string `json:"ticket" doc:"subprotocol ticket.<ticket>, or ?ticket="`
	ExpiresIn int    `json:"expiresIn" doc:"seconds" example:"60"`
}

func (s *Server) createTicket(ctx context.Context, c *Call, _ None, _ None) (Reply[Ticket], error) {
	ticket, ttl, err := s.cfg.Tickets.Issue(ctx, *c.Actor)
	return Reply[Ticket]{Data: Ticket{Ticket: ticket, ExpiresIn: int(ttl / time.Second)}}, err
}

// Refuse answers a request to a Mount with an error, in the envelope.
func (s *Server) Refuse(_ http.ResponseWriter, r *http.Request, err error) {
	s.fail(exchangeOf(r), err)
}
