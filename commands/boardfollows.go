package commands

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/follow"
	"github.com/parleyhq/parley/domain/post"
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

// FollowPost lets who asks be told of replies to a post, or no longer. One
// follows one's own anonymous post as its pseudonym.
// Errors: not found, post.deleted, post.not_published.
func (c *Commands) FollowPost(ctx context.Context, by Actor, id uuid.UUID, on bool) (Outcome, error) {
	p, err := c.relatable(ctx, by, id, on)
	if err != nil {
		return Outcome{}, err
	}
	acts, hidden := actsHidden(p, by)
	return c.relate(acting(ctx, by, acts), follow.Stream("postfollow", acts, id), on,
		follow.PostStarted{Account: acts, HiddenAccount: hidden, Post: id}, follow.PostEnded{Account: acts, HiddenAccount: hidden, Post: id})
}

// relatable is a post to which by may begin to relate, or no longer: what is
// deleted can still be let go.
// Errors: not found; post.deleted and post.not_published where it begins.
func (c *Commands) relatable(ctx context.Context, by Actor, id uuid.UUID, begins bool) (post.Post, error) {
	p, err := c.visiblePost(ctx, by, id)
	switch {
	case err != nil:
	case begins && p.State == post.Tombstone:
		err = post.ErrDeleted
	case begins && p.Waiting():
		err = post.ErrNotYet
	}
	return p, err
}

// actsHidden is under whose name by acts on a post, and who is hidden by that:
// uuid.Nil where nobody is.
func actsHidden(p post.Post, by Actor) (acts, hidden uuid.UUID) {
	if acts = p.Acts(by.Account); acts != by.Account {
		hidden = by.Account
	}
	return acts, hidden
}

// relate makes a relation stand or not.
func (c *Commands) relate(ctx context.Context, stream string, on bool, started, ended event.Data) (Outcome, error) {
	return change(ctx, c.core, stream, follow.New, func(r *follow.Relation) ([]event.Data, error) {
		return r.Turn(on, started, ended), nil
	})
}
