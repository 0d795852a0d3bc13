package projections

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/follow"
	"github.com/parleyhq/parley/readmodels"
)

// onThing is onID for what is told of an event only that it changed the thing,
// and when.
func onThing[T any](f func(ctx context.Context, b readmodels.Batch, id uuid.UUID, d T, w readmodels.When) error) Route {
	return onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d T) error {
		return f(ctx, b, id, d, readmodels.When{Version: e.ID, At: e.Time})
	})
}

// boardRoutes keep boards and their moderators.
func boardRoutes() []Route {
	return []Route{
		onThing(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, d board.Created, w readmodels.When) error {
			if err := boardPictures(ctx, b, id, w.At, &d.Icon, &d.Banner); err != nil {
				return err
			}
			return readmodels.PutBoard(ctx, b, id, d, w.At, w.Version)
		}),
		onThing(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, d board.Changed, w readmodels.When) error {
			if err := boardPictures(ctx, b, id, w.At, d.Icon, d.Banner); err != nil {
				return err
			}
			return readmodels.SetBoard(ctx, b, id, d, w.Version)
		}),
		onThing(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, d board.Archived, w readmodels.When) error {
			return readmodels.ArchiveBoard(ctx, b, id, d.Archived, w.Version)
		}),
		onThing(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, d board.ModeratorSet, w readmodels.When) error {
			return readmodels.SetModerator(ctx, b, id, d.Account, d.Moderator, w.Version)
		}),
	}
}

// boardFollowRoutes keep who follows which board and which hashtag.
func boardFollowRoutes(feeds readmodels.Feeds) []Route {
	return []Route{
		On(func(ctx context.Context, b readmodels.Batch, _ event.Decoded, d follow.BoardStarted) error {
			return readmodels.PutBoardFollow(ctx, b, d.Account, d.Board, feeds)
		}),
		On(func(ctx context.Context, b readmodels.Batch, _ event.Decoded, d follow.BoardEnded) error {
			return readmodels.DropBoardFollow(ctx, b, d.Account, d.Board)
		}),
		On(func(ctx context.Context, b readmodels.Batch, _ event.Decoded, d follow.TagStarted) error {
			return readmodels.PutHashtagFollow(ctx, b, d.Account, d.Tag, feeds)
		}),
		On(func(ctx context.Context, b readmodels.Batch, _ event.Decoded, d follow.TagEnded) error {
			return readmodels.DropHashtagFollow(ctx, b, d.Account, d.Tag)
		}),
	}
}

// boardPictures says which pictures a board shows, where that changed.
func boardPictures(ctx context.Context, b readmodels.Batch, id uuid.UUID, at time.Time, icon, banner *uuid.UUID) error {
	if err := setPicture(ctx, b, boardPlace(id, "icon"), at, icon); err != nil {
		return err
	}
	return setPicture(ctx, b, boardPlace(id, "banner"), at, banner)
}
