package projections

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/session"
	"github.com/parleyhq/parley/readmodels"
)

// sessionRoutes keep the tables session and history; accountRoutes take away what an
// account ended all at once.
func sessionRoutes() []Route {
	return []Route{
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d session.Started) error {
			return readmodels.PutSession(ctx, b, id, d, e)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d session.Joined) error {
			return readmodels.JoinSession(ctx, b, id, d, e)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d session.Refreshed) error {
			return readmodels.TouchSession(ctx, b, id, e.Time, d.ExpiresAt)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d session.Ended) error {
			return readmodels.EndSession(ctx, b, id, e, d)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, _ uuid.UUID, e event.Decoded, d session.Mismatched) error {
			return readmodels.PutHistory(ctx, b, d.Account, e, readmodels.HistoryBinding, d.Device, d.Network)
		}),
	}
}
