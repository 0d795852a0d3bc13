package commands

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/text"
)

// MayUnmask is nil for moderators of a post's board and for administrators.
// Errors: not found, forbidden.
func (c *Commands) MayUnmask(ctx context.Context, by Actor, id uuid.UUID) error {
	p, err := c.post(ctx, id)
	if err != nil || !p.Existed(by.Account) {
		return orNotFound(err)
	}
	moderator, err := c.moderates(ctx, by, p.Board)
	if err != nil || moderator {
		return err
	}
	if err := c.sees(ctx, by, p.Author); err != nil {
		return err
	}
	return fault.ErrForbidden
}

// Unmask tells who wrote an anonymous post, for a reason: it is noted first,
// and changes nothing of what anybody else is told.
// Errors: MayUnmask's, invalid fields, post.not_anonymous, post.author_gone.
func (c *Commands) Unmask(ctx context.Context, by Actor, id uuid.UUID, reason string) (uuid.UUID, Outcome, error) {
	if err := c.MayUnmask(ctx, by, id); err != nil {
		return uuid.Nil, Outcome{}, err
	}
	var check text.Check
	check.Need("reason", reason)
	check.Block("reason", reason, maxReason)
	if err := check.Err(); err != nil {
		return uuid.Nil, Outcome{}, err
	}
	p, err := c.post(ctx, id)
	if err != nil {
		return uuid.Nil, Outcome{}, err
	}
	if !p.Anonymous {
		return uuid.Nil, Outcome{}, post.ErrSigned
	}
	there, err := c.member(ctx, p.Owner)
	if err == nil && !there {
		err = post.ErrAuthorGone
	}
	if err != nil {
		return uuid.Nil, Outcome{}, err
	}
	out, err := change(ctx, c.core, post.Stream(id), post.New, func(p *post.Post) ([]event.Data, error) {
		return p.Unmask(by.Account, reason)
	})
	return p.Owner, out, err
}
