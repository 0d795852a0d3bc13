package commands

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/reaction"
)

// ReactToPost adds a reaction of by to a post, or takes it back; done before,
// it changes nothing. Under one's own anonymous post one reacts as its
// pseudonym.
// Errors: not found, reaction.unknown, post.deleted, post.not_published.
func (c *Commands) ReactToPost(ctx context.Context, by Actor, id uuid.UUID, kind string, on bool) (Outcome, error) {
	p, err := c.visiblePost(ctx, by, id)
	if err != nil {
		return Outcome{}, err
	}
	return c.react(ctx, by, reaction.Added{Kind: kind, SubjectType: reaction.Post, Subject: id, Post: id}, p, false, on)
}

// ReactToComment is ReactToPost for a comment. Errors: comment.deleted too.
func (c *Commands) ReactToComment(ctx context.Context, by Actor, id uuid.UUID, kind string, on bool) (Outcome, error) {
	m, p, err := c.visibleComment(ctx, by, id)
	if err != nil {
		return Outcome{}, err
	}
	return c.react(ctx, by, reaction.Added{Kind: kind, SubjectType: reaction.Comment, Subject: id, Post: m.Post}, p, m.Deleted, on)
}

func (c *Commands) react(ctx context.Context, by Actor, d reaction.Added, p post.Post, gone, on bool) (Outcome, error) {
	switch {
	case !slices.Contains(c.cfg.Reactions, d.Kind):
		return Outcome{}, reaction.ErrUnknown
	case on && p.State == post.Tombstone:
		return Outcome{}, post.ErrDeleted
	case on && p.Waiting():
		return Outcome{}, post.ErrNotYet
	case on && gone:
		return Outcome{}, comment.ErrDeleted
	}
	d.Account, d.HiddenAccount = actsHidden(p, by)
	ctx = acting(ctx, by, d.Account)
	return change(ctx, c.core, reaction.Stream(d.Subject, d.Account), reaction.New, func(r *reaction.Reactions) ([]event.Data, error) {
		if on {
			return r.Add(d)
		}
		return r.Remove(reaction.Removed(d))
	})
}
