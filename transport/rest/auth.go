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

	"github.com/parleyhq/parley/commands"
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

// authenticate finds out who calls. Errors: errAuthMissing, errAuthInvalid and
// the Authenticator's.
func (s *Server) authenticate(ctx context.Context, c *Call) error {
	if c.route.op.Auth == Public {
		return nil
	}
	token, found, err := s.token(c)
	switch {
	case err != nil:
		return err
	case !found && c.route.op.Auth == Optional:
		return nil
	case !found:
		return errAuthMissing
	case token == "":
		return errAuthInvalid
	}
	actor, err := s.cfg.Auth.Authenticate(ctx, token)
	if err != nil {
		return err
	}
	c.Actor = &actor
	return nil
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
