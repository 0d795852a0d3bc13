package projections

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/session"
	"github.com/parleyhq/parley/readmodels"
)

// sessionRoutes keep the table session; accountRoutes take away what an
// account ended all at once.
func sessionRoutes() []Route {
	return []Route{
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d session.Started) error {
			return readmodels.PutSession(ctx, b, id, d, e.Time)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d session.Joined) error {
			return readmodels.JoinSession(ctx, b, id, d, e.Time)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d session.Refreshed) error {
			return readmodels.TouchSession(ctx, b, id, e.Time, d.ExpiresAt)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, _ event.Decoded, _ session.Ended) error {
			return readmodels.DropSession(ctx, b, id)
		}),
	}
}
