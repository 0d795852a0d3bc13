package projections

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/apikey"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/readmodels"
)

// apiKeyRoutes keep the table api_key.
func apiKeyRoutes() []Route {
	return []Route{
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d apikey.Created) error {
			return readmodels.PutAPIKey(ctx, b, id, d, e.Time)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, _ event.Decoded, _ apikey.Revoked) error {
			return readmodels.DropAPIKey(ctx, b, id)
		}),
	}
}
