package rest

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/fault"
)

// Op describes a route.
type Op struct {
	Method  string // http.MethodGet, …
	Path    string // "/v1/boards/{id}"
	ID      string // of the operation: "getBoard"; clients are generated from it
	Summary string
	Tag     string // the chapter of the documentation: "Boards"
	Auth    Auth
	Scope   string // lets API keys that have it in; empty: no key, whatever its scopes

	Status    int             // of success; default 200, or 204 where the answer is None
	Found     bool            // answers 200 too: what was to be made is there already
	Waits     []string        // projectors that a caller's position waits for; default Tables
	Errors    []*fault.Fault  // that the route may answer, besides those of every request
	Scarce    commands.Scarce // a rule of its own for those without a token
	Suspended bool            // a write that suspended accounts may do: signing out
	Unlimited bool            // not counted: what runs and describes the server
	Secret    bool            // answers carry tokens or keys: no-store, and never kept for a retry

	BodyOptional bool   // an empty body is the zero B
	MaxBody      int64  // bytes; default 1 MiB
	Consumes     string // of handle: the body's media type, "multipart/form-data"
	Produces     string // of handle: the answer's media type, "application/x-ndjson"
	Stream       bool   // of handle: may go on for ever; no time-out, no place among those at work
}

// None is the P, B or O of a route without parameters, body or answer.
type None = struct{}

// NoWait is the Waits of a route that reads from no projection.
var NoWait = []string{}

// Reply is what a route answers.
type Reply[O any] struct {
	Data     O
	Status   int    // 0: the Op's
	Position uint64 // of what was written; 0: no Parley-Position
	ETag     string // id of the newest event of the very thing, without quotes
	Header   http.Header
	Cookies  []*http.Cookie
}

// endpoint is a registered route.
type endpoint struct {
	op         Op
	group      string
	carriers   []Carrier
	waits      []Waiter
	params     *params
	body       *shape // nil: none
	bodySchema *huma.Schema
	dataSchema *huma.Schema // nil: none
	run        func(ctx context.Context, x *exchange) error
}

// route registers a route that takes parameters P and a JSON body B and
// answers O. The order of a request: 401, the path (404), the position (503),
// access (403, 404), what else is wrong with the parameters (400, 422), the
// body (413, 415, 400, 422), do (412, 409, …).
//
// access is optional. A route with a body or query parameters has one wherever
// the caller might not see the thing, so that no 400 or 422 tells of it. The
// P that access sees may lack query parameters that were wrong.
func route[P, B, O any](s *Server, op Op, access func(context.Context, *Call, P) error,
	do func(context.Context, *Call, P, B) (Reply[O], error),
) {
	e, ok := s.prepare(op, reflect.TypeFor[P](), reflect.TypeFor[B](), reflect.TypeFor[O]())
	if !ok {
		return
	}
	e.run = func(ctx context.Context, x *exchange) error {
		var p P
		ctx, err := arrive(ctx, s, x, &p, access)
		if err != nil {
			return err
		}
		var b B
		if e.body != nil {
			if err := s.bindBody(&x.call, reflect.ValueOf(&b).Elem()); err != nil {
				return err
			}
		} else if err := checkEncoding(x.call.Request); err != nil {
			return err
		}
		if x.conflict != nil {
			return x.conflict
		}
		r, err := do(ctx, &x.call, p, b)
		if err == nil {
			err = s.illustrate(ctx, &r.Data)
		}
		if err != nil {
			return err
		}
		return s.reply(x, r.Status, r.Data, outcome{r.Position, r.ETag, r.Header, r.Cookies})
	}
	s.add(e)
}

// handle registers a route that reads or writes its bytes itself: files,
// streams, redirects, forms. It goes through the same pipeline. An error that
// do returns before it wrote anything is answered as any other.
func handle[P any](s *Server, op Op, access func(context.Context, *Call, P) error,
	do func(context.Context, *Call, P, http.ResponseWriter) error,
) {
	e, ok := s.prepare(op, reflect.TypeFor[P](), reflect.TypeFor[None](), reflect.TypeFor[None]())
	if !ok {
		return
	}
	e.run = func(ctx context.Context, x *exchange) error {
		var p P
		ctx, err := arrive(ctx, s, x, &p, access)
		if err != nil {
			return err
		}
		r := x.call.Request
		if op.Consumes != "" {
			if err := checkMedia(r, op.Consumes); err != nil {
				return err
			}
			if r.ContentLength > e.op.MaxBody {
				return errBodyTooLarge
			}
			_ = http.NewResponseController(x.out.ResponseWriter).SetReadDeadline(time.Now().Add(s.cfg.Timeout))
			r.Body = http.MaxBytesReader(x.out.ResponseWriter, r.Body, e.op.MaxBody)
		} else if err := checkEncoding(r); err != nil {
			return err
		}
		if x.conflict != nil {
			return x.conflict
		}
		x.call.Request = r.WithContext(ctx)
		return do(ctx, &x.call, p, &x.out)
	}
	s.add(e)
}
