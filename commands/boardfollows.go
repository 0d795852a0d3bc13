package commands

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/follow"
	"github.com/parleyhq/parley/domain/text"
)

// FollowBoard brings a board into the feed of who asks, or takes it out.
// Errors: not found.
func (c *Commands) FollowBoard(ctx context.Context, by Actor, id uuid.UUID, on bool) (Outcome, error) {
	if err := c.SeesBoard(ctx, id); err != nil {
		return Outcome{}, err
	}
	return c.relate(ctx, follow.Stream("boardfollow", by.Account, id), on,
		follow.BoardStarted{Account: by.Account, Board: id}, follow.BoardEnded{Account: by.Account, Board: id})
}

// FollowHashtag brings a hashtag into the feed of who asks, or takes it out.
// tag is given without its sign, in any spelling.
// Errors: not found where it is no hashtag.
func (c *Commands) FollowHashtag(ctx context.Context, by Actor, tag string, on bool) (Outcome, error) {
	tag, ok := text.FoldHashtag(tag)
	if !ok {
		return Outcome{}, fault.ErrNotFound
	}
	return c.relate(ctx, follow.TagStream(by.Account, tag), on,
		follow.TagStarted{Account: by.Account, Tag: tag}, follow.TagEnded{Account: by.Account, Tag: tag})
}

// relate makes a relation stand or not.
func (c *Commands) relate(ctx context.Context, stream string, on bool, started, ended event.Data) (Outcome, error) {
	return change(ctx, c.core, stream, follow.New, func(r *follow.Relation) ([]event.Data, error) {
		return r.Turn(on, started, ended), nil
	})
}
