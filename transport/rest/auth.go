package rest

import (
	"bytes"
	"context"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/apikey"
	"github.com/parleyhq/parley/domain/event"
)

// Auth says who may call a route. The zero value is Required: a route that
// forgets to say is closed.
type Auth uint8

// The kinds of routes.
const (
	Required Auth = iota // a valid token
	Optional             // no token is anonymous; a bad one is refused, never anonymous
	Public               // tokens are not looked at
)

// String is the word of the route table.
func (a Auth) String() string { return [...]string{"required", "optional", "public"}[a] }

// tokenCookie is the name of the cookie of the carrier Cookie.
const tokenCookie = "parley_token"

// refreshHeader carries a new token in the place of an old one.
const refreshHeader = "Refresh-Token"

// authenticate finds out who calls. Errors: errAuthMissing, errAuthInvalid,
// commands.ErrScope and the Authenticator's.
func (s *Server) authenticate(ctx context.Context, c *Call) error {
	token, key, err := s.credentials(ctx, c)
	if err != nil {
		return err
	}
	c.Actor = key
	if token == "" {
		return nil
	}
	actor, err := s.cfg.Auth.Authenticate(ctx, token)
	if err != nil {
		return err
	}
	c.Actor = &actor
	return nil
}

// credentials are the access token that a request carries where the route asks
// for one, or whom its API key stands for; neither for nobody.
func (s *Server) credentials(ctx context.Context, c *Call) (token string, key *commands.Actor, err error) {
	if c.route.op.Auth == Public {
		return "", nil, nil
	}
	if key, found := apiKey(c.Request.Header); found {
		actor, err := s.authenticateKey(ctx, c, key)
		return "", actor, err
	}
	token, found, err := s.token(c)
	switch {
	case err != nil:
		return "", nil, err
	case !found && c.route.op.Auth == Optional:
		return "", nil, nil
	case !found:
		return "", nil, errAuthMissing
	case token == "":
		return "", nil, errAuthInvalid
	}
	return token, nil, nil
}

// authenticateKey lets a program in where the route's scope is one of its
// key's.
func (s *Server) authenticateKey(ctx context.Context, c *Call, key string) (*commands.Actor, error) {
	actor, err := s.cfg.Auth.AuthenticateKey(ctx, key)
	switch {
	case err != nil:
		return nil, err
	case c.route.op.Scope == "" || !actor.Within(c.route.op.Scope):
		return nil, commands.ErrScope
	}
	return &actor, nil
}

// renew sends another token along with the answer, whatever that is, where the
// one that came is old. No cache may keep such an answer.
func (s *Server) renew(ctx context.Context, c *Call) {
	if s.cfg.Renew == nil || c.Actor == nil || c.Actor.Session == uuid.Nil {
		return
	}
	if token := s.cfg.Renew(ctx, *c.Actor); token != "" {
		c.Header()[refreshHeader] = []string{token}
	}
}

// apiKey is the API key of a request. Keys have one carrier, whatever those of
// the route's tokens are: they live for long, and a URL ends up in logs.
func apiKey(h http.Header) (key string, found bool) {
	token, found := headerToken(h, []Carrier{Bearer})
	return token, found && strings.HasPrefix(token, apikey.Prefix)
}

// token looks for a token where the route's group allows one, in the group's
// order. found with an empty token is something that should have been one.
func (s *Server) token(c *Call) (token string, found bool, err error) {
	for _, carrier := range c.route.carriers {
		switch carrier {
		case Bearer, Raw:
			token, found = headerToken(c.Request.Header, c.route.carriers)
		case Query:
			if q := c.Request.URL.Query(); q.Has("token") {
				token, found = q.Get("token"), true
			}
		case Cookie:
			if k, err := c.Request.Cookie(tokenCookie); err == nil {
				token, found = k.Value, true
				if writes(c.Request.Method) { // any page can make a browser send it
					err = c.CheckOrigin()
				}
				if err != nil {
					return "", false, err
				}
			}
		case Form:
			token, found, err = formToken(c)
		}
		if found || err != nil {
			return token, found, err
		}
	}
	return "", false, nil
}

// headerToken reads Authorization in the forms that the group takes. A header
// of another form counts as found and empty: it is a bad token.
func headerToken(h http.Header, all []Carrier) (token string, found bool) {
	values := h["Authorization"]
	if len(values) != 1 {
		return "", len(values) > 1
	}
	scheme, rest, spaced := strings.Cut(values[0], " ")
	switch {
	case spaced && strings.EqualFold(scheme, "Bearer") && slices.Contains(all, Bearer):
		return strings.TrimSpace(rest), true
	case !spaced && slices.Contains(all, Raw):
		return values[0], true
	}
	return "", true
}

// formToken reads the field token of a form and leaves the body as it was.
func formToken(c *Call) (token string, found bool, err error) {
	kind, options, err := mime.ParseMediaType(c.Request.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" && kind != "application/x-www-form-urlencoded" {
		return "", false, nil
	}
	body, err := readBody(c)
	if err != nil {
		return "", false, err
	}
	c.Request.Body = io.NopCloser(bytes.NewReader(body))
	if kind == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return "", false, nil // the route says what it thinks of it
		}
		return form.Get("token"), form.Has("token"), nil
	}
	parts := multipart.NewReader(bytes.NewReader(body), options["boundary"])
	for {
		part, err := parts.NextPart()
		if err != nil {
			return "", false, nil
		}
		if part.FormName() != "token" || part.FileName() != "" {
			continue
		}
		b, err := io.ReadAll(io.LimitReader(part, maxURL))
		return string(b), err == nil, nil
	}
}

// contextOf carries the call to commands: why, from where, and after what.
func (s *Server) contextOf(ctx context.Context, x *exchange) context.Context {
	c := &x.call
	meta := event.Meta{Actor: event.System, Correlation: c.ID.String(), Trace: x.trace.meta}
	if c.Actor != nil {
		meta.Actor = c.Actor.Account.String()
	}
	ctx = commands.WithMeta(ctx, meta)
	if c.Position > 0 {
		ctx = commands.WithPosition(ctx, c.Position)
	}
	return ctx
}
