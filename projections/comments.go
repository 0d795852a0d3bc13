package projections

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/reaction"
	"github.com/parleyhq/parley/readmodels"
)

func commentRoutes() []Route {
	return []Route{
		onThing(readmodels.PutComment),
		onThing(readmodels.EditComment),
		onThing(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, _ comment.Deleted, w readmodels.When) error {
			return readmodels.DeleteComment(ctx, b, id, w)
		}),
		onThing(readmodels.RestoreComment),
	}
}

func reactionRoutes() []Route {
	return []Route{
		On(func(ctx context.Context, b readmodels.Batch, _ event.Decoded, d reaction.Added) error {
			return readmodels.SetReaction(ctx, b, d.Subject, behind(d.Account, d.HiddenAccount), d.Kind, true)
		}),
		On(func(ctx context.Context, b readmodels.Batch, _ event.Decoded, d reaction.Removed) error {
			return readmodels.SetReaction(ctx, b, d.Subject, behind(d.Account, d.HiddenAccount), d.Kind, false)
		}),
	}
}
