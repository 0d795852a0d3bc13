package projections

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/notification"
	"github.com/parleyhq/parley/readmodels"
)

func notificationRoutes() []Route {
	return []Route{
		onID(notified),
		onID(func(ctx context.Context, b readmodels.Batch, account uuid.UUID, _ event.Decoded, d notification.Read) error {
			return readmodels.ReadInbox(ctx, b, account, d.Number)
		}),
	}
}

// notified adds an entry. Where the key of its reader is gone there is nobody
// left to show it to.
func notified(ctx context.Context, b readmodels.Batch, account uuid.UUID, e event.Decoded, d notification.Notified) error {
	if e.Erased {
		return nil
	}
	if d.Kind == notification.Chat {
		if err := readmodels.ToldOfRoom(ctx, b, d.Subject.ID, account, d.Message); err != nil {
			return err
		}
	}
	return readmodels.PutNotification(ctx, b, account, number(e), d, e.Time)
}
