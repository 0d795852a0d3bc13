package projections

import (
	"context"
	"errors"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/follow"
	"github.com/parleyhq/parley/readmodels"
)

// followRoutes keep the tables follow, follow_request, block and mute. A block ends follows by
// itself, whether or not the events that say so are in the log yet.
func followRoutes(feeds readmodels.Feeds) []Route {
	return []Route{
		On(func(ctx context.Context, b readmodels.Batch, e event.Decoded, d follow.Started) error {
			_, err := readmodels.PutFollow(ctx, b, d, e.Position, feeds)
			return err
		}),
		On(func(ctx context.Context, b readmodels.Batch, e event.Decoded, d follow.Requested) error {
			return readmodels.PutRequest(ctx, b, d, e.Position, feeds)
		}),
		On(func(ctx context.Context, b readmodels.Batch, _ event.Decoded, d follow.Refused) error {
			_, err := readmodels.DropFollow(ctx, b, d.Follower, d.Followee)
			return err
		}),
		On(func(ctx context.Context, b readmodels.Batch, _ event.Decoded, d follow.Ended) error {
			_, err := readmodels.DropFollow(ctx, b, d.Follower, d.Followee)
			return err
		}),
		On(func(ctx context.Context, b readmodels.Batch, e event.Decoded, d follow.BlockStarted) error {
			_, err1 := readmodels.DropFollow(ctx, b, d.Blocker, d.Blocked)
			_, err2 := readmodels.DropFollow(ctx, b, d.Blocked, d.Blocker)
			return errors.Join(err1, err2, readmodels.PutBlock(ctx, b, d, e.Position))
		}),
		On(func(ctx context.Context, b readmodels.Batch, _ event.Decoded, d follow.BlockEnded) error {
			return readmodels.DropBlock(ctx, b, d)
		}),
		On(func(ctx context.Context, b readmodels.Batch, e event.Decoded, d follow.MuteStarted) error {
			return readmodels.PutMute(ctx, b, d, e.Position)
		}),
		On(func(ctx context.Context, b readmodels.Batch, _ event.Decoded, d follow.MuteEnded) error {
			return readmodels.DropMute(ctx, b, d)
		}),
	}
}
