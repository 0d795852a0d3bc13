package rest

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/fault"
)

// Headers of guarded routes.
const (
	timestampHeader = "Parley-Timestamp"
	nonceHeader     = "Parley-Nonce"
)

// Guard knows which nonces came before. commands.Commands is one.
type Guard interface {
	Fresh(ctx context.Context, account uuid.UUID, timestamp, nonce string) error
}

// GuardReplays is a Step that takes each request of some groups once.
func GuardReplays(groups []string, guard Guard) Step {
	return func(ctx context.Context, c *Call) error {
		if !slices.Contains(groups, c.Group()) {
			return nil
		}
		var values [2]string
		for i, name := range []string{timestampHeader, nonceHeader} {
			got := c.Request.Header[name]
			switch {
			case len(got) == 0 || got[0] == "":
				return commands.ErrReplayInvalid.With(fault.Field(name, "required"))
			case len(got) > 1:
				return commands.ErrReplayInvalid.With(fault.Field(name, "given twice"))
			}
			values[i] = got[0]
		}
		return guard.Fresh(ctx, c.Account(), values[0], values[1])
	}
}
