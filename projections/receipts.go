package projections

import (
	"context"

	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/readmodels"
)

func receiptRoutes() []Route {
	return []Route{
		On(func(ctx context.Context, b readmodels.Batch, e event.Decoded, d chat.Read) error {
			return readmodels.SetReceipt(ctx, b, d.Room, d.Account, d.Number, e.Position)
		}),
	}
}
