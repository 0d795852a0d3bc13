package projections

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/bookmark"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/follow"
	"github.com/parleyhq/parley/readmodels"
)

// bookmarkRoutes keep what people keep, and which posts they follow. Rows are
// the accounts' own, also where the log names a pseudonym.
func bookmarkRoutes() []Route {
	return []Route{
		On(func(ctx context.Context, b readmodels.Batch, e event.Decoded, d bookmark.Added) error {
			return readmodels.PutBookmark(ctx, b, behind(d.Account, d.HiddenAccount), d.Post, d.Folder, e.Time, e.Position)
		}),
		On(func(ctx context.Context, b readmodels.Batch, _ event.Decoded, d bookmark.Moved) error {
			return readmodels.MoveBookmark(ctx, b, behind(d.Account, d.HiddenAccount), d.Post, d.Folder)
		}),
		On(func(ctx context.Context, b readmodels.Batch, _ event.Decoded, d bookmark.Removed) error {
			return readmodels.DropBookmark(ctx, b, behind(d.Account, d.HiddenAccount), d.Post)
		}),
		On(func(ctx context.Context, b readmodels.Batch, e event.Decoded, d follow.PostStarted) error {
			return readmodels.PutPostFollow(ctx, b, behind(d.Account, d.HiddenAccount), d.Post, e.Position)
		}),
		On(func(ctx context.Context, b readmodels.Batch, _ event.Decoded, d follow.PostEnded) error {
			return readmodels.DropPostFollow(ctx, b, behind(d.Account, d.HiddenAccount), d.Post)
		}),
	}
}

// behind is the account that acted as acts.
func behind(acts, hidden uuid.UUID) uuid.UUID {
	if hidden != uuid.Nil {
		return hidden
	}
	return acts
}
