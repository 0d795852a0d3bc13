package eventgrpc

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/parleyhq/parley/domain/apikey"
	"github.com/parleyhq/parley/domain/fault"
)

// Who may come in. Official clients send the user name and the password of
// their connection string with each call, as HTTP's basic authentication. Here
// the name is the id of an API key and the password the key itself:
//
//	esdb://0190a5d0-…:parley_0190a5d0…_…@log.example.org:2113
//
// Reading needs the scope events:read, everything else events:write. What
// clients ask before they ask for streams is open: it tells the version and
// the address that the caller reached.

// refusals of callers; the official clients know both codes, and the second
// one's trailer.
var (
	errNobody = &refusal{
		code: codes.Unauthenticated,
		text: "Not authenticated: the user name is the id of an API key, the password the key itself.",
	}
	errOutsideScope = &refusal{
		code: codes.PermissionDenied, text: "Access is denied: this API key was not made for that.",
		trailer: metadata.Pairs("exception", "access-denied"),
	}
)

// scopeOf is what a key needs for a method; "": anybody may call it.
func scopeOf(method string) string {
	switch method {
	case serverfeatures.ServerFeatures_GetSupportedMethods_FullMethodName, gossip.Gossip_Read_FullMethodName:
		return ""
	case streams.Streams_Read_FullMethodName:
		return apikey.EventsRead
	}
	return apikey.EventsWrite
}

// admit says whether the caller may call a method now. Errors: refusals.
func (s *Server) admit(ctx context.Context, method string) error {
	scope := scopeOf(method)
	if s.cfg.Authenticate == nil || scope == "" {
		return nil
	}
	user, password, ok := basic(ctx)
	if !ok {
		return errNobody
	}
	actor, err := s.cfg.Authenticate(ctx, user, password)
	switch f := fault.As(err); {
	case f != nil && f.Kind == fault.Unauthorized:
		return &refusal{code: codes.Unauthenticated, text: f.Message}
	case f != nil && f.Kind == fault.Unavailable:
		return &refusal{code: codes.Unavailable, text: f.Message}
	case err != nil:
		return err
	case !slices.Contains(actor.Scopes, scope):
		return errOutsideScope
	}
	return nil
}

// basic reads the name and the password of a call (RFC 7617).
func basic(ctx context.Context) (user, password string, ok bool) {
	sent := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(sent) != 1 {
		return "", "", false
	}
	scheme, coded, _ := strings.Cut(sent[0], " ")
	plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(coded))
	if !strings.EqualFold(scheme, "Basic") || err != nil {
		return "", "", false
	}
	return strings.Cut(string(plain), ":")
}

// guarded is a call that ends when its caller's right does.
type guarded struct {
	grpc.ServerStream
	ctx   context.Context
	admit func() error
}

// Context ends with the right; its cause is the refusal.
func (g guarded) Context() context.Context { return g.ctx }

// RecvMsg takes nothing from a caller whose right has ended, however long ago
// the call began; the end of what it sends is what makes an append happen.
func (g guarded) RecvMsg(m any) error {
	err := g.ServerStream.RecvMsg(m)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if refused := g.admit(); refused != nil {
		return refused
	}
	return err
}

// guard admits a call, and asks again every Recheck as long as it goes on.
// release ends the asking and waits for it.
func (s *Server) guard(call grpc.ServerStream, method string) (_ grpc.ServerStream, release func(), err error) {
	if s.cfg.Authenticate == nil || scopeOf(method) == "" {
		return call, func() {}, nil
	}
	if err := s.admit(call.Context(), method); err != nil {
		s.hearOut(call, method)
		return nil, nil, err
	}
	ctx, cancel := context.WithCancelCause(call.Context())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		ticks := time.NewTicker(s.cfg.Recheck)
		defer ticks.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
			}
			if err := s.admit(ctx, method); err != nil && ctx.Err() == nil {
				cancel(err)
				return
			}
		}
	}()
	again := func() error { return s.admit(ctx, method) }
	return guarded{call, ctx, again}, func() { cancel(nil); <-watched }, nil
}

// maxHeard bounds refused appends that are read to their end at once: a caller
// who is nobody may not fill the memory. More are refused in the middle.
const maxHeard = 8

// hearOut reads what a refused append sends, see drain.
func (s *Server) hearOut(call grpc.ServerStream, method string) {
	if method != streams.Streams_Append_FullMethodName {
		return
	}
	select {
	case s.hearing <- struct{}{}:
		defer func() { <-s.hearing }()
		drain(func() (*streams.AppendReq, error) {
			m := new(streams.AppendReq)
			return m, call.RecvMsg(m)
		})
	default:
	}
}

// ended is the error of a call; where the caller's right ended, that is why.
func ended(ctx context.Context, err error) error {
	var r *refusal
	if errors.Is(err, context.Canceled) && errors.As(context.Cause(ctx), &r) {
		return r
	}
	return err
}
