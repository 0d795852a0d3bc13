package commands

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/post"
)

// MayRestorePost is nil for those who may take a post's delete back, or could
// if it were deleted. Errors: not found, forbidden.
func (c *Commands) MayRestorePost(ctx context.Context, by Actor, id uuid.UUID) error {
	_, _, err := c.restorable(ctx, by, id)
	return err
}

// restorable is a post that by may restore, and whether by moderates there.
// Errors: not found, forbidden.
func (c *Commands) restorable(ctx context.Context, by Actor, id uuid.UUID) (p post.Post, moderator bool, err error) {
	if p, err = c.ownPost(ctx, by, id); err != nil {
		return p, false, err
	}
	if moderator, err = c.moderates(ctx, by, p.Board); err != nil {
		return p, false, err
	}
	if p.State != post.Tombstone {
		return p, moderator, nil
	}
	_, err = p.Restores(by.Account, moderator)
	return p, moderator, err
}

// RestorePost takes a delete back, within the restore window: authors what they
// deleted themselves, moderators anything. A draft comes back to an archived
// board too, for its author has nowhere else to find it.
// Errors: not found, forbidden, match's, post.not_deleted,
// post.restore_expired, board.archived.
func (c *Commands) RestorePost(ctx context.Context, by Actor, id uuid.UUID, match Match) (Outcome, error) {
	p, moderator, err := c.restorable(ctx, by, id)
	if err != nil {
		return Outcome{}, err
	}
	as, err := p.Restores(by.Account, moderator)
	if err != nil {
		return Outcome{}, err
	}
	board := p.Board
	closed, err := c.closed(ctx, board)
	if err != nil {
		return Outcome{}, err
	}
	return change(acting(ctx, by, as), c.core, post.Stream(id), post.New, func(p *post.Post) ([]event.Data, error) {
		now, err := p.Restores(by.Account, moderator)
		switch {
		case err != nil:
			return nil, err
		case now != as, p.Board != board: // somebody else deleted it meanwhile, or moved it
			return nil, fault.ErrConflict
		}
		if err := match.check(p.Version); err != nil {
			return nil, err
		}
		if closed != nil && p.Was == post.Live {
			return nil, closed
		}
		return p.Restore(as, c.now(), c.cfg.Forum.RestoreWindow)
	})
}

// RedactRevision takes the text of an earlier revision away, for good: for the
// author and moderators.
// Errors: not found, forbidden, match's, post.newest_revision.
func (c *Commands) RedactRevision(ctx context.Context, by Actor, id uuid.UUID, revision int, match Match) (Outcome, error) {
	p, err := c.ownPost(ctx, by, id)
	if err != nil {
		return Outcome{}, err
	}
	acts := p.Acts(by.Account)
	return change(acting(ctx, by, acts), c.core, post.Stream(id), post.New, func(p *post.Post) ([]event.Data, error) {
		events, err := p.Redact(acts, revision)
		if errors.Is(err, fault.ErrNotFound) {
			return nil, err
		}
		if err := match.check(p.Version); err != nil {
			return nil, err
		}
		return events, err
	})
}
