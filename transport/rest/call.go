package rest

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
)

// Call is one request as a handler sees it.
type Call struct {
	Request  *http.Request
	Actor    *commands.Actor // nil when anonymous
	ID       uuid.UUID       // of the request; the correlation of what it causes
	TraceID  string          // 32 hexadecimal digits, also in every error
	Position uint64          // that the caller has seen; 0 where it did not say
	IfMatch  Match
	Address  netip.Addr // of the client; not valid where it is unknown
	Network  string     // an IPv4 address or an IPv6 /64
	Agent    string     // User-Agent, at most 512 bytes
	Now      time.Time  // when the request came, UTC

	server *Server
	route  *endpoint // nil before a route matched
	out    *writer
}

// Account is the signed-in account, or the zero UUID.
func (c *Call) Account() uuid.UUID {
	if c.Actor == nil {
		return uuid.UUID{}
	}
	return c.Actor.Account
}

func (c *Call) client() commands.Client {
	return commands.Client{Network: c.Network, Agent: c.Agent}
}

// Header is the answer's header. Errors carry it too.
func (c *Call) Header() http.Header { return c.out.Header() }

// Operation is the route's Op, for Steps.
func (c *Call) Operation() Op { return c.route.op }

// Group is the route's group: the first part of its path after /v1.
func (c *Call) Group() string { return c.route.group }

// CheckMatch is errMatchOld (412) where If-Match does not hold for etag.
func (c *Call) CheckMatch(etag string) error {
	if !c.IfMatch.Holds(etag) {
		return errMatchOld
	}
	return nil
}

// CheckOrigin is errOriginForeign (403) where a browser says that the request
// comes from an origin that is neither ours nor listed: for what a cookie
// alone may do. Requests without an Origin come from no browser's page.
func (c *Call) CheckOrigin() error {
	if origin := c.Request.Header["Origin"]; len(origin) > 0 && !c.server.OriginAllowed(c.Request) {
		return errOriginForeign
	}
	return nil
}

// exchange is everything that one request needs, in one allocation: the
// context, the routing state and the writer.
type exchange struct {
	context.Context
	call    Call
	trace   trace
	routing chi.Context
	out     writer
	begun   time.Time // monotonic

	// conflict is a 409 that is known before the body is read and told after.
	conflict error
}

// Value gives chi its routing state without another context around this one.
func (x *exchange) Value(key any) any {
	if key == chi.RouteCtxKey {
		return &x.routing
	}
	if key == (exchangeKey{}) {
		return x
	}
	return x.Context.Value(key)
}

type exchangeKey struct{}

func exchangeOf(r *http.Request) *exchange {
	x, _ := r.Context().Value(exchangeKey{}).(*exchange)
	return x
}
