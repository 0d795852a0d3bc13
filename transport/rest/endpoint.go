package rest

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/fault"
)

// prepare builds what a route needs from its types; what is wrong with them
// fails New.
func (s *Server) prepare(op Op, p, b, o reflect.Type) (e *endpoint, ok bool) {
	fail := func(err error) (*endpoint, bool) {
		s.errs = append(s.errs, fmt.Errorf("rest: %s %s: %w", op.Method, op.Path, err))
		return nil, false
	}
	defer func() { // huma panics at tags that make no sense
		if thrown := recover(); thrown != nil {
			e, ok = fail(fmt.Errorf("%v", thrown))
		}
	}()
	if op.Waits == nil {
		op.Waits = []string{Tables}
	}
	setDefault(&op.MaxBody, maxBody)
	if op.Status == 0 {
		op.Status = http.StatusOK
		if o == reflect.TypeFor[None]() && op.Produces == "" {
			op.Status = http.StatusNoContent
		}
	}
	e = &endpoint{op: op, group: groupOf(op.Path)}
	if e.carriers = s.cfg.Carriers[e.group]; len(e.carriers) == 0 {
		e.carriers = []Carrier{Bearer}
	}
	for _, name := range op.Waits {
		w, ok := s.cfg.Waiters[name]
		if !ok {
			return fail(fmt.Errorf("no Waiter for projector %q", name))
		}
		e.waits = append(e.waits, w)
	}
	var err error
	if e.params, err = newParams(s.registry, s.shapes, p, op.Path); err != nil {
		return fail(err)
	}
	e.params.setPage(s.cfg.Lists)
	if b != reflect.TypeFor[None]() {
		if e.body, err = s.shapes.of(b); err != nil {
			return fail(err)
		}
		if e.bodySchema, err = s.schemaOf(b, op.ID+"Request"); err != nil {
			return fail(err)
		}
	}
	if o != reflect.TypeFor[None]() {
		if _, err = s.shapes.of(o); err != nil { // no time.Time, a json tag on each field
			return fail(err)
		}
		if e.dataSchema, err = s.schemaOf(o, op.ID+"Response"); err != nil {
			return fail(err)
		}
	}
	return e, true
}

// groups are those of the first parts of paths that are not their own.
var groups = map[string]string{
	"setup": "accounts", "me": "accounts", "email-verifications": "accounts", "password-resets": "accounts", "captchas": "accounts",
	"images": "accounts", "oauth": "accounts", "passkeys": "accounts",
	"boards": "forum", "posts": "forum", "comments": "forum", "hashtags": "forum", "feed": "forum", "search": "forum",
	"reports": "forum", "moderation": "forum",
	"rooms": "chat", "invites": "chat", "presence": "chat",
	"webhooks": "push",
}

// groupOf is the route group of a path: that of its first part after /v1.
func groupOf(path string) string {
	part, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(path, "/v1"), "/"), "/")
	if g, ok := groups[part]; ok {
		return g
	}
	return part
}

func (s *Server) add(e *endpoint) {
	for _, other := range s.routes {
		if other.op.ID == e.op.ID || other.op.Method == e.op.Method && other.op.Path == e.op.Path {
			s.errs = append(s.errs, fmt.Errorf("rest: %s %s (%s) is there already", e.op.Method, e.op.Path, e.op.ID))
			return
		}
	}
	s.routes = append(s.routes, e)
	h := func(_ http.ResponseWriter, r *http.Request) { s.answer(exchangeOf(r), e) }
	s.router.MethodFunc(e.op.Method, e.op.Path, h)
	if e.op.Method == http.MethodGet && !e.op.Stream {
		s.router.MethodFunc(http.MethodHead, e.op.Path, h) // net/http drops the body
	}
}

// mount adds a handler that answers for itself.
func (s *Server) mount(m Mount) {
	setDefault(&m.Method, http.MethodGet)
	e := &endpoint{op: Op{Method: m.Method, Path: m.Pattern, Stream: true}}
	h := func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r)
		x.call.route = e
		if err := s.admitMount(&x.call); err != nil {
			s.fail(x, err)
			return
		}
		m.Handler.ServeHTTP(w, r.WithContext(commands.WithClient(r.Context(), x.call.client())))
	}
	s.router.MethodFunc(m.Method, m.Pattern, h)
	if m.Method == http.MethodGet {
		s.router.MethodFunc(http.MethodHead, m.Pattern, h)
	}
}

// answer runs a route within its bounds.
func (s *Server) answer(x *exchange, e *endpoint) {
	x.call.route = e
	ctx := context.Context(x)
	if !e.op.Stream {
		if s.inFlight.Add(1) > int64(s.cfg.MaxInFlight) {
			s.inFlight.Add(-1)
			s.fail(x, errBusy)
			return
		}
		defer s.inFlight.Add(-1)
		bounded, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
		defer cancel()
		ctx = bounded
	}
	if e.op.Secret {
		x.out.Header()["Cache-Control"] = noStore
	} else {
		x.out.Header()["Cache-Control"] = private
	}
	if err := e.run(ctx, x); err != nil {
		s.fail(x, err)
	}
}

// arrive takes a request up to its body: authenticate, steps, path, position,
// access, and what else is wrong with the parameters. The context that it
// returns carries the caller to commands.
func arrive[P any](ctx context.Context, s *Server, x *exchange, p *P,
	access func(context.Context, *Call, P) error,
) (context.Context, error) {
	c := &x.call
	ctx = commands.WithClient(ctx, c.client())
	if err := s.admit(ctx, c); err != nil {
		return nil, err
	}
	if s.cfg.Seen != nil && c.Actor != nil && c.Actor.Session != uuid.Nil {
		s.cfg.Seen.Note(c.Actor.Session, c.Now)
	}
	s.renew(ctx, c)
	if c.Actor != nil && writes(c.route.op.Method) && !c.route.op.Suspended && s.cfg.Commands != nil {
		if err := s.cfg.Commands.MayWrite(ctx, c.Actor.Account); err != nil {
			return nil, err
		}
	}
	for _, step := range s.cfg.Steps {
		if err := step(ctx, c); err != nil {
			return nil, err
		}
	}
	late, gone := c.route.params.bind(c, &x.routing, reflect.ValueOf(p).Elem())
	if gone != nil {
		return nil, gone
	}
	positionErr := s.readPosition(c)
	if err := s.awaitPosition(ctx, c); err != nil {
		return nil, err
	}
	ctx = s.contextOf(ctx, x)
	if access != nil {
		if err := access(ctx, c, *p); err != nil {
			return nil, err
		}
	}
	if f := visible(positionErr); f != nil && f.Kind == fault.Conflict {
		x.conflict = f // a 409 comes after whatever is wrong with the body
	} else if positionErr != nil {
		return nil, positionErr
	}
	if late != nil {
		return nil, late
	}
	var err error
	c.IfMatch, err = parseMatch(c.Request.Header["If-Match"])
	return ctx, err
}
