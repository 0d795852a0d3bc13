package rest

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/parleyhq/parley/commands"
)

// Gate lets requests in: it finds out who asks and counts what they ask for.
// commands.Commands is one. Levels are those of the buckets that were drawn
// from, also beside an error. Errors: commands.ErrLimited, Authenticator's.
type Gate interface {
	Admit(ctx context.Context, a commands.Arrival) (*commands.Actor, []commands.Level, error)
}

// admit lets a request in, as the gate says where there is one. Whoever has no
// valid token counts as their network, so bad tokens are limited too.
func (s *Server) admit(ctx context.Context, c *Call) error {
	op := &c.route.op
	if s.cfg.Gate == nil || op.Unlimited {
		return s.authenticate(ctx, c)
	}
	a := commands.Arrival{Network: c.Network, Route: op.ID, Write: writes(op.Method), Scarce: op.Scarce}
	var refused error
	if a.Token, a.Key, refused = s.credentials(ctx, c); refused != nil {
		a.Token = ""
	}
	actor, levels, err := s.cfg.Gate.Admit(ctx, a)
	c.tellLevels(levels)
	if err == nil {
		err = refused
	}
	if err != nil {
		return err
	}
	c.Actor = actor
	return nil
}

// admitMount is admit for a handler that finds out itself who calls: part of
// the API counts for the network, pages do not count.
func (s *Server) admitMount(c *Call) error {
	op := &c.route.op
	if s.cfg.Gate == nil || !strings.HasPrefix(op.Path, "/v1/") {
		return nil
	}
	_, levels, err := s.cfg.Gate.Admit(c.Request.Context(), commands.Arrival{Network: c.Network, Route: op.Path})
	c.tellLevels(levels)
	return err
}

func writes(method string) bool {
	return method != http.MethodGet && method != http.MethodHead
}

// tellLevels sets RateLimit and RateLimit-Policy: structured fields, as
// draft-ietf-httpapi-ratelimit-headers has them. q is how many may be drawn in
// w seconds, r how many are left, t the seconds until nothing is missing.
func (c *Call) tellLevels(levels []commands.Level) {
	if len(levels) == 0 {
		return
	}
	policy, level := make([]byte, 0, 64), make([]byte, 0, 64)
	for i, l := range levels {
		if i > 0 {
			policy, level = append(policy, ", "...), append(level, ", "...)
		}
		policy = append(strconv.AppendQuote(policy, l.Rule), ";q="...)
		policy = append(strconv.AppendInt(policy, int64(l.Rate.Count), 10), ";w="...)
		policy = strconv.AppendInt(policy, wholeSeconds(l.Rate.Per), 10)
		level = append(strconv.AppendQuote(level, l.Rule), ";r="...)
		level = append(strconv.AppendInt(level, int64(l.Remaining), 10), ";t="...)
		level = strconv.AppendInt(level, wholeSeconds(l.Full), 10)
	}
	h := c.out.Header()
	h["Ratelimit-Policy"] = []string{string(policy)}
	h["Ratelimit"] = []string{string(level)}
}

// wholeSeconds rounds up.
func wholeSeconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
